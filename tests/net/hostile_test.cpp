// Bad input of any kind on the socket, against a real server: a clear error or a closed connection; others are served
// meanwhile, and memory does not grow.
#include "net/operation_codec.hpp"
#include "net/reply_frame.hpp"
#include "tests/net/hostile_frames.hpp"
#include "tests/net/test_server.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <fstream>
#include <random>
#include <thread>

namespace tally::net {
namespace {

using namespace std::chrono_literals;
using test::raw_connection;

server_limits short_limits() {
  server_limits limits;
  limits.hello_timeout = 300ms;
  limits.half_frame_timeout = 300ms;
  limits.slow_reader_timeout = 500ms;
  limits.linger_timeout = 300ms;
  return limits;
}

class hostile : public testing::Test {
protected:
  hostile() : server_(1, short_limits()), witness_(server_.connect()) {
    EXPECT_EQ(witness_->call(test::put_program_of())->head.status, outcome_status::ok);
    EXPECT_EQ(witness_->call(test::enroll_of("m-1"))->head.status, outcome_status::ok);
    witness();
    memory_ = test::resident_bytes();
  }
  ~hostile() override {
    witness();
    EXPECT_LT(test::resident_bytes(), memory_ + (32u << 20));
  }

  // Another connection is answered, and soon.
  void witness() {
    const std::string& order = orders_.emplace_back("w-" + std::to_string(orders_.size()));
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = witness_->call(test::earn_of("m-1", order, 10'000));
    ASSERT_TRUE(answer.ok()) << answer.error().what;
    EXPECT_EQ(answer->head.status, outcome_status::ok);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  }

  // What the server says about the connection itself before it closes it; empty if nothing.
  static std::string last_words(raw_connection& from) {
    std::string out;
    while (const auto bytes = from.receive(5s)) {
      const wire::frame* frame = verify_answer_frame(*bytes);
      EXPECT_NE(frame, nullptr);
      const wire::answer* answer = frame == nullptr ? nullptr : frame->body_as_answer();
      if (answer == nullptr || answer->outcome() == nullptr || answer->outcome()->head()->id() != 0)
        continue;
      EXPECT_EQ(answer->outcome()->head()->status(), static_cast<std::uint8_t>(outcome_status::invalid));
      out = answer->outcome()->what()->str();
    }
    return out;
  }

  test::test_server server_;
  std::unique_ptr<client> witness_;
  std::deque<std::string> orders_;
  std::size_t memory_ = 0;
};

TEST_F(hostile, frames_that_are_none) {
  for (const test::hostile_frame& each : test::hostile_frames()) {
    SCOPED_TRACE(each.name);
    raw_connection raw(server_.port());
    raw.say_hello();
    std::thread sender([&] { raw.send(each.bytes); }); // megabytes: the server may close before it has read them
    const std::string said = last_words(raw);
    sender.join();
    if (each.bytes.size() <= 64 * 1024) {
      EXPECT_EQ(said, "malformed frame");
    }
    witness();
  }
}

TEST_F(hostile, good_operations_before_a_bad_frame_are_answered) {
  raw_connection raw(server_.port());
  raw.say_hello();
  raw.send(test::earn_frame(1, 3));
  raw.send(test::hostile_frames().front().bytes);
  raw.send(test::earn_frame(4, 3));
  std::vector<std::uint64_t> ids;
  while (const auto bytes = raw.receive(5s)) {
    const wire::answer* answer = verify_answer_frame(*bytes)->body_as_answer();
    if (answer != nullptr)
      test::add_ids(*answer, ids);
  }
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{1, 2, 3, 0}));
}

TEST_F(hostile, lengths) {
  for (const std::uint32_t length : {0u, 4u, 11u, 13u, (1u << 20) + 4u, 0x7fffffffu, 0xfffffffcu, 0xffffffffu}) {
    SCOPED_TRACE(length);
    raw_connection raw(server_.port());
    raw.say_hello();
    std::vector<std::byte> prefix(16);
    std::memcpy(prefix.data(), &length, 4);
    raw.send(prefix);
    EXPECT_EQ(last_words(raw), "malformed frame");
  }
}

TEST_F(hostile, random_bytes) {
  std::mt19937_64 random(42);
  for (int round = 0; round < 200; ++round) {
    raw_connection raw(server_.port());
    if (round % 2 == 0)
      raw.say_hello();
    std::vector<std::byte> bytes(1 + random() % 4000);
    for (std::byte& each : bytes)
      each = static_cast<std::byte>(random());
    if (round % 4 < 2 && bytes.size() > 16) { // with a length that is taken
      const auto length = static_cast<std::uint32_t>(bytes.size() / 8 * 8 - 4);
      std::memcpy(bytes.data(), &length, 4);
    }
    raw.send(bytes);
    raw.half_close();
    EXPECT_TRUE(raw.wait_closed(5s));
  }
}

TEST_F(hostile, changed_frames) {
  std::mt19937_64 random(43);
  const std::vector<std::byte> good = test::earn_frame(1, 16, "m-1");
  for (int round = 0; round < 300; ++round) {
    raw_connection raw(server_.port());
    raw.say_hello();
    std::vector<std::byte> bytes = good;
    for (std::uint64_t i = 0, flips = 1 + random() % 3; i < flips; ++i)
      bytes[random() % bytes.size()] ^= static_cast<std::byte>(1u << (random() % 8));
    raw.send(bytes);
    raw.half_close();
    EXPECT_TRUE(raw.wait_closed(5s));
  }
}

TEST_F(hostile, greetings) {
  {
    raw_connection raw(server_.port());
    raw.say_hello(2);
    const auto answer = raw.receive();
    ASSERT_TRUE(answer.has_value());
    const wire::frame* frame = verify_answer_frame(*answer);
    ASSERT_NE(frame->body_as_hello(), nullptr) << "its own version";
    EXPECT_EQ(frame->body_as_hello()->version(), protocol_version);
    EXPECT_EQ(raw.receive(), std::nullopt);
    EXPECT_TRUE(raw.wait_closed(5s));
  }
  {
    raw_connection raw(server_.port());
    raw.send(test::earn_frame(1, 1));
    EXPECT_EQ(last_words(raw), "the first frame must be a hello");
  }
  {
    raw_connection raw(server_.port());
    raw.say_hello();
    raw.say_hello();
    EXPECT_EQ(last_words(raw), "a second hello");
  }
  {
    raw_connection raw(server_.port());
    raw.say_hello();
    raw.send(test::earn_frame(10, 2));
    raw.send(test::earn_frame(11, 2));
    EXPECT_EQ(last_words(raw), "ids must rise");
  }
  {
    raw_connection raw(server_.port());
    raw.say_hello();
    raw.send(test::earn_frame(~std::uint64_t{0} - 1, 4));
    EXPECT_EQ(last_words(raw), "ids must rise");
  }
  {
    raw_connection raw(server_.port());
    raw.say_hello();
    raw.send(test::earn_frame(0, 1));
    EXPECT_EQ(last_words(raw), "ids must rise");
  }
}

TEST_F(hostile, silence_and_half_frames_time_out) {
  raw_connection silent(server_.port());
  raw_connection half(server_.port());
  half.say_hello();
  half.send(frame_bytes(test::earn_frame(1, 1)).first(40));
  raw_connection idle(server_.port());
  idle.say_hello();
  raw_connection prefix_only(server_.port());
  prefix_only.say_hello();
  prefix_only.send(frame_bytes(test::earn_frame(1, 1)).first(3));
  EXPECT_EQ(last_words(silent), "no hello came");
  EXPECT_EQ(last_words(half), "a frame began and did not end");
  EXPECT_EQ(last_words(prefix_only), "a frame began and did not end");
  std::this_thread::sleep_for(700ms);
  idle.send(test::earn_frame(1, 1));
  EXPECT_TRUE(idle.receive().has_value()) << "a greeted connection may stay idle";
}

TEST_F(hostile, byte_by_byte) {
  raw_connection raw(server_.port());
  flatbuffers::FlatBufferBuilder builder;
  std::vector<std::byte> bytes = test::copy_of(build_hello(builder, protocol_version, "dribble"));
  for (std::uint64_t id = 1; id < 4; ++id) {
    const auto frame = test::earn_frame(id, 1);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
  }
  for (const std::byte& each : bytes) {
    ASSERT_TRUE(raw.send({&each, 1}));
    std::this_thread::sleep_for(100us);
  }
  raw.receive(); // hello
  std::vector<std::uint64_t> ids;
  while (ids.size() < 3) {
    const auto frame = raw.receive();
    ASSERT_TRUE(frame.has_value());
    test::add_ids(*verify_answer_frame(*frame)->body_as_answer(), ids);
  }
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{1, 2, 3}));
}

// Frames cut at every possible place into two sends: the seams of the input buffers.
TEST_F(hostile, every_cut) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<std::byte> bytes = test::copy_of(build_hello(builder, protocol_version, "cuts"));
  std::uint64_t id = 1;
  for (const std::uint32_t count : {1u, 2u, 1u}) {
    const auto frame = test::earn_frame(id, count);
    id += count;
    bytes.insert(bytes.end(), frame.begin(), frame.end());
  }
  for (std::size_t cut = 1; cut < bytes.size(); cut += 3) {
    raw_connection raw(server_.port());
    raw.send(frame_bytes(bytes).first(cut));
    if (cut % 2 == 0)
      std::this_thread::sleep_for(1ms);
    raw.send(frame_bytes(bytes).subspan(cut));
    raw.half_close();
    std::vector<std::uint64_t> ids;
    while (const auto frame = raw.receive(5s)) {
      if (const wire::answer* answer = verify_answer_frame(*frame)->body_as_answer())
        test::add_ids(*answer, ids);
    }
    ASSERT_EQ(ids, (std::vector<std::uint64_t>{1, 2, 3, 4})) << "cut at " << cut;
  }
}

// The largest frame there may be, in many small pieces, by many connections that never finish it: memory follows what was
// sent, not what was announced.
TEST_F(hostile, announced_and_not_sent) {
  std::deque<raw_connection> connections;
  for (int i = 0; i < 200; ++i) {
    raw_connection& raw = connections.emplace_back(server_.port());
    raw.say_hello();
    std::vector<std::byte> begun(1000);
    const std::uint32_t length = request_frame_bytes_max - 4;
    std::memcpy(begun.data(), &length, 4);
    raw.send(begun);
  }
  std::this_thread::sleep_for(100ms);
  EXPECT_LT(test::resident_bytes(), memory_ + (16u << 20));
  for (raw_connection& raw : connections)
    EXPECT_TRUE(raw.wait_closed(5s));
}

// What the system takes off the server's hands for a socket that nobody reads.
std::size_t send_buffer_bytes_max() {
  std::ifstream file("/proc/sys/net/ipv4/tcp_wmem");
  std::size_t least = 0, usual = 0, most = 0;
  file >> least >> usual >> most;
  return most;
}

// It goes on sending until it is cut off: how much that is, the system's buffers decide, and how fast, whoever else is running. Of all that
// the server takes as many operations as it may keep answers for, and serves others meanwhile.
TEST_F(hostile, a_reader_that_never_reads_is_cut_off) {
  raw_connection raw(server_.port(), 4096);
  raw.say_hello();
  ASSERT_TRUE(raw.receive().has_value()) << "it is let in, and never reads again";
  const auto entries = [this] { return server_.ledger().journal().durable_seq().value - orders_.size(); }; // without the witness's
  const std::uint64_t before = entries();
  std::vector<std::byte> left;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t next_id = 1; server_.server().connections() > 1 && std::chrono::steady_clock::now() - begin < 60s;) {
    if (left.empty()) {
      left = test::earn_frame(next_id, 64, "m-1");
      next_id += 64;
    }
    const std::size_t taken = raw.send_some(left, 10ms);
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(taken));
    if (taken == 0)
      witness();
  }
  EXPECT_EQ(server_.server().connections(), 1u) << "only the witness is left";
  witness();                                        // whatever was decided before it is durable, too
  const std::uint64_t decided = entries() - before; // an earn is one entry
  EXPECT_GT(decided, 0u);
  EXPECT_LT(decided * reply_bytes, output_bytes_max + in_flight_weight_max * reply_bytes + send_buffer_bytes_max() + (1u << 20));
  memory_ += decided * 256; // they stay in the ledger: nobody's connection holds them
}

// Many connections that each take what one may: together they stay within the server's memory for connections.
TEST(many_slow_readers, share_a_bounded_memory) {
  server_limits limits = short_limits();
  limits.memory_bytes_max = 8u << 20;
  limits.slow_reader_timeout = 1500ms;
  test::test_server server(1, limits);
  auto witness = server.connect();
  ASSERT_EQ(witness->call(test::put_program_of())->head.status, outcome_status::ok);
  ASSERT_EQ(witness->call(test::enroll_of("m-1"))->head.status, outcome_status::ok);
  flatbuffers::FlatBufferBuilder builder;
  begin_frame(builder);
  const std::vector<op> kinds(512, op::account);
  std::vector<flatbuffers::Offset<void>> tables;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    tables.push_back(encode_operation(builder, test::account_of("m-1")));
  const std::vector<std::byte> frame = test::copy_of(finish_request(builder, 1, kinds, tables));
  const std::size_t memory = test::resident_bytes();
  std::deque<raw_connection> connections;
  std::vector<std::uint64_t> next_ids(64, 1);
  for (std::size_t i = 0; i < next_ids.size(); ++i)
    connections.emplace_back(server.port(), 4096).say_hello();
  std::size_t most = 0;
  for (int round = 0; round < 60; ++round) {
    for (std::size_t i = 0; i < connections.size(); ++i) {
      std::vector<std::byte> again = frame;
      auto* request = const_cast<wire::request*>(verify_request_frame(again)->body_as_request());
      reinterpret_cast<flatbuffers::Table*>(request)->SetField<std::uint64_t>(wire::request::VT_FIRST_ID, next_ids[i], 0);
      next_ids[i] += kinds.size();
      connections[i].send_some(again, 0ms);
    }
    most = std::max(most, test::resident_bytes());
    ASSERT_TRUE(witness->call(test::account_of("m-1")).ok());
  }
  EXPECT_LT(most, memory + (64u << 20)) << "unbounded, they would take 256 MiB";
  const auto begin = std::chrono::steady_clock::now();
  while (server.server().connections() > 1 && std::chrono::steady_clock::now() - begin < 20s)
    std::this_thread::sleep_for(20ms);
  EXPECT_EQ(server.server().connections(), 1u);
}

TEST(too_many_connections, are_told_so) {
  server_limits limits = short_limits();
  limits.connections_max = 4;
  limits.hello_timeout = 10s;
  test::test_server server(2, limits);
  std::deque<raw_connection> connections;
  for (int i = 0; i < 4; ++i) {
    connections.emplace_back(server.port()).say_hello();
    ASSERT_TRUE(connections.back().receive().has_value());
  }
  {
    raw_connection extra(server.port());
    extra.say_hello();
    std::string said;
    while (const auto bytes = extra.receive(5s)) {
      const wire::answer* answer = verify_answer_frame(*bytes)->body_as_answer();
      if (answer != nullptr && answer->outcome() != nullptr) {
        EXPECT_EQ(answer->outcome()->head()->status(), static_cast<std::uint8_t>(outcome_status::overloaded));
        said = answer->outcome()->what()->str();
      }
    }
    EXPECT_EQ(said, "too many connections");
    client_options options = server.options();
    options.reconnect_for = 0ms;
    const auto refused = client::connect(options);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, failure_code::unreachable);
    EXPECT_NE(refused.error().what.find("too many connections"), std::string::npos) << refused.error().what;
  }
  connections.pop_back();
  for (int i = 0; i < 100 && server.server().connections() > 3; ++i)
    std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(client::connect(server.options()).ok());
}

} // namespace
} // namespace tally::net
