// Runs the program as a user would: in this process through run_program, or as a process of its own.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include "cli/json_output.h"
#include "cli/program.h"

namespace peer::cli {

struct Outcome {
  int code = -1;
  std::string out, errors;
  Json json() const { return Json::parse(out); }
};

inline Outcome run_cli(const std::vector<std::string>& words) {
  std::ostringstream out, errors;
  const int code = run_program(words, out, errors);
  return {code, out.str(), errors.str()};
}

// Gone with everything in it at the end of the test.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "peer-cli-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return *this / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// `shell` is a line of sh in which $PEER is the built program.
inline Outcome run_shell(const std::string& shell) {
  const ScratchDirectory scratch;
  const std::string script = scratch.write("script", "PEER='" PEER_CLI_BINARY "'\n" + shell + "\n");
  const int status = std::system(("bash '" + script + "' >'" + scratch / "out" + "' 2>'" + scratch / "errors" + "' </dev/null").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(scratch / "out"), read_text(scratch / "errors")};
}

}  // namespace peer::cli
