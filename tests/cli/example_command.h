#pragma once

#include "cli/command.h"

namespace peer::cli {

enum class Fruit { kApple, kPear };

// A field of every kind.
struct ExampleOptions {
  std::int64_t steps = 400;
  double rate = 0.002;
  std::string note;
  bool strict = false;
  Fruit fruit = Fruit::kPear;
  std::vector<std::string> from;
  std::vector<std::int64_t> layers = {1, 2};

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.steps, OptionInfo{"steps", "optimizer steps", "steps"});
    visit(self.rate, OptionInfo{"rate", "peak learning rate"});
    visit(self.note, OptionInfo{"note", "a word to remember", "WORD"});
    visit(self.strict, OptionInfo{"strict", "stop at the first problem"});
    visit(self.fruit, OptionInfo{"fruit", "which one"});
    visit(self.from, OptionInfo{"from", "what to read", "PATH..."});
    visit(self.layers, OptionInfo{"layers", "which blocks"});
  }
};

}  // namespace peer::cli

namespace peer {
template <>
struct EnumNames<cli::Fruit> {
  static constexpr std::pair<cli::Fruit, std::string_view> values[] = {{cli::Fruit::kApple, "apple"}, {cli::Fruit::kPear, "pear"}};
};
}  // namespace peer

namespace peer::cli {

inline ExampleOptions seen_by_example;  // what the command ran with

inline int run_example(Call&, const ExampleOptions& options) {
  seen_by_example = options;
  return kDone;
}

inline Command example_command(std::vector<std::string_view> required = {}) {
  return make_command({.name = "example",
                       .group = Group::kLearn,
                       .summary = "Show what a command can be given",
                       .positionals = {kPoolArgument, {"REF", "which state", true}},
                       .required = std::move(required)},
                      run_example);
}

}  // namespace peer::cli
