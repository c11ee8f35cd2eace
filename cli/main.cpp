#include <iostream>

#include "cli/interrupt.h"
#include "cli/program.h"
#include "cli/thread_waiting.h"

int main(int argc, char** argv) {
  peer::cli::limit_spinning(argv);
  return peer::cli::report_failures(std::cerr, [&] {
    peer::cli::watch_signals();
    return peer::cli::run_program({argv + 1, argv + argc}, std::cout, std::cerr);
  });
}
