#include "trainer/state/session.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/model/page_placement.h"
#include "streams/tokenizer/byte_tokenizer.h"
#include "trainer/state/views.h"

namespace peer::trainer {
namespace {

// Four fifths of what the dense tensors leave of a device, were all of them trained; the rest is for activations.
std::int64_t room_for_experts(Device device, model::Model& model) {
  std::int64_t dense = 0;
  for (int view = 0; view <= model.newest(); ++view)
    if (!model.retired(view)) dense += model.parameters(view).count();
  constexpr std::int64_t kBytes = 4 * sizeof(float);  // a number, its gradient and two moments
  return std::max<std::int64_t>(0, memory_bytes(device) - kBytes * dense) / 5 * 4;
}

}  // namespace

Session open_session(const std::string& path, const std::string& ref, pool::Access access, Device device, int threads,
                     std::int64_t expert_memory_bytes) {
  Context ctx(device, threads);  // first: a device that is not there should not lock the pool
  pool::Pool pool = pool::Pool::open(path, access);
  pool::Generation generation = pool.generation(pool.resolve(ref));
  LoadedModel loaded = load_model(pool, generation, ctx.device());
  if (expert_memory_bytes == 0) expert_memory_bytes = room_for_experts(device, loaded.model);
  model::PagePlacement(expert_memory_bytes).place(ctx, loaded.model);
  HostStaging staging(ctx.device());
  const model::DeltaOptions delta = loaded.delta;
  return {std::move(pool), std::move(ctx), std::move(generation), std::move(loaded), delta, std::move(staging), expert_memory_bytes};
}

pool::CommitReport init_pool(const std::string& path, const model::ModelOptions& options, const model::DeltaOptions& delta,
                             std::uint64_t seed, Device device, int threads) {
  const Context ctx(device, threads);
  model::check(options);
  model::check(delta, options);
  if (options.vocabulary < streams::ByteTokenizer::kVocabulary)
    throw UsageError(
        fmt::format("option 'vocabulary': expected {} or more, a token for every byte and one for the end of a document, found {}",
                    streams::ByteTokenizer::kVocabulary, options.vocabulary));
  LoadedModel loaded{model::Model(options, seed), delta, {}, {}};
  loaded.model.create_experts();
  loaded.history.stages.push_back({.strategy = "none"});
  pool::Pool::create(path);  // last: a model that does not fit leaves no pool behind
  try {
    pool::Pool pool = pool::Pool::open(path, pool::Access::kWrite);
    pool::Transaction transaction = pool.begin({});
    const int base[] = {0};
    HostStaging staging;  // the untrained model is made on the CPU
    save_model(loaded, base, staging, transaction);
    transaction.set_fingerprint(to_hex(options_fingerprint(options)));
    return transaction.commit(kHead, fmt::format("init: {} experts in {} layers", experts_in(loaded.model, 0), options.layers));
  } catch (...) {
    std::error_code ignored;  // what made it fail is the news
    std::filesystem::remove_all(path, ignored);
    throw;
  }
}

}  // namespace peer::trainer
