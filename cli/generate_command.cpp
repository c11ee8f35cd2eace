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
  std::int64_t count = 1;
  std::vector<std::string> stop;
  model::DrawOptions draw;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.prompt, OptionInfo{"prompt", "how the text begins", "TEXT"});
    visit(self.prompt_file, OptionInfo{"prompt-file", "the same, read from a file or - (stdin), to its last byte", "PATH"});
    visit(self.bytes, OptionInfo{"bytes", "longest continuation", "bytes"});
    visit(self.count, OptionInfo{"count", "so many continuations of the one prompt, each drawn anew; the first is that of --count 1"});
    visit(self.stop,
          OptionInfo{"stop", "end before this text, should the continuation come to it; of several before the first", "TEXT..."});
    model::DrawOptions::fields(self.draw, visit);
  }
};

void check(const GenerateOptions& options) {
  constexpr std::int64_t kMost = 1'000'000;
  if (options.bytes < 0) throw UsageError(fmt::format("option 'bytes': expected 0 or more, found {}", options.bytes));
  if (options.count < 1 || options.count > kMost)
    throw UsageError(fmt::format("option 'count': expected 1 to {}, found {}", kMost, options.count));
  for (const std::string& text : options.stop)
    if (text.empty()) throw UsageError("option 'stop': expected a text of one byte at least, found ''");
  model::check(options.draw);
}

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

// What ends a continuation: the end of the document, and what the user named.
std::vector<std::vector<std::int32_t>> stop_sequences(const GenerateOptions& options) {
  std::vector<std::vector<std::int32_t>> sequences = {{streams::ByteTokenizer::kEndOfDocument}};
  for (const std::string& text : options.stop) streams::ByteTokenizer::append(text, sequences.emplace_back());
  return sequences;
}

int run(Call& call, const GenerateOptions& options, const PredictorOptions& predictor, const model::MixtureOptions& mixture) {
  check(options);
  trainer::Session session = trainer::open_session(call.argument("POOL"), predictor.at, pool::Access::kRead, call.device(),
                                                   static_cast<int>(call.common.threads), call.expert_memory_bytes());
  const std::vector<int> views = trainer::views_called(session.loaded, predictor.view);
  const std::string prompt = read_prompt(options);
  Context ctx(session.ctx.device(), threads_for(call, session));
  std::vector<std::int32_t> tokens = {streams::ByteTokenizer::kEndOfDocument};
  streams::ByteTokenizer::append(prompt, tokens);
  Json samples = Json::array();
  for (std::int64_t n = 0; n < options.count; ++n) {
    if (!call.common.json && options.count > 1) call.out << fmt::format("--- {} of {}\n", n + 1, options.count);
    if (!call.common.json) call.out << prompt << std::flush;
    std::string text;
    model::sample(ctx, session.loaded.model, views, mixture,
                  {.draw = options.draw, .seed = call.common.seed, .number = static_cast<std::uint32_t>(n)}, tokens, options.bytes,
                  stop_sequences(options), [&](std::int32_t token) {
                    text.push_back(static_cast<char>(token));
                    if (!call.common.json) call.out << text.back() << std::flush;
                    return true;
                  });
    if (!call.common.json) call.out << '\n';
    samples.push_back({{"text", text}, {"bytes", text.size()}});
  }
  if (!call.common.json) return kDone;
  Json document = {{"prompt", prompt}, {"text", samples[0]["text"]}, {"bytes", samples[0]["bytes"]}};
  if (options.count > 1) document["samples"] = std::move(samples);
  call.print(document);
  return kDone;
}

}  // namespace

Command generate_command() {
  return make_command({.name = "generate",
                       .group = Group::kMeasure,
                       .summary = "Continue a text, in whichever domain it begins",
                       .positionals = {kPoolArgument},
                       .examples = {{"generate my-pool --prompt 'Once upon a time'", "write"},
                                    {"generate my-pool --prompt-file draft.txt", "go on with a file"},
                                    {"generate my-pool --prompt 'def ' --top-p 0.9 --stop $'\\n\\n' --count 3",
                                     "three functions, each up to an empty line"}},
                       .json = R"({"prompt", "text", "bytes", "samples" (with --count above 1): [{"text", "bytes"}]})"},
                      run);
}

}  // namespace peer::cli
