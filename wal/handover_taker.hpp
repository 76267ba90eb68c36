// Takes up what `tally archive` asks for while a journal is served (wal/handover.hpp): looks for a request, checks it, and lets the store
// give the space back while it goes on. A request that it does not come to the end of waits for the next start.
#pragma once

#include "wal/block_store.hpp"
#include "wal/file_io.hpp"
#include "wal/handover.hpp"
#include "wal/rocksdb_journal.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace tally::wal {

// Lifecycle: made (the thread starts), stop.
class handover_taker {
public:
  handover_taker(const journal_options& options, block_store& store, std::function<seq_t()> durable);
  ~handover_taker();
  handover_taker(const handover_taker&) = delete;
  handover_taker& operator=(const handover_taker&) = delete;

  void stop(); // soon, in the middle of a request, too; again: nothing

private:
  void run();
  // When to look again; nullopt: never.
  std::optional<std::chrono::milliseconds> look();
  bool answer(const result<void>& given) const;

  const journal_options options_;
  block_store& store_;
  const std::function<seq_t()> durable_;
  const archive_location where_;
  const handover_file request_;
  pacer pace_;

  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

} // namespace tally::wal
