#include "peer/layers/row_drawing.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "peer/base/error.h"
#include "peer/layers/expert_table.h"
#include "tests/support/catch.h"

using namespace peer;
using layers::ExpertTable;
using layers::RowDrawing;

namespace {

constexpr std::int64_t kWidth = 4, kRowsPerPage = 512;

// Holds back whoever draws until it is opened.
struct Gate {
  std::atomic<bool> is_open{false};
  void open() { is_open = true, is_open.notify_all(); }
  void pass() { is_open.wait(false); }
};

void number_row(std::int64_t expert, float* row) {
  for (int i = 0; i < 2 * kWidth; ++i) row[i] = static_cast<float>(expert) + 0.25f * static_cast<float>(i);
}

bool is_numbered(const ExpertTable& table, std::int64_t expert) {
  std::vector<float> row(2 * kWidth), wanted(2 * kWidth);
  table.read_parameters(expert, row.data());
  number_row(expert, wanted.data());
  return row == wanted;
}

// 700 experts, and 3,000 more that wait for the gate to be drawn; those of the second page lie beside old ones.
ExpertTable begun(Gate& gate) {
  ExpertTable table(kWidth, kRowsPerPage);
  table.append(700, true);
  table.fill_parameters(0, 700, number_row);
  table.append(3000, true);
  table.fill_parameters_later(700, [&gate](std::int64_t expert, float* row) { gate.pass(), number_row(expert, row); });
  return table;
}

void require_all_numbered(const ExpertTable& table) {
  REQUIRE(table.count() == 3700);
  for (std::int64_t e = 0; e < 3700; ++e) REQUIRE(is_numbered(table, e));
}

}  // namespace

TEST_CASE("every row is drawn once, whether somebody waits at once, later or not") {
  const int when = GENERATE(0, 1, 2);
  std::vector<std::atomic<int>> drawn(5000);
  RowDrawing drawing(123, 5000, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t row = first; row < end; ++row) ++drawn[static_cast<std::size_t>(row)];
  });
  if (when != 0)
    while (!drawing.done()) std::this_thread::yield();
  if (when != 2) drawing.wait();
  CHECK(drawing.done());
  for (std::size_t row = 0; row < drawn.size(); ++row) REQUIRE(drawn[row] == (row < 123 ? 0 : 1));
}

TEST_CASE("whoever waits draws what nobody has begun") {
  const auto waiting = std::this_thread::get_id();
  std::atomic<bool> helped{false};
  RowDrawing drawing(0, 1000, [&](std::int64_t, std::int64_t) {
    if (std::this_thread::get_id() == waiting)
      helped = true, helped.notify_all();
    else
      helped.wait(false);
  });
  drawing.wait();
  CHECK(helped);
}

TEST_CASE("drawings that share a turn go on one at a time, and a wait for one does not wait for the other") {
  const auto turn = std::make_shared<layers::DrawingTurn>();
  std::atomic<int> at_once{0}, most{0};
  const auto draw = [&](std::int64_t, std::int64_t) {
    const int now = ++at_once;
    if (now > most) most = now;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    --at_once;
  };
  {
    RowDrawing one(0, 5000, draw, turn), other(0, 5000, draw, turn);
    while (!one.done() || !other.done()) std::this_thread::yield();
  }
  CHECK(most == 1);
  std::atomic<bool> held{false};
  Gate gate;
  RowDrawing holds(
      0, 1, [&](std::int64_t, std::int64_t) { held = true, held.notify_all(), gate.pass(); }, turn);
  held.wait(false);
  RowDrawing waits(
      0, 5000, [](std::int64_t, std::int64_t) {}, turn);
  waits.wait();
  CHECK(waits.done());
  CHECK_FALSE(holds.done());
  gate.open();
}

TEST_CASE("once steps are taken rows are drawn between them alone, for a part of their time, each row once") {
  constexpr auto kPieceTakes = std::chrono::milliseconds(1), kStepTakes = std::chrono::milliseconds(80);
  const auto stepping = std::this_thread::get_id();
  std::atomic<bool> stepped{false}, begun{false};
  std::atomic<int> beside{0};
  std::vector<std::atomic<int>> drawn(40'000);
  RowDrawing drawing(0, 40'000, [&](std::int64_t first, std::int64_t end) {
    begun = true, begun.notify_all();
    if (stepped && std::this_thread::get_id() != stepping) ++beside;
    for (std::int64_t row = first; row < end; ++row) ++drawn[static_cast<std::size_t>(row)];
    std::this_thread::sleep_for(kPieceTakes);
  });
  begun.wait(false);
  drawing.draw_between_steps(1);
  std::this_thread::sleep_for(kStepTakes);  // the piece that the other thread had begun is over
  stepped = true;
  const auto count = [&] { return std::count_if(drawn.begin(), drawn.end(), [](const auto& times) { return times > 0; }); };
  const std::int64_t before = count();
  for (int step = 0; step < 2; ++step) {  // the first may begin to count the time
    drawing.draw_between_steps(1);
    std::this_thread::sleep_for(kStepTakes);
  }
  drawing.draw_between_steps(1);
  CHECK(count() > before);
  CHECK_FALSE(drawing.done());  // after at most a quarter of a second, twice, there are more pieces of a millisecond
  CHECK(beside == 0);
  stepped = false;
  drawing.wait();
  CHECK(std::all_of(drawn.begin(), drawn.end(), [](const auto& times) { return times == 1; }));
}

TEST_CASE("nothing is left to draw when there are no rows") {
  RowDrawing drawing(7, 7, [](std::int64_t, std::int64_t) { throw ContractError("no row"); });
  drawing.draw_between_steps(2);
  drawing.wait();
  CHECK(drawing.done());
}

TEST_CASE("while rows are drawn those before them can be read, and a view of the table ends before them") {
  Gate gate;
  ExpertTable table = begun(gate);
  CHECK_FALSE(table.drawn());
  CHECK(table.count() == 3700);
  CHECK(table.rows().count == 700);
  for (std::int64_t e = 0; e < 700; ++e) REQUIRE(is_numbered(table, e));
  table.owned_parameters(699)[1] = 5;
  table.state(0)[2] = 6;
  CHECK(table.page(0).trainable);
  gate.open();
  table.wait_until_drawn();
  CHECK(table.drawn());
  CHECK(table.rows().count == 3700);
  CHECK(table.parameters(699)[1] == 5);
  number_row(699, table.owned_parameters(699));
  require_all_numbered(table);
}

TEST_CASE("whoever asks for a row that is being drawn, for its page or for another shape of the table waits and sees what was drawn") {
  Gate gate;
  ExpertTable table = begun(gate);
  std::thread opener([&] { gate.open(); });
  std::vector<float> row(2 * kWidth, -1.0f), numbered(2 * kWidth);
  switch (GENERATE(0, 1, 2, 3, 4, 5, 6, 7, 8)) {
    case 0:
      CHECK(is_numbered(table, 3699));
      break;
    case 1:
      CHECK(table.parameters(3699)[1] == 3699.25f);
      break;
    case 2:
      CHECK(table.owned_parameters(700)[0] == 700.0f);
      break;
    case 3:
      table.write_parameters(701, row.data());
      CHECK(table.parameters(701)[3] == -1);
      number_row(701, table.owned_parameters(701));
      break;
    case 4:
      table.state(3000)[1] = 8;
      break;
    case 5:  // of the old expert 512 too, which is why the whole page is waited for
      CHECK(reinterpret_cast<const float*>(table.page(1).data + (700 - 512) * table.page(1).stride)[0] == 700.0f);
      break;
    case 6:
      CHECK(table.page_data(7) != nullptr);
      break;
    case 7:
      table.set_trainable(false);
      break;
    case 8:
      table.append(1, true);
      table.fill_parameters(3700, 1, number_row);
      CHECK(is_numbered(table, 3700));
      CHECK(table.count() == 3701);
      opener.join();
      return;
  }
  CHECK(table.drawn());
  require_all_numbered(table);
  opener.join();
}

TEST_CASE("several threads may wait for the same rows") {
  Gate gate;
  const ExpertTable table = begun(gate);
  std::atomic<int> right{0};
  std::vector<std::thread> readers;
  for (std::int64_t reader = 0; reader < 4; ++reader)
    readers.emplace_back([&, reader] { right += is_numbered(table, 3699 - 900 * reader); });
  gate.open();
  for (std::thread& reader : readers) reader.join();
  CHECK(right == 4);
}

TEST_CASE("a table whose rows are being drawn can be moved, and gets the rows") {
  Gate gate;
  ExpertTable table = begun(gate);
  const ExpertTable moved = std::move(table);
  CHECK_FALSE(moved.drawn());
  gate.open();
  require_all_numbered(moved);
}

TEST_CASE("a table that ends while its rows are being drawn waits for those that were begun alone") {
  std::atomic<int> drawn{0};
  {
    ExpertTable table(kWidth, kRowsPerPage);
    table.append(100'000, false);
    table.fill_parameters_later(0, [&](std::int64_t expert, float* row) {
      if (expert % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      ++drawn;
      std::fill_n(row, 2 * kWidth, 1.0f);
    });
    while (drawn == 0) std::this_thread::yield();
  }
  CHECK(drawn < 100'000);
}

TEST_CASE("a failed drawing is heard of by everyone who waits for it, and its rows stay out of sight") {
  ExpertTable table(kWidth, kRowsPerPage);
  table.append(700, false);
  table.fill_parameters(0, 700, number_row);
  table.append(3000, false);
  table.fill_parameters_later(700, [](std::int64_t expert, float* row) {
    if (expert == 2345) throw std::bad_alloc();
    number_row(expert, row);
  });
  std::vector<float> row(2 * kWidth);
  CHECK_THROWS_AS(table.wait_until_drawn(), std::bad_alloc);
  CHECK_THROWS_AS(table.read_parameters(700, row.data()), std::bad_alloc);
  CHECK_THROWS_AS(table.page(4), std::bad_alloc);
  CHECK_THROWS_AS(table.set_trainable(true), std::bad_alloc);
  CHECK_FALSE(table.drawn());
  CHECK(table.rows().count == 700);
  CHECK(is_numbered(table, 699));
}
