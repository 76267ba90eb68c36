// Percentiles of the benchmark's histogram against sorted values.
#include "bench/histogram.hpp"

#include "bench/workload.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace tally::bench {
namespace {

TEST(histogram, empty_is_zero) {
  const histogram none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.percentile(0.5), 0u);
  EXPECT_EQ(none.max(), 0u);
}

TEST(histogram, small_values_are_exact) {
  histogram values;
  for (std::uint64_t i = 1; i <= 200; ++i)
    values.record(i);
  EXPECT_EQ(values.count(), 200u);
  EXPECT_EQ(values.percentile(0), 1u);
  EXPECT_EQ(values.percentile(0.005), 1u);
  EXPECT_EQ(values.percentile(0.5), 100u);
  EXPECT_EQ(values.percentile(0.99), 198u);
  EXPECT_EQ(values.percentile(1), 200u);
}

TEST(histogram, every_value_lands_within_its_bucket_at_the_edges_of_powers_of_two) {
  for (unsigned bit = 0; bit < 40; ++bit)
    for (const std::int64_t step : {-1, 0, 1}) {
      const std::uint64_t value = (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(step);
      if (value >> 40)
        continue;
      histogram one;
      one.record(value);
      one.record(std::uint64_t{1} << 39); // so that max does not cap the percentile
      const std::uint64_t shown = one.percentile(0.5);
      EXPECT_GE(shown, value);
      EXPECT_LE(shown - value, value / 128) << value;
    }
}

TEST(histogram, percentiles_are_within_one_part_in_128_of_the_sorted_values) {
  random_source random(7);
  std::vector<std::uint64_t> sorted;
  histogram values;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t value = random.next() >> (24 + random.below(40));
    sorted.push_back(value);
    values.record(value);
  }
  std::sort(sorted.begin(), sorted.end());
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const std::uint64_t wanted = sorted[static_cast<std::size_t>(share * 100'000) - 1];
    const std::uint64_t shown = values.percentile(share);
    EXPECT_GE(shown, wanted) << share;
    EXPECT_LE(shown - wanted, wanted / 128) << share;
  }
  EXPECT_EQ(values.max(), sorted.back());
  EXPECT_EQ(values.percentile(1), sorted.back());
}

TEST(histogram, what_is_too_long_counts_as_the_longest) {
  histogram values;
  values.record(~std::uint64_t{0});
  EXPECT_EQ(values.count(), 1u);
  EXPECT_EQ(values.max(), ~std::uint64_t{0});
  EXPECT_GE(values.percentile(0.5), (std::uint64_t{1} << 40) - 1);
}

TEST(histogram, adding_and_clearing) {
  histogram a, b;
  a.record(10);
  b.record(1000);
  b.record(20);
  a.add(b);
  EXPECT_EQ(a.count(), 3u);
  EXPECT_EQ(a.percentile(0.5), 20u);
  EXPECT_EQ(a.max(), 1000u);
  a.clear();
  EXPECT_EQ(a.count(), 0u);
  EXPECT_EQ(a.percentile(1), 0u);
}

} // namespace
} // namespace tally::bench
