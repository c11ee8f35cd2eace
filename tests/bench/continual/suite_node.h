// YAML with its place in the file: what is wrong is said with file:line:column.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace peer::continual {

class SuiteNode {
 public:
  // IoError when the file cannot be read, UsageError when it is not YAML.
  static SuiteNode load(const std::string& path);

  SuiteNode(const SuiteNode&) = default;
  SuiteNode& operator=(const SuiteNode&) = delete;  // YAML::Node's would change the document

  explicit operator bool() const { return node_.IsDefined() && !node_.IsNull(); }
  bool is_text() const { return node_.IsScalar(); }
  bool is_map() const { return node_.IsMap(); }

  std::string text() const;
  double number() const;
  bool yes() const;
  std::vector<std::string> texts() const;  // of a list, or of a single text
  std::vector<SuiteNode> items() const;    // of a list, or the node alone
  std::vector<std::pair<std::string, SuiteNode>> entries() const;
  SuiteNode operator[](const std::string& key) const;  // false when absent
  SuiteNode at(const std::string& key) const;          // UsageError when absent
  void expect_keys(const std::vector<std::string>& keys) const;

  [[noreturn]] void refuse(const std::string& why) const;
  // `name`, when it is one of `known`; else a refusal with the nearest.
  std::string one_of(const std::string& what, const std::string& name, const std::vector<std::string>& known) const;

 private:
  SuiteNode(std::string path, YAML::Node node) : path_(std::move(path)), node_(std::move(node)) {}
  std::string path_;
  YAML::Node node_;
};

}  // namespace peer::continual
