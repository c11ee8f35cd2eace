#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace peer::streams {

// A value within a JSON file that knows where it lies, for the errors: "tokenizer.json: model.unk_token". Borrows the value.
class JsonPlace {
 public:
  // `path`: the file's name.
  JsonPlace(const nlohmann::json& value, std::string file, std::string path = "")
      : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

  const nlohmann::json& value() const { return *value_; }
  bool is_null() const { return value_->is_null(); }
  std::string name() const;  // "tokenizer.json: model.vocab"

  // The field of that name; CorruptError when there is none, or this is no object.
  JsonPlace at(const std::string& field) const;
  // The same, but nothing for a field that is absent or null.
  std::optional<JsonPlace> find(const std::string& field) const;
  JsonPlace item(std::size_t index) const;  // of an array
  std::size_t items() const;                // of an array; CorruptError when this is none

  // CorruptError when the value is of another type.
  const std::string& text() const;
  bool flag() const;
  std::int64_t integer() const;
  bool flag(const std::string& field, bool otherwise) const;

  // CorruptError: expected what, found what.
  [[noreturn]] void damaged(std::string_view expected) const;
  [[noreturn]] void damaged(std::string_view expected, std::string_view found) const;
  // UsageError: `found` is what no one here can do, `supported` what can be done.
  [[noreturn]] void unsupported(std::string_view found, std::string_view supported) const;

 private:
  const nlohmann::json* value_;
  std::string file_, path_;
};

}  // namespace peer::streams
