// The journal: the whole ledger in one order. An interface of append, read and durable_seq; the RocksDB one is in
// wal/rocksdb_journal.hpp, a replicated one will stand beside it.
#pragma once

#include "engine/result.hpp"
#include "wal/batch.hpp"
#include "wal/block.hpp"

#include <functional>
#include <memory>
#include <span>

namespace tally::wal {

struct digest {
  seq_t newest; // 0 in an empty journal
  block_hash hash{};
};

// Reads entries back. One per thread. Entries and their views live until the reader's next call.
class journal_reader {
public:
  using visitor = std::function<bool(const entry&)>; // false ends the walk

  virtual ~journal_reader() = default;
  // The entry of that number; `missing` if there is none (yet).
  virtual result<const entry*> read(seq_t number) = 0;
  // The whole group that begins at `first`. (A group is decided together: consecutive seqs, one time, one run of a batch. It is of one
  // account; that of a transfer ends with the receiver's entry.)
  virtual result<std::span<const entry>> read_group(seq_t first) = 0;
  // Entries from `from` to `to`, both in, in order. Every block touched is verified (checksum and hash).
  virtual result<void> for_each(seq_t from, seq_t to, const visitor& visit) = 0;
  // One account backwards from its entry `newest`, along prev_seq.
  virtual result<void> for_each_back(seq_t newest, const visitor& visit) = 0;
};

// Lifecycle: open (recover reads with `replay`), then start, append from the shards' threads, stop.
class journal {
public:
  virtual ~journal() = default;

  // Reads the whole journal from `from` in order, on the calling thread, and checks that it is complete: no gap in seq, every
  // hash, and nothing missing below the high-water mark. `progress` is called now and then with the seq reached.
  virtual result<void> replay(seq_t from, const journal_reader::visitor& visit, const std::function<void(seq_t)>& progress) = 0;

  // Starts the journal thread. `on_durable` is called on it after every synced write; it must not block.
  virtual void start(std::uint32_t shard_count, std::function<void(seq_t durable)> on_durable) = 0;
  // Hands over what shard `shard` has ready. From that shard's thread only; never blocks.
  virtual void append(std::uint32_t shard, const batch& ready) = 0;
  // Every entry up to here is on disk. From any thread.
  virtual seq_t durable_seq() const = 0;
  virtual digest newest_digest() const = 0;
  // Whether the journal has `noted`, which was its newest digest once: `corrupt` says how it differs. Before `start`.
  virtual result<void> must_hold(const digest& noted) const = 0;
  virtual std::unique_ptr<journal_reader> make_reader() = 0;
  // Readers fill in `entry.merchant_id` from the names told here. `replay` tells those it comes across; whoever appends the first
  // `enroll` or `program` entry of a new merchant tells its name before. Of a number never told, the name stays empty. From any thread.
  virtual void learn_merchant(merchant_number number, std::string_view name) = 0;
  // Writes what was handed over, syncs, ends the thread. A failed write or sync ends the process instead.
  virtual void stop() = 0;
};

} // namespace tally::wal
