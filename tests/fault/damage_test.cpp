// Files that went bad, went missing or are another journal's: refused by name, or everything is there all the same. Never fewer entries,
// never other ones.
#include "snapshot/image_store.hpp"
#include "tests/fault/flipped_bits.hpp"
#include "tests/fault/journal_history.hpp"
#include "tests/fault/totals.hpp"
#include "wal/block_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

namespace tally::fault {
namespace {

using ::testing::HasSubstr;

struct short_journal {
  disk_content disk;
  expected_entries entries;
};

// A table, and a log with commits of its own; everything acknowledged.
short_journal make_short_journal(std::uint32_t life, bool with_table = true) {
  short_journal made{empty_disk(), {}};
  for (int part = with_table ? 0 : 1; part < 2; ++part) {
    living_journal journal(made.disk, made.entries, life, 64ull << 20);
    EXPECT_TRUE(journal.open().ok());
    for (const std::uint32_t size : {2u, 1u}) {
      journal.hand_over(size, {size}, 0);
      EXPECT_TRUE(journal.commit());
    }
    journal.stop();
    made = {journal.disk().files->content(), journal.recorded().entries};
  }
  return made;
}

struct verdict {
  std::string refusal; // empty: read
  std::uint64_t count = 0;
  std::string difference;

  bool is_whole(const short_journal& journal) const { return refusal.empty() && difference.empty() && count == journal.entries.size(); }
  // Refused with a name, or nothing is amiss.
  bool is_fine(const short_journal& journal) const {
    return refusal.empty() ? is_whole(journal) : refusal.find(journal_name) != std::string::npos;
  }
};

verdict read_all(const disk_content& content, const short_journal& journal, bool read_only) {
  fault_disk disk(content);
  wal::journal_options options = journal_options_on(disk);
  options.read_only = read_only;
  verdict read;
  const auto opened = wal::rocksdb_journal::open(options);
  if (!opened) {
    read.refusal = opened.error().what;
    return read;
  }
  const auto compare = [&](const entry& each) {
    const bool is_next = ++read.count <= journal.entries.size() && each.seq.value == read.count;
    if (read.difference.empty())
      read.difference = is_next ? first_difference(each, journal.entries[read.count - 1].made(read.count).value) : "seq";
    return true; // what is wrong may show later only
  };
  if (const result<void> replayed = (*opened)->replay({1}, compare, {}); !replayed)
    read.refusal = replayed.error().what;
  return read;
}

bool is_one_of(const std::string& file, std::initializer_list<const char*> names) {
  return std::ranges::any_of(names, [&](const char* name) { return file.find(name) != std::string::npos; });
}

void flip_every_bit(const short_journal& journal, std::initializer_list<const char*> files, bool read_only) {
  std::size_t flipped = 0, refused = 0;
  for (const auto& [file, good] : journal.disk.files) {
    if (!is_one_of(file, files))
      continue;
    disk_content damaged = journal.disk;
    std::string& bytes = damaged.files[file];
    for (std::size_t bit = 0; bit < good.size() * 8 && !::testing::Test::HasFailure(); ++bit) {
      // Of the mark's 4,096 bytes between its slots every 101st is flipped: nobody reads them.
      const bool is_between = file.ends_with("high_water_mark") && bit / 8 >= 64 && bit / 8 < 4096;
      if (is_between && bit % 101 != 0)
        continue;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      const verdict found = read_all(damaged, journal, read_only);
      bytes[bit / 8] = good[bit / 8];
      ++flipped;
      refused += found.refusal.empty() ? 0 : 1;
      ASSERT_TRUE(found.is_fine(journal)) << file << " bit " << bit << ": " << found.count << " entries, " << found.difference << ", "
                                          << found.refusal;
    }
  }
  std::printf("%zu bits flipped, %zu refused, the others changed nothing\n", flipped, refused);
  EXPECT_GT(refused, flipped / 2);
  count_fault(std::string("a bit flipped, read by ") + (read_only ? "an audit" : "a server"), flipped);
}

TEST(every_bit, of_the_log_and_the_small_files_flipped) {
  const short_journal journal = make_short_journal(1);
  flip_every_bit(journal, {".log", "MANIFEST", "CURRENT"}, true);
  flip_every_bit(journal, {".log", "MANIFEST", "CURRENT"}, false);
}

TEST(every_bit, of_the_mark_flipped) {
  const short_journal journal = make_short_journal(1, false);
  std::size_t refused = 0, flipped = 0;
  for (const bool read_only : {true, false})
    for (std::size_t bit = 0; bit < 4160 * 8; bit += bit == 64 * 8 - 1 ? (4096 - 64) * 8 + 1 : 1) {
      disk_content damaged = journal.disk;
      char& byte = damaged.files.at(journal_name + "/high_water_mark")[bit / 8];
      byte = static_cast<char>(byte ^ (1 << bit % 8));
      const verdict found = read_all(damaged, journal, read_only);
      ASSERT_TRUE(found.is_whole(journal)) << bit << ": " << found.refusal; // the other slot is there
      ++flipped;
      refused += found.refusal.empty() ? 0 : 1;
    }
  EXPECT_EQ(flipped, 2u * 2u * 64u * 8u);
  count_fault("a bit of the high-water mark flipped", flipped);
}

TEST(every_bit, of_a_table_flipped) {
  const short_journal journal = make_short_journal(1);
  flip_every_bit(journal, {".sst"}, true);
}

// The store's list of its tables: RocksDB opens in no mode with a bad one. A repair cuts it off where it goes bad, if everything
// acknowledged is there without the rest, and else leaves everything as it was.
TEST(bad_manifest, is_cut_by_a_repair_or_left_as_it_was) {
  std::uint64_t repaired = 0, refused = 0;
  for (const std::uint32_t lives : {1u, 2u}) {
    short_journal journal = make_short_journal(1, lives > 1);
    const auto manifest =
        std::ranges::find_if(journal.disk.files, [](const auto& each) { return each.first.find("MANIFEST") != std::string::npos; });
    ASSERT_NE(manifest, journal.disk.files.end());
    for (std::size_t at = 0; at < manifest->second.size() && !::testing::Test::HasFailure(); ++at) {
      disk_content damaged = journal.disk;
      char& byte = damaged.files[manifest->first][at];
      byte = static_cast<char>(byte ^ 0x10);
      fault_disk disk(damaged);
      const auto done = wal::repair_journal(journal_name, disk.env.get());
      count_fault("a bad manifest repaired, or left");
      if (done) {
        ++repaired;
        const verdict found = read_all(disk.files->content(), journal, false);
        ASSERT_TRUE(found.is_whole(journal)) << "byte " << at << ": " << found.refusal << found.difference;
      } else {
        ++refused;
        disk_content after = disk.files->content();
        after.files[journal_name + "/blocks/LOCK"].clear();
        ASSERT_EQ(after.files, damaged.files) << "byte " << at << ": " << done.error().what;
        ASSERT_THAT(done.error().what, HasSubstr(manifest->first + " is damaged from byte"));
      }
    }
  }
  std::printf("%llu repaired, %llu left as they were\n", static_cast<unsigned long long>(repaired),
              static_cast<unsigned long long>(refused));
  EXPECT_GT(repaired, 5u);
  EXPECT_GT(refused, 20u);
}

// ---- files that are gone ----------------------------------------------------------------------------------------------

// At any time of a journal's life, as a kill leaves it: each of its files goes missing.
// All but the lock, and what was about to be deleted: that may go at any time.
std::map<std::string, std::string> what_counts(disk_content content) {
  std::erase_if(content.files, [](const auto& file) { return file.first.ends_with("/LOCK") || file.first.ends_with(".trash"); });
  return {content.files.begin(), content.files.end()};
}

TEST(missing_file, is_missed_at_any_time) {
  std::uint64_t runs = 0, refused = 0;
  for (const std::uint32_t parts : {1u, 2u}) {
    disk_content before = empty_disk();
    expected_entries entries;
    recorded_life life;
    for (std::uint32_t part = 0; part < parts; ++part) {
      living_journal journal(before, entries, part, 64ull << 20);
      ASSERT_TRUE(journal.open().ok());
      for (const std::uint32_t size : {2u, 1u, 3u}) {
        journal.hand_over(size % 3, {size}, 100);
        ASSERT_TRUE(journal.commit());
      }
      journal.lose_power();
      life = journal.recorded();
      before = journal.disk().files->content();
      entries = life.entries;
    }
    disk_state state(life.before);
    for (std::size_t cut = 0; cut <= life.calls.size(); ++cut) {
      if (cut > 0)
        state.apply(life.calls[cut - 1]);
      const std::uint64_t acknowledged = life.acknowledged_after(cut);
      const disk_content whole = state.as_it_is();
      for (const auto& [file, content] : whole.files) {
        if (is_told_apart_from_nothing(file) || !(file.ends_with(".log") || cut % 4 == 0))
          continue;
        disk_content damaged = whole;
        damaged.files.erase(file);
        ++runs;
        count_fault(file.ends_with(".log") ? "a log file deleted" : "another file deleted");
        fault_disk disk(damaged);
        const auto opened = wal::rocksdb_journal::open(journal_options_on(disk));
        std::uint64_t count = 0;
        const result<void> read = opened ? (*opened)->replay({1}, [&](const entry&) { return ++count > 0; }, {}) : opened.error();
        if (read) {
          ASSERT_GE(count, acknowledged) << file << " deleted after call " << cut << "\n" << last_calls(life.calls, cut);
          continue;
        }
        ++refused;
        ASSERT_THAT(read.error().what, HasSubstr(journal_name)) << file;
        // A repair keeps everything acknowledged, or changes nothing.
        fault_disk again(damaged);
        const auto repaired = wal::repair_journal(journal_name, again.env.get());
        ASSERT_TRUE(!repaired || repaired->kept.value >= acknowledged) << file;
        if (!repaired && file.ends_with(".log")) {
          EXPECT_THAT(repaired.error().what, HasSubstr("nothing was changed"));
          EXPECT_TRUE(what_counts(again.files->content()) == what_counts(damaged)) << file << " deleted after call " << cut;
        }
      }
    }
  }
  std::printf("%llu files deleted, %llu refused\n", static_cast<unsigned long long>(runs), static_cast<unsigned long long>(refused));
  EXPECT_GT(refused, 20u);
}

// ---- what is another journal's ----------------------------------------------------------------------------------------

class foreign : public ::testing::Test {
protected:
  const short_journal ours_ = make_short_journal(1), theirs_ = make_short_journal(2);

  static std::unique_ptr<wal::block_store> store_on(const fault_disk& disk) {
    auto opened = wal::block_store::open(journal_name + "/blocks", wal::block_store::mode::serve, {wal::disk(disk.env.get())});
    EXPECT_TRUE(opened.ok()) << opened.error().what;
    return std::move(*opened);
  }
  static std::map<std::uint64_t, std::string> blocks_of(const short_journal& journal) {
    std::map<std::uint64_t, std::string> blocks;
    const fault_disk disk(journal.disk);
    const auto walked = store_on(disk)->walk({1}, [&](const wal::block_store::block& each) -> result<bool> {
      blocks[each.first.value] = {reinterpret_cast<const char*>(each.bytes.data()), each.bytes.size()};
      return true;
    });
    EXPECT_TRUE(walked.ok());
    return blocks;
  }
};

TEST_F(foreign, block_in_any_place_is_named) {
  const auto blocks = blocks_of(theirs_);
  ASSERT_EQ(blocks.size(), 4u);
  for (const auto& [place, unused] : blocks)
    for (const auto& [from, block] : blocks) {
      fault_disk disk(ours_.disk);
      {
        const auto store = store_on(disk);
        store->add({place}, std::as_bytes(std::span(block)));
        ASSERT_TRUE(store->commit(true).ok());
      }
      for (const bool read_only : {true, false}) {
        const verdict found = read_all(disk.files->content(), ours_, read_only);
        ASSERT_FALSE(found.refusal.empty()) << from << " at " << place;
        EXPECT_THAT(found.refusal, ::testing::AnyOf(HasSubstr("block " + std::to_string(place)), HasSubstr("block that ends at entry"),
                                                    HasSubstr("block " + std::to_string(place + (place % 3 == 1 ? 2 : 1)))));
      }
      count_fault("a block of another journal put in");
    }
}

TEST_F(foreign, file_in_the_place_of_ours_is_refused) {
  std::size_t played = 0;
  for (const auto& [file, content] : theirs_.disk.files) {
    const auto place = ours_.disk.files.find(file); // a number may be another: RocksDB takes some in the background
    if (place == ours_.disk.files.end() || is_told_apart_from_nothing(file) || content == place->second)
      continue;
    disk_content mixed = ours_.disk;
    mixed.files[file] = content;
    for (const bool read_only : {true, false}) {
      const verdict found = read_all(mixed, ours_, read_only);
      EXPECT_FALSE(found.refusal.empty()) << file;
      EXPECT_TRUE(found.is_fine(ours_)) << found.refusal;
    }
    count_fault("a file of another journal put in");
    ++played;
  }
  EXPECT_GE(played, 2u);
}

// ---- a full disk ------------------------------------------------------------------------------------------------------

// Full at every point: the server stops, or could not start; when there is space again, everything acknowledged is there and it goes on.
TEST(full_disk, stops_the_server_and_space_lets_it_go_on) {
  std::uint64_t runs = 0, not_opened = 0, stopped = 0;
  for (const std::size_t memtable_bytes : {64ull << 20, 64ull << 10}) {
    const bool is_small = memtable_bytes > (1 << 20);
    const std::uint64_t room_max = is_small ? 16'000 : 500'000;
    for (std::uint64_t room = 0; room < room_max && !::testing::Test::HasFailure(); room += is_small ? 101 : 9'001) {
      living_journal journal(empty_disk(), {}, 1, memtable_bytes);
      journal.disk().files->set_capacity(room);
      const result<void> opened = journal.open();
      for (int i = 0; opened && i < 6 && !journal.has_stopped(); ++i) {
        journal.hand_over(0, {2, 3}, is_small ? 200 : 20'000);
        journal.commit();
      }
      if (opened && !journal.has_stopped())
        journal.stop();
      ++runs;
      not_opened += opened ? 0 : 1;
      stopped += journal.has_stopped() ? 1 : 0;
      EXPECT_THAT(!opened ? opened.error().what : journal.has_stopped() ? journal.why() : journal_name, HasSubstr(journal_name));
      journal.lose_power();
      const recorded_life life = journal.recorded();
      const found after = check_disk(journal.disk().files->content(), life.entries, journal.acknowledged(), true);
      EXPECT_EQ(after.problem, "") << "room for " << room << " bytes";
      count_fault("disk full, and space again");
    }
  }
  std::printf("%llu sizes: %llu did not open, %llu stopped\n", static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(not_opened), static_cast<unsigned long long>(stopped));
  EXPECT_GT(stopped, 20u);
  EXPECT_GT(not_opened, 20u);
}

// Whoever writes account images is told, and there is no second try behind their back.
TEST(full_disk, is_told_to_who_writes_account_images) {
  fault_disk disk(empty_disk());
  const auto opened = snapshot::image_store::open({.folder = "/disk/images", .env = disk.env.get()});
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  account_state state;
  state.status = account_status::active;
  state.merchant = 1;
  state.enrolled_seq = state.last_seq = {1};
  snapshot::image_batch batch;
  batch.add(1, "m-1", state);
  ASSERT_TRUE((*opened)->write(batch).ok());
  disk.files->set_fault({1, disk_call::kind::create, call_fault::effect::no_space, false});
  snapshot::recovery_point point;
  point.seq = {1};
  const result<void> finished = (*opened)->finish(point);
  ASSERT_FALSE(finished.ok());
  EXPECT_THAT(finished.error().what, HasSubstr("No space left on device"));
  ASSERT_THAT(disk.files->failed_call().name, HasSubstr(".sst"));
  std::this_thread::sleep_for(std::chrono::milliseconds(100)); // it would have the time
  EXPECT_FALSE((*opened)->write(batch).ok());
  const auto is_table = [](const disk_call& call) { return call.what == disk_call::kind::create && call.name.ends_with(".sst"); };
  EXPECT_TRUE(std::ranges::none_of(disk.files->history(), is_table)) << last_calls(disk.files->history(), disk.files->calls());
}

TEST(full_disk, that_is_nearly_full_is_refused_at_once) {
  fault_disk disk(empty_disk());
  disk.files->set_capacity(1 << 20);
  wal::journal_options options = journal_options_on(disk);
  options.free_bytes_min = 2 << 20;
  const auto opened = wal::rocksdb_journal::open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().what, HasSubstr("the disk is nearly full: 0 MB are left and 2 MB must be"));
}

} // namespace
} // namespace tally::fault
