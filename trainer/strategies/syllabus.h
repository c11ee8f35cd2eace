// Batches for a student of several teachers: each teacher has a share of the rows, with text of its own and text that was kept.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "streams/batch_stream.h"
#include "trainer/strategies/rehearsal.h"

namespace peer::trainer {

class Syllabus {
 public:
  // replay: share of a teacher's windows that comes from what was kept.
  // `tokenizer` outlives the syllabus.
  Syllabus(const streams::Tokenizer& tokenizer, std::int64_t length, std::int64_t rows, double replay)
      : tokenizer_(tokenizer), length_(length), rows_(rows), replay_(replay) {}

  // The next teacher's text (not empty), and what was kept for it (may be empty).
  void add(std::vector<streams::Document> text, std::vector<streams::Document> kept, std::uint64_t seed);

  // Of n teachers, teacher i has the rows [i B/n, (i+1) B/n). Steps come one after another, from 0; valid until the next call.
  const streams::Batch& batch(std::int64_t step);

 private:
  struct Part {
    Part(std::vector<streams::Document> own, const streams::Tokenizer& tokenizer, std::uint64_t with_seed);
    std::vector<streams::Document> text;
    streams::BatchStream stream;
    std::uint64_t seed;
    std::unique_ptr<Rehearsal> kept;
  };
  const streams::Tokenizer& tokenizer_;
  std::int64_t length_, rows_;
  double replay_;
  std::vector<std::unique_ptr<Part>> parts_;  // streams point into their documents
  streams::Batch batch_, share_;
};

}  // namespace peer::trainer
