// A figure of a suite as text, and its place in a page.
#pragma once

#include <string>

#include "tests/bench/continual/suite_runner.h"

namespace peer::continual {

// The tables of what is finished; a line names the runs that are missing.
std::string figure_text(SuiteRunner& runner, const Suite& suite, const Figure& figure);
// What each method's candidates reached, and the one that was chosen. Empty when nothing is tuned.
std::string tuning_text(SuiteRunner& runner, const Suite& suite, const Words& methods);

// Puts `text`, as a block of code, between the lines "<!-- figure NAME -->" and "<!-- end of figure NAME -->". False when the page has no
// such lines. IoError when it cannot be read or written.
bool put_into_page(const std::string& page, const std::string& name, const std::string& text);

}  // namespace peer::continual
