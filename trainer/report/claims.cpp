#include "trainer/report/claims.h"

#include <algorithm>
#include <cmath>

#include "trainer/evaluation/retention.h"

namespace peer::trainer {
namespace {

double naive_loss(const ComparedGroup& naive, const std::string& domain) {
  double sum = 0;
  int count = 0;
  for (const ComparedRun& run : naive.runs)
    for (const DomainCourse& course : run.domains)
      if (course.name == domain && !std::isnan(course.own)) sum += course.own, ++count;
  return count > 0 ? sum / count : kMissing;
}

}  // namespace

bool Claim::met() const { return at_least ? value >= bound : value <= bound; }

double Claim::missed_by() const { return met() ? 0 : std::abs(value - bound); }

double plasticity_against(const ComparedGroup& method, const ComparedGroup& naive) {
  double sum = 0;
  int count = 0;
  for (const ComparedRun& run : method.runs)
    for (const DomainCourse& course : run.domains) {
      if (&course == &run.domains.front()) continue;
      const double gain = course.before - naive_loss(naive, course.name);
      if (!(gain >= kSmallestGain) || std::isnan(course.own)) continue;
      sum += (course.before - course.own) / gain;
      ++count;
    }
  return count > 0 ? sum / count : kMissing;
}

std::vector<Claim> judge(const ComparedGroup& method, const ComparedGroup& naive, const ComparedGroup& joint, const ComparedGroup& replay) {
  const double over_joint = method.numbers.final_average.value - joint.numbers.final_average.value;
  const double over_replay = method.numbers.final_average.value - replay.numbers.final_average.value;
  return {
      {"1  mean forgetting, upper 95 % bound", widest(method.numbers.forgetting).high, 0.005},
      {"1  forgetting of the domain kept least well", method.forgetting_max, 0.02},
      {"2  new-domain loss above " + naive.name + ", upper 95 % bound", widest(difference_of(method, naive).new_loss).high, 0.01},
      {"2  plasticity against " + naive.name, plasticity_against(method, naive), 0.98, true, 3},
      {"3  final average above " + joint.name, over_joint, 0.01},
      {"3  final average above " + replay.name, over_replay, 0},
      {"4  parameters added by a domain, share of the base", method.added_per_domain, 0.1, false, 3},
  };
}

}  // namespace peer::trainer
