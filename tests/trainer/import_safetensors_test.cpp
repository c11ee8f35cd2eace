// Files of tensors from elsewhere: what they hold, and that damage is found before it costs anything.
#include "trainer/import/safetensors.h"

#include <cmath>

#include "peer/base/error.h"
#include "peer/base/philox.h"
#include "tests/fuzz/read_every_tensor.h"
#include "tests/support/catch.h"
#include "tests/support/llama_folder.h"
#include "trainer/import/tensor_folder.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::test;

namespace {

std::vector<float> numbers_of(const SafetensorsFile& file, std::size_t tensor) {
  std::vector<float> values(static_cast<std::size_t>(file.tensors()[tensor].count()));
  file.read(file.tensors()[tensor], values.data());
  return values;
}

// The message with which a file of this header and these bytes is refused.
std::string fault_of(const std::string& header, std::int64_t data_bytes) {
  try {
    parse_safetensors_header(header, data_bytes, "file");
  } catch (const CorruptError& error) {
    return error.what();
  }
  return "";
}

std::string entry(const std::string& name, const std::string& shape, std::int64_t begin, std::int64_t end,
                  const std::string& dtype = "F32") {
  return "\"" + name + R"(": {"dtype": ")" + dtype + R"(", "shape": )" + shape + R"(, "data_offsets": [)" + std::to_string(begin) + ", " +
         std::to_string(end) + "]}";
}

}  // namespace

TEST_CASE("tensors are read as fp32 from F32, F16 and BF16, to the last bit") {
  const TemporaryFolder folder;
  const std::vector<float> values = {0.0f, -1.5f, 65504.0f, 0x1p-14f, 0x1p-24f, -0x1.8p-20f, 3.0f, 0x1.ff8p-15f};
  for (const std::string dtype : {"F32", "F16", "BF16"}) {
    CAPTURE(dtype);
    std::vector<float> exact = values;
    if (dtype == "BF16") exact = {0.0f, -1.5f, 65536.0f, 0x1p-14f, 0x1p-24f, -0x1.8p-20f, 3.0f, 0x1p-14f};
    const SafetensorsFile file(write_file(folder / dtype, safetensors_of({{"a", {2, 4}, values}, {"b", {8}, values}}, dtype)));
    REQUIRE(file.tensors().size() == 2);
    CHECK(file.tensors()[0].shape == std::vector<std::int64_t>{2, 4});
    CHECK(numbers_of(file, 0) == exact);
    CHECK(numbers_of(file, 1) == exact);
  }
}

TEST_CASE("a tensor of several pieces arrives whole, and empty ones hold nothing") {
  const TemporaryFolder folder;
  std::vector<float> many;
  for (int i = 0; i < 700'001; ++i) many.push_back(static_cast<float>(i));
  const SafetensorsFile file(
      write_file(folder / "f", safetensors_of({{"empty", {0, 3}, {}}, {"many", {700'001}, many}, {"scalar", {}, {2.0f}}}, "F32")));
  CHECK(numbers_of(file, 1) == many);
  CHECK(numbers_of(file, 0).empty());
  CHECK(numbers_of(file, 2) == std::vector<float>{2.0f});
}

TEST_CASE("a header is refused with the tensor and what is wrong with it") {
  CHECK(fault_of("{" + entry("a", "[2]", 0, 8) + "}", 8).empty());
  CHECK(fault_of("{" + entry("a", "[2]", 0, 8) + ", " + entry("a", "[2]", 8, 16) + "}", 16) ==
        "file: tensor 'a': expected one of this name, found two");
  CHECK(fault_of("{" + entry("a", "[2]", 0, 8) + ", " + entry("b", "[2]", 4, 12) + "}", 12).find("'b': expected to begin at byte 8") !=
        std::string::npos);
  CHECK(fault_of("{" + entry("a", "[2]", 0, 8) + ", " + entry("b", "[2]", 12, 20) + "}", 20).find("'b': expected to begin at byte 8") !=
        std::string::npos);
  CHECK(fault_of("{" + entry("a", "[2]", 0, 8) + "}", 12).find("all 12 bytes") != std::string::npos);
  CHECK(fault_of("{" + entry("a", "[2]", 0, 8) + "}", 4).find("data_offsets: expected places in the 4 bytes") != std::string::npos);
  CHECK(fault_of("{" + entry("a", "[2]", 8, 0) + "}", 8).find("found [8, 0]") != std::string::npos);
  CHECK(fault_of("{" + entry("a", "[3]", 0, 8) + "}", 8).find("found (3)") != std::string::npos);
  CHECK(fault_of("{" + entry("a", "[1]", 0, 8) + "}", 8).find("expected 4 bytes for F32 (1), found 8") != std::string::npos);
  CHECK(fault_of("{" + entry("a", "[4294967296, 4294967296, 4]", 0, 8) + "}", 8).find("expected at most 2 numbers") != std::string::npos);
  CHECK(fault_of("{" + entry("a", "[-1]", 0, 8) + "}", 8).find("shape: expected whole numbers") != std::string::npos);
  CHECK(fault_of("{" + entry("a", "[18446744073709551615]", 0, 8) + "}", 8).find("shape: expected whole numbers") != std::string::npos);
  CHECK(fault_of("{" + entry("a", "[1e3]", 0, 8) + "}", 8).find("shape: expected whole numbers") != std::string::npos);
  CHECK(fault_of(R"({"a": {"dtype": 4, "shape": [2], "data_offsets": [0, 8]}})", 8).find("no 'dtype'") != std::string::npos);
  CHECK(fault_of(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0]}})", 8).find("begin and end") != std::string::npos);
  CHECK(fault_of(R"({"a": 3})", 8).find("'a': expected dtype, shape and data_offsets") != std::string::npos);
  CHECK(!fault_of("[]", 0).empty());
  CHECK(!fault_of("{", 0).empty());
}

TEST_CASE("a file that is shorter than its header says is refused, and so are numbers of other kinds") {
  const TemporaryFolder folder;
  const std::string whole = safetensors_of({{"a", {4}, {1, 2, 3, 4}}}, "F32");
  CHECK_THROWS_AS(SafetensorsFile(write_file(folder / "short", whole.substr(0, whole.size() - 1))), CorruptError);
  CHECK_THROWS_AS(SafetensorsFile(write_file(folder / "no-length", "1234567")), CorruptError);
  CHECK_THROWS_AS(SafetensorsFile(write_file(folder / "long-header", std::string(8, '\xff') + "{}")), CorruptError);
  CHECK_THROWS_AS(SafetensorsFile(folder / "nowhere"), IoError);
  const SafetensorsFile narrow(write_file(folder / "i8", safetensors_file("{" + entry("a", "[8]", 0, 8, "I8") + "}", "12345678")));
  CHECK_THROWS_WITH(numbers_of(narrow, 0), Catch::Contains("expected F32, F16 or BF16, found I8"));
  const SafetensorsFile infinite(write_file(folder / "inf", safetensors_of({{"a", {2}, {1, INFINITY}}}, "BF16")));
  CHECK_THROWS_WITH(numbers_of(infinite, 0), Catch::Contains("found inf at 1"));
}

TEST_CASE("a list of shards must agree with the shards, and cannot lead out of the folder") {
  const TemporaryFolder folder;
  LlamaFolder model;
  model.shards = true;
  const std::string path = model.write(folder / "model"), index = path + "/model.safetensors.index.json";
  CHECK(TensorFolder(path).tensors().size() == model.tensors.size());
  const auto with = [&](const std::string& tensor, const LlamaJson& file) {
    LlamaJson map = LlamaJson::object();
    for (std::size_t t = 0; t < model.tensors.size(); ++t)
      map[model.tensors[t].name] = t < model.tensors.size() / 2 ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors";
    map[tensor] = file;
    write_file(index, LlamaJson{{"weight_map", map}}.dump());
  };
  with("lm_head.weight", "model-00001-of-00002.safetensors");
  CHECK_THROWS_WITH(TensorFolder(path), Catch::Contains("tensor 'lm_head.weight': expected in model-00001-of-00002.safetensors, found in"));
  with("more", "model-00001-of-00002.safetensors");
  CHECK_THROWS_WITH(TensorFolder(path), Catch::Contains("tensor 'more'") && Catch::Contains("found nowhere"));
  for (const LlamaJson& elsewhere : {LlamaJson("../x"), LlamaJson(".."), LlamaJson(""), LlamaJson(7)}) {
    with("more", elsewhere);
    CHECK_THROWS_AS(TensorFolder(path), CorruptError);
  }
  with("more", "model-00003-of-00002.safetensors");
  CHECK_THROWS_AS(TensorFolder(path), IoError);
  write_file(path + "/twice.safetensors", safetensors_of({model.tensors[0]}, "F32"));
  with("more", "twice.safetensors");
  CHECK_THROWS_WITH(TensorFolder(path), Catch::Contains("expected in one file, found in"));
  write_file(index, "{}");
  CHECK_THROWS_AS(TensorFolder(path), CorruptError);
}

TEST_CASE("whatever the bytes, reading tensors gives finite numbers or a typed error, and nothing else") {
  const std::string whole = safetensors_of({{"a", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"b", {4}, {1, 2, 3, 4}}}, "F16");
  const Random random(2024, Purpose::kTest);
  std::uint64_t draw = 0;
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random.below(draw++, bound)); };
  TensorOutcome all;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = whole;
    for (std::size_t edits = 1 + below(3); edits > 0 && !bytes.empty(); --edits) {
      const std::size_t at = below(bytes.size());
      if (const std::size_t kind = below(3); kind == 0)
        bytes[at] = static_cast<char>(below(256));
      else if (kind == 1)
        bytes.erase(at, 1 + below(8));
      else
        bytes.insert(at, bytes.substr(below(bytes.size()), 1 + below(8)));
    }
    const TensorOutcome outcome = read_every_tensor(bytes);
    all.tensors += outcome.tensors, all.errors += outcome.errors;
  }
  CHECK(all.tensors > 50);  // mutations that leave the file readable, and such that do not
  CHECK(all.errors > 300);
}
