// advance_clock: moves the test clock to an instant, with everything that falls due on the way fired in the order of its
// time, over all shards. Shard 0 does it while the others stand still.
#pragma once

#include "actors/shard_messages.hpp"
#include "engine/instant.hpp"

#include <deque>

namespace tally::actors {

class shard_core;
struct staged;

// The operation, at the shard that it came to: checked, then sent to shard 0.
void advance_clock(shard_core& here, const staged& operation);

// Thread: shard 0's. While every other shard is parked it may touch their accounts and timers.
class clock_advancer {
public:
  void ask(shard_core& home, instant to, const origin& who);
  // One more shard stands still.
  void parked(shard_core& home);

private:
  struct job {
    instant to;
    origin who;
  };
  void begin(shard_core& home);
  void finish(shard_core& home);
  void advance(shard_core& home, const job& asked);

  std::deque<job> jobs_;
  std::size_t parked_ = 0;
  bool moving_ = false;
};

} // namespace tally::actors
