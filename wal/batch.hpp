// What a shard hands to the journal at the end of a turn: encoded entries in runs of consecutive seqs and equal time.
// The shard owns the batch all the time; the journal only reads it. Once durable_seq >= last_seq the shard may use it
// again. Until then the shard can read its own not yet durable entries back out of it.
#pragma once

#include "wal/entry_codec.hpp"

namespace tally::wal {

// Entries first .. first+count-1, all stamped `at`, whose records start at `offset` of the batch's bytes.
struct run {
  seq_t first;
  std::uint32_t count = 0;
  std::uint32_t offset = 0;
  instant at;
};

struct batch {
  bytes records;
  std::vector<run> runs; // by rising seq; other shards' seqs may lie between two runs
  seq_t last_seq;

  bool empty() const { return runs.empty(); }
  void clear();

  // Encodes `entry` at the end; seqs must rise from call to call. A group, of one account or two, is added without a gap, stamped
  // alike and to one batch.
  void add(const entry& entry);
};

} // namespace tally::wal
