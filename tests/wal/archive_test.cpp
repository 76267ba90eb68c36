// The archive: what was moved is read as if it still lay in the store, and what is missing or damaged is named where it is needed.
#include "wal/archive.hpp"

#include "tests/wal/journal_fixture.hpp"
#include "wal/segment_archive.hpp"

#include <gmock/gmock.h>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t entries = 8'000;

class archive : public ::testing::Test {
protected:
  void SetUp() override { write_journal(folder.path, 1, entries); }

  archive_options options(std::optional<std::uint64_t> before = {}) const {
    archive_options made;
    made.folder = folder.path;
    made.segment_bytes = 64 << 10;
    if (before)
      made.before_seq = seq_t{*before};
    return made;
  }
  archive_report move(const archive_options& how) const {
    const auto moved = archive_journal(how);
    EXPECT_TRUE(moved.ok()) << moved.error().what;
    return moved ? *moved : archive_report{};
  }
  std::unique_ptr<rocksdb_journal> open(bool read_only = false) const {
    journal_options how = options_of(folder.path);
    how.read_only = read_only;
    auto opened = rocksdb_journal::open(how);
    EXPECT_TRUE(opened.ok()) << opened.error().what;
    return opened ? std::move(*opened) : nullptr;
  }
  // By replay, by number and backwards.
  void expect_everything(std::uint64_t last = entries) const {
    for (const bool read_only : {true, false}) {
      const auto opened = open(read_only);
      ASSERT_NE(opened, nullptr);
      std::uint64_t count = 0;
      const auto replayed = replay_and_compare(*opened, count);
      ASSERT_TRUE(replayed.ok()) << replayed.error().what;
      EXPECT_EQ(count, last);
      const auto reader = opened->make_reader();
      for (std::uint64_t number = 1; number <= last; number += number % 37 + 1) {
        const auto read = reader->read({number});
        ASSERT_TRUE(read.ok()) << read.error().what;
        EXPECT_EQ(first_difference(**read, expected_entry(number).value), "");
      }
      std::uint64_t seen = 0;
      const auto walked = reader->for_each({last / 2}, {last}, [&](const entry&) { return ++seen > 0; });
      ASSERT_TRUE(walked.ok()) << walked.error().what;
      EXPECT_EQ(seen, last - last / 2 + 1);
    }
  }
  fs::path segment(std::size_t place) const {
    const auto there = segments_in(folder.path / "journal" / "archive");
    EXPECT_TRUE(there.ok() && place < there->size());
    return folder.path / "journal" / "archive" / segment_name((*there)[place].first, (*there)[place].last);
  }
  std::uint64_t store_bytes() const {
    std::uint64_t bytes = 0;
    for (const fs::path& file : files_below(folder.path / "journal" / "blocks"))
      bytes += fs::file_size(file);
    return bytes;
  }

  temp_folder folder;
};

TEST_F(archive, is_read_as_if_it_lay_in_the_store) {
  const std::uint64_t bytes_before = store_bytes();
  const archive_report moved = move(options(6'000));
  EXPECT_GT(moved.segments, 2u);
  EXPECT_GT(moved.archived.value, 5'000u);
  EXPECT_LT(moved.archived.value, 6'000u);
  EXPECT_EQ(moved.entries, moved.archived.value);
  EXPECT_LT(store_bytes(), bytes_before / 2); // the space comes back
  expect_everything();
  write_journal(folder.path, entries + 1, entries + 500); // and the journal goes on
  expect_everything(entries + 500);
}

TEST_F(archive, takes_whole_segments_unless_told_otherwise) {
  const archive_report moved = move(options());
  EXPECT_GT(moved.segments, 3u);
  for (std::size_t place = 0; place < moved.segments; ++place)
    EXPECT_GE(fs::file_size(segment(place)), 64u << 10);
  const archive_report again = move(options());
  EXPECT_EQ(again.segments, 0u);
  EXPECT_EQ(again.archived, moved.archived);
  expect_everything();
}

TEST_F(archive, goes_on_where_it_ended) {
  seq_t before;
  for (std::uint64_t until = 1'000; until <= entries; until += 1'000) {
    const archive_report moved = move(options(until));
    EXPECT_GT(moved.archived, before);
    EXPECT_EQ(moved.entries, moved.archived.value - before.value);
    before = moved.archived;
  }
  expect_everything();
}

TEST_F(archive, leaves_the_newest_block) {
  const archive_report moved = move(options(entries * 2));
  EXPECT_LT(moved.archived.value, entries);
  expect_everything();
  write_journal(folder.path, entries + 1, entries + 50);
  expect_everything(entries + 50);
}

TEST_F(archive, before_a_time) {
  archive_options how = options();
  how.before_time = at_of(4'000);
  const archive_report moved = move(how);
  EXPECT_LT(at_of(moved.archived.value), at_of(4'000));
  EXPECT_GT(moved.archived.value, 3'000u);
  expect_everything();
}

TEST_F(archive, that_lies_elsewhere_is_found_and_can_be_moved) {
  archive_options how = options(3'000);
  how.to = folder.path / "slow-disk";
  EXPECT_EQ(move(how).folder, how.to);
  expect_everything();
  EXPECT_EQ(move(options(4'000)).folder, how.to); // it stays there
  expect_everything();

  how = options(5'000);
  how.to = folder.path / "wrong";
  const auto refused = archive_journal(how);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, failure_code::bad_argument);
  EXPECT_THAT(refused.error().what, HasSubstr("slow-disk, and " + how.to.string() + " does not have all of it"));
  EXPECT_FALSE(fs::exists(how.to));

  fs::rename(folder.path / "slow-disk", folder.path / "elsewhere");
  const auto lost = archive_journal(options(5'000));
  ASSERT_FALSE(lost.ok());
  EXPECT_THAT(lost.error().what, HasSubstr("slow-disk"));
  how.to = folder.path / "elsewhere";
  EXPECT_GT(move(how).segments, 0u);
  expect_everything();

  for (const fs::path& file : files_below(folder.path / "elsewhere"))
    fs::rename(file, folder.path / "journal" / "archive" / file.filename());
  how.to = folder.path / "journal" / "archive" / "";
  move(how);
  EXPECT_FALSE(fs::exists(folder.path / "journal" / "archive" / "location"));
  expect_everything();
}

TEST_F(archive, whose_segment_is_missing_is_named_where_it_is_needed) {
  move(options(6'000));
  const fs::path lost = segment(1);
  const auto range = *read_segment_name(lost.filename().string());
  fs::rename(lost, folder.path / "lost");
  const auto opened = open();
  ASSERT_NE(opened, nullptr); // what is there is served
  const auto reader = opened->make_reader();
  EXPECT_TRUE(reader->read({entries}).ok());
  EXPECT_TRUE(reader->read({1}).ok());
  const auto read = reader->read(range.first);
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().what, HasSubstr(lost.filename().string()));
  std::uint64_t count = 0;
  const auto replayed = opened->replay({1},
                                       [&](const entry&) {
                                         ++count;
                                         return true;
                                       },
                                       {});
  ASSERT_FALSE(replayed.ok());
  EXPECT_EQ(count, range.first.value - 1);
  EXPECT_THAT(replayed.error().what, HasSubstr("entries " + std::to_string(range.first.value) + " to " + std::to_string(range.last.value)));
}

TEST_F(archive, that_is_damaged_is_named) {
  move(options(6'000));
  const fs::path damaged = segment(1);
  const std::string whole = read_file(damaged);
  for (std::size_t at = 0; at < whole.size(); at += 1'009) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    write_file(damaged, changed);
    const auto opened = open(true);
    ASSERT_NE(opened, nullptr);
    const auto replayed = opened->replay({1}, [](const entry&) { return true; }, {});
    ASSERT_FALSE(replayed.ok()) << at;
    EXPECT_EQ(replayed.error().code, failure_code::corrupt);
    EXPECT_THAT(replayed.error().what, HasSubstr(damaged.string()));
  }
}

// The same entries in other blocks: each segment is sound by itself.
TEST_F(archive, with_a_segment_of_another_journal_is_refused) {
  move(options(6'000));
  const temp_folder other;
  write_journal(other.path, 1, entries, 7);
  archive_options how = options(6'000);
  how.folder = other.path;
  move(how);
  const fs::path here = segment(0);
  fs::path theirs;
  for (const fs::path& file : files_below(other.path / "journal" / "archive"))
    if (theirs.empty())
      theirs = file;
  fs::remove(here);
  fs::copy(theirs, here.parent_path() / theirs.filename());
  const auto opened = open(true);
  ASSERT_NE(opened, nullptr);
  EXPECT_FALSE(opened->make_reader()->read({1}).ok() && theirs.filename() == here.filename());
  EXPECT_FALSE(opened->replay({1}, [](const entry&) { return true; }, {}).ok());
}

// Killed after the segments were written and before the store forgot them.
TEST_F(archive, takes_up_what_a_killed_run_left) {
  const temp_folder copy;
  fs::copy(folder.path / "journal", copy.path / "journal", fs::copy_options::recursive);
  const archive_report moved = move(options(6'000));
  fs::copy(folder.path / "journal" / "archive", copy.path / "journal" / "archive", fs::copy_options::recursive);
  write_file(copy.path / "journal" / "archive" / "segment.new", "half");
  archive_options how = options(6'000);
  how.folder = copy.path;
  const archive_report taken = move(how);
  EXPECT_EQ(taken.archived, moved.archived);
  EXPECT_FALSE(fs::exists(copy.path / "journal" / "archive" / "segment.new"));
}

// Never deletes what it did not write.
TEST_F(archive, into_the_folder_of_another_archive_is_refused) {
  const temp_folder other;
  write_journal(other.path, 1, entries, 7);
  archive_options how = options(6'000);
  how.to = folder.path / "shared";
  move(how);
  const auto before = files_below(how.to);
  how.folder = other.path;
  const auto refused = archive_journal(how);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().what, HasSubstr("is not of this journal"));
  EXPECT_EQ(files_below(how.to), before);
  expect_everything();
}

TEST_F(archive, is_repaired_with_the_rest) {
  move(options(6'000));
  const auto repaired = repair_journal(folder.path / "journal");
  ASSERT_TRUE(repaired.ok()) << repaired.error().what;
  EXPECT_EQ(repaired->kept.value, entries);
  expect_everything();
}

TEST_F(archive, location_that_cannot_be_is_named) {
  move(options(6'000));
  for (const char* text :
       {"", "tallystick archive 1\n", "tallystick archive 1\nrelative\n", "tallystick archive 1\n/a\n/b\n", "tallystick archive 2\n/a\n"}) {
    write_file(folder.path / "journal" / "archive" / "location", text);
    const auto opened = open(true);
    ASSERT_NE(opened, nullptr);
    const auto read = opened->make_reader()->read({1});
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.error().what, HasSubstr("location does not say where the archive is"));
  }
}

TEST(archive_of, what_is_no_data_folder) {
  const temp_folder folder;
  archive_options how;
  how.folder = folder.path;
  const auto moved = archive_journal(how);
  ASSERT_FALSE(moved.ok());
  EXPECT_EQ(moved.error().code, failure_code::missing);
  EXPECT_TRUE(files_below(folder.path).empty());
}

} // namespace
