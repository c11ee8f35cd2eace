#include <fmt/format.h>

#include "cli/command.h"
#include "cli/predictor_options.h"
#include "peer/device/rounded_gemm.h"
#include "peer/model/model_cost.h"
#include "peer/model/sample.h"
#include "peer/model/stop_sequences.h"
#include "streams/byte_reader.h"
#include "trainer/state/session.h"
#include "trainer/state/views.h"

namespace peer::cli {
namespace {

struct GenerateOptions {
  std::string prompt, prompt_file;
  std::int64_t bytes = 200;
  std::int64_t count = 1;
  std::vector<std::string> stop;
  Precision precision = Precision::kFp32;
  model::DrawOptions draw;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.prompt, OptionInfo{"prompt", "how the text begins", "TEXT"});
    visit(self.prompt_file, OptionInfo{"prompt-file", "the same, read from a file or - (stdin), to its last byte", "PATH"});
    visit(self.bytes, OptionInfo{"bytes", "longest continuation", "bytes"});
    visit(self.count, OptionInfo{"count", "so many continuations of the one prompt, each drawn anew; the first is that of --count 1"});
    visit(self.stop,
          OptionInfo{"stop", "end before this text, should the continuation come to it; of several before the first", "TEXT..."});
    visit(self.precision,
          OptionInfo{"precision",
                     "of the operands of linear maps and attention: bf16 rounds each weight once, when it is first used, and reads half of "
                     "the bytes for a token. Sums, experts and scores of sub-keys stay fp32"});
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

// A continuation, from the bytes of its tokens: shown byte by byte, up to what the user named or to so many bytes.
class Continuation {
 public:
  Continuation(const GenerateOptions& options, std::ostream* shown)
      : stops_(sequences(options.stop)), bytes_(options.bytes), shown_(shown) {}

  // Whether the text goes on.
  bool add(std::string_view bytes) {
    for (const unsigned char byte : bytes) {
      if (read_ == bytes_) return false;
      show(stops_.pass(byte));
      ++read_;
      if (stops_.ended()) return false;
    }
    return read_ < bytes_;
  }
  std::string finish() {
    show(stops_.rest());
    return std::move(text_);
  }

 private:
  static std::vector<std::vector<std::int32_t>> sequences(const std::vector<std::string>& texts) {
    std::vector<std::vector<std::int32_t>> sequences;
    for (const std::string& text : texts) {
      auto& sequence = sequences.emplace_back();
      for (const unsigned char byte : text) sequence.push_back(byte);
    }
    return sequences;
  }
  void show(const std::vector<std::int32_t>& bytes) {
    for (const std::int32_t byte : bytes) text_.push_back(static_cast<char>(byte));
    if (shown_ != nullptr && !bytes.empty()) *shown_ << text_.substr(text_.size() - bytes.size()) << std::flush;
  }

  model::StopSequences stops_;
  std::int64_t bytes_, read_ = 0;
  std::ostream* shown_;  // null: nobody reads along
  std::string text_;
};

int run(Call& call, const GenerateOptions& options, const PredictorOptions& predictor, const model::MixtureOptions& mixture) {
  check(options);
  trainer::Session session = trainer::open_session(call.argument("POOL"), predictor.at, pool::Access::kRead, call.device(),
                                                   static_cast<int>(call.common.threads), call.expert_memory_bytes());
  const std::vector<int> views = trainer::views_called(session.loaded, predictor.view);
  const std::string prompt = read_prompt(options);
  Context ctx(session.ctx.device(), threads_for(call, session));
  const PrecisionScope precision(ctx, options.precision);
  const streams::Tokenizer& tokenizer = *session.loaded.tokenizer;
  std::vector<std::int32_t> tokens = {tokenizer.end_of_document()};
  tokenizer.append(prompt, tokens);
  Json samples = Json::array();
  for (std::int64_t n = 0; n < options.count; ++n) {
    if (!call.common.json && options.count > 1) call.out << fmt::format("--- {} of {}\n", n + 1, options.count);
    if (!call.common.json) call.out << prompt << std::flush;
    Continuation continuation(options, call.common.json ? nullptr : &call.out);
    model::sample(ctx, session.loaded.model, views, mixture,
                  {.draw = options.draw, .seed = call.common.seed, .number = static_cast<std::uint32_t>(n)}, tokens, options.bytes,
                  {{tokenizer.end_of_document()}}, [&](std::int32_t token) { return continuation.add(tokenizer.text_of(token)); });
    const std::string text = continuation.finish();
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
                                    {"generate my-pool --prompt 'Once upon a time' --precision bf16", "faster: half of the bytes a token"},
                                    {"generate my-pool --prompt 'def ' --top-p 0.9 --stop $'\\n\\n' --count 3",
                                     "three functions, each up to an empty line"}},
                       .json = R"({"prompt", "text", "bytes", "samples" (with --count above 1): [{"text", "bytes"}]})"},
                      run);
}

}  // namespace peer::cli
