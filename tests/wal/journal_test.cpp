// The journal on RocksDB from outside: what was appended is durable, reads back, and is there after reopening.
#include "tests/wal/journal_fixture.hpp"

#include <atomic>
#include <thread>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;

namespace {

std::unique_ptr<rocksdb_journal> open_or_fail(const std::filesystem::path& folder, bool read_only = false) {
  journal_options options = options_of(folder);
  options.read_only = read_only;
  auto opened = rocksdb_journal::open(options);
  EXPECT_TRUE(opened.ok()) << opened.error().what;
  return opened.ok() ? std::move(*opened) : nullptr;
}

TEST(journal, an_empty_one_opens_replays_and_reopens) {
  const temp_folder folder;
  for (int round = 0; round < 2; ++round) {
    const auto opened = open_or_fail(folder.path);
    std::uint64_t count = 1;
    ASSERT_TRUE(replay_and_compare(*opened, count).ok());
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(opened->durable_seq(), seq_t{0});
    EXPECT_EQ(opened->newest_digest().newest, seq_t{0});
  }
}

TEST(journal, what_was_appended_is_there_after_reopening) {
  const temp_folder folder;
  constexpr std::uint64_t rounds = 3, a_round = 2'000;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const auto opened = open_or_fail(folder.path);
    std::uint64_t count = 0;
    const result<void> replayed = replay_and_compare(*opened, count);
    ASSERT_TRUE(replayed.ok()) << replayed.error().what;
    ASSERT_EQ(count, round * a_round);
    opened->start(1, {});
    append_entries(*opened, round * a_round + 1, (round + 1) * a_round, 1 + round * 333);
    opened->stop();
    EXPECT_EQ(opened->newest_digest().newest.value, (round + 1) * a_round);
    EXPECT_EQ(opened->timings().entries, a_round);
  }
  const auto opened = open_or_fail(folder.path, true);
  std::uint64_t count = 0;
  ASSERT_TRUE(replay_and_compare(*opened, count).ok());
  EXPECT_EQ(count, rounds * a_round);
}

} // namespace
