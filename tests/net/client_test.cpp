// The client: pipelining, broken connections and restarts without losing or doubling anything, clear failures.
#include "net/client.hpp"

#include "tests/net/test_server.hpp"

#include <gtest/gtest.h>

#include "net/frame.hpp"
#include "net/server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <random>
#include <thread>

namespace tally::net {
namespace {

using namespace std::chrono_literals;

void call_ok(client& server, const command& asked) {
  const auto answer = server.call(asked);
  ASSERT_TRUE(answer.ok()) << answer.error().what;
  ASSERT_EQ(answer->head.status, outcome_status::ok);
}

// Passes bytes both ways and cuts each connection after a random number of them.
class cutting_proxy {
public:
  cutting_proxy(std::uint16_t target, std::uint64_t seed, std::size_t bytes_max = 30'000)
      : target_(target), bytes_max_(bytes_max), random_(seed), listener_(listener::bind("127.0.0.1", 0)) {
    EXPECT_TRUE(listener_->listen().ok());
    thread_ = std::thread([this] { run(); });
  }
  ~cutting_proxy() {
    stopping_ = true;
    thread_.join();
  }
  std::uint16_t port() const { return listener_->port(); }
  int cuts() const { return cuts_; }
  void let_pass() { cutting_ = false; }

private:
  void run() {
    while (!stopping_) {
      pollfd waiting{listener_->descriptor(), POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0)
        continue;
      const int near = ::accept(listener_->descriptor(), nullptr, nullptr);
      if (near < 0)
        continue;
      const int far = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(target_);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::connect(far, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        pass(near, far);
      ::close(near);
      ::close(far);
    }
  }
  void pass(int near, int far) {
    std::size_t left = 500 + random_() % bytes_max_;
    while (!stopping_) {
      pollfd both[2] = {{near, POLLIN, 0}, {far, POLLIN, 0}};
      if (::poll(both, 2, 20) <= 0)
        continue;
      for (int i = 0; i < 2; ++i) {
        if (both[i].revents == 0)
          continue;
        char piece[8192];
        const ssize_t n = ::recv(both[i].fd, piece, sizeof piece, 0);
        if (n <= 0)
          return;
        std::size_t bytes = static_cast<std::size_t>(n);
        const bool cut = cutting_ && bytes >= left;
        if (cut)
          bytes = left; // the rest is lost on the way
        if (::send(both[1 - i].fd, piece, bytes, MSG_NOSIGNAL) < 0)
          return;
        if (cut) {
          ++cuts_;
          return;
        }
        left -= cutting_ ? bytes : 0;
      }
    }
  }

  std::uint16_t target_;
  std::size_t bytes_max_;
  std::mt19937_64 random_;
  result<listener> listener_;
  std::atomic<bool> stopping_{false}, cutting_{true};
  std::atomic<int> cuts_{0};
  std::thread thread_;
};

TEST(client, nothing_is_lost_or_doubled_over_broken_connections) {
  test::test_server server(2);
  {
    auto desk = server.connect();
    call_ok(*desk, test::put_program_of());
    for (int i = 0; i < 8; ++i)
      call_ok(*desk, test::enroll_of("m-" + std::to_string(i)));
  }
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    cutting_proxy proxy(server.port(), seed);
    client_options options;
    options.port = proxy.port();
    options.operations_per_frame = 1 + seed * 3;
    options.in_flight_max = 200;
    auto till = client::connect(options);
    ASSERT_TRUE(till.ok()) << till.error().what;
    constexpr int count = 2000;
    std::deque<std::string> texts;
    int received = 0, decided = 0, duplicates = 0;
    const auto take = [&] {
      const auto answer = (*till)->receive();
      ASSERT_TRUE(answer.ok()) << answer.error().what;
      ASSERT_TRUE(answer->head.status == outcome_status::ok || answer->head.status == outcome_status::duplicate);
      EXPECT_EQ(answer->head.points, points_t{1 + received % 5}) << "of another operation";
      answer->head.status == outcome_status::ok ? ++decided : ++duplicates;
      ++received;
    };
    for (int i = 0; i < count; ++i) {
      const std::string_view account = texts.emplace_back("m-" + std::to_string(i % 8));
      const std::string_view order = texts.emplace_back("o-" + std::to_string(seed) + "-" + std::to_string(i));
      const auto sent = (*till)->send(test::earn_of(account, order, (1 + i % 5) * 10'000));
      ASSERT_TRUE(sent.ok()) << sent.error().what << " after " << proxy.cuts() << " cuts, " << received << " answers";
      while ((*till)->has_answer())
        take();
    }
    while (received < count)
      take();
    EXPECT_GT(proxy.cuts(), 3);
    EXPECT_EQ(decided + duplicates, count);
  }
  // each exactly once: the balances say so
  auto desk = server.connect();
  points_t sum;
  for (int i = 0; i < 8; ++i)
    sum += desk->call(test::account_of("m-" + std::to_string(i)))->head.available;
  EXPECT_EQ(sum, points_t{8 * 50 + 6 * 2000 * 3});
}

// The client sends again what was not answered, under the reference it had: the ledger knows it and decides it once.
TEST(traps, a_retry_that_makes_a_new_id_and_so_is_not_recognised) {
  test::test_server server;
  auto desk = server.connect();
  call_ok(*desk, test::put_program_of());
  call_ok(*desk, test::enroll_of("m-1"));
  cutting_proxy proxy(server.port(), 7);
  client_options options;
  options.port = proxy.port();
  auto till = client::connect(options);
  ASSERT_TRUE(till.ok()) << till.error().what;
  constexpr int count = 300;
  std::deque<std::string> orders;
  for (int i = 0; i < count; ++i) {
    const auto answer = (*till)->call(test::earn_of("m-1", orders.emplace_back("o-" + std::to_string(i)), 10'000));
    ASSERT_TRUE(answer.ok()) << answer.error().what;
    ASSERT_TRUE(answer->head.status == outcome_status::ok || answer->head.status == outcome_status::duplicate);
  }
  EXPECT_GT(proxy.cuts(), 1);
  EXPECT_EQ(desk->call(test::account_of("m-1"))->head.lifetime, points_t{50 + count}) << "every sale once";
  for (const std::string& order : orders)
    EXPECT_EQ(desk->call(test::earn_of("m-1", order, 10'000))->head.status, outcome_status::duplicate) << order;
}

TEST(client, carries_on_over_a_restart) {
  test::test_server server;
  auto till = server.connect();
  call_ok(*till, test::put_program_of());
  call_ok(*till, test::enroll_of("m-1"));
  std::atomic<int> answered{0};
  std::thread selling([&] {
    std::deque<std::string> orders;
    points_t last{50};
    for (int i = 0; i < 400; ++i) {
      const auto answer = till->call(test::earn_of("m-1", orders.emplace_back("o-" + std::to_string(i)), 10'000));
      ASSERT_TRUE(answer.ok()) << answer.error().what;
      last += points_t{1};
      ASSERT_EQ(answer->head.available, last);
      ++answered;
    }
  });
  while (answered < 100)
    std::this_thread::sleep_for(1ms);
  server.restart(); // on this thread: CAF wants its system destroyed where it was made
  selling.join();
  EXPECT_EQ(answered, 400);
}

TEST(client, a_tail_goes_on_behind_its_last_entry_over_broken_connections) {
  test::test_server server(2);
  auto desk = server.connect();
  call_ok(*desk, test::put_program_of());
  call_ok(*desk, test::enroll_of("m-1"));
  std::deque<std::string> orders;
  constexpr std::uint64_t newest = 6'000;
  const auto sell = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i)
      ASSERT_TRUE(desk->send(test::earn_of("m-1", orders.emplace_back("o-" + std::to_string(orders.size())), 10'000)).ok());
    for (std::uint64_t i = 0; i < count; ++i)
      ASSERT_EQ(desk->receive()->head.status, outcome_status::ok);
  };
  sell(newest / 2 - 2);
  cutting_proxy proxy(server.port(), 11, 600'000); // a piece is lost if it is cut, so some must come through
  client_options options;
  options.port = proxy.port();
  auto auditor = std::move(*client::connect(options));
  command tail;
  tail.kind = op::tail;
  tail.merchant = "beanhouse";
  std::uint64_t seen = 0;
  std::thread sales([&] { sell(newest / 2); });
  const auto ended = auditor->tail(tail, [&](const answer* piece) {
    if (piece != nullptr) {
      for (const auto* entry : *piece->document->entries())
        EXPECT_EQ(entry->seq()->value(), ++seen);
    }
    return seen < newest && !testing::Test::HasFailure();
  });
  sales.join();
  EXPECT_TRUE(ended.ok());
  EXPECT_GT(proxy.cuts(), 3);
  proxy.let_pass();
  call_ok(*auditor, test::account_of("m-1")); // on a new connection
}

TEST(client, what_was_refused_is_not_decided_again) {
  // half of a frame is answered (skipped: no such member), then the connection breaks; the rest goes again, the first part not
  test::test_server server;
  auto desk = server.connect();
  call_ok(*desk, test::put_program_of());
  cutting_proxy proxy(server.port(), 5);
  client_options options;
  options.port = proxy.port();
  options.operations_per_frame = 20;
  options.in_flight_max = 200;
  auto till = std::move(*client::connect(options));
  std::deque<std::string> texts;
  for (int i = 0; i < 2000; ++i)
    ASSERT_TRUE(till->send(test::earn_of("m-late", texts.emplace_back("o-" + std::to_string(i)), 10'000)).ok());
  for (int i = 0; i < 1500; ++i)
    ASSERT_EQ(till->receive()->head.code, outcome_code::no_member);
  call_ok(*desk, test::enroll_of("m-late"));
  std::int64_t earned = 0;
  for (int i = 1500; i < 2000; ++i)
    earned += till->receive()->head.points.value;
  EXPECT_EQ(desk->call(test::account_of("m-late"))->head.available, points_t{50 + earned});
}

TEST(client, says_what_is_the_matter) {
  client_options options;
  options.reconnect_for = 0ms;
  {
    auto bound = listener::bind("127.0.0.1", 0); // a port nobody listens on once this is gone
    options.port = bound->port();
  }
  const auto nobody = client::connect(options);
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.error().code, failure_code::unreachable);
  EXPECT_NE(nobody.error().what.find("127.0.0.1:" + std::to_string(options.port)), std::string::npos);
  EXPECT_NE(nobody.error().what.find("Connection refused"), std::string::npos) << nobody.error().what;

  auto server = std::make_unique<test::test_server>();
  options.port = server->port();
  auto till = std::move(*client::connect(options));
  EXPECT_EQ(till->receive().error().code, failure_code::bad_argument);
  ASSERT_TRUE(till->call(test::account_of("m-1")).ok());
  server.reset();
  const auto broken = till->call(test::account_of("m-1"));
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, failure_code::unreachable);
  EXPECT_EQ(till->in_flight(), 1u);

  const std::string large(600 * 1024, 'x');
  EXPECT_EQ(till->send(test::put_program_of(large)).error().code, failure_code::bad_argument);
}

TEST(client, a_server_of_another_kind) {
  auto bound = listener::bind("127.0.0.1", 0);
  ASSERT_TRUE(bound->listen().ok());
  std::thread fake([&] {
    for (int i = 0; i < 2; ++i) {
      pollfd waiting{bound->descriptor(), POLLIN, 0};
      ::poll(&waiting, 1, 5000);
      const int socket = ::accept(bound->descriptor(), nullptr, nullptr);
      flatbuffers::FlatBufferBuilder builder;
      const auto hello = build_hello(builder, 9, "future");
      const std::string web = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
      if (i == 0)
        ::send(socket, hello.data(), hello.size(), MSG_NOSIGNAL);
      else
        ::send(socket, web.data(), web.size(), MSG_NOSIGNAL);
      std::this_thread::sleep_for(50ms);
      ::close(socket);
    }
  });
  client_options options;
  options.port = bound->port();
  const auto newer = client::connect(options);
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().code, failure_code::protocol);
  EXPECT_NE(newer.error().what.find("version 9"), std::string::npos) << newer.error().what;
  const auto web = client::connect(options);
  ASSERT_FALSE(web.ok());
  EXPECT_EQ(web.error().code, failure_code::protocol) << web.error().what;
  fake.join();
}

TEST(client, addresses) {
  const auto parsed = [](std::string_view text) -> std::string {
    const auto out = parse_server_address(text);
    return out ? out->host + " " + std::to_string(out->port) : "no";
  };
  EXPECT_EQ(parsed("127.0.0.1:7411"), "127.0.0.1 7411");
  EXPECT_EQ(parsed("till.example"), "till.example 7411");
  EXPECT_EQ(parsed("localhost:0"), "localhost 0");
  EXPECT_EQ(parsed("[::1]:80"), "::1 80");
  EXPECT_EQ(parsed("[::1]"), "::1 7411");
  for (const std::string_view bad :
       {"", ":7411", "host:", "host:x", "host:70000", "host:-1", "host:80x", "[::1", "[]:80", "[::1]80", "[::1]:", "a:b:c", "::1"})
    EXPECT_EQ(parsed(bad), "no") << bad;
}

} // namespace
} // namespace tally::net
