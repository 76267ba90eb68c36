#include "tests/wal/journal_fixture.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

namespace tally::wal::testing {

namespace fs = std::filesystem;

temp_folder::temp_folder() {
  std::string pattern = (fs::temp_directory_path() / "tally-wal-XXXXXX").string();
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  path = pattern;
}

temp_folder::~temp_folder() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

void wait_until_durable(const journal& written, seq_t number) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (written.durable_seq() < number) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline)
        << "only " << written.durable_seq().value << " of " << number.value << " are durable";
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

void append_entries(journal& to, std::uint64_t first, std::uint64_t last, std::uint64_t per_batch) {
  std::deque<batch> batches;
  for (std::uint64_t number = first; number <= last; ++number) {
    if ((number - first) % per_batch == 0) {
      if (!batches.empty())
        to.append(0, batches.back());
      batches.emplace_back();
    }
    batches.back().add(expected_entry(number).value);
  }
  to.append(0, batches.back());
  wait_until_durable(to, {last});
}

void write_journal(const fs::path& folder, std::uint64_t first, std::uint64_t last, std::uint64_t per_batch) {
  auto opened = rocksdb_journal::open(options_of(folder));
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  (*opened)->start(1, {});
  append_entries(**opened, first, last, per_batch);
  (*opened)->stop();
}

result<void> replay_and_compare(journal& opened, std::uint64_t& count) {
  count = 0;
  std::string difference;
  const auto compare = [&](const entry& read) {
    difference = read.seq.value == count + 1 ? first_difference(read, expected_entry(read.seq.value).value) : "seq";
    count += difference.empty() ? 1 : 0;
    return difference.empty();
  };
  result<void> replayed = opened.replay({1}, compare, {});
  EXPECT_EQ(difference, "") << "entry " << count + 1 << " was read back wrong";
  return replayed;
}

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& at : fs::recursive_directory_iterator(folder)) {
    if (at.is_regular_file())
      files.push_back(at.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_file(const fs::path& file, const std::string& content) {
  // In place where it keeps its size: replacing a file by way of an empty one makes ext4 write it out at once.
  const bool keeps_size = fs::exists(file) && fs::file_size(file) == content.size();
  std::ofstream out(file, keeps_size ? std::ios::binary | std::ios::in | std::ios::out : std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  ASSERT_TRUE(out.good()) << file;
}

} // namespace tally::wal::testing
