#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace peer::cli {

// The whole program but the process: finds the command, reads its options, runs it, and turns every exception into one line on `errors`
// and an exit code (exit_code.h). `words` is the command line without the program's name.
int run_program(const std::vector<std::string>& words, std::ostream& out, std::ostream& errors);

// What `run` returns, or the line and the exit code of its exception: for `main`, before there is a command.
int report_failures(std::ostream& errors, const std::function<int()>& run);

}  // namespace peer::cli
