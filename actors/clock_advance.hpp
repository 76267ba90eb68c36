// advance_clock: moves the test clock to an instant, with everything that falls due on the way fired in the order of its
// time, over all shards. Done by shard 0 while the others stand still (actors/standstill.hpp).
#pragma once

namespace tally::actors {

class shard_core;
struct staged;

// The operation, at the shard that it came to.
void advance_clock(shard_core& here, const staged& operation);

} // namespace tally::actors
