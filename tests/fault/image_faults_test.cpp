// Account images on a disk that loses power, fails, fills up, or has bad bytes: the store opens with what it held at its last recovery
// point at least, each account with its spilled records and due times, or it says what is wrong and what to do; never a wrong image.
#include "tests/fault/failing_calls.hpp"
#include "tests/fault/flipped_bits.hpp"
#include "tests/fault/image_history.hpp"
#include "tests/fault/power_cuts.hpp"
#include "tests/fault/totals.hpp"
#include "tests/wal/entries.hpp"
#include "wal/table_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace tally::fault {
namespace {

using effect = call_fault::effect;
using kind = disk_call::kind;
using ::testing::HasSubstr;
using wal::testing::test_seed;

const std::string of_images = ", of account images";

bool is_table(const std::string& name) { return name.ends_with(".sst"); }

// ---- power losses -----------------------------------------------------------------------------------------------------

// Compactions have threads of their own: they are to be seen at work, and to be done.
void wait_for_compactions(const fault_disk& disk) {
  std::size_t calls = SIZE_MAX;
  for (int i = 0; i < 100 && calls != disk.files->calls(); ++i) {
    calls = disk.files->calls();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

TEST(images_power_loss, after_every_call_of_short_histories) {
  const std::uint64_t seed = test_seed();
  power_cuts cuts(seed, points_for(10), of_images);
  std::uint64_t histories = 0, with_compaction = 0, refused = 0, went_on = 0, newer = 0;
  while (!cuts.is_done()) {
    disk_content disk = empty_disk();
    expected_images held;
    ++histories;
    for (std::uint32_t lives = 1 + cuts.any_of(3); lives > 0 && !cuts.is_done(); --lives) {
      living_images images(disk, held);
      std::mt19937_64 random(seed * 1000 + histories * 10 + lives);
      const result<void> opened = images.open();
      ASSERT_TRUE(opened.ok()) << opened.error().what;
      const result<void> played = images.play(4 + cuts.any_of(16), random);
      ASSERT_TRUE(played.ok()) << played.error().what;
      if (cuts.any_of(2) == 0)
        wait_for_compactions(images.disk());
      images.lose_power();
      const recorded_images life = images.recorded();
      const auto is_compaction = [](const disk_call& call) { return call.what == kind::remove && is_table(call.name); };
      with_compaction += std::ranges::any_of(life.calls, is_compaction) ? 1 : 0;
      cuts.after_every_call(
          life.before, life.calls, [&](std::size_t cut) { return life.kept_after(cut); },
          [&](const disk_content& left, std::size_t cut, const loss_kind& how) {
            const bool goes_on = cuts.any_of(8) == 0;
            const found_images found = check_images(left, life, life.kept_after(cut), life.begun_after(cut), goes_on);
            EXPECT_EQ(found.problem, "") << "history " << histories << ", " << story(life.calls, cut, how.name);
            const bool tears = how.how.of_files == power_loss::bytes::sectors || how.how.of_files == power_loss::bytes::garbage;
            EXPECT_TRUE(tears || !found.is_refused) << "refused, " << story(life.calls, cut, how.name);
            went_on += goes_on ? 1 : 0;
            refused += found.is_refused ? 1 : 0;
            newer += found.step > life.kept_after(cut) ? 1 : 0;
          });
      // the next life comes after a cut somewhere in this one
      const std::size_t cut = life.calls.size() - cuts.any_of(life.calls.size() / 2 + 1);
      disk = cuts.after_some_call(life.before, life.calls, cut);
      const found_images found = check_images(disk, life, life.kept_after(cut), life.begun_after(cut), false);
      if (found.is_refused)
        disk = empty_disk(); // what it says to do
      held = found.is_refused ? expected_images() : life.steps[found.step].after;
    }
  }
  std::printf(
      "%zu different disks after %llu cut points of %llu histories, %llu lives with a compaction; %llu refused, %llu had more than was "
      "promised, %llu went on\n",
      cuts.seen(), static_cast<unsigned long long>(cuts.points()), static_cast<unsigned long long>(histories),
      static_cast<unsigned long long>(with_compaction), static_cast<unsigned long long>(refused), static_cast<unsigned long long>(newer),
      static_cast<unsigned long long>(went_on));
}

// ---- calls that fail --------------------------------------------------------------------------------------------------

class images_failing_call : public ::testing::Test {
protected:
  // A compaction that fails while all it has to write is dropped due times ends the process: Debian's RocksDB 7.8 asserts then that its
  // output has a key (CompactionJob::UpdateCompactionJobStats), before it says what failed.
  static constexpr bool drops_due = false;

  void look_at(const recorded_images& life) {
    disk_state state(life.before);
    for (const disk_call& call : life.calls)
      state.apply(call);
    const std::size_t kept = life.kept_after(life.calls.size());
    const auto look = [&](const disk_content& left, const char* how, bool tears = false) {
      const found_images found = check_images(left, life, kept, life.steps.size() - 1, random_() % 8 == 0);
      EXPECT_TRUE(tears || !found.is_refused) << "refused, " << how;
      EXPECT_EQ(found.problem, "") << how << "\n" << last_calls(life.calls, life.calls.size());
    };
    look(state.as_it_is(), "started again");
    look(state.after({power_loss::bytes::none, power_loss::names::none}, random_), "and all unsynced lost");
    look(state.after({power_loss::bytes::sectors, power_loss::names::prefix}, random_), "and sectors torn", true);
  }

  std::optional<kind> play(std::uint64_t seed, const disk_content& before, const expected_images& held, const call_fault& fault) {
    living_images images(before, held);
    fault_file_system& disk = *images.disk().files;
    disk.set_fault(fault);
    std::mt19937_64 random(seed);
    const result<void> opened = images.open();
    result<void> played = opened ? images.play(14, random, drops_due) : opened;
    if (!disk.has_failed())
      return {};
    const disk_call failed = disk.failed_call();
    SCOPED_TRACE(text_of(fault, failed));
    count_failing_call(fault, failed, of_images);
    if (!played) {
      EXPECT_THAT(played.error().what, HasSubstr(images_name)) << "it does not say where";
      ++(opened ? stopped_ : refused_);
      if (opened)
        no_second_try(images, random);
    } else {
      ++went_on_;
    }
    images.lose_power();
    look_at(images.recorded());
    return failed.what;
  }

  // There would be room again, or the sync would succeed.
  void no_second_try(living_images& images, std::mt19937_64& random) {
    fault_file_system& disk = *images.disk().files;
    wait_for_compactions(images.disk()); // a flush that had begun when a compaction failed comes to its end
    const std::size_t calls = disk.calls();
    EXPECT_FALSE(images.write(random).ok()) << "it goes on";
    EXPECT_FALSE(images.finish().ok()) << "it goes on";
    const std::vector<disk_call> history = disk.history();
    const auto is_tried = [](const disk_call& call) { return call.what == kind::create && is_table(call.name); };
    EXPECT_TRUE(std::none_of(history.begin() + static_cast<std::ptrdiff_t>(calls), history.end(), is_tried))
        << last_calls(history, history.size());
  }

  std::mt19937_64 random_{1};
  std::uint64_t refused_ = 0, stopped_ = 0, went_on_ = 0;
};

TEST_F(images_failing_call, of_any_kind_is_said_and_loses_nothing_finished) {
  const std::uint64_t wanted = points_for(2), first_seed = test_seed();
  std::uint64_t runs = 0;
  for (std::uint64_t history = 0; runs < wanted && !HasFailure(); ++history) {
    const std::uint64_t seed = first_seed + history;
    living_images first(empty_disk());
    std::mt19937_64 random(seed + 1);
    ASSERT_TRUE(first.open().ok() && first.play(6, random, drops_due).ok() && first.finish().ok());
    first.lose_power();
    const recorded_images life = first.recorded();
    const std::uint64_t step = wanted < 2'000 ? 5 : 1;
    runs += fail_calls(1 + seed % step, step, [&](const call_fault& fault) { return play(seed, empty_disk(), {}, fault); });
    const disk_content begun = first.disk().files->content();
    runs += fail_calls(1 + seed % step, step, [&](const call_fault& fault) { return play(seed, begun, life.steps.back().after, fault); });
  }
  std::printf("%llu runs: %llu did not open, %llu stopped, %llu could do without\n", static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(refused_), static_cast<unsigned long long>(stopped_),
              static_cast<unsigned long long>(went_on_));
  EXPECT_GT(stopped_, 20u);
}

// ---- a full disk ------------------------------------------------------------------------------------------------------

TEST_F(images_failing_call, of_a_full_disk_is_said_and_space_lets_it_go_on) {
  std::uint64_t not_opened = 0, stopped = 0;
  const std::uint64_t seed = test_seed();
  for (std::uint64_t room = 0; room < 40'000 && !HasFailure(); room += 701) {
    living_images images(empty_disk());
    images.disk().files->set_capacity(room);
    std::mt19937_64 random(seed);
    const result<void> opened = images.open();
    const result<void> played = opened ? images.play(12, random, drops_due) : opened;
    not_opened += opened ? 0 : 1;
    stopped += opened && !played ? 1 : 0;
    images.disk().files->set_capacity(UINT64_MAX);
    EXPECT_THAT(played ? images_name : played.error().what, HasSubstr(images_name));
    if (opened && !played)
      no_second_try(images, random);
    images.lose_power();
    look_at(images.recorded());
    count_fault("disk full, and space again" + of_images);
  }
  std::printf("%llu did not open, %llu stopped\n", static_cast<unsigned long long>(not_opened), static_cast<unsigned long long>(stopped));
  EXPECT_GT(not_opened, 5u);
  EXPECT_GT(stopped, 5u);
}

// RocksDB would wait for space in a thread of its own, and then flush everything, also what has failed meanwhile.
TEST_F(images_failing_call, of_a_compaction_for_want_of_space_is_said_by_the_next_operation) {
  std::uint64_t runs = 0;
  for (std::uint64_t nth = 10; nth < 60 && runs < 3 && !HasFailure(); ++nth) {
    living_images images(empty_disk());
    fault_file_system& disk = *images.disk().files;
    std::mt19937_64 random(7);
    ASSERT_TRUE(images.open().ok());
    disk.set_fault({nth, kind::create, effect::no_space, false});
    bool is_flush = false;
    while (!disk.has_failed() && !is_flush) {
      is_flush = !images.write(random).ok() || !images.finish().ok();
      wait_for_compactions(images.disk());
    }
    if (is_flush || !is_table(disk.failed_call().name))
      continue;
    ++runs;
    count_fault("a compaction finds the disk full" + of_images);
    result<void> finished; // what has failed on its thread is known here a moment later
    for (int tries = 0; tries < 200 && finished.ok(); ++tries) {
      const result<void> written = images.write(random);
      finished = written ? images.finish() : written;
      std::this_thread::sleep_for(std::chrono::milliseconds(tries == 0 ? 0 : 5));
    }
    ASSERT_FALSE(finished.ok());
    EXPECT_THAT(finished.error().what, HasSubstr("No space left on device"));
    no_second_try(images, random);
    images.lose_power();
    look_at(images.recorded());
  }
  EXPECT_GT(runs, 0u);
}

// ---- bad bytes --------------------------------------------------------------------------------------------------------

// A few images, some of them in a table that a compaction made.
recorded_images small_store(disk_content& disk) {
  living_images images(empty_disk());
  std::mt19937_64 random(5);
  EXPECT_TRUE(images.open().ok());
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(images.write(random).ok() && images.finish().ok());
  images.lose_power();
  disk = images.disk().files->content();
  return images.recorded();
}

// As it was, or refused by name. Where the list of tables is cut short by what its bytes say now, or there is none, the store may also be
// as it was at an earlier point, whole: the journal goes on from there.
void look_at_damage(const disk_content& damaged, const recorded_images& life, bool may_be_older, bool read_only, std::uint64_t& refused,
                    const std::string& what) {
  const fault_disk disk(damaged);
  if (!wal::check_tables(images_name, disk.env.get())) { // the ledger looks at them first
    ++refused;
    return;
  }
  const auto opened = snapshot::image_store::open(image_options_on(disk, read_only));
  const result<std::string> found = opened ? text_of(**opened) : opened.error();
  if (found) {
    const auto is_it = [&](const recorded_images::step& each) { return each.after.text() == *found; };
    ASSERT_TRUE(is_it(life.steps.back()) || (may_be_older && std::ranges::any_of(life.steps, is_it))) << what << ": " << *found;
    return;
  }
  ++refused;
  ASSERT_EQ(found.error().code, failure_code::corrupt) << what << ": " << found.error().what;
  ASSERT_THAT(found.error().what, HasSubstr(images_name)) << what;
  ASSERT_THAT(found.error().what, HasSubstr("without the folder the next start")) << what;
}

TEST(images_damage, of_every_byte_is_named_and_never_served) {
  disk_content disk;
  const recorded_images life = small_store(disk);
  std::uint64_t refused = 0;
  const std::uint64_t flipped = flip_bits(disk, [&](const disk_content& damaged, const std::string& file, std::size_t at) {
    const bool may_be_older = file.find("/MANIFEST") != std::string::npos;
    look_at_damage(damaged, life, may_be_older, is_table(file), refused, file + " byte " + std::to_string(at));
  });
  std::printf("%llu bits flipped, %llu refused, the others changed nothing\n", static_cast<unsigned long long>(flipped),
              static_cast<unsigned long long>(refused));
  EXPECT_GT(refused, flipped / 2);
  count_fault("a bit flipped" + of_images, flipped);
}

// A power loss leaves tables that were not finished, of any bytes; the list of tables has them not.
TEST(images_damage, of_a_table_that_was_not_finished_stops_nothing) {
  disk_content disk;
  const recorded_images life = small_store(disk);
  std::string unfinished;
  for (const auto& [file, bytes] : disk.files)
    unfinished = is_table(file) ? bytes : unfinished;
  ASSERT_GT(unfinished.size(), 60u);
  unfinished[unfinished.size() - 53] = 77; // where a footer says what kind of checksums it has
  disk.files[images_name + "/000999.sst"] = unfinished;
  std::uint64_t refused = 0;
  look_at_damage(disk, life, false, false, refused, "a table left over");
  EXPECT_EQ(refused, 0u);
  count_fault("a table left over" + of_images);
}

// Without its CURRENT there is no store: a new one, with no point, makes the next start read the whole journal.
TEST(images_damage, of_a_missing_file_is_named_or_there_is_no_point) {
  disk_content disk;
  const recorded_images life = small_store(disk);
  std::uint64_t refused = 0;
  for (const auto& [file, bytes] : disk.files) {
    disk_content damaged = disk;
    damaged.files.erase(file);
    look_at_damage(damaged, life, file.ends_with("/CURRENT"), false, refused, file + " deleted");
    count_fault("a file deleted" + of_images);
  }
  EXPECT_GT(refused, 4u);
}

} // namespace
} // namespace tally::fault
