#include "peer/model/sample.h"

#include <algorithm>
#include <cmath>

#include "peer/base/philox.h"
#include "peer/base/require.h"
#include "peer/model/decoder.h"
#include "peer/model/stop_sequences.h"

namespace peer::model {
namespace {

// Several views that read one text, weighted by how well they have predicted it.
class MixedReader {
 public:
  MixedReader(Context& ctx, Model& model, std::span<const int> views, const MixtureOptions& options)
      : mixture_(static_cast<int>(views.size()), options) {
    for (const int view : views) decoders_.emplace_back(ctx, model, view, 1);
    following_.resize(views.size());
  }

  // Reads what every text begins with, in chunks while it fills them.
  void read_all(std::span<const std::int32_t> tokens) {
    for (const auto chunk = static_cast<std::size_t>(decoders_.front().chunk()); tokens.size() >= chunk; tokens = tokens.subspan(chunk))
      read_chunk(tokens.first(chunk));
    for (const std::int32_t token : tokens) read(token);
  }

  void read(std::int32_t token) {
    weigh(token);
    for (std::size_t v = 0; v < decoders_.size(); ++v) following_[v] = log_softmax(row(decoders_[v].read({&token, 1}), 0));
  }

  Distribution following() const {
    Distribution mixed(following_[0].size());
    for (std::size_t v = 0; v < mixed.size(); ++v) {
      double p = 0;
      for (std::size_t g = 0; g < following_.size(); ++g) p += mixture_.weights()[g] * std::exp(following_[g][v]);
      mixed[v] = std::log(p);
    }
    return mixed;
  }

 private:
  static std::span<const float> row(peer::View<const float, 2> logits, std::int64_t at) {
    return {logits.row(at), static_cast<std::size_t>(logits.shape[1])};
  }

  void read_chunk(std::span<const std::int32_t> tokens) {
    std::vector<std::vector<double>> log_p(tokens.size() - 1);  // of each token but the first, by view
    weigh(tokens.front());
    for (std::size_t v = 0; v < decoders_.size(); ++v) {
      decoders_[v].read_chunk({tokens.data(), 1, std::ssize(tokens)}, [&](std::int64_t first, peer::View<const float, 2> logits) {
        for (std::int64_t i = 0; i < logits.shape[0]; ++i)
          if (const auto t = static_cast<std::size_t>(first + i); t + 1 < tokens.size())
            log_p[t].push_back(log_softmax_of(row(logits, i), tokens[t + 1]));
          else
            following_[v] = log_softmax(row(logits, i));
      });
    }
    for (const std::vector<double>& of_token : log_p) mixture_.update(of_token);
  }

  // By how well each view predicted the token that now comes; the first was predicted by none.
  void weigh(std::int32_t token) {
    if (following_.front().empty()) return;
    std::vector<double> log_p;
    for (const Distribution& p : following_) log_p.push_back(p[static_cast<std::size_t>(token)]);
    mixture_.update(log_p);
  }

  std::vector<Decoder> decoders_;
  Mixture mixture_;
  std::vector<Distribution> following_;  // by view: of the token after those read; empty before the first
};

}  // namespace

void sample(Context& ctx, Model& model, std::span<const int> views, const MixtureOptions& mixture, const SampleOptions& options,
            const std::vector<std::int32_t>& tokens, std::int64_t count, const std::vector<std::vector<std::int32_t>>& stops,
            const std::function<bool(std::int32_t)>& on_token) {
  require(!tokens.empty() && !views.empty(), "sample: there must be a token and a view");
  MixedReader reader(ctx, model, views, mixture);
  StopSequences text(stops);
  const Random random(static_cast<std::uint64_t>(options.seed), Purpose::kSample, options.number);
  const auto show = [&](const std::vector<std::int32_t>& made) { return std::all_of(made.begin(), made.end(), std::cref(on_token)); };
  reader.read_all(tokens);
  for (std::int64_t made = 0; made < count; ++made) {
    const std::int32_t token = draw(reader.following(), options.draw, random.uniform(static_cast<std::uint64_t>(made)));
    if (!show(text.pass(token)) || text.ended()) return;
    reader.read(token);
  }
  show(text.rest());
}

std::vector<std::vector<std::int32_t>> sample_alone(Context& ctx, Model& model, int view, const SampleOptions& options, std::int64_t rows,
                                                    std::int64_t count, std::int32_t start) {
  Decoder decoder(ctx, model, view, rows);
  const Random random(static_cast<std::uint64_t>(options.seed), Purpose::kSample);
  const auto vocabulary = static_cast<std::size_t>(model.options().vocabulary);
  std::vector<std::vector<std::int32_t>> texts(static_cast<std::size_t>(rows), {start});
  std::vector<std::int32_t> last(static_cast<std::size_t>(rows), start);
  for (std::int64_t made = 0; made < count; ++made) {
    const peer::View<const float, 2> logits = decoder.read({last.data(), rows});
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
    for (std::int64_t r = 0; r < rows; ++r)
      last[r] = draw(log_softmax({logits.row(r), vocabulary}), options.draw, random.uniform(static_cast<std::uint64_t>(made * rows + r)));
    for (std::int64_t r = 0; r < rows; ++r) texts[r].push_back(last[r]);
  }
  return texts;
}

}  // namespace peer::model
