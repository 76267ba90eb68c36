// statement: a period of an account, whose opening and entries make its closing.
#include "actors/clock.hpp"
#include "tests/actors/running_ledger.hpp"

#include <gtest/gtest.h>

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
expire_days = 30
[redeem]
points = 100
value = "1.00"
[tiers]
[[tier]]
name = "silver"
threshold = 100
)";

constexpr instant day(int number) { return new_year.plus_days(number); }

class statement : public testing::Test {
protected:
  statement() : tally_(options_for(folder_, 2, new_year)) {
    tally_.call(put_of(rules));                   // 1
    tally_.call(enroll_of("m-1"));                // 2
    tally_.call(earn_of("m-1", "o-1", 40 * one)); // 3, released at day 3 as 5
    tally_.call(enroll_of("m-2"));                // 4
    tally_.call(advance_to(day(5)));
    tally_.call(redeem_of("m-1", "o-2", 15));     // 6
    tally_.call(earn_of("m-1", "o-3", 60 * one)); // 7, released at day 8 as 8
    tally_.call(advance_to(day(10)));
  }

  scripted_answer of(instant from, instant until, std::string_view account = "m-1") {
    command asked = read_of(op::statement, account);
    asked.from = from;
    asked.until = until;
    return tally_.call(asked, port_++ % 2);
  }

  static std::vector<std::uint64_t> seqs_of(const scripted_answer& answer) {
    std::vector<std::uint64_t> seqs;
    for (const entry& each : answer.shown->entries.entries())
      seqs.push_back(each.seq.value);
    return seqs;
  }

  static std::array<std::int64_t, 4> numbers(const balances_shown& shown) {
    return {shown.available.value, shown.pending.value, shown.reserved.value, shown.lifetime.value};
  }

  using seqs = std::vector<std::uint64_t>;
  using four = std::array<std::int64_t, 4>;
  temporary_folder folder_;
  running_ledger tally_;
  std::size_t port_ = 0;
};

TEST_F(statement, shows_a_period_oldest_first) {
  const scripted_answer got = of(day(3), day(8));
  ASSERT_EQ(got.head.status, ok) << got.head.what;
  EXPECT_EQ(got.shown->account, "m-1");
  EXPECT_EQ(got.shown->from, day(3));
  EXPECT_EQ(got.shown->until, day(8));
  EXPECT_EQ(seqs_of(got), (seqs{5, 6, 7})) << "what fell due at `from` is in, what falls due at `until` is not";
  EXPECT_EQ(numbers(*got.shown->opening), (four{10, 40, 0, 50}));
  EXPECT_EQ(got.shown->opening->tier, "");
  EXPECT_EQ(numbers(*got.shown->closing), (four{35, 60, 0, 110}));
  EXPECT_EQ(got.shown->closing->tier, "silver");
  ASSERT_EQ(got.shown->expiring.size(), 2u);
  EXPECT_EQ(got.shown->expiring[0].at, day(30));
  EXPECT_EQ(got.shown->expiring[0].points, points_t{35});
  EXPECT_EQ(got.shown->expiring[1].at, day(35));
  EXPECT_EQ(got.shown->expiring[1].points, points_t{60}) << "pending ones too";
}

TEST_F(statement, from_before_the_enrolment_to_the_future_is_everything_as_of_now) {
  const scripted_answer got = of(day(-100), day(1000));
  EXPECT_EQ(seqs_of(got), (seqs{2, 3, 5, 6, 7, 8}));
  EXPECT_EQ(numbers(*got.shown->opening), (four{0, 0, 0, 0}));
  EXPECT_EQ(numbers(*got.shown->closing), (four{95, 0, 0, 110})) << "nothing expires before its time";
  EXPECT_EQ(got.shown->until, day(1000));
  const scripted_answer later = of(day(900), day(1000));
  EXPECT_EQ(numbers(*later.shown->opening), (four{95, 0, 0, 110}));
  EXPECT_EQ(seqs_of(later), seqs{});
  const scripted_answer from_the_first_day = of(day(0), day(1));
  EXPECT_EQ(numbers(*from_the_first_day.shown->opening), (four{0, 0, 0, 0}));
  EXPECT_EQ(seqs_of(from_the_first_day), (seqs{2, 3}));
}

TEST_F(statement, of_nothing_and_of_nobody) {
  const scripted_answer empty = of(day(6), day(6));
  EXPECT_EQ(empty.head.status, ok);
  EXPECT_EQ(seqs_of(empty), seqs{});
  EXPECT_EQ(numbers(*empty.shown->opening), numbers(*empty.shown->closing));
  const scripted_answer backwards = of(day(6), day(6).plus_us(-1));
  EXPECT_EQ(backwards.head.status, invalid);
  EXPECT_EQ(backwards.head.where, "until");
  command half = read_of(op::statement, "m-1");
  half.from = day(0);
  EXPECT_EQ(tally_.call(half).head.where, "until");
  EXPECT_EQ(of(day(0), day(1), "nobody").head.code, outcome_code::unknown_account);
}

// Periods that follow each other: each closing is the next opening, each entry is in exactly one, and opening + entries = closing.
TEST_F(statement, periods_add_up) {
  tally_.call(advance_to(day(50))); // everything expired on the way, m-2's points as 10
  std::vector<std::uint64_t> seen;
  std::optional<balances_shown> last;
  for (int begin = -1; begin < 50; begin += 3) {
    const scripted_answer got = of(day(begin), day(begin + 3));
    const document& shown = *got.shown;
    EXPECT_EQ(numbers(*shown.opening), last ? numbers(*last) : four{}) << begin;
    four sums = numbers(*shown.opening);
    for (const entry& each : shown.entries.entries()) {
      seen.push_back(each.seq.value);
      sums[0] += each.points.value;
      sums[1] += each.pending.value;
      sums[2] += each.reserved.value;
      sums[3] += each.lifetime.value;
    }
    EXPECT_EQ(sums, numbers(*shown.closing)) << begin;
    last = shown.closing;
  }
  EXPECT_EQ(seen, (seqs{2, 3, 5, 6, 7, 8, 9, 11}));
  EXPECT_EQ(numbers(*last), (four{0, 0, 0, 110}));
}

// A hold that ended while the server was down is written later, and belongs to the period in which it ended.
TEST(statements, count_what_fell_due_when_it_did) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  const instant now = ledger_clock({}).now();
  {
    running_ledger before(options_for(folder, 1, now.plus_days(-5)), std::make_unique<memory_journal>(disk));
    before.call(put_of(rules));
    before.call(enroll_of("m-1"));
    before.call(earn_of("m-1", "o-1", 40 * one)); // released 2 days ago
  }
  running_ledger tally(options_for(folder, 1), std::make_unique<memory_journal>(disk));
  command asked = read_of(op::statement, "m-1");
  asked.from = now.plus_days(-4);
  asked.until = now.plus_days(-1);
  const scripted_answer then = tally.call(asked);
  EXPECT_EQ(then.shown->opening->pending, points_t{40});
  EXPECT_EQ(then.shown->closing->available, points_t{50});
  asked.from = now.plus_days(-1);
  asked.until = now.plus_days(1);
  const scripted_answer today = tally.call(asked);
  EXPECT_EQ(today.shown->opening->available, points_t{50});
  EXPECT_EQ(today.shown->closing->available, points_t{50});
  EXPECT_TRUE(today.shown->entries.entries().empty());
}

TEST(statements, are_bounded) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 1, new_year), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(plain_rules));
  tally.call(enroll_of("m-1"));
  std::vector<std::string> orders;
  for (int i = 0; i < 10'000; ++i)
    orders.push_back("o-" + std::to_string(i));
  std::vector<command> all;
  for (const std::string& order : orders)
    all.push_back(earn_of("m-1", order, one));
  tally.at(0).wait(tally.at(0).send_all(all).back());
  command asked = read_of(op::statement, "m-1");
  asked.from = new_year.plus_days(-1);
  asked.until = new_year.plus_days(1);
  const scripted_answer got = tally.call(asked);
  EXPECT_EQ(got.head.status, invalid) << "10,001 entries";
  EXPECT_EQ(got.head.where, "until");
  EXPECT_TRUE(got.shown->entries.entries().empty());
}

} // namespace
} // namespace tally::actors
