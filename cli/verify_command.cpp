#include <fmt/format.h>

#include "cli/generation_summary.h"
#include "cli/text_table.h"
#include "peer/base/error.h"

namespace peer::cli {
namespace {

// A pool that is too damaged to open is a finding too.
pool::VerifyReport examine(Call& call) {
  try {
    const pool::Pool pool = open_pool(call, pool::Access::kRead);
    return pool.verify([&](std::int64_t done, std::int64_t total) { call.progress.update("verify", done, total, ""); });
  } catch (const CorruptError& error) {
    pool::VerifyReport report;
    report.damage.push_back({call.argument(kPoolArgument.name), error.what()});
    return report;
  }
}

Json report_json(const pool::VerifyReport& report) {
  Json document = {{"ok", report.damage.empty()},
                   {"generations", report.generations},
                   {"files", report.files},
                   {"bytes", report.bytes},
                   {"damage", Json::array()}};
  for (const pool::Damage& damage : report.damage) document["damage"].push_back({{"file", damage.file}, {"problem", damage.problem}});
  return document;
}

int run(Call& call) {
  const pool::VerifyReport report = examine(call);
  const std::string checked =
      fmt::format("{}, {}, {}", counted(report.generations, "generation"), counted(report.files, "file"), human_bytes(report.bytes));
  if (call.common.json) {
    call.print(report_json(report));
  } else if (report.damage.empty()) {
    call.out << call.paint.green("sound") << ": " << checked << '\n';
  } else {
    for (const pool::Damage& damage : report.damage) call.out << damage.file << ": " << damage.problem << '\n';
    call.out << call.paint.red("damaged") << ": " << counted(static_cast<std::int64_t>(report.damage.size()), "problem") << " in "
             << checked << '\n';
  }
  return report.damage.empty() ? kDone : kCorruptData;
}

}  // namespace

Command verify_command() {
  return make_command({.name = "verify",
                       .group = Group::kHistory,
                       .summary = "Read the whole pool and check every checksum and reference",
                       .details = "Names each damaged file and then exits with 4.",
                       .positionals = {kPoolArgument},
                       .examples = {{"verify my-pool", "after a crash, a copy or a doubt"}},
                       .json = R"({"ok", "generations", "files", "bytes", "damage": [{"file", "problem"}]})"},
                      run);
}

}  // namespace peer::cli
