// pool_check POOL: "g12 0123...  " when the pool is whole, one line a problem and exit code 4 when it is not.
#include <cstdio>

#include "tests/crash/pool_check.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto check = peer::pool::test::check_pool(argv[1]);
  if (check.head.valid())
    std::printf("g%lld %s\n", static_cast<long long>(check.head.value), peer::to_hex(check.content).c_str());
  else
    std::printf("empty\n");
  for (const std::string& problem : check.problems) std::printf("%s\n", problem.c_str());
  return check.problems.empty() ? 0 : 4;
}
