// What needs several shards at once: shard 0 does it while every other shard stands still. Moving the test clock is one such
// job (actors/clock_advance.hpp), a transfer between accounts of two shards another (actors/shard_transfers.cpp).
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

namespace tally::actors {

class shard_core;

// While its shard is parked, a job may touch that shard's accounts, timers, batches and journal reader; its thread only waits
// for the end. What a job adds to the batch of a shard is handed over by that shard when it goes on.
// Thread: shard 0's, except `ask`.
class standstill {
public:
  using job = std::function<void(shard_core& home)>;

  // Sends the job to shard 0. From any shard's thread. Jobs of one shard are done in the order they were asked for.
  static void ask(shard_core& here, job what);
  // One more shard stands still.
  void parked(shard_core& home);

private:
  void add(shard_core& home, job what);
  void begin(shard_core& home);
  void finish(shard_core& home);

  std::deque<job> jobs_;
  std::size_t parked_ = 0;
  bool stopping_ = false; // the others were asked to park
};

} // namespace tally::actors
