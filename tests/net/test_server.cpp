#include "tests/net/test_server.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

namespace tally::net::test {

temporary_folder::temporary_folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "tally_net_XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}
temporary_folder::~temporary_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

test_server::test_server(std::uint32_t shards, const server_limits& limits, std::optional<instant> test_clock)
    : shards_(shards), limits_(limits), test_clock_(test_clock) {
  start(0);
}
test_server::~test_server() { stop(); }

void test_server::start(std::uint16_t port) {
  actors::ledger_options options;
  options.folder = folder_.path();
  options.shards = shards_;
  options.test_clock = test_clock_;
  options.sync = false; // what is tested here is not the disk
  auto bound = listener::bind("127.0.0.1", port);
  if (!bound)
    throw std::runtime_error(bound.error().what);
  auto opened = actors::ledger::open(options);
  if (!opened)
    throw std::runtime_error(opened.error().what);
  ledger_ = std::move(*opened);
  auto started = server::start(*ledger_, std::move(*bound), limits_);
  if (!started)
    throw std::runtime_error(started.error().what);
  server_ = std::move(*started);
  port_ = server_->port();
}

void test_server::stop() {
  if (server_ == nullptr)
    return;
  server_->stop();
  server_.reset();
  ledger_->close();
  ledger_.reset();
}

void test_server::restart() {
  stop();
  start(port_);
}

client_options test_server::options() const {
  client_options out;
  out.port = port_;
  return out;
}

std::unique_ptr<client> test_server::connect() const {
  auto connected = client::connect(options());
  if (!connected)
    throw std::runtime_error(connected.error().what);
  return std::move(*connected);
}

raw_connection::raw_connection(std::uint16_t port, int receive_buffer) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer != 0)
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error(std::strerror(errno));
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

raw_connection::~raw_connection() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

bool raw_connection::send(frame_bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

std::size_t raw_connection::send_some(frame_bytes bytes, std::chrono::milliseconds patience) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    pollfd waiting{descriptor_, POLLOUT, 0};
    if (::poll(&waiting, 1, static_cast<int>(patience.count())) <= 0)
      break;
    const ssize_t n = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0)
      break;
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

void raw_connection::half_close() { ::shutdown(descriptor_, SHUT_WR); }

void raw_connection::say_hello(std::uint16_t version) {
  flatbuffers::FlatBufferBuilder builder;
  send(build_hello(builder, version, "test"));
}

bool raw_connection::fill(std::chrono::milliseconds patience) {
  pollfd waiting{descriptor_, POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(patience.count())) <= 0)
    return false;
  std::byte piece[65536];
  const ssize_t n = ::recv(descriptor_, piece, sizeof piece, 0);
  if (n <= 0)
    return false;
  received_.insert(received_.end(), piece, piece + n);
  return true;
}

std::optional<std::vector<std::byte>> raw_connection::receive(std::chrono::milliseconds patience) {
  for (;;) {
    const frame_cut cut = cut_frame(received_, answer_frame_bytes_max);
    if (cut.what == frame_cut::state::complete) {
      const auto end = received_.begin() + static_cast<std::ptrdiff_t>(cut.bytes);
      std::vector<std::byte> frame(received_.begin(), end);
      received_.erase(received_.begin(), end);
      return frame;
    }
    if (cut.what == frame_cut::state::malformed || !fill(patience))
      return std::nullopt;
  }
}

bool raw_connection::wait_closed(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < until) {
    pollfd waiting{descriptor_, POLLIN, 0};
    if (::poll(&waiting, 1, 100) <= 0)
      continue;
    std::byte piece[65536];
    if (::recv(descriptor_, piece, sizeof piece, 0) <= 0)
      return true;
  }
  return false;
}

namespace {
command operation_of(op kind, std::string_view account) {
  command out;
  out.kind = kind;
  out.merchant = "beanhouse";
  out.account = account;
  return out;
}
} // namespace

command put_program_of(std::string_view toml) {
  command out = operation_of(op::put_program, {});
  out.toml = toml;
  return out;
}
command enroll_of(std::string_view account) { return operation_of(op::enroll, account); }
command account_of(std::string_view account) { return operation_of(op::account, account); }
command earn_of(std::string_view account, std::string_view order, std::int64_t total_units) {
  command out = operation_of(op::earn, account);
  out.order = order;
  out.total = money_t{total_units};
  return out;
}

std::size_t resident_bytes() {
#if defined(__SANITIZE_ADDRESS__)
  return 0; // what is freed stays in quarantine
#endif
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace tally::net::test
