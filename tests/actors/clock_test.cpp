// Timers and the test clock.
#include "actors/clock.hpp"
#include "actors/timer_queue.hpp"

#include "engine/rfc3339.hpp"
#include "tests/actors/running_ledger.hpp"

#include <gtest/gtest.h>

#include <map>

namespace tally::actors {
namespace {

using enum outcome_status;

const std::string holding_rules = R"(merchant = "beanhouse"
[enroll]
opening_points = 5
[earn]
points = "1"
per = "1.00"
hold_days = 3
expire_days = 10
)";

struct timed {
  instant due;
  instant queued_due = instant::end_of_time();
  std::uint16_t queue_places = 0;
  instant next_due() const { return due; }
};

TEST(timer_queue, gives_accounts_by_their_time_whatever_changed_since) {
  timer_queue<timed> timers;
  timed a{{10}}, b{{20}}, c{{30}};
  timers.update(a);
  timers.update(b);
  timers.update(c);
  timers.update(c);
  EXPECT_EQ(timers.earliest(), instant{10});
  a.due = {25}; // later
  timers.update(a);
  c.due = {5}; // sooner
  timers.update(c);
  EXPECT_EQ(timers.earliest(), instant{5});
  EXPECT_EQ(&timers.pop(), &c);
  c.due = instant::end_of_time();
  timers.update(c);
  EXPECT_EQ(timers.earliest(), instant{20});
  EXPECT_EQ(&timers.pop(), &b);
  EXPECT_EQ(timers.earliest(), instant{25});
  EXPECT_EQ(&timers.pop(), &a);
  EXPECT_EQ(timers.earliest(), instant::end_of_time());
}

std::vector<entry> entries_of(running_ledger& tally, std::string_view account, entry_list& kept) {
  command asked = read_of(op::history, account);
  asked.limit = 1000;
  const scripted_answer got = tally.call(asked);
  for (const entry& each : got.shown->entries.entries())
    kept.add(each);
  return kept.entries();
}

class test_clock : public testing::TestWithParam<std::uint32_t> {};

TEST_P(test_clock, fires_everything_on_the_way_in_order) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  running_ledger tally(options_for(folder, GetParam(), new_year), std::make_unique<memory_journal>(disk));
  ASSERT_EQ(tally.call(put_of(holding_rules)).head.status, ok);
  // In no order of their ids, so that ties show; two earns of each at the same instant.
  const std::vector<std::string> names = {"m-7", "m-1", "m-3", "m-2", "m-9", "m-5"};
  for (const std::string& name : names) {
    ASSERT_EQ(tally.call(enroll_of(name)).head.status, ok);
    ASSERT_EQ(tally.call(earn_of(name, "o-1", 10 * one)).head.pending, points_t{10});
    ASSERT_EQ(tally.call(earn_of(name, "o-2", 20 * one)).head.pending, points_t{30});
  }
  EXPECT_EQ(tally.call(advance_to({new_year.us - 1})).head.where, "to");
  const scripted_answer one_day = tally.call(advance_to(new_year.plus_days(1)));
  EXPECT_EQ(one_day.head.status, ok);
  EXPECT_EQ(one_day.shown->fired, 0u);
  EXPECT_EQ(one_day.shown->now, new_year.plus_days(1));
  for (const std::string& name : names) // released at noon of day 4, not with the others
    ASSERT_EQ(tally.call(earn_of(name, "o-3", 40 * one)).head.pending, points_t{70});

  const scripted_answer moved = tally.call(advance_to(new_year.plus_days(30)), GetParam() - 1);
  EXPECT_EQ(moved.head.status, ok) << moved.head.what;
  // Per account: three releases, and the opening points, which expire by [earn], with the three lots.
  EXPECT_EQ(moved.shown->fired, names.size() * (3 + 4));
  EXPECT_EQ(moved.shown->now, new_year.plus_days(30));

  struct line {
    std::uint64_t seq;
    std::string account;
    entry_kind kind;
    instant at, due;
    seq_t lot;
  };
  std::vector<line> fired;
  for (const std::string& name : names) {
    entry_list kept;
    for (const entry& each : entries_of(tally, name, kept)) {
      if (each.kind != entry_kind::release && each.kind != entry_kind::expire)
        continue;
      ASSERT_TRUE(each.due.has_value());
      EXPECT_EQ(each.due, each.at) << "the clock stands at each instant as it fires";
      EXPECT_EQ(each.group, each.seq);
      ASSERT_EQ(each.lots.size(), 1u);
      fired.push_back({each.seq.value, name, each.kind, each.at, *each.due, each.lots[0].lot});
    }
    EXPECT_EQ(tally.call(read_of(op::account, name)).shown->view->available, points_t{0});
    EXPECT_EQ(tally.call(read_of(op::account, name)).shown->view->pending, points_t{0});
  }
  std::ranges::sort(fired, {}, &line::seq);
  ASSERT_EQ(fired.size(), names.size() * 7);
  const auto key = [](const line& each) { return std::tuple(each.due, each.kind == entry_kind::expire, each.account, each.lot); };
  for (std::size_t i = 1; i < fired.size(); ++i)
    EXPECT_LT(key(fired[i - 1]), key(fired[i])) << fired[i].seq;

  tally.stop();
  const auto live = tally.fingerprints();
  temporary_folder elsewhere; // the first ledger has its own still
  running_ledger replayed(options_for(elsewhere, 1, new_year), std::make_unique<memory_journal>(disk));
  EXPECT_EQ(replayed.call(advance_to(new_year.plus_days(10))).head.where, "to") << "never before the journal's newest entry";
  replayed.stop();
  EXPECT_EQ(replayed.fingerprints(), live);
}

TEST_P(test_clock, fires_many_timers_quickly) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, GetParam(), new_year), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(holding_rules));
  constexpr int accounts = 20'000;
  std::vector<std::string> names;
  for (int i = 0; i < accounts; ++i)
    names.push_back("m-" + std::to_string(i));
  std::vector<command> all;
  for (const std::string& name : names)
    all.push_back(enroll_of(name));
  tally.at(0).wait(tally.at(0).send_all(all).back());
  const auto before = std::chrono::steady_clock::now();
  const scripted_answer moved = tally.call(advance_to(new_year.plus_days(11)));
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_EQ(moved.shown->fired, static_cast<std::uint64_t>(accounts));
  EXPECT_LT(took, std::chrono::seconds(5));
}

INSTANTIATE_TEST_SUITE_P(shards, test_clock, testing::Values(1u, 3u));

// Earned on a test clock three days ago, then served by the real clock: released by itself, on time.
TEST(timers, fire_in_real_time_without_being_touched) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  const instant now = ledger_clock({}).now();
  const instant due = now.plus_us(700'000);
  {
    running_ledger before(options_for(folder, 1, due.plus_days(-3)), std::make_unique<memory_journal>(disk));
    before.call(put_of(holding_rules));
    before.call(enroll_of("m-1"));
    before.call(earn_of("m-1", "o-1", 10 * one));
  }
  running_ledger tally(options_for(folder, 2), std::make_unique<memory_journal>(disk));
  const std::uint64_t entries_before = disk->durable;
  const auto newest = [&] {
    const std::lock_guard lock(disk->mutex);
    return disk->durable;
  };
  while (newest() == entries_before && ledger_clock({}).now() < due.plus_us(5'000'000))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  entry_list kept;
  const std::vector<entry> entries = entries_of(tally, "m-1", kept);
  ASSERT_EQ(entries.front().kind, entry_kind::release);
  EXPECT_EQ(entries.front().due, due);
  EXPECT_GE(entries.front().at, due);
  EXPECT_LT(entries.front().at.us - due.us, 500'000) << "100 ms on a quiet machine";
  EXPECT_EQ(tally.call(read_of(op::account, "m-1")).shown->view->available, points_t{15});
}

} // namespace
} // namespace tally::actors
