// Decompression while reading: the memory it takes does not depend on the size of the file or of what it expands to.
#pragma once

#include <memory>
#include <string>

#include "streams/byte_reader.h"

namespace peer::streams {

// The text inside `packed`: gzip, Zstandard or xz when it begins as they do, whatever its name (a pipe has none), or when `name` ends in
// .gz, .zst or .xz; else `packed` itself. Parts that follow each other are one text; Zstandard's skippable frames and the zeros that may
// pad gzip and xz are no text. Data that are damaged or truncated, ask for too much memory, or are followed by something else: CorpusError
// with `name`.
std::unique_ptr<ByteReader> inflate(std::unique_ptr<ByteReader> packed, const std::string& name);

}  // namespace peer::streams
