// Fields of comma-separated values (RFC 4180).
#pragma once

#include <string>

namespace peer::trainer {

std::string csv_field(const std::string& text);  // in quotes where it must be
std::string csv_number(double value);            // empty for kMissing; else the shortest that reads back to the same

}  // namespace peer::trainer
