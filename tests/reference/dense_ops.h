// The oracle of the dense ops: their formulas as plain loops in double precision. Shapes and meanings are those of peer/ops/*.h.
// What the ops add to is returned here on its own.
#pragma once

#include <cstdint>
#include <vector>

namespace peer::reference {

using Numbers = std::vector<double>;

// (N, D)
Numbers embedding(const std::vector<std::int32_t>& id, const Numbers& table, std::int64_t width);
// (V, D)
Numbers embedding_backward(const std::vector<std::int32_t>& id, const Numbers& dx, std::int64_t vocabulary, std::int64_t width);

// y (N, O) with the bias added, and the bias's gradient (O)
Numbers bias(const Numbers& y, const Numbers& bias);
Numbers bias_backward(const Numbers& dy, std::int64_t width);

Numbers rms_norm(const Numbers& x, const Numbers& weight, double epsilon);
struct RmsNormGradients {
  Numbers dx, dweight;
};
RmsNormGradients rms_norm_backward(const Numbers& x, const Numbers& weight, const Numbers& dy, double epsilon);

struct HeadShape {
  std::int64_t batch, time, heads, width;
};
// frequency: of the d/2 pairs
Numbers rotary(const Numbers& x, const HeadShape& shape, std::int64_t first_position, const Numbers& frequency, bool inverse);
Numbers rotary_frequencies(std::int64_t width, double theta);
// Positions interpolated: position / factor (Chen et al. 2023, eq. 4).
Numbers interpolated_frequencies(Numbers frequency, double factor);
// By wavelength, as Llama 3.1 scales them (apply_scaling in Meta's model.py).
Numbers llama3_frequencies(Numbers frequency, double factor, double low_freq_factor, double high_freq_factor, double old_context_length);

struct AttentionShape {
  std::int64_t batch, time, query_heads, key_heads, width;
  std::int64_t query_size() const { return batch * time * query_heads * width; }
  std::int64_t key_size() const { return batch * time * key_heads * width; }
  std::int64_t lse_size() const { return batch * time * query_heads; }
};
struct AttentionResult {
  Numbers y, lse;
};
AttentionResult attention(const Numbers& q, const Numbers& k, const Numbers& v, const AttentionShape& shape);
struct AttentionGradients {
  Numbers dq, dk, dv;
};
AttentionGradients attention_backward(const Numbers& q, const Numbers& k, const Numbers& v, const Numbers& dy, const AttentionShape& shape);

Numbers swiglu(const Numbers& gate, const Numbers& up);
struct SwigluGradients {
  Numbers dgate, dup;
};
SwigluGradients swiglu_backward(const Numbers& gate, const Numbers& up, const Numbers& dy);

// (N)
Numbers cross_entropy(const Numbers& logits, const std::vector<std::int32_t>& target);
// (N, V)
Numbers cross_entropy_gradient(const Numbers& logits, const std::vector<std::int32_t>& target, double scale);

// T^2 KL(softmax(teacher / T) || softmax(student / T)), (N)
Numbers distillation(const Numbers& student, const Numbers& teacher, const std::vector<std::int32_t>& target, double temperature);
// Its derivative with respect to student, times scale: (N, V)
Numbers distillation_gradient(const Numbers& student, const Numbers& teacher, const std::vector<std::int32_t>& target, double temperature,
                              double scale);

struct AdamwState {
  Numbers weight, m, v;
};
struct AdamwSettings {
  double learning_rate, beta1, beta2, epsilon, weight_decay, gradient_scale;
};
void adamw(AdamwState& state, const Numbers& gradient, const AdamwSettings& settings, std::int64_t step);

}  // namespace peer::reference
