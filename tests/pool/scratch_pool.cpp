#include "tests/pool/scratch_pool.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace peer::pool::test {
namespace {

std::vector<float> numbers(int seed, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(seed) + static_cast<float>(i) / 64.0f;
  return values;
}

// Memory when there is enough of it: a test that cuts no power learns nothing from waiting for a disk.
std::filesystem::path scratch_root() {
  constexpr std::uintmax_t kEnough = std::uintmax_t{512} << 20;
  const std::filesystem::path memory = "/dev/shm";
  std::error_code none;
  const std::filesystem::space_info space = std::filesystem::space(memory, none);
  const bool usable = !none && space.available >= kEnough && ::access(memory.c_str(), W_OK) == 0;
  return usable ? memory : std::filesystem::temp_directory_path();
}

}  // namespace

ScratchDirectory::ScratchDirectory() {
  std::string pattern = (scratch_root() / "peer-pool-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a scratch directory");
  path_ = pattern;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<float> page_rows(int seed, std::int64_t rows, const RowLayout& layout) { return numbers(seed, rows * 2 * layout.width); }

std::vector<float> page_state_values(int seed, std::int64_t rows, const RowLayout& layout) {
  return numbers(-seed, rows * layout.state_floats);
}

GenerationId commit_sample(Pool& pool, GenerationId parent, int seed) {
  Transaction transaction = pool.begin(parent);
  const BlockId block{0};
  transaction.set_table(block, kLayout, 10);
  transaction.put_page(block, {0}, page_rows(seed), page_state_values(seed));
  transaction.put_page(block, {1}, page_rows(seed + 1000));
  transaction.put_page(block, {2}, page_rows(seed + 2000, 2));
  const std::vector<float> weights = numbers(seed, 6), bias = numbers(seed + 1, 3);
  transaction.put_trunk("base", {{"weights", {2, 3}, weights.data()}, {"bias", {3}, bias.data()}});
  transaction.set_state("state " + std::to_string(seed));
  transaction.set_fingerprint("fingerprint");
  transaction.put_record("sample/" + std::to_string(seed), "record " + std::to_string(seed));
  return transaction.commit("head", "sample " + std::to_string(seed)).id;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void overwrite(const std::string& path, const std::string& bytes) {
  if (std::filesystem::exists(path))
    std::filesystem::permissions(path, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

void flip_bit(const std::string& path, std::int64_t bit) {
  std::string bytes = file_bytes(path);
  char& byte = bytes.at(static_cast<std::size_t>(bit / 8));
  byte = static_cast<char>(byte ^ (1 << (bit % 8)));
  overwrite(path, bytes);
}

}  // namespace peer::pool::test
