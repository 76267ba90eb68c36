// The benchmark's operations: shares, skew, references that never repeat, reversals of what was earned.
#include "bench/workload.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace tally::bench {
namespace {

TEST(mix, is_read_and_refused) {
  const auto mix = parse_mix("earn=1,redeem=2,account=7");
  ASSERT_TRUE(mix.ok());
  EXPECT_EQ(mix->earn, 1u);
  EXPECT_EQ(mix->redeem, 2u);
  EXPECT_EQ(mix->reverse, 0u);
  EXPECT_EQ(mix->account, 7u);
  for (const char* wrong :
       {"", "earn", "earn=", "earn=x", "earn=-1", "earn=1 ,redeem=2", "burn=1", "earn=0", "earn=10001", "earn=1,,redeem=2"})
    EXPECT_FALSE(parse_mix(wrong).ok()) << wrong;
}

TEST(workload, keeps_the_shares_and_never_repeats_a_reference) {
  workload_options options;
  options.accounts = 1000;
  workload work(options);
  std::map<op, int> counts;
  std::set<std::uint64_t> numbers, reversed, earned;
  for (int i = 0; i < 100'000; ++i) {
    const operation next = work.next();
    ++counts[next.kind];
    ASSERT_LT(next.account, 1000u);
    ASSERT_TRUE(next.kind == op::account || numbers.insert(next.number).second);
    if (next.kind == op::earn) {
      ASSERT_GE(next.value, 10'000);
      ASSERT_LE(next.value, 999'900);
      work.earned(next);
      earned.insert(next.number);
    }
    if (next.kind == op::reverse) {
      ASSERT_TRUE(earned.contains(next.order));
      ASSERT_TRUE(reversed.insert(next.order).second) << "reversed twice";
    }
  }
  EXPECT_NEAR(counts[op::earn], 80'000, 1500);
  EXPECT_NEAR(counts[op::redeem], 12'000, 1000);
  EXPECT_NEAR(counts[op::reverse], 3'000, 500);
  EXPECT_NEAR(counts[op::account], 5'000, 700);
}

TEST(workload, reverses_the_account_that_earned) {
  workload_options options;
  options.mix = {50, 0, 50, 0};
  workload work(options);
  std::map<std::uint64_t, std::uint32_t> account_of;
  for (int i = 0; i < 10'000; ++i) {
    const operation next = work.next();
    if (next.kind == op::earn) {
      account_of[next.number] = next.account;
      work.earned(next);
    } else {
      ASSERT_EQ(account_of.at(next.order), next.account);
    }
  }
}

TEST(workload, the_same_seed_gives_the_same_operations) {
  workload_options options;
  options.seed = 5;
  workload a(options), b(options);
  options.seed = 6;
  workload other(options);
  int same = 0;
  for (int i = 0; i < 1000; ++i) {
    const operation x = a.next(), y = b.next();
    ASSERT_EQ(x.kind, y.kind);
    ASSERT_EQ(x.account, y.account);
    ASSERT_EQ(x.value, y.value);
    same += other.next().account == x.account;
  }
  EXPECT_LT(same, 10);
}

// With exponent 1 over n accounts the most popular one has 1 / H(n) of everything, the second half of that.
TEST(workload, skew_follows_zipf) {
  workload_options options;
  options.accounts = 1000;
  options.skew = 1;
  workload work(options);
  std::map<std::uint32_t, int> hits;
  for (int i = 0; i < 200'000; ++i)
    ++hits[work.next().account];
  std::vector<int> sorted;
  for (const auto& [account, count] : hits)
    sorted.push_back(count);
  std::sort(sorted.rbegin(), sorted.rend());
  const double harmonic = 7.485;
  EXPECT_NEAR(sorted[0], 200'000 / harmonic, 1500);
  EXPECT_NEAR(sorted[1], 100'000 / harmonic, 1000);
  EXPECT_NEAR(sorted[9], 20'000 / harmonic, 500);
}

} // namespace
} // namespace tally::bench
