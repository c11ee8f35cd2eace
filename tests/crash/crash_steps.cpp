#include "tests/crash/crash_steps.h"

#include "peer/base/require.h"
#include "tests/pool/scratch_pool.h"

namespace peer::pool::test {

void make_two_generations(const std::string& path) {
  Pool pool = Pool::create(path);
  commit_sample(pool, commit_sample(pool, {}, 1), 2);
}

GenerationId commit_everything(Pool& pool, GenerationId parent, int seed) {
  Transaction transaction = pool.begin(parent);
  const BlockId changed{0}, grown{1};
  transaction.put_page(changed, {0}, page_rows(seed), page_state_values(seed));
  transaction.put_page(changed, {1}, page_rows(seed + 100));
  transaction.set_table(grown, kLayout, 6);
  transaction.put_page(grown, {0}, page_rows(seed + 200), page_state_values(seed + 200));
  transaction.put_page(grown, {1}, page_rows(seed + 300, 2));
  const std::vector<float> weights = page_rows(seed + 400);
  transaction.put_trunk("delta", {{"adapter", {4, 6}, weights.data()}});
  transaction.set_state("cursor " + std::to_string(seed));
  for (int i = 0; i < 3; ++i) transaction.put_record("everything/" + std::to_string(i), "of " + std::to_string(seed));
  return transaction.commit("head", "everything " + std::to_string(seed)).id;
}

void run_step(Pool& pool, const std::string& step) {
  if (step == "rollback") {
    pool.move_ref("head", pool.resolve("head~1"), "rollback");
    return;
  }
  if (step == "prune") {
    pool.prune([](const Generation&) { return true; }, Removal::kYes);
    return;
  }
  require(step == "commit", "crash_steps: the step must be commit, rollback or prune");
  commit_everything(pool, pool.resolve("head"), 30);
}

std::string visible_state(const Pool& pool) {
  std::string text = to_hex(pool.generation(pool.resolve("head")).content);
  pool.for_each_record("", [&](std::string_view key, std::string_view value) { text.append("\n").append(key).append("=").append(value); });
  return text;
}

}  // namespace peer::pool::test
