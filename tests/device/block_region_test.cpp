#include "peer/device/block_region.h"

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

namespace peer {
namespace {

struct Block {
  unsigned char* data;
  std::size_t bytes;
  unsigned char mark;
};

Block block_of(std::size_t bytes, unsigned char mark) {
  auto* data = static_cast<unsigned char*>(allocate_block(bytes));
  if (data != nullptr) std::memset(data, mark, bytes);
  return {data, bytes, mark};
}

bool is_whole(const Block& block) {
  for (std::size_t i = 0; i < block.bytes; ++i)
    if (block.data[i] != block.mark) return false;
  return true;
}

void give_back(Block& block) {
  free_block(block.data, block.bytes);
  block.data = nullptr;
}

TEST_CASE("blocks of many sizes are aligned and none lies in another, also when some between them were given back") {
  std::vector<Block> blocks;
  for (int i = 0; i < 300; ++i) {
    const auto bytes = static_cast<std::size_t>(16'000 + i * 7919 % 1'900'000);  // several regions in all
    blocks.push_back(block_of(bytes, static_cast<unsigned char>(i)));
    REQUIRE(blocks.back().data != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(blocks.back().data) % 64 == 0);
    if (i % 3 == 2) give_back(blocks[static_cast<std::size_t>(i / 2)]);
  }
  std::int64_t left = 0;
  for (const Block& block : blocks)
    if (block.data != nullptr) {
      CHECK(is_whole(block));
      free_block(block.data, block.bytes), ++left;
    }
  CHECK(left >= 200);
}

TEST_CASE("what is taken and given back over and over lies where it lay before") {
  void* const first = allocate_block(100'000);
  free_block(first, 100'000);
  for (int i = 0; i < 1000; ++i) {
    void* const block = allocate_block(100'000);
    CHECK(block == first);
    free_block(block, 100'000);
  }
}

TEST_CASE("threads take and give back blocks side by side") {
  std::vector<std::thread> threads;
  std::vector<int> broken(4);
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&broken, t] {
      std::vector<Block> blocks;
      for (int i = 0; i < 400; ++i) {
        blocks.push_back(block_of(static_cast<std::size_t>(20'000 + 1000 * (i % 7)), static_cast<unsigned char>(16 * t + i % 13)));
        if (blocks.size() < 5) continue;
        broken[t] += !is_whole(blocks.front());
        give_back(blocks.front());
        blocks.erase(blocks.begin());
      }
      for (const Block& block : blocks) broken[t] += !is_whole(block), free_block(block.data, block.bytes);
    });
  for (auto& thread : threads) thread.join();
  CHECK(broken == std::vector<int>(4));
}

}  // namespace
}  // namespace peer
