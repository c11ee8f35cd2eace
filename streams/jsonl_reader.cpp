#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "peer/base/digest.h"
#include "peer/base/nearest_name.h"
#include "streams/byte_window.h"
#include "streams/document_reader.h"
#include "streams/json_shape.h"
#include "streams/text_cut.h"
#include "streams/tokenizer/utf8.h"

namespace peer::streams {
namespace {

class JsonlReader final : public DocumentReader {
 public:
  JsonlReader(std::unique_ptr<ByteReader> bytes, std::string name, const StreamOptions& options)
      : window_(std::move(bytes)),
        name_(std::move(name)),
        field_(options.text_field),
        max_bytes_(static_cast<std::size_t>(options.max_document_bytes)) {
    window_.drop_byte_order_mark();
  }

  bool next(Document& document) override {
    while (take_line()) {
      if (is_blank(line_)) continue;
      const std::string_view text = parse();
      if (is_blank(text)) continue;
      if (const auto fault = find_fault(text)) refuse_text("text", *fault);
      document.text = text;
      document.where = fmt::format("{}:{}", name_, line_number_);
      document.hash = hash64_of(text.data(), text.size());
      return true;
    }
    return false;
  }

 private:
  // Sets line_ without its line end; false at the end of the file.
  bool take_line() {
    std::size_t searched = 0;
    for (;;) {
      const std::string_view ahead = window_.fill(searched + 1);
      if (ahead.empty()) return false;
      const bool ended = ahead.size() == searched;
      const std::size_t end = ahead.find('\n', searched);
      searched = ahead.size();
      const std::size_t size = std::min(end, searched);
      if (size > max_bytes_) pass_over_line();
      if (end == ahead.npos && !ended) continue;
      ++line_number_;
      line_.assign(ahead.substr(0, size));
      window_.drop(end == ahead.npos ? size : size + 1);
      return true;
    }
  }

  [[noreturn]] void pass_over_line() {
    ++line_number_;
    for (std::string_view ahead = window_.fill(1); !ahead.empty(); ahead = window_.fill(1)) {
      const std::size_t end = ahead.find('\n');
      window_.drop(end == ahead.npos ? ahead.size() : end + 1);
      if (end != ahead.npos) break;
    }
    refuse(fmt::format("a line longer than {} bytes; raise --max-document-bytes to read it", max_bytes_));
  }

  // The text field of line_; lives until the next call.
  std::string_view parse() {
    line_.reserve(line_.size() + simdjson::SIMDJSON_PADDING);  // or the parser copies the line
    simdjson::dom::object object;
    // The whole line is parsed, not just up to the field: a truncated line is never taken for a document.
    if (const auto error = parser_.parse(line_).get(object)) refuse_json(error);
    std::string_view text;
    if (find_field(object).get(text)) refuse(fmt::format("field '{}' is not a string; choose another with --text-field", field_));
    return text;
  }

  // The field of that name, though it hold dots; else the one that each part of the name leads to from the one before.
  simdjson::dom::element find_field(simdjson::dom::object object) const {
    simdjson::dom::element value;
    if (!object.at_key(field_).get(value)) return value;
    for (std::size_t begin = 0;;) {
      const std::size_t end = std::min(field_.find('.', begin), field_.size());
      if (object.at_key(std::string_view(field_).substr(begin, end - begin)).get(value)) refuse_fields(object, begin, end);
      if (end == field_.size()) return value;
      if (value.get(object))
        refuse(
            fmt::format("field '{}' is no object, so there is no '{}'; choose another with --text-field", field_.substr(0, end), field_));
      begin = end + 1;
    }
  }

  [[noreturn]] void refuse(const std::string& why) const { throw BadDocument(fmt::format("{}:{}: {}", name_, line_number_, why)); }

  [[noreturn]] void refuse_json(simdjson::error_code error) const {
    if (error == simdjson::UTF8_ERROR)
      if (const auto fault = find_fault(line_)) refuse_text("line", *fault);
    if (const std::size_t first = line_.find_first_not_of(" \t\r"); line_number_ == 1 && first != line_.npos && line_[first] == '[')
      refuse(
          fmt::format("expected a JSON object with a field '{}', found a JSON array; jq -c '.[]' writes its objects, one a line", field_));
    if (line_number_ == 1 && json_shape(line_) == JsonShape::kObject)
      refuse(fmt::format("expected a JSON object with a field '{}' on one line, found one that goes on; jq -c . writes each on one line",
                         field_));
    const char* found = error == simdjson::INCORRECT_TYPE ? "another JSON value" : simdjson::error_message(error);
    refuse(fmt::format("expected a JSON object with a field '{}', found: {}", field_, found));
  }

  // No field of `object` is called as the characters of field_ from `begin` to `end` say.
  [[noreturn]] void refuse_fields(const simdjson::dom::object& object, std::size_t begin, std::size_t end) const {
    std::vector<std::string> names;
    for (const auto& field : object) names.push_back(std::string(field_).replace(begin, end - begin, field.key));
    refuse(fmt::format("no field '{}'{}; name the one that holds the text with --text-field", field_, did_you_mean(field_, names)));
  }

  [[noreturn]] void refuse_text(const char* where, const TextFault& fault) const {
    const bool binary = fault.kind == TextFault::Kind::kBinary;
    refuse(
        fmt::format("byte {} of the {} is 0x{:02X}: {}", fault.offset, where, fault.byte, binary ? "binary, expected text" : "not UTF-8"));
  }

  ByteWindow window_;
  std::string name_, field_;
  std::size_t max_bytes_;
  std::int64_t line_number_ = 0;
  std::string line_;
  simdjson::dom::parser parser_;
};

}  // namespace

std::unique_ptr<DocumentReader> read_jsonl(std::unique_ptr<ByteReader> bytes, const std::string& name, const StreamOptions& options) {
  return std::make_unique<JsonlReader>(std::move(bytes), name, options);
}

}  // namespace peer::streams
