#include "peer/base/require.h"
#include "pool/commit.h"
#include "pool/page_file.h"
#include "pool/pool_state.h"
#include "pool/trunk_file.h"

namespace peer::pool {

struct Transaction::State {
  Draft draft;
};

Transaction::Transaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Transaction Pool::begin(GenerationId parent) {
  state_->store->require_writer();
  return Transaction(std::unique_ptr<Transaction::State>(new Transaction::State{Draft(*state_->store, parent)}));
}

void Transaction::set_table(BlockId block, const RowLayout& layout, std::int64_t rows) {
  require(block.valid(), "set_table: the block must be valid");
  require(problem_of(layout).empty(), "set_table: width, rows per page (a power of two), state floats and element must be in range");
  require(rows >= 0 && rows <= kMaxRows, "set_table: rows must be in range");
  DraftTable& table = state_->draft.tables.try_emplace(block, DraftTable{layout, 0, {}, 0, {}}).first->second;
  require(table.layout == layout, "set_table: the layout of a block never changes");
  require(table.rows <= rows, "set_table: a block never loses rows");
  table.rows = rows;
}

void Transaction::put_page(BlockId block, PageIndex page, std::span<const float> rows, std::span<const float> state) {
  Draft& draft = state_->draft;
  DraftTable& table = draft.table(block);
  const RowLayout& layout = table.layout;
  require(page.valid() && page.value < table.page_count(), "put_page: the page must lie in the table");
  const std::int64_t count = rows_in_page(layout, table.rows, page.value);
  require(static_cast<std::int64_t>(rows.size()) == count * 2 * layout.width, "put_page: rows must be (rows of the page, 2, D)");
  require(state.empty() || static_cast<std::int64_t>(state.size()) == count * layout.state_floats,
          "put_page: state must be empty or (rows of the page, state_floats)");

  const StagedFiles::Added content = draft.files.add(SealedKind::kPage, make_page_file(block, page, layout, rows));
  PageVersion version{content.digest, {}, count};
  if (!state.empty()) version.state = draft.files.add(SealedKind::kState, make_state_file(block, page, layout, state)).digest;
  draft.pages_shared += content.written ? 0 : 1;
  table.changed[page.value] = version;
}

void Transaction::drop_page_state(BlockId block, PageIndex page) {
  DraftTable& table = state_->draft.table(block);
  PageVersion version = state_->draft.page(table, page.value);
  version.state = {};
  table.changed[page.value] = version;
}

void Transaction::drop_table(BlockId block) { state_->draft.tables.erase(block); }

void Transaction::put_trunk(const std::string& name, const std::vector<TensorView>& tensors) {
  make_trunk_file(tensors, [&](std::span<const std::byte> bytes) {
    const Digest digest = state_->draft.files.add(SealedKind::kTrunk, bytes).digest;
    state_->draft.trunks[name] = {name, digest, std::ssize(bytes)};
  });
}

void Transaction::drop_trunk(const std::string& name) { state_->draft.trunks.erase(name); }
void Transaction::set_state(std::string text) { state_->draft.state = std::move(text); }
void Transaction::set_fingerprint(std::string fingerprint) { state_->draft.fingerprint = std::move(fingerprint); }

void Transaction::put_record(std::string key, std::string value) { state_->draft.records.emplace_back(std::move(key), std::move(value)); }

CommitReport Transaction::commit(std::string_view ref, const std::string& message, std::string_view also_delete_ref) {
  return pool::commit(state_->draft, ref, message, also_delete_ref);
}

}  // namespace peer::pool
