// See server.hpp.
#include "net/server.hpp"

#include "net/shard_port.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <thread>
#include <utility>

namespace tally::net {
namespace {

constexpr std::uint32_t refusals_max = 256; // connections at once that are only told that there are too many

std::string shown(const sockaddr_storage& address, std::uint16_t& port) {
  char host[NI_MAXHOST] = {}, service[NI_MAXSERV] = {};
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), sizeof address, host, sizeof host, service, sizeof service,
                NI_NUMERICHOST | NI_NUMERICSERV);
  port = static_cast<std::uint16_t>(std::strtoul(service, nullptr, 10));
  return address.ss_family == AF_INET6 ? "[" + std::string(host) + "]:" + service : std::string(host) + ":" + service;
}

// A socket of that address, or -1 and errno.
int bind_to(const addrinfo& address) {
  const int descriptor = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0)
    return -1;
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); // after a restart, old connections may linger
  if (::bind(descriptor, address.ai_addr, address.ai_addrlen) == 0)
    return descriptor;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

failure cannot_listen(const std::string& where, int error) {
  return {failure_code::io, "cannot listen on " + where + ": " +
                                (error == EADDRINUSE ? "the address is in use; is another tallyd running?" : std::strerror(error))};
}

} // namespace

result<listener> listener::bind(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string wanted = host + ":" + std::to_string(port);
  if (const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0)
    return failure{failure_code::bad_argument, "cannot listen on " + wanted + ": " + ::gai_strerror(error)};
  listener out;
  int error = 0;
  for (const addrinfo* at = found; at != nullptr && out.descriptor_ < 0; at = at->ai_next) {
    out.descriptor_ = bind_to(*at);
    error = errno;
  }
  ::freeaddrinfo(found);
  if (out.descriptor_ < 0)
    return failure{failure_code::io,
                   "cannot listen on " + wanted + ": " +
                       (error == EADDRINUSE ? "the address is in use; is another tallyd running?" : std::strerror(error))};
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  ::getsockname(out.descriptor_, reinterpret_cast<sockaddr*>(&bound), &length);
  out.address_ = shown(bound, out.port_);
  return out;
}

result<void> listener::listen() {
  if (::listen(descriptor_, SOMAXCONN) != 0)
    return cannot_listen(address_, errno);
  return {};
}

listener::listener(listener&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), port_(other.port_), address_(std::move(other.address_)) {}

listener::~listener() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

struct server::impl {
  impl(actors::ledger& opened, listener bound, const server_limits& limits) : ledger(opened), at(std::move(bound)) {
    shared.limits = limits;
    shared.ports = ledger.shard_count();
  }

  void start();
  result<void> listen();
  void accept(int socket);
  void stop();

  actors::ledger& ledger;
  listener at;
  server_shared shared;
  std::vector<std::unique_ptr<shard_port>> ports;
  std::vector<std::thread> threads;
  std::size_t next_port = 0;
  bool stopped = false;

  std::mutex lock;
  std::condition_variable changed;
  std::size_t drained = 0;
};

void server::impl::start() {
  std::vector<actors::port*> worlds;
  for (std::uint32_t i = 0; i < ledger.shard_count(); ++i) {
    ports.push_back(std::make_unique<shard_port>(shared));
    worlds.push_back(ports.back().get());
  }
  ledger.start(worlds);
  for (std::uint32_t i = 0; i < ledger.shard_count(); ++i)
    threads.emplace_back([this, i] { ledger.shard_at(i).run(*ports[i]); });
}

result<void> server::impl::listen() {
  if (auto listening = at.listen(); !listening)
    return listening;
  ports.front()->listen(at.descriptor(), [this](int socket) { accept(socket); });
  return {};
}

// On the first shard's thread.
void server::impl::accept(int socket) {
  shard_port& next = *ports[next_port++ % ports.size()];
  const std::uint32_t there = shared.connections.load(std::memory_order_relaxed);
  if (there < shared.limits.connections_max) {
    shared.connections.fetch_add(1, std::memory_order_relaxed);
    next.hand_over(socket);
  } else if (shared.refusals.load(std::memory_order_relaxed) < refusals_max) {
    shared.refusals.fetch_add(1, std::memory_order_relaxed);
    next.hand_over(socket, true);
  } else {
    ::close(socket);
  }
}

void server::impl::stop() {
  if (std::exchange(stopped, true))
    return;
  ledger.give_up_scans();
  for (const auto& port : ports) {
    port->drain([this] {
      const std::lock_guard guard(lock);
      ++drained;
      changed.notify_all();
    });
  }
  {
    // no shard ends before all are drained: they still work for each other's connections
    std::unique_lock guard(lock);
    changed.wait(guard, [this] { return drained == ports.size(); });
  }
  for (std::uint32_t i = 0; i < ledger.shard_count(); ++i)
    ledger.shard_at(i).stop();
  for (std::thread& thread : threads)
    thread.join();
}

result<std::unique_ptr<server>> server::start(actors::ledger& ledger, listener at, const server_limits& limits) {
  std::unique_ptr<server> started(new server(std::make_unique<impl>(ledger, std::move(at), limits)));
  started->impl_->start();
  if (auto listening = started->impl_->listen(); !listening)
    return listening.error();
  return started;
}

server::server(std::unique_ptr<impl> implementation) : impl_(std::move(implementation)) {}
server::~server() { stop(); }
void server::stop() { impl_->stop(); }
std::uint16_t server::port() const { return impl_->at.port(); }
const std::string& server::address() const { return impl_->at.address(); }
std::uint32_t server::connections() const { return impl_->shared.connections.load(std::memory_order_relaxed); }

} // namespace tally::net
