// The merger: runs of several shards come out in the order of seq, and what lies behind a gap is held back.
#include "tests/wal/entries.hpp"
#include "wal/run_merger.hpp"

#include <gtest/gtest.h>

#include <deque>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;

namespace {

batch batch_of(std::initializer_list<std::uint64_t> numbers) {
  batch made;
  for (const std::uint64_t number : numbers)
    made.add(make_earn(number, {1'000}).value);
  return made;
}

std::vector<std::uint64_t> taken_from(run_merger& merger) {
  std::vector<std::uint64_t> firsts;
  run_merger::piece piece;
  while (merger.take(piece)) {
    EXPECT_FALSE(piece.records.empty());
    for (std::uint32_t i = 0; i < piece.run.count; ++i)
      firsts.push_back(piece.run.first.value + i);
  }
  return firsts;
}

using numbers = std::vector<std::uint64_t>;

TEST(run_merger, gives_what_one_shard_hands_over) {
  run_merger merger(1, {5});
  EXPECT_FALSE(merger.ready());
  const batch first = batch_of({5, 6}), second = batch_of({7});
  ASSERT_TRUE(merger.hand_over(0, &first));
  ASSERT_TRUE(merger.hand_over(0, &second));
  EXPECT_TRUE(merger.ready());
  EXPECT_FALSE(merger.empty());
  EXPECT_EQ(taken_from(merger), (numbers{5, 6, 7}));
  EXPECT_TRUE(merger.empty());
  EXPECT_EQ(merger.next(), seq_t{8});
}

TEST(run_merger, holds_back_what_lies_behind_a_gap) {
  run_merger merger(3, {1});
  const batch late = batch_of({4, 5, 9}), middle = batch_of({2, 3, 7}), early = batch_of({1, 6}), last = batch_of({8});
  ASSERT_TRUE(merger.hand_over(0, &late));
  EXPECT_EQ(taken_from(merger), numbers{});
  ASSERT_TRUE(merger.hand_over(1, &middle));
  EXPECT_FALSE(merger.ready());
  ASSERT_TRUE(merger.hand_over(2, &early));
  EXPECT_EQ(taken_from(merger), (numbers{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_FALSE(merger.empty()); // 9
  ASSERT_TRUE(merger.hand_over(2, &last));
  EXPECT_EQ(taken_from(merger), (numbers{8, 9}));
  EXPECT_TRUE(merger.empty());
}

TEST(run_merger, records_of_a_piece_are_its_own) {
  run_merger merger(2, {1});
  const batch odd = batch_of({1, 3}), even = batch_of({2, 4});
  ASSERT_TRUE(merger.hand_over(0, &odd));
  ASSERT_TRUE(merger.hand_over(1, &even));
  run_merger::piece piece;
  decode_buffer buffer;
  entry read;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    ASSERT_TRUE(merger.take(piece));
    std::span<const std::byte> in = piece.records;
    ASSERT_TRUE(decode(in, piece.run.first, piece.run.at, buffer, read).ok());
    EXPECT_TRUE(in.empty());
    EXPECT_EQ(first_difference(read, make_earn(number, {1'000}).value), "");
  }
}

TEST(run_merger, a_full_ring_says_so) {
  run_merger merger(1, {1});
  const batch one = batch_of({1});
  for (std::uint64_t i = 0; i < batch_ring::capacity; ++i)
    ASSERT_TRUE(merger.hand_over(0, &one));
  EXPECT_FALSE(merger.hand_over(0, &one));
}

TEST(run_merger_death, a_seq_that_was_given_out_twice_is_a_bug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  run_merger merger(1, {5});
  const batch old = batch_of({4});
  ASSERT_TRUE(merger.hand_over(0, &old));
  EXPECT_DEATH((void)merger.ready(), "bug");
}

// Random partitions of 1..n into shards, runs and batches.
TEST(run_merger, any_partition_comes_out_in_order) {
  std::mt19937_64 random(test_seed());
  for (int round = 0; round < 50; ++round) {
    const std::uint32_t shards = 1 + static_cast<std::uint32_t>(random() % 4);
    const std::uint64_t last = 200 + random() % 300;
    std::vector<std::deque<batch>> handed(shards);
    for (std::uint64_t number = 1; number <= last;) {
      std::deque<batch>& own = handed[random() % shards];
      if (own.empty() || random() % 4 == 0)
        own.emplace_back();
      for (std::uint64_t count = 1 + random() % 9; count > 0 && number <= last; --count, ++number)
        own.back().add(make_earn(number, {static_cast<std::int64_t>(number / 10)}).value);
    }
    run_merger merger(shards, {1});
    std::vector<std::size_t> next(shards, 0);
    numbers seen;
    while (seen.size() < last) {
      const std::size_t shard = random() % shards;
      if (next[shard] == handed[shard].size())
        continue;
      ASSERT_TRUE(merger.hand_over(static_cast<std::uint32_t>(shard), &handed[shard][next[shard]++]));
      const numbers more = taken_from(merger);
      seen.insert(seen.end(), more.begin(), more.end());
    }
    for (std::uint64_t number = 1; number <= last; ++number)
      ASSERT_EQ(seen[number - 1], number);
    EXPECT_TRUE(merger.empty());
  }
}

} // namespace
