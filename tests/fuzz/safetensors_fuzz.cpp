// libFuzzer: the bytes are the file.
#include <cstdint>

#include "tests/fuzz/read_every_tensor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  peer::trainer::read_every_tensor({reinterpret_cast<const char*>(data), size});
  return 0;
}
