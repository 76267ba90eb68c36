// Personal data on a disk that loses power or fails: what was said to be stored is there, what was said to be erased is in no byte of any
// file, and what is damaged is refused by name.
#include "tests/fault/failing_calls.hpp"
#include "tests/fault/flipped_bits.hpp"
#include "tests/fault/personal_history.hpp"
#include "tests/fault/power_cuts.hpp"
#include "tests/fault/totals.hpp"
#include "tests/wal/entries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tally::fault {
namespace {

using kind = disk_call::kind;
using ::testing::HasSubstr;
using wal::testing::test_seed;

const std::string of_people = ", of personal data";

TEST(personal_power_loss, after_every_call_of_short_histories) {
  const std::uint64_t seed = test_seed();
  power_cuts cuts(seed, points_for(8), of_people);
  std::uint64_t histories = 0, went_on = 0, newer = 0;
  while (!cuts.is_done()) {
    disk_content disk = empty_disk();
    expected_people held;
    ++histories;
    for (std::uint32_t lives = 1 + cuts.any_of(3); lives > 0 && !cuts.is_done(); --lives) {
      living_people people(disk, held);
      std::mt19937_64 random(seed * 1000 + histories * 10 + lives);
      const result<void> opened = people.open();
      ASSERT_TRUE(opened.ok()) << opened.error().what;
      ASSERT_TRUE(people.settle_all(random() % 2 == 0).ok());
      const result<void> played = people.play(2 + cuts.any_of(8), random);
      ASSERT_TRUE(played.ok()) << played.error().what;
      people.lose_power();
      const recorded_people life = people.recorded();
      cuts.after_every_call(
          life.before, life.calls, [&](std::size_t cut) { return life.kept_after(cut); },
          [&](const disk_content& left, std::size_t cut, const loss_kind& how) {
            const bool goes_on = cuts.any_of(8) == 0;
            const found_people found = check_people(left, life, life.kept_after(cut), life.begun_after(cut), goes_on);
            EXPECT_EQ(found.problem, "") << "history " << histories << ", " << story(life.calls, cut, how.name);
            EXPECT_EQ(found.refusal, "") << "history " << histories << ", " << story(life.calls, cut, how.name);
            went_on += goes_on ? 1 : 0;
            newer += found.step > life.kept_after(cut) ? 1 : 0;
          });
      // the next life comes after a cut somewhere in this one
      const std::size_t cut = life.calls.size() - cuts.any_of(life.calls.size() / 2 + 1);
      disk = cuts.after_some_call(life.before, life.calls, cut);
      held = life.steps[check_people(disk, life, life.kept_after(cut), life.begun_after(cut), false).step].after;
    }
  }
  std::printf("%zu different disks after %llu cut points of %llu histories: %llu had more than was promised, %llu went on\n", cuts.seen(),
              static_cast<unsigned long long>(cuts.points()), static_cast<unsigned long long>(histories),
              static_cast<unsigned long long>(newer), static_cast<unsigned long long>(went_on));
}

class personal_failing_call : public ::testing::Test {
protected:
  void look_at(const recorded_people& life) {
    disk_state state(life.before);
    for (const disk_call& call : life.calls)
      state.apply(call);
    const std::size_t kept = life.kept_after(life.calls.size());
    const auto look = [&](const disk_content& left, const char* how) {
      const found_people found = check_people(left, life, kept, life.steps.size() - 1, random_() % 8 == 0);
      EXPECT_EQ(found.problem + found.refusal, "") << how << "\n" << last_calls(life.calls, life.calls.size());
    };
    look(state.as_it_is(), "started again");
    look(state.after({power_loss::bytes::none, power_loss::names::none}, random_), "and all unsynced lost");
    look(state.after({power_loss::bytes::sectors, power_loss::names::prefix}, random_), "and sectors torn");
  }

  std::optional<kind> play(std::uint64_t seed, const disk_content& before, const expected_people& held, const call_fault& fault) {
    living_people people(before, held);
    fault_file_system& disk = *people.disk().files;
    disk.set_fault(fault);
    std::mt19937_64 random(seed);
    const result<void> opened = people.open();
    const result<void> played = opened ? people.play(8, random) : opened;
    if (!disk.has_failed())
      return {};
    const disk_call failed = disk.failed_call();
    SCOPED_TRACE(text_of(fault, failed));
    count_failing_call(fault, failed, of_people);
    EXPECT_THAT(played ? personal_name : played.error().what, HasSubstr(personal_name)) << "it does not say where";
    ++(!opened ? refused_ : !played ? stopped_ : went_on_);
    const bool counts = failed.what == kind::write || failed.what == kind::sync || failed.what == kind::create;
    if (opened && !played && counts && !failed.name.ends_with("/acknowledged")) {
      EXPECT_FALSE(people.keep("m-0").ok()) << "it goes on after " << played.error().what;
    }
    people.lose_power();
    look_at(people.recorded());
    return failed.what;
  }

  std::mt19937_64 random_{1};
  std::uint64_t refused_ = 0, stopped_ = 0, went_on_ = 0;
};

TEST_F(personal_failing_call, of_any_kind_is_said_and_loses_nothing_stored) {
  const std::uint64_t wanted = points_for(2), first_seed = test_seed();
  std::uint64_t runs = 0;
  for (std::uint64_t history = 0; runs < wanted && !HasFailure(); ++history) {
    const std::uint64_t seed = first_seed + history;
    living_people first(empty_disk());
    std::mt19937_64 random(seed + 1);
    ASSERT_TRUE(first.open().ok() && first.play(4, random).ok() && first.keep("m-0").ok());
    first.lose_power();
    const recorded_people life = first.recorded();
    const disk_content begun = first.disk().files->content();
    const std::uint64_t step = wanted < 2'000 ? 5 : 1;
    runs += fail_calls(1 + seed % step, step, [&](const call_fault& fault) { return play(seed, empty_disk(), {}, fault); });
    runs += fail_calls(1 + seed % step, step, [&](const call_fault& fault) { return play(seed, begun, life.steps.back().after, fault); });
  }
  std::printf("%llu runs: %llu did not open, %llu stopped, %llu could do without\n", static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(refused_), static_cast<unsigned long long>(stopped_),
              static_cast<unsigned long long>(went_on_));
  EXPECT_GT(stopped_, 20u);
}

// Full at every point; when there is space again, everything stored is there and it goes on.
TEST_F(personal_failing_call, of_a_full_disk_is_said_and_space_lets_it_go_on) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t room = 0; room < 40'000 && !HasFailure(); room += 701) {
    living_people people(empty_disk());
    people.disk().files->set_capacity(room);
    std::mt19937_64 random(seed);
    const result<void> opened = people.open();
    const result<void> played = opened ? people.play(8, random) : opened;
    EXPECT_THAT(played ? personal_name : played.error().what, HasSubstr(personal_name));
    ++(!opened ? refused_ : !played ? stopped_ : went_on_);
    people.lose_power();
    look_at(people.recorded());
    count_fault("disk full, and space again" + of_people);
  }
  EXPECT_GT(refused_, 5u);
  EXPECT_GT(stopped_, 2u);
}

// A table, and a log with changes of its own.
TEST(personal_damage, of_every_byte_is_named_and_never_served) {
  living_people people(empty_disk());
  ASSERT_TRUE(people.open().ok());
  for (const char* account : {"m-0", "m-1", "m-0"})
    ASSERT_TRUE(people.keep(account).ok());
  ASSERT_TRUE(people.settle_all(true).ok() && people.purge("m-0").ok() && people.keep("m-2").ok() && people.keep("m-3").ok());
  people.lose_power();
  const recorded_people life = people.recorded();
  const disk_content disk = people.disk().files->content();
  const std::size_t last = life.steps.size() - 1;
  std::uint64_t refused = 0;
  const std::uint64_t flipped = flip_bits(disk, [&](const disk_content& damaged, const std::string& file, std::size_t at) {
    const found_people found = check_people(damaged, life, last, last, false);
    const std::string said = found.refusal.empty() ? found.problem : found.refusal;
    refused += said.empty() ? 0 : 1;
    ASSERT_THAT(said, ::testing::AnyOf("", HasSubstr("personal data " + personal_name))) << file << " byte " << at;
  });
  std::printf("%llu bits flipped, %llu refused, the others changed nothing\n", static_cast<unsigned long long>(flipped),
              static_cast<unsigned long long>(refused));
  EXPECT_GT(refused, flipped / 2);
  count_fault("a bit flipped" + of_people, flipped);
}

} // namespace
} // namespace tally::fault
