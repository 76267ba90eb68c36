// Damaged journals: whatever happened to the files, opening and replaying either names it or gives exactly what was written.
#include "tests/wal/journal_fixture.hpp"
#include "wal/block_store.hpp"
#include "wal/crc32c.hpp"
#include "wal/high_water_mark.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <map>
#include <set>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

namespace {

using folder_content = std::map<fs::path, std::string>;

folder_content content_of(const fs::path& folder) {
  folder_content content;
  for (const fs::path& file : files_below(folder))
    content[file] = read_file(file);
  return content;
}

void restore(const fs::path& folder, const folder_content& content) {
  for (const fs::path& file : files_below(folder)) {
    if (!content.contains(file))
      fs::remove(file);
  }
  for (const auto& [file, bytes] : content) {
    if (!fs::exists(file) || read_file(file) != bytes)
      write_file(file, bytes);
  }
}

// What became of opening and reading a journal of entries 1..last everywhere.
struct verdict {
  bool refused = false;
  std::string what;
  std::uint64_t count = 0; // entries that read back as they were written, in replay
  bool readers_agree = false;

  bool is_whole(std::uint64_t last) const { return !refused && count == last && readers_agree; }
};

verdict examine(const fs::path& folder, bool read_only, std::uint64_t last) {
  journal_options options = options_of(folder);
  options.read_only = read_only;
  verdict found;
  const auto refuse = [&found](const failure& why) {
    found.refused = true;
    found.what = why.what;
    return found;
  };
  const auto opened = rocksdb_journal::open(options);
  if (!opened)
    return refuse(opened.error());
  if (const result<void> replayed = replay_and_compare(**opened, found.count); !replayed)
    return refuse(replayed.error());
  std::uint64_t next = 1;
  const auto reader = (*opened)->make_reader();
  const auto visited = reader->for_each(
      {1}, {last}, [&](const entry& read) { return first_difference(read, expected_entry(next).value).empty() && next++ != 0; });
  const auto newest = reader->read({last});
  if (!visited)
    return refuse(visited.error());
  if (!newest)
    return refuse(newest.error());
  found.readers_agree = next == last + 1 && first_difference(**newest, expected_entry(last).value).empty();
  return found;
}

fs::path only_log_with_content(const fs::path& folder) {
  fs::path found;
  for (const fs::path& file : files_below(folder)) {
    if (file.extension() == ".log" && fs::file_size(file) > 0) {
      EXPECT_TRUE(found.empty());
      found = file;
    }
  }
  EXPECT_FALSE(found.empty());
  return found;
}

// Entries 1..40 in a table file, 41..80 in the log.
constexpr std::uint64_t last_entry = 80;
void write_table_and_log(const fs::path& folder) {
  write_journal(folder, 1, 40, 20);
  write_journal(folder, 41, last_entry, 10);
  // The store deletes an old log on a thread of its own, which may not have come to it: the journal knows it no more.
  for (const fs::path& file : files_below(folder))
    if (file.extension() == ".trash")
      fs::remove(file);
}

// RocksDB keeps the options it was opened with in a file that it reads back only to compare, and an id that it does not use.
bool is_told_apart_from_nothing(const fs::path& file) {
  return file.filename() == "IDENTITY" || file.filename().string().starts_with("OPTIONS");
}

TEST(journal_damage, the_journal_used_here_is_whole) {
  const temp_folder folder;
  write_table_and_log(folder.path);
  ASSERT_TRUE(examine(folder.path, true, last_entry).is_whole(last_entry));
  std::size_t tables = 0;
  for (const fs::path& file : files_below(folder.path))
    tables += file.extension() == ".sst" ? 1 : 0;
  EXPECT_EQ(tables, 1u);
  only_log_with_content(folder.path);
  ASSERT_TRUE(examine(folder.path, false, last_entry).is_whole(last_entry));
}

// Every byte of every file, one bit each, as an audit sees it.
TEST(journal_damage, any_flipped_byte_is_refused_or_changes_nothing) {
  const temp_folder folder;
  write_table_and_log(folder.path);
  std::mt19937_64 random(test_seed());
  std::size_t flipped = 0, refused = 0;
  std::map<std::string, std::size_t> unnoticed;
  for (const auto& [file, good] : content_of(folder.path)) {
    const bool sparse = is_told_apart_from_nothing(file) || file.filename() == "high_water_mark";
    for (std::size_t at = 0; at < good.size(); at += sparse ? 1 + random() % 200 : 1) {
      std::string damaged = good;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
      write_file(file, damaged);
      const verdict found = examine(folder.path, true, last_entry);
      ASSERT_TRUE(found.refused || found.is_whole(last_entry)) << file << " byte " << at << ": " << found.count << " entries";
      ++flipped;
      refused += found.refused ? 1 : 0;
      if (found.refused)
        EXPECT_THAT(found.what, HasSubstr(file.extension() == ".sst" ? file.string() : folder.path.string())) << "it does not say where";
      else
        ++unnoticed[file.filename().string()];
    }
    write_file(file, good);
  }
  EXPECT_GT(refused, 3'000u);
  std::printf("%zu bytes flipped, %zu refused; read back whole all the same:", flipped, refused);
  for (const auto& [name, count] : unnoticed)
    std::printf(" %s %zu", name.c_str(), count);
  std::printf("\n");
}

// RocksDB takes some of it apart before it has looked at a checksum, and ended the process in an assertion: every bit of the last 200
// bytes, which hold the footer, the list of blocks and the end of the properties, and the top bit of those before.
TEST(journal_damage, the_end_of_a_table) {
  const temp_folder folder;
  write_table_and_log(folder.path);
  constexpr std::size_t end_bytes = 1'600; // with all properties
  constexpr std::size_t every_bit_bytes = 200;
  std::size_t flipped = 0;
  for (const auto& [file, good] : content_of(folder.path)) {
    if (file.extension() != ".sst")
      continue;
    ASSERT_GT(good.size(), end_bytes);
    for (std::size_t at = good.size() - end_bytes; at < good.size(); ++at) {
      for (int bit = at >= good.size() - every_bit_bytes ? 0 : 7; bit < 8; ++bit, ++flipped) {
        std::string damaged = good;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
        write_file(file, damaged);
        const verdict found = examine(folder.path, true, last_entry);
        ASSERT_TRUE(found.refused) << "bit " << bit << " of byte " << good.size() - at << " from the end";
        ASSERT_THAT(found.what, HasSubstr(file.string())) << "bit " << bit << " of byte " << good.size() - at << " from the end";
      }
    }
    write_file(file, good);
  }
  EXPECT_EQ(flipped, end_bytes + 7 * every_bit_bytes); // of the one table
}

// More than a bit: a sector that was never written, or somebody else's.
TEST(journal_damage, a_garbled_stretch_of_a_table_is_refused_by_name) {
  const temp_folder folder;
  write_table_and_log(folder.path);
  std::mt19937_64 random(test_seed());
  for (const auto& [file, good] : content_of(folder.path)) {
    if (file.extension() != ".sst")
      continue;
    for (int sample = 0; sample < 600; ++sample) {
      const std::size_t at = sample % 4 == 0 ? random() % good.size() : good.size() - 1 - random() % 1'600;
      const int with = static_cast<int>(random() % 3); // zeros, ones, anything
      std::string damaged = good;
      for (std::size_t i = at; i < std::min(at + 1 + random() % 600, good.size()); ++i)
        damaged[i] = static_cast<char>(with == 0 ? 0 : with == 1 ? 0xff : random());
      if (damaged == good)
        continue;
      write_file(file, damaged);
      const verdict found = examine(folder.path, true, last_entry);
      ASSERT_TRUE(found.refused) << "from byte " << at << " of " << good.size();
      ASSERT_THAT(found.what, HasSubstr(file.string())) << "from byte " << at << " of " << good.size();
    }
    write_file(file, good);
  }
}

// The same as a server sees it, which has to leave the files as they are for whoever looks into it.
TEST(journal_damage, a_flipped_byte_stops_the_server_from_opening) {
  const temp_folder folder;
  write_table_and_log(folder.path);
  const folder_content good = content_of(folder.path);
  std::mt19937_64 random(test_seed());
  std::size_t refused = 0;
  for (const auto& [file, bytes] : good) {
    if (is_told_apart_from_nothing(file))
      continue;
    for (int sample = 0; sample < 40 && !bytes.empty(); ++sample) {
      const std::size_t at = random() % bytes.size();
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
      write_file(file, damaged);
      const verdict found = examine(folder.path, false, last_entry);
      ASSERT_TRUE(found.refused || found.is_whole(last_entry)) << file << " byte " << at << ": " << found.count << " entries";
      refused += found.refused ? 1 : 0;
      if (found.refused && file.extension() == ".log") {
        EXPECT_THAT(found.what, HasSubstr(file.string() + " is damaged from byte")) << "it does not name the file";
        EXPECT_THAT(found.what, HasSubstr("tally repair " + folder.path.string()));
        EXPECT_EQ(read_file(file), damaged);
      }
      restore(folder.path, good);
    }
  }
  EXPECT_GT(refused, 80u);
}

TEST(journal_damage, a_missing_file_is_refused) {
  const temp_folder folder;
  write_table_and_log(folder.path);
  const folder_content good = content_of(folder.path);
  for (const auto& [file, bytes] : good) {
    if (is_told_apart_from_nothing(file) || bytes.empty())
      continue;
    for (const bool read_only : {true, false}) {
      fs::remove(file);
      const verdict found = examine(folder.path, read_only, last_entry);
      EXPECT_TRUE(found.refused) << file;
      EXPECT_THAT(found.what, HasSubstr(folder.path.string()));
      restore(folder.path, good);
    }
  }
  fs::remove_all(folder.path / "journal" / "blocks");
  EXPECT_TRUE(examine(folder.path, false, last_entry).refused);
}

TEST(journal_damage, files_put_back_from_yesterday_are_refused) {
  const temp_folder folder;
  write_journal(folder.path, 1, 40);
  const folder_content yesterday = content_of(folder.path);
  write_journal(folder.path, 41, last_entry);
  const folder_content today = content_of(folder.path);
  const fs::path mark = folder.path / "journal" / "high_water_mark";
  restore(folder.path, yesterday);
  write_file(mark, today.at(mark));
  const verdict found = examine(folder.path, true, last_entry);
  EXPECT_TRUE(found.refused);
  EXPECT_THAT(found.what, HasSubstr("ends at entry 40, and entries up to 80 were acknowledged"));
}

// ---- a torn end that was never acknowledged ----

class torn_end : public ::testing::Test {
protected:
  static constexpr std::uint64_t acknowledged = 100, written = 160;

  // Entries 101..160 are in the log, and the mark says 100: as after a power loss before they were acknowledged.
  void SetUp() override {
    const auto opened = rocksdb_journal::open(options_of(folder.path));
    ASSERT_TRUE(opened.ok());
    (*opened)->start(1, {});
    append_entries(**opened, 1, acknowledged, 25);
    const std::string then = read_file(mark);
    for (std::uint64_t first = acknowledged + 1; first <= written; first += 20) // a commit each
      append_entries(**opened, first, first + 19);
    (*opened)->stop();
    write_file(mark, then);
    log = only_log_with_content(folder.path);
    good = content_of(folder.path);
  }

  // The server refuses, the repair keeps all that was acknowledged, the server opens and goes on.
  void expect_repair(const std::string& damaged, const std::string& how) {
    SCOPED_TRACE(how);
    restore(folder.path, good);
    write_file(log, damaged);
    const verdict refused = examine(folder.path, false, written);
    ASSERT_TRUE(refused.refused);
    EXPECT_THAT(refused.what, HasSubstr("tally repair " + folder.path.string()));
    const auto repaired = repair_journal(folder.path / "journal");
    ASSERT_TRUE(repaired.ok()) << repaired.error().what;
    EXPECT_EQ(repaired->acknowledged.value, acknowledged);
    EXPECT_GE(repaired->kept.value, acknowledged);
    EXPECT_LT(repaired->kept.value, written);
    EXPECT_EQ((repaired->kept.value - acknowledged) % 20, 0u); // a commit is there whole or not at all
    EXPECT_GT(repaired->bytes_dropped, 0u);
    ASSERT_TRUE(examine(folder.path, false, repaired->kept.value).is_whole(repaired->kept.value));
    write_journal(folder.path, repaired->kept.value + 1, repaired->kept.value + 10);
    ASSERT_TRUE(examine(folder.path, true, repaired->kept.value + 10).is_whole(repaired->kept.value + 10));
  }

  temp_folder folder;
  fs::path mark = folder.path / "journal" / "high_water_mark";
  fs::path log;
  folder_content good;
};

TEST_F(torn_end, unharmed_it_opens_with_everything) { EXPECT_TRUE(examine(folder.path, false, written).is_whole(written)); }

TEST_F(torn_end, opens_after_the_repair) {
  std::mt19937_64 random(test_seed());
  const std::string& whole = good.at(log);
  const std::size_t last_commit = whole.size() - 1'000; // of 20 entries: beyond the mark and well inside
  for (int sample = 0; sample < 12; ++sample) {
    const std::size_t at = last_commit + random() % 999;
    expect_repair(whole.substr(0, at), "cut at " + std::to_string(at));
    std::string garbled = whole;
    for (std::size_t i = at; i < std::min(at + 40, garbled.size()); ++i)
      garbled[i] = static_cast<char>(garbled[i] ^ (1 + random() % 255));
    expect_repair(garbled, "garbled at " + std::to_string(at));
    expect_repair(whole.substr(0, at) + std::string(whole.size() - at + 5'000, '\0'), "zeros from " + std::to_string(at));
  }
}

TEST_F(torn_end, the_repair_of_a_sound_journal_changes_no_entry) {
  const auto repaired = repair_journal(folder.path / "journal");
  ASSERT_TRUE(repaired.ok()) << repaired.error().what;
  EXPECT_EQ(repaired->kept.value, written);
  EXPECT_EQ(repaired->bytes_dropped, 0u);
  EXPECT_TRUE(examine(folder.path, false, written).is_whole(written));
}

TEST_F(torn_end, the_repair_refuses_to_lose_what_was_acknowledged) {
  std::mt19937_64 random(test_seed());
  for (int sample = 0; sample < 12; ++sample) {
    restore(folder.path, good);
    std::string damaged = good.at(log);
    const std::size_t at = random() % (damaged.size() / 2); // well below the mark
    if (sample % 2 == 0)
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
    else
      damaged.resize(at);
    write_file(log, damaged);
    const folder_content before = content_of(folder.path);
    const auto repaired = repair_journal(folder.path / "journal");
    ASSERT_FALSE(repaired.ok()) << "byte " << at << ", kept " << repaired->kept.value;
    EXPECT_EQ(repaired.error().code, failure_code::corrupt);
    EXPECT_THAT(repaired.error().what, HasSubstr("nothing was changed"));
    EXPECT_EQ(content_of(folder.path), before);
  }
}

// ---- groups, some larger than a commit ----

class torn_groups : public ::testing::Test {
protected:
  static constexpr std::uint64_t acknowledged = 50, groups = 400;
  static constexpr std::uint32_t shards = 3;
  static constexpr std::size_t note_bytes = 8'000;

  // Groups of three shards, handed over as they come while the journal writes, with the mark as it was before them.
  void SetUp() override {
    const auto opened = rocksdb_journal::open(options_of(folder.path));
    ASSERT_TRUE(opened.ok());
    (*opened)->start(shards, {});
    append_entries(**opened, 1, acknowledged);
    const fs::path mark = folder.path / "journal" / "high_water_mark";
    const std::string then = read_file(mark);
    acknowledged_bytes = fs::file_size(only_log_with_content(folder.path));
    std::uint64_t next = acknowledged + 1;
    std::deque<batch> batches;
    instant at = at_of(next);
    for (std::uint64_t i = 0; i < groups; ++i) {
      const std::uint64_t size = i % 97 == 50 ? 200 : 1 + random() % 4; // 200 of them take 1.6 MB
      at = at.plus_us(static_cast<std::int64_t>(random() % 2));
      batch& ready = batches.emplace_back();
      const seq_t group{next};
      for (const std::uint64_t end = next + size; next < end; ++next)
        ready.add(entry_of(next, group, at).value);
      last_of_group.insert(next - 1);
      (*opened)->append(static_cast<std::uint32_t>(random() % shards), ready);
    }
    wait_until_durable(**opened, {next - 1});
    commits = (*opened)->timings().commits;
    (*opened)->stop();
    write_file(mark, then);
  }

  static owned_entry entry_of(std::uint64_t number, seq_t group, instant at) {
    owned_entry made = expected_entry(number);
    made.value.at = at;
    made.value.group = group;
    made.value.note = made.keep(std::string(note_bytes, static_cast<char>('a' + number % 26)));
    return made;
  }

  temp_folder folder;
  std::mt19937_64 random{test_seed()};
  std::set<std::uint64_t> last_of_group{acknowledged};
  std::uint64_t acknowledged_bytes = 0, commits = 0;
};

// A power loss keeps some beginning of the log: whatever it is, the journal ends with a whole group.
TEST_F(torn_groups, are_kept_whole_or_dropped_whole) {
  const fs::path log = only_log_with_content(folder.path);
  const folder_content good = content_of(folder.path);
  const std::string& whole = good.at(log);
  ASSERT_GT(commits, 5u);
  std::set<std::uint64_t> ends;
  for (int sample = 0; sample < 60; ++sample) {
    restore(folder.path, good);
    write_file(log, whole.substr(0, acknowledged_bytes + random() % (whole.size() - acknowledged_bytes)));
    const auto repaired = repair_journal(folder.path / "journal");
    ASSERT_TRUE(repaired.ok()) << repaired.error().what;
    ASSERT_TRUE(last_of_group.contains(repaired->kept.value)) << "entry " << repaired->kept.value << " is inside a group";
    ends.insert(repaired->kept.value);
  }
  EXPECT_GT(ends.size(), 3u); // of several commits
}

// ---- somebody who changes blocks and makes their checksums anew ----

class forged_blocks : public ::testing::Test {
protected:
  static constexpr std::uint64_t a_block = 10, blocks = 5;

  void SetUp() override {
    const auto opened = rocksdb_journal::open(options_of(folder.path));
    ASSERT_TRUE(opened.ok());
    (*opened)->start(1, {});
    for (std::uint64_t block = 0; block < blocks; ++block) // a commit each
      append_entries(**opened, block * a_block + 1, (block + 1) * a_block);
    (*opened)->stop();
  }

  // Puts a block of entries first..last with `prev_hash` in place of what is there; `at` shifts its time.
  void put_block(std::uint64_t first, std::uint64_t last, const block_hash& prev_hash, std::int64_t shift_us = 0, bool break_hash = false) {
    auto store = block_store::open(folder.path / "journal" / "blocks", block_store::mode::serve);
    ASSERT_TRUE(store.ok()) << store.error().what;
    batch content;
    for (std::uint64_t number = first; number <= last; ++number) {
      owned_entry made = make_earn(number, at_of(first).plus_us(shift_us));
      made.value.points = {1'000'000};
      content.add(made.value);
    }
    block_builder builder;
    builder.start({first}, prev_hash);
    builder.add(content.runs.front(), content.records);
    block_hash hash;
    auto built = builder.finish(hash);
    bytes block(built.begin(), built.end());
    if (break_hash)
      forge_checksum(block);
    (*store)->add({first}, block);
    ASSERT_TRUE((*store)->commit(true).ok());
  }

  // Changes an entry of the block and makes only its checksum anew.
  static void forge_checksum(bytes& block) {
    block[block_header_bytes + 20] ^= std::byte{1};
    const auto all = std::span<const std::byte>(block);
    const std::uint32_t crc = crc32c(all.subspan(block_header_bytes), crc32c(all.first(block_header_bytes - sizeof crc)));
    std::memcpy(block.data() + block_header_bytes - sizeof crc, &crc, sizeof crc);
  }

  block_hash hash_of_block(std::uint64_t first) {
    auto store = block_store::open(folder.path / "journal" / "blocks", block_store::mode::read_only);
    std::string content;
    EXPECT_TRUE((*store)->find({first}, content).ok());
    return read_block_header(std::as_bytes(std::span(content)))->hash;
  }
  void expect_replay_to_say(const std::string& text) {
    const verdict found = examine(folder.path, true, a_block * blocks);
    EXPECT_TRUE(found.refused);
    EXPECT_THAT(found.what, HasSubstr(text));
  }

  temp_folder folder;
};

TEST_F(forged_blocks, with_a_checksum_are_found_by_their_hash) {
  put_block(21, 30, hash_of_block(11), 0, true);
  expect_replay_to_say("block 21: its hash does not match");
}

TEST_F(forged_blocks, with_a_hash_are_found_by_the_next_block) {
  put_block(21, 30, hash_of_block(11));
  const auto opened = rocksdb_journal::open(options_of(folder.path));
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  const auto replayed = (*opened)->replay({1}, [](const entry&) { return true; }, {});
  ASSERT_FALSE(replayed.ok());
  EXPECT_THAT(replayed.error().what, HasSubstr("block 31: does not carry the hash of the block before it"));
  const auto reader = (*opened)->make_reader();
  EXPECT_FALSE(reader->for_each({25}, {35}, [](const entry&) { return true; }).ok());
}

TEST_F(forged_blocks, at_the_end_are_found_by_the_high_water_mark) {
  put_block(41, 50, hash_of_block(31));
  expect_replay_to_say("the block that ends at entry 50 is not the one that was acknowledged");
}

TEST_F(forged_blocks, that_leave_a_gap_are_found) {
  put_block(21, 28, hash_of_block(11));
  const auto opened = rocksdb_journal::open(options_of(folder.path));
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  const auto replayed = (*opened)->replay({1}, [](const entry&) { return true; }, {});
  ASSERT_FALSE(replayed.ok());
  EXPECT_THAT(replayed.error().what, HasSubstr("entry 29 should come before it and is missing"));
  const auto reader = (*opened)->make_reader();
  EXPECT_THAT(reader->read({30}).error().what, HasSubstr("entry 30 is missing"));
}

TEST_F(forged_blocks, that_go_back_in_time_are_found) {
  put_block(51, 60, hash_of_block(41), -1'000'000);
  const auto opened = rocksdb_journal::open(options_of(folder.path));
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  const auto replayed = (*opened)->replay({1}, [](const entry&) { return true; }, {});
  ASSERT_FALSE(replayed.ok());
  EXPECT_THAT(replayed.error().what, HasSubstr("block 51: is older than the block before it"));
}

} // namespace
