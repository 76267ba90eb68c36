// The power goes, after any call of a history: whatever the disk kept of what was not synced, the journal opens with everything that was
// acknowledged, or says what to do and then does.
#include "tests/fault/journal_history.hpp"
#include "tests/fault/power_cuts.hpp"
#include "tests/fault/totals.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace tally::fault {
namespace {

// Plays histories of one seed after another until so many different disks have been looked at.
class cut_points {
public:
  cut_points(std::uint64_t seed, std::uint64_t wanted, std::size_t memtable_bytes, std::uint32_t note_bytes)
      : cuts_(seed, wanted), memtable_bytes_(memtable_bytes), note_bytes_(note_bytes) {}

  void play() {
    while (!cuts_.is_done()) {
      ++histories_;
      play_history();
    }
    std::printf("%zu different disks after %llu cut points of %llu histories: %llu opened, %llu after a repair; %llu went on\n",
                cuts_.seen(), number(cuts_.points()), number(histories_), number(opened_), number(repaired_), number(went_on_));
  }

private:
  static unsigned long long number(std::uint64_t value) { return value; }
  std::uint32_t any_of(std::uint32_t count) { return cuts_.any_of(count); }

  void play_history() {
    disk_content disk = empty_disk();
    expected_entries entries;
    const std::uint32_t lives = 1 + any_of(3);
    for (std::uint32_t life = 1; life <= lives && !::testing::Test::HasFailure(); ++life) {
      const recorded_life recorded = live(disk, entries, life);
      cut_everywhere(recorded);
      if (life == lives || ::testing::Test::HasFailure())
        return;
      // the next one comes after a cut somewhere in this one
      const std::size_t cut =
          any_of(3) == 0 ? recorded.calls.size() : recorded.calls.size() - any_of(static_cast<std::uint32_t>(recorded.calls.size() / 2));
      disk = cuts_.after_some_call(recorded.before, recorded.calls, cut);
      make_ready(disk, entries, recorded);
    }
  }

  // Repaired where that is asked for, and what is in it.
  void make_ready(disk_content& disk, expected_entries& entries, const recorded_life& recorded) {
    fault_disk repaired(disk);
    const auto opens = [&] { return wal::rocksdb_journal::open(journal_options_on(repaired, memtable_bytes_)).ok(); };
    const bool is_ready = opens() || (wal::repair_journal(journal_name, repaired.env.get()).ok() && opens());
    ASSERT_TRUE(is_ready);
    disk = repaired.files->content();
    const found after = check_disk(disk, recorded.entries, 0, false);
    ASSERT_EQ(after.problem, "");
    entries.assign(recorded.entries.begin(), recorded.entries.begin() + static_cast<std::ptrdiff_t>(after.newest));
  }

  recorded_life live(const disk_content& disk, const expected_entries& entries, std::uint32_t life) {
    living_journal journal(disk, entries, life, memtable_bytes_);
    const result<void> opened = journal.open();
    EXPECT_TRUE(opened.ok()) << opened.error().what;
    if (!opened)
      return journal.recorded();
    const std::uint32_t commits = 1 + any_of(4);
    for (std::uint32_t i = 0; i < commits; ++i) {
      for (std::uint32_t batches = 1 + any_of(3); batches > 0; --batches) {
        std::vector<std::uint32_t> groups(1 + any_of(3));
        for (std::uint32_t& size : groups)
          size = 1 + any_of(3);
        journal.hand_over(any_of(living_journal::shards), groups, any_of(3) == 0 ? note_bytes_ : 0);
      }
      EXPECT_TRUE(journal.commit()) << journal.why();
    }
    if (any_of(2) == 0)
      while (journal.acknowledged() < journal.written() && journal.commit())
        continue;
    if (any_of(3) > 0)
      journal.stop();
    else
      journal.lose_power();
    return journal.recorded();
  }

  void cut_everywhere(const recorded_life& life) {
    const auto acknowledged = [&](std::size_t cut) { return life.acknowledged_after(cut); };
    cuts_.after_every_call(life.before, life.calls, acknowledged, [&](const disk_content& left, std::size_t cut, const loss_kind& kind) {
      look_at(left, life, acknowledged(cut), cut, kind);
    });
  }

  void look_at(const disk_content& left, const recorded_life& life, std::uint64_t acknowledged, std::size_t cut, const loss_kind& kind) {
    const bool goes_on = any_of(8) == 0;
    const found after = check_disk(left, life.entries, acknowledged, goes_on);
    ++(after.repaired ? repaired_ : opened_);
    went_on_ += goes_on ? 1 : 0;
    std::string files;
    if (!after.problem.empty())
      for (const auto& [name, content] : left.files)
        files += "  " + name + " " + std::to_string(content.size()) + "\n";
    ASSERT_EQ(after.problem, "") << "history " << histories_ << ", acknowledged " << acknowledged << ", "
                                 << story(life.calls, cut, kind.name) << files;
    if (after.repaired && any_of(8) == 0)
      cut_the_repair(left, life, acknowledged);
  }

  // The power goes again while the journal is being repaired.
  void cut_the_repair(const disk_content& torn, const recorded_life& life, std::uint64_t acknowledged) {
    fault_disk disk(torn);
    ASSERT_TRUE(wal::repair_journal(journal_name, disk.env.get()).ok());
    const std::vector<disk_call> calls = disk.files->history();
    disk_state state(torn);
    for (std::size_t cut = 1; cut <= calls.size() && !::testing::Test::HasFailure(); ++cut) {
      state.apply(calls[cut - 1]);
      const disk_content left = cuts_.after_some_loss(state);
      if (!cuts_.is_new(left, acknowledged))
        continue;
      count_fault("power loss during a repair");
      const found after = check_disk(left, life.entries, acknowledged, false);
      ASSERT_EQ(after.problem, "") << story(calls, cut, "power loss during a repair");
    }
  }

  power_cuts cuts_;
  const std::size_t memtable_bytes_;
  const std::uint32_t note_bytes_;
  std::uint64_t histories_ = 0, opened_ = 0, repaired_ = 0, went_on_ = 0;
};

TEST(power_loss, after_every_call_of_short_histories) { cut_points(wal::testing::test_seed(), points_for(45), 64ull << 20, 300).play(); }

TEST(power_loss, after_every_call_of_more_of_them) {
  cut_points(wal::testing::test_seed() * 7919, points_for(45), 64ull << 20, 300).play();
}

// Tables are written and log files deleted while entries come in; blocks are larger than a sector and than a log file's block.
TEST(power_loss, while_tables_are_written_and_logs_deleted) {
  cut_points(wal::testing::test_seed(), points_for(10), 64ull << 10, 20'000).play();
}

} // namespace
} // namespace tally::fault
