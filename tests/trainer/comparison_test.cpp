#include "trainer/report/comparison.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "trainer/evaluation/student_t.h"
#include "trainer/report/claims.h"
#include "trainer/report/comparison_report.h"

using namespace peer;
using namespace peer::trainer;

namespace {

using Bits = std::vector<DocumentBits>;

// Documents of a hundred bytes each, at these bits per byte.
Bits documents(const std::vector<double>& bits_a_byte) {
  Bits bits;
  for (const double value : bits_a_byte) bits.push_back({100 * value, 100});
  return bits;
}

DomainCourse course(const std::string& name, const Bits& own, const Bits& best, const Bits& last, bool older) {
  DomainCourse domain;
  domain.name = name;
  domain.held_out = digest_of(name);
  domain.before = 8;
  domain.own = bits_per_byte(own), domain.best = bits_per_byte(best), domain.last = bits_per_byte(last);
  domain.own_bits = own, domain.best_bits = best, domain.last_bits = last;
  domain.older = older;
  return domain;
}

// base, a, b in this order: base is forgotten by 0.5 and a by 0.25, everything else `above` by so much.
ComparedRun worked_run(const std::string& name, std::uint64_t seed = 1, double above = 0) {
  ComparedRun run;
  run.name = name, run.pool = "pools/" + name, run.seed = seed;
  run.domains = {
      course("base", documents({2 + above, 3 + above}), documents({2 + above, 3 + above}), documents({2.5 + above, 3.5 + above}), true),
      course("a", documents({3 + above, 5 + above}), documents({3 + above, 5 + above}), documents({3.5 + above, 5 + above}), true),
      course("b", documents({1 + above, 2 + above}), {}, documents({1 + above, 2 + above}), false)};
  for (const DomainCourse& domain : run.domains) run.stages.push_back({.stage = domain.name, .own = domain.own});
  run.cost.seconds = 10, run.cost.parameters_added = 40, run.cost.bytes_written = 1000, run.base_parameters = 200;
  return run;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the closed form of Student's t meets the printed quantiles") {
  CHECK(central_t_probability(12.7062, 1) == Approx(0.95).margin(1e-6));
  CHECK(central_t_probability(4.30265, 2) == Approx(0.95).margin(1e-6));
  CHECK(central_t_probability(2.57058, 5) == Approx(0.95).margin(1e-6));
  CHECK(central_t_probability(2.30600, 8) == Approx(0.95).margin(1e-6));
  CHECK(central_t_probability(2.04227, 30) == Approx(0.95).margin(1e-6));
  CHECK(central_t_probability(0, 7) == 0);
}

TEST_CASE("a t-interval is the mean and so many standard errors, and one value has none") {
  const Interval two = t_interval({1, 3});  // mean 2, s = sqrt(2), standard error 1
  CHECK(two.low == Approx(2 - 12.7062).margin(1e-4));
  CHECK(two.high == Approx(2 + 12.7062).margin(1e-4));
  const Interval three = t_interval({1, 2, 3});  // s = 1, standard error 1/sqrt(3)
  CHECK(three.high == Approx(2 + 4.30265 / std::sqrt(3.0)).margin(1e-5));
  CHECK(t_interval({5, 5, 5}).low == 5);
  CHECK(std::isnan(t_interval({1}).low));
  CHECK(std::isnan(t_interval({}).low));
}

TEST_CASE("a single run gives the numbers that one computes by hand") {
  const Comparison comparison = compare({worked_run("one")}, "");
  const ComparedGroup& group = comparison.groups.front();
  CHECK(group.numbers.new_loss.value == Approx((4 + 1.5) / 2));
  CHECK(group.numbers.forgetting.value == Approx((0.5 + 0.25) / 2));
  CHECK(group.numbers.backward_transfer.value == Approx(-(0.5 + 0.25) / 2));
  CHECK(group.numbers.final_average.value == Approx((3 + 4.25 + 1.5) / 3));
  CHECK(group.forgetting_max == Approx(0.5));
  CHECK(group.kept_least_well == "base");
  CHECK(group.added_per_domain == Approx(40.0 / 2 / 200));
  CHECK(std::isnan(group.plasticity));
  CHECK(std::isnan(group.numbers.new_loss.runs.low));
  CHECK(std::isnan(group.difference.new_loss.value));
}

TEST_CASE("the interval of forgetting is that of the paired difference: documents that lost alike leave no doubt") {
  ComparedRun run = worked_run("one");
  run.domains[1].last_bits = documents({3.25, 5.25});
  const Comparison comparison = compare({run}, "");
  const Estimate& forgetting = comparison.groups.front().numbers.forgetting;
  CHECK(forgetting.documents.low == Approx(0.375));
  CHECK(forgetting.documents.high == Approx(0.375));
  run.domains[1].last_bits = documents({3.5, 5});  // one document lost all of it: draws of two documents lose 0, 0.25 or 0.5
  const Interval spread = compare({run}, "").groups.front().numbers.forgetting.documents;
  CHECK(spread.low == Approx(0.25));
  CHECK(spread.high == Approx(0.5));
}

TEST_CASE("pairing cancels what the documents have in common") {
  const Comparison comparison = compare({worked_run("naive"), worked_run("grow", 1, 0.01)}, "naive");
  const GroupNumbers& difference = comparison.groups[1].difference;
  for (const Estimate* estimate : {&difference.new_loss, &difference.final_average}) {
    CHECK(estimate->value == Approx(0.01));
    CHECK(estimate->documents.low == Approx(0.01));
    CHECK(estimate->documents.high == Approx(0.01));
    CHECK(standing_of(*estimate) == Standing::kWorse);
  }
  CHECK(difference.forgetting.value == Approx(0).margin(1e-12));
  CHECK(standing_of(difference.forgetting) == Standing::kEqual);
  const Interval level = comparison.groups[1].numbers.new_loss.documents;
  CHECK(level.high - level.low > 0.5);  // the documents themselves differ by far more
}

TEST_CASE("runs of one name are a group; runs over seeds are paired by seed, whatever their order") {
  const Comparison comparison =
      compare({worked_run("naive", 1, 0.0), worked_run("naive", 2, 1.0), worked_run("grow", 2, 1.1), worked_run("grow", 1, 0.2)}, "naive");
  REQUIRE(comparison.groups.size() == 2);
  const Estimate& level = comparison.groups[0].numbers.new_loss;
  CHECK(level.value == Approx(2.75 + 0.5));
  CHECK(level.runs.high == Approx(2.75 + 0.5 + 12.7062 * 0.5).margin(1e-4));  // 2.75 and 3.75: standard error 0.5
  const Estimate& difference = comparison.groups[1].difference.new_loss;      // 0.2 and 0.1
  CHECK(difference.value == Approx(0.15));
  CHECK(difference.documents.high == Approx(0.15));
  CHECK(difference.runs.high == Approx(0.15 + 12.7062 * 0.05).margin(1e-4));
  CHECK(standing_of(difference) == Standing::kUndecided);  // two runs say little, however sure the documents are
}

TEST_CASE("without runs of the same seeds a difference has no interval over runs") {
  const Comparison comparison =
      compare({worked_run("naive", 1), worked_run("naive", 2), worked_run("grow", 3, 0.5), worked_run("grow", 4, 0.5)}, "naive");
  CHECK(comparison.groups[1].difference.new_loss.value == Approx(0.5));
  CHECK(std::isnan(comparison.groups[1].difference.new_loss.runs.low));
}

TEST_CASE("a verdict needs the whole interval, and within the margin a difference is none") {
  const auto verdict = [](double low, double high) { return standing_of(Estimate{.documents = {low, high}, .runs = {}}); };
  CHECK(verdict(-0.005, 0.005) == Standing::kEqual);
  CHECK(verdict(0.001, 0.002) == Standing::kEqual);
  CHECK(verdict(-0.02, -0.001) == Standing::kBetter);
  CHECK(verdict(0.001, 0.02) == Standing::kWorse);
  CHECK(verdict(-0.001, 0.006) == Standing::kUndecided);
  CHECK(standing_of(Estimate{}) == Standing::kUnknown);
}

TEST_CASE("runs on other documents or other domains are refused, and the message says which") {
  ComparedRun other = worked_run("other");
  const auto refusal = [&] {
    try {
      compare({worked_run("one"), other}, "");
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(refusal() == "accepted");
  SECTION("documents") {
    other.domains[1].held_out = digest_of("others");
    CHECK(holds(refusal(), "'a' has other held-out documents in pools/one than in pools/other"));
  }
  SECTION("domains") {
    other.domains[1].name = "c";
    CHECK(holds(refusal(), " has learnt a, b, base, "));
  }
}

TEST_CASE("a baseline that is not there is refused with the nearest name") {
  CHECK_THROWS_AS(compare({worked_run("naive")}, "naiv"), UsageError);
  CHECK_THROWS_AS(compare({}, ""), UsageError);
}

TEST_CASE("the claims are judged by their bounds, one by one") {
  ComparedRun keeps = worked_run("grow", 1, 0.02);
  for (DomainCourse& domain : keeps.domains) domain.last_bits = domain.own_bits, domain.last = domain.own;
  const Comparison comparison = compare({keeps, worked_run("naive"), worked_run("joint", 1, -0.5), worked_run("replay", 1, 3)}, "naive");
  const auto& groups = comparison.groups;
  const std::vector<Claim> claims = judge(groups[0], groups[1], groups[2], groups[3]);
  REQUIRE(claims.size() == 7);
  CHECK(claims[0].met());  // nothing was forgotten
  CHECK(claims[1].met());
  CHECK(claims[2].value == Approx(0.02));
  CHECK(claims[2].missed_by() == Approx(0.01));
  CHECK(claims[3].value == Approx(((8 - 4.02) / (8 - 4) + (8 - 1.52) / (8 - 1.5)) / 2));
  CHECK(claims[3].met());
  CHECK(claims[4].value == Approx((2.52 + 4.02 + 1.52) / 3 - (3 + 4.25 + 1.5 - 1.5) / 3));
  CHECK_FALSE(claims[4].met());
  CHECK(claims[5].met());
  CHECK(claims[6].value == Approx(0.1));
  CHECK(claims[6].met());
  CHECK_FALSE(Claim{.what = "unmeasured", .bound = 1}.met());
}

TEST_CASE("the JSON document and the CSV hold every number, and nothing where there is none") {
  const Comparison comparison = compare({worked_run("naive"), worked_run("gr,ow", 1, 0.25)}, "naive");
  const auto json = nlohmann::json::parse(comparison_json(comparison));
  CHECK(json["domains"] == nlohmann::json({"a", "b", "base"}));
  CHECK(json["baseline"] == "naive");
  const auto& grow = json["strategies"][1];
  CHECK(grow["new"]["value"] == 3.0);
  CHECK(grow["new"]["difference"]["value"] == 0.25);
  CHECK(grow["new"]["difference"]["documents"] == nlohmann::json({0.25, 0.25}));
  CHECK(grow["new"]["difference"]["verdict"] == "worse");
  CHECK(grow["new"]["runs"].is_null());
  CHECK(grow["runs"][0]["order"] == nlohmann::json({"base", "a", "b"}));
  CHECK(json["strategies"][0]["new"]["difference"]["value"].is_null());
  const std::string csv = comparison_csv(comparison);
  CHECK(holds(csv, "\n\"gr,ow\",new,3,"));
  CHECK(holds(csv, ",,,0.25,0.25,0.25,worse\n"));
  CHECK_FALSE(holds(csv, "nan"));
}

TEST_CASE("the page holds the plot and the numbers, fetches nothing, and no name can become markup") {
  const std::string attack = "<script>alert(1)</script>";
  const std::string html = comparison_html(compare({worked_run("naive"), worked_run(attack, 1, 0.25)}, "naive"));
  CHECK(holds(html, "<svg class=\"scatter\""));
  CHECK(holds(html, "+0.2500"));
  CHECK(holds(html, "class=\"verdict worse\">worse<"));
  CHECK(holds(html, "&lt;script&gt;"));
  for (const char* forbidden : {"<script", "http://", "https://", "<link", "<img", "url(", "nan"}) CHECK_FALSE(holds(html, forbidden));
}
