// Text for a terminal: aligned columns, wrapped paragraphs, numbers that people read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "peer/base/counted.h"

namespace peer::cli {

// Columns that a terminal shows: UTF-8 characters count one, colour codes none.
std::size_t display_width(std::string_view text);

// Lines of at most `width` bytes, unless a word is longer; a line break in the text stays one.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

enum class Align { kLeft, kRight };

class TextTable {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells);  // one for each column
  std::string text() const;                  // a line for the titles, then one a row

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

std::string human_bytes(std::int64_t bytes);  // "3.4 MB": powers of 1000, as disks are sold
std::string human_duration(double seconds);   // "1m 05s"

}  // namespace peer::cli
