#include "tests/bench/continual/stage_text.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peer/base/error.h"
#include "streams/corpus.h"

namespace peer::continual {
namespace {

namespace fs = std::filesystem;
using Documents = std::vector<streams::Document>;

struct SplitText {
  Documents training, held_out;
};

// Documents of each text in turn, so that the first bytes, which are what is scored, are of all of them.
Documents in_turn(const std::vector<Documents>& texts) {
  Documents all;
  std::size_t longest = 0;
  for (const Documents& text : texts) longest = std::max(longest, text.size());
  for (std::size_t i = 0; i < longest; ++i)
    for (const Documents& text : texts)
      if (i < text.size()) all.push_back(text[i]);
  return all;
}

Documents part_of(const Documents& documents, int part, int parts) {
  Documents kept;
  for (std::size_t i = 0; i < documents.size(); ++i)
    if (static_cast<int>(i) % parts == part - 1) kept.push_back(documents[i]);
  return kept;
}

// As the stages read: --document-bytes, --text-field and the like.
streams::StreamOptions reading_of(const Words& stage) {
  streams::StreamOptions options;
  for (std::size_t i = 0; i + 1 < stage.size(); ++i)
    if (stage[i].starts_with("--")) set_option(options, stage[i].substr(2), stage[i + 1]);
  return options;
}

SplitText read_text(const Domain& domain, const Words& stage) {
  std::vector<Documents> training, held_out;
  for (std::size_t i = 0; i < domain.from.size(); ++i) {
    streams::StreamOptions options = reading_of(stage);
    options.from = {domain.from[i]};
    if (!domain.test.empty()) options.test = domain.from.size() == 1 ? domain.test : Words{domain.test[i]};
    const streams::Corpus corpus(options, *streams::byte_tokenizer());
    training.push_back(part_of(corpus.training(), domain.part, domain.parts));
    held_out.push_back(part_of(corpus.held_out(), domain.part, domain.parts));
  }
  return {in_turn(training), in_turn(held_out)};
}

std::size_t bytes_of(const Documents& documents) {
  std::size_t bytes = 0;
  for (const streams::Document& document : documents) bytes += document.text.size();
  return bytes;
}

// Documents from the first (or the last) on, until `bytes` are reached.
void take(const Documents& documents, std::size_t bytes, bool from_the_end, Documents& into) {
  std::size_t taken = 0;
  for (std::size_t i = 0; i < documents.size() && taken < bytes; ++i) {
    const streams::Document& document = documents[from_the_end ? documents.size() - 1 - i : i];
    into.push_back(document);
    taken += document.text.size();
  }
}

// Under another name first: a file that is there is whole.
void write_documents(const fs::path& path, const Documents& documents) {
  if (documents.empty()) throw CorpusError(fmt::format("{}: a part of this text would have no document", path.string()));
  fs::create_directories(path.parent_path());
  const fs::path unfinished = path.string() + ".unfinished";
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  for (const streams::Document& document : documents) file << nlohmann::json{{"text", document.text}}.dump() << '\n';
  file.close();
  if (!file) throw IoError(fmt::format("'{}' cannot be written; check the folder and the space left", path.string()));
  fs::rename(unfinished, path);
}

StageText files_at(const fs::path& stem) { return {{stem.string() + ".train.jsonl"}, {stem.string() + ".test.jsonl"}}; }

bool complete(const StageText& text) { return fs::exists(text.from.front()) && fs::exists(text.test.front()); }

void write(const StageText& files, const SplitText& text) {
  write_documents(files.from.front(), text.training);
  write_documents(files.test.front(), text.held_out);
}

}  // namespace

StageText StageTexts::of_domain(const std::string& name) const {
  const Domain& domain = suite_.domain(name);
  if (domain.from.size() == 1 && domain.parts == 1) return {domain.from, domain.test};
  const StageText files = files_at(fs::path(folder_) / name);
  if (!complete(files)) write(files, read_text(domain, suite_.stage));
  return files;
}

StageText StageTexts::of_stage(const Order& order, std::size_t position) const {
  if (order.overlap == 0) return of_domain(order.domains[position]);
  const StageText files = files_at(fs::path(folder_) / fmt::format("{}.{}.{}", order.name, position + 1, order.domains[position]));
  if (complete(files)) return files;
  const SplitText own = read_text(suite_.domain(order.domains[position]), suite_.stage);
  std::vector<std::size_t> neighbours;
  if (position > 0) neighbours.push_back(position - 1);
  if (position + 1 < order.domains.size()) neighbours.push_back(position + 1);
  const auto bytes = static_cast<double>(bytes_of(own.training));
  SplitText mixed{{}, own.held_out};
  take(own.training, static_cast<std::size_t>((1 - order.overlap) * bytes), false, mixed.training);
  for (const std::size_t neighbour : neighbours) {
    const Documents theirs = read_text(suite_.domain(order.domains[neighbour]), suite_.stage).training;
    take(theirs, static_cast<std::size_t>(order.overlap * bytes / static_cast<double>(neighbours.size())), true, mixed.training);
  }
  write(files, mixed);
  return files;
}

}  // namespace peer::continual
