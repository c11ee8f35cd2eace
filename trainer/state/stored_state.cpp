#include "trainer/state/stored_state.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "streams/tokenizer/utf8.h"

namespace peer::trainer {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kFormat = 3;

template <class Options>
Options options_from(const Json& json) {
  Options options;
  const auto texts = json.get<std::map<std::string, std::string>>();
  for (const auto& [name, text] : texts)
    if (!set_option(options, name, text)) throw CorruptError(fmt::format("unknown option '{}'", name));
  return options;
}

// JSON is UTF-8, a path need not be: such a text is stored as its bytes.
Json text_json(const std::string& text) {
  if (!streams::find_fault(text)) return text;
  Json bytes = Json::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

std::string parse_text_json(const Json& json) {
  if (json.is_string()) return json;
  std::string text;
  for (const Json& byte : json) text += static_cast<char>(byte.get<unsigned char>());
  return text;
}

Json run_json(const StoredRun& run) {
  Json options = Json::object();
  for (const auto& [name, text] : run.options) options[name] = text_json(text);
  return {{"options", options},
          {"step", run.step},
          {"view", run.view},
          {"cursor", {{"batches", run.cursor.batches}, {"seed", run.cursor.seed}, {"corpus_hash", run.cursor.corpus_hash}}}};
}

StoredRun parse_run(const Json& json) {
  const Json& cursor = json.at("cursor");
  std::map<std::string, std::string> options;
  for (const auto& [name, text] : json.at("options").items()) options[name] = parse_text_json(text);
  return {std::move(options), json.at("step"), json.at("view"),
          streams::Cursor{cursor.at("batches"), cursor.at("seed"), cursor.at("corpus_hash")}};
}

}  // namespace

std::string to_json(const StoredState& state) {
  Json views = Json::array(), blocks = Json::array();
  for (const StoredView& v : state.views)
    views.push_back(
        {{"name", v.name}, {"parent", v.parent}, {"domain", v.domain}, {"delta", options_map(v.delta)}, {"retired", v.retired}});
  for (const StoredBlock& b : state.blocks)
    blocks.push_back({{"id", b.id},
                      {"view", b.view},
                      {"layer", b.layer},
                      {"side", b.side},
                      {"open", b.open},
                      {"statistics_frozen", b.statistics_frozen}});
  return Json{{"format", kFormat},
              {"tokenizer", state.tokenizer},
              {"seed", state.seed},
              {"model", options_map(state.model)},
              {"delta", options_map(state.delta)},
              {"views", views},
              {"blocks", blocks},
              {"history", Json::parse(to_json(state.history))},
              {"run", state.run ? run_json(*state.run) : Json(nullptr)}}
      .dump();
}

StoredState parse_state(const std::string& text, const std::string& where) try {
  const Json json = Json::parse(text);
  if (json.at("format") != kFormat)
    throw CorruptError(fmt::format("expected state format {}, found {}", kFormat, json.at("format").dump()));
  StoredState state;
  state.tokenizer = json.at("tokenizer"), state.seed = json.at("seed");
  state.model = options_from<model::ModelOptions>(json.at("model"));
  state.delta = options_from<model::DeltaOptions>(json.at("delta"));
  for (const Json& v : json.at("views"))
    state.views.push_back(
        {v.at("name"), v.at("domain"), v.at("parent"), options_from<model::DeltaOptions>(v.at("delta")), v.value("retired", false)});
  for (const Json& b : json.at("blocks"))
    state.blocks.push_back({b.at("id"), b.at("side"), b.at("open"), b.at("view"), b.at("layer"), b.at("statistics_frozen")});
  state.history = parse_history(json.at("history").dump());
  if (!json.at("run").is_null()) state.run = parse_run(json.at("run"));
  return state;
} catch (const Json::exception& e) {
  throw CorruptError(fmt::format("{}: the state is not readable: {}", where, e.what()));
} catch (const Error& e) {
  throw CorruptError(fmt::format("{}: the state is not readable: {}", where, e.what()));
}

bool is_unfinished(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  return json.is_object() && json.contains("run") && !json["run"].is_null();
}

}  // namespace peer::trainer
