// Where blocks lie: a RocksDB database with one key a block (its first seq, big endian). The only file that knows RocksDB is
// its .cpp. What is in a block, and whether it is the right one, is the callers' business. Reads go on in the archive
// (wal/segment_archive.hpp) where the store begins late.
#pragma once

#include "wal/block.hpp"
#include "wal/disk.hpp"

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tally::wal {

// Lifecycle: open, then add and commit from one thread, drop from one other; find and walk from any thread, at any time.
//
// Who only reads holds a lock on the folder, together with others who do; while somebody has it, no table is deleted.
class block_store {
public:
  enum class mode {
    create,           // the folder is new
    serve,            // refuses anything damaged but a last record that was cut short
    read_only,        // the same, writes nothing; waits where tables are being deleted just now
    repair,           // keeps what is before the first damage in the log, drops what is after it
    repair_read_only, // shows what `repair` would keep
  };
  struct block {
    seq_t first; // as the key says
    std::span<const std::byte> bytes;
  };

  struct options {
    disk on;
    std::size_t memtable_bytes = 64ull << 20; // what is in the log at most, before it goes to a table
  };

  // `locked` if another process serves it, `corrupt` if it is damaged; both say what and where.
  static result<std::unique_ptr<block_store>> open(const std::filesystem::path& folder, mode how, const options& with);
  static result<std::unique_ptr<block_store>> open(const std::filesystem::path& folder, mode how) { return open(folder, how, options()); }
  // `locked` if another process serves it.
  static result<void> check_unlocked(const std::filesystem::path& folder, const disk& on = {});
  ~block_store();

  // Adds a block to the next commit. The bytes are copied.
  void add(seq_t first, std::span<const std::byte> block);
  // Writes what was added, all of it or nothing; with `sync` it is on disk then.
  result<void> commit(bool sync);

  // Copies the block in which `number` must lie, if it exists: the last one whose first seq is not above it. Tells its first seq;
  // nullopt if there is none. Nothing of it is verified yet.
  result<std::optional<seq_t>> find(seq_t number, std::string& out) const;

  // Visits blocks in order, beginning with the one in which `from` must lie, until `visit` says false or fails.
  result<void> walk(seq_t from, const std::function<result<bool>(const block&)>& visit) const;

  // Where the store itself begins; nullopt if it has no block.
  result<std::optional<seq_t>> first() const;
  enum class dropped {
    all,
    nothing,     // somebody reads, and may need what would go
    interrupted, // by `stopping`: what begins before is not read any more, and takes space until it is dropped again
  };
  // Deletes for good what begins before `kept`, evenly, and returns when it is gone. Who calls it has made sure that it is archived.
  result<dropped> drop_before(seq_t kept, std::atomic<bool>& stopping);
  // Wakes a drop that waits for a compaction, once `stopping` is set; there is none afterwards. From any thread.
  void interrupt_drops();
  // Whether another process reads just now.
  bool is_being_read() const;
  // While a handover (wal/handover.hpp) lies there no compaction deletes what readers may have open: it was perhaps begun, and waits for
  // them to go. This ends that; a drop that comes to its end does it, too.
  result<void> resume_compactions();

private:
  struct impl;
  explicit block_store(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace tally::wal
