// The store gives up what is archived while it is served: who asks, who is believed, who reads meanwhile.
#include "wal/handover.hpp"

#include "tests/wal/journal_fixture.hpp"
#include "wal/archive.hpp"
#include "wal/chain_check.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t entries = 8'000;

class handover : public ::testing::Test {
protected:
  void SetUp() override { write_journal(folder.path, 1, entries); }

  archive_location where() const { return {folder.path / "journal"}; }
  handover_file request() const { return handover_file(where()); }
  fs::path blocks() const { return folder.path / "journal" / "blocks"; }

  archive_options options(const fs::path& of, std::uint64_t before) const {
    archive_options made;
    made.folder = of;
    made.segment_bytes = 64 << 10;
    made.before_seq = seq_t{before};
    return made;
  }

  // As a run leaves it that is killed before it asks: the segments are there, and the store has everything. Where it would begin.
  segment_archive::boundary write_segments(std::uint64_t before) const {
    const temp_folder copy;
    fs::copy(folder.path / "journal", copy.path / "journal", fs::copy_options::recursive);
    EXPECT_TRUE(archive_journal(options(copy.path, before)).ok());
    fs::copy(copy.path / "journal" / "archive", where().own(), fs::copy_options::recursive);
    const auto last = segment_reader::open(last_segment());
    EXPECT_TRUE(last.ok());
    return {last->info().last.plus(1), last->info().hash};
  }
  fs::path segment(std::size_t place) const {
    const auto there = segments_in(where().own());
    EXPECT_TRUE(there.ok() && place < there->size());
    return where().own() / segment_name((*there)[place].first, (*there)[place].last);
  }
  fs::path last_segment() const { return segment(segments_in(where().own())->size() - 1); }

  std::unique_ptr<rocksdb_journal> serve() const {
    auto opened = rocksdb_journal::open(options_of(folder.path));
    EXPECT_TRUE(opened.ok()) << opened.error().what;
    if (!opened)
      return nullptr;
    (*opened)->start(1, {});
    return std::move(*opened);
  }

  // Whether it was answered in that time.
  bool is_answered_within(std::chrono::milliseconds patience) const {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (*request().is_there()) {
      if (std::chrono::steady_clock::now() > until)
        return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  bool is_answered() const { return is_answered_within(std::chrono::seconds(60)); }

  seq_t begin_of_store() const {
    const auto store = block_store::open(blocks(), block_store::mode::read_only);
    EXPECT_TRUE(store.ok());
    return store ? **(*store)->first() : seq_t{};
  }
  std::uint64_t store_bytes() const {
    std::uint64_t bytes = 0;
    for (const fs::path& file : files_below(blocks()))
      bytes += fs::file_size(file);
    return bytes;
  }
  void expect_everything(std::uint64_t last = entries) const {
    journal_options how = options_of(folder.path);
    how.read_only = true;
    const auto opened = rocksdb_journal::open(how);
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    std::uint64_t count = 0;
    const auto replayed = replay_and_compare(**opened, count);
    ASSERT_TRUE(replayed.ok()) << replayed.error().what;
    EXPECT_EQ(count, last);
  }

  temp_folder folder;
};

TEST_F(handover, has_these_bytes) {
  const handover_file file = request();
  ASSERT_TRUE(make_folders(where().own()).ok());
  block_hash hash{};
  hash[0] = std::byte{0x0a};
  hash[31] = std::byte{0xff};
  ASSERT_TRUE(file.write({{5'001}, hash}).ok());
  const std::string text = read_file(where().own() / "handover");
  EXPECT_EQ(text, "tallystick handover 1\n"
                  "keep 5001 0a000000000000000000000000000000000000000000000000000000000000ff\n"
                  "checksum 6ed0f2a897b78b261834db6894d4e784ad6360eeeab7a4ea272442514bcdbb45\n");
  const auto read = file.read();
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->first.value, 5'001u);
  EXPECT_EQ(read->prev_hash, hash);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_file(where().own() / "handover", changed);
    EXPECT_FALSE(file.read().ok()) << at;
    write_file(where().own() / "handover", text.substr(0, at));
    EXPECT_FALSE(file.read().ok()) << at;
  }
}

TEST_F(handover, of_an_archive_beside_a_server) {
  const std::uint64_t bytes_before = store_bytes();
  const auto served = serve();
  ASSERT_NE(served, nullptr);
  const auto moved = archive_journal(options(folder.path, 6'000));
  ASSERT_TRUE(moved.ok()) << moved.error().what;
  EXPECT_GT(moved->archived.value, 5'000u);
  EXPECT_EQ(begin_of_store(), moved->archived.plus(1));
  EXPECT_LT(store_bytes(), bytes_before / 2);
  append_entries(*served, entries + 1, entries + 500);
  const auto reader = served->make_reader();
  std::uint64_t seen = 0;
  const auto read = reader->for_each({1}, {entries + 500}, [&](const entry& one) {
    ++seen;
    return first_difference(one, expected_entry(seen).value).empty();
  });
  EXPECT_TRUE(read.ok()) << read.error().what;
  EXPECT_EQ(seen, entries + 500);
  const auto again = archive_journal(options(folder.path, 8'400));
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_GT(again->archived, moved->archived);
  served->stop();
  expect_everything(entries + 500);
}

TEST_F(handover, that_was_left_is_taken_up_after_a_restart) {
  const segment_archive::boundary kept = write_segments(6'000);
  ASSERT_TRUE(request().write(kept).ok());
  EXPECT_EQ(begin_of_store(), seq_t{1});
  const auto served = serve();
  ASSERT_TRUE(is_answered());
  EXPECT_FALSE(*request().take_refusal());
  served->stop();
  EXPECT_EQ(begin_of_store(), kept.first);
  expect_everything();
}

TEST_F(handover, that_was_left_is_taken_up_by_the_next_run) {
  const segment_archive::boundary kept = write_segments(6'000);
  ASSERT_TRUE(request().write(kept).ok());
  const auto moved = archive_journal(options(folder.path, 2));
  ASSERT_TRUE(moved.ok()) << moved.error().what;
  EXPECT_EQ(moved->segments, 0u);
  EXPECT_EQ(begin_of_store(), kept.first);
  EXPECT_FALSE(*request().is_there());
  expect_everything();
}

// Each is answered with its reason, and the store keeps everything.
TEST_F(handover, that_is_forged_or_stale_is_refused) {
  const segment_archive::boundary kept = write_segments(6'000);
  const fs::path first = segment(0);
  const std::string whole = read_file(first);
  const auto served = serve();
  ASSERT_NE(served, nullptr);
  const auto expect_refused = [&](const char* why) {
    EXPECT_TRUE(is_answered()) << why;
    const auto said = request().take_refusal();
    ASSERT_TRUE(said.ok());
    ASSERT_TRUE(*said) << why;
    EXPECT_THAT(**said, HasSubstr(why));
    EXPECT_EQ(begin_of_store(), seq_t{1});
  };
  segment_archive::boundary wrong = kept;
  wrong.prev_hash[7] ^= std::byte{1};
  ASSERT_TRUE(request().write(wrong).ok());
  expect_refused("the hash before entry");
  ASSERT_TRUE(request().write({kept.first.plus(1), kept.prev_hash}).ok());
  expect_refused("no block begins with entry");
  ASSERT_TRUE(request().write({{entries + 1}, kept.prev_hash}).ok());
  expect_refused("before entry 8001");
  ASSERT_TRUE(request().write({{1ull << 63}, kept.prev_hash}).ok());
  expect_refused("before entry 9223372036854775808");
  write_file(where().own() / "handover", "tallystick handover 2\n");
  expect_refused("is not a request of this version, or damaged");
  write_file(where().own() / "handover", std::string(10'000, 'x'));
  expect_refused("is larger than it can be");

  fs::rename(first, folder.path / "lost");
  ASSERT_TRUE(request().write(kept).ok());
  expect_refused("are missing before");
  fs::rename(folder.path / "lost", first);
  const fs::path last = last_segment();
  fs::rename(last, folder.path / "lost");
  ASSERT_TRUE(request().write(kept).ok());
  expect_refused("ends with entry");
  fs::rename(folder.path / "lost", last);

  std::string damaged = whole;
  damaged[whole.size() / 2] = static_cast<char>(damaged[whole.size() / 2] ^ 4);
  write_file(first, damaged);
  ASSERT_TRUE(request().write(kept).ok());
  expect_refused(first.filename().c_str());
  write_file(first, whole);

  ASSERT_TRUE(request().write(kept).ok());
  ASSERT_TRUE(is_answered());
  EXPECT_FALSE(*request().take_refusal());
  served->stop();
  EXPECT_EQ(begin_of_store(), kept.first);
  expect_everything();
}

// The block of entry 8000 was written after the last one that is on disk for sure, as far as the caller says.
TEST_F(handover, beyond_what_is_on_disk_is_refused) {
  const segment_archive::boundary kept = write_segments(6'000);
  ASSERT_TRUE(request().write(kept).ok());
  const auto store = block_store::open(blocks(), block_store::mode::serve);
  ASSERT_TRUE(store.ok());
  const auto always = [](std::uint64_t) { return true; };
  for (const seq_t durable : {seq_t{5'000}, kept.first}) {
    const auto checked = check_handover(where(), **store, durable, always);
    ASSERT_FALSE(checked.ok());
    EXPECT_EQ(checked.error().code, failure_code::bad_argument);
  }
  const auto stopped = check_handover(where(), **store, {entries}, [](std::uint64_t) { return false; });
  ASSERT_TRUE(stopped.ok());
  EXPECT_FALSE(*stopped);
  const auto checked = check_handover(where(), **store, {entries}, always);
  ASSERT_TRUE(checked.ok() && *checked);
  EXPECT_EQ(**checked, kept.first);
}

TEST_F(handover, waits_until_nobody_reads) {
  const segment_archive::boundary kept = write_segments(6'000);
  const auto served = serve();
  {
    const auto reading = block_store::open(blocks(), block_store::mode::read_only);
    ASSERT_TRUE(reading.ok());
    ASSERT_TRUE(request().write(kept).ok());
    EXPECT_FALSE(is_answered_within(std::chrono::milliseconds(1'500)));
    EXPECT_EQ(begin_of_store(), seq_t{1}); // readers do not wait for each other
    chain_check chain(seq_t{1});
    const auto walked = (*reading)->walk({1}, [&](const block_store::block& block) -> result<bool> {
      const auto header = chain.pass(block);
      return header ? result<bool>(true) : header.error();
    });
    EXPECT_TRUE(walked.ok()) << walked.error().what;
    EXPECT_EQ(chain.newest(), seq_t{entries});
  }
  EXPECT_TRUE(is_answered());
  served->stop();
  EXPECT_EQ(begin_of_store(), kept.first);
}

TEST_F(handover, makes_readers_wait_until_it_is_over) {
  std::optional<result<file_handle>> dropping = lock_folder(blocks(), folder_use::write);
  ASSERT_TRUE(dropping->ok());
  std::atomic<bool> is_open = false;
  std::thread reader([&] {
    EXPECT_EQ(begin_of_store(), seq_t{1});
    is_open = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_FALSE(is_open);
  dropping.reset();
  reader.join();
  EXPECT_TRUE(is_open);
}

TEST_F(handover, that_was_interrupted_is_finished_later) {
  const segment_archive::boundary kept = write_segments(6'000);
  const std::uint64_t bytes_before = store_bytes();
  ASSERT_TRUE(request().write(kept).ok());
  {
    const auto store = block_store::open(blocks(), block_store::mode::serve);
    ASSERT_TRUE(store.ok());
    std::atomic<bool> stopping = true;
    const auto dropped = (*store)->drop_before(kept.first, stopping);
    ASSERT_TRUE(dropped.ok()) << dropped.error().what;
    EXPECT_EQ(*dropped, block_store::dropped::interrupted);
  }
  EXPECT_EQ(begin_of_store(), kept.first);
  expect_everything();
  const auto served = serve();
  ASSERT_TRUE(is_answered());
  append_entries(*served, entries + 1, entries + 100);
  served->stop();
  EXPECT_LT(store_bytes(), bytes_before / 2);
  expect_everything(entries + 100);
}

// No compaction of the next life finishes it behind the readers' back.
TEST_F(handover, that_was_interrupted_keeps_its_tables_while_somebody_reads) {
  const segment_archive::boundary kept = write_segments(6'000);
  ASSERT_TRUE(request().write(kept).ok());
  {
    const auto store = block_store::open(blocks(), block_store::mode::serve);
    ASSERT_TRUE(store.ok());
    std::atomic<bool> stopping = true;
    ASSERT_TRUE((*store)->drop_before(kept.first, stopping).ok());
  }
  auto reading = block_store::open(blocks(), block_store::mode::read_only);
  ASSERT_TRUE(reading.ok());
  const auto tables = disk().files_in(blocks(), ".sst");
  ASSERT_TRUE(tables.ok());
  ASSERT_FALSE(tables->empty());
  const auto left = [&] { return std::ranges::count_if(*tables, [](const fs::path& table) { return fs::exists(table); }); };

  journal_options how = options_of(folder.path);
  how.memtable_bytes = 64 << 10; // so that there is much to compact
  const auto served = rocksdb_journal::open(how);
  ASSERT_TRUE(served.ok());
  (*served)->start(1, {});
  append_entries(**served, entries + 1, 8 * entries);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(left(), static_cast<std::ptrdiff_t>(tables->size()));
  EXPECT_TRUE(*request().is_there());
  reading->reset();
  ASSERT_TRUE(is_answered());
  EXPECT_LT(left(), static_cast<std::ptrdiff_t>(tables->size()));
  (*served)->stop();
  expect_everything(8 * entries);
}

TEST_F(handover, one_run_at_a_time) {
  ASSERT_TRUE(make_folders(where().own()).ok());
  const auto lock = lock_folder(where().own(), folder_use::write);
  ASSERT_TRUE(lock.ok());
  const auto refused = archive_journal(options(folder.path, 6'000));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, failure_code::locked);
  EXPECT_THAT(refused.error().what, HasSubstr("`tally archive`"));
}

// Somebody reads all the while, by number, in order and backwards, as blocks go from the one place to the other.
TEST_F(handover, under_readers_shows_the_same_entries_all_the_time) {
  const auto served = serve();
  ASSERT_NE(served, nullptr);
  std::atomic<bool> enough = false;
  std::atomic<std::uint64_t> newest = entries;
  std::uint64_t walks = 0, finds = 0;
  std::thread in_order([&] {
    const auto reader = served->make_reader();
    for (std::uint64_t from = 1; !enough || walks == 0; from = from * 7 % 5'003) {
      const std::uint64_t last = newest;
      std::uint64_t next = from;
      const auto read = reader->for_each({from}, {last}, [&](const entry& one) { return one.seq.value == next++; });
      ASSERT_TRUE(read.ok()) << read.error().what;
      ASSERT_EQ(next, last + 1);
      ++walks;
    }
  });
  std::thread by_number([&] {
    const auto reader = served->make_reader();
    for (std::uint64_t number = 1; !enough || finds == 0; number = (number + 1'237) % newest + 1) {
      const auto read = reader->read({number});
      ASSERT_TRUE(read.ok()) << read.error().what;
      ASSERT_EQ(first_difference(**read, expected_entry(number).value), "");
      ++finds;
    }
  });
  seq_t before;
  for (std::uint64_t until = 1'000; until <= entries; until += 1'000) {
    const auto moved = archive_journal(options(folder.path, until));
    ASSERT_TRUE(moved.ok()) << moved.error().what;
    EXPECT_GE(moved->archived, before);
    before = moved->archived;
    append_entries(*served, newest + 1, newest + 50);
    newest += 50;
  }
  enough = true;
  in_order.join();
  by_number.join();
  EXPECT_GT(before.value, entries / 2);
  std::printf("%llu walks, %llu finds\n", static_cast<unsigned long long>(walks), static_cast<unsigned long long>(finds));
  served->stop();
  expect_everything(newest);
}

// The archive's folder is moved by hand while it is read.
TEST_F(handover, and_then_the_archive_moves) {
  const auto served = serve();
  ASSERT_TRUE(archive_journal(options(folder.path, 3'000)).ok());
  const auto reader = served->make_reader();
  const auto expect_read = [&](std::uint64_t number) {
    const auto read = reader->read({number});
    ASSERT_TRUE(read.ok()) << read.error().what;
    EXPECT_EQ(first_difference(**read, expected_entry(number).value), "");
  };
  expect_read(1);
  archive_options how = options(folder.path, 5'000);
  how.to = folder.path / "elsewhere";
  ASSERT_TRUE(make_folders(how.to).ok());
  for (const fs::path& file : files_below(where().own()))
    fs::rename(file, how.to / file.filename());
  const auto moved = archive_journal(how);
  ASSERT_TRUE(moved.ok()) << moved.error().what;
  for (std::uint64_t number = 1; number < moved->archived.value; number += 100)
    expect_read(number);
  served->stop();
}

} // namespace
