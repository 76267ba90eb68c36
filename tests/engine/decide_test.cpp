// What the tables do not show: the entries' own fields, groups and numbering, colliding hashes, unreadable journals,
// and the reads that are reckoned from a state.
#include "engine/decide.hpp"

#include "engine/account_rare.hpp"
#include "engine/account_view.hpp"
#include "tests/engine/test_ledger.hpp"

#include <gtest/gtest.h>

namespace tally {
namespace {

constexpr const char* rules = R"(
merchant = "beanhouse"
name = "Bean House Rewards"
[earn]
points = "1"
per = "1.00"
hold_days = 3
expire_days = 30
[[reward]]
name = "coffee"
points = 100
[[reward]]
name = "cake"
points = 150
[redeem]
points = 100
value = "1.00"
)";

class decisions : public ::testing::Test {
protected:
  void SetUp() override {
    ledger.put_program(rules);
    ledger.run("0d enroll");
  }

  const account_state& state() { return ledger.accounts.at("m-1"); }
  static instant day(int days) { return test_ledger::day_0.plus_days(days); }

  test_ledger ledger;
};

// Two texts with one hash: whatever follows a first word that the hash multiplies to zero.
std::string colliding(char last) {
  constexpr std::uint64_t zeroing = 0xe7037ed1a0b428db;
  std::string text(8, '\0');
  std::memcpy(text.data(), &zeroing, 8);
  return text + last;
}

command sale(std::string_view order, std::int64_t total_units) {
  command asked;
  asked.kind = op::earn;
  asked.merchant = "beanhouse";
  asked.account = "m-1";
  asked.order = order;
  asked.total = money_t{total_units};
  return asked;
}

TEST_F(decisions, an_entry_holds_what_was_asked_and_what_was_decided) {
  const sale_line lines[] = {{"BEAN-1KG", "beans", 2, {300'000}}};
  command asked = sale("o-1", 425'000);
  asked.lines = lines;
  asked.token = "till-7";
  asked.terminal = "t-1";
  asked.cashier = "ann";
  asked.note = "rainy";
  ledger.now = day(1);
  ledger.decide(asked);
  const entry& earn = ledger.at(2);
  EXPECT_EQ(earn.group, seq_t{2});
  EXPECT_EQ(earn.prev_seq, seq_t{1});
  EXPECT_EQ(earn.at, day(1));
  EXPECT_EQ(earn.due, std::nullopt);
  EXPECT_EQ(earn.occurred_at, std::nullopt);
  EXPECT_EQ(earn.merchant_id, "beanhouse");
  EXPECT_EQ(earn.account, "m-1");
  EXPECT_EQ(earn.order, "o-1");
  EXPECT_EQ(earn.total, money_t{425'000});
  ASSERT_EQ(earn.lines.size(), 1u);
  EXPECT_EQ(earn.lines[0], lines[0]);
  EXPECT_EQ(earn.token, "till-7");
  EXPECT_EQ(earn.terminal, "t-1");
  EXPECT_EQ(earn.cashier, "ann");
  EXPECT_EQ(earn.note, "rainy");
  EXPECT_EQ(earn.version, 1u);
  ASSERT_EQ(earn.lots.size(), 1u);
  EXPECT_EQ(earn.lots[0], (lot_change{{2}, {}, {42}, {}, day(4), day(31)}));
  EXPECT_EQ(earn.lifetime, points_t{42});
  EXPECT_EQ(earn.lifetime_after, points_t{42});
  EXPECT_EQ(earn.pending_after, points_t{42});
}

TEST_F(decisions, what_is_due_stands_in_groups_of_its_own_before_the_operation) {
  ledger.run("0d earn o=o-1 total=100.00");
  ledger.run("1d earn o=o-2 total=10.00");
  ledger.run("5d redeem o=o-3 points=105");
  EXPECT_EQ(ledger.decided.due_count, 2u);
  ASSERT_EQ(ledger.decided.entries.size(), 3u);
  for (const std::uint64_t seq : {4, 5, 6})
    EXPECT_EQ(ledger.at(seq).group, seq_t{seq});
  EXPECT_EQ(ledger.at(4).due, day(3));
  EXPECT_EQ(ledger.at(5).due, day(4));
  EXPECT_EQ(ledger.at(4).at, day(5));
  EXPECT_EQ(ledger.at(4).terminal, "");
  EXPECT_EQ(ledger.at(6).due, std::nullopt);
  ASSERT_EQ(ledger.at(6).lots.size(), 2u);
  EXPECT_EQ(ledger.at(6).lots[0], (lot_change{{2}, {-100}, {}, {}, day(3), day(30)}));
  EXPECT_EQ(ledger.at(6).lots[1], (lot_change{{3}, {-5}, {}, {}, day(4), day(31)}));
  EXPECT_EQ(ledger.at(6).discount, money_t{10'500});
  EXPECT_EQ(ledger.at(6).asked_points, points_t{105});
}

TEST_F(decisions, a_group_has_the_seq_of_its_first_entry) {
  ledger.run("0d earn o=o-1 total=100.00");
  ledger.run("3d redeem o=o-1 points=60");
  ledger.run("4d reverse o=o-1 ref=r-1 reason=broken");
  ASSERT_EQ(ledger.journal.size(), 6u);
  for (const std::uint64_t seq : {5, 6}) {
    EXPECT_EQ(ledger.at(seq).group, seq_t{5});
    EXPECT_EQ(ledger.at(seq).refund, "r-1");
    EXPECT_EQ(ledger.at(seq).order, "o-1");
    EXPECT_EQ(ledger.at(seq).reason, "broken");
  }
  const entry& restore = ledger.at(5);
  EXPECT_EQ(restore.kind, entry_kind::restore);
  ASSERT_EQ(restore.undone.size(), 1u);
  EXPECT_EQ(restore.undone[0], (undone_share{{4}, {60}}));
  EXPECT_EQ(restore.lots[0], (lot_change{{2}, {60}, {}, {}, day(3), day(30)})) << "the lot comes back with its expiry";
  EXPECT_TRUE(ledger.at(6).cancel);
  EXPECT_EQ(ledger.at(6).amount, std::nullopt);
  EXPECT_EQ(ledger.at(6).refunded, money_t{1'000'000});
}

TEST_F(decisions, two_pairs_of_sides_are_two_entries) {
  ledger.run("0d earn o=o-1 total=100.00");
  ledger.run("3d earn o=o-2 total=40.00");
  ledger.run("3d reverse o=o-2 ref=r-1 amount=10.00");
  // the order's lot has 30 left; a total that shrank under it takes the rest from the member
  account_state& account = ledger.accounts.at("m-1");
  order_facts facts = facts_of(account, account.orders[1]);
  facts.earned = {70};
  account.orders[1] = make_order_record(account, account.orders[1].hash, facts);
  EXPECT_EQ(ledger.run("4d reverse o=o-2 ref=r-2"), "ok #6 taken=60 restored=0 expired=0 refunded=40.00 a=70 p=0 l=140 v1"
                                                    " | reverse 0/-30 pending>issuance, reverse -30/0 member>issuance");
  EXPECT_EQ(ledger.at(7).group, seq_t{6});
  EXPECT_EQ(refunds_of(state(), hash64("o-2")).taken, points_t{70});
  EXPECT_EQ(state().references.size(), 2u) << "one reference, though two entries";
}

TEST_F(decisions, points_of_one_lot_come_back_as_one_change_and_pay_debt) {
  ledger.run("0d adjust ref=a-1 points=100 expire=10 reason=r");
  ledger.run("0d adjust ref=a-2 points=100 expire=0 reason=r");
  ledger.run("1d redeem o=o-1 points=150 total=10.00");
  ledger.run("1d adjust ref=a-3 points=-80 force reason=r");
  ledger.run("2d reverse o=o-1 ref=r-1");
  const entry& restore = ledger.at(6);
  EXPECT_EQ(restore.points, points_t{150});
  EXPECT_EQ(restore.debt, points_t{-30});
  ASSERT_EQ(restore.lots.size(), 2u);
  EXPECT_EQ(restore.lots[0], (lot_change{{3}, {50}, {}, {}, day(0), {}})) << "the last spent first";
  EXPECT_EQ(restore.lots[1], (lot_change{{2}, {70}, {}, {}, day(0), day(10)})) << "the soonest to expire pays the debt";
}

TEST_F(decisions, deciding_changes_nothing_and_can_be_done_again) {
  ledger.run("0d earn o=o-1 total=100.00");
  const std::string before = fingerprint(state());
  command asked = sale("o-2", 100'000);
  decision first, second;
  ledger.now = day(3);
  decide(state(), asked, ledger.context(), first);
  decide(state(), asked, ledger.context(), second);
  EXPECT_EQ(fingerprint(state()), before);
  EXPECT_EQ(first.entries.size(), second.entries.size());
  EXPECT_EQ(shown(first.outcome, ledger.active()), shown(second.outcome, ledger.active()));
}

TEST_F(decisions, one_decision_is_used_again_without_a_trace_of_the_last) {
  ledger.run("0d earn o=o-1 total=160.00");
  EXPECT_NE(ledger.decided.outcome.rewards, 0u);
  ledger.run("0d adjust ref=a-1 points=0 reason=r");
  EXPECT_EQ(ledger.decided.outcome.where, "points");
  EXPECT_EQ(ledger.decided.outcome.rewards, 0u);
  EXPECT_TRUE(ledger.decided.entries.empty());
  ledger.run("0d suspend reason=r");
  EXPECT_EQ(ledger.decided.outcome.where, "");
  EXPECT_EQ(ledger.decided.outcome.what, "");
  EXPECT_EQ(ledger.decided.outcome.points, points_t{});
  EXPECT_EQ(ledger.at(3).order, "");
  EXPECT_TRUE(ledger.at(3).lots.empty());
}

TEST_F(decisions, rebase_moves_what_is_new_and_nothing_else) {
  ledger.run("0d earn o=o-1 total=100.00");
  ledger.run("3d redeem o=o-2 points=60 total=6.00");
  command asked;
  asked.kind = op::reverse;
  asked.account = "m-1";
  asked.order = "o-2";
  asked.reference = "r-1";
  decision decided;
  ledger.now = day(30); // the 40 left expire; the 60 come back to an expired lot
  decide(state(), asked, ledger.context(), decided);
  ASSERT_EQ(decided.entries.size(), 4u);
  rebase(decided, {5}, {105});
  EXPECT_EQ(decided.entries[0].seq, seq_t{105});
  EXPECT_EQ(decided.entries[0].prev_seq, seq_t{4}) << "written before";
  EXPECT_EQ(decided.entries[0].lots[0].lot, seq_t{2}) << "made before";
  EXPECT_EQ(decided.entries[1].seq, seq_t{106});
  EXPECT_EQ(decided.entries[1].prev_seq, seq_t{105});
  EXPECT_EQ(decided.entries[1].lots[0].lot, seq_t{106});
  EXPECT_EQ(decided.entries[1].undone[0].redemption, seq_t{4});
  EXPECT_EQ(decided.entries[3].group, seq_t{106});
  EXPECT_EQ(decided.outcome.seq, seq_t{106});
  account_state moved = state();
  for (const entry& each : decided.entries)
    apply(moved, each);
  EXPECT_EQ(moved.last_seq, seq_t{108});

  command again = sale("o-1", 1'000'000);
  decide(state(), again, ledger.context(), decided);
  ASSERT_EQ(decided.outcome.status, outcome_status::duplicate);
  ASSERT_EQ(decided.due_count, 1u);
  rebase(decided, {5}, {105});
  EXPECT_EQ(decided.entries[0].seq, seq_t{105});
  EXPECT_EQ(decided.outcome.seq, seq_t{2}) << "a duplicate's seq stays what it was";
}

TEST_F(decisions, orders_with_one_hash_are_two_orders) {
  const std::string a = colliding('A'), b = colliding('B');
  ASSERT_EQ(hash64(a), hash64(b));
  EXPECT_EQ(ledger.run("0d earn o=" + a + " total=10.00").substr(0, 15), "ok #2 points=10");
  EXPECT_EQ(ledger.run("0d earn o=" + b + " total=20.00").substr(0, 15), "ok #3 points=20");
  EXPECT_EQ(ledger.run("0d earn o=" + a + " total=10.00").substr(0, 12), "duplicate #2");
  EXPECT_EQ(ledger.run("0d earn o=" + b + " total=20.00").substr(0, 12), "duplicate #3");
  EXPECT_EQ(ledger.run("0d earn o=" + b + " total=10.00"), "rejected reference_conflict");
  EXPECT_EQ(ledger.run("0d reverse o=" + colliding('C') + " ref=r-1"), "rejected unknown_order");
  EXPECT_EQ(ledger.run("0d reverse o=" + b + " ref=r-1").substr(0, 14), "ok #4 taken=20");
  EXPECT_EQ(ledger.run("0d adjust ref=" + a + " points=5 reason=r").substr(0, 5), "ok #5");
  EXPECT_EQ(ledger.run("0d adjust ref=" + b + " points=5 reason=r").substr(0, 5), "ok #6");
  EXPECT_EQ(ledger.run("0d adjust ref=" + b + " points=5 reason=r").substr(0, 12), "duplicate #6");
  EXPECT_EQ(ledger.run("3d redeem o=" + a + " points=2").substr(0, 2), "ok");
  EXPECT_EQ(ledger.run("3d redeem o=" + b + " points=2").substr(0, 2), "ok");
  EXPECT_EQ(ledger.run("3d redeem o=" + a + " points=2").substr(0, 9), "duplicate");
}

TEST_F(decisions, refunds_of_orders_with_one_hash_never_break_the_account) {
  const std::string a = colliding('A'), b = colliding('B');
  ledger.run("0d earn o=" + a + " total=10.00");
  ledger.run("0d earn o=" + b + " total=20.00");
  ledger.run("3d redeem o=" + a + " points=5 total=3.00");
  int number = 0;
  for (const std::string& order : {a, b, a, b})
    for (const char* amount : {" amount=4.00 restore", " amount=1.50", "", " amount=0.00"})
      ledger.run("4d reverse o=" + order + " ref=r-" + std::to_string(++number) + amount);
  EXPECT_EQ(fingerprint(ledger.replayed("m-1")), fingerprint(state()));
}

TEST_F(decisions, a_journal_that_cannot_be_read_is_said_and_changes_nothing) {
  ledger.run("0d earn o=o-1 total=100.00");
  ledger.run("3d redeem o=o-2 points=10");
  ledger.journal_unreadable = true;
  for (const char* event :
       {"4d earn o=o-1 total=100.00", "4d redeem o=o-2 points=10", "4d reverse o=o-2 ref=r-1", "4d enroll", "4d reactivate"}) {
    SCOPED_TRACE(event);
    ledger.run(event);
    EXPECT_EQ(ledger.decided.outcome.status, outcome_status::unavailable);
    EXPECT_TRUE(ledger.decided.entries.empty());
    EXPECT_NE(ledger.decided.outcome.what, "");
  }
}

TEST_F(decisions, new_references_read_nothing) {
  ledger.run("0d earn o=o-1 total=100.00");
  ledger.run("3d redeem o=o-2 points=10");
  ledger.run("3d adjust ref=a-1 points=10 reason=r");
  ledger.run("3d reverse o=o-1 ref=r-1 amount=1.00");
  ledger.run("3d earn o=o-2 total=1.00");
  EXPECT_EQ(ledger.groups_read, 0);
}

TEST_F(decisions, fields_that_never_should_get_here_do_no_harm) {
  command asked = sale("", 10'000);
  EXPECT_EQ(shown(ledger.decide(asked), ledger.active()), "invalid order: is missing");
  asked = sale("o-1", 10'000);
  asked.total.reset();
  EXPECT_EQ(shown(ledger.decide(asked), ledger.active()), "invalid total: is missing");
  asked = sale("o-1", -10'000);
  EXPECT_EQ(shown(ledger.decide(asked), ledger.active()), "skipped zero_points");
  asked = sale("o-1", 10'000);
  asked.at = ledger.now.plus_us(1);
  EXPECT_EQ(shown(ledger.decide(asked), ledger.active()), "invalid at: is in the future");
  asked = sale("o-1", 10'000);
  asked.account = "";
  EXPECT_EQ(shown(ledger.decide(asked), ledger.active()), "skipped no_member");
  for (const op kind : {op::enroll, op::redeem, op::reverse, op::adjust, op::suspend, op::close, op::preview}) {
    command empty;
    empty.kind = kind;
    EXPECT_EQ(shown(ledger.decide(empty), ledger.active()), "invalid account: is missing") << name_of(kind);
  }
  EXPECT_EQ(ledger.run("0d redeem o=o-1"), "invalid points: is missing");
  EXPECT_EQ(ledger.run("0d redeem points=5"), "invalid order: is missing");
  EXPECT_EQ(ledger.run("0d preview"), "invalid points: is missing");
  EXPECT_EQ(ledger.run("0d reverse ref=r-1"), "invalid order: is missing");
  EXPECT_EQ(ledger.run("0d reverse o=o-1"), "invalid refund: is missing");
  EXPECT_EQ(ledger.run("0d adjust ref=a-1"), "invalid points: is missing");
  EXPECT_EQ(ledger.run("0d adjust points=5"), "invalid adjustment: is missing");
  command reverse;
  reverse.kind = op::reverse;
  reverse.account = "m-1";
  reverse.order = "o-1";
  reverse.reference = "r-1";
  reverse.amount = money_t{-1};
  EXPECT_EQ(shown(ledger.decide(reverse), ledger.active()), "invalid amount: must not be negative");
}

TEST_F(decisions, an_expiry_too_far_away_to_be_written_is_the_last_moment_that_can) {
  ledger.run("0d adjust ref=a-1 points=5 expire=2147483647 reason=r");
  EXPECT_EQ(ledger.at(2).lots[0].expires_at, instant{253'402'300'799'999'999});
}

TEST_F(decisions, due_alone) {
  ledger.run("0d earn o=o-1 total=100.00");
  ledger.now = day(3).plus_us(-1);
  ledger.settle("m-1");
  EXPECT_TRUE(ledger.decided.entries.empty());
  ledger.now = day(40);
  ledger.settle("m-1");
  EXPECT_EQ(ledger.decided.due_count, 2u);
  EXPECT_EQ(ledger.decided.entries.size(), 2u);
  EXPECT_EQ(ledger.at(4).due, day(30));
  EXPECT_EQ(ledger.at(4).at, day(40));
}

TEST_F(decisions, outcomes_say_how_many_places_their_discounts_have) {
  ledger.put_program("merchant = \"beanhouse\"\ncurrency_digits = 0\n[earn]\npoints = \"1\"\nper = \"1.00\"\n"
                     "[redeem]\npoints = 1\nvalue = \"1\"\n");
  ledger.run("0d earn o=o-1 total=100.00");
  ledger.run("0d redeem o=o-2 points=5");
  EXPECT_EQ(ledger.decided.outcome.currency_digits, 0);
  ledger.put_program(rules);
  ledger.run("0d redeem o=o-2 points=5");
  EXPECT_EQ(ledger.decided.outcome.status, outcome_status::duplicate);
  EXPECT_EQ(ledger.decided.outcome.version, 2u);
  EXPECT_EQ(ledger.decided.outcome.currency_digits, 0) << "of the version that decided";
}

TEST_F(decisions, as_of_counts_what_is_due_as_done) {
  ledger.run("0d earn o=o-1 total=100.00");
  const account_state later = as_of(state(), day(3));
  EXPECT_EQ(later.available, points_t{100});
  EXPECT_EQ(later.pending, points_t{});
  EXPECT_EQ(later.last_seq, seq_t{2}) << "no entry was written";
  EXPECT_EQ(as_of(state(), day(30)).available, points_t{});
  EXPECT_EQ(state().pending, points_t{100});
}

using account_views = decisions;

TEST_F(account_views, show_balances_expiries_and_rewards_within_reach) {
  ledger.run("0d earn o=o-1 total=100.00");
  ledger.run("2d earn o=o-2 total=50.00");
  ledger.run("3d adjust ref=a-1 points=7 expire=0 reason=r");
  account_view view = view_of(state(), ledger.active(), day(3));
  EXPECT_EQ(view.available, points_t{107});
  EXPECT_EQ(view.pending, points_t{50});
  EXPECT_EQ(view.lifetime, points_t{150});
  EXPECT_EQ(view.expiring_30d, points_t{150}) << "pending counts too";
  EXPECT_EQ(view.next_expiry_at, day(30));
  EXPECT_EQ(view.next_expiry_points, points_t{100});
  EXPECT_EQ(view.rewards, 1u) << "price <= available: coffee, not cake";
  EXPECT_EQ(view.state, outcome::active);
  EXPECT_EQ(view.last_seq, state().last_seq);
  EXPECT_EQ(view.version, 1u);
  EXPECT_EQ(view.tier, std::nullopt);
  EXPECT_EQ(view.tier_points, std::nullopt);

  view = view_of(state(), ledger.active(), day(32).plus_us(-1));
  EXPECT_EQ(view.available, points_t{57}) << "as of now, whatever is written";
  EXPECT_EQ(view.next_expiry_at, day(32));
  EXPECT_EQ(view.next_expiry_points, points_t{50});
  view = view_of(state(), nullptr, day(32));
  EXPECT_EQ(view.available, points_t{7});
  EXPECT_EQ(view.next_expiry_at, std::nullopt);
  EXPECT_EQ(view.expiring_30d, points_t{});
  EXPECT_EQ(view.rewards, 0u);
  EXPECT_EQ(view.version, 0u);
}

TEST_F(account_views, the_instant_30_days_ahead_is_in) {
  ledger.run("0d adjust ref=a-1 points=5 expire=31 reason=r");
  EXPECT_EQ(view_of(state(), nullptr, day(1).plus_us(-1)).expiring_30d, points_t{});
  EXPECT_EQ(view_of(state(), nullptr, day(1)).expiring_30d, points_t{5});
}

TEST_F(account_views, show_the_state) {
  ledger.run("0d suspend reason=r");
  EXPECT_EQ(view_of(state(), nullptr, day(1)).state, outcome::suspended);
  ledger.run("0d close reason=r");
  EXPECT_EQ(view_of(state(), nullptr, day(1)).state, outcome::closed);
}

} // namespace
} // namespace tally
