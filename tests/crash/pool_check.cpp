#include "tests/crash/pool_check.h"

#include "peer/base/error.h"

namespace peer::pool::test {
namespace {

void read_everything(const Pool& pool, const Generation& generation) {
  for (const TableInfo& table : generation.tables)
    for (std::int64_t page = 0; page < table.page_count(); ++page) {
      pool.page(generation, table.block, {page});
      pool.page_state(generation, table.block, {page});
    }
  for (const TrunkInfo& trunk : generation.trunks) pool.trunk(trunk);
}

}  // namespace

PoolCheck check_pool(const std::string& path) {
  PoolCheck check;
  try {
    const Pool pool = Pool::open(path, Access::kRead);
    for (const Damage& damage : pool.verify().damage) check.problems.push_back(damage.file + ": " + damage.problem);
    const std::optional<GenerationId> head = pool.ref("head");
    if (!head) return check;
    check.head = *head;
    const Generation generation = pool.generation(*head);
    check.content = generation.content;
    read_everything(pool, generation);
  } catch (const Error& error) {
    check.problems.emplace_back(error.what());
  }
  return check;
}

}  // namespace peer::pool::test
