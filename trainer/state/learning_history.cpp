#include "trainer/state/learning_history.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peer/base/error.h"

namespace peer::trainer {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isnan(value) ? Json(nullptr) : Json(value); }
double number_or_missing(const Json& value) { return value.is_null() ? kMissing : value.get<double>(); }

Json to_json(const std::map<std::string, InsideScore>& inside) {
  Json scores = Json::object();
  for (const auto& [domain, score] : inside) scores[domain] = {score.worst, score.learnt, score.step};
  return scores;
}

// Absent from states that were written without it.
std::map<std::string, InsideScore> parse_inside(const Json& json) {
  std::map<std::string, InsideScore> inside;
  if (!json.contains("inside")) return inside;
  for (const auto& [domain, score] : json.at("inside").items())
    inside[domain] = {score.at(0).get<double>(), score.at(1).get<double>(), score.at(2).get<std::int64_t>()};
  return inside;
}

Json to_json(const StageRecord& stage) {
  Json bits = Json::object(), losses = Json::object();
  for (const auto& [domain, digest] : stage.bits) bits[domain] = to_hex(digest);
  for (const auto& [domain, loss] : stage.loss) losses[domain] = number_or_null(loss);
  Json json = {{"domain", stage.domain},
               {"strategy", stage.strategy},
               {"steps", stage.steps},
               {"view", stage.view},
               {"loss", losses},
               {"bits", bits},
               {"parameters_added", stage.parameters_added},
               {"mixture", stage.mixture}};
  if (!stage.inside.empty()) json["inside"] = to_json(stage.inside);
  if (!stage.folded.empty()) json["folded"] = stage.folded;
  return json;
}

StageRecord parse_stage(const Json& json) {
  StageRecord stage;
  stage.domain = json.at("domain"), stage.strategy = json.at("strategy"), stage.steps = json.at("steps"), stage.view = json.at("view");
  for (const auto& [domain, loss] : json.at("loss").items()) stage.loss[domain] = number_or_missing(loss);
  for (const auto& [domain, digest] : json.at("bits").items()) stage.bits[domain] = parse_digest(digest.get<std::string>(), "history");
  stage.parameters_added = json.at("parameters_added");
  stage.mixture = json.at("mixture");
  stage.inside = parse_inside(json);
  if (json.contains("folded")) stage.folded = json.at("folded").get<std::vector<int>>();
  return stage;
}

}  // namespace

DomainRecord* History::domain(const std::string& name) {
  const auto at = std::find_if(domains.begin(), domains.end(), [&](const DomainRecord& d) { return d.name == name; });
  return at == domains.end() ? nullptr : &*at;
}
const DomainRecord* History::domain(const std::string& name) const { return const_cast<History*>(this)->domain(name); }

std::size_t History::learnt(const std::string& domain) const {
  std::size_t stage = 1;
  while (stage < stages.size() && (stages[stage].domain != domain || stages[stage].strategy == kConsolidate)) ++stage;
  return std::max(stage, std::size_t{1});
}

std::vector<const DomainRecord*> History::taught(int view) const {
  std::set<std::string> names;
  std::vector<int> views = {view};
  for (std::size_t i = 0; i < views.size(); ++i)
    for (const StageRecord& stage : stages) {
      if (stage.view != views[i]) continue;
      const bool knows = stage.steps > 0 || stage.strategy == kImport;
      if (knows && stage.strategy != kConsolidate) names.insert(stage.domain);
      views.insert(views.end(), stage.folded.begin(), stage.folded.end());
    }
  std::vector<const DomainRecord*> taught;
  for (const DomainRecord& domain : domains)
    if (names.contains(domain.name)) taught.push_back(&domain);
  return taught;
}

std::string History::stage_name(std::size_t stage) const {
  const StageRecord& record = stages[stage];
  if (stage == 0) return imported() ? "imported" : "before";
  if (record.strategy == kConsolidate) return "folding";
  if (record.strategy == kImport) return record.domain + " measured";
  return learnt(record.domain) == stage ? record.domain : record.domain + " again";
}

double History::loss(std::size_t stage, const std::string& domain) const {
  const auto cell = stages[stage].loss.find(domain);
  return cell == stages[stage].loss.end() ? kMissing : cell->second;
}

std::size_t History::best_stage(const std::string& domain, std::size_t end) const {
  std::size_t best = 0;
  for (std::size_t stage = 1; stage < end; ++stage)
    if (const double here = loss(stage, domain); !std::isnan(here) && (best == 0 || here < loss(best, domain))) best = stage;
  return best;
}

double History::forgotten(std::size_t stage, const std::string& domain) const {
  const std::size_t best = best_stage(domain, stage);
  return best == 0 ? kMissing : loss(stage, domain) - loss(best, domain);
}

std::string to_json(const History& history) {
  Json domains = Json::array(), stages = Json::array();
  for (const DomainRecord& d : history.domains)
    domains.push_back({{"name", d.name},
                       {"held_out", to_hex(d.held_out)},
                       {"documents", d.documents},
                       {"bytes", d.bytes},
                       {"naive", number_or_null(d.naive)},
                       {"reservoir", d.reservoir.empty() ? "" : to_hex(d.reservoir)},
                       {"reservoir_seen", d.reservoir_seen}});
  for (const StageRecord& stage : history.stages) stages.push_back(to_json(stage));
  Json json = {{"domains", domains}, {"stages", stages}, {"open_view", history.open_view}};
  if (!history.inside.empty()) json["inside"] = to_json(history.inside);
  return json.dump();
}

History parse_history(const std::string& text) try {
  const Json json = Json::parse(text);
  History history;
  for (const Json& d : json.at("domains")) {
    const std::string reservoir = d.at("reservoir");
    history.domains.push_back({d.at("name"), parse_digest(d.at("held_out").get<std::string>(), "history"), d.at("documents"), d.at("bytes"),
                               number_or_missing(d.at("naive")), reservoir.empty() ? Digest{} : parse_digest(reservoir, "history"),
                               d.at("reservoir_seen")});
  }
  for (const Json& stage : json.at("stages")) history.stages.push_back(parse_stage(stage));
  history.open_view = json.at("open_view");
  history.inside = parse_inside(json);
  return history;
} catch (const Json::exception& e) {
  throw CorruptError(fmt::format("the generation's history is not readable: {}", e.what()));
}

}  // namespace peer::trainer
