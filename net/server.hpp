// The server: a listening socket, one thread and one port a shard, connections dealt out in turn.
//
// Lifecycle: `listener::bind` early, so that an address in use is found before the journal is read; `server::start` once the
// ledger is open: only then connections are taken; `stop` drains: what was asked is answered, then connections close and the shards end.
// Closing the ledger is the caller's.
#pragma once

#include "actors/ledger.hpp"
#include "engine/result.hpp"
#include "net/limits.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace tally::net {

class listener {
public:
  // Port 0 picks a free one.
  static result<listener> bind(const std::string& host, std::uint16_t port);
  listener(listener&& other) noexcept;
  listener& operator=(listener&&) = delete;
  ~listener();

  // Connections queue up from here on.
  result<void> listen();

  int descriptor() const { return descriptor_; }
  std::uint16_t port() const { return port_; }
  // "127.0.0.1:7411", "[::1]:7411".
  const std::string& address() const { return address_; }

private:
  listener() = default;
  int descriptor_ = -1;
  std::uint16_t port_ = 0;
  std::string address_;
};

class server {
public:
  static result<std::unique_ptr<server>> start(actors::ledger& ledger, listener at, const server_limits& limits = {});
  ~server(); // stops

  // Returns once every connection is closed and every shard has ended.
  void stop();

  std::uint16_t port() const;
  const std::string& address() const;
  std::uint32_t connections() const;

private:
  struct impl;
  explicit server(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace tally::net
