// libFuzzer: the first byte chooses format and compression, the rest is the file.
#include <cstdint>

#include "tests/fuzz/read_every_document.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr const char* kNames[] = {"a.txt",      "a.txt.gz",    "a.txt.zst",  "a.txt.xz",    "a.jsonl",
                                    "a.jsonl.gz", "a.jsonl.zst", "a.jsonl.xz", "nested.jsonl"};
  if (size == 0) return 0;
  peer::streams::read_every_document(kNames[data[0] % std::size(kNames)], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
