// The load: one thread, epoll, many connections, frames of many operations. Sends what a `traffic` asks for as fast as
// answers make room (closed loop) or at a rate (open loop), and hands every answer back. Knows no workload and judges nothing
// but the protocol itself.
#pragma once

#include "bench/request_writer.hpp"
#include "bench/workload.hpp"
#include "engine/outcome.hpp"
#include "engine/result.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace tally::bench {

// The numbers of one answer.
struct answer_numbers {
  outcome_status status = outcome_status::ok;
  outcome_code code = outcome_code::none;
  seq_t seq; // of an account read: the account's newest entry
  points_t points, available, pending, reserved, lifetime;
};

// A source of operations and a sink of their answers. Times are nanoseconds of the steady clock.
class traffic {
public:
  virtual ~traffic() = default;
  // The next operation; false: there is none any more.
  virtual bool next(std::int64_t now_ns, operation& out) = 0;
  // `started_ns`: when it was sent, in an open loop when it should have been.
  virtual void answered(const operation& asked, const answer_numbers& answer, std::int64_t started_ns, std::int64_t now_ns) = 0;
  // The answer to this is about to be handed over: fetch what it will touch.
  virtual void expect(const operation&) {}
};

struct generator_options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string merchant;
  std::uint32_t connections = 1;
  std::uint32_t in_flight = 1; // per connection
  std::uint32_t operations_per_frame = 1;
};

class generator {
public:
  // Connects and shakes hands.
  static result<std::unique_ptr<generator>> connect(const generator_options& options);
  ~generator();

  // Runs until the traffic has no more and everything is answered. `rate` in operations per second; 0: flat out.
  result<void> run(traffic& what, double rate = 0);

private:
  struct connection;
  struct impl;
  explicit generator(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

std::int64_t steady_now_ns();

} // namespace tally::bench
