#include "actors/sequencer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace tally::actors {
namespace {

TEST(sequencer, counts_on_from_the_journal) {
  sequencer stamps;
  EXPECT_EQ(stamps.next(), seq_t{1});
  stamps.reset({41}, {1000});
  EXPECT_EQ(stamps.next(), seq_t{42});
  EXPECT_EQ(stamps.newest_at(), instant{1000});
  EXPECT_EQ(stamps.take(3, {1000}), seq_t{42});
  EXPECT_EQ(stamps.take(1, {2000}), seq_t{45});
  EXPECT_EQ(stamps.next(), seq_t{46});
  EXPECT_EQ(stamps.newest_at(), instant{2000});
}

TEST(sequencer, never_goes_back_in_time) {
  sequencer stamps;
  ASSERT_TRUE(stamps.take(1, {2000}));
  EXPECT_FALSE(stamps.take(1, {1999}));
  EXPECT_EQ(stamps.next(), seq_t{2}) << "nothing was taken";
  EXPECT_TRUE(stamps.take(1, {2000}));
}

TEST(sequencer, gives_every_number_once_and_in_order_of_time) {
  struct stamp {
    std::uint64_t first;
    std::uint32_t count;
    std::int64_t at;
  };
  sequencer stamps;
  constexpr std::size_t threads = 4, takes = 50'000;
  std::vector<std::vector<stamp>> taken(threads);
  std::vector<std::thread> takers;
  for (std::size_t t = 0; t < threads; ++t)
    takers.emplace_back([&, t] {
      std::int64_t at = 0;
      for (std::size_t i = 0; i < takes; ++i) {
        const std::uint32_t count = 1 + static_cast<std::uint32_t>((i + t) % 3);
        at = std::max(at, stamps.newest_at().us) + static_cast<std::int64_t>(i % 2);
        std::optional<seq_t> first;
        while (!(first = stamps.take(count, {at})))
          at = stamps.newest_at().us;
        taken[t].push_back({first->value, count, at});
      }
    });
  for (std::thread& each : takers)
    each.join();
  std::vector<stamp> all;
  for (const auto& each : taken)
    all.insert(all.end(), each.begin(), each.end());
  std::ranges::sort(all, {}, &stamp::first);
  std::uint64_t next = 1;
  std::int64_t at = 0;
  for (const stamp& each : all) {
    ASSERT_EQ(each.first, next);
    ASSERT_GE(each.at, at);
    next += each.count;
    at = each.at;
  }
  EXPECT_EQ(stamps.next().value, next);
}

} // namespace
} // namespace tally::actors
