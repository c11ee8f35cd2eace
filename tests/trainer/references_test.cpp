#include "trainer/evaluation/references.h"

#include <cmath>

#include "peer/base/error.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::trainer;

namespace {

using Losses = std::map<std::string, double>;

// Stages in the order of `losses`, each named after the domain that it trained.
History history_of(const std::vector<std::pair<std::string, Losses>>& stages, const std::string& text = "same") {
  History history;
  history.stages.push_back({.strategy = "none"});
  for (const auto& [domain, losses] : stages) {
    if (history.domain(domain) == nullptr) history.domains.push_back({.name = domain, .held_out = digest_of(text + domain)});
    history.stages.push_back({.domain = domain, .loss = losses});
  }
  return history;
}

const History kOwn = history_of({{"a", {{"a", 3.0}}}, {"b", {{"a", 4.0}, {"b", 3.0}}}, {"c", {{"a", 4.0}, {"b", 4.0}, {"c", 3.0}}}});

}  // namespace

TEST_CASE("the joint loss of a domain is that after joint training on it and all before it, and no other") {
  const ReferencePool joint{
      "joint", history_of({{"a", {{"a", 2.0}}}, {"b", {{"a", 2.1}, {"b", 2.2}}}, {"c", {{"a", 2.3}, {"b", 2.4}, {"c", 2.5}}}})};
  CHECK(joint_losses(kOwn, joint) == std::vector<double>{2.0, 2.2, 2.5});
}

TEST_CASE("joint training in another order counts where the same set of domains was seen, and is missing elsewhere") {
  const ReferencePool joint{
      "joint", history_of({{"b", {{"b", 2.0}}}, {"a", {{"a", 2.1}, {"b", 2.2}}}, {"c", {{"a", 2.3}, {"b", 2.4}, {"c", 2.5}}}})};
  const std::vector<double> losses = joint_losses(kOwn, joint);
  CHECK(std::isnan(losses[0]));  // it never knew a alone
  CHECK(losses[1] == 2.2);
  CHECK(losses[2] == 2.5);
}

TEST_CASE("joint training that stopped early, or never began, leaves the rest missing") {
  const std::vector<double> early = joint_losses(kOwn, {"joint", history_of({{"a", {{"a", 2.0}}}})});
  CHECK(early[0] == 2.0);
  CHECK(std::isnan(early[1]));
  for (const double loss : joint_losses(kOwn, {"joint", history_of({})})) CHECK(std::isnan(loss));
}

TEST_CASE("the oracle is the lowest loss that any pool ends with, missing for a domain that none knows") {
  const std::vector<double> losses = oracle_losses(
      kOwn, {{"one", history_of({{"a", {{"a", 2.5}}}})}, {"two", history_of({{"b", {{"b", 2.0}}}, {"a", {{"a", 2.25}, {"b", 2.75}}}})}});
  CHECK(losses[0] == 2.25);
  CHECK(losses[1] == 2.75);  // what it ends with, not what it once was
  CHECK(std::isnan(losses[2]));
}

TEST_CASE("losses on other held-out text are refused") {
  const ReferencePool other{"other", history_of({{"a", {{"a", 2.0}}}}, "different")};
  CHECK_THROWS_AS(joint_losses(kOwn, other), UsageError);
  CHECK_THROWS_AS(oracle_losses(kOwn, {other}), UsageError);
}
