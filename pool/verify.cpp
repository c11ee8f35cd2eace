#include "pool/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "peer/base/error.h"
#include "pool/format_file.h"
#include "pool/head2.h"
#include "pool/page_file.h"
#include "pool/page_map.h"
#include "pool/refs.h"

namespace peer::pool {
namespace {

const std::string kCatalogue(kCatalogueDirectory);

class Verifier {
 public:
  explicit Verifier(Store& store) : store_(store) {}

  VerifyReport run(const std::function<void(std::int64_t, std::int64_t)>& progress) {
    attempt(std::string(kFormatFile), [&] { check_format_file(join(store_.path, kFormatFile)); });
    attempt(std::string(kHead2File), [&] { check_head2(); });
    for (const Family family : {Family::kHistory, Family::kRecords}) attempt(kCatalogue, [&] { check_values(family); });
    attempt(kCatalogue, [&] { check_generations(); });
    attempt(kCatalogue, [&] { check_refs(); });
    check_files(progress);
    return std::move(report_);
  }

 private:
  // Damage to one thing must not hide damage to another.
  template <class Check>
  void attempt(const std::string& file, const Check& check) {
    try {
      check();
    } catch (const Error& error) {
      add(file, error);
    }
  }

  // What the system would not read may be sound all the same.
  void add(const std::string& file, const Error& error) {
    (dynamic_cast<const IoError*>(&error) != nullptr ? report_.unread : report_.damage).push_back({file, error.what()});
  }

  // One slot may be torn by a writer that died while writing it, or is writing it now: then the other tells the batch before.
  void check_head2() {
    const std::string path = join(store_.path, kHead2File);
    HeadSlots head = read_head_slots(path);
    for (int tries = 0; tries < 20 && !(head.slots[0] && head.slots[1]); ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      head = read_head_slots(path);
    }
    const std::optional<Counters> newest = head.newest();
    if (!newest) throw CorruptError("expected a valid slot, found both damaged");
    if (store_.lock && newest->sequence > store_.counters.sequence)
      throw CorruptError(fmt::format("acknowledges batch {}, the catalogue ends at {}", newest->sequence, store_.counters.sequence));
    if (head.slots[0] && head.slots[1]) return;
    const std::size_t damaged = head.slots[0] ? 1 : 0;
    if (newest->sequence == store_.counters.sequence && !told_the_batch_before(head.bytes[damaged]))
      throw CorruptError(fmt::format(
          "slot {} is damaged beyond telling what it held; if that was batch {}, acknowledged work was lost, since the catalogue "
          "ends at {}: compare with a copy of the pool; the next commit writes the slot anew",
          damaged, store_.counters.sequence + 1, store_.counters.sequence));
    report_.notes.push_back({std::string(kHead2File), fmt::format("slot {} is damaged; the pool is read by slot {}, nothing is lost, and "
                                                                  "the next commit writes it anew",
                                                                  damaged, 1 - damaged)});
  }

  // The slot beside that of the catalogue's last batch held the batch before it, unless the catalogue has lost one.
  bool told_the_batch_before(std::string_view slot) const {
    const Counters& last = store_.counters;
    const std::int64_t before = std::max<std::int64_t>(last.sequence - 1, 0);
    return resembles_head_slot(slot, {before, last.next_generation}) || resembles_head_slot(slot, {before, last.next_generation - 1});
  }

  // Reading every value makes RocksDB check every block, and us every value.
  void check_values(Family family) {
    for (const std::string& key : store_.catalogue.keys(family, "")) {
      try {
        store_.catalogue.get(family, key);
      } catch (const Error& error) {
        add(kCatalogue, error);
        damaged_.insert(key);
      }
    }
  }

  // Calls check(key, body) for the values under a prefix that check_values could read.
  template <class Check>
  void for_each_sound(std::string_view prefix, const Check& check) {
    for (const std::string& key : store_.catalogue.keys(Family::kHistory, prefix)) {
      if (damaged_.contains(key)) continue;
      attempt(kCatalogue, [&] { check(key, *store_.catalogue.get(Family::kHistory, key)); });
    }
  }

  void check_generations() {
    for_each_sound(kGenerationPrefix, [&](const std::string& key, const std::string& body) {
      report_.generations += 1;
      check_generation(decode_generation(body, "generation"), key);
    });
  }

  void check_generation(const Generation& generation, std::string_view key) {
    const std::string name = fmt::format("g{}", generation.id.value);
    if (generation_key(generation.id) != key) throw CorruptError(name + ": stored under another number");
    if (generation.id.value >= store_.counters.next_generation) throw CorruptError(name + ": the catalogue has not made it yet");
    if (generation.parent.valid()) attempt(kCatalogue, [&] { read_generation(store_.catalogue, generation.parent); });
    for (const TableInfo& table : generation.tables) attempt(kCatalogue, [&] { check_table(name, table); });
    for (const TrunkInfo& trunk : generation.trunks) expect_file({SealedKind::kTrunk, trunk.content}, trunk.bytes);
  }

  void check_table(const std::string& generation, const TableInfo& table) {
    const std::vector<PageVersion> pages = all_pages(store_.catalogue, table.map_root);
    if (static_cast<std::int64_t>(pages.size()) != table.page_count())
      throw CorruptError(
          fmt::format("{}: block {}: expected {} pages, found {}", generation, table.block.value, table.page_count(), pages.size()));
    for (std::int64_t i = 0; i < table.page_count(); ++i) {
      const PageVersion& page = pages[static_cast<std::size_t>(i)];
      const std::int64_t rows = rows_in_page(table.layout, table.rows, i);
      if (page.rows != rows)
        throw CorruptError(
            fmt::format("{}: block {} page {}: expected {} rows, found {}", generation, table.block.value, i, rows, page.rows));
      expect_file({SealedKind::kPage, page.content}, kPageDataOffset + rows * table.layout.row_bytes());
      if (!page.state.empty())
        expect_file({SealedKind::kState, page.state},
                    kPageDataOffset + rows * table.layout.state_floats * static_cast<std::int64_t>(sizeof(float)));
    }
  }

  void check_refs() {
    for_each_sound(kRefPrefix, [&](const std::string& key, const std::string& body) {
      const std::string name(ref_name(key));
      check_ref_name(name);
      read_generation(store_.catalogue, decode_generation_id(body, fmt::format("catalogue: ref '{}'", name)));
    });
    for_each_sound(kReflogPrefix, [&](const std::string&, const std::string& body) {
      if (decode_reflog_entry(body, "catalogue: reflog entry").sequence > store_.counters.sequence)
        throw CorruptError("the reflog is ahead of the catalogue");
    });
  }

  void expect_file(const SealedName& name, std::int64_t bytes) {
    const auto [found, is_new] = expected_.emplace(name, bytes);
    if (!is_new && found->second != bytes)
      report_.damage.push_back({sealed_path(name), fmt::format("two generations expect {} and {} bytes", found->second, bytes)});
  }

  void check_files(const std::function<void(std::int64_t, std::int64_t)>& progress) {
    const auto total = static_cast<std::int64_t>(expected_.size());
    for (const auto& [name, bytes] : expected_) {
      attempt(sealed_path(name), [&, name = name, bytes = bytes] { check_file(name, bytes); });
      report_.files += 1;
      if (progress) progress(report_.files, total);
    }
  }

  // Reads the bytes again although a page may have been checked when it was opened: the disk may have changed since.
  void check_file(const SealedName& name, std::int64_t bytes) {
    const std::string path = store_.sealed.path_of(name);
    if (!exists(path)) throw CorruptError("missing");
    const MappedFile file(path);
    report_.bytes += file.size();
    if (file.size() != bytes) throw CorruptError(fmt::format("expected {} bytes, found {}", bytes, file.size()));
    const Digest found = digest_of(file.data(), static_cast<std::size_t>(file.size()));
    if (found != name.digest) throw CorruptError(fmt::format("expected the digest of its name, found {}", to_hex(found)));
  }

  Store& store_;
  VerifyReport report_;
  std::set<std::string> damaged_;                // keys whose values cannot be read
  std::map<SealedName, std::int64_t> expected_;  // size in bytes
};

}  // namespace

VerifyReport verify(Store& store, const std::function<void(std::int64_t, std::int64_t)>& progress) { return Verifier(store).run(progress); }

}  // namespace peer::pool
