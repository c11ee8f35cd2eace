#include "cli/terminal.h"

#include <sstream>

#include "cli/text_table.h"
#include "tests/cli/lacks.h"
#include "tests/support/catch.h"

using namespace peer::cli;

namespace {

struct Screen {
  std::ostringstream out;
  double now = 100;
  Terminal plain() {
    return Terminal(out, {}, [this] { return now; });
  }
  Terminal live(int width = 80) {
    return Terminal(out, {.live = true, .width = width, .paint = {}}, [this] { return now; });
  }
};

}  // namespace

TEST_CASE("without a terminal a task prints a line at its start, about every ten seconds, and at its end") {
  Screen screen;
  Terminal terminal = screen.plain();
  for (int step = 0; step <= 40; ++step, screen.now += 0.5) terminal.update("train", step, 40, "loss 1.93");
  CHECK(screen.out.str() ==
        "train   0%  loss 1.93\n"
        "train  50%  loss 1.93  ETA 10s\n"
        "train 100%  loss 1.93  took 20s\n");
}

TEST_CASE("on a terminal one line is rewritten in place and kept when its task ends") {
  Screen screen;
  {
    Terminal terminal = screen.live();
    terminal.update("train", 0, 2, "");
    screen.now += 2;
    terminal.update("train", 1, 2, "");
    screen.now += 0.01;
    terminal.update("train", 1, 2, "too soon to be drawn");
    terminal.update("train", 2, 2, "");
  }
  CHECK(screen.out.str() ==
        "\rtrain  [>                   ]   0%\033[K"
        "\rtrain  [==========>         ]  50%  ETA 2s\033[K"
        "\rtrain  [====================] 100%  took 2s\033[K\n");
}

TEST_CASE("a note is a line of its own, and progress goes on below it") {
  Screen screen;
  Terminal terminal = screen.live();
  terminal.update("train", 0, 2, "");
  terminal.note("parent view: g0");
  terminal.update("train", 1, 2, "");
  CHECK(lacks(screen.out.str(), {"\r\033[Kparent view: g0\n\rtrain  [==========>         ]  50%"}) == "");
}

TEST_CASE("a line never wraps and is never cut inside a character") {
  Screen screen;
  Terminal terminal = screen.live(12);
  terminal.update("lés-tâches", 1, 0, "ééé");
  CHECK(screen.out.str() == "\rlés-tâches \033[K");
}

TEST_CASE("a task of unknown length shows what was done, and a resumed one is timed from where it began") {
  Screen screen;
  Terminal terminal = screen.plain();
  terminal.update("read", 5, 0, "MB");
  terminal.update("train", 50, 100, "");
  screen.now += 20;
  terminal.update("train", 60, 100, "");
  CHECK(screen.out.str() == "read  5  MB\ntrain  50%\ntrain  60%  ETA 1m 20s\n");
}

TEST_CASE("colour obeys the option, then NO_COLOR, then whether there is a terminal") {
  setenv("NO_COLOR", "1", 1);
  CHECK_FALSE(wants_color(2, "auto"));
  CHECK(wants_color(2, "always"));
  unsetenv("NO_COLOR");
  CHECK_FALSE(wants_color(-1, "auto"));
  CHECK_FALSE(wants_color(2, "never"));
  CHECK(Paint{false}.red("x") == "x");
  CHECK(Paint{true}.red("x") == "\033[1;31mx\033[0m");
}

TEST_CASE("columns are aligned whatever the colours and the characters") {
  TextTable table({{"name"}, {"bytes", Align::kRight}, {"note"}});
  table.add({Paint{true}.bold("é"), "12", ""});
  table.add({"longer", "3", "x"});
  CHECK(table.text() == "name    bytes  note\n\033[1mé\033[0m          12\nlonger      3  x\n");
}

TEST_CASE("text is wrapped between words, and its own line breaks stay") {
  using Lines = std::vector<std::string>;
  CHECK(wrap("one two three", 7) == Lines{"one two", "three"});
  CHECK(wrap("one\ntwo three", 20) == Lines{"one", "two three"});
  CHECK(wrap("incomprehensible", 4) == Lines{"incomprehensible"});
  CHECK(wrap("", 4).empty());
}

TEST_CASE("numbers are written for people") {
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(1000) == "1.0 kB");
  CHECK(human_bytes(999'999) == "1.0 MB");
  CHECK(human_bytes(34'000'000'000) == "34.0 GB");
  CHECK(human_duration(59.4) == "59s");
  CHECK(human_duration(65) == "1m 05s");
  CHECK(human_duration(7260) == "2h 01m");
  CHECK(peer::counted(1, "file") == "1 file");
  CHECK(peer::counted(0, "file") == "0 files");
}
