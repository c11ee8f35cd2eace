#include <fmt/format.h>

#include "cli/command.h"
#include "cli/generation_summary.h"
#include "cli/text_table.h"
#include "trainer/plasticity.h"
#include "trainer/state/session.h"
#include "trainer/state/views.h"

namespace peer::cli {
namespace {

struct InspectOptions {
  std::string at = "head";

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.at, OptionInfo{"at", "the state to look into: head, a tag, g12, head~1", "REF"});
  }
};

// What the next `train` would change: what was grown and not trained yet, or a base on which nothing was grown.
bool next_to_train(const trainer::LoadedModel& loaded, int view) {
  return loaded.history.open_view >= 0 ? view == loaded.history.open_view : loaded.model.newest() == 0;
}

Json view_json(trainer::LoadedModel& loaded, int view) {
  Json blocks = Json::array();
  loaded.model.for_each_block(view, [&](layers::PeerBlock& block, int layer) {
    blocks.push_back({{"block", block.id().value},
                      {"layer", layer},
                      {"grid", block.side()},
                      {"open", block.open()},
                      {"heads", block.options().heads},
                      {"top_k", block.options().top_k},
                      {"experts", block.experts().count()},
                      {"pages", block.experts().page_count()}});
  });
  const model::View& v = loaded.model.view(view);
  return {{"view", v.name},
          {"parent", v.parent < 0 ? Json(nullptr) : Json(loaded.model.view(v.parent).name)},
          {"domain", v.domain},
          {"trainable", next_to_train(loaded, view)},
          {"experts", trainer::experts_in(loaded.model, view)},
          {"parameters", trainer::parameters_in(loaded.model, view)},
          {"blocks", blocks}};
}

int run(Call& call, const InspectOptions& options) {
  trainer::Session session = trainer::open_session(call.argument("POOL"), options.at, pool::Access::kRead, call.device(),
                                                   static_cast<int>(call.common.threads), call.expert_memory_bytes());
  Json views = Json::array(), trainable = {{"experts", 0}, {"parameters", 0}}, frozen = trainable;
  std::int64_t experts = 0, pages = 0, blocks = 0;
  for (const int v : trainer::all_views(session.loaded.model)) {
    const Json view = view_json(session.loaded, v);
    Json& sum = view["trainable"].get<bool>() ? trainable : frozen;
    for (const char* key : {"experts", "parameters"}) sum[key] = sum[key].get<std::int64_t>() + view[key].get<std::int64_t>();
    experts += view["experts"].get<std::int64_t>();
    blocks += static_cast<std::int64_t>(view["blocks"].size());
    for (const Json& block : view["blocks"]) pages += block["pages"].get<std::int64_t>();
    views.push_back(view);
  }
  const std::int64_t bytes = session.pool.bytes_on_disk();
  const std::string rows(name_of(session.loaded.model.options().peer.rows));
  if (call.common.json) {
    call.print({{"generation", json_of(session.generation.id)},
                {"experts", experts},
                {"pages", pages},
                {"blocks", blocks},
                {"rows", rows},
                {"bytes", bytes},
                {"trainable", trainable},
                {"frozen", frozen},
                {"views", views}});
    return kDone;
  }
  call.out << fmt::format("g{}: {} experts in {} blocks, {} pages, rows in {}; {:.2f} MB on disk, all generations together\n",
                          session.generation.id.value, experts, blocks, pages, rows, static_cast<double>(bytes) / 1e6);
  TextTable table({{"view"}, {"grown on"}, {"domain"}, {"experts", Align::kRight}, {"numbers", Align::kRight}, {"grids"}, {"state"}});
  for (const Json& view : views) {
    std::string grids;
    for (const Json& block : view["blocks"])
      grids += fmt::format("{}{}:{}x{}", grids.empty() ? "" : " ", block["layer"].dump(), block["grid"].dump(), block["grid"].dump());
    table.add({view["view"].get<std::string>(), view["parent"].is_null() ? "" : view["parent"].get<std::string>(),
               view["domain"].get<std::string>(), view["experts"].dump(), view["parameters"].dump(), grids,
               view["trainable"].get<bool>() ? "trainable" : "frozen"});
  }
  call.out << table.text();
  return kDone;
}

}  // namespace

Command inspect_command() {
  return make_command(
      {.name = "inspect",
       .group = Group::kMeasure,
       .summary = "What a state is made of: views, grids, experts, pages, bytes",
       .positionals = {kPoolArgument},
       .examples = {{"inspect my-pool", "the newest state"}, {"inspect my-pool --at g2 --json", "an older one, for a script"}},
       .json = R"({"generation", "experts", "pages", "blocks", "rows", "bytes", "trainable", "frozen", "views"})"},
      run);
}

}  // namespace peer::cli
