#include "pool/store.h"

#include "peer/base/require.h"
#include "pool/head2.h"

namespace peer::pool {

void Store::write(CatalogueBatch&& batch, const Counters& next) {
  require_writer();
  catalogue.write(std::move(batch), next);
  counters = next;
  write_head2(join(path, kHead2File), next);
}

void Store::require_writer() const { require(lock.has_value(), "pool: it must be open for writing"); }

}  // namespace peer::pool
