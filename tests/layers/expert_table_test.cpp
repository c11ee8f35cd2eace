#include "peer/layers/expert_table.h"

#include <numeric>

#include "peer/base/error.h"
#include "tests/support/catch.h"

using namespace peer;
using layers::ExpertTable;

TEST_CASE("growth moves no old record, whether it fills a page or opens the next") {
  ExpertTable table(8, 16);
  table.append(10, true);
  for (std::int64_t i = 0; i < 10; ++i) table.owned_parameters(i)[3] = static_cast<float>(i);
  std::vector<const float*> before;
  for (std::int64_t i = 0; i < 10; ++i) before.push_back(table.parameters(i));
  table.append(100, true);
  CHECK(table.count() == 110);
  CHECK(table.page_count() == 7);
  for (std::int64_t i = 0; i < 10; ++i) {
    CHECK(table.parameters(i) == before[i]);
    CHECK(table.parameters(i)[3] == static_cast<float>(i));
  }
}

TEST_CASE("new experts are all zero and their pages are dirty; mapped pages are clean") {
  ExpertTable table(4, 8);
  std::vector<float> file(8 * 2 * 4, 1.5f);
  table.append_mapped(file.data(), 8, nullptr);
  table.append(3, false);
  CHECK_FALSE(table.dirty(0));
  CHECK(table.dirty(1));
  for (int i = 0; i < 8; ++i) CHECK(table.parameters(8)[i] == 0.0f);
}

TEST_CASE("a full mapped page is borrowed in place and cannot be written") {
  ExpertTable table(4, 8);
  std::vector<float> file(8 * 2 * 4);
  std::iota(file.begin(), file.end(), 0.0f);
  table.append_mapped(file.data(), 8, nullptr);
  CHECK(table.parameters(0) == file.data());
  CHECK_THROWS_AS(table.owned_parameters(0), ContractError);
}

TEST_CASE("becoming trainable and frozen again keeps every parameter, and gives rows a state of zeros") {
  ExpertTable table(4, 8);
  std::vector<float> file(8 * 2 * 4);
  std::iota(file.begin(), file.end(), 0.0f);
  table.append_mapped(file.data(), 8, nullptr);
  table.append(5, false);
  table.owned_parameters(12)[7] = 99;
  table.set_trainable(true);
  for (std::int64_t i = 0; i < 8; ++i)
    for (int f = 0; f < 8; ++f) CHECK(table.parameters(i)[f] == file[i * 8 + f]);
  for (int f = 0; f < ExpertTable::state_floats(4); ++f) CHECK(table.state(3)[f] == 0.0f);
  table.set_trainable(false);
  CHECK(table.parameters(12)[7] == 99.0f);
  CHECK_THROWS_AS(table.state(3), ContractError);
}

TEST_CASE("a partial page in the middle and a page size that is no power of two are refused") {
  ExpertTable table(4, 8);
  std::vector<float> file(8 * 2 * 4);
  table.append_mapped(file.data(), 5, nullptr);
  CHECK_THROWS_AS(table.append_mapped(file.data(), 8, nullptr), ContractError);
  CHECK_THROWS_AS(ExpertTable(4, 12), ContractError);
}
