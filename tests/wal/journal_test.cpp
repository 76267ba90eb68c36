// The journal on RocksDB from outside: what was appended is durable, reads back, and is there after reopening.
#include "tests/wal/journal_fixture.hpp"

#include <algorithm>
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

TEST(journal, a_second_server_is_refused) {
  const temp_folder folder;
  const auto first = open_or_fail(folder.path);
  const auto second = rocksdb_journal::open(options_of(folder.path));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, failure_code::locked) << second.error().what;
  EXPECT_NE(second.error().what.find(folder.path.string()), std::string::npos);
  const auto repaired = repair_journal(folder.path / "journal");
  ASSERT_FALSE(repaired.ok());
  EXPECT_EQ(repaired.error().code, failure_code::locked) << repaired.error().what;
}

TEST(journal, an_audit_needs_a_journal_and_makes_none) {
  const temp_folder folder;
  journal_options options = options_of(folder.path);
  options.read_only = true;
  const auto opened = rocksdb_journal::open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, failure_code::missing);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
}

TEST(journal, an_audit_reads_beside_a_server_and_changes_nothing) {
  const temp_folder folder;
  const auto server = open_or_fail(folder.path);
  server->start(1, {});
  append_entries(*server, 1, 500);
  std::vector<std::string> before;
  for (const auto& file : files_below(folder.path))
    before.push_back(file.string() + read_file(file));
  {
    const auto audit = open_or_fail(folder.path, true);
    std::uint64_t count = 0;
    ASSERT_TRUE(replay_and_compare(*audit, count).ok());
    EXPECT_EQ(count, 500u);
    EXPECT_EQ(audit->newest_digest().hash, server->newest_digest().hash);
  }
  std::vector<std::string> after;
  for (const auto& file : files_below(folder.path))
    after.push_back(file.string() + read_file(file));
  EXPECT_EQ(before, after);
  append_entries(*server, 501, 600);
  server->stop();
}

TEST(journal, entries_read_back_by_number_in_order_and_along_an_account) {
  const temp_folder folder;
  write_journal(folder.path, 1, 1'500); // in a file by now, the rest in the log
  const auto opened = open_or_fail(folder.path);
  opened->start(1, {});
  append_entries(*opened, 1'501, 3'000, 7);
  const auto reader = opened->make_reader();
  std::mt19937_64 random(test_seed());
  for (int i = 0; i < 2'000; ++i) {
    const std::uint64_t number = 1 + random() % 3'000;
    const auto read = reader->read({number});
    ASSERT_TRUE(read.ok()) << read.error().what;
    ASSERT_EQ(first_difference(**read, expected_entry(number).value), "");
  }
  for (const std::uint64_t number : {0ull, 3'001ull, ~0ull}) {
    const auto read = reader->read({number});
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, failure_code::missing);
  }

  for (const auto& [from, to] :
       {std::pair(1, 3'000), std::pair(0, 9'999), std::pair(1'400, 1'600), std::pair(2'999, 2'999), std::pair(5, 4)}) {
    std::uint64_t next = from == 0 ? 1 : static_cast<std::uint64_t>(from);
    const auto visited = reader->for_each({static_cast<std::uint64_t>(from)}, {static_cast<std::uint64_t>(to)}, [&](const entry& read) {
      EXPECT_EQ(first_difference(read, expected_entry(next).value), "");
      ++next;
      return true;
    });
    ASSERT_TRUE(visited.ok()) << visited.error().what;
    EXPECT_EQ(next, static_cast<std::uint64_t>(std::min(to, 3'000)) + 1);
  }

  std::uint64_t next = 2'950, visits = 0;
  const auto back = reader->for_each_back({next}, [&](const entry& read) {
    EXPECT_EQ(first_difference(read, expected_entry(next).value), "");
    next -= 97;
    return ++visits < 20;
  });
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(visits, 20u);
  visits = 0;
  ASSERT_TRUE(reader->for_each_back({2'950}, [&](const entry&) { return ++visits != 0; }).ok());
  EXPECT_EQ(visits, 2'950u / 97 + 1); // down to the account's first
  opened->stop();
}

// Groups of 3 entries of 20 KB: they straddle blocks of 24 KB, and are answered whole all the same.
TEST(journal, groups_read_back_whole_also_across_blocks) {
  const temp_folder folder;
  const auto opened = open_or_fail(folder.path);
  opened->start(1, {});
  const auto make = [](std::uint64_t number) {
    owned_entry made = expected_entry(number);
    made.value.at = at_of(1);
    made.value.group = {(number - 1) / 3 * 3 + 1};
    made.value.note = made.keep(std::string(20'000, static_cast<char>('a' + number % 26)));
    made.lines.assign(number % 3 + 1, {"sku", "category", static_cast<std::int64_t>(number), {}});
    made.value.lines = made.lines;
    return made;
  };
  std::deque<batch> batches;
  for (std::uint64_t number = 1; number <= 30; ++number) {
    if (number % 3 == 1)
      batches.emplace_back();
    batches.back().add(make(number).value);
  }
  for (const batch& ready : batches)
    opened->append(0, ready);
  wait_until_durable(*opened, {30});
  EXPECT_GT(opened->timings().blocks, 10u);
  const auto reader = opened->make_reader();
  for (std::uint64_t first = 1; first <= 28; first += 3) {
    const auto group = reader->read_group({first});
    ASSERT_TRUE(group.ok()) << group.error().what;
    ASSERT_EQ(group->size(), 3u);
    for (std::uint64_t i = 0; i < 3; ++i)
      ASSERT_EQ(first_difference((*group)[i], make(first + i).value), "");
    EXPECT_EQ(reader->read_group({first + 1}).error().code, failure_code::missing);
  }
  EXPECT_EQ(reader->read_group({31}).error().code, failure_code::missing);
  opened->stop();
}

TEST(journal, readers_fill_in_the_merchants_id) {
  const temp_folder folder;
  const auto append_two = [](journal& to) {
    owned_entry enrolled = expected_entry(1);
    enrolled.value.kind = entry_kind::enroll;
    enrolled.value.merchant_id = "beanhouse";
    batch ready;
    ready.add(enrolled.value);
    ready.add(expected_entry(2).value);
    to.append(0, ready);
    wait_until_durable(to, {2});
  };
  const auto check = [](journal& opened) {
    const auto reader = opened.make_reader();
    for (const std::uint64_t number : {2u, 1u}) {
      const auto read = reader->read({number});
      ASSERT_TRUE(read.ok());
      EXPECT_EQ((*read)->merchant_id, "beanhouse");
    }
    int visits = 0;
    ASSERT_TRUE(reader->for_each({1}, {2}, [&](const entry& read) { return ++visits != 0 && read.merchant_id == "beanhouse"; }).ok());
    EXPECT_EQ(visits, 2);
  };
  {
    const auto opened = open_or_fail(folder.path);
    opened->learn_merchant(1, "beanhouse");
    opened->start(1, {});
    append_two(*opened);
    check(*opened);
    opened->stop();
  }
  const auto opened = open_or_fail(folder.path);
  int visits = 0;
  ASSERT_TRUE(opened->replay({1}, [&](const entry& read) { return ++visits != 0 && read.merchant_id == "beanhouse"; }, {}).ok());
  EXPECT_EQ(visits, 2);
  check(*opened);
}

TEST(journal, replay_from_the_middle_and_progress) {
  const temp_folder folder;
  write_journal(folder.path, 1, 150'000, 5'000);
  const auto opened = open_or_fail(folder.path, true);
  std::uint64_t next = 100'001;
  std::vector<seq_t> shown;
  const auto replayed = opened->replay(
      {next}, [&](const entry& read) { return read.seq.value == next++; }, [&](seq_t reached) { shown.push_back(reached); });
  ASSERT_TRUE(replayed.ok()) << replayed.error().what;
  EXPECT_EQ(next, 150'001u);
  ASSERT_FALSE(shown.empty());
  EXPECT_TRUE(std::is_sorted(shown.begin(), shown.end()));
  ASSERT_TRUE(opened->replay({150'001}, [](const entry&) { return false; }, {}).ok());
}

// Shards hand over what they were given in any order; the journal is in the one order all the same.
TEST(journal, what_lies_behind_a_gap_waits_for_it) {
  const temp_folder folder;
  const auto opened = open_or_fail(folder.path);
  opened->start(2, {});
  batch late, early;
  for (const std::uint64_t number : {3u, 4u, 6u})
    late.add(expected_entry(number).value);
  for (const std::uint64_t number : {1u, 2u, 5u})
    early.add(expected_entry(number).value);
  opened->append(0, late);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(opened->durable_seq(), seq_t{0});
  opened->append(1, early);
  wait_until_durable(*opened, {6});
  opened->stop();
  std::uint64_t count = 0;
  const auto read = open_or_fail(folder.path, true);
  ASSERT_TRUE(replay_and_compare(*read, count).ok());
  EXPECT_EQ(count, 6u);
}

// Hands out seqs with their time, as actors/sequencer.hpp does.
class numbers {
public:
  std::uint64_t take(std::uint64_t count) { return next_.fetch_add(count); }

private:
  std::atomic<std::uint64_t> next_ = 1;
};

// Three shards append as fast as they can, reusing their batches, while readers look at what is durable.
TEST(journal, shards_append_while_readers_read) {
  const temp_folder folder;
  constexpr std::uint64_t a_shard = 30'000, shards = 3;
  const auto opened = open_or_fail(folder.path);
  std::uint64_t last_told = 0;
  opened->start(shards, [&](seq_t durable) {
    EXPECT_GT(durable.value, last_told);
    last_told = durable.value;
  });
  numbers numbers;
  std::atomic<std::uint64_t> last_taken = 0;
  std::atomic<bool> done = false;
  const std::uint64_t seed = test_seed();

  const auto append_as = [&](std::uint32_t shard) {
    std::mt19937_64 random(seed + shard);
    std::deque<batch> batches(16);
    for (std::uint64_t appended = 0, turn = 0; appended < a_shard; ++turn) {
      batch& ready = batches[turn % batches.size()];
      while (opened->durable_seq() < ready.last_seq)
        std::this_thread::yield();
      ready.clear();
      for (std::uint64_t decisions = 1 + random() % 20; decisions > 0; --decisions) {
        const std::uint64_t count = 1 + random() % 4, first = numbers.take(count);
        for (std::uint64_t number = first; number < first + count; ++number)
          ready.add(expected_entry(number).value);
        appended += count;
      }
      opened->append(shard, ready);
    }
    std::uint64_t newest = batches[0].last_seq.value;
    for (const batch& sent : batches)
      newest = std::max(newest, sent.last_seq.value);
    while (opened->durable_seq() < seq_t{newest})
      std::this_thread::yield();
    for (std::uint64_t seen = last_taken; seen < newest && !last_taken.compare_exchange_weak(seen, newest);) {
    }
  };
  std::atomic<std::uint64_t> reads = 0;
  const auto read_as = [&](std::uint64_t reader_number) {
    std::mt19937_64 random(seed + 100 + reader_number);
    const auto reader = opened->make_reader();
    while (!done || reads < 100) {
      const seq_t durable = opened->durable_seq();
      if (!durable)
        continue;
      const std::uint64_t number = random() % 4 == 0 ? durable.value : 1 + random() % durable.value;
      const auto read = reader->read({number});
      ASSERT_TRUE(read.ok()) << read.error().what;
      ASSERT_EQ(first_difference(**read, expected_entry(number).value), "");
      ++reads;
    }
  };
  std::vector<std::thread> writers, readers;
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    writers.emplace_back(append_as, shard);
  for (std::uint64_t reader = 0; reader < 2; ++reader)
    readers.emplace_back(read_as, reader);
  for (std::thread& writer : writers)
    writer.join();
  done = true;
  for (std::thread& reader : readers)
    reader.join();
  opened->stop();

  EXPECT_EQ(opened->durable_seq(), seq_t{last_taken});
  EXPECT_EQ(last_told, last_taken);
  EXPECT_GE(last_taken, shards * a_shard);
  std::uint64_t count = 0;
  const auto audit = open_or_fail(folder.path, true);
  const result<void> compared = replay_and_compare(*audit, count);
  ASSERT_TRUE(compared.ok()) << compared.error().what;
  EXPECT_EQ(count, last_taken);
}

} // namespace
