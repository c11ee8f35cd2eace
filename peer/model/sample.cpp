#include "peer/model/sample.h"

#include <cmath>

#include "peer/base/philox.h"
#include "peer/base/require.h"
#include "peer/model/decoder.h"
#include "peer/model/distribution.h"

namespace peer::model {
namespace {

// Several views that read one text, weighted by how well they have predicted it.
class MixedReader {
 public:
  MixedReader(Context& ctx, Model& model, std::span<const int> views, const MixtureOptions& options)
      : mixture_(static_cast<int>(views.size()), options) {
    for (const int view : views) decoders_.emplace_back(ctx, model, view, 1);
  }

  void read(std::int32_t token) {
    if (!following_.empty()) {
      std::vector<double> log_p;
      for (const Distribution& p : following_) log_p.push_back(p[static_cast<std::size_t>(token)]);
      mixture_.update(log_p);
    }
    following_.clear();
    for (Decoder& decoder : decoders_) {
      const peer::View<const float, 2> logits = decoder.read({&token, 1});
      following_.push_back(log_softmax({logits.data, static_cast<std::size_t>(logits.shape[1])}));
    }
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
  std::vector<Decoder> decoders_;
  Mixture mixture_;
  std::vector<Distribution> following_;  // by view: of the token after those read
};

}  // namespace

void sample(Context& ctx, Model& model, std::span<const int> views, const MixtureOptions& mixture, const SampleOptions& options,
            const std::vector<std::int32_t>& tokens, std::int64_t count, std::int32_t stop,
            const std::function<bool(std::int32_t)>& on_token) {
  require(!tokens.empty() && !views.empty(), "sample: there must be a token and a view");
  MixedReader reader(ctx, model, views, mixture);
  const Random random(static_cast<std::uint64_t>(options.seed), Purpose::kSample);
  for (const std::int32_t token : tokens) reader.read(token);
  for (std::int64_t made = 0; made < count; ++made) {
    const std::int32_t token = draw(reader.following(), options.temperature, random.uniform(static_cast<std::uint64_t>(made)));
    if (token == stop || !on_token(token)) return;
    reader.read(token);
  }
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
      last[r] =
          draw(log_softmax({logits.row(r), vocabulary}), options.temperature, random.uniform(static_cast<std::uint64_t>(made * rows + r)));
    for (std::int64_t r = 0; r < rows; ++r) texts[r].push_back(last[r]);
  }
  return texts;
}

}  // namespace peer::model
