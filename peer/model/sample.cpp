#include "peer/model/sample.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "peer/base/philox.h"
#include "peer/base/require.h"

namespace peer::model {
namespace {

using Distribution = std::vector<double>;  // natural log-probabilities of the V tokens

Distribution log_softmax(const float* logits, std::int64_t count) {
  const float best = *std::max_element(logits, logits + count);
  double sum = 0;
  for (std::int64_t v = 0; v < count; ++v) sum += std::exp(static_cast<double>(logits[v]) - best);
  const double shift = best + std::log(sum);
  Distribution log_p(static_cast<std::size_t>(count));
  for (std::int64_t v = 0; v < count; ++v) log_p[v] = logits[v] - shift;
  return log_p;
}

// One view reading a window of the last T tokens, padded behind: causal attention does not look there.
class Reader {
 public:
  Reader(Model& model, int view)
      : model_(model), saved_(model, view, 1, model.options().context, false), window_(static_cast<std::size_t>(model.options().context)) {}

  // Log-probabilities of what follows each of tokens [first, end).
  std::vector<Distribution> read(Context& ctx, std::span<const std::int32_t> tokens, std::size_t first) {
    const std::size_t begin = tokens.size() > window_.size() ? tokens.size() - window_.size() : 0;
    std::fill(window_.begin(), window_.end(), 0);
    std::copy(tokens.begin() + static_cast<std::ptrdiff_t>(begin), tokens.end(), window_.begin());
    model_.forward(ctx, {window_.data(), saved_.tokens}, saved_, false);
    std::vector<Distribution> following;
    for (std::size_t t = std::max(first, begin); t < tokens.size(); ++t)
      following.push_back(log_softmax(saved_.logits_view().row(static_cast<std::int64_t>(t - begin)), model_.options().vocabulary));
    return following;
  }

 private:
  Model& model_;
  Activations saved_;
  std::vector<std::int32_t> window_;
};

std::int32_t draw(const Distribution& p, double temperature, double uniform) {
  const auto best = std::max_element(p.begin(), p.end());
  if (temperature <= 0) return static_cast<std::int32_t>(best - p.begin());
  double sum = 0;
  for (const double log_p : p) sum += std::exp((log_p - *best) / temperature);
  double rest = uniform * sum;
  for (std::size_t v = 0; v < p.size(); ++v) {
    rest -= std::exp((p[v] - *best) / temperature);
    if (rest < 0) return static_cast<std::int32_t>(v);
  }
  return static_cast<std::int32_t>(best - p.begin());
}

}  // namespace

void sample(Context& ctx, Model& model, std::span<const int> views, const MixtureOptions& mixture_options, const SampleOptions& options,
            std::vector<std::int32_t> tokens, std::int64_t count, std::int32_t stop, const std::function<bool(std::int32_t)>& on_token) {
  require(!tokens.empty() && !views.empty(), "sample: there must be a token and a view");
  std::vector<Reader> readers;
  for (const int view : views) readers.emplace_back(model, view);
  Mixture mixture(static_cast<int>(views.size()), mixture_options);
  const Random random(static_cast<std::uint64_t>(options.seed), Purpose::kSample);
  const auto length = static_cast<std::size_t>(model.options().context);
  // A prompt longer than the window is known by its last T tokens alone.
  if (tokens.size() > length) tokens.erase(tokens.begin(), tokens.end() - static_cast<std::ptrdiff_t>(length));

  std::size_t unread = 0;
  std::vector<double> log_p(views.size());
  for (std::int64_t made = 0; made < count; ++made) {
    std::vector<std::vector<Distribution>> following;
    for (Reader& reader : readers) following.push_back(reader.read(ctx, tokens, unread));
    const std::size_t fresh = following[0].size();
    for (std::size_t i = 0; i + 1 < fresh; ++i) {  // the prompt's own tokens move the weights
      for (std::size_t g = 0; g < views.size(); ++g) log_p[g] = following[g][i][tokens[tokens.size() - fresh + i + 1]];
      mixture.update(log_p);
    }
    Distribution mixed(following[0].back().size());
    for (std::size_t v = 0; v < mixed.size(); ++v) {
      double p = 0;
      for (std::size_t g = 0; g < views.size(); ++g) p += mixture.weights()[g] * std::exp(following[g].back()[v]);
      mixed[v] = std::log(p);
    }
    const std::int32_t token = draw(mixed, options.temperature, random.uniform(static_cast<std::uint64_t>(made)));
    for (std::size_t g = 0; g < views.size(); ++g) log_p[g] = following[g].back()[token];
    mixture.update(log_p);
    tokens.push_back(token);
    unread = tokens.size() - 1;
    if (token == stop || !on_token(token)) return;
  }
}

}  // namespace peer::model
