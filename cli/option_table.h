// The options of one command with their types erased: what the command line, config files, --help, completion and the docs read.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cli/option_titles.h"
#include "peer/base/options.h"

namespace peer::cli {

enum class OptionKind {
  kFlag,    // --strict, --strict=false
  kScalar,  // --steps 400
  kList,    // --from A B C; repeatable
};

struct Option {
  std::string name, help, unit, title, default_text;
  std::string value_name;            // what stands for the value in help: N, X, TEXT, cpu|cuda, PATH...; empty for a flag
  std::vector<std::string> choices;  // of an enum
  OptionKind kind = OptionKind::kScalar;
  std::function<void(const std::vector<std::string>& values)> assign;  // UsageError when a value does not fit
};

// A value that somebody gave, as text; `where` is "" for the command line and "file:line:column: " for a config file.
struct Setting {
  std::string name;
  std::vector<std::string> values;
  std::string where;
};

class OptionTable {
 public:
  // Declares every field of `options`, which must outlive the table. ContractError when a name is declared already.
  template <class Options>
  void add(Options& options);

  const std::vector<Option>& all() const { return options_; }
  const Option* find(std::string_view name) const;
  std::vector<std::string> names() const;

  // UsageError, with the place and the nearest name, when there is no such option or the value does not fit.
  void apply(const Setting& setting) const;

 private:
  void declare(Option option);
  std::vector<Option> options_;
};

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;

// A word of a string list is one element, so that a path may hold commas; in a list of numbers `1,2 3` is three elements.
template <class T>
void assign_values(const std::string& name, const std::vector<std::string>& values, T& field) {
  if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    field = values;
  } else if constexpr (kIsVector<T>) {
    field.clear();
    for (const std::string& value : values) {
      T numbers;
      parse_text(name, value, numbers);
      field.insert(field.end(), numbers.begin(), numbers.end());
    }
  } else {
    parse_text(name, values.at(0), field);
  }
}

template <class T>
std::string type_placeholder() {
  if constexpr (std::is_same_v<T, bool>)
    return "";
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return "N";
  else if constexpr (std::is_same_v<T, double>)
    return "X";
  else if constexpr (kIsVector<T>)
    return type_placeholder<typename T::value_type>() + "...";
  else
    return "TEXT";
}

template <class T>
std::vector<std::string> choices_of() {
  std::vector<std::string> choices;
  if constexpr (std::is_enum_v<T>)
    for (const auto& [value, text] : EnumNames<T>::values) choices.emplace_back(text);
  return choices;
}

template <class Options>
void OptionTable::add(Options& options) {
  Options::fields(options, [this](auto& field, const OptionInfo& info) {
    using Field = std::remove_reference_t<decltype(field)>;
    Option option;
    option.name = info.name, option.help = info.help, option.unit = info.unit, option.title = kTitleOf<Options>;
    option.default_text = to_text(field);
    option.value_name = type_placeholder<Field>();
    option.choices = choices_of<Field>();
    option.kind = std::is_same_v<Field, bool> ? OptionKind::kFlag : kIsVector<Field> ? OptionKind::kList : OptionKind::kScalar;
    option.assign = [&field, name = option.name](const std::vector<std::string>& values) { assign_values(name, values, field); };
    declare(std::move(option));
  });
}

}  // namespace peer::cli
