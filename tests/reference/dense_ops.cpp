#include "tests/reference/dense_ops.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace peer::reference {
namespace {

std::int64_t count(const Numbers& x) { return static_cast<std::int64_t>(x.size()); }

double logistic(double z) { return 1 / (1 + std::exp(-z)); }

Numbers scaled(Numbers numbers, double factor) {
  for (double& number : numbers) number *= factor;
  return numbers;
}

double log_sum_exp(const double* x, std::int64_t size) {
  const double largest = *std::max_element(x, x + size);
  double sum = 0;
  for (std::int64_t i = 0; i < size; ++i) sum += std::exp(x[i] - largest);
  return largest + std::log(sum);
}

// Walks the query heads: where a query's, a key's and a log-sum-exp's numbers begin.
struct AttentionWalk {
  const AttentionShape& shape;
  double scale = 1 / std::sqrt(static_cast<double>(shape.width));
  std::int64_t query(std::int64_t b, std::int64_t t, std::int64_t h) const {
    return ((b * shape.time + t) * shape.query_heads + h) * shape.width;
  }
  std::int64_t key(std::int64_t b, std::int64_t s, std::int64_t h) const {
    return ((b * shape.time + s) * shape.key_heads + h / (shape.query_heads / shape.key_heads)) * shape.width;
  }
  std::int64_t lse(std::int64_t b, std::int64_t t, std::int64_t h) const { return (b * shape.query_heads + h) * shape.time + t; }
  double dot(const Numbers& a, std::int64_t from_a, const Numbers& b, std::int64_t from_b) const {
    double sum = 0;
    for (std::int64_t i = 0; i < shape.width; ++i) sum += a[from_a + i] * b[from_b + i];
    return sum;
  }
  void add(double factor, const Numbers& from, std::int64_t from_first, Numbers& to, std::int64_t to_first) const {
    for (std::int64_t i = 0; i < shape.width; ++i) to[to_first + i] += factor * from[from_first + i];
  }
  template <class Visitor>
  void each_query(Visitor&& visit) const {
    for (std::int64_t b = 0; b < shape.batch; ++b)
      for (std::int64_t h = 0; h < shape.query_heads; ++h)
        for (std::int64_t t = 0; t < shape.time; ++t) visit(b, t, h);
  }
};

}  // namespace

Numbers embedding(const std::vector<std::int32_t>& id, const Numbers& table, std::int64_t width) {
  Numbers x;
  for (std::int64_t token : id) x.insert(x.end(), table.begin() + token * width, table.begin() + (token + 1) * width);
  return x;
}

Numbers embedding_backward(const std::vector<std::int32_t>& id, const Numbers& dx, std::int64_t vocabulary, std::int64_t width) {
  Numbers dtable(vocabulary * width);
  for (std::size_t n = 0; n < id.size(); ++n)
    for (std::int64_t i = 0; i < width; ++i) dtable[id[n] * width + i] += dx[n * width + i];
  return dtable;
}

Numbers bias(const Numbers& y, const Numbers& bias) {
  Numbers out = y;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += bias[i % bias.size()];
  return out;
}

Numbers bias_backward(const Numbers& dy, std::int64_t width) {
  Numbers dbias(static_cast<std::size_t>(width));
  for (std::size_t i = 0; i < dy.size(); ++i) dbias[i % dbias.size()] += dy[i];
  return dbias;
}

Numbers rms_norm(const Numbers& x, const Numbers& weight, double epsilon) {
  const std::int64_t width = count(weight);
  Numbers y(x.size());
  for (std::int64_t first = 0; first < count(x); first += width) {
    double squares = 0;
    for (std::int64_t i = 0; i < width; ++i) squares += x[first + i] * x[first + i];
    const double r = 1 / std::sqrt(squares / static_cast<double>(width) + epsilon);
    for (std::int64_t i = 0; i < width; ++i) y[first + i] = x[first + i] * r * weight[i];
  }
  return y;
}

RmsNormGradients rms_norm_backward(const Numbers& x, const Numbers& weight, const Numbers& dy, double epsilon) {
  const std::int64_t width = count(weight);
  RmsNormGradients out{Numbers(x.size()), Numbers(weight.size())};
  for (std::int64_t first = 0; first < count(x); first += width) {
    double squares = 0, product = 0;
    for (std::int64_t i = 0; i < width; ++i) {
      squares += x[first + i] * x[first + i];
      product += weight[i] * dy[first + i] * x[first + i];
    }
    const double r = 1 / std::sqrt(squares / static_cast<double>(width) + epsilon);
    for (std::int64_t i = 0; i < width; ++i) {
      out.dx[first + i] = r * weight[i] * dy[first + i] - x[first + i] * r * r * r * product / static_cast<double>(width);
      out.dweight[i] += r * x[first + i] * dy[first + i];
    }
  }
  return out;
}

Numbers rotary_frequencies(std::int64_t width, double theta) {
  Numbers frequency(width / 2);
  for (std::int64_t i = 0; i < width / 2; ++i) frequency[i] = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(width));
  return frequency;
}

Numbers interpolated_frequencies(Numbers frequency, double factor) {
  for (double& f : frequency) f /= factor;
  return frequency;
}

Numbers llama3_frequencies(Numbers frequency, double factor, double low_freq_factor, double high_freq_factor, double old_context_length) {
  const double low_freq_wavelength = old_context_length / low_freq_factor, high_freq_wavelength = old_context_length / high_freq_factor;
  for (double& f : frequency) {
    const double wavelength = 2 * std::numbers::pi / f;
    if (wavelength < high_freq_wavelength) continue;
    if (wavelength > low_freq_wavelength) {
      f /= factor;
      continue;
    }
    const double smooth = (old_context_length / wavelength - low_freq_factor) / (high_freq_factor - low_freq_factor);
    f = (1 - smooth) * f / factor + smooth * f;
  }
  return frequency;
}

Numbers rotary(const Numbers& x, const HeadShape& shape, std::int64_t first_position, const Numbers& frequency, bool inverse) {
  Numbers y(x.size());
  const std::int64_t width = shape.width, half = width / 2;
  for (std::int64_t first = 0; first < count(x); first += width) {
    const std::int64_t t = first / (shape.heads * width) % shape.time;
    for (std::int64_t i = 0; i < half; ++i) {
      const double a = (inverse ? -1 : 1) * static_cast<double>(first_position + t) * frequency[i];
      y[first + i] = x[first + i] * std::cos(a) - x[first + i + half] * std::sin(a);
      y[first + i + half] = x[first + i + half] * std::cos(a) + x[first + i] * std::sin(a);
    }
  }
  return y;
}

AttentionResult attention(const Numbers& q, const Numbers& k, const Numbers& v, const AttentionShape& shape) {
  const AttentionWalk walk{shape};
  AttentionResult out{Numbers(q.size()), Numbers(shape.lse_size())};
  walk.each_query([&](std::int64_t b, std::int64_t t, std::int64_t h) {
    Numbers score(t + 1);
    for (std::int64_t s = 0; s <= t; ++s) score[s] = walk.scale * walk.dot(q, walk.query(b, t, h), k, walk.key(b, s, h));
    const double lse = out.lse[walk.lse(b, t, h)] = log_sum_exp(score.data(), t + 1);
    for (std::int64_t s = 0; s <= t; ++s) walk.add(std::exp(score[s] - lse), v, walk.key(b, s, h), out.y, walk.query(b, t, h));
  });
  return out;
}

AttentionGradients attention_backward(const Numbers& q, const Numbers& k, const Numbers& v, const Numbers& dy,
                                      const AttentionShape& shape) {
  const AttentionWalk walk{shape};
  const AttentionResult forward = attention(q, k, v, shape);
  AttentionGradients out{Numbers(q.size()), Numbers(k.size()), Numbers(v.size())};
  walk.each_query([&](std::int64_t b, std::int64_t t, std::int64_t h) {
    const std::int64_t query = walk.query(b, t, h);
    const double dy_y = walk.dot(dy, query, forward.y, query), lse = forward.lse[walk.lse(b, t, h)];
    for (std::int64_t s = 0; s <= t; ++s) {
      const std::int64_t key = walk.key(b, s, h);
      const double p = std::exp(walk.scale * walk.dot(q, query, k, key) - lse);
      const double dscore = walk.scale * p * (walk.dot(dy, query, v, key) - dy_y);
      walk.add(dscore, k, key, out.dq, query);
      walk.add(dscore, q, query, out.dk, key);
      walk.add(p, dy, query, out.dv, key);
    }
  });
  return out;
}

Numbers swiglu(const Numbers& gate, const Numbers& up) {
  Numbers y(gate.size());
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = gate[i] * logistic(gate[i]) * up[i];
  return y;
}

SwigluGradients swiglu_backward(const Numbers& gate, const Numbers& up, const Numbers& dy) {
  SwigluGradients out{Numbers(gate.size()), Numbers(gate.size())};
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const double s = logistic(gate[i]);
    out.dgate[i] = dy[i] * up[i] * s * (1 + gate[i] * (1 - s));
    out.dup[i] = dy[i] * gate[i] * s;
  }
  return out;
}

Numbers cross_entropy(const Numbers& logits, const std::vector<std::int32_t>& target) {
  const std::int64_t rows = static_cast<std::int64_t>(target.size()), width = count(logits) / rows;
  Numbers nll(rows);
  for (std::int64_t n = 0; n < rows; ++n)
    if (target[n] >= 0) nll[n] = log_sum_exp(&logits[n * width], width) - logits[n * width + target[n]];
  return nll;
}

Numbers cross_entropy_gradient(const Numbers& logits, const std::vector<std::int32_t>& target, double scale) {
  const std::int64_t rows = static_cast<std::int64_t>(target.size()), width = count(logits) / rows;
  Numbers dlogits(logits.size());
  for (std::int64_t n = 0; n < rows; ++n) {
    if (target[n] < 0) continue;
    const double lse = log_sum_exp(&logits[n * width], width);
    for (std::int64_t i = 0; i < width; ++i) dlogits[n * width + i] = scale * (std::exp(logits[n * width + i] - lse) - (i == target[n]));
  }
  return dlogits;
}

Numbers distillation(const Numbers& student, const Numbers& teacher, const std::vector<std::int32_t>& target, double temperature) {
  const std::int64_t rows = static_cast<std::int64_t>(target.size()), width = count(student) / rows;
  Numbers divergence(rows);
  const Numbers q = scaled(student, 1 / temperature), p = scaled(teacher, 1 / temperature);
  for (std::int64_t n = 0; n < rows; ++n) {
    if (target[n] < 0) continue;
    const double q_lse = log_sum_exp(&q[n * width], width), p_lse = log_sum_exp(&p[n * width], width);
    for (std::int64_t i = n * width; i < (n + 1) * width; ++i)
      divergence[n] += temperature * temperature * std::exp(p[i] - p_lse) * ((p[i] - p_lse) - (q[i] - q_lse));
  }
  return divergence;
}

Numbers distillation_gradient(const Numbers& student, const Numbers& teacher, const std::vector<std::int32_t>& target, double temperature,
                              double scale) {
  const std::int64_t rows = static_cast<std::int64_t>(target.size()), width = count(student) / rows;
  Numbers gradient(student.size());
  const Numbers q = scaled(student, 1 / temperature), p = scaled(teacher, 1 / temperature);
  for (std::int64_t n = 0; n < rows; ++n) {
    if (target[n] < 0) continue;
    const double q_lse = log_sum_exp(&q[n * width], width), p_lse = log_sum_exp(&p[n * width], width);
    for (std::int64_t i = n * width; i < (n + 1) * width; ++i)
      gradient[i] = scale * temperature * (std::exp(q[i] - q_lse) - std::exp(p[i] - p_lse));
  }
  return gradient;
}

void adamw(AdamwState& state, const Numbers& gradient, const AdamwSettings& settings, std::int64_t step) {
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double g = gradient[i] * settings.gradient_scale;
    double &w = state.weight[i], &m = state.m[i], &v = state.v[i];
    m = settings.beta1 * m + (1 - settings.beta1) * g;
    v = settings.beta2 * v + (1 - settings.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(settings.beta1, step)), v_hat = v / (1 - std::pow(settings.beta2, step));
    w -= settings.learning_rate * (m_hat / (std::sqrt(v_hat) + settings.epsilon) + settings.weight_decay * w);
  }
}

}  // namespace peer::reference
