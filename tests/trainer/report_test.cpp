#include "trainer/report/report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/trainer/page_check.h"
#include "trainer/report/curve.h"
#include "trainer/report/heat_map.h"
#include "trainer/report/report_words.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

ForgettingReport worked_example() {
  ForgettingReport report;
  report.pool = "pools/demo";
  report.created = "2031-02-03 04:05:06 UTC";
  report.matrix.domains = {"english", "cpp", "perl"};
  report.matrix.stages = {"start", "english", "cpp", "perl"};
  report.matrix.learnt = {1, 2, 3};
  report.matrix.loss = {{8, 7, 6}, {2, 5, 4}, {2.5, 3, 5}, {2.25, 3.5, kMissing}};
  report.matrix.naive = {2, 2.5, kMissing};
  report.intervals.assign(4, std::vector<Interval>(3));
  report.intervals[1][0] = {1.875, 2.125};
  report.intervals[2][0] = {2.375, 2.625};
  report.intervals[3][0] = {2.126, 2.374};
  report.costs = {{"english", 61, 400, 1234567, 4800000}, {"cpp", 12.34, 200, 65536, 512}};
  report.mixture = "mixture of 3 views";
  return report;
}

ForgettingReport without_domains() {
  ForgettingReport report;
  report.matrix.stages = {"start"};
  report.matrix.loss = {{}};
  return report;
}

}  // namespace

TEST_CASE("the JSON document holds the matrix, every number and its unit") {
  const auto json = nlohmann::json::parse(report_json(worked_example()));
  CHECK(json["domains"] == nlohmann::json({"english", "cpp", "perl"}));
  CHECK(json["stages"] == nlohmann::json({"start", "english", "cpp", "perl"}));
  REQUIRE(json["matrix"].size() == 4);
  CHECK(json["matrix"][2] == nlohmann::json({2.5, 3.0, 5.0}));
  CHECK(json["forgetting"]["mean"].get<double>() == Approx(0.375));
  CHECK(json["forgetting"]["max"].get<double>() == Approx(0.5));
  CHECK(json["forgetting"]["by_domain"][1].get<double>() == Approx(0.5));
  CHECK(json["bwt"].get<double>() == Approx(-0.375));
  CHECK(json["fwt"].get<double>() == Approx(1.5));
  CHECK(json["plasticity"].get<double>() == Approx(0.9));
  CHECK(json["plasticity_by_domain"][1].get<double>() == Approx(0.8));
  CHECK(json["retention"].get<double>() == Approx((5.75 / 6 + 0.75) / 2));
  CHECK(json["retention_by_domain"][1].get<double>() == Approx(0.75));
  CHECK(json["final_average"].get<double>() == Approx(2.875));
  CHECK(json["naive"][1].get<double>() == Approx(2.5));
  CHECK(json["intervals"][1][0] == nlohmann::json({1.875, 2.125}));
  CHECK(json["costs"][0]["parameters_added"] == 1234567);
  CHECK(json["costs"][0]["peak_bytes"].is_null());  // an older program did not record it
  CHECK(json["unit"] == "bits per byte");
}

TEST_CASE("what is missing is null in the JSON document, never zero") {
  const auto json = nlohmann::json::parse(report_json(worked_example()));
  CHECK(json["matrix"][3][2].is_null());
  CHECK(json["naive"][2].is_null());
  CHECK(json["forgetting"]["by_domain"][2].is_null());
  CHECK(json["intervals"][0][0].is_null());
  const auto empty = nlohmann::json::parse(report_json(without_domains()));
  CHECK(empty["domains"].empty());
  CHECK(empty["forgetting"]["mean"].is_null());
  CHECK(empty["bwt"].is_null());
}

TEST_CASE("a name that is not UTF-8 still gives a JSON document") {
  ForgettingReport report = worked_example();
  report.matrix.domains[0] = "caf\xe9";
  CHECK(nlohmann::json::parse(report_json(report))["domains"][0] == "caf\xef\xbf\xbd");
}

TEST_CASE("the CSV has one line a measured cell, and quotes what needs it") {
  ForgettingReport report = worked_example();
  report.matrix.domains[1] = "c, \"plus\"";
  const std::string csv = report_csv(report);
  CHECK(csv.starts_with("domain,stage,bits_per_byte,low,high,row\nenglish,start,8,,,0\nenglish,english,2,1.875,2.125,1\n"));
  CHECK(holds(csv, "\n\"c, \"\"plus\"\"\",perl,3.5,,,3\n"));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 11);  // the heading and 12 cells, one of them missing
}

TEST_CASE("the table for a terminal shows every cell, marks where a domain was learnt, and ends with the signs") {
  const std::string text = report_text(worked_example());
  CHECK(holds(text,
              "after stage  english       cpp    perl\n"
              "0 start        8.000     7.000   6.000\n"
              "1 english      2.000*    5.000   4.000\n"
              "2 cpp          2.500     3.000*  5.000\n"
              "3 perl         2.250     3.500       -*\n"
              "\n"
              "forgetting   +0.2500   +0.5000       -\n"));
  CHECK(holds(text, "+0.3750"));
  CHECK(holds(text, "1,234,567"));
  CHECK(holds(text, "mixture of 3 views"));
  CHECK(text.ends_with(std::string(kSigns) + '\n'));
}

TEST_CASE("columns line up when names are not ASCII, and a name cannot steer the terminal") {
  ForgettingReport report = worked_example();
  report.matrix.stages[1] = "\xc3\xa9t\xc3\xa9";  // three characters, five bytes
  report.matrix.stages[2] = "a\x1b[2Jb";
  const std::string text = report_text(report);
  CHECK(holds(text, "1 \xc3\xa9t\xc3\xa9          2.000*"));
  CHECK(holds(text, "2 a?[2Jb       2.500 "));
  CHECK_FALSE(holds(text, "\x1b"));
}

TEST_CASE("the summary says in words what the numbers say, with the right direction") {
  ForgettingReport report = worked_example();
  const auto said = [&] {
    std::string text;
    for (const std::string& sentence : summary(report, derive(report.matrix))) text += sentence + ' ';
    return text;
  };
  CHECK(holds(
      said(),
      "On the 2 older domains it is now, on average, 0.3750 bits per byte worse than at its best; on cpp, kept least well, +0.5000."));
  CHECK(holds(said(), "85.4 % remains"));
  report.matrix.loss[3] = {1.9, 2.5, 1};
  CHECK(holds(said(), "0.3000 bits per byte better than at its best; on english, kept least well, -0.1000."));
  report.matrix.loss[3] = {2, 3, 1};
  CHECK(holds(said(), "as good as at its best"));
  report.matrix.loss[3] = {2.5, kMissing, 1};
  CHECK(holds(said(), "On english it is now 0.5000 bits per byte worse than at its best."));
  report.equivalence.assign(report.matrix.domains.size(), {});
  report.equivalence[0].documents = 3;
  CHECK(holds(said(), "english is scored on 3 documents; from fewer than 5 nothing is claimed"));
  report.matrix.loss.back()[1] = 9;  // worse than before cpp was learnt, by more than english kept
  CHECK(holds(said(), "nothing remains: they are worse than before them."));
}

TEST_CASE("figures are written for people") {
  CHECK(decimal(-0.0004) == "0.000");
  CHECK(signed_decimal(0.00004) == "0.0000");
  CHECK(signed_decimal(-0.25) == "-0.2500");
  CHECK(signed_decimal(kMissing) == "-");
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(-123456) == "-123,456");
  CHECK(duration(4.24) == "4.2 s");
  CHECK(duration(59.99) == "1 min 00 s");
  CHECK(duration(3599.6) == "1 h 00 min");
  CHECK(byte_size(999) == "999 B");
  CHECK(byte_size(1500000) == "1.5 MB");
  CHECK(byte_size(999999) == "1.0 MB");
}

TEST_CASE("the page holds every number") {
  const std::string page = visible_text(report_html(worked_example()));
  for (const char* number :
       {"8.000",          "7.000",          "6.000",   "2.000", "5.000",     "4.000",  "2.500",  "3.000", "2.250",      "3.500",  // L
        "+0.2500",        "+0.5000",        "+0.3750",                    // forgetting
        "−0.3750",        "+1.5000",        "0.900",   "0.854", "2.875",  // transfer, plasticity, retention, average
        "0.958",          "0.750",          "0.800",   "1.000",           // by domain
        "1.875 to 2.125", "2.126 to 2.374",                               // intervals
        "1 min 01 s",     "12.3 s",         "400",     "200",   "1,234,567", "65,536", "4.8 MB", "512 B", "1 min 13 s", "1,300,103"})
    CHECK((std::string(number) + (holds(page, number) ? "" : " is not on the page")) == number);
  CHECK(holds(page, "pools/demo"));
  CHECK(holds(page, "2031-02-03 04:05:06 UTC"));
  CHECK(holds(page, "mixture of 3 views"));
  CHECK(holds(page, std::string(kSigns)));
}

TEST_CASE("the page is well formed, fetches nothing and runs nothing") {
  ForgettingReport single = worked_example();
  single.matrix = {{"english"}, {"start", "english"}, {{8}, {2}}, {1}};
  single.intervals.clear();
  ForgettingReport unmeasured = worked_example();
  for (auto& row : unmeasured.matrix.loss) row.assign(3, kMissing);
  for (const ForgettingReport& report : {worked_example(), single, unmeasured, without_domains(), ForgettingReport{}}) {
    const std::string html = report_html(report);
    CHECK(page_fault(html) == "");
  }
}

TEST_CASE("the page says what it is to those who do not see it") {
  const std::string html = report_html(worked_example());
  CHECK(holds(html, "<html lang=\"en\">"));
  CHECK(holds(html, "aria-describedby=\"heat\""));
  CHECK(holds(html, "<p class=\"note\" id=\"heat\">"));
  for (int column = 0; column < 3; ++column) {
    const std::string id = "curve" + std::to_string(column);
    CHECK(holds(html, "role=\"img\" aria-labelledby=\"" + id + "\""));
    CHECK(holds(html, "<title id=\"" + id + "\">Bits per byte on " + worked_example().matrix.domains[column]));
  }
}

TEST_CASE("no name can become markup") {
  const std::string attack = "\"'><script>alert(1)</script>&amp;\x1b";
  ForgettingReport report = worked_example();
  report.pool = report.created = report.mixture = attack;
  report.matrix.domains.assign(3, attack);
  report.matrix.stages.assign(4, attack);
  report.costs[0].stage = attack;
  const std::string html = report_html(report);
  CHECK(unbalanced(html) == "");
  CHECK_FALSE(holds(html, "<script"));
  CHECK_FALSE(holds(html, "\"'>"));
  CHECK(holds(html, "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;?"));
  CHECK_FALSE(holds(html, "\x1b"));
}

TEST_CASE("a cell is coloured by its change since its domain was learnt") {
  const std::string table = heat_map(worked_example());
  CHECK(holds(table, "<td class=\"before\">7.000</td>"));
  CHECK(holds(table, "<td class=\"learnt\" title=\"95 %: 1.875 to 2.125\">2.000<small>learnt</small></td>"));
  CHECK(holds(table, "<td class=\"worse3\" title=\"95 %: 2.126 to 2.374\">2.250<small>+0.2500</small></td>"));
  CHECK(holds(table, "<td class=\"missing\">"));
  CHECK(colour_level(0.004) == 0);
  CHECK(colour_level(-0.03) == 2);
  CHECK(colour_level(2) == 4);
}

TEST_CASE("a curve breaks where a cell is missing instead of falling to zero") {
  ForgettingReport report = worked_example();
  report.matrix.loss[2][0] = kMissing;  // english: learnt in stage 1, not measured after 2, measured after 3
  const std::string svg = curve(report, loss_scale(report), 0);
  CHECK(holds(svg, "class=\"ahead\""));
  CHECK_FALSE(holds(svg, "class=\"since\""));
  CHECK(holds(curve(worked_example(), loss_scale(worked_example()), 0), "class=\"since\""));
}

TEST_CASE("the scale of the curves covers every value in a few round steps") {
  const LossScale scale = loss_scale(worked_example());
  CHECK(scale.low <= 2);
  CHECK(scale.high >= 8);
  CHECK(scale.ticks.size() >= 3);
  CHECK(scale.ticks.size() <= 8);
  ForgettingReport flat = worked_example();
  flat.intervals.clear(), flat.matrix.naive.clear();
  for (auto& row : flat.matrix.loss) row.assign(3, 2.0);
  CHECK(loss_scale(flat).high - loss_scale(flat).low >= 0.01);
}

TEST_CASE("a report whose parts disagree in size is refused") {
  ForgettingReport report = worked_example();
  SECTION("intervals") { report.intervals.pop_back(); }
  SECTION("a row of intervals") { report.intervals[0].pop_back(); }
  SECTION("the matrix") { report.matrix.loss.pop_back(); }
  CHECK_THROWS_AS(report_json(report), ContractError);
  CHECK_THROWS_AS(report_csv(report), ContractError);
  CHECK_THROWS_AS(report_text(report), ContractError);
  CHECK_THROWS_AS(report_html(report), ContractError);
}

TEST_CASE("that nothing was forgotten is claimed only when the whole interval lies below the margin") {
  ForgettingReport report = worked_example();
  CHECK_FALSE(holds(report_text(report), "claimed"));
  report.mean_forgetting = {-0.001, 0.004};
  CHECK(holds(report_text(report), "between -0.0010 and +0.0040: below 0.005, so it can be claimed"));
  CHECK(holds(report_html(report), "it can be claimed"));
  report.mean_forgetting = {-0.001, 0.006};
  CHECK(holds(report_text(report), "not below 0.005, so it can not be claimed"));
  const auto json = nlohmann::json::parse(report_json(report));
  CHECK(json["forgetting"]["high"] == 0.006);
  CHECK(json["forgetting"]["margin"] == 0.005);
}
