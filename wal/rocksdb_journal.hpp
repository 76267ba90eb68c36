// The journal on RocksDB: one key per block (first seq, big endian), group commit by load, hash chain, high-water mark
// outside RocksDB. What was found about RocksDB 7.8 and shaped the options: docs/decisions/.
#pragma once

#include "wal/journal.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace rocksdb {
class Env;
}

namespace tally::wal {

struct journal_options {
  std::filesystem::path folder;                // DIR/journal, made if missing
  bool read_only = false;                      // audits: opens beside nothing, writes nothing
  bool sync = true;                            // false only for measuring what the disk costs
  std::uint64_t free_bytes_min = 256ull << 20; // below this the journal refuses early (stops the server)
  std::uint32_t spin_us = 100;                 // how long the idle journal thread looks for work before it sleeps
  rocksdb::Env* env = nullptr;                 // the file system everything lies on; null: the machine's
  std::size_t memtable_bytes = 64ull << 20;    // what a log file holds before it goes to a table
  // Called on the thread that would end the process, for tests that play many such ends; must not return.
  std::function<void(const failure&)> instead_of_stopping;
};

// Nanoseconds the journal thread has spent per stage, for docs/benchmarks.md and the metrics.
struct journal_timings {
  std::uint64_t blocks = 0, entries = 0, commits = 0, bytes = 0;
  std::uint64_t build_ns = 0, hash_ns = 0, write_ns = 0;
};

class rocksdb_journal : public journal {
public:
  // `locked`: another server has the folder. `corrupt` names file and what `tally repair` would do.
  static result<std::unique_ptr<rocksdb_journal>> open(const journal_options& options);
  virtual journal_timings timings() const = 0;
  // `replay` that shows each block, verified, before its entries; false ends it. The bytes live until the next block. Without `visit`
  // no entry is decoded, and no merchant's name learned: that is left to who reads the blocks.
  using block_visitor = std::function<bool(const block_header&, std::span<const std::byte> block)>;
  virtual result<void> replay_blocks(seq_t from, const block_visitor& each_block, const journal_reader::visitor& visit,
                                     const std::function<void(seq_t)>& progress) = 0;
};

// The journal of a data folder, for who only reads. `missing`: it is not a data folder.
result<std::unique_ptr<rocksdb_journal>> open_journal_read_only(const std::filesystem::path& data_folder);

// What `tally repair DIR` found and did: drops a torn tail that was never acknowledged. `corrupt` if anything at or below
// the high-water mark would be lost: then nothing is changed.
struct repair_report {
  seq_t acknowledged; // the high-water mark
  seq_t kept;         // newest entry that is there and verifies
  std::uint64_t bytes_dropped = 0;
};
result<repair_report> repair_journal(const std::filesystem::path& folder, rocksdb::Env* env = nullptr);

} // namespace tally::wal
