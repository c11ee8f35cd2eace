#include "tests/bench/continual/suite_file.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "tests/bench/continual/suite_node.h"

namespace peer::continual {
namespace {

namespace fs = std::filesystem;

Words words_of(const std::string& text) {
  std::istringstream stream(text);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

template <class Named>
Words names_of(const std::vector<Named>& all) {
  Words names;
  for (const Named& one : all) names.push_back(one.name);
  return names;
}

template <class Named>
const Named& find(const std::vector<Named>& all, const std::string& name) {
  const auto at = std::find_if(all.begin(), all.end(), [&](const Named& one) { return one.name == name; });
  require(at != all.end(), "suite: a name must have been checked when the file was read");
  return *at;
}

// A name becomes part of a folder's name.
void check_name(const SuiteNode& node, const std::string& name) {
  const bool good =
      !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-") == name.npos;
  if (!good || name.front() == '.') node.refuse(fmt::format("expected a name of letters, digits, '_', '+', '-' and '.', found '{}'", name));
}

// ${NAME} is an environment variable.
std::string expanded(const SuiteNode& node) {
  std::string text = node.text();
  for (std::size_t at; (at = text.find("${")) != text.npos;) {
    const std::size_t end = text.find('}', at);
    if (end == text.npos) node.refuse("'${' without its '}'");
    const std::string name = text.substr(at + 2, end - at - 2);
    const char* value = std::getenv(name.c_str());
    if (!value) node.refuse(fmt::format("the environment variable {0} is not set: run with {0}=FOLDER", name));
    text.replace(at, end - at + 1, value);
  }
  return text;
}

class Reader {
 public:
  explicit Reader(const std::string& path) : root_(SuiteNode::load(path)) { suite_.path = path; }

  Suite read() {
    root_.expect_keys({"root", "init", "stage", "jobs", "domains", "base", "bases", "methods", "orders", "tune", "figures"});
    folder_ = fs::absolute(suite_.path).parent_path();
    if (const SuiteNode root = root_["root"]) folder_ = folder_ / expanded(root);
    if (const SuiteNode init = root_["init"]) suite_.init = words_of(init.text());
    if (const SuiteNode stage = root_["stage"]) suite_.stage = words_of(stage.text());
    if (const SuiteNode jobs = root_["jobs"]) suite_.jobs = static_cast<std::int64_t>(jobs.number());
    for (const auto& [name, node] : root_.at("domains").entries()) add_domain(name, node);
    suite_.base_domain = root_.one_of("domain", root_.at("base").text(), names_of(suite_.domains));
    for (const auto& [name, node] : root_.at("bases").entries()) add_base(name, node);
    for (const auto& [name, node] : root_.at("methods").entries()) add_method(name, node);
    for (const auto& [name, node] : root_.at("orders").entries()) add_order(name, node);
    if (const SuiteNode tune = root_["tune"]) read_tuning(tune);
    for (const auto& [name, node] : root_.at("figures").entries()) add_figure(name, node);
    return suite_;
  }

 private:
  Words paths(const SuiteNode& node) const {
    Words found;
    for (const SuiteNode& item : node.items()) {
      const fs::path path = (folder_ / expanded(item)).lexically_normal();
      if (!fs::exists(path)) item.refuse(fmt::format("there is no '{}'", path.string()));
      found.push_back(path.string());
    }
    return found;
  }

  void add_domain(const std::string& name, const SuiteNode& node) {
    check_name(node, name);
    Domain domain;
    domain.name = name;
    if (!node.is_map()) {
      domain.from = paths(node);
    } else {
      node.expect_keys({"from", "test", "part"});
      domain.from = paths(node.at("from"));
      if (const SuiteNode test = node["test"]) domain.test = paths(test);
      if (const SuiteNode part = node["part"]) {
        const Words words = words_of(part.text());
        if (words.size() == 3) domain.part = std::atoi(words[0].c_str()), domain.parts = std::atoi(words[2].c_str());
        if (words.size() != 3 || words[1] != "of" || domain.part < 1 || domain.part > domain.parts) part.refuse("expected e.g. 1 of 2");
      }
    }
    if (!domain.test.empty() && domain.from.size() > 1 && domain.test.size() != domain.from.size())
      node.refuse("expected a test text for each text, or none");
    suite_.domains.push_back(domain);
  }

  void add_base(const std::string& name, const SuiteNode& node) {
    check_name(node, name);
    Base base;
    base.name = name;
    if (!node.is_map()) {
      base.train = words_of(node.text());
    } else {
      node.expect_keys({"init", "train"});
      if (const SuiteNode init = node["init"]) base.init = words_of(init.text());
      if (const SuiteNode train = node["train"]) {
        base.trained = train.text() != "none";
        if (base.trained) base.train = words_of(train.text());
      }
    }
    suite_.bases.push_back(base);
  }

  void add_method(const std::string& name, const SuiteNode& node) {
    check_name(node, name);
    Method method{.name = name, .base = suite_.bases.front().name, .stream = {}};
    if (!node.is_map()) {
      method.stream = words_of(node.text());
    } else {
      node.expect_keys({"base", "stream"});
      if (const SuiteNode base = node["base"]) method.base = base.one_of("base", base.text(), names_of(suite_.bases));
      method.stream = words_of(node.at("stream").text());
    }
    suite_.methods.push_back(method);
  }

  void add_order(const std::string& name, const SuiteNode& node) {
    check_name(node, name);
    Order order{.name = name, .domains = {}};
    const SuiteNode list = node.is_map() ? node.at("domains") : node;
    if (node.is_map()) {
      node.expect_keys({"domains", "overlap"});
      if (const SuiteNode overlap = node["overlap"]) order.overlap = overlap.number();
      if (order.overlap < 0 || order.overlap >= 1) node.refuse("'overlap' is a share from 0 to below 1");
    }
    const Words reversed = list.is_text() ? words_of(list.text()) : Words{};
    if (reversed.size() == 2 && reversed[0] == "reverse") {
      order.domains = suite_.order(list.one_of("order", reversed[1], names_of(suite_.orders))).domains;
      std::reverse(order.domains.begin(), order.domains.end());
    } else {
      for (const SuiteNode& item : list.items()) order.domains.push_back(item.one_of("domain", item.text(), names_of(suite_.domains)));
    }
    suite_.orders.push_back(order);
  }

  void read_tuning(const SuiteNode& node) {
    node.expect_keys({"domain", "test", "candidates"});
    suite_.tuning.domain = node.one_of("domain", node.at("domain").text(), names_of(suite_.domains));
    suite_.tuning.test = paths(node.at("test"));
    for (const auto& [name, options] : node.at("candidates").entries()) {
      check_name(options, name);
      suite_.tuning.candidates.push_back({name, words_of(options.text())});
    }
  }

  Words chosen(const SuiteNode& node, const std::string& what, const Words& known) const {
    if (node.is_text() && node.text() == "all") return known;
    Words names;
    for (const SuiteNode& item : node.items()) names.push_back(item.one_of(what, item.text(), known));
    return names;
  }

  // Adds an order of a single domain for every domain of these orders.
  Words orders_alone(const Words& orders) {
    Words names;
    for (const std::string& order : orders)
      for (const std::string& domain : Words(suite_.order(order).domains)) {
        const std::string name = "alone." + domain;
        const Words known = names_of(suite_.orders);
        if (std::find(known.begin(), known.end(), name) == known.end()) suite_.orders.push_back({name, {domain}});
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
    return names;
  }

  void add_figure(const std::string& name, const SuiteNode& node) {
    check_name(node, name);
    node.expect_keys({"methods", "orders", "seeds", "baseline", "by stage", "alone", "oracle", "claims"});
    Figure figure;
    figure.name = name;
    figure.methods = chosen(node.at("methods"), "method", names_of(suite_.methods));
    figure.orders = chosen(node.at("orders"), "order", names_of(suite_.orders));
    for (const SuiteNode& seed : node.at("seeds").items()) figure.seeds.push_back(static_cast<std::int64_t>(seed.number()));
    if (const SuiteNode baseline = node["baseline"]) figure.baseline = baseline.one_of("method", baseline.text(), figure.methods);
    if (const SuiteNode by_stage = node["by stage"]) figure.by_stage = by_stage.yes();
    if (const SuiteNode oracle = node["oracle"]) figure.oracle = oracle.one_of("method", oracle.text(), figure.methods);
    if (const SuiteNode alone = node["alone"]; alone && alone.yes()) figure.alone = true, figure.orders = orders_alone(figure.orders);
    if (const SuiteNode claims = node["claims"]) {
      claims.expect_keys({"method", "naive", "joint", "replay"});
      const auto role = [&](const char* key) { return claims.one_of("method", claims.at(key).text(), figure.methods); };
      figure.claims = {role("method"), role("naive"), role("joint"), role("replay")};
    }
    suite_.figures.push_back(figure);
  }

  SuiteNode root_;
  Suite suite_;
  fs::path folder_;
};

}  // namespace

const Domain& Suite::domain(const std::string& name) const { return find(domains, name); }
const Base& Suite::base(const std::string& name) const { return find(bases, name); }
const Method& Suite::method(const std::string& name) const { return find(methods, name); }
const Order& Suite::order(const std::string& name) const { return find(orders, name); }

Suite read_suite(const std::string& path) { return Reader(path).read(); }

Words merged(const std::vector<Words>& options) {
  Words order;
  std::map<std::string, Words> last;  // option -> itself and its values
  for (const Words& words : options) {
    std::string name;
    for (const std::string& word : words) {
      if (word.starts_with("--")) {
        name = word.substr(0, word.find('='));
        if (!last.contains(name)) order.push_back(name);
        last[name] = {word};
      } else {
        if (name.empty()) throw UsageError(fmt::format("options '{}': expected --name value...", fmt::join(words, " ")));
        last[name].push_back(word);
      }
    }
  }
  Words all;
  for (const std::string& name : order) all.insert(all.end(), last[name].begin(), last[name].end());
  return all;
}

}  // namespace peer::continual
