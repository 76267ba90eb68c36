// Where a shard meets the world: sockets in production (net/), a script in tests.
#pragma once

#include "actors/document.hpp"
#include "engine/command.hpp"
#include "engine/outcome.hpp"

#include <chrono>
#include <memory>
#include <span>

namespace tally::actors {

class shard;

// Who waits for an answer; the port's own words, handed back with it. `connection` must not be reused while answers to it are
// outstanding.
struct reply_to {
  std::uint32_t connection = 0;
  std::uint64_t id = 0; // of the operation
};

// One decoded operation on its way into the ledger. Strings of the command live until `submit` returns: what has to
// wait or move to another shard is copied by the shard.
struct request {
  tally::command command;
  reply_to from;
};

// One per shard; everything but `wake` is called on the shard's thread.
class port {
public:
  virtual ~port() = default;

  // Looks at what has arrived and calls `owner.submit` with it, in batches, unless `owner.is_full()`. Returns when there is nothing more to
  // do for now; with `wait_until` in the future it may first sleep until something arrives, somebody calls wake, or that time.
  virtual void poll(shard& owner, std::chrono::steady_clock::time_point wait_until) = 0;
  // Ends a sleep in `poll`. From any thread.
  virtual void wake() = 0;

  // The answer of one operation. It may leave the process only once durable(seq) with seq >= release_at was called.
  virtual void answer(const reply_to& to, const outcome& answer, seq_t release_at) = 0;
  virtual void answer(const reply_to& to, std::unique_ptr<document> answer, seq_t release_at) = 0;
  // Everything up to `durable` is on disk: let those answers go.
  virtual void durable(seq_t durable) = 0;
};

} // namespace tally::actors
