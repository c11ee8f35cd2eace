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

Json list_json(const std::vector<pool::Damage>& list) {
  Json document = Json::array();
  for (const pool::Damage& damage : list) document.push_back({{"file", damage.file}, {"problem", damage.problem}});
  return document;
}

Json report_json(const pool::VerifyReport& report) {
  return {{"ok", report.damage.empty() && report.unread.empty()},
          {"generations", report.generations},
          {"files", report.files},
          {"bytes", report.bytes},
          {"damage", list_json(report.damage)},
          {"unread", list_json(report.unread)},
          {"notes", list_json(report.notes)}};
}

std::string report_text(const pool::VerifyReport& report, const Paint& paint) {
  const auto problems = [](const std::vector<pool::Damage>& list, const char* what) {
    return counted(static_cast<std::int64_t>(list.size()), what);
  };
  const std::string checked =
      fmt::format("{}, {}, {}", counted(report.generations, "generation"), counted(report.files, "file"), human_bytes(report.bytes));
  std::string text;
  for (const pool::Damage& note : report.notes) text += fmt::format("note: {}: {}\n", note.file, note.problem);
  for (const pool::Damage& unread : report.unread) text += fmt::format("could not be read: {}\n", unread.problem);
  for (const pool::Damage& damage : report.damage) text += fmt::format("{}: {}\n", damage.file, damage.problem);
  if (!report.damage.empty())
    return text + fmt::format("{}: {} in {}\n", paint.red("damaged"), problems(report.damage, "problem"), checked);
  if (!report.unread.empty())
    return text + fmt::format("{}: {} in {}; what could be read is sound\n", paint.red("not checked"), problems(report.unread, "refusal"),
                              checked);
  return text + fmt::format("{}: {}\n", paint.green("sound"), checked);
}

int run(Call& call) {
  const pool::VerifyReport report = examine(call);
  if (call.common.json)
    call.print(report_json(report));
  else
    call.out << report_text(report, call.paint);
  if (!report.damage.empty()) return kCorruptData;
  return report.unread.empty() ? kDone : kFailure;
}

}  // namespace

Command verify_command() {
  return make_command(
      {.name = "verify",
       .group = Group::kHistory,
       .summary = "Read the whole pool and check every checksum and reference",
       .details = "Names each damaged file and then exits with 4; with 1 where nothing is damaged, but files could not be read.",
       .positionals = {kPoolArgument},
       .examples = {{"verify my-pool", "after a crash, a copy or a doubt"}},
       .json =
           R"({"ok", "generations", "files", "bytes", "damage": [{"file", "problem"}], "unread": [{"file", "problem"}], "notes": [{"file", "problem"}]})"},
      run);
}

}  // namespace peer::cli
