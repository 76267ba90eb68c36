// The bare hash table does the same work as the ledger it is compared with: each reference once, nothing below zero.
#include "bench/ceiling.hpp"

#include <gtest/gtest.h>

namespace tally::bench {
namespace {

TEST(bare_ledger, counts_each_reference_once) {
  bare_ledger ledger(10, 100);
  EXPECT_TRUE(ledger.run(op::enroll, "m-1", {}, {}, 0));
  EXPECT_TRUE(ledger.run(op::earn, "m-1", "o-1", {}, 100'000)); // 10 points
  EXPECT_FALSE(ledger.run(op::earn, "m-1", "o-1", {}, 100'000));
  EXPECT_TRUE(ledger.run(op::earn, "m-2", "o-1", {}, 100'000)) << "another member's order";
  EXPECT_FALSE(ledger.run(op::redeem, "m-1", "o-2", {}, 11)) << "only 10 there";
  EXPECT_TRUE(ledger.run(op::redeem, "m-1", "o-1", {}, 4)) << "a redemption of an order is not its earn";
  EXPECT_FALSE(ledger.run(op::redeem, "m-1", "o-1", {}, 4));
}

TEST(bare_ledger, reverses_what_was_earned) {
  bare_ledger ledger(10, 100);
  ledger.run(op::earn, "m-1", "o-1", {}, 100'000);
  EXPECT_FALSE(ledger.run(op::reverse, "m-1", "r-1", "o-9", 0)) << "no such order";
  EXPECT_TRUE(ledger.run(op::reverse, "m-1", "r-1", "o-1", 0));
  EXPECT_FALSE(ledger.run(op::reverse, "m-1", "r-1", "o-1", 0)) << "the same refund";
  EXPECT_FALSE(ledger.run(op::redeem, "m-1", "o-2", {}, 1)) << "nothing is left";
}

TEST(ceiling, counts_what_the_workload_asks_for) {
  workload_options options;
  options.accounts = 1000;
  options.skew = 1;
  const ceiling_result seen = measure_ceiling(options, 20'000);
  EXPECT_GT(seen.ops_per_s, 0);
  EXPECT_GT(seen.operations, 18'000u); // all but the redemptions that find too few points
}

} // namespace
} // namespace tally::bench
