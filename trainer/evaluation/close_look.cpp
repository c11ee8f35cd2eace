#include "trainer/evaluation/close_look.h"

#include "trainer/state/held_out.h"
#include "trainer/state/views.h"

namespace peer::trainer {
namespace {

constexpr std::int64_t kDrawnBytes = 4096, kHalfBytes = 2048;  // of a document along which weights are drawn
constexpr std::size_t kPoints = 160;

class Look {
 public:
  Look(Session& session, const EvaluateOptions& options, const model::MixtureOptions& mixture, Progress& progress)
      : session_(session),
        model_(session.loaded.model),
        options_(options),
        mixture_(mixture),
        progress_(progress),
        views_(predicting_views(model_, session.loaded.history)) {}

  CloseLook run() {
    const History& history = session_.loaded.history;
    for (const model::View& view : model_.views()) look_.views.push_back(view.name);
    const Births births = births_of(history, model_.views().size());
    for (const int stage : births.domain)
      look_.own.push_back(stage < static_cast<int>(history.stages.size()) ? history.stages[static_cast<std::size_t>(stage)].view : -1);
    std::int64_t done = 0;
    const auto total = static_cast<std::int64_t>(history.domains.size());
    for (const DomainRecord& domain : history.domains) {
      progress_.update("look closely", done++, total, domain.name);
      add(domain.name, read_held_out(session_.pool, domain));
    }
    if (history.domains.size() > 1) draw_switch(history.domains.front(), history.domains.back());
    progress_.update("look closely", total, total, "");
    look_.usage = derive(usage_, births, 0);
    return std::move(look_);
  }

 private:
  void add(const std::string& domain, const std::vector<streams::Document>& documents) {
    const ViewScores scores = score_views(session_.ctx, session_.loaded.language(), views_to_score(model_, views_), documents, options_);
    add_domain(look_.causal, model_, views_, scores, documents, mixture_);
    std::vector<TokenWeights> weights;
    for (std::size_t d = 0; d < documents.size(); ++d) weights.push_back(mixture_weights(scores, views_, d, mixture_));
    add_domain(usage_, session_.ctx, session_.loaded.language(), views_, documents, weights, options_);
    draw(domain, longest(documents, kDrawnBytes));
  }

  void draw(const std::string& title, const streams::Document& document, std::int64_t boundary = -1) {
    if (views_.size() < 2) return;  // one view has all the weight
    const ViewScores scores = score_views(session_.ctx, session_.loaded.language(), views_, {&document, 1}, options_);
    look_.documents.push_back(summarise(title, views_, document, mixture_weights(scores, views_, 0, mixture_), kPoints));
    look_.documents.back().boundary = boundary;
  }

  void draw_switch(const DomainRecord& first, const DomainRecord& last) {
    streams::Document both = longest(read_held_out(session_.pool, first), kHalfBytes);
    const auto boundary = static_cast<std::int64_t>(both.text.size());
    both.text += longest(read_held_out(session_.pool, last), kHalfBytes).text;
    draw(first.name + ", then " + last.name, both, boundary);
  }

  Session& session_;
  model::Model& model_;
  EvaluateOptions options_;
  model::MixtureOptions mixture_;
  Progress& progress_;
  std::vector<int> views_;
  ExpertUsage usage_;
  CloseLook look_;
};

}  // namespace

CloseLook look_closely(Session& session, const EvaluateOptions& options, const model::MixtureOptions& mixture, Progress& progress) {
  return Look(session, options, mixture, progress).run();
}

}  // namespace peer::trainer
