// A server for testing the generator without a ledger: speaks the wire, adds up points in a map, and lies where a test
// wants it to.
#pragma once

#include "engine/command.hpp"
#include "engine/outcome.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>

namespace tally::bench {

class scripted_server {
public:
  // `spoil` may change an answer before it is sent; false: it is not sent at all.
  using spoiler = std::function<bool(const command&, outcome&)>;
  explicit scripted_server(spoiler spoil = {});
  ~scripted_server();

  std::uint16_t port() const { return port_; }
  std::uint64_t operations() const { return operations_; }

private:
  struct member {
    std::int64_t available = 0, lifetime = 0;
    std::map<std::string, std::int64_t> orders;
    std::uint64_t newest = 0;
  };
  struct session;
  void serve();
  bool read(session& from);
  outcome decide(const command& asked);

  spoiler spoil_;
  std::map<std::string, member> members_;
  std::uint64_t seq_ = 0;
  std::atomic<std::uint64_t> operations_ = 0;
  int listener_ = -1, stop_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

} // namespace tally::bench
