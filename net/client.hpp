// A connection to tallyd: pipelined operations, answers in the order sent. After a broken connection it connects again and
// sends again whatever was not answered, under the same references: the server answers `duplicate` where it had
// already decided. Blocking; one thread at a time.
#pragma once

#include "engine/command.hpp"
#include "engine/outcome.hpp"
#include "engine/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tally::wire {
struct outcome_document;
}

namespace tally::net {

inline constexpr std::uint16_t default_port = 7411;

struct client_options {
  std::string host = "127.0.0.1";
  std::uint16_t port = default_port;
  std::size_t in_flight_max = 1024;
  std::size_t operations_per_frame = 64;
  std::chrono::milliseconds connect_timeout{3000};
  std::chrono::milliseconds reconnect_for{10'000}; // 0: a broken connection is an error at once
};

// "HOST:PORT", "HOST", "[::1]:7411"; `bad_argument` for anything else.
result<client_options> parse_server_address(std::string_view text);

// One answer. `head` has status and numbers; `document` whatever does not fit there, or null.
struct answer {
  outcome head;
  const wire::outcome_document* document = nullptr; // into `bytes`
  std::vector<std::byte> bytes;
};

class client {
public:
  static result<std::unique_ptr<client>> connect(const client_options& options);
  ~client();

  // Queues one operation (copied); sends when a frame is full. Waits while in_flight_max are unanswered and unread: answers that
  // arrive meanwhile are kept for `receive`.
  result<void> send(const command& operation);
  result<void> flush();
  // The next answer, in the order of `send`. Flushes first. `bad_argument` when nothing is in flight.
  result<answer> receive();
  // True if `receive` would not wait.
  bool has_answer();
  std::size_t in_flight() const;

  // send, flush, receive; nothing else may be in flight.
  result<answer> call(const command& operation);

  // A tail: `take` gets each piece (an answer with entries) as it comes, and null about ten times a second while none comes, until it
  // says false. After a broken connection the tail goes on behind the last entry. Nothing else may be in flight; ends with the
  // last piece, or with the answer that ended it. The connection carries nothing else: the next operation makes a new one.
  result<answer> tail(const command& operation, const std::function<bool(const answer* piece)>& take);

private:
  struct impl;
  explicit client(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace tally::net
