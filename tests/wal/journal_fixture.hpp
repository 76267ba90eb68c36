// A journal in a folder of its own that goes away with the test, and ways to fill it.
#pragma once

#include "tests/wal/entries.hpp"
#include "wal/rocksdb_journal.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <memory>
#include <string>

namespace tally::wal::testing {

class temp_folder {
public:
  temp_folder();
  ~temp_folder();
  temp_folder(const temp_folder&) = delete;
  temp_folder& operator=(const temp_folder&) = delete;

  std::filesystem::path path;
};

inline constexpr instant first_at{1'767'225'600'000'000}; // 2026-01-01

// The time of the entry of that number: three entries a microsecond.
inline instant at_of(std::uint64_t number) { return first_at.plus_us(static_cast<std::int64_t>(number / 3)); }

// What the journal holds at `number` in these tests.
inline owned_entry expected_entry(std::uint64_t number) { return make_earn(number, at_of(number)); }

inline journal_options options_of(const std::filesystem::path& folder) {
  journal_options options;
  options.folder = folder / "journal";
  options.free_bytes_min = 1 << 20;
  options.spin_us = 0;
  return options;
}

// Waits until `durable_seq` has come so far; fails the test after some seconds.
void wait_until_durable(const journal& written, seq_t number);

// Appends entries first..last of `expected_entry` from one shard, `per_batch` a batch; returns when they are durable.
void append_entries(journal& to, std::uint64_t first, std::uint64_t last, std::uint64_t per_batch = 100);

// Opens, appends, stops and closes.
void write_journal(const std::filesystem::path& folder, std::uint64_t first, std::uint64_t last, std::uint64_t per_batch = 100);

// Replays and compares everything with `expected_entry`. `count` gets the number of entries that were equal.
result<void> replay_and_compare(journal& opened, std::uint64_t& count);

// Every file below `folder`.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder);
std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, const std::string& content);

} // namespace tally::wal::testing
