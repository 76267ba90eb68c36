// The files of a journal that are not inside the store, on the file system that the store is on: the machine's, or one of the
// caller's (tests/fault). What is in them is the callers' business.
#pragma once

#include "engine/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace rocksdb {
class Env;
class FSRandomAccessFile;
class FSRandomRWFile;
} // namespace rocksdb

namespace tally::wal {

// One open file. Not thread-safe.
class disk_file {
public:
  disk_file();
  disk_file(disk_file&&) noexcept;
  disk_file& operator=(disk_file&&) noexcept;
  ~disk_file();

  // How many bytes there are; fewer than asked for only at the end of the file.
  result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) const;
  result<void> write(std::uint64_t offset, std::span<const std::byte> content);
  result<void> sync();

private:
  friend class disk;
  std::filesystem::path path_;
  std::unique_ptr<rocksdb::FSRandomAccessFile> reads_; // of a file opened to read
  std::unique_ptr<rocksdb::FSRandomRWFile> writes_;    // of one opened to write, too
};

// A value: copies mean the same file system. Failures name the file.
class disk {
public:
  // Null: the machine's file system. Another one outlives everything that was opened on it.
  disk(rocksdb::Env* env = nullptr);

  rocksdb::Env* env() const { return env_; } // never null
  bool is_the_machines() const;

  result<bool> exists(const std::filesystem::path& file) const;
  // In the order of their names; none where there is no such folder.
  result<std::vector<std::filesystem::path>> files_in(const std::filesystem::path& folder, const char* extension) const;
  // With the folders above it, each of them on disk when this returns.
  result<void> make_folder(const std::filesystem::path& folder) const;
  // Makes the file, or replaces it: with all of its content, on disk, or not at all.
  result<void> put(const std::filesystem::path& file, std::span<const std::byte> content) const;
  result<std::vector<std::byte>> read_all(const std::filesystem::path& file) const;
  result<void> remove(const std::filesystem::path& file) const; // not synced
  // What was made, renamed or removed in the folder is on disk.
  result<void> sync_folder(const std::filesystem::path& folder) const;
  // `missing` if there is no such file.
  result<disk_file> open(const std::filesystem::path& file, bool read_only) const;
  // Cuts the file off; on disk when this returns.
  result<void> cut(const std::filesystem::path& file, std::uint64_t bytes) const;
  result<std::uint64_t> size(const std::filesystem::path& file) const;
  // What the file system has left for us.
  result<std::uint64_t> free_bytes(const std::filesystem::path& folder) const;

private:
  rocksdb::Env* env_;
};

} // namespace tally::wal
