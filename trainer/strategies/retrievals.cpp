#include "trainer/strategies/retrievals.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "streams/batch_stream.h"

namespace peer::trainer {
namespace {

constexpr std::int64_t kShuffleWindows = 1024;
constexpr const char* kBatches = "batches";

std::string tensor_name(BlockId block) { return fmt::format("block {}", block.value); }

}  // namespace

RetrievalCounts count_retrievals(model::Model& model, const model::Activations& saved) {
  RetrievalCounts counts;
  std::vector<int> path = model.path(saved.view);
  path.insert(path.begin(), 0);
  for (std::size_t branch = 0; branch < path.size(); ++branch)
    model.for_each_block(path[branch], [&](layers::PeerBlock& block, int layer) {
      const Buffer<std::int64_t>& picks = saved.blocks[static_cast<std::size_t>(layer)].branches[branch].peer->id;
      std::vector<std::int64_t> count(static_cast<std::size_t>(block.experts().count()));
      for (std::int64_t i = 0; i < picks.size(); ++i) ++count[static_cast<std::size_t>(picks[i])];
      auto& of_block = counts[block.id()];
      for (std::size_t e = 0; e < count.size(); ++e)
        if (count[e] > 0) of_block.emplace_hint(of_block.end(), static_cast<std::int64_t>(e), count[e]);
    });
  return counts;
}

void RetrievalBackground::add(const RetrievalCounts& batch) {
  batches_ += 1;
  for (const auto& [block, counts] : batch) {
    if (counts.empty()) continue;
    std::vector<float>& with = with_[block];
    with.resize(std::max(with.size(), static_cast<std::size_t>(counts.rbegin()->first) + 1));
    for (const auto& [expert, count] : counts) with[static_cast<std::size_t>(expert)] += 1;
  }
}

void RetrievalBackground::add(const RetrievalBackground& other) {
  batches_ += other.batches_;
  for (const auto& [block, there] : other.with_) {
    std::vector<float>& with = with_[block];
    with.resize(std::max(with.size(), there.size()));
    for (std::size_t e = 0; e < there.size(); ++e) with[e] += there[e];
  }
}

double RetrievalBackground::with(BlockId block, std::int64_t expert) const {
  const auto at = with_.find(block);
  return at == with_.end() || expert >= static_cast<std::int64_t>(at->second.size()) ? 0 : at->second[static_cast<std::size_t>(expert)];
}

std::vector<pool::TensorView> RetrievalBackground::tensors() const {
  std::vector<pool::TensorView> tensors = {{kBatches, {1}, &batches_}};
  for (const auto& [block, with] : with_) tensors.push_back({tensor_name(block), {static_cast<std::int64_t>(with.size())}, with.data()});
  return tensors;
}

RetrievalBackground RetrievalBackground::from(const std::map<std::string, pool::Tensor>& tensors, const std::string& where) {
  RetrievalBackground background;
  for (const auto& [name, tensor] : tensors) {
    std::int64_t block = 0;
    if (name == kBatches && tensor.values.size() == 1)
      background.batches_ = tensor.values[0];
    else if (std::sscanf(name.c_str(), "block %ld", &block) == 1)
      background.with_[BlockId{block}] = tensor.values;
    else
      throw CorruptError(fmt::format("{}: '{}' is no count of retrievals", where, name));
  }
  return background;
}

RetrievalBackground measure_background(Context& ctx, LanguageModel language, int view, const std::vector<streams::Document>& documents,
                                       std::int64_t rows, std::int64_t batches, std::uint64_t seed) {
  model::Model& model = language.model;
  const std::int64_t length = model.options().context;
  streams::BatchStream stream(documents, language.tokenizer, kShuffleWindows);
  stream.start(rows, length, seed, 0);
  model::Activations saved(model, view, rows, length, true);
  Buffer<std::int32_t> token(ctx.device(), rows * length);
  RetrievalBackground background;
  for (std::int64_t b = 0; b < batches; ++b) {
    const streams::Batch& batch = stream.next();
    for (std::int64_t row = 0; row < rows; ++row)
      std::copy_n(batch.tokens.data() + row * (length + 1), length, token.data() + row * length);
    model.forward(ctx, token.view(rows * length), saved, false);
    ctx.wait();
    background.add(count_retrievals(model, saved));
  }
  return background;
}

}  // namespace peer::trainer
