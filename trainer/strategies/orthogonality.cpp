#include "trainer/strategies/orthogonality.h"

#include <string>

#include "trainer/strategies/inner_product.h"

namespace peer::trainer {

Orthogonality::Orthogonality(model::Model& model, int view, double weight) : weight_(weight) {
  for (const auto& parameter : model.parameters(view)) {
    if (!parameter->name.ends_with(".lora_A.weight")) continue;
    const std::string map = parameter->name.substr(model.view(view).name.size());  // named alike in every view
    for (const int old : model.path(view)) {
      const layers::Parameter* a = model.parameters(old).find(model.view(old).name + map);
      if (old != view && a != nullptr) older_[parameter.get()].push_back(a);
    }
  }
}

double Orthogonality::value() const {
  double sum = 0;
  for (const auto& [a, older] : older_)
    for (const layers::Parameter* old : older)
      for (std::int64_t i = 0; i < old->shape[0]; ++i)
        for (std::int64_t j = 0; j < a->shape[0]; ++j) {
          const double overlap = inner_product(old->matrix().row(i), a->matrix().row(j), a->shape[1]);
          sum += overlap * overlap;
        }
  return weight_ * sum;
}

void Orthogonality::add_to(layers::Parameter& parameter) const {
  const auto at = older_.find(&parameter);
  if (at == older_.end()) return;
  const std::int64_t width = parameter.shape[1];
  for (const layers::Parameter* old : at->second)
    for (std::int64_t i = 0; i < old->shape[0]; ++i)
      for (std::int64_t j = 0; j < parameter.shape[0]; ++j) {
        const float* row = old->matrix().row(i);
        const auto factor = static_cast<float>(2 * weight_ * inner_product(row, parameter.matrix().row(j), width));
        for (std::int64_t k = 0; k < width; ++k) parameter.gradient[j * width + k] += factor * row[k];
      }
}

}  // namespace peer::trainer
