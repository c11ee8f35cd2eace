#include "streams/tokenizer/bpe_model.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "peer/base/philox.h"
#include "tests/support/catch.h"

namespace peer::streams {
namespace {

using Tokens = std::vector<std::int32_t>;

// Characters a to e, and `merges` random merges of what there is.
BpeRules random_rules(const Random& random, std::uint64_t& draw, int merges) {
  BpeRules rules;
  for (char c = 'a'; c <= 'e'; ++c) rules.vocabulary.push_back({{c}, c - 'a'});
  while (merges-- > 0) {
    const auto left = random.below(draw++, rules.vocabulary.size()), right = random.below(draw++, rules.vocabulary.size());
    const std::string text = rules.vocabulary[left].text + rules.vocabulary[right].text;
    auto made = std::find_if(rules.vocabulary.begin(), rules.vocabulary.end(), [&](const auto& spelling) { return spelling.text == text; });
    if (made == rules.vocabulary.end()) made = rules.vocabulary.insert(made, {text, static_cast<std::int32_t>(rules.vocabulary.size())});
    rules.merges.push_back({static_cast<std::int32_t>(left), static_cast<std::int32_t>(right), made->token});
  }
  return rules;
}

// The definition: all of the word, one merge after another.
Tokens merged_one_by_one(const BpeRules& rules, const std::string& word) {
  Tokens tokens;
  for (const char c : word) tokens.push_back(c - 'a');
  std::map<std::pair<std::int32_t, std::int32_t>, std::pair<std::size_t, std::int32_t>> merges;
  for (std::size_t i = 0; i < rules.merges.size(); ++i) merges[{rules.merges[i].left, rules.merges[i].right}] = {i, rules.merges[i].merged};
  for (;;) {
    std::size_t best = tokens.size(), rank = rules.merges.size();
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i)
      if (const auto found = merges.find({tokens[i], tokens[i + 1]}); found != merges.end() && found->second.first < rank)
        best = i, rank = found->second.first;
    if (best == tokens.size()) return tokens;
    tokens[best] = merges[{tokens[best], tokens[best + 1]}].second;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

std::string random_word(const Random& random, std::uint64_t& draw, std::size_t size) {
  std::string word;
  while (size-- > 0) word += static_cast<char>('a' + random.below(draw++, 5));
  return word;
}

double seconds_of(const BpeModel& model, const std::string& word) {
  double least = 1e9;
  BpeModel::Scratch scratch;
  Tokens tokens;
  for (int i = 0; i < 3; ++i) {
    tokens.clear();
    const auto start = std::chrono::steady_clock::now();
    model.encode(word, scratch, tokens);
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

}  // namespace

TEST_CASE("a word of any length becomes what its merges say one by one, cut at seams, cached, scanned or in a heap") {
  const Random random(3, Purpose::kTest);
  std::uint64_t draw = 0;
  for (int trial = 0; trial < 60; ++trial) {
    BpeRules rules = random_rules(random, draw, trial % 20 + 1);
    rules.byte_level = trial % 2 == 0;
    const BpeModel model(rules);
    BpeModel::Scratch scratch;
    for (const std::size_t size : {1, 2, 7, 30, 31, 64, 65, 66, 300, 3, 5, 7}) {
      const std::string word = random_word(random, draw, size);
      Tokens tokens;
      model.encode(word, scratch, tokens);
      INFO(trial << " " << word);
      CHECK(tokens == merged_one_by_one(rules, word));
    }
  }
}

TEST_CASE("a long word takes little more than its share of time") {
  BpeRules rules;
  rules.byte_level = true;
  rules.vocabulary.push_back({"a", 0});
  for (std::int32_t i = 0; i < 6; ++i) {
    rules.vocabulary.push_back({std::string(std::size_t{2} << i, 'a'), i + 1});
    rules.merges.push_back({i, i, i + 1});
  }
  const BpeModel model(rules);
  const double one = seconds_of(model, std::string(std::size_t{1} << 14, 'a')),
               sixteen = seconds_of(model, std::string(std::size_t{1} << 18, 'a'));
  INFO(one << " s and " << sixteen << " s");
  CHECK(sixteen < 16 * 6 * one);  // quadratic time would be 256 of one
}

}  // namespace peer::streams
