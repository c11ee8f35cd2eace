#include <set>

#include "tests/architecture/house_rules.h"

namespace peer::architecture {
namespace {

// The picture of the house: each room and the rooms right below it. Arrows add up: cli reaches everything, pool only peer/base.
const std::map<std::string, std::vector<std::string>> kArrows = {
    {"peer/base", {}},
    {"peer/device", {"peer/base"}},
    {"peer/ops", {"peer/device"}},
    {"peer/layers", {"peer/ops"}},
    {"peer/model", {"peer/layers"}},
    {"pool", {"peer/base"}},
    {"streams", {"streams/tokenizer"}},
    {"streams/tokenizer", {"peer/base"}},
    {"trainer/options", {"peer/model", "streams"}},
    {"trainer/state", {"trainer/options", "pool"}},
    {"trainer/evaluation", {"trainer/state"}},
    {"trainer/strategies", {"trainer/state"}},
    {"trainer/import", {"trainer/evaluation"}},
    {"trainer", {"trainer/evaluation", "trainer/strategies"}},
    {"trainer/report", {"trainer/evaluation"}},
    {"cli", {"trainer", "trainer/report", "trainer/import"}},
};

// The room of a file; empty outside the house (and for a folder that the picture does not have).
std::string room_of(const std::string& path) {
  std::string found;
  for (const auto& [room, below] : kArrows)
    if (path.starts_with(room + "/")) found = room;  // of rooms within rooms the innermost, which comes last
  return found;
}

// tests/ops tests peer/ops, tests/pool tests pool; empty for folders of tests that are about no single room.
std::string tested_room(const std::string& path) {
  const std::string folder = folder_of(path);
  if (!folder.starts_with("tests/")) return "";
  const std::string name = folder.substr(6);
  for (const std::string& room : {"peer/" + name, name})
    if (kArrows.contains(room)) return room;
  return "";
}

void reach(const std::string& room, std::set<std::string>& reached) {
  if (!reached.insert(room).second) return;
  for (const std::string& below : kArrows.at(room)) reach(below, reached);
}

}  // namespace

Findings wrong_arrows(const SourceTree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree) {
    const bool is_test = path.starts_with("tests/");
    const std::string room = is_test ? tested_room(path) : room_of(path);
    if (!is_test && room.empty() && file.is_code()) findings.push_back(path + ":1: lies in no room of the house");
    std::set<std::string> reached;
    if (!room.empty()) reach(room, reached);
    for (const auto& [inner, below] : kArrows)  // tests/trainer tests trainer/report too
      if (is_test && !room.empty() && inner.starts_with(room + "/")) reach(inner, reached);

    std::vector<Include> includes = file.quoted;
    includes.insert(includes.end(), file.angled.begin(), file.angled.end());
    for (const Include& include : includes) {
      const std::string target = room_of(include.path);
      const bool hidden_test = !is_test && include.path.starts_with("tests/");
      const bool wrong_way = !room.empty() && !target.empty() && !reached.contains(target);
      if (hidden_test || wrong_way)
        findings.push_back(path + ":" + std::to_string(include.line) + ": " + (is_test ? "a test of " : "") + room + " must not include " +
                           include.path);
    }
  }
  return findings;
}

}  // namespace peer::architecture
