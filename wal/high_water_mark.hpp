// The newest acknowledged seq, kept in a file of its own outside the store: a log file that was deleted opens as an
// empty database in every recovery mode, and only this tells that something is missing.
// docs/formats/high_water_mark.md.
#pragma once

#include "engine/result.hpp"
#include "wal/block.hpp"
#include "wal/disk.hpp"

#include <filesystem>

namespace tally::wal {

// Lifecycle: create once, open, then advance after each synced write (a plain write: it survives SIGKILL), sync now and then
// (it survives power loss, a little behind; it is never ahead of the journal). Not thread-safe: the journal thread's.
class high_water_mark {
public:
  // Makes the file, with a mark of 0, or nothing of it.
  static result<void> create(const std::filesystem::path& file, const disk& on = {});
  // `missing` if there is no such file, `corrupt` if nothing in it verifies.
  static result<high_water_mark> open(const std::filesystem::path& file, bool read_only, const disk& on = {});

  seq_t newest() const { return newest_; }
  const block_hash& hash() const { return hash_; } // of the block that ends at newest
  result<void> advance(seq_t newest, const block_hash& hash);
  result<void> sync();

private:
  high_water_mark() = default;
  disk_file file_;
  std::size_t newest_slot_ = 0;
  seq_t newest_;
  block_hash hash_{};
};

} // namespace tally::wal
