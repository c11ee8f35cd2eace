#include "trainer/evaluation/close_look.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/support/catch.h"
#include "tests/trainer/page_check.h"
#include "tests/trainer/small_world.h"
#include "trainer/report/forgetting_report.h"
#include "trainer/report/report.h"
#include "trainer/report/usage_grid.h"
#include "trainer/report/weight_bands.h"
#include "trainer/state/held_out.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

const EvaluateOptions kOptions{.eval_batch = 4};

ForgettingReport looked_at(Session& session) {
  SilentProgress progress;
  ForgettingReport report = make_report(session);
  report.inside = look_closely(session, kOptions, {}, progress);
  return report;
}

// Three domains: a base and two views.
ForgettingReport grown() {
  const SmallWorld world;
  const std::string pool = world.init("pool");
  for (int domain = 0; domain < 3; ++domain) world.stage(pool, domain);
  Session session = SmallWorld::open(pool, kHead, pool::Access::kRead);
  return looked_at(session);
}

// Small enough to be read.
CloseLook by_hand() {
  CloseLook look;
  look.views = {"base", "<v1>"};
  look.own = {0, 1};
  look.usage =
      derive(ExpertUsage{{{0, 1, 2}, {1, 0, 2}, {1, 1, 2}},
                         {{{{{{3, 1}, {3, 1}}}, {true, false}}, {{{{0, 0}, {0, 0}}}, {false, false}}, {{{{0, 0}, {0, 0}}}, {false, false}}},
                          {{{{{1, 0}, {1, 0}}}, {true, false}}, {{{{3, 0}, {1, 2}}}, {true, true}}, {{{{1, 1}, {1, 1}}}, {true, true}}}}},
             {{1, 2}, {1, 2}}, 1);
  look.causal = {{"<v1>"}, {{-0.25, 1.5}}, {{{-0.5, 0.25}, {}}}};
  look.documents = {{"a & b", {0, 1}, {{0.75, 0.25}, {0.5, 0.5}, {0, 1}}, 300, 100}};
  return look;
}

}  // namespace

TEST_CASE("a close look at a grown model: shares add up, views are worth most to their own domain, nothing leaks into the future") {
  const ForgettingReport report = grown();
  const CloseLook& look = *report.inside;
  CHECK(look.views == std::vector<std::string>{"base", "v1", "v2"});
  CHECK(look.own == std::vector<int>{0, 1, 2});
  REQUIRE(look.usage.share.size() == 3);
  for (std::size_t d = 0; d < 3; ++d) {
    double total = 0;
    for (const double share : look.usage.share[d]) total += share;
    CHECK(total == Approx(1));
    CHECK(look.usage.reuse[d] + look.usage.novelty[d] + look.usage.leakage[d] == Approx(1));
    for (std::size_t e = 0; e < 3; ++e) CHECK(look.usage.overlap[d][e] == Approx(look.usage.overlap[e][d]));
  }
  CHECK(look.usage.reuse[0] == 0);
  CHECK(look.usage.leakage[2] == 0);
  CHECK(look.usage.novelty[1] > look.usage.share[0][1]);  // v1's experts are for its own domain
  REQUIRE(look.causal.value.size() == 2);
  CHECK(look.causal.value[0][1] > 0.02);
  CHECK(look.causal.value[1][2] > 0.02);
  CHECK(std::abs(look.causal.value[1][0]) < 0.02);
  REQUIRE(look.documents.size() == 4);
  CHECK(look.documents[3].boundary > 0);
  CHECK(look.documents[3].title == "sea, then molecules");
  for (const DocumentWeights& document : look.documents)
    for (const auto& point : document.weight) CHECK(point[0] + point[1] + point[2] == Approx(1).epsilon(1e-4));
  CHECK(page_fault(report_html(report)) == "");
}

TEST_CASE("a model that predicts with one view has no mixture to draw and no generation to mask, and still uses experts") {
  const SmallWorld world;
  Session session = SmallWorld::open(world.init("pool"));
  for (int domain = 0; domain < 2; ++domain) {
    RunOptions options = world.options(domain);
    options.stage = composed(Strategy::kNaive);
    options.stage.domain = kNames[domain];
    SmallWorld::run(session, options);
  }
  const ForgettingReport report = looked_at(session);
  CHECK(report.inside->documents.empty());
  CHECK(report.inside->causal.views.empty());
  CHECK(report.inside->usage.reuse[1] == 1);  // the experts are those of the first stage, whatever became of them
  CHECK(page_fault(report_html(report)) == "");
}

TEST_CASE("a pool that has learnt nothing can be looked at") {
  const SmallWorld world;
  Session session = SmallWorld::open(world.init("pool"));
  const ForgettingReport report = looked_at(session);
  CHECK(page_fault(report_html(report)) == "");
  CHECK_FALSE(report_text(report).empty());
}

TEST_CASE("the JSON document has usage, causal values and weights when they were asked for, and null when not") {
  ForgettingReport report;
  report.matrix = {{"a", "b"}, {"before", "a", "b"}, {{8, 8}, {2, 5}, {2, 3}}, {1, 2}};
  auto json = nlohmann::json::parse(report_json(report));
  for (const char* key : {"usage", "causal_value", "documents"}) CHECK(json[key].is_null());
  report.inside = by_hand();
  json = nlohmann::json::parse(report_json(report));
  CHECK(json["usage"]["domains"][1]["domain"] == "b");
  CHECK(json["usage"]["domains"][1]["reuse"].get<double>() == Approx(2.0 / 12));
  CHECK(json["usage"]["domains"][1]["share"]["<v1>"].get<double>() == Approx(10.0 / 12));
  CHECK(json["usage"]["domains"][0]["blocks"][0]["experts"] == 2);
  CHECK(json["usage"]["domains"][0]["blocks"][1]["used"].is_null());
  CHECK(json["usage"]["together"].size() == 3);
  CHECK(json["usage"]["overlap"][0][0].get<double>() == Approx(0).margin(1e-12));
  CHECK(json["usage"]["overlap_permuted"].size() == 2);
  CHECK(json["causal_value"]["views"] == nlohmann::json({"<v1>"}));
  CHECK(json["causal_value"]["value"][0][1] == 1.5);
  CHECK(json["causal_value"]["intervals"][0][0] == nlohmann::json({-0.5, 0.25}));
  CHECK(json["causal_value"]["intervals"][0][1].is_null());
  CHECK(json["documents"][0]["boundary"] == 100);
  CHECK(json["documents"][0]["weights"][1] == nlohmann::json({0.5, 0.5}));
}

TEST_CASE("page and terminal show what was looked at, and no name becomes markup") {
  ForgettingReport report;
  report.matrix = {{"a<", "b"}, {"before", "a<", "b"}, {{8, 8}, {2, 5}, {2, 3}}, {1, 2}};
  CHECK(holds(report_text(report), "forgetting --usage"));
  CHECK(holds(report_html(report), "forgetting --usage"));
  report.inside = by_hand();
  const std::string html = report_html(report), page = visible_text(html);
  CHECK(page_fault(html) == "");
  for (const char* part : {"What each view is worth", "−0.250", "+1.500", "−0.500 to +0.250", "Who predicts", "a &amp; b", "83.3 %",
                           "16.7 %", "&lt;v1&gt;", "shuffled"})
    CHECK((std::string(part) + (holds(page, part) ? "" : " is not on the page")) == part);
  CHECK(holds(html, "class=\"better4 own\""));  // b's own generation
  CHECK(holds(html, "class=\"worse3\""));
  CHECK_FALSE(holds(html, "forgetting --usage"));
  const std::string text = report_text(report);
  for (const char* part : {"without", "<v1>     -0.2500  +1.5000", "reuse", "83.3", "<v1> layer 1", "split-half control"})
    CHECK((std::string(part) + (holds(text, part) ? "" : " is not in the text")) == part);
}

TEST_CASE("bands fill the drawing from bottom to top, a view without weight draws none, and the switch is marked") {
  DocumentWeights document{"d", {0, 1, 2}, {{0.75, 0.25, 0}, {0.25, 0.75, 0}}, 200, 100};
  const std::string svg = weight_bands(document, {"base", "v1", "v2"}, 0);
  CHECK(holds(svg, "class=\"view0\""));
  CHECK(holds(svg, "class=\"view1\""));
  CHECK_FALSE(holds(svg, "class=\"view2\""));
  CHECK(holds(svg, "<title>base: 50.0 % on average</title>"));
  CHECK(holds(svg, "class=\"switch\""));
  document.boundary = -1;
  CHECK_FALSE(holds(weight_bands(document, {"base", "v1", "v2"}, 0), "class=\"switch\""));
  CHECK(view_colour(1) == view_colour(8));  // seven colours take turns
  CHECK(view_colour(0) != view_colour(7));
}

TEST_CASE("stretches of a document lose no token: their mean, weighted by length, is the whole's") {
  TokenWeights weights(2);
  for (int t = 0; t < 10; ++t) weights[0].push_back(static_cast<float>(t) / 10), weights[1].push_back(1 - static_cast<float>(t) / 10);
  const std::vector<int> views = {0, 1};
  const streams::Document document{"nine byte", "test"};
  const DocumentWeights few = summarise("d", views, document, weights, 5), many = summarise("d", views, document, weights, 100);
  REQUIRE(few.weight.size() == 5);
  CHECK(few.weight[0][0] == Approx(0.05));
  CHECK(few.weight[4][1] == Approx(0.15));
  CHECK(many.weight.size() == 10);
  CHECK(few.bytes == 9);
}

TEST_CASE("a share's colour says none, some, or how many fifths") {
  CHECK(share_colour(0) == "use0");
  CHECK(share_colour(kMissing) == "use0");
  CHECK(share_colour(0.1) == "use1");
  CHECK(share_colour(0.5) == "use3");
  CHECK(share_colour(1) == "use5");
}
