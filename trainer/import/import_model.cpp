#include "trainer/import/import_model.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "peer/base/counted.h"
#include "peer/base/option_check.h"
#include "peer/model/model_cost.h"
#include "peer/model/presets.h"
#include "streams/tokenizer/utf8.h"
#include "trainer/evaluation/scoring_watch.h"
#include "trainer/import/folder_file.h"
#include "trainer/state/stored_tokenizer.h"
#include "trainer/state/views.h"

namespace peer::trainer {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kVocabularyRank = 16;  // full tables of a vocabulary of words would be most of a view
constexpr std::int64_t kLongestConfig = 16 << 20;
constexpr const char* kHeadTensor = "lm_head.weight";

std::string name_of(const ImportOptions& options) {
  const fs::path folder = fs::absolute(options.model).lexically_normal();
  const std::string name =
      !options.name.empty() ? options.name : (folder.has_filename() ? folder : folder.parent_path()).filename().string();
  if (streams::find_fault(name)) throw UsageError("option 'name': expected a name in UTF-8, found other bytes");
  if (std::ranges::any_of(name, [](unsigned char c) { return c < ' ' || c == 127; }))
    throw UsageError("option 'name': expected a name of one line without control characters, found some");
  return name;
}

LlamaConfig read_config(const ImportOptions& options) {
  check_option(options.context >= 0, "context", "0 (as many as the model has positions, at most 512) or more", options.context);
  if (options.model.empty()) throw UsageError("option 'model' is missing: a folder with config.json, model.safetensors and tokenizer.json");
  std::error_code none;
  if (!fs::is_directory(options.model, none))
    throw UsageError(fmt::format("option 'model': expected a folder, found none at '{}'", options.model));
  const std::string path = (fs::path(options.model) / "config.json").string();
  if (!fs::exists(path, none)) throw UsageError(options.model + ": expected config.json as transformers writes it, found none");
  return parse_llama_config(read_folder_file(path, kLongestConfig), options.context, path);
}

// Before the model is made: a configuration must not ask for more memory than its own tensors fill.
void check_size(const ModelFolder& folder) {
  const std::int64_t wanted = model::cost_of(folder.config.model).dense_parameters, found = folder.tensors.numbers();
  if (wanted / 2 > found)
    throw CorruptError(fmt::format("{}: expected tensors of {} numbers, as config.json says, found {}", folder.name, wanted, found));
}

// What follows from the rest: tables of angles that older versions of transformers wrote, and a head that is the embedding's table, of
// which some folders hold a copy.
bool is_derived(const std::string& name, const model::ModelOptions& shape) {
  return name.ends_with(".rotary_emb.inv_freq") || (shape.tied_embeddings && name == kHeadTensor);
}

// Where each tensor of the model comes from.
using Sources = std::vector<std::pair<layers::Parameter*, TensorFolder::Place>>;

Sources sources_of(model::Model& model, const ModelFolder& folder) {
  Sources sources;
  std::set<std::string> used;
  for (auto& parameter : model.base()) {
    const std::string& name = parameter->name;
    const TensorFolder::Place* place = folder.tensors.find(name);
    if (place == nullptr)
      throw CorruptError(fmt::format("{}: tensor '{}': expected {}, found none", folder.name, name, shape_text(parameter->shape)));
    if (place->tensor->shape != parameter->shape)
      throw CorruptError(fmt::format("{}: tensor '{}': expected {}, found {}", place->file->path(), name, shape_text(parameter->shape),
                                     shape_text(place->tensor->shape)));
    used.insert(name);
    sources.emplace_back(parameter.get(), *place);
  }
  std::vector<std::string> unknown;
  for (const auto& [name, place] : folder.tensors.tensors())
    if (!used.contains(name) && !is_derived(name, folder.config.model)) unknown.push_back(name);
  constexpr std::size_t kShown = 3;
  if (const auto count = std::ssize(unknown); count > 0) {
    unknown.resize(std::min(unknown.size(), kShown));
    throw UsageError(fmt::format("{}: expected the tensors that config.json describes alone, found {} that it does not have: {}{}",
                                 folder.name, counted(count, "tensor"), fmt::join(unknown, ", "),
                                 count > std::ssize(unknown) ? ", ..." : ""));
  }
  return sources;
}

void fill(const Sources& sources, Progress& progress, const std::atomic<bool>& stop) {
  std::int64_t done = 0;
  for (const auto& [parameter, place] : sources) {
    if (stop) throw ScoringStopped("stopped while tensors were read: nothing was kept");
    progress.update("import", done++, std::ssize(sources), parameter->name);
    place.file->read(*place.tensor, parameter->write().data());
  }
  progress.update("import", done, std::ssize(sources), counted(done, "tensor"));
}

void require_free(const std::string& path) {
  std::error_code none;
  const bool empty = fs::is_directory(path, none) && fs::is_empty(path, none);
  if (fs::exists(path, none) && !empty) throw UsageError(path + ": expected nothing there, for import makes a new pool, found something");
}

pool::CommitReport commit_base(LoadedModel& loaded, const std::string& path, const ModelFolder& folder) {
  pool::Pool pool = pool::Pool::create(path);
  pool.require_room(loaded.model.base().count() * static_cast<std::int64_t>(sizeof(float)));
  pool::Transaction transaction = pool.begin({});
  for (auto& [key, value] : tokenizer_records(folder.tokenizer.json, folder.tokenizer.end_of_document, folder.tokenizer.marks))
    transaction.put_record(key, std::move(value));
  const int base[] = {0};
  HostStaging staging;  // the model is filled on the CPU
  save_model(loaded, base, staging, transaction);
  transaction.set_fingerprint(to_hex(options_fingerprint(loaded.model.options())));
  return transaction.commit(kHead, fmt::format("import: {}, {:.2f}M numbers in {} layers", folder.name,
                                               static_cast<double>(parameters_in(loaded.model, 0)) / 1e6, loaded.model.options().layers));
}

// The model is gone when this returns: measuring opens the pool.
pool::CommitReport import_base(const std::string& path, const ModelFolder& folder, const model::ModelOptions& shape,
                               const model::DeltaOptions& delta, std::uint64_t seed, Progress& progress, const std::atomic<bool>& stop) {
  LoadedModel loaded{model::Model(shape, seed, {}, layers::Start::kZero), delta, {}, {}};
  loaded.tokenizer = folder.tokenizer.tokenizer;
  loaded.model.view(0).domain = folder.name;
  loaded.history.stages.push_back({.strategy = kImport});
  fill(sources_of(loaded.model, folder), progress, stop);
  return commit_base(loaded, path, folder);
}

}  // namespace

ModelFolder::ModelFolder(const ImportOptions& options)
    : name(name_of(options)),
      config(read_config(options)),
      tokenizer(import_tokenizer(options.model, options.document_token, config.end_ids, config.model.vocabulary, options.marks)),
      tensors(options.model) {
  check_size(*this);
}

model::DeltaOptions delta_for_width(std::int64_t width) {
  model::DeltaOptions delta = model::presets().front().delta;
  std::int64_t widest = 0;
  for (const model::Preset& preset : model::presets())
    if (preset.model.width <= width && preset.model.width > widest) delta = preset.delta, widest = preset.model.width;
  delta.vocabulary_rank = kVocabularyRank;
  return delta;
}

ImportOutcome import_model(const std::string& path, const ModelFolder& folder, const model::ModelOptions& shape,
                           const model::DeltaOptions& delta, const std::optional<KnownDomain>& known, std::uint64_t seed, Device device,
                           int threads, Progress& progress, const std::atomic<bool>& stop) {
  { const Context ctx(device, threads); }  // first: a device that is not there makes no pool
  model::check(shape), model::check(shape, device), model::check(delta, shape);
  require_free(path);
  try {
    ImportOutcome outcome{import_base(path, folder, shape, delta, seed, progress, stop)};
    if (known) {
      Session session = open_session(path, kHead, pool::Access::kWrite, device, threads);
      const pool::CommitReport measured = measure_known(session, *known, progress, stop);
      outcome.commit.id = measured.id, outcome.commit.bytes_written += measured.bytes_written;
      outcome.commit.files_written += measured.files_written;
      outcome.bits_per_byte = session.loaded.history.stages.back().loss.at(known->domain);
    }
    return outcome;
  } catch (...) {
    std::error_code ignored;  // what made it fail is the news
    fs::remove_all(path, ignored);
    throw;
  }
}

}  // namespace peer::trainer
