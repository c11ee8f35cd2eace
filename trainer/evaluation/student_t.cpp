#include "trainer/evaluation/student_t.h"

#include <cmath>
#include <numbers>

#include "peer/base/require.h"

namespace peer::trainer {
namespace {

// The x with P(|t| <= x) = 0.95. The probability rises with x, so halving finds it.
double t_95(int freedom) {
  double low = 0, high = 16;  // of one degree it is 12.706, of more it is less
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (central_t_probability(middle, freedom) < 0.95 ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

double central_t_probability(double x, int freedom) {
  require(freedom >= 1 && x >= 0, "student_t: needs a degree of freedom and a bound that is not negative");
  const double angle = std::atan(x / std::sqrt(freedom)), sine = std::sin(angle), cosine = std::cos(angle);
  const bool odd = freedom % 2 == 1;
  // odd: 2/pi (angle + sine (c + 2/3 c^3 + 2*4/(3*5) c^5 + ... c^(freedom-2))); even: sine (1 + 1/2 c^2 + 1*3/(2*4) c^4 + ...
  // c^(freedom-2))
  double term = odd ? cosine : 1, sum = 0;
  for (int power = odd ? 1 : 0; power <= freedom - 2; power += 2) {
    sum += term;
    term *= cosine * cosine * (power + 1) / (power + 2);
  }
  return odd ? 2 / std::numbers::pi * (angle + sine * sum) : sine * sum;
}

Interval t_interval(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  if (values.size() < 2) return {};
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half = t_95(static_cast<int>(values.size()) - 1) * std::sqrt(squares / (count - 1) / count);
  return {mean - half, mean + half};
}

}  // namespace peer::trainer
