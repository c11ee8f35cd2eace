#include "trainer/state/bits_per_byte.h"

namespace peer::trainer {

double bits_per_byte(const std::vector<DocumentBits>& documents) {
  DocumentBits total;
  for (const DocumentBits& document : documents) total.bits += document.bits, total.bytes += document.bytes;
  return total.bytes > 0 ? total.bits / static_cast<double>(total.bytes) : kMissing;
}

}  // namespace peer::trainer
