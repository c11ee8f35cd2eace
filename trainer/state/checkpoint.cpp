#include "trainer/state/checkpoint.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "trainer/state/model_image.h"
#include "trainer/state/stored_tokenizer.h"

namespace peer::trainer {
namespace {

using layers::ExpertTable;
using layers::Parameter;
using layers::PeerBlock;

std::string moments_name(const std::string& trunk) { return trunk + ".moments"; }

void copy_tensor(const std::map<std::string, pool::MappedTensor>& tensors, const std::string& name, const std::string& trunk,
                 Buffer<float>& into) {
  const auto at = tensors.find(name);
  if (at == tensors.end()) throw CorruptError(fmt::format("trunk '{}': the tensor '{}' is missing", trunk, name));
  const std::span<const std::byte> numbers = at->second.numbers;
  if (std::ssize(numbers) != into.bytes())
    throw CorruptError(
        fmt::format("trunk '{}', tensor '{}': expected {} numbers, found {}", trunk, name, into.size(), numbers.size() / sizeof(float)));
  upload_bytes(into.device(), numbers.data(), into.data(), into.bytes());
}

void load_trunk(const pool::Pool& pool, const pool::Generation& generation, const std::string& name, layers::Parameters& parameters) {
  const pool::TrunkInfo* info = generation.trunk(name);
  if (info == nullptr) throw CorruptError(fmt::format("generation {}: the trunk '{}' is missing", generation.id.value, name));
  const auto tensors = pool.mapped_trunk(*info);
  for (auto& parameter : parameters) copy_tensor(tensors, parameter->name, name, parameter->write());
}

std::string statistics_name(const std::string& trunk) { return trunk + ".bigrams"; }
constexpr const char* kCounts = "counts";  // (257, 256)

ByteBigrams load_statistics(const pool::Pool& pool, const pool::Generation& generation, const std::string& name) {
  const pool::TrunkInfo* info = generation.trunk(statistics_name(name));
  if (info == nullptr) return {};  // never trained
  auto tensors = pool.trunk(*info);
  const auto counts = tensors.find(kCounts);
  if (counts == tensors.end()) throw CorruptError(fmt::format("trunk '{}': the tensor '{}' is missing", info->name, kCounts));
  return ByteBigrams(std::move(counts->second.values));
}

// The tensors that have moments were being trained, and are again.
void load_moments(const pool::Pool& pool, const pool::TrunkInfo& info, const std::string& name, layers::Parameters& parameters) {
  const auto tensors = pool.mapped_trunk(info);
  for (auto& parameter : parameters) {
    if (!tensors.contains(parameter->name + ".m")) continue;
    layers::set_trainable(*parameter, true);
    copy_tensor(tensors, parameter->name + ".m", name, parameter->m);
    copy_tensor(tensors, parameter->name + ".v", name, parameter->v);
  }
}

void load_experts(const pool::Pool& pool, const pool::Generation& generation, PeerBlock& block) {
  const pool::TableInfo* table = generation.table(block.id());
  if (table == nullptr) throw CorruptError(fmt::format("generation {}: block {} is missing", generation.id.value, block.id().value));
  ExpertTable& experts = block.experts();
  if (table->layout.width != experts.width() || table->layout.rows_per_page != experts.rows_per_page() ||
      table->layout.element != experts.element() || table->rows != block.side() * block.side())
    throw CorruptError(fmt::format("generation {}, block {}: expected {} experts of width {} in {} in pages of {}, found {}, {}, {}, {}",
                                   generation.id.value, block.id().value, block.side() * block.side(), experts.width(),
                                   name_of(experts.element()), experts.rows_per_page(), table->rows, table->layout.width,
                                   name_of(table->layout.element), table->layout.rows_per_page));
  for (std::int64_t page = 0; page < table->page_count(); ++page) {
    const pool::MappedPage mapped = pool.page(generation, block.id(), PageIndex{page});
    experts.append_mapped(mapped.data, mapped.rows, mapped.owner);
  }
  experts.clear_dirty();
}

// A run that goes on: rows get back their moments and step counts. Pages that it changed stay dirty.
void load_row_state(const pool::Pool& pool, const pool::Generation& generation, PeerBlock& block) {
  ExpertTable& experts = block.experts();
  const std::int64_t floats = ExpertTable::state_floats(experts.width());
  for (std::int64_t page = 0; page < experts.page_count(); ++page) {
    const std::vector<float> state = pool.page_state(generation, block.id(), PageIndex{page});
    if (state.empty()) continue;
    experts.set_trainable(true);  // a block is trained as a whole
    for (std::int64_t r = 0; r < experts.page_rows(page); ++r)
      std::memcpy(experts.state(page * experts.rows_per_page() + r), state.data() + r * floats,
                  static_cast<std::size_t>(floats) * sizeof(float));
    experts.mark_dirty(page);
  }
}

void add_trunk(const std::string& name, layers::Parameters& parameters, bool with_moments, ModelImage& image) {
  std::vector<pool::TensorView> tensors, moments;
  for (const auto& p : parameters) {
    tensors.push_back({p->name, p->shape, p->value().data()});
    if (!p->trainable()) continue;
    moments.push_back({p->name + ".m", p->shape, p->m.data()});
    moments.push_back({p->name + ".v", p->shape, p->v.data()});
  }
  image.add_trunk(name, std::move(tensors), ModelImage::Weights::kFinite);
  if (with_moments) image.add_trunk(moments_name(name), std::move(moments));
}

const char* kind_of(const streams::Tokenizer& tokenizer) { return tokenizer.is_bytes() ? "bytes" : "bpe"; }

StoredState describe(LoadedModel& loaded, const std::optional<StoredRun>& run) {
  StoredState state;
  state.model = loaded.model.options();
  state.delta = loaded.delta;
  state.tokenizer = kind_of(*loaded.tokenizer);
  state.seed = loaded.model.seed();
  state.history = loaded.history;
  state.run = run;
  for (int v = 0; v <= loaded.model.newest(); ++v) {
    const model::View& view = loaded.model.view(v);
    state.views.push_back(
        {view.name, view.domain, view.parent, view.delta ? view.delta->options : model::DeltaOptions{}, loaded.model.retired(v)});
    loaded.model.for_each_block(v, [&](PeerBlock& block, int layer) {
      state.blocks.push_back({block.id().value, block.side(), block.open(), v, layer, block.statistics() == ops::Statistics::kFrozen});
    });
  }
  return state;
}

// The dense tensors' shapes follow the options and the stored sides; experts come from the pool's pages.
model::Model rebuild(const StoredState& state, const std::string& where, Device device) {
  model::ModelOptions options = state.model;
  for (const StoredBlock& b : state.blocks)
    if (b.view == 0) options.peer_side = b.side;
  model::Model model(options, state.seed, device, layers::Start::kZero);
  if (state.views.empty()) throw CorruptError(fmt::format("{}: expected at least the base view", where));
  model.view(0).domain = state.views[0].domain;
  for (std::size_t v = 1; v < state.views.size(); ++v) {
    const StoredView& view = state.views[v];
    if (view.parent < 0 || view.parent >= static_cast<int>(v))
      throw CorruptError(fmt::format("{}: view {} has the parent {}", where, v, view.parent));
    if (!view.retired && state.views[static_cast<std::size_t>(view.parent)].retired)
      throw CorruptError(fmt::format("{}: view {} has the parent {}, which is retired", where, v, view.parent));
    model.add_view(view.parent, view.delta, view.domain, false);
  }
  for (std::size_t v = state.views.size() - 1; v > 0; --v)  // children first
    if (state.views[v].retired) model.retire(static_cast<int>(v));
  std::size_t found = 0;
  for (int v = 0; v <= model.newest(); ++v)
    model.for_each_block(v, [&](PeerBlock& block, int layer) {
      for (const StoredBlock& b : state.blocks) {
        if (b.id != block.id().value || b.view != v || b.layer != layer || b.side != block.side()) continue;
        if (b.open < block.options().top_k || b.open > b.side)
          throw CorruptError(fmt::format("{}: block {} has {} open sub-keys of {}", where, b.id, b.open, b.side));
        block.set_open(b.open);
        block.set_statistics(b.statistics_frozen ? ops::Statistics::kFrozen : ops::Statistics::kBatch);
        ++found;
      }
    });
  if (found != state.blocks.size()) throw CorruptError(fmt::format("{}: expected {} blocks, found {}", where, state.blocks.size(), found));
  return model;
}

}  // namespace

LoadedModel load_model(const pool::Pool& pool, const pool::Generation& generation, Device device) {
  const std::string where = fmt::format("generation {}", generation.id.value);
  StoredState state = parse_state(generation.state, where);
  LoadedModel loaded{rebuild(state, where, device), state.delta, std::move(state.history), std::move(state.run)};
  loaded.tokenizer = stored_tokenizer(pool);
  if (state.tokenizer != kind_of(*loaded.tokenizer))
    throw CorruptError(
        fmt::format("{}: expected a tokenizer of the kind {}, found {} in the pool", where, state.tokenizer, kind_of(*loaded.tokenizer)));
  if (const std::int64_t tokens = loaded.tokenizer->vocabulary(); tokens > loaded.model.options().vocabulary)
    throw CorruptError(
        fmt::format("{}: the model has {} tokens, the pool's tokenizer {}", where, loaded.model.options().vocabulary, tokens));
  for (int v = 0; v <= loaded.model.newest(); ++v) {
    loaded.statistics.emplace_back();
    if (loaded.model.retired(v)) continue;
    loaded.statistics.back() = load_statistics(pool, generation, loaded.model.view(v).name);
    load_trunk(pool, generation, loaded.model.view(v).name, loaded.model.parameters(v));
    loaded.model.for_each_block(v, [&](PeerBlock& block, int) { load_experts(pool, generation, block); });
  }
  if (loaded.run) {
    for (int v = 0; v <= loaded.model.newest(); ++v) {
      const std::string& name = loaded.model.view(v).name;
      const pool::TrunkInfo* moments = generation.trunk(moments_name(name));
      if (moments == nullptr) continue;
      load_moments(pool, *moments, name, loaded.model.parameters(v));
      loaded.model.for_each_block(v, [&](PeerBlock& block, int) { load_row_state(pool, generation, block); });
    }
  }
  return loaded;
}

ModelImage image_of(LoadedModel& loaded, std::span<const int> changed, bool to_go_on) {
  ModelImage image;
  for (const int v : changed) {
    const std::string& name = loaded.model.view(v).name;
    add_trunk(name, loaded.model.parameters(v), to_go_on, image);
    loaded.model.for_each_block(v, [&](PeerBlock& block, int) { image.add_experts(block, to_go_on); });
    const auto at = static_cast<std::size_t>(v);
    if (at < loaded.statistics.size() && !loaded.statistics[at].empty())
      image.add_trunk(statistics_name(name),
                      {{kCounts, {ByteBigrams::kBefore, ByteBigrams::kBytes}, loaded.statistics[at].counts().data()}});
  }
  return image;
}

std::string state_text(LoadedModel& loaded, const std::optional<StoredRun>& run) { return to_json(describe(loaded, run)); }

void save_model(LoadedModel& loaded, std::span<const int> changed, HostStaging& staging, pool::Transaction& transaction) {
  image_of(loaded, changed, false).put(staging, transaction);
  transaction.set_state(state_text(loaded, std::nullopt));
}

void drop_trunks(LoadedModel& loaded, int view, pool::Transaction& transaction) {
  const std::string& name = loaded.model.view(view).name;
  transaction.drop_trunk(name);
  if (!loaded.statistics[static_cast<std::size_t>(view)].empty()) transaction.drop_trunk(statistics_name(name));
  loaded.statistics[static_cast<std::size_t>(view)] = {};
}

}  // namespace peer::trainer
