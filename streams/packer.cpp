#include "streams/packer.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "peer/base/require.h"
#include "streams/byte_tokenizer.h"

namespace peer::streams {

Packer::Packer(const std::vector<Document>& documents) : documents_(documents), order_(documents.size()), starts_(documents.size() + 1) {
  require(!documents.empty(), "packer: at least one document");
  std::iota(order_.begin(), order_.end(), 0);
  arrange(order_);
}

void Packer::arrange(const std::vector<std::int64_t>& order) {
  require(order.size() == documents_.size(), "packer: one place for every document");
  order_ = order;
  starts_[0] = 0;
  for (std::size_t place = 0; place < order_.size(); ++place)
    starts_[place + 1] = starts_[place] + 1 + std::ssize(documents_[static_cast<std::size_t>(order_[place])].text);
}

void Packer::append(std::int64_t position, std::int64_t count, std::vector<std::int32_t>& tokens) const {
  position %= size();
  auto place = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), position) - starts_.begin() - 1);
  std::int64_t within = position - starts_[place];  // 0: the end-of-document token; i: byte i-1 of the document
  while (count > 0) {
    if (within == 0) {
      tokens.push_back(ByteTokenizer::kEndOfDocument);
      ++within, --count;
    }
    const std::string_view text = documents_[static_cast<std::size_t>(order_[place])].text;
    const std::string_view part = text.substr(static_cast<std::size_t>(within - 1), static_cast<std::size_t>(count));
    ByteTokenizer::append(part, tokens);
    count -= std::ssize(part);
    within = 0;
    place = place + 1 == order_.size() ? 0 : place + 1;
  }
}

}  // namespace peer::streams
