// Batches and blocks: runs, the frozen layout of a block, and that a damaged one is never read.
#include "tests/wal/entries.hpp"
#include "wal/block.hpp"

#include <gtest/gtest.h>

#include <cstring>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;

namespace {

constexpr instant noon{1'767'268'800'000'000};

std::span<const std::byte> records_of(const batch& from, std::size_t run) {
  const std::size_t end = run + 1 < from.runs.size() ? from.runs[run + 1].offset : from.records.size();
  return std::span(from.records).subspan(from.runs[run].offset, end - from.runs[run].offset);
}

// Entries 101..110 in three runs: 4 at noon, 3 a microsecond later, 3 a second later.
batch three_runs() {
  batch made;
  for (std::uint64_t number = 101; number <= 110; ++number)
    made.add(make_earn(number, number <= 104 ? noon : number <= 107 ? noon.plus_us(1) : noon.plus_us(us_per_second)).value);
  return made;
}

bytes make_block(const batch& from, block_hash& hash, const block_hash& prev = {}) {
  block_builder builder;
  builder.start(from.runs.front().first, prev);
  for (std::size_t i = 0; i < from.runs.size(); ++i)
    builder.add(from.runs[i], records_of(from, i));
  const auto block = builder.finish(hash);
  return {block.begin(), block.end()};
}

TEST(batch, collects_entries_in_runs_of_consecutive_seqs_and_equal_time) {
  batch made = three_runs();
  made.add(make_earn(120, noon.plus_us(us_per_second)).value); // another shard has 111..119
  ASSERT_EQ(made.runs.size(), 4u);
  EXPECT_EQ(made.runs[0].first, seq_t{101});
  EXPECT_EQ(made.runs[0].count, 4u);
  EXPECT_EQ(made.runs[1].first, seq_t{105});
  EXPECT_EQ(made.runs[1].at, noon.plus_us(1));
  EXPECT_EQ(made.runs[2].count, 3u);
  EXPECT_EQ(made.runs[3].first, seq_t{120});
  EXPECT_EQ(made.last_seq, seq_t{120});

  std::span<const std::byte> in = records_of(made, 1);
  decode_buffer buffer;
  entry read;
  for (std::uint64_t number = 105; number <= 107; ++number) {
    ASSERT_TRUE(decode(in, {number}, noon.plus_us(1), buffer, read).ok());
    EXPECT_EQ(first_difference(read, make_earn(number, noon.plus_us(1)).value), "");
  }
  EXPECT_TRUE(in.empty());

  made.clear();
  EXPECT_TRUE(made.empty());
  made.add(make_earn(1, noon).value); // as good as new
  EXPECT_EQ(made.runs.front().first, seq_t{1});
}

TEST(batch_death, seqs_must_rise) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  batch made = three_runs();
  EXPECT_DEATH(made.add(make_earn(110, noon).value), "bug");
}

// A commit may end between two runs, so a group must not.
TEST(batch_death, a_group_is_of_one_run) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto second_of_two = [](instant at) {
    owned_entry made = make_earn(102, at);
    made.value.group = {101};
    return made;
  };
  batch made;
  made.add(make_earn(101, noon).value);
  EXPECT_DEATH(made.add(second_of_two(noon.plus_us(1)).value), "bug");
  made.add(second_of_two(noon).value);
  EXPECT_EQ(made.runs.size(), 1u);
  batch next;
  EXPECT_DEATH(next.add(second_of_two(noon).value), "bug");
}

TEST(block, what_was_built_verifies_and_reads_back) {
  block_hash hash, prev;
  prev.fill(std::byte{7});
  const bytes block = make_block(three_runs(), hash, prev);
  const auto header = verify_block(block, {101});
  ASSERT_TRUE(header.ok()) << header.error().what;
  EXPECT_EQ(header->first_seq, seq_t{101});
  EXPECT_EQ(header->count, 10u);
  EXPECT_EQ(header->last_seq(), seq_t{110});
  EXPECT_EQ(header->first_at, noon);
  EXPECT_EQ(header->last_at, noon.plus_us(us_per_second));
  EXPECT_EQ(header->prev_hash, prev);
  EXPECT_EQ(header->hash, hash);

  const auto expected = [](std::uint64_t number) {
    return make_earn(number, number <= 104 ? noon : number <= 107 ? noon.plus_us(1) : noon.plus_us(us_per_second));
  };
  decode_buffer buffer;
  std::uint64_t next = 101;
  const auto visited = for_each_entry(block, buffer, [&](const entry& read) {
    EXPECT_EQ(first_difference(read, expected(next).value), "");
    ++next;
    return true;
  });
  ASSERT_TRUE(visited.ok());
  EXPECT_EQ(next, 111u);
  for (std::uint64_t number = 101; number <= 110; ++number) {
    entry read;
    ASSERT_TRUE(read_entry(block, {number}, buffer, read).ok());
    EXPECT_EQ(first_difference(read, expected(number).value), "");
  }
}

TEST(block, visiting_ends_when_the_visitor_says_so) {
  block_hash hash;
  const bytes block = make_block(three_runs(), hash);
  decode_buffer buffer;
  int visits = 0;
  ASSERT_TRUE(for_each_entry(block, buffer, [&](const entry&) { return ++visits < 6; }).ok());
  EXPECT_EQ(visits, 6);
}

TEST(block, every_flipped_bit_and_every_prefix_is_found) {
  block_hash hash;
  bytes block = make_block(three_runs(), hash);
  for (std::size_t bit = 0; bit < block.size() * 8; ++bit) {
    block[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_FALSE(verify_block(block, {101}).ok()) << "bit " << bit;
    ASSERT_FALSE(verify_checksum(block, {101}).ok()) << "bit " << bit;
    block[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  for (std::size_t size = 0; size < block.size(); ++size)
    ASSERT_FALSE(verify_block(bytes(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size)), {101}).ok());
  ASSERT_TRUE(verify_block(block, {101}).ok());
  ASSERT_FALSE(verify_block(block, {102}).ok()); // under another key
}

// Whoever changes a block can make its checksum and hash anew; reading it must be safe all the same.
TEST(block, unverified_damage_is_read_without_harm) {
  block_hash hash;
  const bytes block = make_block(three_runs(), hash);
  decode_buffer buffer;
  entry read;
  for (std::size_t bit = 0; bit < block.size() * 8; ++bit) {
    bytes damaged = block;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    int visits = 0;
    (void)for_each_entry(damaged, buffer, [&](const entry&) { return ++visits < 1'000; }).ok();
    const auto header = read_block_header(damaged);
    if (header.ok())
      (void)read_entry(damaged, header->last_seq(), buffer, read).ok();
  }
}

// docs/formats/block.md walks through these bytes. They are frozen: journals are full of them.
TEST(block, has_these_bytes) {
  batch one;
  one.add(make_earn(101, noon).value);
  one.add(make_earn(102, noon.plus_us(300)).value);
  block_hash hash, prev;
  prev.fill(std::byte{0xab});
  const bytes block = make_block(one, hash, prev);
  std::string text;
  for (const std::byte byte : block) {
    text += "0123456789abcdef"[static_cast<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned>(byte) & 15];
  }
  EXPECT_EQ(text.substr(0, 80), "54424c4b02000000650000000000000000f00b55524706002cf10b55524706000200000057000000");
  EXPECT_EQ(text.substr(80, 64), "abababababababababababababababababababababababababababababababab");
  EXPECT_EQ(text.substr(144, 64), "fcf0af1b65c8de9846c28a3b0ad9eb33c29e15452c7a7403f36ddab2fe51f8b8");
  EXPECT_EQ(text.substr(208, 8), "d07a30e7");
  EXPECT_EQ(text.substr(216), "010028fa0f023101036d2d346164cc01cc01cc01056f2d313031c0c17c010168000da90b0674696c6c2d33"
                              "01ac0228fa0f023101036d2d356164ce01ce01ce01056f2d313032e0dd7d010168000da90b0674696c6c2d34");
}

TEST(block, records_are_cut_where_they_end) {
  const batch made = three_runs();
  const auto first = records_of(made, 0);
  std::vector<std::size_t> ends;
  std::span<const std::byte> in = first;
  decode_buffer buffer;
  entry read;
  for (std::uint64_t number = 101; number <= 104; ++number) {
    ASSERT_TRUE(decode(in, {number}, noon, buffer, read).ok());
    ends.push_back(first.size() - in.size());
  }
  for (std::size_t room = 0; room <= first.size() + 1; ++room) {
    const record_count fitting = records_within(first, room);
    std::size_t expected = 1; // never nothing
    while (expected < ends.size() && ends[expected] <= room)
      ++expected;
    ASSERT_EQ(fitting.count, expected) << room;
    ASSERT_EQ(fitting.length, ends[expected - 1]) << room;
  }
}

} // namespace
