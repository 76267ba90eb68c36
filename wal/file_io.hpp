// Files that are written once: whole and on disk, or not there at all; and what it takes to read and to delete them without holding up
// whoever else uses the disk. What is in them is the callers' business.
#pragma once

#include "engine/result.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tally::wal {

// An open file; closes it.
class file_handle {
public:
  file_handle() = default;
  explicit file_handle(int number) : number_(number) {}
  file_handle(file_handle&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  file_handle& operator=(file_handle&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~file_handle();
  int number() const { return number_; }

private:
  int number_ = -1;
};

// `missing` if there is no such file.
result<file_handle> open_to_read(const std::filesystem::path& file);
result<std::uint64_t> size_of(const file_handle& file, const std::filesystem::path& name);
// Fills `out` from `offset`; `corrupt` if the file ends before that.
result<void> read_exactly(const file_handle& file, const std::filesystem::path& name, std::uint64_t offset, std::span<std::byte> out);
// A file of at most `bytes_max`, all of it.
result<std::string> read_text(const std::filesystem::path& file, std::size_t bytes_max);

result<void> sync_folder(const std::filesystem::path& folder);
// Makes it and the folders above it where they are missing, on disk when it returns.
result<void> make_folders(const std::filesystem::path& folder);
// The file has this text afterwards, on disk, or the one that it had before.
result<void> replace_file(const std::filesystem::path& file, std::string_view text);
// Cut off step by step, then unlinked: unlinking a large file at once blocks every sync of the disk for a while.
result<void> remove_in_steps(const std::filesystem::path& file);

// Nobody else who asks may have the folder while this lives; those who only read may have it together. `locked` if somebody has it,
// `missing` if there is none.
enum class folder_use : bool { read, write };
result<file_handle> lock_folder(const std::filesystem::path& folder, folder_use use);

// Keeps work at a rate. One thread.
class pacer {
public:
  // 0: as fast as it goes.
  explicit pacer(std::uint64_t bytes_per_second = 0) : bytes_per_second_(bytes_per_second) {}
  // Sleeps until so many more bytes may have been worked.
  void spend(std::uint64_t bytes);

private:
  std::uint64_t bytes_per_second_;
  std::chrono::steady_clock::time_point free_at_{};
};

// Writes a new file in even steps, under a name with ".new" at its end until it is whole and synced. Lifecycle: begin, append, finish; one
// that is not finished is removed. One thread.
class new_file {
public:
  // Readable by others only if `is_public`.
  static result<new_file> begin(const std::filesystem::path& file, pacer& pace, bool is_public = true);
  new_file(new_file&& other) noexcept;
  new_file& operator=(new_file&&) = delete;
  ~new_file();

  result<void> append(std::span<const std::byte> bytes);
  result<void> append(std::string_view bytes) { return append(std::as_bytes(std::span(bytes))); }
  std::uint64_t size() const { return size_; }
  // Synced, then renamed to `file`, then the folder synced.
  result<void> finish_as(const std::filesystem::path& file);

private:
  new_file(file_handle handle, std::filesystem::path unfinished, pacer& pace);
  result<void> write_buffer();

  file_handle handle_;
  std::filesystem::path unfinished_; // empty: nothing to remove
  pacer* pace_;
  std::string buffer_;
  std::uint64_t size_ = 0;   // with what is in the buffer
  std::uint64_t synced_ = 0; // bytes
};

} // namespace tally::wal
