#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/generation_summary.h"
#include "cli/option_limits.h"
#include "cli/predictor_options.h"
#include "cli/text_table.h"
#include "peer/device/rounded_gemm.h"
#include "streams/corpus.h"
#include "trainer/evaluation/bootstrap.h"
#include "trainer/evaluation/evaluate.h"
#include "trainer/evaluation/remembered_scores.h"
#include "trainer/state/held_out.h"
#include "trainer/state/session.h"
#include "trainer/state/views.h"

namespace peer::cli {
namespace {

struct EvalOptions {
  std::string domain;
  std::int64_t eval_bytes = 64 << 10;
  bool anew = false;
  Precision precision = Precision::kFp32;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.domain, OptionInfo{"domain", "score this domain only; with --from: the name to print", "NAME"});
    visit(self.eval_bytes, OptionInfo{"eval-bytes", "of --from and --test, score at most so much", "bytes"});
    visit(self.anew, OptionInfo{"anew", "read the text with every view, also with those whose scores on it the pool remembers"});
    visit(self.precision, OptionInfo{"precision",
                                     "of the operands of linear maps and attention: bf16 is faster where they are multiplied in it and "
                                     "hardly moves bits per byte. What is scored in it is not remembered"});
  }
};

struct Target {
  std::string name;
  std::optional<Digest> held_out;  // of a domain of the pool: names the documents
  std::vector<streams::Document> documents;
};

std::int64_t bytes_of(const std::vector<streams::Document>& documents) {
  std::int64_t bytes = 0;
  for (const streams::Document& document : documents) bytes += std::ssize(document.text);
  return bytes;
}

// The domains' own held-out documents, or those of a text that is given: of --test alone where both are.
std::vector<Target> targets(const trainer::Session& session, const EvalOptions& options, const streams::StreamOptions& stream,
                            Progress& progress) {
  if (!stream.from.empty() || !stream.test.empty()) {
    streams::StreamOptions text = stream;
    if (!text.test.empty()) text.from = std::exchange(text.test, {});  // that text alone
    const std::vector<streams::Document> all = streams::read_whole(text, {.progress = &progress}).documents;
    std::vector<streams::Document> scored = trainer::select_held_out(all, options.eval_bytes);
    if (const std::int64_t whole = bytes_of(all), part = bytes_of(scored); part < whole)
      progress.note(fmt::format("scores {} of {} bytes: --eval-bytes {}", part, whole, options.eval_bytes));
    return {{options.domain.empty() ? text.from.front() : options.domain, std::nullopt, std::move(scored)}};
  }
  std::vector<Target> found;
  std::vector<std::string> names;
  for (const trainer::DomainRecord& domain : session.loaded.history.domains) {
    names.push_back(domain.name);
    if (options.domain.empty() || options.domain == domain.name)
      found.push_back({domain.name, domain.held_out, trainer::read_held_out(session.pool, domain)});
  }
  if (found.empty() && names.empty()) throw UsageError("eval: the pool has seen no domain yet; train it, or score a text with --from");
  if (found.empty())
    throw UsageError(fmt::format("option 'domain': expected one of {}, found '{}'{}", fmt::join(names, ", "), options.domain,
                                 did_you_mean(options.domain, names)));
  return found;
}

// What the stages before have scored: the same bits as if the views read again.
trainer::ViewScores remembered(trainer::Session& session, const Target& target, const std::vector<int>& views,
                               const trainer::EvaluateOptions& evaluate) {
  const trainer::Records none;
  return trainer::RememberedScores(session, evaluate, {}, none).known(views, *target.held_out, target.documents);
}

Json score(Call& call, trainer::Session& session, const Target& target, const std::vector<int>& views, bool anew,
           const trainer::EvaluateOptions& evaluate, const model::MixtureOptions& mixture) {
  trainer::ViewScores known;
  if (!anew && target.held_out && evaluate.guess == 0) known = remembered(session, target, views, evaluate);
  const trainer::DomainScore score = trainer::score_domain(session.ctx, session.loaded.language(), views, target.documents, evaluate,
                                                           mixture, session.loaded.statistics, known);
  const trainer::Interval interval =
      trainer::bootstrap(score.mixture, trainer::kBootstrapDraws, static_cast<std::uint64_t>(call.common.seed));
  std::int64_t bytes = 0;
  for (const auto& d : score.mixture) bytes += d.bytes;
  Json by_view = Json::object(), remembered = Json::array();
  for (const auto& [view, scores] : known) remembered.push_back(session.loaded.model.view(view).name);
  for (std::size_t v = 0; v < views.size(); ++v)  // NaN, printed as null: the view did not read all of it
    by_view[session.loaded.model.view(views[v]).name] = trainer::bits_per_byte(score.by_view[v]);
  return {{"domain", target.name},
          {"bits_per_byte", trainer::bits_per_byte(score.mixture)},
          {"low", interval.low},
          {"high", interval.high},
          {"bytes", bytes},
          {"documents", target.documents.size()},
          {"views", by_view},
          {"views_read", score.views_read},
          {"views_computed", score.views_computed},
          {"views_remembered", remembered}};
}

int run(Call& call, const EvalOptions& options, const PredictorOptions& predictor, const streams::StreamOptions& stream,
        const trainer::EvaluateOptions& evaluate, const model::MixtureOptions& mixture) {
  trainer::check(evaluate);
  check_precision(call.device(), options.precision);
  trainer::Session session = trainer::open_session(call.argument("POOL"), predictor.at, pool::Access::kRead, call.device(),
                                                   static_cast<int>(call.common.threads), call.expert_memory_bytes());
  const PrecisionScope precision(session.ctx, options.precision);
  const std::vector<int> views = trainer::views_called(session.loaded, predictor.view);
  if (evaluate.guess > 0 && !trainer::can_guess(views, mixture, session.loaded.statistics))
    call.progress.note(
        "--guess: nothing to guess by (one view, no switch share, or a view of which no text was counted): every view reads all");
  const std::string name = views.size() > 1 ? "mixture" : session.loaded.model.view(views.front()).name;
  Json scores = Json::array();
  const std::vector<Target> all = targets(session, options, stream, call.progress);
  for (const Target& target : all) {
    call.progress.update("evaluate", static_cast<std::int64_t>(scores.size()), static_cast<std::int64_t>(all.size()), target.name);
    scores.push_back(score(call, session, target, views, options.anew, evaluate, mixture));
  }
  call.progress.update("evaluate", static_cast<std::int64_t>(all.size()), static_cast<std::int64_t>(all.size()), "");
  if (call.common.json) {
    call.print({{"generation", json_of(session.generation.id)}, {"view", name}, {"unit", "bits per byte"}, {"domains", scores}});
    return kDone;
  }
  TextTable table({{"domain"},
                   {"bits per byte", Align::kRight},
                   {"95 % interval", Align::kRight},
                   {"bytes", Align::kRight},
                   {"documents", Align::kRight},
                   {"views read", Align::kRight},
                   {"computed", Align::kRight},
                   {"each view alone"}});
  for (const Json& s : scores) {
    std::string each;
    for (const auto& [name, bits] : s["views"].items())
      if (const double alone = bits.get<double>(); std::isfinite(alone))
        each += fmt::format("{}{} {:.3f}", each.empty() ? "" : "  ", name, alone);
    table.add({s["domain"].get<std::string>(), fmt::format("{:.4f}", s["bits_per_byte"].get<double>()),
               std::isnan(s["low"].get<double>()) ? "-" : fmt::format("{:.3f}-{:.3f}", s["low"].get<double>(), s["high"].get<double>()),
               s["bytes"].dump(), s["documents"].dump(), fmt::format("{:.2f}", s["views_read"].get<double>()),
               fmt::format("{:.2f}", s["views_computed"].get<double>()), each});
  }
  call.out << table.text();
  std::size_t remembered = 0;
  for (const Json& s : scores) remembered += s["views_remembered"].size();
  if (remembered > 0)
    call.out << fmt::format("\n{} of {} scores by view were remembered from earlier stages, not computed; --anew computes all\n",
                            remembered, scores.size() * views.size());
  return kDone;
}

}  // namespace

Command eval_command() {
  return make_command(
      {.name = "eval",
       .group = Group::kMeasure,
       .summary = "Bits per byte on held-out text, by domain and by view",
       .positionals = {kPoolArgument},
       .examples = {{"eval my-pool", "every domain seen, on the documents kept in the pool"},
                    {"eval my-pool --from other.txt --at g3 --view base", "any text (its first --eval-bytes), any state, one view"}},
       .json =
           R"({"generation", "view", "unit", "domains": [{"domain", "bits_per_byte", "low", "high", "bytes", "documents", "views", "views_read", "views_computed", "views_remembered"}]})"},
      run);
}

}  // namespace peer::cli
