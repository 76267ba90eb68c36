// Claims and reservations through a ledger: what their answers show, what their time-outs do, and when.
#include "actors/account_messages.hpp"
#include "actors/clock.hpp"
#include "tests/actors/running_ledger.hpp"

#include <caf/scoped_actor.hpp>

#include <gtest/gtest.h>

namespace tally::actors {
namespace {

using enum outcome_status;

const std::string tiered_rules = R"(merchant = "beanhouse"
[enroll]
opening_points = 50
[earn]
points = "1"
per = "1.00"
expire_days = 10
[redeem]
points = 100
value = "1.00"
reservation_minutes = 30
[[reward]]
name = "Free coffee"
points = 20
[tiers]
basis = "lifetime"
[[tier]]
name = "silver"
threshold = 100
multiplier = "2"
)";

std::vector<entry> entries_of(running_ledger& tally, std::string_view account, entry_list& kept) {
  command asked = read_of(op::history, account);
  asked.limit = 1000;
  const scripted_answer got = tally.call(asked);
  for (const entry& each : got.shown->entries.entries())
    kept.add(each);
  return kept.entries();
}

class reservations : public testing::TestWithParam<std::uint32_t> {};

TEST_P(reservations, are_authorised_captured_and_given_back) {
  temporary_folder folder;
  std::vector<std::string> live, names;
  {
    running_ledger tally(options_for(folder, GetParam(), new_year));
    ASSERT_EQ(tally.call(put_of(tiered_rules)).head.status, ok);
    names = tally.names_on({0, 1, 2});
    for (const std::string& each : names) {
      tally.call(enroll_of(each));
      const scripted_answer authorised = tally.call(authorize_of(each, "v-1", 40));
      EXPECT_EQ(authorised.head.status, ok);
      EXPECT_EQ(authorised.head.name, "v-1");
      EXPECT_EQ(authorised.head.points, points_t{40});
      EXPECT_EQ(authorised.head.reserved, points_t{40});
      EXPECT_EQ(authorised.head.expires_at, new_year.plus_us(30 * 60 * us_per_second));
      EXPECT_TRUE(authorised.shown) << "neither a name nor an instant is in a fixed reply";
    }
    command part = of_reservation(op::capture, names[0], "v-1");
    part.amount_points = points_t{30};
    const scripted_answer captured = tally.call(part);
    EXPECT_EQ(captured.head.status, ok);
    EXPECT_EQ(captured.head.points, points_t{30});
    EXPECT_EQ(captured.head.points_2, points_t{10});
    EXPECT_EQ(captured.head.available, points_t{20});
    EXPECT_TRUE(captured.shown);
    EXPECT_EQ(tally.call(part).head.status, duplicate);
    EXPECT_EQ(tally.call(of_reservation(op::void_, names[0], "v-1")).head.code, outcome_code::reservation_closed);
    const scripted_answer given_back = tally.call(of_reservation(op::void_, names[1], "v-1"));
    EXPECT_EQ(given_back.head.points_2, points_t{40});
    EXPECT_EQ(given_back.head.available, points_t{50});
    EXPECT_EQ(tally.call(of_reservation(op::void_, names[1], "v-2")).head.code, outcome_code::unknown_reservation);

    EXPECT_EQ(tally.call(advance_to(new_year.plus_us(30 * 60 * us_per_second - 1))).shown->fired, 0u);
    EXPECT_EQ(tally.call(advance_to(new_year.plus_us(30 * 60 * us_per_second))).shown->fired, 1u);
    EXPECT_EQ(tally.call(read_of(op::account, names[2])).shown->view->reserved, points_t{0});
    EXPECT_EQ(tally.call(of_reservation(op::capture, names[2], "v-1")).head.code, outcome_code::reservation_closed);
    EXPECT_EQ(tally.call(authorize_of(names[2], "v-1", 40)).head.status, duplicate);
    entry_list kept;
    const entry timed_out = entries_of(tally, names[2], kept).front();
    EXPECT_EQ(timed_out.kind, entry_kind::void_);
    EXPECT_EQ(timed_out.reservation, "v-1");
    EXPECT_EQ(timed_out.due, timed_out.at);
    tally.stop();
    live = tally.fingerprints();
  }
  running_ledger tally(options_for(folder, 4 - GetParam(), new_year));
  EXPECT_EQ(tally.call(authorize_of(names[1], "v-1", 40)).head.name, "v-1");
  EXPECT_EQ(tally.call(authorize_of(names[1], "v-1", 41)).head.code, outcome_code::reference_conflict);
  tally.stop();
  EXPECT_EQ(tally.fingerprints(), live);
}

// Time-outs and expiries of many accounts at one instant: time-outs first, by account; what they give back to a lot that has
// expired before goes at once.
TEST_P(reservations, time_out_in_the_contracts_order) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  running_ledger tally(options_for(folder, GetParam(), new_year), std::make_unique<memory_journal>(disk));
  tally.call(put_of(tiered_rules));
  const std::vector<std::string> names = tally.names_on({2, 0, 1, 0, 2, 1});
  constexpr std::int64_t day_minutes = 24 * 60;
  const instant end = new_year.plus_days(12); // after the first lots' expiry, as the second lots expire
  for (const std::string& each : names) {
    tally.call(enroll_of(each)); // 50 until day 10
    for (const std::int64_t points : {30, 5}) {
      const std::string reservation = "v-" + std::to_string(points);
      command reserve = authorize_of(each, reservation, points);
      reserve.minutes = static_cast<std::int32_t>(5 * day_minutes);
      EXPECT_EQ(tally.call(reserve).head.status, ok);
    }
  }
  tally.call(advance_to(new_year.plus_days(2)));
  for (const std::string& each : names)
    tally.call(earn_of(each, "o-1", 10 * one)); // until day 12
  tally.call(advance_to(new_year.plus_days(6)));
  for (const std::string& each : names) { // the first two timed out on day 5
    EXPECT_EQ(tally.call(read_of(op::account, each)).shown->view->available, points_t{60});
    for (const std::int64_t points : {30, 5}) {
      const std::string reservation = "w-" + std::to_string(points);
      command reserve = authorize_of(each, reservation, points);
      reserve.minutes = static_cast<std::int32_t>(6 * day_minutes);
      EXPECT_EQ(tally.call(reserve).head.status, ok);
    }
  }
  const scripted_answer moved = tally.call(advance_to(new_year.plus_days(20)), GetParam() - 1);
  EXPECT_EQ(moved.shown->fired, names.size() * (1 + 2 * 2 + 1)) << "15 on day 10; two time-outs with an expiry each, 10 on day 12";

  struct line {
    seq_t seq;
    std::string account, reservation;
    entry_kind kind;
    points_t points;
  };
  std::vector<line> fired;
  for (const std::string& name : names) {
    entry_list kept;
    for (const entry& each : entries_of(tally, name, kept))
      if (each.at == end)
        fired.push_back({each.seq, name, std::string(each.reservation), each.kind, each.points});
    EXPECT_EQ(tally.call(read_of(op::account, name)).shown->view->available, points_t{0});
    EXPECT_EQ(tally.call(read_of(op::account, name)).shown->view->reserved, points_t{0});
  }
  std::ranges::sort(fired, {}, &line::seq);
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  ASSERT_EQ(fired.size(), names.size() * 5);
  std::size_t at = 0;
  for (const std::string& name : sorted)
    for (const std::int64_t points : {30, 5}) {
      EXPECT_EQ(fired[at].account, name);
      EXPECT_EQ(fired[at].kind, entry_kind::void_);
      EXPECT_EQ(fired[at].reservation, "w-" + std::to_string(points));
      EXPECT_EQ(fired[at].points, points_t{points});
      EXPECT_EQ(fired[at + 1].account, name);
      EXPECT_EQ(fired[at + 1].kind, entry_kind::expire);
      EXPECT_EQ(fired[at + 1].points, points_t{-points});
      at += 2;
    }
  for (const std::string& name : sorted) {
    EXPECT_EQ(fired[at].account, name);
    EXPECT_EQ(fired[at].kind, entry_kind::expire);
    EXPECT_EQ(fired[at++].points, points_t{-10});
  }
  tally.stop();
  const auto live = tally.fingerprints();
  temporary_folder elsewhere; // the first ledger has its own still
  running_ledger replayed(options_for(elsewhere, 2, new_year), std::make_unique<memory_journal>(disk));
  replayed.stop();
  EXPECT_EQ(replayed.fingerprints(), live);
}

// What has a name goes as a document that can tell it; what has none stays a fixed reply.
TEST_P(reservations, and_tiers_and_rewards_are_named) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, GetParam()), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(tiered_rules));
  const std::vector<std::string> names = tally.names_on({1, 0});
  EXPECT_FALSE(tally.call(enroll_of(names[0])).shown);
  EXPECT_FALSE(tally.call(redeem_of(names[0], "r-1", 45)).shown);
  EXPECT_FALSE(tally.call(earn_of(names[0], "o-1", 10 * one)).shown) << "15 points, no reward in reach";
  EXPECT_FALSE(tally.call(earn_of(names[0], "o-1", 10 * one)).shown);
  EXPECT_EQ(tally.call(earn_of(names[0], "o-2", 10 * one)).shown->head.rewards, 1u);
  const scripted_answer claimed = tally.call([&] {
    command asked = read_of(op::claim, names[0]);
    asked.reference = "Free coffee";
    asked.order = "c-1";
    return asked;
  }());
  EXPECT_EQ(claimed.head.status, ok);
  EXPECT_EQ(claimed.head.points, points_t{20});
  EXPECT_EQ(claimed.head.name, "Free coffee");
  EXPECT_TRUE(claimed.shown);
  const scripted_answer silver = tally.call(earn_of(names[0], "o-3", 50 * one));
  EXPECT_EQ(silver.head.tier, 1u);
  EXPECT_TRUE(silver.head.tier_changed);
  ASSERT_TRUE(silver.shown);
  EXPECT_EQ(silver.shown->active->find(silver.head.active_version)->rules.tiers->tiers[0].name, "silver");
  EXPECT_FALSE(silver.shown->names_account);
  EXPECT_TRUE(tally.call(redeem_of(names[0], "r-2", 1)).shown) << "has its tier to tell";

  // Of an account that is enrolled into a tier, by a merchant's newest rules.
  std::string generous = tiered_rules;
  generous.replace(generous.find("threshold = 100"), 15, "threshold = 40");
  ASSERT_EQ(tally.call(put_of(generous)).head.version, 2u);
  const scripted_answer enrolled = tally.call(enroll_of(names[1]));
  EXPECT_EQ(enrolled.head.tier, 1u);
  ASSERT_TRUE(enrolled.shown);
  EXPECT_EQ(enrolled.shown->active->version, 2u);
}

INSTANTIATE_TEST_SUITE_P(shards, reservations, testing::Values(1u, 3u));

// Authorised on a test clock a while ago, then served by the real clock: given back by itself, on time.
TEST(reservation, times_out_in_real_time_without_being_touched) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  const instant due = ledger_clock({}).now().plus_us(700'000);
  {
    running_ledger before(options_for(folder, 1, due.plus_us(-30 * 60 * us_per_second)), std::make_unique<memory_journal>(disk));
    before.call(put_of(tiered_rules));
    before.call(enroll_of("m-1"));
    EXPECT_EQ(before.call(authorize_of("m-1", "v-1", 40)).head.expires_at, due);
  }
  running_ledger tally(options_for(folder, 2), std::make_unique<memory_journal>(disk));
  EXPECT_EQ(tally.call(read_of(op::account, "m-1")).shown->view->reserved, points_t{40});
  const auto newest = [&] {
    const std::lock_guard lock(disk->mutex);
    return disk->durable;
  };
  const std::uint64_t entries_before = newest();
  while (newest() == entries_before && ledger_clock({}).now() < due.plus_us(5'000'000))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  entry_list kept;
  const entry timed_out = entries_of(tally, "m-1", kept).front();
  EXPECT_EQ(timed_out.kind, entry_kind::void_);
  EXPECT_EQ(timed_out.due, due);
  EXPECT_GE(timed_out.at, due);
  EXPECT_EQ(tally.call(read_of(op::account, "m-1")).shown->view->available, points_t{50});
}

// By mail, as far as one account can decide alone.
TEST(reservation, is_made_by_another_actor) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(tiered_rules));
  tally.call(enroll_of("m-1"));
  tally.call(enroll_of("m-2"));
  const caf::actor account = tally->account("beanhouse", "m-1");
  caf::scoped_actor self{tally->system()};
  const auto ask = [&](const command& asked) {
    outcome answered;
    self->request(account, std::chrono::seconds(5), account_command(asked))
        .receive([&](const account_outcome& got) { answered = got.value; }, [](const caf::error& why) { FAIL() << to_string(why); });
    return answered;
  };
  EXPECT_EQ(ask(authorize_of("", "v-1", 10)).reserved, points_t{10});
  EXPECT_EQ(ask(of_reservation(op::capture, "", "v-1")).points, points_t{10});
  for (const command& other :
       {transfer_of("", "m-2", "t-1", 1), read_of(op::erase, ""), read_of(op::reviews, ""), read_of(op::enroll, "")}) {
    EXPECT_EQ(ask(other).status, invalid) << name_of(other.kind);
    EXPECT_EQ(ask(other).where, "op");
  }
}

} // namespace
} // namespace tally::actors
