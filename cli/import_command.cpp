#include <fmt/format.h>

#include "cli/command.h"
#include "cli/generation_summary.h"
#include "cli/interrupt.h"
#include "cli/model_cost_text.h"
#include "cli/option_limits.h"
#include "trainer/evaluation/scoring_watch.h"
#include "trainer/import/import_model.h"

namespace peer::cli {
namespace {

struct ImportCommandOptions {
  std::string domain;
  std::int64_t eval_bytes = trainer::MeasureOptions{}.eval_bytes;
  bool dry_run = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.domain,
          OptionInfo{"domain", "measure the model on the held-out documents of --from, or on --test, under this name", "NAME"});
    visit(self.eval_bytes, OptionInfo{"eval-bytes", "held-out text kept and scored", "bytes"});
    visit(self.dry_run, OptionInfo{"dry-run", "check the folder, print parameters, FLOPs a token and memory, and make nothing"});
  }
};

// Of the model's shape what an imported one leaves open: the experts that views will bring.
struct ImportedShape {
  model::ModelOptions model;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    model::ModelOptions::fields(self.model, [&](auto& field, const OptionInfo& info) {
      for (const char* name : {"page-experts", "peer-shared-sub-keys", "peer-gate", "peer-activation", "peer-query-norm", "peer-rows"})
        if (info.name == name) visit(field, info);
    });
  }
};

std::optional<trainer::KnownDomain> known_domain(Call& call, const ImportCommandOptions& options, const streams::StreamOptions& stream,
                                                 const trainer::EvaluateOptions& evaluate) {
  const bool text = !stream.from.empty() || !stream.test.empty();
  if (options.domain.empty() && !text) return std::nullopt;
  if (!text) throw UsageError("option 'from' is missing: text of the domain that the model is measured on, e.g. --from my.txt");
  check_domain(options.domain);
  trainer::check(evaluate);
  trainer::check(trainer::MeasureOptions{.eval_bytes = options.eval_bytes});
  return trainer::KnownDomain{.domain = options.domain,
                              .held_out = trainer::held_out_of(stream, call.progress),
                              .eval_bytes = options.eval_bytes,
                              .evaluate = evaluate};
}

int run(Call& call, const trainer::ImportOptions& options, const ImportCommandOptions& command, const ImportedShape&,
        const model::DeltaOptions&, const streams::StreamOptions& stream, const trainer::EvaluateOptions& evaluate) {
  const trainer::ModelFolder folder(options);
  ImportedShape shape{folder.config.model};
  model::DeltaOptions delta = trainer::delta_for_width(shape.model.width);
  call.apply_given(shape), call.apply_given(delta);
  model::check(shape.model), model::check(delta, shape.model), check_limits(delta);
  const model::ModelCost base = model::cost_of(shape.model), view = model::cost_of(shape.model, delta);
  const std::string path = call.argument("POOL");
  Json document = {{"pool", path},
                   {"name", folder.name},
                   {"base", cost_json(base)},
                   {"view", cost_json(view)},
                   {"context", shape.model.context},
                   {"vocabulary", folder.tokenizer.tokenizer->vocabulary()},
                   {"document_token", folder.tokenizer.end_of_document}};
  const std::optional<trainer::KnownDomain> known = known_domain(call, command, stream, evaluate);
  trainer::ImportOutcome outcome;
  if (!command.dry_run) {
    check_fits_memory(call.device(), static_cast<double>(base.bytes));
    try {
      outcome = trainer::import_model(path, folder, shape.model, delta, known, static_cast<std::uint64_t>(call.common.seed), call.device(),
                                      static_cast<int>(call.common.threads), call.progress, catch_interrupts());
    } catch (const trainer::ScoringStopped&) {
      call.progress.note("interrupted: nothing was kept; run the same command again");
      return kResumable;
    }
    document["head"] = json_of(outcome.commit.id);
    document["bytes_written"] = outcome.commit.bytes_written;
    if (known) document["bits_per_byte"] = {{known->domain, outcome.bits_per_byte}};
  }
  if (call.common.json) {
    call.print(document);
    return kDone;
  }
  call.out << fmt::format("base         {}\na view       {}\n", cost_text(base), cost_text(view))
           << fmt::format("tokenizer    {} tokens, '{}' ends a document; windows of {} tokens\n", folder.tokenizer.tokenizer->vocabulary(),
                          folder.tokenizer.end_of_document, shape.model.context);
  if (command.dry_run) return kDone;
  if (known) call.out << fmt::format("    {:<12} {:.3f} bits per byte\n", known->domain, outcome.bits_per_byte);
  call.out << fmt::format("{} holds {}; next: peer-cli stream {} --domain NAME --from PATH\n", path, folder.name, path);
  return kDone;
}

}  // namespace

Command import_command() {
  return make_command(
      {.name = "import",
       .group = Group::kLearn,
       .summary = "Make a pool from a Llama, Mistral, Qwen2 or Qwen3 model in a folder of Hugging Face",
       .details = "Reads config.json, model.safetensors or its shards, and tokenizer.json. The base holds no experts and stays as it is: "
                  "`stream` grows views on it, which by default have the shape of those of the widest preset that is not wider.\n"
                  "With --domain the model is measured on text that it should not forget.",
       .positionals = {kPoolArgument},
       .required = {"model"},
       .examples = {{"import my-pool --model SmolLM2-135M", "then: peer-cli stream my-pool --domain mine --from my.txt"},
                    {"import my-pool --model SmolLM2-135M --domain web --test web.txt", "and keep an eye on what it knows"},
                    {"import my-pool --model SmolLM2-135M --dry-run", "is it supported, and what would it cost?"}},
       .json =
           R"({"pool", "name", "base", "view", "context", "vocabulary", "document_token", "head", "bytes_written", "bits_per_byte" with --domain})"},
      run);
}

}  // namespace peer::cli
