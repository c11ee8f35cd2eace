#include "streams/tokenizer/json_place.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::streams {
namespace {

// What stands there, cut where it is long.
std::string excerpt(const nlohmann::json& value) {
  if (value.is_structured()) return fmt::format("an {} of {} values", value.type_name(), value.size());
  const std::string text = value.dump(-1, ' ', true);
  return text.size() <= 60 ? text : text.substr(0, 60) + "...";
}

}  // namespace

std::string JsonPlace::name() const { return path_.empty() ? file_ : fmt::format("{}: {}", file_, path_); }

JsonPlace JsonPlace::at(const std::string& field) const {
  if (!value_->is_object()) damaged("an object");
  const auto found = value_->find(field);
  if (found == value_->end()) damaged(fmt::format("a field '{}'", field), "none");
  return {*found, file_, path_.empty() ? field : fmt::format("{}.{}", path_, field)};
}

std::optional<JsonPlace> JsonPlace::find(const std::string& field) const {
  if (!value_->is_object()) damaged("an object");
  if (!value_->contains(field)) return std::nullopt;
  JsonPlace place = at(field);
  return place.is_null() ? std::nullopt : std::optional(std::move(place));
}

JsonPlace JsonPlace::item(std::size_t index) const { return {(*value_)[index], file_, fmt::format("{}[{}]", path_, index)}; }

std::size_t JsonPlace::items() const {
  if (!value_->is_array()) damaged("an array");
  return value_->size();
}

const std::string& JsonPlace::text() const {
  if (!value_->is_string()) damaged("a string");
  return value_->get_ref<const std::string&>();
}

bool JsonPlace::flag() const {
  if (!value_->is_boolean()) damaged("true or false");
  return value_->get<bool>();
}

std::int64_t JsonPlace::integer() const {
  if (!value_->is_number_integer()) damaged("a whole number");
  return value_->is_number_unsigned() && value_->get<std::uint64_t>() > std::uint64_t{INT64_MAX} ? INT64_MAX : value_->get<std::int64_t>();
}

bool JsonPlace::flag(const std::string& field, bool otherwise) const {
  const auto place = find(field);
  return place ? place->flag() : otherwise;
}

void JsonPlace::damaged(std::string_view expected) const { damaged(expected, excerpt(*value_)); }

void JsonPlace::damaged(std::string_view expected, std::string_view found) const {
  throw CorruptError(fmt::format("{}: expected {}, found {}", name(), expected, found));
}

void JsonPlace::unsupported(std::string_view found, std::string_view supported) const {
  throw UsageError(fmt::format("{}: {} is not supported, expected {}", name(), found, supported));
}

}  // namespace peer::streams
