#include "trainer/strategies/syllabus.h"

#include <algorithm>

#include "peer/base/require.h"

namespace peer::trainer {
namespace {
constexpr std::int64_t kShuffleWindows = 4096;
}

Syllabus::Part::Part(std::vector<streams::Document> own, const streams::Tokenizer& tokenizer, std::uint64_t with_seed)
    : text(std::move(own)), stream(text, tokenizer, kShuffleWindows), seed(with_seed) {}

void Syllabus::add(std::vector<streams::Document> text, std::vector<streams::Document> kept, std::uint64_t seed) {
  require(!text.empty(), "syllabus: a teacher must have text");
  Part& part = *parts_.emplace_back(std::make_unique<Part>(std::move(text), tokenizer_, seed));
  if (kept.empty() || replay_ == 0) return;
  std::vector<std::vector<streams::Document>> domain;
  domain.push_back(std::move(kept));
  part.kept = std::make_unique<Rehearsal>(std::move(domain), tokenizer_, replay_, length_, seed);
}

const streams::Batch& Syllabus::batch(std::int64_t step) {
  const auto teachers = static_cast<std::int64_t>(parts_.size());
  require(teachers > 0 && teachers <= rows_, "syllabus: every teacher must have a row of the batch");
  batch_ = {.rows = rows_, .length = length_, .tokens = std::move(batch_.tokens), .bytes = 0};
  batch_.tokens.clear();
  for (std::int64_t i = 0; i < teachers; ++i) {
    Part& part = *parts_[static_cast<std::size_t>(i)];
    if (step == 0) part.stream.start((i + 1) * rows_ / teachers - i * rows_ / teachers, length_, part.seed, 0);
    share_ = part.stream.next();
    if (part.kept) part.kept->mix(share_, step);
    batch_.tokens.insert(batch_.tokens.end(), share_.tokens.begin(), share_.tokens.end());
    batch_.bytes += share_.bytes;
  }
  return batch_;
}

}  // namespace peer::trainer
