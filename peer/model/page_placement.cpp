#include "peer/model/page_placement.h"

#include <algorithm>
#include <vector>

namespace peer::model {
namespace {

constexpr std::int64_t kStepsBetween = 64;

struct Page {
  void* data;
  std::int64_t bytes;
  bool trained;
  std::uint32_t uses;
};

std::vector<Page> pages_of(Model& model) {
  std::vector<Page> pages;
  for (int view = 0; view <= model.newest(); ++view) {
    if (model.retired(view)) continue;
    model.for_each_block(view, [&](layers::PeerBlock& block, int) {
      layers::ExpertTable& experts = block.experts();
      const auto uses = experts.uses();
      for (std::int64_t p = 0; p < experts.page_count(); ++p)
        pages.push_back({experts.page_data(p), experts.page_bytes(p), experts.trainable(p), uses.empty() ? 0 : uses[p]});
    });
  }
  return pages;
}

// From now on counted where it was not; what was counted weighs half as much at the next time.
void go_on_counting(Model& model) {
  for (int view = 0; view <= model.newest(); ++view) {
    if (model.retired(view)) continue;
    model.for_each_block(view, [](layers::PeerBlock& block, int) {
      if (block.experts().uses().empty()) block.experts().count_uses(true);
      const auto uses = block.experts().uses();
      for (std::int64_t p = 0; p < uses.shape[0]; ++p) uses[p] /= 2;
    });
  }
}

}  // namespace

void PagePlacement::place(Context& ctx, Model& model) {
  if (ctx.device().is_cpu()) return;
  std::vector<Page> pages = pages_of(model);
  pages_ = static_cast<std::int64_t>(pages.size()), pages_on_host_ = 0;
  std::int64_t all = 0;
  for (const Page& page : pages) all += page.bytes;
  if (all <= budget_bytes_ && residence_.empty()) return;

  std::stable_sort(pages.begin(), pages.end(), [](const Page& a, const Page& b) {
    return a.trained != b.trained ? a.trained : a.uses > b.uses;  // pages of one model are about as large
  });
  std::unordered_map<const void*, Residence> placed;
  std::int64_t left = budget_bytes_;
  // What goes makes room first for what comes.
  for (const Page& page : pages) {
    const bool fits = page.bytes <= left;
    if (fits) left -= page.bytes;
    pages_on_host_ += !fits;
    placed[page.data] = fits ? Residence::kDevice : Residence::kHost;
  }
  for (const Residence residence : {Residence::kHost, Residence::kDevice})
    for (const Page& page : pages) {
      const auto before = residence_.find(page.data);
      if (placed[page.data] == residence && (before == residence_.end() || before->second != residence))
        set_residence(ctx, page.data, page.bytes, residence);
    }
  residence_ = std::move(placed);
  ctx.wait();
  go_on_counting(model);
}

void PagePlacement::after_step(Context& ctx, Model& model) {
  if (++steps_ % kStepsBetween == 0) place(ctx, model);
}

}  // namespace peer::model
