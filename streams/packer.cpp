#include "streams/packer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "peer/base/require.h"

namespace peer::streams {

Packer::Packer(DocumentTokens documents)
    : documents_(std::move(documents)), order_(documents_.documents()), starts_(documents_.documents() + 1) {
  require(documents_.documents() > 0, "packer: at least one document");
  std::iota(order_.begin(), order_.end(), 0);
  arrange(order_);
}

void Packer::arrange(const std::vector<std::int64_t>& order) {
  require(order.size() == documents_.documents(), "packer: one place for every document");
  order_ = order;
  starts_[0] = 0;
  for (std::size_t place = 0; place < order_.size(); ++place) starts_[place + 1] = starts_[place] + 1 + documents_.size(order_[place]);
}

void Packer::append(std::int64_t position, std::int64_t count, std::vector<std::int32_t>& tokens) const {
  position %= size();
  auto place = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), position) - starts_.begin() - 1);
  std::int64_t within = position - starts_[place];  // 0: the end-of-document token; i: token i-1 of the document
  while (count > 0) {
    if (within == 0) {
      tokens.push_back(documents_.end_of_document());
      ++within, --count;
    }
    count -= documents_.append(order_[place], within - 1, count, tokens);
    within = 0;
    place = place + 1 == order_.size() ? 0 : place + 1;
  }
}

}  // namespace peer::streams
