#include "peer/layers/expert_table.h"

#include <numeric>

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/test_device.h"

using namespace peer;
using layers::ExpertTable;
using peer::test::test_device;

namespace {
const std::byte* bytes_of(const std::vector<float>& numbers) { return reinterpret_cast<const std::byte*>(numbers.data()); }
}  // namespace

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
  table.append_mapped(bytes_of(file), 8, nullptr);
  table.append(3, false);
  CHECK_FALSE(table.dirty(0));
  CHECK(table.dirty(1));
  for (int i = 0; i < 8; ++i) CHECK(table.parameters(8)[i] == 0.0f);
}

TEST_CASE("a full mapped page is borrowed in place and cannot be written") {
  ExpertTable table(4, 8);
  std::vector<float> file(8 * 2 * 4);
  std::iota(file.begin(), file.end(), 0.0f);
  table.append_mapped(bytes_of(file), 8, nullptr);
  CHECK(table.parameters(0) == file.data());
  CHECK_THROWS_AS(table.owned_parameters(0), ContractError);
}

TEST_CASE("becoming trainable and frozen again keeps every parameter, and gives rows a state of zeros") {
  ExpertTable table(4, 8);
  std::vector<float> file(8 * 2 * 4);
  std::iota(file.begin(), file.end(), 0.0f);
  table.append_mapped(bytes_of(file), 8, nullptr);
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
  table.append_mapped(bytes_of(file), 5, nullptr);
  CHECK_THROWS_AS(table.append_mapped(bytes_of(file), 8, nullptr), ContractError);
  CHECK_THROWS_AS(ExpertTable(4, 12), ContractError);
}

TEST_CASE("a table of bf16 holds half the bytes of fp32 and gives back the nearest bf16 of what was written") {
  ExpertTable table(4, 8, {}, Element::kBfloat16);
  table.append(9, true);
  const std::vector<float> values = {1, -2.5f, 0.333f, 1e-3f, 7e8f, 0, 3.14159f, -1};
  std::vector<float> read(8);
  table.write_parameters(8, values.data());
  table.read_parameters(8, read.data());
  for (std::size_t i = 0; i < 8; ++i) CHECK(read[i] == Bfloat16{bfloat16_of(values[i])});
  table.state(8)[0] = 5;
  table.read_parameters(8, read.data());
  CHECK(read[7] == -1);                          // the state lies behind the row
  CHECK(table.rows().page_of(0).stride == 128);  // 16 bytes of rows and 68 of state, in whole cache lines
  table.set_trainable(false);
  CHECK(table.rows().page_of(0).stride == 16);
  std::vector<float> kept(8);
  table.read_parameters(8, kept.data());
  CHECK(kept == read);
  CHECK_THROWS_AS(table.parameters(8), ContractError);
}

TEST_CASE("filling experts writes those that were named, across pages and beside a page that was begun, in fp32 and in bf16") {
  for (const Element element : {Element::kFloat32, Element::kBfloat16}) {
    ExpertTable table(4, 8, test_device(), element);
    table.append(30, true);
    table.fill_parameters(5, 20, [](std::int64_t expert, float* row) {
      for (int i = 0; i < 8; ++i) row[i] = static_cast<float>(expert + i);
    });
    std::vector<float> row(8);
    for (std::int64_t e = 0; e < 30; ++e) {
      table.read_parameters(e, row.data());
      for (int i = 0; i < 8; ++i) CHECK(row[i] == (e >= 5 && e < 25 ? static_cast<float>(e + i) : 0.0f));
    }
  }
}
