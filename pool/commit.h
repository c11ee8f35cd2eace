#pragma once

#include <string>
#include <string_view>

#include "pool/draft.h"

namespace peer::pool {

// Makes the draft a generation and points `ref` to it; `also_delete_ref`, unless empty, is gone in the same batch. When it throws, the
// pool is as before, but for stray files; unless the error says that the change is committed and only its acknowledgement failed.
CommitReport commit(Draft& draft, std::string_view ref, const std::string& message, std::string_view also_delete_ref);

}  // namespace peer::pool
