// One connection as its shard's event loop sees it: where it is in the protocol, what it has sent and not been answered,
// and since when somebody waits for it. The loop that moves it is net/shard_port.hpp.
// Thread: its shard's.
#pragma once

#include "engine/command.hpp"
#include "net/answer_queue.hpp"
#include "net/byte_buffer.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace tally::net {

struct session {
  using time_point = std::chrono::steady_clock::time_point;

  enum class phase : std::uint8_t {
    greeting,  // connected, no hello yet
    open,      // operations
    finishing, // nothing more is read; what is owed is sent, then lingering
    lingering, // all is sent and our side is closed; waits for the other side, so that it can read the last bytes
    gone,      // the socket is closed; stays until the shard has answered everything it was asked
  };

  session(int socket, std::uint32_t place, time_point now) : descriptor(socket), index(place), since(now) {}

  int descriptor;
  std::uint32_t index; // in the port's table; what the ledger knows the connection by
  phase at = phase::greeting;
  time_point since; // when this phase began

  // Input. Complete frames are decoded where they were read; only what has to wait is kept here.
  byte_buffer input;
  std::uint32_t next_operation = 0; // of the first frame in `input`: those before it were taken
  bool frame_verified = false;      // that frame
  std::uint64_t least_id = 1;       // ids rise along a connection
  time_point half_frame_since;      // when `input` began to hold half a frame
  bool half_frame = false;

  // A tail: pieces are asked for only while nothing of the last one is unsent, so that a slow reader costs one piece. The
  // connection carries nothing else from then on.
  struct subscription {
    std::string merchant;
    kind_set kinds;
    seq_t next;               // where the next piece begins
    std::uint64_t number = 0; // of the operation
    bool asked = false;       // a piece is on its way
    time_point not_before;    // of the next one
  };
  std::unique_ptr<subscription> tail;

  // Output.
  answer_queue answers;
  std::uint64_t blocked_bytes = 0; // the socket takes no more: so many of what was to be sent are still here
  time_point blocked_since;

  bool readable = false;      // the socket may have more for us
  bool end_near = false;      // the other side has closed its half; its last bytes may still be unread
  bool input_ended = false;   // all of them are read
  bool paused = false;        // not read, until answers go out
  bool wait_answered = false; // paused until everything before is answered
  bool counted = true;        // among the server's connections
  bool in_ready = false;      // in the port's list of those to be read
  bool in_waiting = false;    // in the port's list of those with answers to let go
  bool in_tails = false;      // in the port's list of those with a tail
  bool blocked = false;       // the socket's buffer is full

  bool may_read() const { return (at == phase::greeting || at == phase::open) && !paused; }
};

} // namespace tally::net
