#include <fmt/format.h>

#include "cli/command.h"
#include "cli/predictor_options.h"
#include "peer/model/model_cost.h"
#include "peer/model/sample.h"
#include "streams/byte_reader.h"
#include "streams/byte_tokenizer.h"
#include "trainer/state/session.h"
#include "trainer/state/views.h"

namespace peer::cli {
namespace {

struct GenerateOptions {
  std::string prompt, prompt_file;
  std::int64_t bytes = 200;
  double temperature = 0.7;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.prompt, OptionInfo{"prompt", "how the text begins", "TEXT"});
    visit(self.prompt_file, OptionInfo{"prompt-file", "the same, read from a file or - (stdin), to its last byte", "PATH"});
    visit(self.bytes, OptionInfo{"bytes", "longest continuation", "bytes"});
    visit(self.temperature, OptionInfo{"temperature", "below 1: likelier text; 0: always the likeliest byte"});
  }
};

std::string read_prompt(const GenerateOptions& options) {
  if (options.prompt_file.empty()) return options.prompt;
  if (!options.prompt.empty()) throw UsageError("option 'prompt-file': expected none beside --prompt, or --prompt none");
  std::string text;
  const auto bytes = streams::open_file(options.prompt_file);
  for (char block[4096]; const std::size_t got = bytes->read(block, sizeof block);) text.append(block, got);
  return text;
}

// A token of a small model is too little work to be worth waking a second thread for: beside another program that takes ten times longer.
constexpr std::int64_t kSmallModel = 8 << 20;  // active numbers

int threads_for(const Call& call, trainer::Session& session) {
  const bool small = model::cost_of(session.loaded.model.options()).active_parameters < kSmallModel;
  return call.common.threads == 0 && small ? 1 : static_cast<int>(call.common.threads);
}

int run(Call& call, const GenerateOptions& options, const PredictorOptions& predictor, const model::MixtureOptions& mixture) {
  if (options.bytes < 0) throw UsageError(fmt::format("option 'bytes': expected 0 or more, found {}", options.bytes));
  if (!(options.temperature >= 0)) throw UsageError(fmt::format("option 'temperature': expected 0 or more, found {}", options.temperature));
  trainer::Session session = trainer::open_session(call.argument("POOL"), predictor.at, pool::Access::kRead, call.device(),
                                                   static_cast<int>(call.common.threads), call.expert_memory_bytes());
  const std::vector<int> views = trainer::views_called(session.loaded, predictor.view);
  const std::string prompt = read_prompt(options);
  Context ctx(session.ctx.device(), threads_for(call, session));
  std::vector<std::int32_t> tokens = {streams::ByteTokenizer::kEndOfDocument};
  streams::ByteTokenizer::append(prompt, tokens);
  std::string text;
  if (!call.common.json) call.out << prompt << std::flush;
  model::sample(ctx, session.loaded.model, views, mixture, {.temperature = options.temperature, .seed = call.common.seed}, tokens,
                options.bytes, streams::ByteTokenizer::kEndOfDocument, [&](std::int32_t token) {
                  text.push_back(static_cast<char>(token));
                  if (!call.common.json) call.out << text.back() << std::flush;
                  return true;
                });
  if (call.common.json)
    call.print({{"prompt", prompt}, {"text", text}, {"bytes", text.size()}});
  else
    call.out << '\n';
  return kDone;
}

}  // namespace

Command generate_command() {
  return make_command({.name = "generate",
                       .group = Group::kMeasure,
                       .summary = "Continue a text, in whichever domain it begins",
                       .positionals = {kPoolArgument},
                       .examples = {{"generate my-pool --prompt 'Once upon a time'", "write"},
                                    {"generate my-pool --prompt-file draft.txt", "go on with a file"}},
                       .json = R"({"prompt", "text", "bytes"})"},
                      run);
}

}  // namespace peer::cli
