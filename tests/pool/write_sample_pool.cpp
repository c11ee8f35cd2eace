// write_sample_pool POOL: a small pool for programs that are not ours to read.
#include <cstdio>
#include <exception>

#include "tests/pool/scratch_pool.h"

int main(int argc, char** argv) {
  using namespace peer::pool;
  if (argc != 2) return 2;
  try {
    Pool pool = Pool::create(argv[1]);
    Transaction transaction = pool.begin({});
    transaction.set_table({3}, {2, 4, 1, peer::Element::kBfloat16}, 6);
    transaction.put_page({3}, {0}, std::vector<float>(16, 0.5f), std::vector<float>(4, 1.0f));
    transaction.put_page({3}, {1}, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
    transaction.commit("head", "bf16");
    test::commit_sample(pool, {}, 7);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
