#include "trainer/state/background_commit.h"

#include <filesystem>
#include <limits>

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"
#include "trainer/state/checkpoint.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

constexpr const char* kMessage = "of a test";
constexpr int kBase[] = {0};

class Notes final : public Progress {
 public:
  void update(const std::string&, std::int64_t, std::int64_t, const std::string&) override {}
  void note(const std::string& line) override { lines.push_back(line); }
  std::vector<std::string> lines;
};

// A session whose base is trained, every page of it dirty.
Session session_of(const std::string& pool) {
  Session session = SmallWorld::open(pool);
  session.loaded.model.parameters(0).set_trainable(true);
  session.loaded.model.for_each_block(0, [](layers::PeerBlock& block, int) {
    block.experts().set_trainable(true);
    for (std::int64_t page = 0; page < block.experts().page_count(); ++page) block.experts().mark_dirty(page);
  });
  return session;
}

pool::Transaction begin(Session& session) {
  pool::Transaction transaction = session.pool.begin(session.generation.id);
  transaction.set_state(state_text(session.loaded, std::nullopt));
  return transaction;
}

void start(BackgroundCommit& commit, Session& session, const std::string& ref) {
  commit.start(image_of(session.loaded, kBase, true), session.staging, begin(session), ref, kMessage);
}

// As a step would, everywhere.
void change_all(Session& session) {
  for (const auto& parameter : session.loaded.model.parameters(0))
    for (Buffer<float>* numbers : {&parameter->write(), &parameter->m, &parameter->v})
      for (std::int64_t i = 0; i < numbers->size(); ++i) (*numbers)[i] += 1;
  session.loaded.model.for_each_block(0, [](layers::PeerBlock& block, int) {
    for (std::int64_t e = 0; e < block.experts().count(); ++e) {
      block.experts().owned_parameters(e)[0] += 1;
      block.experts().state(e)[0] += 1;
    }
  });
}

Digest content_of(Session& session, const std::string& ref) { return session.pool.generation(session.pool.resolve(ref)).content; }

// The same, with nothing beside it.
Digest committed_at_once(Session& session) {
  pool::Transaction transaction = begin(session);
  image_of(session.loaded, kBase, true).put(session.staging, transaction);
  transaction.commit("at-once", kMessage);
  return content_of(session, "at-once");
}

}  // namespace

TEST_CASE("a commit in flight holds the model as it was when the commit began, whatever training does meanwhile") {
  const SmallWorld world;
  Session reference = session_of(world.init("reference")), session = session_of(world.init("pool"));
  const Digest before = committed_at_once(reference);
  change_all(reference);
  const Digest after = committed_at_once(reference);
  REQUIRE(before != after);
  Notes notes;
  BackgroundCommit commit(notes);
  start(commit, session, "first");
  change_all(session);
  commit.wait();
  start(commit, session, "second");  // through the memory of the first
  change_all(session);
  commit.wait();
  CHECK(content_of(session, "first") == before);
  CHECK(content_of(session, "second") == after);
  CHECK(notes.lines.empty());
  commit.wait();  // for nothing
}

TEST_CASE("what goes wrong behind training's back is thrown by the next wait, once, and the commit after it is whole") {
  const SmallWorld world;
  const std::string path = world.init("pool");
  Session session = session_of(path);
  Notes notes;
  BackgroundCommit commit(notes);
  std::filesystem::rename(path + "/trunk", path + "/elsewhere");
  start(commit, session, "lost");
  CHECK_THROWS_AS(commit.wait(), IoError);
  CHECK_NOTHROW(commit.wait());
  std::filesystem::rename(path + "/elsewhere", path + "/trunk");
  CHECK_FALSE(session.pool.ref("lost"));
  start(commit, session, "found");
  commit.wait();
  CHECK(session.pool.ref("found"));
}

TEST_CASE("a weight that is no number stops a commit in flight as it stops any") {
  const SmallWorld world;
  Session session = session_of(world.init("pool"));
  Notes notes;
  BackgroundCommit commit(notes);
  session.loaded.model.for_each_block(
      0, [](layers::PeerBlock& block, int) { block.experts().owned_parameters(3)[2] = std::numeric_limits<float>::quiet_NaN(); });
  start(commit, session, "never");
  CHECK_THROWS_AS(commit.wait(), NumericError);
  CHECK_FALSE(session.pool.ref("never"));
}

TEST_CASE("an error that nobody waits for is a note") {
  const SmallWorld world;
  const std::string path = world.init("pool");
  Session session = session_of(path);
  Notes notes;
  {
    BackgroundCommit commit(notes);
    std::filesystem::rename(path + "/trunk", path + "/elsewhere");
    start(commit, session, "lost");
  }
  REQUIRE(notes.lines.size() == 1);
  CHECK(notes.lines[0].starts_with("the commit that was being written failed too: "));
}

TEST_CASE("without memory for a copy the commit is done before training goes on, and one note says so") {
  const SmallWorld world;
  Session session = session_of(world.init("pool"));
  const std::int64_t needed = image_of(session.loaded, kBase, true).bytes_to_capture();
  Notes notes;
  std::int64_t free = needed - 1;
  BackgroundCommit commit(notes, [&free] { return free; });
  for (const std::string ref : {"first", "second"}) {
    start(commit, session, ref);
    CHECK(session.pool.ref(ref));
    commit.wait();
  }
  REQUIRE(notes.lines.size() == 1);
  CHECK(notes.lines[0].starts_with("training waits for its commits: "));
  free = needed;
  start(commit, session, "third");
  commit.wait();
  CHECK(session.pool.ref("third"));
  CHECK(free_memory_bytes() > 0);
}
