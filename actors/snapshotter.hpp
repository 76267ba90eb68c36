// Writes account images and moves the recovery point: incremental, fuzzy, never a pause.
//
// A round: S is what is durable now. Each shard takes images of what has changed until then, a few at a time between its operations
// (actors/shard_images.hpp), and hands each batch over once the journal has everything the batch shows. When all of them are stored and
// on disk, every account's image holds its entries up to S at least: S is the new recovery point.
//
// It also reminds shards of accounts on disk that have something due soon.
#pragma once

#include "actors/shard_images.hpp"
#include "engine/result.hpp"
#include "snapshot/image_store.hpp"
#include "wal/journal.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

namespace tally::actors {

struct ledger_parts;

struct snapshot_figures {
  std::uint64_t rounds = 0; // finished
  std::uint64_t images = 0; // stored
  std::uint64_t image_bytes = 0;
  seq_t point;
};

// Lifecycle: made by the ledger, started with it; stopped when no shard runs any more, then `finish` once. A failed write ends the process.
// Thread: everything from any, but where it says otherwise.
class snapshotter {
public:
  snapshotter(ledger_parts& parts, std::chrono::milliseconds every);
  ~snapshotter();
  snapshotter(const snapshotter&) = delete;
  snapshotter& operator=(const snapshotter&) = delete;

  void start();
  void stop();
  // Instead of `start`, again and again: what its thread would do now, on the caller's. For ledgers whose actors are stepped.
  void turn();
  // A round shall begin, soon.
  void ask();
  // With everything durable and nobody running: what is left is stored, and the recovery point is the journal's end.
  void finish();

  // Waits until a round that began after the call has been finished. Not from a shard's thread.
  void snapshot_now();

  // What a shard took: durable already. From the shards' threads.
  void take(std::uint32_t shard, snapshot::image_batch images, std::vector<shard_images::pictured> accounts);
  // A shard has taken everything of this round.
  struct shard_round_end {
    std::vector<snapshot::review_record> open_reviews; // all of them durable
    instant earliest_due;                              // in its timers when the round began: all that was due before is done
  };
  void shard_is_done(shard_round_end end);
  // Has so many of the accounts in memory that it was reminded of.
  void shard_knows(std::size_t reminders);

  // How far ahead a shard keeps what falls due; later times are reminded of.
  instant timer_horizon(instant now) const;
  snapshot_figures figures() const;

private:
  using clock = std::chrono::steady_clock;

  struct handed_over {
    std::uint32_t shard;
    snapshot::image_batch images;
    std::vector<shard_images::pictured> accounts;
  };
  // What a recovery point says besides the accounts; gathered when its round begins.
  struct round {
    seq_t known_until; // everything the point names is durable once this is
    snapshot::recovery_point point;
  };

  clock::time_point wakes_at() const; // with mutex_ held
  bool may_finish() const;            // the same: everything of the round is stored
  bool has_finished() const;          // the same: its point is on disk
  void turn(std::unique_lock<std::mutex>& held);
  void run();
  void remind();
  void begin_round();
  void skip_round();
  void write(handed_over batch);
  void finish_round();
  void end_round();
  std::vector<snapshot::merchant_record> merchants_until(seq_t point) const;

  ledger_parts& parts_;
  const std::chrono::milliseconds every_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<handed_over> queue_;
  std::uint64_t batches_taken_ = 0, batches_written_ = 0;
  std::uint64_t round_ends_with_ = 0; // the newest batch that has something of the round
  std::size_t shards_left_ = 0;
  std::vector<snapshot::review_record> reviews_;
  instant due_done_;               // what was due before is done
  std::size_t reminders_left_ = 0; // that shards have not dealt with
  bool asked_ = false;
  bool stopping_ = false;
  std::uint64_t rounds_begun_ = 0, rounds_finished_ = 0;
  snapshot_figures figures_;

  bool in_round_ = false;
  bool is_finished_ = false; // the round at hand: its point is on disk

  // the snapshotter's own thread
  clock::time_point next_round_, next_reminder_;
  round round_;
  std::future<void> finishing_; // the round at hand
  instant reminded_until_{std::numeric_limits<std::int64_t>::min()};
  std::thread thread_;
};

} // namespace tally::actors
