// A real server over a real ledger in a folder of its own, inside the test, and plain sockets to talk to it.
#pragma once

#include "actors/ledger.hpp"
#include "net/client.hpp"
#include "net/frame.hpp"
#include "net/server.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tally::net::test {

inline constexpr std::string_view rules = R"(merchant = "beanhouse"
[enroll]
opening_points = 50
[earn]
points = "1"
per = "1.00"
[[bonus]]
name = "Beans count double"
categories = ["beans"]
multiplier = "2"
[[reward]]
name = "Free coffee"
points = 100
[redeem]
points = 100
value = "1.00"
)";

class temporary_folder {
public:
  temporary_folder();
  ~temporary_folder();
  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

class test_server {
public:
  explicit test_server(std::uint32_t shards = 1, const server_limits& limits = {}, std::optional<instant> test_clock = {});
  ~test_server();

  void stop();    // gracefully
  void restart(); // on the same port
  std::uint16_t port() const { return port_; }
  const std::filesystem::path& folder() const { return folder_.path(); }
  client_options options() const;
  std::unique_ptr<client> connect() const; // fails the test if it cannot
  actors::ledger& ledger() { return *ledger_; }
  net::server& server() { return *server_; }

private:
  void start(std::uint16_t port);

  temporary_folder folder_;
  std::uint32_t shards_;
  server_limits limits_;
  std::optional<instant> test_clock_;
  std::unique_ptr<actors::ledger> ledger_;
  std::unique_ptr<net::server> server_;
  std::uint16_t port_ = 0;
};

// A blocking socket that says whatever one likes.
class raw_connection {
public:
  explicit raw_connection(std::uint16_t port, int receive_buffer = 0);
  ~raw_connection();
  raw_connection(raw_connection&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), received_(std::move(other.received_)) {}

  // False once the other side is gone.
  bool send(frame_bytes bytes);
  // As much as the other side takes within that time; how much.
  std::size_t send_some(frame_bytes bytes, std::chrono::milliseconds patience);
  void half_close();
  void say_hello(std::uint16_t version = protocol_version);

  // The next frame; nullopt at the end of the connection or after `patience`.
  std::optional<std::vector<std::byte>> receive(std::chrono::milliseconds patience = std::chrono::seconds(20));
  // Reads until the other side closes; false if it does not within that time.
  bool wait_closed(std::chrono::milliseconds patience);

private:
  bool fill(std::chrono::milliseconds patience);

  int descriptor_;
  std::vector<std::byte> received_;
};

// The operations most tests need; texts live as long as their arguments.
command put_program_of(std::string_view toml = rules);
command enroll_of(std::string_view account);
command earn_of(std::string_view account, std::string_view order, std::int64_t total_units);
command account_of(std::string_view account);

// Resident memory of this process; 0 where a sanitizer makes it meaningless.
std::size_t resident_bytes();

} // namespace tally::net::test
