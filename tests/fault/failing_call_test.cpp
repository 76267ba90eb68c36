// The n-th call of a journal's life fails, for every n and in several ways: it says so and stops, or could do without; whatever had been
// acknowledged stays, on the disk as it is and after a power loss on top.
#include "tests/fault/failing_calls.hpp"
#include "tests/fault/journal_history.hpp"
#include "tests/fault/totals.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

namespace tally::fault {
namespace {

using effect = call_fault::effect;
using kind = disk_call::kind;

// One script a seed; every run of it makes the same calls up to the one that fails.
class script {
public:
  script(std::uint64_t seed, std::size_t memtable_bytes, std::uint32_t note_bytes)
      : seed_(seed), memtable_bytes_(memtable_bytes), note_bytes_(note_bytes) {
    living_journal journal(empty_disk(), {}, 1, memtable_bytes_);
    EXPECT_TRUE(journal.open().ok());
    std::mt19937_64 random(seed_);
    write_some(journal, random);
    journal.lose_power();
    begin_ = journal.disk().files->content(); // as after a kill: there is a log to read
    entries_ = journal.recorded().entries;
    entries_.resize(check_disk(begin_, entries_, journal.acknowledged(), false).newest);
  }

  // From an empty disk, or from the one of the first life.
  std::unique_ptr<living_journal> begin(bool from_empty) const {
    return from_empty ? std::make_unique<living_journal>(empty_disk(), expected_entries(), 2, memtable_bytes_)
                      : std::make_unique<living_journal>(begin_, entries_, 2, memtable_bytes_);
  }

  result<void> play(living_journal& journal) const {
    if (result<void> opened = journal.open(); !opened)
      return opened;
    std::mt19937_64 random(seed_ + 1);
    write_some(journal, random);
    journal.stop();
    return {};
  }

private:
  void write_some(living_journal& journal, std::mt19937_64& random) const {
    for (int i = 0; i < 3 && !journal.has_stopped(); ++i) {
      for (std::uint64_t batches = 1 + random() % 2; batches > 0 && !journal.has_stopped(); --batches)
        journal.hand_over(static_cast<std::uint32_t>(random() % living_journal::shards), {1 + static_cast<std::uint32_t>(random() % 3), 2},
                          note_bytes_);
      while (journal.commit() && journal.acknowledged() < journal.written())
        continue;
    }
  }

  const std::uint64_t seed_;
  const std::size_t memtable_bytes_;
  const std::uint32_t note_bytes_;
  disk_content begin_;
  expected_entries entries_;
};

class failing_call : public ::testing::Test {
protected:
  // What failed; nothing once the life has fewer calls.
  std::optional<kind> play(const script& played, bool from_empty, const call_fault& fault) {
    const auto journal = played.begin(from_empty);
    fault_file_system& disk = *journal->disk().files;
    disk.set_fault(fault);
    const result<void> done = played.play(*journal);
    if (!disk.has_failed())
      return {};
    const disk_call failed = disk.failed_call();
    SCOPED_TRACE(text_of(fault, failed));
    count_failing_call(fault, failed);
    journal->lose_power();
    if (!done) {
      EXPECT_NE(done.error().what.find(journal_name), std::string::npos) << "it does not say where: " << done.error().what;
      ++refused_;
    } else if (journal->has_stopped()) {
      EXPECT_NE(journal->why().find(journal_name), std::string::npos) << "it does not say where: " << journal->why();
      ++stopped_;
    } else {
      const bool counts = failed.what == kind::write || failed.what == kind::sync;
      const bool is_the_journals = failed.name.ends_with(".log") || failed.name.ends_with("high_water_mark");
      EXPECT_FALSE(counts && is_the_journals) << "it went on";
      ++went_on_;
    }
    look_at(*journal);
    return failed.what;
  }

  void look_at(const living_journal& journal) {
    const recorded_life life = journal.recorded();
    disk_state state(life.before);
    for (const disk_call& call : life.calls)
      state.apply(call);
    const auto look = [&](const disk_content& left, const char* how) {
      const found after = check_disk(left, life.entries, journal.acknowledged(), random_() % 8 == 0);
      EXPECT_EQ(after.problem, "") << how << ", acknowledged " << journal.acknowledged() << "\n"
                                   << last_calls(life.calls, life.calls.size());
    };
    look(state.as_it_is(), "started again");
    look(state.after({power_loss::bytes::none, power_loss::names::none}, random_), "and all unsynced lost");
    look(state.after({power_loss::bytes::sectors, power_loss::names::prefix}, random_), "and sectors torn");
  }

  void play_all(std::uint64_t seed, std::uint64_t wanted, std::size_t memtable_bytes, std::uint32_t note_bytes) {
    std::uint64_t runs = 0;
    for (std::uint64_t history = 0; runs < wanted && !HasFailure(); ++history) {
      const script played(seed + history, memtable_bytes, note_bytes);
      // All effects of a call, then the next; short runs look at every third call of their one history.
      const std::uint64_t step = wanted < 2'000 ? 3 : 1;
      for (const bool from_empty : {false, true})
        runs += fail_calls(1 + seed % step, step, [&](const call_fault& fault) { return play(played, from_empty, fault); });
    }
    std::printf("%llu runs: %llu did not open, %llu stopped, %llu could do without\n", number(runs), number(refused_), number(stopped_),
                number(went_on_));
  }

  static unsigned long long number(std::uint64_t value) { return value; }

  std::mt19937_64 random_{1};
  std::uint64_t refused_ = 0, stopped_ = 0, went_on_ = 0;
};

TEST_F(failing_call, of_any_kind_loses_nothing_acknowledged) { play_all(wal::testing::test_seed(), points_for(5), 64ull << 20, 200); }

TEST_F(failing_call, while_tables_are_written_loses_nothing_acknowledged) {
  play_all(wal::testing::test_seed(), points_for(2), 64ull << 10, 30'000);
}

// The store's flush has a thread of its own. That it found no space stops the journal at its next write, and nothing tries again behind its
// back, though there is space again at once.
TEST_F(failing_call, of_a_flush_for_want_of_space_is_not_made_again) {
  std::uint64_t runs = 0;
  for (std::uint64_t nth = 1; nth < 20 && !HasFailure(); ++nth) {
    living_journal journal(empty_disk(), {}, 1, 64ull << 10);
    ASSERT_TRUE(journal.open().ok());
    fault_file_system& disk = *journal.disk().files;
    disk.set_fault({nth, kind::create, effect::no_space, false});
    for (int i = 0; i < 20 && !journal.has_stopped(); ++i) {
      journal.hand_over(0, {2, 1}, 20'000);
      journal.commit();
      std::this_thread::sleep_for(std::chrono::milliseconds(1)); // it would have the time
    }
    journal.stop();
    if (!disk.has_failed())
      break;
    const std::string table = disk.failed_call().name;
    if (!table.ends_with(".sst"))
      continue;
    ++runs;
    EXPECT_TRUE(journal.has_stopped()) << table;
    count_fault("a flush finds the disk full");
    const auto has_flushed = [&](const disk_call& call) {
      return call.what == kind::create && call.name > table && call.name.ends_with(".sst");
    };
    EXPECT_TRUE(std::ranges::none_of(disk.history(), has_flushed)) << table << " failed\n" << last_calls(disk.history(), disk.calls());
    look_at(journal);
  }
  EXPECT_GT(runs, 5u);
}

// A read that fails is not the end of the file: neither now nor for whoever opens it next.
TEST_F(failing_call, of_a_read_hides_nothing) {
  std::uint64_t runs = 0;
  for (const std::size_t memtable_bytes : {64ull << 20, 64ull << 10}) {
    living_journal before(empty_disk(), {}, 1, memtable_bytes);
    ASSERT_TRUE(before.open().ok());
    for (int i = 0; i < 6; ++i) {
      before.hand_over(0, {2, 1}, 20'000);
      ASSERT_TRUE(before.commit());
    }
    before.lose_power();
    const recorded_life life = before.recorded();
    const disk_content begin = before.disk().files->content();
    for (std::uint64_t nth = 1; !HasFailure(); ++nth) {
      fault_disk disk(begin);
      disk.files->set_fault({nth, kind::read, effect::io_error, false});
      {
        const auto opened = wal::rocksdb_journal::open(journal_options_on(disk, memtable_bytes));
        std::uint64_t count = 0;
        const bool is_read = opened && (*opened)->replay({1}, [&](const entry&) { return ++count > 0; }, {}).ok();
        ASSERT_TRUE(!is_read || count == before.acknowledged()) << "read " << nth << ": " << count << " entries";
      }
      const found after = check_disk(disk.files->content(), life.entries, before.acknowledged(), false);
      EXPECT_EQ(after.problem, "") << "read " << nth << " failed: " << disk.files->failed_call().text();
      if (!disk.files->has_failed())
        break;
      ++runs;
      count_fault("the n-th call fails: read fails");
    }
  }
  EXPECT_GT(runs, 20u);
}

} // namespace
} // namespace tally::fault
