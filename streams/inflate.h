// Decompression while reading: the memory it takes does not depend on the size of the file or of what it expands to.
#pragma once

#include <memory>
#include <string>

#include "streams/byte_reader.h"

namespace peer::streams {

// The text inside `packed`: gzip or Zstandard when it begins as they do, whatever its name (a pipe has none), or when `name` ends in .gz or
// .zst; else `packed` itself. Members and frames that follow each other are one text. Damaged or truncated data: CorpusError with `name`.
std::unique_ptr<ByteReader> inflate(std::unique_ptr<ByteReader> packed, const std::string& name);

}  // namespace peer::streams
