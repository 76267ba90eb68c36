// What ends the process: a disk that refuses, a disk that is nearly full, SIGKILL. After each of them everything that was
// acknowledged is there.
#include "tests/wal/journal_fixture.hpp"
#include "wal/archive.hpp"
#include "wal/disk.hpp"
#include "wal/handover.hpp"
#include "wal/process_end.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

namespace {

constexpr const char* folder_variable = "TALLY_TEST_DEATH_FOLDER";

// The statement of a death test runs in a new process, which begins the test anew: both must use the same folder.
class journal_stop : public ::testing::Test {
protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    if (const char* parents = std::getenv(folder_variable); parents != nullptr) {
      folder = parents;
      return;
    }
    own_folder.emplace();
    folder = own_folder->path;
    ::setenv(folder_variable, folder.c_str(), 1);
  }
  void TearDown() override {
    if (own_folder)
      ::unsetenv(folder_variable);
  }

  fs::path acknowledged_file() const { return folder / "acknowledged"; }
  std::uint64_t acknowledged() const { return std::strtoull(read_file(acknowledged_file()).c_str(), nullptr, 10); }

  // Appends until something ends the process; notes down outside the journal how far it was told to be durable.
  void append_until_the_end(const journal_options& options, const std::function<void()>& after_start,
                            const std::function<void(seq_t)>& on_durable) {
    const auto opened = rocksdb_journal::open(options);
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().what.c_str());
      return;
    }
    (*opened)->start(1, [&](seq_t durable) {
      write_file(acknowledged_file(), std::to_string(durable.value));
      on_durable(durable);
    });
    after_start();
    std::deque<batch> batches(64);
    std::uint64_t number = 1;
    for (std::size_t turn = 0; number < 2'000'000; ++turn) {
      batch& ready = batches[turn % batches.size()];
      while ((*opened)->durable_seq() < ready.last_seq)
        std::this_thread::yield();
      ready.clear();
      for (int i = 0; i < 50; ++i)
        ready.add(expected_entry(number++).value);
      (*opened)->append(0, ready);
    }
  }

  // Whatever is there reads back as it was written, and it is at least what was acknowledged.
  void expect_nothing_lost(bool may_need_repair) {
    auto opened = rocksdb_journal::open(options_of(folder));
    if (!opened && may_need_repair) {
      const auto repaired = repair_journal(folder / "journal");
      ASSERT_TRUE(repaired.ok()) << repaired.error().what;
      EXPECT_GE(repaired->kept.value, acknowledged());
      opened = rocksdb_journal::open(options_of(folder));
    }
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    std::uint64_t count = 0;
    const result<void> replayed = replay_and_compare(**opened, count);
    ASSERT_TRUE(replayed.ok()) << replayed.error().what;
    EXPECT_GT(acknowledged(), 0u);
    EXPECT_GE(count, acknowledged());
    EXPECT_EQ(count % 50, 0u); // no batch is half there
  }

  std::optional<temp_folder> own_folder;
  fs::path folder;
};

constexpr auto nothing = [] {};
constexpr auto nothing_more = [](seq_t) {};

TEST_F(journal_stop, by_sigkill_loses_nothing_acknowledged) {
  const auto kill_after_some = [](seq_t durable) {
    if (durable.value > 5'000)
      ::raise(SIGKILL);
  };
  EXPECT_EXIT(append_until_the_end(options_of(folder), nothing, kill_after_some), ::testing::KilledBySignal(SIGKILL), "");
  expect_nothing_lost(false);
}

// The log may not grow past 300 KB: the write that would is refused, as by a disk that fails.
TEST_F(journal_stop, by_a_refused_write_says_so_and_loses_nothing_acknowledged) {
  const auto limit_files = [] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{300'000, 300'000};
    ::setrlimit(RLIMIT_FSIZE, &small);
  };
  EXPECT_EXIT(append_until_the_end(options_of(folder), limit_files, nothing_more), ::testing::ExitedWithCode(journal_failure_exit_status),
              "the journal cannot go on and the server stops: writing in .*File too large(.|\n)*up to entry [0-9]+, is on disk");
  expect_nothing_lost(true);
}

// What is left of a table when the store gives up its old part is written again, and the disk refuses.
TEST_F(journal_stop, by_a_failed_deletion_of_what_is_archived) {
  if (!fs::exists(folder / "journal")) { // not in the new process
    write_journal(folder, 1, 8'000);
    archive_options how;
    how.folder = folder / "copy";
    how.before_seq = seq_t{2'000};
    fs::create_directory(how.folder);
    fs::copy(folder / "journal", how.folder / "journal", fs::copy_options::recursive);
    const auto moved = archive_journal(how);
    ASSERT_TRUE(moved.ok()) << moved.error().what;
    fs::copy(how.folder / "journal" / "archive", folder / "journal" / "archive", fs::copy_options::recursive);
    const auto segment = segment_reader::open(folder / "journal" / "archive" / segment_name({1}, moved->archived));
    ASSERT_TRUE(segment.ok()) << segment.error().what;
    ASSERT_TRUE(handover_file({folder / "journal"}).write({moved->archived.plus(1), segment->info().hash}).ok());
  }
  const auto serve_on_a_small_disk = [this] {
    const auto opened = rocksdb_journal::open(options_of(folder));
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{64 << 10, 64 << 10};
    ::setrlimit(RLIMIT_FSIZE, &small);
    if (opened)
      (*opened)->start(1, {});
    std::this_thread::sleep_for(std::chrono::seconds(60));
  };
  EXPECT_EXIT(serve_on_a_small_disk(), ::testing::ExitedWithCode(journal_failure_exit_status),
              "the journal cannot go on and the server stops: deleting in .*(.|\n)*up to entry 8000, is on disk");
  auto opened = rocksdb_journal::open(options_of(folder));
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  std::uint64_t count = 0;
  ASSERT_TRUE(replay_and_compare(**opened, count).ok());
  EXPECT_EQ(count, 8'000u);
}

// Somebody else fills the disk.
TEST_F(journal_stop, by_a_disk_that_becomes_nearly_full_says_so_and_loses_nothing_acknowledged) {
  constexpr std::uint64_t ballast_bytes = 2ull << 30;
  const auto left = disk().free_bytes(folder);
  ASSERT_TRUE(left.ok());
  if (*left < 2 * ballast_bytes)
    GTEST_SKIP() << "there is not enough space here to waste";
  journal_options options = options_of(folder);
  options.free_bytes_min = *left - ballast_bytes / 2;
  const auto fill_disk = [this] {
    const int ballast = ::open((folder / "ballast").c_str(), O_WRONLY | O_CREAT, 0600);
    ::posix_fallocate(ballast, 0, ballast_bytes);
    ::close(ballast);
  };
  EXPECT_EXIT(append_until_the_end(options, fill_disk, nothing_more), ::testing::ExitedWithCode(journal_failure_exit_status),
              "the server stops: the disk of .* is nearly full: [0-9]+ MB are left and [0-9]+ MB must be");
  expect_nothing_lost(false);
}

TEST(free_space, a_disk_that_is_nearly_full_is_refused_at_once) {
  const temp_folder folder;
  journal_options options = options_of(folder.path);
  options.free_bytes_min = 1ull << 60;
  const auto opened = rocksdb_journal::open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, failure_code::io);
  EXPECT_THAT(opened.error().what, HasSubstr("nearly full"));
}

} // namespace
