// A shard uses its batches again as soon as they are durable, on commits of every size.
#include "tests/wal/journal_fixture.hpp"

#include <atomic>

namespace tally::wal::testing {
namespace {

// More than one commit takes: the journal cuts between runs, and the last run it took ends its batch.
TEST(journal_reuse, a_batch_is_the_shards_again_once_it_is_durable) {
  const temp_folder folder;
  auto opened = rocksdb_journal::open(options_of(folder.path));
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  journal& journal = **opened;
  batch used_again;
  std::atomic<bool> is_clear = true;
  journal.start(1, [&](seq_t durable) { // on the journal thread: nothing comes between being durable and being cleared
    if (durable != used_again.last_seq)
      return;
    used_again.clear();
    is_clear.store(true);
  });
  constexpr std::uint64_t large = 30'000, rounds = 4;
  std::uint64_t number = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    for (std::uint64_t i = 0; i < large; ++i)
      used_again.add(make_earn(++number, first_at).value);
    ASSERT_EQ(used_again.runs.size(), 1u);
    ASSERT_GT(used_again.records.size(), std::size_t{1} << 20);
    is_clear.store(false);
    journal.append(0, used_again);
    wait_until_durable(journal, {number});
    if (::testing::Test::HasFailure())
      std::_Exit(1);         // the journal would wait for what never comes
    while (!is_clear.load()) // the callback follows a moment after
      std::this_thread::yield();
  }
  journal.stop();
  EXPECT_EQ(journal.durable_seq(), seq_t{number});
}

} // namespace
} // namespace tally::wal::testing
