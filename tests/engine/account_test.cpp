// Applying entries: balances, lots, what is due next, references, and the assertions that stop a ledger that would go wrong.
#include "engine/account.hpp"

#include "engine/account_rare.hpp"
#include "tests/engine/test_ledger.hpp"

#include <gtest/gtest.h>

namespace tally {
namespace {

constexpr const char* rules = R"(
merchant = "beanhouse"
name = "Bean House Rewards"
[enroll]
opening_points = 50
[earn]
points = "1"
per = "1.00"
hold_days = 3
expire_days = 30
[redeem]
points = 100
value = "1.00"
)";

class account : public ::testing::Test {
protected:
  void SetUp() override {
    ledger.put_program(rules);
    ledger.run("0d enroll");
  }

  const account_state& state() { return ledger.accounts.at("m-1"); }
  instant day(int days) const { return test_ledger::day_0.plus_days(days); }

  test_ledger ledger;
};

TEST(lot_due, is_the_end_of_the_hold_while_pending_and_the_expiry_after) {
  const instant hold{100}, expiry{200}, never = instant::end_of_time();
  EXPECT_EQ((lot{{1}, {}, {5}, {}, hold, expiry}.due()), hold);
  EXPECT_EQ((lot{{1}, {}, {5}, {}, hold, {}}.due()), hold);
  EXPECT_EQ((lot{{1}, {}, {5}, {}, expiry, hold}.due()), hold) << "expires while pending";
  EXPECT_EQ((lot{{1}, {5}, {}, {}, hold, expiry}.due()), expiry);
  EXPECT_EQ((lot{{1}, {5}, {}, {}, hold, {}}.due()), never);
  EXPECT_EQ((lot{{1}, {}, {}, {5}, hold, expiry}.due()), never) << "reserved points do not expire";
  EXPECT_EQ((lot{{1}, {}, {}, {}, hold, expiry}.due()), never);
}

TEST_F(account, keeps_balances_lots_and_what_is_due_next) {
  EXPECT_EQ(state().next_due, day(30)) << "the opening points expire";
  ledger.run("1d earn o=o-1 total=10.00");
  EXPECT_EQ(state().next_due, day(4));
  EXPECT_EQ(state().available, points_t{50});
  EXPECT_EQ(state().pending, points_t{10});
  EXPECT_EQ(state().lifetime, points_t{60});
  ASSERT_EQ(state().lots.size(), 2u);
  EXPECT_EQ(state().lots[1].id, seq_t{2});
  EXPECT_EQ(state().lots[1].available_at, day(4));
  EXPECT_EQ(state().lots[1].expires_at, day(31));
  ledger.run("4d settle");
  EXPECT_EQ(state().next_due, day(30)) << "looked for again when the first due lot is no longer first";
  ledger.run("4d redeem o=o-2 points=50");
  ASSERT_EQ(state().lots.size(), 1u) << "empty lots are gone";
  EXPECT_EQ(state().next_due, day(31));
  ledger.run("4d redeem o=o-3 points=10");
  EXPECT_EQ(state().next_due, instant::end_of_time());
  EXPECT_EQ(state().last_seq, seq_t{5});
  EXPECT_EQ(state().entry_count, 5u);
  EXPECT_EQ(state().enrolled_seq, seq_t{1});
}

TEST_F(account, remembers_an_earn_so_that_a_reversal_reads_no_journal) {
  ledger.run("1d earn o=o-1 total=10.00");
  ASSERT_EQ(state().orders.size(), 1u);
  EXPECT_EQ(state().orders[0].hash, hash64("o-1"));
  const order_facts facts = facts_of(state(), state().orders[0]);
  EXPECT_EQ(facts.seq, seq_t{2});
  EXPECT_EQ(facts.earned, points_t{10});
  EXPECT_EQ(facts.total, money_t{100'000});
  EXPECT_EQ(state().rare, nullptr);
  ledger.run("1d reverse o=o-1 ref=r-1 amount=5.00");
  EXPECT_EQ(ledger.groups_read, 0);
  const refunded_order refunds = refunds_of(state(), hash64("o-1"));
  EXPECT_EQ(refunds.refunded, money_t{50'000});
  EXPECT_EQ(refunds.taken, points_t{5});
  EXPECT_FALSE(refunds.cancelled);
}

TEST_F(account, remembers_what_expired_and_what_was_given_back) {
  ledger.run("0d earn o=o-1 total=10.00");
  ledger.run("3d redeem o=o-2 points=55 total=5.00");
  ledger.run("4d reverse o=o-2 ref=r-1 amount=1.00 restore");
  EXPECT_EQ(undone_of(state(), {4}), points_t{11});
  ledger.run("30d settle");
  EXPECT_EQ(expired_of(state(), {1}), points_t{6});
  EXPECT_EQ(expired_of(state(), {2}), points_t{10});
  EXPECT_EQ(expired_of(state(), {3}), points_t{});
}

TEST_F(account, is_copied_whole_and_compared_by_its_fingerprint) {
  ledger.run("0d earn o=o-1 total=10.00");
  ledger.run("3d redeem o=o-2 points=55 total=5.00");
  ledger.run("4d reverse o=o-2 ref=r-1");
  ledger.run("5d suspend reason=r");
  const account_state copy = state();
  EXPECT_EQ(fingerprint(copy), fingerprint(state()));
  EXPECT_EQ(fingerprint(ledger.replayed("m-1")), fingerprint(state()));
  ledger.run("6d adjust ref=a-1 points=1 reason=r");
  EXPECT_NE(fingerprint(copy), fingerprint(state()));
  account_state moved = copy;
  const account_state taken = std::move(moved);
  EXPECT_EQ(fingerprint(taken), fingerprint(copy));
}

TEST_F(account, fingerprint_sees_every_part) {
  ledger.run("0d earn o=o-1 total=10.00");
  ledger.run("3d redeem o=o-2 points=55 total=5.00");
  ledger.run("4d reverse o=o-2 ref=r-1");
  ledger.run("5d suspend reason=r");
  ledger.run("33d settle");
  const std::string before = fingerprint(state());
  const auto differs = [&](auto change) {
    account_state changed = state();
    change(changed);
    return fingerprint(changed) != before;
  };
  EXPECT_TRUE(differs([](account_state& s) { s.status = account_status::active; }));
  EXPECT_TRUE(differs([](account_state& s) { s.merchant = 9; }));
  EXPECT_TRUE(differs([](account_state& s) { s.debt = {1}; }));
  EXPECT_TRUE(differs([](account_state& s) { s.lifetime += {1}; }));
  EXPECT_TRUE(differs([](account_state& s) { s.lots.push_back({{9}, {1}, {}, {}, {}, {}}); }));
  EXPECT_TRUE(differs([](account_state& s) { s.orders[0].bits[1] += 1; }));
  EXPECT_TRUE(differs([](account_state& s) { s.references.pop_back(); }));
  EXPECT_TRUE(differs([](account_state& s) { s.rare->status_seq = {}; }));
  EXPECT_TRUE(differs([](account_state& s) { s.rare->refunds[0].cancelled = false; }));
  EXPECT_TRUE(differs([](account_state& s) { s.rare->undone[0].points += {1}; }));
  EXPECT_TRUE(differs([](account_state& s) { s.rare->expired[0].points += {1}; }));
}

TEST_F(account, an_account_with_thousands_of_references_finds_each) {
  test_ledger many;
  many.put_program("merchant = \"beanhouse\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\n[redeem]\npoints = 1\nvalue = \"0.01\"\n");
  many.run("0d enroll");
  constexpr int count = 3000;
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    ASSERT_EQ(many.run("0d earn o=o-" + number + " total=3.00").substr(0, 3), "ok ");
    ASSERT_EQ(many.run("0d redeem o=o-" + number + " points=1").substr(0, 3), "ok ");
  }
  for (int i = 0; i < count; i += 7) {
    const std::string number = std::to_string(i);
    EXPECT_EQ(many.run("1d earn o=o-" + number + " total=3.00").substr(0, 10), "duplicate ");
    EXPECT_EQ(many.run("1d redeem o=o-" + number + " points=1").substr(0, 10), "duplicate ");
    EXPECT_EQ(many.run("1d reverse o=x-" + number + " ref=r"), "rejected unknown_order");
  }
  EXPECT_EQ(many.run("1d reverse o=o-1234 ref=r").substr(0, 3), "ok ");
  const account_state& state = many.accounts.at("m-1");
  const account_state copy = state;
  int found = 0;
  find_order(copy, hash64("o-2999"), [&](const order_record&) { return ++found, true; });
  find_reference(copy, op::redeem, hash64("o-2999"), [&](seq_t) { return ++found, true; });
  EXPECT_EQ(found, 2) << "a copy finds them too";
  EXPECT_GT(state.heap_bytes(), count * (sizeof(order_record) + sizeof(reference_record)));
  EXPECT_EQ(fingerprint(many.replayed("m-1")), fingerprint(state));
}

TEST_F(account, is_small) {
  EXPECT_LE(sizeof(account_state), 216u);
  EXPECT_EQ(state().heap_bytes(), 0u);
  ledger.run("0d earn o=o-1 total=10.00");
  EXPECT_EQ(state().orders.heap_bytes(), 128u) << "one piece for the first four";
}

// What follows must stop the process, in every build.

using account_death = account;

entry next_entry(const account_state& state, entry_kind kind) {
  entry next;
  next.kind = kind;
  next.prev_seq = state.last_seq;
  next.seq = next.group = state.last_seq.plus(1);
  next.at = test_ledger::day_0;
  next.available_after = state.available;
  next.pending_after = state.pending;
  next.reserved_after = state.reserved;
  next.lifetime_after = state.lifetime;
  return next;
}

TEST_F(account_death, an_entry_that_is_not_the_next_one) {
  account_state copy = state();
  entry suspend = next_entry(copy, entry_kind::suspend);
  suspend.prev_seq = {};
  EXPECT_DEATH(apply(copy, suspend), "prev_seq == state.last_seq");
  suspend = next_entry(copy, entry_kind::suspend);
  suspend.seq = suspend.prev_seq;
  EXPECT_DEATH(apply(copy, suspend), "entry.seq > state.last_seq");
  suspend = next_entry(copy, entry_kind::suspend);
  suspend.group = suspend.seq.plus(1);
  EXPECT_DEATH(apply(copy, suspend), "entry.group <= entry.seq");
}

TEST_F(account_death, a_balance_that_is_not_the_sum) {
  account_state copy = state();
  entry adjust = next_entry(copy, entry_kind::adjust);
  adjust.points = {10};
  adjust.available_after = {60};
  EXPECT_DEATH(apply(copy, adjust), "sums.available - entry.debt") << "points without lots";
  adjust.lots.push_back({adjust.seq, {10}, {}, {}, adjust.at, {}});
  adjust.available_after = {61};
  EXPECT_DEATH(apply(copy, adjust), "entry.available_after");
  adjust.available_after = {60};
  adjust.lifetime_after = {51};
  EXPECT_DEATH(apply(copy, adjust), "entry.lifetime_after");
}

TEST_F(account_death, a_lot_below_zero_and_debt_beside_points) {
  account_state copy = state();
  entry adjust = next_entry(copy, entry_kind::adjust);
  adjust.points = {-51};
  adjust.available_after = {-1};
  adjust.lots.push_back({{1}, {-51}, {}, {}, adjust.at, day(30)});
  EXPECT_DEATH(apply(copy, adjust), "place->available >=");
  adjust.lots.clear();
  adjust.debt = {51};
  EXPECT_DEATH(apply(copy, adjust), "state.available == -state.debt");
}

TEST_F(account_death, a_second_enrolment_and_anything_after_closing) {
  account_state copy = state();
  EXPECT_DEATH(apply(copy, next_entry(copy, entry_kind::enroll)), "entry_kind::enroll");
  account_state nobody;
  EXPECT_DEATH(apply(nobody, next_entry(nobody, entry_kind::suspend)), "entry_kind::enroll");
  ledger.run("0d close reason=r");
  account_state closed = state();
  EXPECT_DEATH(apply(closed, next_entry(closed, entry_kind::suspend)), "account_status::closed");
  EXPECT_DEATH(apply(copy, next_entry(copy, entry_kind::program)), "an entry kind that acts on accounts");
}

} // namespace
} // namespace tally
