// The guarantees that growth gives, checked on a real pool and real text, number by number:
//
//   guarantees POOL [TEXT...]
//
// on the held-out documents of every domain in the pool; the bound of the mixture also on every document of the texts given. Exit 1 when
// one does not hold.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "streams/corpus.h"
#include "trainer/evaluation/view_scores.h"
#include "trainer/state/held_out.h"
#include "trainer/state/session.h"
#include "trainer/state/views.h"

using namespace peer;
using namespace peer::trainer;

namespace {

using Documents = std::vector<streams::Document>;

const EvaluateOptions kOptions{.eval_overlap = 0};  // every token read once

bool failed = false;

template <class... Arguments>
void report(bool held, const char* name, const char* format, Arguments... arguments) {
  std::printf("%-12s %-6s ", name, held ? "holds" : "FAILS");
  std::printf(format, arguments...);
  std::printf("\n");
  std::fflush(stdout);
  failed |= !held;
}

Documents held_out_of(const Session& session) {
  Documents all;
  for (const DomainRecord& domain : session.loaded.history.domains)
    for (streams::Document& document : read_held_out(session.pool, domain)) all.push_back(std::move(document));
  return all;
}

Documents documents_of(const std::string& path) {
  streams::StreamOptions options;
  options.from = {path};
  const streams::Corpus corpus(options, *streams::byte_tokenizer());
  Documents all = corpus.held_out();
  all.insert(all.end(), corpus.training().begin(), corpus.training().end());
  return all;
}

std::int64_t different(const TokenLogP& a, const TokenLogP& b) {
  std::int64_t count = 0;
  for (std::size_t d = 0; d < a.size(); ++d)
    for (std::size_t t = 0; t < a[d].size(); ++t) count += std::memcmp(&a[d][t], &b[d][t], sizeof(float)) != 0;
  return count;
}

// From head back: what each generation's newest view computed when it was committed, against what it computes at head.
void check_views(Session& head, const Documents& documents) {
  std::int64_t numbers = 0, changed = 0, views = 0;
  for (GenerationId id = head.generation.id; id.valid(); id = head.pool.generation(id).parent) {
    LoadedModel then = load_model(head.pool, head.pool.generation(id), head.ctx.device());
    const StageRecord& stage = then.history.stages.back();
    if (stage.steps == 0 || (!stage.mixture && stage.view > 0) || head.loaded.model.retired(stage.view)) continue;
    const TokenLogP before = score_documents(head.ctx, then.language(), stage.view, documents, kOptions);
    changed += different(before, score_documents(head.ctx, head.loaded.language(), stage.view, documents, kOptions));
    for (const auto& d : before) numbers += static_cast<std::int64_t>(d.size());
    ++views;
  }
  report(changed == 0, "views", "%ld views compute at head what they computed at their commit: %ld token probabilities, %ld differ",
         static_cast<long>(views), static_cast<long>(numbers), static_cast<long>(changed));
}

// A view grown now computes what its parent computes, before it is trained.
void check_starts(Session& head, const Documents& documents) {
  std::int64_t changed = 0;
  const std::vector<int> views = all_views(head.loaded.model);
  for (const int parent : views) {
    const int grown = head.loaded.model.add_view(parent, head.loaded.delta, "", true);
    changed += different(score_documents(head.ctx, head.loaded.language(), parent, documents, kOptions),
                         score_documents(head.ctx, head.loaded.language(), grown, documents, kOptions));
    head.loaded.model.retire(grown);
  }
  report(changed == 0, "start", "a view grown on any of %zu computes what its parent computes: %ld token probabilities differ",
         views.size(), static_cast<long>(changed));
}

// Trunks and pages of a view, from the generation that committed it on, under the same digest.
void check_frozen(const Session& head) {
  std::int64_t trunks = 0, pages = 0, changed = 0;
  for (GenerationId id = head.generation.id; id.valid();) {
    const pool::Generation child = head.pool.generation(id);
    if (!child.parent.valid()) break;
    const pool::Generation parent = head.pool.generation(child.parent);
    const StoredState state = parse_state(child.state, "generation");
    const int trained = state.history.stages.back().view;
    for (const pool::TrunkInfo& trunk : parent.trunks) {
      const pool::TrunkInfo* now = child.trunk(trunk.name);
      const bool own = trunk.name.substr(0, trunk.name.find('.')) == state.views[static_cast<std::size_t>(trained)].name;
      if (now == nullptr || own) continue;
      changed += now->content != trunk.content, ++trunks;
    }
    for (const pool::TableInfo& table : parent.tables) {
      const auto block =
          std::find_if(state.blocks.begin(), state.blocks.end(), [&](const StoredBlock& b) { return b.id == table.block.value; });
      if (block == state.blocks.end() || block->view == trained) continue;
      for (std::int64_t page = 0; page < table.page_count(); ++page, ++pages)
        changed += head.pool.page_version(child, table.block, {page}) != head.pool.page_version(parent, table.block, {page});
    }
    id = child.parent;
  }
  report(changed == 0, "frozen", "%ld trunks and %ld pages of views that a stage did not train keep their digests: %ld changed",
         static_cast<long>(trunks), static_cast<long>(pages), static_cast<long>(changed));
}

// bits(mixture) <= bits(view) - log2 prior, without a switch share; with it at most -log2(1 - a) a token more.
void check_bound(Session& head, const Documents& documents) {
  const std::vector<int> views = all_views(head.loaded.model);
  const ViewScores scores = score_views(head.ctx, head.loaded.language(), views, documents, kOptions);
  for (const double share : {0.0, model::MixtureOptions().switch_share}) {
    const model::MixtureOptions options{.switch_share = share};
    const model::Mixture mixture(static_cast<int>(views.size()), options);
    const std::vector<DocumentBits> mixed = mixture_bits(scores, views, documents, options);
    double closest = -1e300;
    for (std::size_t g = 0; g < views.size(); ++g) {
      const int view[] = {views[g]};
      const std::vector<DocumentBits> alone = mixture_bits(scores, view, documents, options);
      for (std::size_t d = 0; d < documents.size(); ++d) {
        const double tokens = static_cast<double>(documents[d].text.size() + 1);
        closest = std::max(closest, mixed[d].bits - (alone[d].bits - std::log2(mixture.prior()[g]) - tokens * std::log2(1 - share)));
      }
    }
    report(closest <= 1e-6, "bound",
           "switch share %g, %zu documents, %zu views: the closest that the mixture comes to its bound is %.3g bits %s", share,
           documents.size(), views.size(), std::abs(closest), closest <= 1e-6 ? "below" : "above");
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: guarantees POOL [TEXT...]\n");
    return 2;
  }
  Session head = open_session(argv[1], kHead, pool::Access::kRead, {}, 0);
  const Documents held_out = held_out_of(head);
  check_frozen(head);
  check_views(head, held_out);
  check_starts(head, held_out);
  Documents all = held_out;
  for (int i = 2; i < argc; ++i) {
    const Documents text = documents_of(argv[i]);
    all.insert(all.end(), text.begin(), text.end());
  }
  check_bound(head, all);
  return failed ? 1 : 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "guarantees: %s\n", e.what());
  return 1;
}
