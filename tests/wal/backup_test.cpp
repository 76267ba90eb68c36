// Backup and restore: what is copied comes back as it was, a part of it ends between two groups, and nothing damaged or foreign is taken.
#include "wal/backup.hpp"

#include "tests/wal/journal_fixture.hpp"
#include "wal/restore.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <map>
#include <thread>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t small_segment = 64 << 10;

class backup : public ::testing::Test {
protected:
  backup_options options() const {
    backup_options made;
    made.folder = folder.path / "data";
    made.destination = folder.path / "dest";
    made.segment_bytes = small_segment;
    made.now = first_at;
    made.copy_personal = [](const fs::path&) -> result<bool> { return false; };
    return made;
  }
  backup_report back_up_now() const {
    const auto made = back_up(options());
    EXPECT_TRUE(made.ok()) << made.error().what;
    return made ? *made : backup_report{};
  }
  restore_options restoring(const std::string& name = "new") const {
    restore_options made;
    made.backup = folder.path / "dest";
    made.folder = folder.path / name;
    made.each_enrolment = [](const entry&) {};
    return made;
  }
  void expect_entries(const std::string& name, std::uint64_t last) const {
    journal_options reading = options_of(folder.path / name);
    const auto opened = rocksdb_journal::open(reading);
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    EXPECT_EQ((*opened)->durable_seq().value, last);
    std::uint64_t count = 0;
    const auto replayed = replay_and_compare(**opened, count);
    ASSERT_TRUE(replayed.ok()) << replayed.error().what;
    EXPECT_EQ(count, last);
  }
  std::map<std::string, std::string> contents(const fs::path& of) const {
    std::map<std::string, std::string> found;
    for (const fs::path& file : files_below(of))
      found[file.filename().string()] = read_file(file);
    return found;
  }
  void write(std::uint64_t first, std::uint64_t last, std::uint64_t per_batch = 100) const {
    write_journal(folder.path / "data", first, last, per_batch);
  }

  temp_folder folder;
};

TEST_F(backup, comes_back_as_it_was) {
  write(1, 8'000);
  const backup_report made = back_up_now();
  EXPECT_EQ(made.entries_added, 8'000u);
  EXPECT_GT(made.segments, 3u);
  const auto restored = restore(restoring());
  ASSERT_TRUE(restored.ok()) << restored.error().what;
  EXPECT_FALSE(restored->is_prefix);
  EXPECT_EQ(restored->newest.hash, made.sealed.hash);
  expect_entries("new", 8'000);
  write_journal(folder.path / "new", 8'001, 8'100); // and it goes on
  expect_entries("new", 8'100);
}

TEST_F(backup, adds_only_what_is_new) {
  write(1, 8'000);
  const backup_report first = back_up_now();
  const auto before = contents(folder.path / "dest");
  write(8'001, 9'000);
  const backup_report second = back_up_now();
  EXPECT_EQ(second.entries_added, 1'000u);
  EXPECT_LT(second.bytes_written, first.bytes_written / 2);
  const auto after = contents(folder.path / "dest");
  std::size_t kept = 0;
  for (const auto& [name, content] : before)
    kept += after.contains(name) && name != "manifest" && after.at(name) == content ? 1 : 0;
  EXPECT_GE(kept + 1, first.segments); // but for a small last one
  const backup_report third = back_up_now();
  EXPECT_EQ(third.entries_added, 0u);
  EXPECT_EQ(third.bytes_written, 0u);
  ASSERT_TRUE(restore(restoring()).ok());
  expect_entries("new", 9'000);
}

// Many small runs do not leave many small files.
TEST_F(backup, small_runs_share_segments) {
  for (std::uint64_t run = 0; run < 20; ++run) {
    write(run * 200 + 1, run * 200 + 200);
    back_up_now();
  }
  const backup_report made = back_up_now();
  EXPECT_LE(made.segments, 20u * 200 * 80 / (small_segment / 4) + 1);
  ASSERT_TRUE(restore(restoring()).ok());
  expect_entries("new", 4'000);
}

TEST_F(backup, of_an_empty_journal) {
  { ASSERT_TRUE(rocksdb_journal::open(options_of(folder.path / "data")).ok()); }
  EXPECT_EQ(back_up_now().sealed.newest.value, 0u);
  const auto restored = restore(restoring());
  ASSERT_TRUE(restored.ok()) << restored.error().what;
  expect_entries("new", 0);
}

TEST_F(backup, while_the_journal_grows) {
  write(1, 100);
  auto opened = rocksdb_journal::open(options_of(folder.path / "data"));
  ASSERT_TRUE(opened.ok());
  (*opened)->start(1, {});
  std::thread writer([&] { append_entries(**opened, 101, 60'000, 50); });
  seq_t before;
  for (int run = 0; run < 8; ++run) {
    const seq_t durable = (*opened)->durable_seq();
    const auto made = back_up(options());
    ASSERT_TRUE(made.ok()) << made.error().what;
    EXPECT_GE(made->sealed.newest.value, durable.value); // all that was acknowledged
    EXPECT_GE(made->sealed.newest, before);
    before = made->sealed.newest;
    const std::string name = "new" + std::to_string(run);
    ASSERT_TRUE(restore(restoring(name)).ok());
    expect_entries(name, before.value);
  }
  writer.join();
  (*opened)->stop();
}

TEST_F(backup, of_another_journal_is_refused) {
  write(1, 500);
  back_up_now();
  backup_options others = options();
  others.folder = folder.path / "other";
  write_journal(others.folder, 1, 900, 7); // the same entries in other blocks: another chain
  const auto before = contents(folder.path / "dest");
  auto made = back_up(others);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, failure_code::bad_argument);
  EXPECT_THAT(made.error().what, HasSubstr("dest is the backup of another journal: its entry 500"));
  EXPECT_EQ(contents(folder.path / "dest"), before);

  others.folder = folder.path / "shorter";
  write_journal(others.folder, 1, 100);
  made = back_up(others);
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().what, HasSubstr("goes up to entry 500, and the one in"));
}

TEST_F(backup, into_a_folder_of_something_else_is_refused) {
  write(1, 10);
  fs::create_directories(folder.path / "dest");
  write_file(folder.path / "dest" / "holiday.jpg", "x");
  const auto made = back_up(options());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, failure_code::bad_argument);
  EXPECT_THAT(made.error().what, HasSubstr("holiday.jpg"));
}

TEST_F(backup, whose_segment_is_missing_is_not_added_to) {
  write(1, 8'000);
  back_up_now();
  const auto manifest = read_backup_manifest(folder.path / "dest");
  ASSERT_TRUE(manifest.ok());
  const fs::path lost = folder.path / "dest" / segment_name(manifest->segments[1].first, manifest->segments[1].last);
  fs::remove(lost);
  write(8'001, 8'010);
  const auto made = back_up(options());
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().what, HasSubstr(lost.string() + " is missing"));
  const auto restored = restore(restoring());
  ASSERT_FALSE(restored.ok());
  EXPECT_EQ(restored.error().code, failure_code::corrupt);
  EXPECT_THAT(restored.error().what, HasSubstr(lost.filename().string()));
}

// A run that was killed before its manifest: what it wrote is taken, if it is what would be written.
TEST_F(backup, takes_up_what_a_killed_run_left) {
  write(1, 8'000);
  back_up_now();
  const auto whole = contents(folder.path / "dest");
  fs::remove(folder.path / "dest" / "manifest");
  const fs::path last = [&] { return files_below(folder.path / "dest").back(); }();
  write_file(last, read_file(last).substr(0, 1000)); // as nothing but a bad disk leaves it
  write_file(folder.path / "dest" / "segment.new", "half");
  const backup_report made = back_up_now();
  EXPECT_LT(made.bytes_written, 2 * small_segment);
  EXPECT_EQ(contents(folder.path / "dest"), whole);
}

TEST_F(backup, each_flipped_byte_is_found) {
  write(1, 400);
  back_up_now();
  for (const fs::path& file : files_below(folder.path / "dest")) {
    const std::string whole = read_file(file);
    for (std::size_t at = 0; at<whole.size(); at += whole.size()> 2000 ? 61 : 1) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ 0x20);
      write_file(file, changed);
      const auto verified = verify_backup(folder.path / "dest", {});
      ASSERT_FALSE(verified.ok()) << file << " byte " << at;
      EXPECT_THAT(verified.error().what, HasSubstr("dest"));
    }
    write_file(file, whole);
  }
  EXPECT_TRUE(verify_backup(folder.path / "dest", {}).ok());
}

// Groups of one, two and three entries in runs and blocks of all kinds; each point of the journal is asked for.
TEST_F(backup, restored_until_an_entry_ends_with_a_whole_group) {
  std::vector<std::uint64_t> ends{0};
  {
    auto opened = rocksdb_journal::open(options_of(folder.path / "data"));
    ASSERT_TRUE(opened.ok());
    (*opened)->start(1, {});
    std::uint64_t number = 1;
    std::deque<batch> batches;
    for (int turn = 0; turn < 12; ++turn) {
      batch& ready = batches.emplace_back();
      for (int group = 0; group <= turn % 4; ++group) {
        const std::uint64_t first = number;
        for (std::uint64_t k = 0; k < 1 + (first + static_cast<std::uint64_t>(turn)) % 3; ++k) {
          owned_entry one = make_earn(number++, first_at.plus_us(turn * 10));
          one.value.group = {first};
          ready.add(one.value);
        }
        ends.push_back(number - 1);
      }
      (*opened)->append(0, ready);
      if (turn % 3 == 0)
        wait_until_durable(**opened, {number - 1});
    }
    wait_until_durable(**opened, {number - 1});
    (*opened)->stop();
  }
  back_up_now();
  for (std::uint64_t until = 0; until <= ends.back() + 1; ++until) {
    restore_options asked = restoring("until-" + std::to_string(until));
    asked.until_seq = seq_t{until};
    const auto restored = restore(asked);
    const std::uint64_t expected = *(std::ranges::upper_bound(ends, until) - 1);
    if (expected == 0 || until > ends.back()) {
      ASSERT_FALSE(restored.ok()) << until;
      EXPECT_EQ(restored.error().code, failure_code::bad_argument);
      continue;
    }
    ASSERT_TRUE(restored.ok()) << restored.error().what;
    EXPECT_EQ(restored->newest.newest.value, expected);
    EXPECT_EQ(restored->entries_left_out, until - expected);
    EXPECT_EQ(restored->is_prefix, expected != ends.back());
    auto opened = rocksdb_journal::open(options_of(asked.folder));
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    std::uint64_t last = 0;
    const auto replayed = (*opened)->replay({1},
                                            [&](const entry& one) {
                                              last = one.seq.value;
                                              return true;
                                            },
                                            {});
    ASSERT_TRUE(replayed.ok()) << replayed.error().what;
    EXPECT_EQ(last, expected);
  }
}

TEST_F(backup, restored_until_a_time_has_all_of_that_time) {
  write(1, 3'000, 10); // three entries a microsecond
  back_up_now();
  for (const std::uint64_t number : {1u, 2u, 3u, 4u, 100u, 1'499u, 2'998u, 3'000u}) {
    restore_options asked = restoring("at-" + std::to_string(number));
    asked.until_time = at_of(number);
    const auto restored = restore(asked);
    ASSERT_TRUE(restored.ok()) << restored.error().what;
    std::uint64_t expected = number;
    while (expected < 3'000 && at_of(expected + 1) == at_of(number))
      ++expected;
    expect_entries("at-" + std::to_string(number), expected);
  }
  restore_options early = restoring("early");
  early.until_time = first_at.plus_us(-1);
  EXPECT_FALSE(restore(early).ok());
  restore_options late = restoring("late");
  late.until_time = first_at.plus_us(1'000'000);
  const auto restored = restore(late);
  ASSERT_TRUE(restored.ok());
  EXPECT_FALSE(restored->is_prefix);
}

TEST_F(backup, is_one_process_business_and_is_read_by_many) {
  write(1, 10);
  back_up_now();
  {
    const auto reading = lock_folder(folder.path / "dest", folder_use::read);
    ASSERT_TRUE(reading.ok());
    EXPECT_TRUE(restore(restoring()).ok());
    const auto made = back_up(options());
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code, failure_code::locked);
  }
  const auto writing = lock_folder(folder.path / "dest", folder_use::write);
  ASSERT_TRUE(writing.ok());
  const auto restored = restore(restoring("another"));
  ASSERT_FALSE(restored.ok());
  EXPECT_EQ(restored.error().code, failure_code::locked);
  EXPECT_THAT(restored.error().what, HasSubstr("another process is at work in " + (folder.path / "dest").string()));
}

TEST_F(backup, is_restored_into_a_new_folder_only) {
  write(1, 10);
  back_up_now();
  fs::create_directories(folder.path / "new");
  write_file(folder.path / "new" / "notes", "x");
  const auto restored = restore(restoring());
  ASSERT_FALSE(restored.ok());
  EXPECT_EQ(restored.error().code, failure_code::bad_argument);
  EXPECT_THAT(restored.error().what, HasSubstr("new is not empty (there is notes)"));
  const auto served = restore(restoring("data"));
  ASSERT_FALSE(served.ok());
  expect_entries("data", 10);
}

TEST_F(backup, that_was_half_restored_is_served_by_nobody_and_restored_again) {
  write(1, 100);
  back_up_now();
  fs::create_directories(folder.path / "new" / "restoring" / "journal");
  const auto opened = rocksdb_journal::open(options_of(folder.path / "new"));
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().what, HasSubstr("a restore was not finished"));
  ASSERT_TRUE(restore(restoring()).ok());
  expect_entries("new", 100);
}

TEST_F(backup, manifest_is_read_back) {
  backup_manifest made;
  made.number = 7;
  made.made_at = first_at;
  segment_info one;
  one.first = {1};
  one.last = {9};
  one.hash.fill(std::byte{0x5a});
  one.blocks = 2;
  one.bytes = 1000;
  one.first_at = one.last_at = first_at;
  made.segments.push_back(one);
  made.sealed = {{9}, one.hash};
  made.personal = backup_manifest::other_file{"personal-7", 65, one.hash};
  const std::string text = encode(made);
  const std::string zeros(64, '0'), hash = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
  EXPECT_EQ(text, "tallystick backup 1\n"
                  "run 7 2026-01-01T00:00:00Z\n"
                  "segment 1 9 1000 2 1767225600000000 1767225600000000 " +
                      zeros + " " + hash +
                      "\n"
                      "personal personal-7 65 " +
                      hash +
                      "\n"
                      "digest 9 " +
                      hash +
                      "\n"
                      "checksum 629fdd89b25e775cbe735ee990be0eee243b8a8c1bf7207f2f746654184918df\n");
  const auto read = decode_backup_manifest(text);
  ASSERT_TRUE(read.ok()) << read.error().what;
  EXPECT_EQ(encode(*read), text);
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(decode_backup_manifest(text.substr(0, size)).ok()) << size;
  made.sealed.newest = {10};
  EXPECT_FALSE(decode_backup_manifest(encode(made)).ok());
}

} // namespace
