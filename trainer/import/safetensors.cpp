#include "trainer/import/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peer/base/element.h"
#include "peer/base/error.h"

namespace peer::trainer {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kLengthBytes = 8;
constexpr std::int64_t kLongestHeader = 100'000'000;  // as the format's own library has it
constexpr std::int64_t kPieceBytes = 1 << 20;

[[noreturn]] void fail(const std::string& where, const std::string& tensor, const std::string& problem) {
  throw CorruptError(fmt::format("{}: tensor '{}': {}", where, tensor, problem));
}

// Of those that are read.
std::optional<std::int64_t> bytes_of(std::string_view dtype) {
  if (dtype == "F32") return 4;
  if (dtype == "F16" || dtype == "BF16") return 2;
  return std::nullopt;
}

float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
  if (exponent == 0) {  // zero or subnormal: exact in fp32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign == 0 ? magnitude : -magnitude;
  }
  const std::uint32_t biased = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | biased << 23 | fraction << 13);
}

std::int64_t whole(const Json& json, const std::string& where, const std::string& tensor, const char* what) {
  if (!json.is_number_integer() || (json.is_number_unsigned() && json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) ||
      json.get<std::int64_t>() < 0)
    fail(where, tensor, fmt::format("{}: expected whole numbers from 0, found {}", what, json.dump()));
  return json.get<std::int64_t>();
}

const Json& member(const Json& entry, const char* key, bool (Json::*is)() const noexcept, const std::string& where,
                   const std::string& tensor) {
  const auto found = entry.is_object() ? entry.find(key) : entry.end();
  if (!entry.is_object() || found == entry.end() || !((*found).*is)())
    fail(where, tensor, fmt::format("expected dtype, shape and data_offsets, found no '{}' that is one", key));
  return *found;
}

// The product of the extents is known to fit before anything relies on it.
void check_shape(const StoredTensor& tensor, std::int64_t data_bytes, const std::string& where) {
  const auto bytes = bytes_of(tensor.dtype);
  const std::int64_t most = bytes ? data_bytes / *bytes : 8 * data_bytes;  // some have less than a byte a number
  const bool none = std::ranges::find(tensor.shape, 0) != tensor.shape.end();
  std::int64_t count = none ? 0 : 1;
  for (const std::int64_t extent : tensor.shape) {
    if (!none && count > most / extent)
      fail(
          where, tensor.name,
          fmt::format("expected at most {} numbers of {} in {} bytes, found {}", most, tensor.dtype, data_bytes, shape_text(tensor.shape)));
    if (!none) count *= extent;
  }
  if (bytes && count * *bytes != tensor.end - tensor.begin)
    fail(where, tensor.name,
         fmt::format("expected {} bytes for {} {}, found {}", count * *bytes, tensor.dtype, shape_text(tensor.shape),
                     tensor.end - tensor.begin));
}

StoredTensor parse_tensor(const std::string& name, const Json& entry, std::int64_t data_bytes, const std::string& where) {
  StoredTensor tensor;
  tensor.name = name;
  tensor.dtype = member(entry, "dtype", &Json::is_string, where, name).get<std::string>();
  for (const Json& extent : member(entry, "shape", &Json::is_array, where, name))
    tensor.shape.push_back(whole(extent, where, name, "shape"));
  const Json& offsets = member(entry, "data_offsets", &Json::is_array, where, name);
  if (offsets.size() != 2) fail(where, name, fmt::format("data_offsets: expected begin and end, found {} numbers", offsets.size()));
  tensor.begin = whole(offsets[0], where, name, "data_offsets"), tensor.end = whole(offsets[1], where, name, "data_offsets");
  if (tensor.begin > tensor.end || tensor.end > data_bytes)
    fail(where, name,
         fmt::format("data_offsets: expected places in the {} bytes behind the header, found [{}, {}]", data_bytes, tensor.begin,
                     tensor.end));
  check_shape(tensor, data_bytes, where);
  return tensor;
}

// Of two tensors of one name a parser keeps one and forgets the other.
Json parse_without_duplicates(std::string_view text, const std::string& where) {
  std::set<std::string> names;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key && !names.insert(parsed.get<std::string>()).second)
      fail(where, parsed.get<std::string>(), "expected one of this name, found two");
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception& error) {
    throw CorruptError(fmt::format("{}: expected a header in JSON, found other bytes: {}", where, error.what()));
  }
}

void check_places(const std::vector<StoredTensor>& tensors, std::int64_t data_bytes, const std::string& where) {
  std::int64_t end = 0;
  for (const StoredTensor& tensor : tensors) {
    if (tensor.begin != end)
      fail(where, tensor.name, fmt::format("expected to begin at byte {}, right behind the tensor before it, found {}", end, tensor.begin));
    end = tensor.end;
  }
  if (end != data_bytes)
    throw CorruptError(fmt::format("{}: expected tensors in all {} bytes behind the header, found {}", where, data_bytes, end));
}

void convert(const std::string& bytes, const std::string& dtype, float* values) {
  if (dtype == "F32") {
    std::memcpy(values, bytes.data(), bytes.size());
    return;
  }
  const bool half = dtype == "F16";
  for (std::size_t i = 0; i < bytes.size() / 2; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + 2 * i, sizeof bits);
    values[i] = half ? float_of_half(bits) : static_cast<float>(Bfloat16{bits});
  }
}

std::string read_exactly(const pool::File& file, std::int64_t offset, std::int64_t count) {
  std::string bytes = pool::read_at(file, offset, static_cast<std::size_t>(count));
  if (std::ssize(bytes) != count)
    throw CorruptError(fmt::format("{}: expected {} bytes at {}, found {}", file.path(), count, offset, bytes.size()));
  return bytes;
}

}  // namespace

std::int64_t StoredTensor::count() const {
  std::int64_t count = 1;
  if (std::ranges::find(shape, 0) != shape.end()) return 0;  // the other extents may be anything
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

std::string shape_text(std::span<const std::int64_t> shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

std::vector<StoredTensor> parse_safetensors_header(std::string_view json, std::int64_t data_bytes, const std::string& where) {
  const Json header = parse_without_duplicates(json, where);
  if (!header.is_object()) throw CorruptError(where + ": expected a header that is a JSON object, found another value");
  std::vector<StoredTensor> tensors;
  for (const auto& [name, entry] : header.items())
    if (name != "__metadata__") tensors.push_back(parse_tensor(name, entry, data_bytes, where));
  std::ranges::stable_sort(tensors, {}, [](const StoredTensor& t) { return std::pair{t.begin, t.end}; });
  check_places(tensors, data_bytes, where);
  return tensors;
}

SafetensorsFile::SafetensorsFile(const std::string& path) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) throw IoError(path + ": expected a file, found none");  // a pipe has no size
  file_ = pool::open_for_reading(path);
  const std::int64_t size = pool::size_of(file_);
  if (size < kLengthBytes) throw CorruptError(fmt::format("{}: expected a safetensors file, found {} bytes", path, size));
  std::uint64_t length = 0;
  std::memcpy(&length, read_exactly(file_, 0, kLengthBytes).data(), sizeof length);
  const std::int64_t most = std::min(size - kLengthBytes, kLongestHeader);
  if (length > static_cast<std::uint64_t>(most))
    throw CorruptError(fmt::format("{}: expected a safetensors header of at most {} bytes, found {}", path, most, length));
  const auto header_bytes = static_cast<std::int64_t>(length);
  data_begin_ = kLengthBytes + header_bytes;
  tensors_ = parse_safetensors_header(read_exactly(file_, kLengthBytes, header_bytes), size - data_begin_, path);
}

void SafetensorsFile::read(const StoredTensor& tensor, float* values) const {
  const auto bytes = bytes_of(tensor.dtype);
  if (!bytes)
    throw UsageError(fmt::format("{}: tensor '{}': expected F32, F16 or BF16, found {}; quantised weights are not supported", path(),
                                 tensor.name, tensor.dtype));
  for (std::int64_t at = tensor.begin; at < tensor.end; at += kPieceBytes) {
    const std::string piece = read_exactly(file_, data_begin_ + at, std::min(kPieceBytes, tensor.end - at));
    const std::int64_t first = (at - tensor.begin) / *bytes, count = std::ssize(piece) / *bytes;
    convert(piece, tensor.dtype, values + first);
    const float* bad = std::find_if_not(values + first, values + first + count, [](float x) { return std::isfinite(x); });
    if (bad != values + first + count)
      fail(path(), tensor.name, fmt::format("expected finite numbers, found {} at {}", *bad, bad - values));
  }
}

}  // namespace peer::trainer
