#include "tests/bench/continual/suite_node.h"

#include <algorithm>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/nearest_name.h"

namespace peer::continual {

SuiteNode SuiteNode::load(const std::string& path) {
  try {
    return {path, YAML::LoadFile(path)};
  } catch (const YAML::BadFile&) {
    throw IoError(fmt::format("{}: the suite cannot be read; check the path and its permissions", path));
  } catch (const YAML::Exception& error) {
    throw UsageError(fmt::format("{}:{}:{}: not valid YAML: {}", path, error.mark.line + 1, error.mark.column + 1, error.msg));
  }
}

void SuiteNode::refuse(const std::string& why) const {
  const YAML::Mark mark = node_.Mark();
  throw UsageError(mark.is_null() ? fmt::format("{}: {}", path_, why)
                                  : fmt::format("{}:{}:{}: {}", path_, mark.line + 1, mark.column + 1, why));
}

std::string SuiteNode::text() const {
  if (!node_.IsScalar()) refuse("expected a text");
  return node_.Scalar();
}

double SuiteNode::number() const {
  double value = 0;
  if (!node_.IsScalar() || !YAML::convert<double>::decode(node_, value)) refuse("expected a number");
  return value;
}

bool SuiteNode::yes() const {
  bool value = false;
  if (!node_.IsScalar() || !YAML::convert<bool>::decode(node_, value)) refuse("expected true or false");
  return value;
}

std::vector<SuiteNode> SuiteNode::items() const {
  if (!node_.IsSequence()) return {*this};
  std::vector<SuiteNode> nodes;
  for (const YAML::Node& item : node_) nodes.push_back({path_, item});
  return nodes;
}

std::vector<std::string> SuiteNode::texts() const {
  std::vector<std::string> found;
  for (const SuiteNode& item : items()) found.push_back(item.text());
  return found;
}

std::vector<std::pair<std::string, SuiteNode>> SuiteNode::entries() const {
  if (!node_.IsMap()) refuse("expected lines of `name: value`");
  std::vector<std::pair<std::string, SuiteNode>> found;
  for (const auto& entry : node_) {
    const std::string name = SuiteNode(path_, entry.first).text();
    for (const auto& [other, node] : found)
      if (other == name) SuiteNode(path_, entry.first).refuse(fmt::format("'{}' is given twice", name));
    found.emplace_back(name, SuiteNode(path_, entry.second));
  }
  return found;
}

SuiteNode SuiteNode::operator[](const std::string& key) const {
  if (!node_.IsMap()) refuse("expected lines of `name: value`");
  return {path_, node_[key]};
}

SuiteNode SuiteNode::at(const std::string& key) const {
  const SuiteNode found = (*this)[key];
  if (!found) refuse(fmt::format("'{}' is missing", key));
  return found;
}

void SuiteNode::expect_keys(const std::vector<std::string>& keys) const {
  for (const auto& [name, node] : entries())
    if (std::find(keys.begin(), keys.end(), name) == keys.end())
      refuse(fmt::format("unknown key '{}'{}; known here: {}", name, did_you_mean(name, keys), fmt::join(keys, ", ")));
}

std::string SuiteNode::one_of(const std::string& what, const std::string& name, const std::vector<std::string>& known) const {
  if (std::find(known.begin(), known.end(), name) == known.end())
    refuse(fmt::format("there is no {} '{}'{}", what, name, did_you_mean(name, known)));
  return name;
}

}  // namespace peer::continual
