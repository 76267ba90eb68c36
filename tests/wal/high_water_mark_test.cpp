// The high-water mark: survives a torn write of either slot, is never believed when it does not verify.
#include "tests/wal/journal_fixture.hpp"
#include "wal/high_water_mark.hpp"

#include <gtest/gtest.h>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;

namespace {

block_hash hash_of(std::uint64_t number) {
  block_hash hash;
  hash.fill(static_cast<std::byte>(number));
  return hash;
}

class mark_file : public ::testing::Test {
protected:
  void SetUp() override { ASSERT_TRUE(high_water_mark::create(file).ok()); }

  void advance_to(std::uint64_t newest) {
    auto mark = high_water_mark::open(file, false);
    ASSERT_TRUE(mark.ok()) << mark.error().what;
    for (std::uint64_t number = mark->newest().value + 1; number <= newest; ++number)
      ASSERT_TRUE(mark->advance({number}, hash_of(number)).ok());
    ASSERT_TRUE(mark->sync().ok());
  }
  seq_t read_back() {
    const auto mark = high_water_mark::open(file, true);
    EXPECT_TRUE(mark.ok()) << mark.error().what;
    if (!mark.ok())
      return {};
    EXPECT_EQ(mark->hash(), mark->newest() ? hash_of(mark->newest().value) : block_hash{});
    return mark->newest();
  }

  temp_folder folder;
  std::filesystem::path file = folder.path / "mark";
};

TEST_F(mark_file, begins_at_zero_and_remembers_where_it_was_moved) {
  EXPECT_EQ(read_back(), seq_t{0});
  for (const std::uint64_t newest : {1u, 2u, 7u, 8u}) {
    advance_to(newest);
    EXPECT_EQ(read_back(), seq_t{newest});
  }
}

TEST_F(mark_file, a_torn_write_leaves_the_mark_before) {
  advance_to(9);
  const std::string before = read_file(file);
  advance_to(10);
  const std::string after = read_file(file);
  std::size_t begin = 0, end = 0; // what the last write changed
  while (before[begin] == after[begin])
    ++begin;
  for (end = after.size(); before[end - 1] == after[end - 1];)
    --end;
  ASSERT_LE(end - begin, 64u);
  for (std::size_t torn = begin; torn <= end; ++torn) {
    std::string content = after.substr(0, torn) + before.substr(torn);
    write_file(file, content);
    EXPECT_EQ(read_back(), seq_t{torn == end ? 10u : 9u});
  }
}

TEST_F(mark_file, any_flipped_bit_leaves_it_or_the_mark_before) {
  advance_to(10);
  const std::string good = read_file(file);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    const std::size_t in_slot = bit / 8 % 4096;
    if (in_slot >= 64 && bit % 1001 != 0)
      continue; // nothing lies there
    std::string content = good;
    content[bit / 8] = static_cast<char>(content[bit / 8] ^ (1 << (bit % 8)));
    write_file(file, content);
    const seq_t newest = read_back();
    ASSERT_TRUE(newest == seq_t{10} || newest == seq_t{9}) << "bit " << bit;
  }
}

TEST_F(mark_file, is_refused_when_nothing_in_it_verifies) {
  advance_to(10);
  std::string content = read_file(file);
  content[9] ^= 1;
  content[4096 + 9] ^= 1;
  write_file(file, content);
  const auto mark = high_water_mark::open(file, true);
  ASSERT_FALSE(mark.ok());
  EXPECT_EQ(mark.error().code, failure_code::corrupt);
  write_file(file, "");
  EXPECT_FALSE(high_water_mark::open(file, true).ok());
}

TEST_F(mark_file, missing_is_told_apart) {
  std::filesystem::remove(file);
  const auto mark = high_water_mark::open(file, false);
  ASSERT_FALSE(mark.ok());
  EXPECT_EQ(mark.error().code, failure_code::missing);
}

// docs/formats/high_water_mark.md walks through these bytes.
TEST_F(mark_file, has_these_bytes) {
  advance_to(1);
  const std::string content = read_file(file);
  std::string text;
  for (const char c : content.substr(0, 64)) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  EXPECT_EQ(
      text,
      "544d524b0100000001000000000000000101010101010101010101010101010101010101010101010101010101010101000000000000000000000000d65a721a");
  EXPECT_EQ(content.size(), 4096u + 64u);
}

} // namespace
