#include "streams/tokenizer/tokenizer_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "peer/base/error.h"
#include "peer/base/nearest_name.h"
#include "streams/tokenizer/bpe_rules_json.h"

namespace peer::streams {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxTokens = std::int64_t{1} << 24;

struct Parsed {
  json value;
  std::size_t vocabulary_entries = 0;  // of two for one token the JSON value keeps the last
};

Parsed parse(std::string_view text, const std::string& where) {
  Parsed parsed;
  std::string outer, inner;
  const auto count = [&](int depth, json::parse_event_t event, json& name) {
    if (event != json::parse_event_t::key) return true;
    if (depth == 1) outer = name.get_ref<const std::string&>();
    if (depth == 2) inner = name.get_ref<const std::string&>();
    if (depth == 3 && inner == "vocab" && outer == "model") ++parsed.vocabulary_entries;
    return true;
  };
  try {
    parsed.value = json::parse(text, count);
  } catch (const json::exception& error) {
    throw CorruptError(fmt::format("{}: expected JSON, found: {}", where, error.what()));
  }
  return parsed;
}

std::int32_t read_id(const JsonPlace& place) {
  const std::int64_t id = place.integer();
  if (id < 0 || id >= kMaxTokens) place.damaged(fmt::format("a token from 0 to {}", kMaxTokens - 1));
  return static_cast<std::int32_t>(id);
}

struct Addition {
  std::string content;
  std::int32_t id;
  bool special;
};

class Reader {
 public:
  Reader(const Parsed& parsed, const std::string& end_of_document, const std::string& where, Marks marks)
      : root_(parsed.value, where),
        vocabulary_entries_(parsed.vocabulary_entries),
        end_of_document_(end_of_document),
        special_are_text_(marks == Marks::kText) {}

  TokenizerParts run() {
    refuse_other_models(root_.at("model"));
    parts_.steps = read_text_steps(root_);
    name_tokens();
    read_added_tokens();
    mark_end_of_document();
    parts_.rules = read_bpe_rules(root_.at("model"), parts_.steps.byte_level, marks_);
    if (parts_.rules.unknown == parts_.end_of_document) parts_.rules.unknown.reset();
    set_texts();
    return std::move(parts_);
  }

 private:
  void name_tokens() {
    const JsonPlace vocabulary = root_.at("model").at("vocab");
    if (!vocabulary.value().is_object()) vocabulary.damaged("an object");
    if (vocabulary.value().size() != vocabulary_entries_)
      vocabulary.damaged("every token once", fmt::format("{} entries of {} tokens", vocabulary_entries_, vocabulary.value().size()));
    for (const auto& [text, id] : vocabulary.value().items()) {
      const JsonPlace place = vocabulary.at(text.c_str());
      name_token(read_id(place), text, place);
    }
  }

  void name_token(std::int32_t id, const std::string& text, const JsonPlace& place) {
    const auto [named, fresh] = names_.emplace(id, text);
    if (!fresh && named->second != text) place.damaged("a number of its own", fmt::format("{}, that of '{}'", id, named->second));
  }

  void read_added_tokens() {
    const auto added = root_.find("added_tokens");
    for (std::size_t i = 0; added && i < added->items(); ++i) read_added_token(added->item(i));
  }

  void read_added_token(const JsonPlace& place) {
    const std::string& content = place.at("content").text();
    const std::int32_t id = read_id(place.at("id"));
    name_token(id, content, place.at("id"));
    const auto& vocabulary = root_.at("model").at("vocab").value();
    if (const auto known = vocabulary.find(content); known != vocabulary.end() && *known != id)
      place.at("id").damaged(fmt::format("{}, the number of '{}' in the vocabulary", known->get<std::int64_t>(), content));
    const bool special = place.flag("special", false);
    additions_.push_back({content, id, special});
    if (special && special_are_text_) {
      marks_.insert(id);
      return;
    }
    if (content == end_of_document_) return;
    if (place.flag("single_word", false)) place.at("single_word").unsupported("true", "false for a token that texts become");
    const AddedToken token{content, id, place.flag("lstrip", false), place.flag("rstrip", false)};
    (place.flag("normalized", !special) ? parts_.in_normalized_text : parts_.in_text).push_back(token);
  }

  void mark_end_of_document() {
    std::vector<std::string> names;
    for (const auto& [content, id, special] : additions_) {
      if (content == end_of_document_) {
        parts_.end_of_document = id;
        marks_.insert(id);
        return;
      }
      if (special) names.push_back(content);
    }
    std::string known =
        fmt::format("{}", fmt::join(names.begin(), names.begin() + std::min<std::ptrdiff_t>(std::ssize(names), 12), "', '"));
    throw UsageError(fmt::format("{}: no added token '{}' for the end of a document{}; {}", root_.name(), end_of_document_,
                                 did_you_mean(end_of_document_, names),
                                 names.empty() ? "the file has no special token" : fmt::format("special tokens are '{}'", known)));
  }

  void set_texts() {
    const std::int64_t highest = names_.rbegin()->first;  // the end of a document is one, at least
    if (highest >= 4 * std::ssize(names_) + 65536)
      root_.damaged(fmt::format("numbers without large gaps for {} tokens", names_.size()), fmt::format("one of {}", highest));
    parts_.text_of.resize(static_cast<std::size_t>(highest) + 1);
    for (const auto& [id, name] : names_)
      if (!marks_.contains(id)) parts_.text_of[static_cast<std::size_t>(id)] = text_of_name(name, parts_.steps, parts_.rules);
  }

  JsonPlace root_;
  std::size_t vocabulary_entries_;
  const std::string& end_of_document_;
  bool special_are_text_;
  TokenizerParts parts_;
  std::map<std::int32_t, std::string> names_;
  std::vector<Addition> additions_;
  std::set<std::int32_t> marks_;  // tokens that no text becomes
};

}  // namespace

TokenizerParts read_tokenizer_json(std::string_view json, const std::string& end_of_document, const std::string& where, Marks marks) {
  const Parsed parsed = parse(json, where);
  return Reader(parsed, end_of_document, where, marks).run();
}

}  // namespace peer::streams
