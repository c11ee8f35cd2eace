#include <fmt/format.h>

#include "cli/generation_summary.h"
#include "cli/text_table.h"

namespace peer::cli {
namespace {

struct ShowOptions {
  bool pages = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.pages, OptionInfo{"pages", "also the digest of every page of experts"});
  }
};

// A block's table with what its pages add up to.
struct Table {
  pool::TableInfo info;
  std::vector<pool::PageVersion> pages;
  std::int64_t frozen_pages = 0;
  std::int64_t bytes = 0;  // of rows, without optimizer state
};

Table read_table(const pool::Pool& pool, const pool::Generation& generation, const pool::TableInfo& info) {
  Table table{info, {}, 0, info.rows * info.layout.row_bytes()};
  for (std::int64_t page = 0; page < info.page_count(); ++page) {
    table.pages.push_back(pool.page_version(generation, info.block, {page}));
    table.frozen_pages += table.pages.back().state.empty();
  }
  return table;
}

Json table_json(const Table& table, bool with_pages) {
  Json json = {{"block", table.info.block.value},
               {"experts", table.info.rows},
               {"width", table.info.layout.width},
               {"element", name_of(table.info.layout.element)},
               {"rows_per_page", table.info.layout.rows_per_page},
               {"pages", table.pages.size()},
               {"frozen_pages", table.frozen_pages},
               {"bytes", table.bytes},
               {"map_root", to_hex(table.info.map_root)}};
  if (!with_pages) return json;
  json["versions"] = Json::array();
  for (const pool::PageVersion& page : table.pages)
    json["versions"].push_back(
        {{"content", to_hex(page.content)}, {"state", page.state.empty() ? Json(nullptr) : Json(to_hex(page.state))}, {"rows", page.rows}});
  return json;
}

std::string tables_text(const std::vector<Table>& tables) {
  TextTable text({{"block", Align::kRight},
                  {"experts", Align::kRight},
                  {"width", Align::kRight},
                  {"element"},
                  {"pages", Align::kRight},
                  {"frozen", Align::kRight},
                  {"bytes", Align::kRight}});
  for (const Table& table : tables)
    text.add({std::to_string(table.info.block.value), std::to_string(table.info.rows), std::to_string(table.info.layout.width),
              std::string(name_of(table.info.layout.element)), std::to_string(table.pages.size()), std::to_string(table.frozen_pages),
              human_bytes(table.bytes)});
  return text.text();
}

std::string pages_text(const std::vector<Table>& tables) {
  TextTable text({{"block", Align::kRight}, {"page", Align::kRight}, {"experts", Align::kRight}, {"content"}, {"optimizer state"}});
  for (const Table& table : tables)
    for (std::size_t p = 0; p < table.pages.size(); ++p) {
      const pool::PageVersion& page = table.pages[p];
      text.add({std::to_string(table.info.block.value), std::to_string(p), std::to_string(page.rows), to_hex(page.content),
                page.state.empty() ? "frozen" : to_hex(page.state)});
    }
  return text.text();
}

std::string trunks_text(const std::vector<pool::TrunkInfo>& trunks) {
  TextTable text({{"trunk"}, {"bytes", Align::kRight}, {"content"}});
  for (const pool::TrunkInfo& trunk : trunks) text.add({trunk.name, human_bytes(trunk.bytes), to_hex(trunk.content)});
  return text.text();
}

Json trunks_json(const std::vector<pool::TrunkInfo>& trunks) {
  Json list = Json::array();
  for (const pool::TrunkInfo& trunk : trunks)
    list.push_back({{"name", trunk.name}, {"bytes", trunk.bytes}, {"content", to_hex(trunk.content)}});
  return list;
}

std::string heading_text(const pool::Generation& generation, const std::string& names, const Paint& paint) {
  std::string text = paint.bold("generation " + label(generation.id)) + (names.empty() ? "" : "  (" + paint.green(names) + ")") + '\n';
  const auto line = [&](std::string_view what, const std::string& value) { text += fmt::format("  {:<12} {}\n", what, value); };
  line("message", generation.message);
  line("parent", label(generation.parent));
  line("created", generation.created);
  line("digest", to_hex(generation.content));
  line("fingerprint", generation.fingerprint.empty() ? "none" : generation.fingerprint);
  line("state", human_bytes(static_cast<std::int64_t>(generation.state.size())));
  return text;
}

int run(Call& call, const ShowOptions& options) {
  const pool::Pool pool = open_pool(call, pool::Access::kRead);
  const pool::Generation generation = pool.generation(pool.resolve(call.argument("REF", "head")));
  const NamesByGeneration names = names_by_generation(pool);
  std::vector<Table> tables;
  for (const pool::TableInfo& info : generation.tables) tables.push_back(read_table(pool, generation, info));
  if (call.common.json) {
    Json document = summary_json(generation, names);
    document["fingerprint"] = generation.fingerprint;
    document["state_bytes"] = generation.state.size();
    document["tables"] = Json::array();
    for (const Table& table : tables) document["tables"].push_back(table_json(table, options.pages));
    document["trunks"] = trunks_json(generation.trunks);
    call.print(document);
    return kDone;
  }
  call.out << heading_text(generation, joined_names(names, generation.id), call.paint);
  if (!tables.empty()) call.out << '\n' << tables_text(tables);
  if (!generation.trunks.empty()) call.out << '\n' << trunks_text(generation.trunks);
  if (options.pages && !tables.empty()) call.out << '\n' << pages_text(tables);
  return kDone;
}

}  // namespace

Command show_command() {
  return make_command({.name = "show",
                       .group = Group::kHistory,
                       .summary = "Show everything that a generation holds",
                       .positionals = {kPoolArgument, {"REF", "head, a tag, g12, head~2 or a digest (default: head)", true}},
                       .examples = {{"show my-pool", "the present state"}, {"show my-pool head~1 --pages", "its parent, page by page"}},
                       .json = R"({"id", "digest", "parent", "created", "message", "names", "fingerprint", "state_bytes", )"
                               R"("tables": [{"block", "experts", "width", "element", "rows_per_page", "pages", "frozen_pages", "bytes", )"
                               R"("map_root"}], "trunks": [{"name", "bytes", "content"}]})"},
                      run);
}

}  // namespace peer::cli
