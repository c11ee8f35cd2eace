#include "peer/model/page_placement.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace peer::model {
namespace {

constexpr std::int64_t kStepsBetween = 64;
constexpr std::int64_t kStagingShare = 8;  // an eighth of the budget

struct Page {
  layers::PeerBlock* block;
  std::int64_t number;
  std::uint32_t uses;
  bool on_host = false;  // from now on

  layers::ExpertTable& table() const { return block->experts(); }
  void* data() const { return table().page_data(number); }
  std::int64_t bytes() const { return table().page_bytes(number); }
  bool trained() const { return table().trainable(number); }
};

std::vector<layers::PeerBlock*> blocks_of(Model& model) {
  std::vector<layers::PeerBlock*> blocks;
  for (int view = 0; view <= model.newest(); ++view)
    if (!model.retired(view)) model.for_each_block(view, [&](layers::PeerBlock& block, int) { blocks.push_back(&block); });
  return blocks;
}

std::vector<Page> pages_of(Model& model) {
  std::vector<Page> pages;
  for (layers::PeerBlock* block : blocks_of(model)) {
    const auto uses = block->experts().uses();
    for (std::int64_t p = 0; p < block->experts().page_count(); ++p) pages.push_back({block, p, uses.empty() ? 0 : uses[p]});
  }
  return pages;
}

// Decides which pages the budget has room for: the trained ones first, then by use. Pages of one model are about as large. Returns what is
// left for copies of the others' rows: what the trained pages leave of the share, for no row of theirs is copied.
std::int64_t divide(std::int64_t budget_bytes, std::vector<Page>& pages) {
  std::int64_t all = 0, trained = 0;
  for (const Page& page : pages) all += page.bytes(), trained += page.trained() ? page.bytes() : 0;
  const std::int64_t staging = all <= budget_bytes ? 0 : std::clamp<std::int64_t>(budget_bytes - trained, 0, budget_bytes / kStagingShare);

  std::stable_sort(pages.begin(), pages.end(),
                   [](const Page& a, const Page& b) { return a.trained() != b.trained() ? a.trained() : a.uses > b.uses; });
  std::int64_t left = budget_bytes - staging;
  for (Page& page : pages) {
    page.on_host = page.bytes() > left;
    if (!page.on_host) left -= page.bytes();
  }
  return staging;
}

// Room for copies in each block that has frozen pages on the host: for the picks of as many tokens in one as in the other, and never for
// more rows than lie there.
class StagingRoom {
 public:
  StagingRoom(Model& model, const std::vector<Page>& pages, std::int64_t bytes) {
    std::unordered_map<const layers::PeerBlock*, std::int64_t> on_host;  // rows that may be copied
    for (const Page& page : pages)
      if (page.on_host && !page.trained()) on_host[page.block] += page.table().page_rows(page.number);
    std::int64_t token_bytes = 0;  // of a token's picks in all of these blocks
    for (const auto& [block, count] : on_host) {
      const ops::ExpertRows rows = block->experts().rows();
      bytes -= layers::ExpertStaging::table_bytes(rows);
      token_bytes += block->picks() * layers::ExpertStaging::slot_bytes(rows);
    }
    for (layers::PeerBlock* block : blocks_of(model)) {
      const auto found = on_host.find(block);
      if (found == on_host.end())
        rooms_.push_back({block, 0});
      else
        rooms_.push_back({block, std::min(found->second, std::max<std::int64_t>(0, bytes) * block->picks() / token_bytes)});
    }
  }

  // Gives back what is no longer needed, before pages come in its place.
  void release() {
    for (const Room& room : rooms_)
      if (room.slots != room.block->staging().slots()) reserve(room, 0);
  }
  void take() {
    for (const Room& room : rooms_) reserve(room, room.slots);
  }

 private:
  struct Room {
    layers::PeerBlock* block;
    std::int64_t slots;
  };
  static void reserve(const Room& room, std::int64_t slots) {
    room.block->staging().reserve(room.block->experts().device(), room.block->experts().rows(), slots);
  }

  std::vector<Room> rooms_;
};

// From now on counted where it was not; what was counted weighs half as much at the next time.
void go_on_counting(Model& model) {
  for (layers::PeerBlock* block : blocks_of(model)) {
    if (block->experts().uses().empty()) block->experts().count_uses(true);
    const auto uses = block->experts().uses();
    for (std::int64_t p = 0; p < uses.shape[0]; ++p) uses[p] /= 2;
  }
}

}  // namespace

void PagePlacement::place(Context& ctx, Model& model) {
  if (ctx.device().is_cpu()) return;
  std::vector<Page> pages = pages_of(model);
  const std::int64_t staging_bytes = divide(budget_bytes_, pages);
  pages_ = static_cast<std::int64_t>(pages.size());
  pages_on_host_ = std::count_if(pages.begin(), pages.end(), [](const Page& page) { return page.on_host; });
  if (pages_on_host_ == 0 && residence_.empty()) return;

  StagingRoom room(model, pages, staging_bytes);
  room.release();
  std::unordered_map<const void*, Residence> placed;
  // What goes makes room first for what comes.
  for (const bool on_host : {true, false})
    for (const Page& page : pages) {
      if (page.on_host != on_host) continue;
      const Residence residence = on_host ? Residence::kHost : Residence::kDevice;
      const auto before = residence_.find(page.data());
      if (before == residence_.end() || before->second != residence) set_residence(ctx, page.data(), page.bytes(), residence);
      placed[page.data()] = residence;
    }
  residence_ = std::move(placed);
  ctx.wait();
  for (const Page& page : pages) page.table().set_on_host(page.number, page.on_host);
  room.take();
  go_on_counting(model);
}

void PagePlacement::after_step(Context& ctx, Model& model) {
  if (++steps_ % kStepsBetween == 0) place(ctx, model);
}

}  // namespace peer::model
