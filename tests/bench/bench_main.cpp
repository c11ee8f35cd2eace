#include <cstring>

#include <fmt/format.h>

#include "tests/bench/layer_benchmarks.h"

using namespace peer::bench;

int main(int argc, char** argv) {
  const bool prof = argc > 1 && !std::strcmp(argv[1], "profile");
  if (prof) {
    profile({.side = 1024, .tokens = 512}, 3);
    profile({.side = 256, .tokens = 2048}, 3);
    profile({.side = 1024, .tokens = 32}, 20);
    return 0;
  }
  Report report;
  forward(report, {.side = 256, .tokens = 2048}, 7, 85, 0);
  forward(report, {.side = 1024, .tokens = 512}, 7, 90, 0);
  forward(report, {.side = 256, .tokens = 512, .width = 1024}, 7, 80, 0);
  step(report, "peer.step", {.side = 1024, .tokens = 512}, 7, 85, 0);
  step(report, "peer.step", {.side = 256, .tokens = 2048}, 5, 80, 0);
  step(report, "peer.online", {.side = 1024, .tokens = 32}, 9, 0, 0);
}
