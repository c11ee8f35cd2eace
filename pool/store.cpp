#include "pool/store.h"

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "pool/head2.h"

namespace peer::pool {

void Store::write(CatalogueBatch&& batch, const Counters& next) {
  require_writer();
  catalogue.write(std::move(batch), next);
  counters = next;
  try {
    write_head2(join(path, kHead2File), next);
  } catch (const IoError& error) {
    throw IoError(fmt::format(
        "the change itself is committed and stays, so do not run the command again; only its acknowledgement failed: {}", error.what()));
  }
}

void Store::require_writer() const { require(lock.has_value(), "pool: it must be open for writing"); }

}  // namespace peer::pool
