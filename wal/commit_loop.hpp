// The journal thread: takes what all shards have ready, makes blocks of it, writes and syncs them together, publishes how
// far the journal is on disk. The next commit fills while the last one syncs, so its size follows the load by itself.
#pragma once

#include "wal/block_store.hpp"
#include "wal/high_water_mark.hpp"
#include "wal/rocksdb_journal.hpp"
#include "wal/run_merger.hpp"
#include "wal/sleeper.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace tally::wal {

// Lifecycle: made (the thread starts), append from the shards' threads, stop.
class commit_loop {
public:
  // Continues after `newest`. The mark is this thread's, and it alone adds to the store, until `stop` has returned.
  commit_loop(const journal_options& options, block_store& store, high_water_mark& mark, const digest& newest, std::uint32_t shard_count,
              std::function<void(seq_t durable)> on_durable);
  ~commit_loop();
  commit_loop(const commit_loop&) = delete;
  commit_loop& operator=(const commit_loop&) = delete;

  void append(std::uint32_t shard, const batch& ready);
  void stop(); // writes what was handed over; again: nothing
  seq_t durable_seq() const { return durable_.load(std::memory_order_acquire); }
  digest newest_digest() const;
  journal_timings timings() const;

private:
  using clock = std::chrono::steady_clock;

  void run();
  bool commit_what_is_ready();
  void gather();
  void add_to_blocks(const run_merger::piece& piece);
  void finish_block();
  void write();
  void publish();
  void check_free_space();
  void sync_mark();
  void wait_for_work();
  [[noreturn]] void stop_the_process(const failure& why) const;

  const journal_options options_;
  block_store& store_;
  high_water_mark& mark_;
  const std::function<void(seq_t)> on_durable_;
  const bool may_spin_;

  run_merger merger_;
  sleeper sleeper_;
  std::atomic<bool> stopping_ = false;

  // the commit being made; journal thread
  block_builder builder_;
  digest newest_;                     // of the last finished block
  std::size_t commit_bytes_ = 0;      // of its finished blocks
  std::uint64_t bytes_unchecked_ = 0; // written since the free space was looked at
  clock::time_point space_checked_at_, mark_synced_at_;
  bool mark_is_synced_ = true;

  // published
  alignas(64) std::atomic<seq_t> durable_;
  mutable std::mutex digest_mutex_;
  digest durable_digest_;
  struct {
    std::atomic<std::uint64_t> blocks = 0, entries = 0, commits = 0, bytes = 0, build_ns = 0, hash_ns = 0, write_ns = 0;
  } spent_;

  std::thread thread_;
};

} // namespace tally::wal
