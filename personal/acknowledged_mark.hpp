// How far the personal data was acknowledged, in a file beside RocksDB's: from its own log alone nobody can tell an end that was torn by a
// power loss from acknowledged changes that went bad. docs/formats/personal.md.
#pragma once

#include "engine/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

namespace rocksdb {
class Env;
class FSRandomRWFile;
} // namespace rocksdb

namespace tally::personal {

// Lifecycle: open, then raise. Not thread-safe.
class acknowledged_mark {
public:
  // Makes the file if it is missing.
  static result<acknowledged_mark> open(rocksdb::Env& env, const std::filesystem::path& file);
  acknowledged_mark(acknowledged_mark&&) noexcept;
  acknowledged_mark& operator=(acknowledged_mark&&) noexcept;
  ~acknowledged_mark();

  // RocksDB's sequence number of the last change that was acknowledged, or of one before it; nullopt: not known.
  std::optional<std::uint64_t> newest() const { return newest_; }
  // Everything up to there is on disk. Not synced: one that a power loss took back is right, too.
  result<void> raise(std::uint64_t sequence);
  // From now on it is known, whatever happens.
  result<void> sync();

private:
  acknowledged_mark();

  std::filesystem::path path_;
  std::unique_ptr<rocksdb::FSRandomRWFile> file_;
  std::optional<std::uint64_t> newest_;
  std::size_t turn_ = 0; // the slot to be written
};

} // namespace tally::personal
