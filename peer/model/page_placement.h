// Pools that are larger than a GPU's memory.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "peer/device/residence.h"
#include "peer/model/model.h"

namespace peer::model {

// Keeps the pages of experts that are used most in the device's memory, and the others in the machine's, where kernels read the rows that
// were picked over the bus: a row crosses it when a batch needs it, a page only when what is used has changed. Pages that are trained stay
// on the device as long as they fit. An eighth of the budget holds copies of the rows that a batch needs of the others (ExpertStaging), so
// that each crosses the bus once. Nothing on the CPU, and on a GPU where all pages fit.
class PagePlacement {
 public:
  // budget_bytes: of the device's memory, for experts.
  explicit PagePlacement(std::int64_t budget_bytes) : budget_bytes_(budget_bytes) {}

  // Places all pages by what was used of them so far, at first in their order. The device must be idle, and the host may use it afterwards.
  void place(Context& ctx, Model& model);
  // To be called after every step: places the pages anew now and then.
  void after_step(Context& ctx, Model& model);

  std::int64_t pages() const { return pages_; }
  std::int64_t pages_on_host() const { return pages_on_host_; }
  bool on_host(const void* page_data) const {
    const auto found = residence_.find(page_data);
    return found != residence_.end() && found->second == Residence::kHost;
  }

 private:
  std::int64_t budget_bytes_, steps_ = 0, pages_ = 0, pages_on_host_ = 0;
  std::unordered_map<const void*, Residence> residence_;  // of the pages that were placed, by address
};

}  // namespace peer::model
