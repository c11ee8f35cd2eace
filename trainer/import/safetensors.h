// Reads .safetensors files, in which dense tensors of other programs come:
//
//   [u64 N][N bytes of JSON: {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}, ...}][the tensors' bytes]
//
// Little-endian. data_offsets count from behind the header; the tensors lie there one after another, without gaps.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pool/file_ops.h"

namespace peer::trainer {

struct StoredTensor {
  std::string name;
  std::string dtype;  // "F32", "F16", "BF16"; others are listed and not read
  std::vector<std::int64_t> shape;
  std::int64_t begin = 0, end = 0;  // of its bytes, from behind the header
  std::int64_t count() const;       // numbers
};

// "(2, 3)", for people.
std::string shape_text(std::span<const std::int64_t> shape);

// The tensors that a header lists, in the order of their places. CorruptError, with `where` and the tensor, unless every shape fits its
// bytes, names differ and the places cover the `data_bytes` behind the header once.
std::vector<StoredTensor> parse_safetensors_header(std::string_view json, std::int64_t data_bytes, const std::string& where);

class SafetensorsFile {
 public:
  // Reads and checks the header. IoError, CorruptError.
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::vector<StoredTensor>& tensors() const { return tensors_; }

  // Sets values (count() of them), converted to fp32. CorruptError when a number is not finite or the file has become shorter,
  // UsageError when it holds other numbers than F32, F16 and BF16.
  void read(const StoredTensor& tensor, float* values) const;

 private:
  pool::File file_;
  std::int64_t data_begin_ = 0;
  std::vector<StoredTensor> tensors_;
};

}  // namespace peer::trainer
