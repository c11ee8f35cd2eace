#include "streams/tokenizer/bpe_rules_json.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "streams/tokenizer/byte_alphabet.h"

namespace peer::streams {
namespace {

using nlohmann::json;

std::string name_of_byte(unsigned byte) { return fmt::format("<0x{:02X}>", byte); }

// As one line, whatever the token holds.
std::string quoted(const std::string& name) { return json(name).dump(-1, ' ', true); }

class Reader {
 public:
  Reader(const JsonPlace& model, const std::set<std::int32_t>& marks)
      : marks_(marks), vocabulary_(model.at("vocab")), merges_(model.at("merges")) {}

  std::int32_t token_of(const std::string& name, const JsonPlace& place) const {
    const auto found = vocabulary_.value().find(name);
    if (found == vocabulary_.value().end()) place.damaged("tokens of the vocabulary", quoted(name));
    return found->get<std::int32_t>();
  }

  void read_vocabulary(BpeRules& rules) const {
    for (const auto& [name, id] : vocabulary_.value().items()) {
      const auto token = id.get<std::int32_t>();
      if (marks_.contains(token)) continue;
      if (!rules.byte_level)
        rules.vocabulary.push_back({name, token});
      else if (auto bytes = bytes_of_alphabet(name))
        rules.vocabulary.push_back({std::move(*bytes), token});
    }
  }

  // All or none: with a few of them the tokenizers library puts unknown characters behind the bytes that follow them.
  void read_byte_tokens(BpeRules& rules) const {
    for (unsigned byte = 0; byte < 256; ++byte)
      if (const auto found = vocabulary_.value().find(name_of_byte(byte)); found != vocabulary_.value().end())
        rules.byte_tokens.push_back(found->get<std::int32_t>());
    if (!rules.byte_tokens.empty() && rules.byte_tokens.size() != 256)
      vocabulary_.unsupported(fmt::format("byte_fallback with {} of the tokens <0x00> to <0xFF>", rules.byte_tokens.size()), "all of them");
  }

  void read_merges(BpeRules& rules) const {
    rules.merges.reserve(merges_.items());
    for (std::size_t i = 0; i < merges_.items(); ++i) {
      const JsonPlace place = merges_.item(i);
      const auto [left, right] = read_pair(place);
      const BpeRules::Pair pair{token_of(left, place), token_of(right, place), token_of(left + right, place)};
      if (!marks_.contains(pair.left) && !marks_.contains(pair.right) && !marks_.contains(pair.merged)) rules.merges.push_back(pair);
    }
  }

 private:
  // "a b", or ["a", "b"], whose parts may hold spaces.
  static std::pair<std::string, std::string> read_pair(const JsonPlace& place) {
    if (place.value().is_array() && place.items() == 2) return {place.item(0).text(), place.item(1).text()};
    if (!place.value().is_string()) place.damaged("two tokens");
    const std::string& text = place.text();
    const std::size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos) place.damaged("two tokens with a space between");
    return {text.substr(0, space), text.substr(space + 1)};
  }

  const std::set<std::int32_t>& marks_;
  JsonPlace vocabulary_, merges_;
};

}  // namespace

void refuse_other_models(const JsonPlace& model) {
  if (const auto type = model.find("type"); type && type->text() != "BPE")
    type->unsupported(fmt::format("'{}'", type->text()), "the model 'BPE'");
  if (const auto dropout = model.find("dropout"); dropout && dropout->value() != json(0))
    dropout->unsupported(dropout->value().dump(), "null: the same text becomes the same tokens");
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const auto place = model.find(affix); place && !place->text().empty())
      place->unsupported(fmt::format("'{}'", place->text()), "an empty text");
}

BpeRules read_bpe_rules(const JsonPlace& model, bool byte_level, const std::set<std::int32_t>& marks) {
  const Reader reader(model, marks);
  BpeRules rules;
  rules.byte_level = byte_level;
  rules.whole_words = model.flag("ignore_merges", false);
  rules.fuse_unknown = model.flag("fuse_unk", false);
  if (const auto unknown = model.find("unk_token")) rules.unknown = reader.token_of(unknown->text(), *unknown);
  if (model.flag("byte_fallback", false)) reader.read_byte_tokens(rules);
  reader.read_vocabulary(rules);
  reader.read_merges(rules);
  return rules;
}

std::string text_of_name(const std::string& name, const TextSteps& steps, const BpeRules& rules) {
  if (steps.byte_level) return bytes_of_alphabet(name).value_or(name);
  if (!rules.byte_tokens.empty() && name.size() == 6 && name.starts_with("<0x"))
    for (unsigned byte = 0; byte < 256; ++byte)
      if (name == name_of_byte(byte)) return {static_cast<char>(byte)};
  std::string text = name;
  if (!steps.space_mark.empty())
    for (std::size_t at = text.find(steps.space_mark); at != text.npos; at = text.find(steps.space_mark, at + 1))
      text.replace(at, steps.space_mark.size(), " ");
  return text;
}

}  // namespace peer::streams
