// liability: exact at any past time, and nobody waits for it.
#include "actors/ledger.hpp"
#include "tests/actors/running_ledger.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace tally::actors {
namespace {

using enum outcome_status;

const std::string rules = R"(merchant = "beanhouse"
[enroll]
opening_points = 10
[earn]
points = "1"
per = "1.00"
hold_days = 3
expire_days = 40
[redeem]
points = 100
value = "1.50"
reservation_minutes = 2880
)";

command liability_at(std::optional<instant> at, std::string_view merchant = "beanhouse") {
  command asked = read_of(op::liability, {}, merchant);
  asked.at = at;
  return asked;
}

TEST(liability, of_one_account) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2, new_year));
  ASSERT_EQ(tally.call(liability_at({})).head.status, ok) << "of nobody";
  EXPECT_EQ(tally.call(liability_at({})).shown->liability->available, points_t{0});
  EXPECT_FALSE(tally.call(liability_at({})).shown->liability->value);
  tally.call(put_of(rules));                     // 1
  tally.call(enroll_of("m-1"));                  // 2
  tally.call(earn_of("m-1", "o-1", 200 * one));  // 3, release 4
  tally.call(enroll_of("x-1", "otherhouse"));    // 4
  tally.call(advance_to(new_year.plus_days(5))); // 5: the release
  command hold = read_of(op::authorize, "m-1");
  hold.reference = "r-1";
  hold.amount_points = points_t{60};
  tally.call(hold); // 6
  command adjust = read_of(op::adjust, "m-1");
  adjust.reference = "a-1";
  adjust.amount_points = points_t{7};
  adjust.expire_days = 0;
  adjust.reason = "r";
  tally.call(adjust);                          // 7
  tally.call(earn_of("m-1", "o-2", 11 * one)); // 8
  const scripted_answer now = tally.call(liability_at({}), 1);
  ASSERT_EQ(now.head.status, ok) << now.head.what;
  EXPECT_EQ(now.shown->at, new_year.plus_days(5));
  EXPECT_EQ(now.shown->seq, seq_t{8});
  const liability_shown& shown = *now.shown->liability;
  EXPECT_EQ(shown.available, points_t{157});
  EXPECT_EQ(shown.debt, points_t{0});
  EXPECT_EQ(shown.pending, points_t{11});
  EXPECT_EQ(shown.reserved, points_t{60});
  ASSERT_EQ(shown.by_month.size(), 2u);
  EXPECT_EQ(shown.by_month[0].month, "2026-02") << "day 40 and day 45";
  EXPECT_EQ(shown.by_month[0].points, points_t{161}) << "without what is reserved";
  EXPECT_EQ(shown.by_month[1].month, "") << "never";
  EXPECT_EQ(shown.by_month[1].points, points_t{7});
  EXPECT_EQ(shown.value, (money_t{(157 + 11 + 60) * 15'000 / 100}));

  const scripted_answer then = tally.call(liability_at(new_year.plus_days(2)));
  EXPECT_EQ(then.shown->seq, seq_t{4}) << "all of the journal up to then, other merchants' too";
  EXPECT_EQ(then.shown->liability->pending, points_t{200});
  EXPECT_EQ(then.shown->liability->value, (money_t{210 * 150}));
  EXPECT_EQ(tally.call(liability_at(new_year.plus_us(-1))).shown->seq, seq_t{0});
  EXPECT_FALSE(tally.call(liability_at(new_year.plus_us(-1))).shown->liability->value) << "no rules yet";
  const scripted_answer future = tally.call(liability_at(new_year.plus_days(6)));
  EXPECT_EQ(future.head.status, invalid);
  EXPECT_EQ(future.head.where, "at");
  EXPECT_EQ(tally.call(liability_at({}, "otherhouse")).shown->liability->available, points_t{0}) << "no rules there";
}

// A value is floored, below zero too, and is that of the version in force at the time.
TEST(liability, in_debt_and_by_the_version_of_then) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 1, new_year));
  tally.call(put_of(plain_rules));
  tally.call(enroll_of("m-1"));
  command adjust = read_of(op::adjust, "m-1");
  adjust.reference = "a-1";
  adjust.amount_points = points_t{-51};
  adjust.force = true;
  adjust.reason = "r";
  ASSERT_EQ(tally.call(adjust).head.available, points_t{-1});
  const std::string third = "merchant = \"beanhouse\"\n[earn]\npoints = \"1\"\n[redeem]\npoints = 3\nvalue = \"0.0001\"\n";
  const std::string fourth = "merchant = \"beanhouse\"\n[earn]\npoints = \"1\"\n";
  tally.call(advance_to(new_year.plus_days(1)));
  ASSERT_EQ(tally.call(put_of(third)).head.version, 2u);
  tally.call(advance_to(new_year.plus_days(2)));
  ASSERT_EQ(tally.call(put_of(fourth)).head.version, 3u);
  const auto at = [&](int day) { return *tally.call(liability_at(new_year.plus_days(day))).shown->liability; };
  EXPECT_EQ(at(0).debt, points_t{1});
  EXPECT_EQ(at(0).available, points_t{0});
  EXPECT_TRUE(at(0).by_month.empty());
  EXPECT_EQ(at(0).value, money_t{-100});
  EXPECT_EQ(at(1).value, money_t{-1}) << "a third of a 1/10000, floored";
  EXPECT_FALSE(at(2).value);
}

// Members who each have as much as one may have, in points that are worth as much as they may be: not even 128 bits hold that.
TEST(liability, that_fits_nowhere_is_refused) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 1, new_year));
  ASSERT_EQ(tally
                .call(put_of("merchant = \"beanhouse\"\n[earn]\npoints = \"1\"\n"
                             "[redeem]\npoints = 1\nvalue = \"922337203685477.5807\"\n"))
                .head.status,
            ok);
  for (const char* member : {"m-1", "m-2", "m-3"}) {
    tally.call(enroll_of(member));
    command adjust = read_of(op::adjust, member);
    adjust.reference = "a-1";
    adjust.amount_points = points_t{std::numeric_limits<std::int64_t>::max()};
    adjust.reason = "r";
    ASSERT_EQ(tally.call(adjust).head.status, ok);
  }
  const outcome refused = tally.call(liability_at({})).head;
  EXPECT_EQ(refused.status, invalid);
  EXPECT_EQ(refused.what, "a sum does not fit 64 bits");
}

// The same sums from every account's balance_at, at times between and at everything that happened.
TEST(liability, is_the_sum_of_the_accounts_at_any_past_time) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  temporary_folder folder;
  running_ledger tally(options_for(folder, 3, new_year), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(rules));
  constexpr int accounts = 12;
  std::vector<std::string> names;
  for (int i = 0; i < accounts; ++i)
    tally.call(enroll_of(names.emplace_back("m-" + std::to_string(i))));
  tally.call(put_of("merchant = \"otherhouse\"\n[enroll]\nopening_points = 999\n[earn]\npoints = \"1\"\n", "otherhouse"));
  std::vector<instant> times = {new_year};
  instant now = new_year;
  for (int i = 0; i < 400; ++i) {
    const std::string& name = names[random() % accounts];
    const std::string reference = "x-" + std::to_string(i);
    std::string earlier; // one of the references before
    command asked = read_of(op::none, name);
    switch (random() % 8) {
    case 0:
    case 1:
      asked = earn_of(name, reference, static_cast<std::int64_t>(random() % 100) * one);
      break;
    case 2:
      asked = redeem_of(name, reference, static_cast<std::int64_t>(random() % 60) + 1);
      break;
    case 3:
      asked.kind = op::authorize;
      asked.reference = reference;
      asked.amount_points = points_t{static_cast<std::int64_t>(random() % 40) + 1};
      break;
    case 4:
      asked.kind = op::reverse;
      asked.order = earlier = "x-" + std::to_string(i < 2 ? 0 : i - 1 - static_cast<int>(random() % 2));
      asked.reference = reference;
      break;
    case 5:
      asked.kind = random() % 2 == 0 ? op::capture : op::void_;
      asked.reference = earlier = "x-" + std::to_string(i < 4 ? 0 : i - 1 - static_cast<int>(random() % 4));
      break;
    case 6:
      asked.kind = op::adjust;
      asked.reference = reference;
      asked.amount_points = points_t{static_cast<std::int64_t>(random() % 100) - 60};
      if (asked.amount_points == points_t{})
        continue;
      asked.force = true;
      asked.reason = "r";
      break;
    default:
      now = now.plus_us(static_cast<std::int64_t>(random() % (2 * us_per_day)));
      asked = advance_to(now);
      times.push_back(now);
      times.push_back(now.plus_us(-1));
    }
    const outcome got = tally.call(asked, random() % 3).head;
    ASSERT_TRUE(got.status == ok || got.status == rejected || got.status == skipped) << got.what << " " << got.where;
    if (i % 40 == 0)
      tally.call(enroll_of(name, "otherhouse"));
  }
  for (int tries = 0; tries < 25; ++tries) {
    const instant at = times[random() % times.size()];
    if (at < new_year)
      continue;
    SCOPED_TRACE(at.us);
    const scripted_answer got = tally.call(liability_at(at));
    ASSERT_EQ(got.head.status, ok) << got.head.what;
    const liability_shown& sums = *got.shown->liability;
    points_t net, pending, reserved, by_month;
    for (const std::string& name : names) {
      command asked = read_of(op::balance_at, name);
      asked.at = at;
      const outcome balance = tally.call(asked).head;
      ASSERT_EQ(balance.status, ok);
      net += balance.available;
      pending += balance.pending;
      reserved += balance.reserved;
    }
    EXPECT_EQ(sums.available - sums.debt, net);
    EXPECT_EQ(sums.pending, pending);
    EXPECT_EQ(sums.reserved, reserved);
    for (const month_line& month : sums.by_month)
      by_month += month.points;
    EXPECT_EQ(by_month, sums.available + sums.pending);
  }
}

// Other reads and sales are answered while a scan is under way; scans wait for each other, and a stop for none.
TEST(liability, holds_nobody_up) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2, new_year), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(plain_rules));
  std::vector<std::string> names;
  for (int i = 0; i < 100'000; ++i)
    names.push_back("m-" + std::to_string(i));
  std::vector<command> all;
  for (const std::string& name : names)
    all.push_back(enroll_of(name));
  for (const std::uint64_t each : tally.at(0).send_all(all)) // two shards: the last one asked is not the last one answered
    tally.at(0).wait(each);
  const std::uint64_t scan = tally.at(1).send(liability_at({}));
  const std::uint64_t second = tally.at(1).send(liability_at({}));
  EXPECT_EQ(tally.call(earn_of("m-1", "o-1", one)).head.status, ok);
  EXPECT_EQ(tally.call(read_of(op::history, "m-1")).head.status, ok);
  EXPECT_FALSE(tally.at(1).has_left(scan)) << "100,000 entries take longer than that";
  const points_t available = tally.at(1).wait(scan).shown->liability->available;
  EXPECT_TRUE(available == points_t{5'000'000} || available == points_t{5'000'001}) << available.value; // the earn may overtake the asking
  EXPECT_EQ(tally.at(1).wait(second).head.status, ok);
  tally->give_up_scans();
  EXPECT_EQ(tally.call(liability_at({})).head.status, unavailable);
}

} // namespace
} // namespace tally::actors
