// One shard: a thread that owns a part of the accounts and everything they need, shared with nobody.
//
// A turn: poll the port (decode and submit), drain the inbox (other shards, other CAF actors), fire what is due, hand the
// turn's entries to the journal, let durable answers go. Nothing on this way takes a lock.
//
// Lifecycle: made by `ledger`, filled by recovery on the caller's thread, then `run` on its own thread until stopped.
// Thread: everything on the shard's thread except where it says otherwise.
#pragma once

#include "actors/port.hpp"
#include "wal/batch.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace tally::actors {

class ledger;
class shard_core;
struct ledger_parts;

class shard {
public:
  static constexpr std::size_t stage_size = 64; // operations decoded, prefetched and decided together

  shard(ledger_parts& parts, std::uint32_t index);
  ~shard();
  shard(const shard&) = delete;
  shard& operator=(const shard&) = delete;

  std::uint32_t index() const { return index_; }

  // Operations of one connection must be submitted in its order. Answers come through the port, in the same order for one
  // account; those of accounts of other shards and of reads of the journal come later, in any order. At most stage_size.
  // Operations that are not one account's alone, or whose account is not known yet, must be submitted alone, when everything else
  // of the connection has been answered to the port, and nothing after them before their own answer: `goes_alone` tells.
  void submit(std::span<const request> requests);
  static bool goes_alone(const command& asked);
  // Whether the port should submit nothing new for the moment: there are too many accounts in memory, and some are on their way to disk. In
  // `poll`; what is submitted all the same is taken.
  bool is_full() const;
  // Whether the port wants `durable` as soon as anything becomes durable, also while nothing of its own waits for it. For tails: `tail`
  // answers one piece (document::entries, up to the entry document::seq), and the port asks for the next one from there.
  void follow(bool follows);

  void run(port& world);
  // One turn of `run`, for whoever drives several shards on one thread (tests). May sleep in `world.poll` until `sleep_until`, but
  // only when there is nothing else to do.
  void turn(port& world, std::chrono::steady_clock::time_point sleep_until);
  // Ends `run` once everything decided is durable and answered. From any thread.
  void stop();

  // What is inside; for the other files of actors/.
  shard_core& core() { return *core_; }

private:
  std::unique_ptr<shard_core> core_;
  std::uint32_t index_;
};

} // namespace tally::actors
