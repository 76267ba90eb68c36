// tail over the wire: what is past and what comes, waiting, slow readers, the end of connections and of the server.
#include "net/client.hpp"

#include "net/operation_codec.hpp"
#include "tests/net/hostile_frames.hpp"
#include "tests/net/test_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>

namespace tally::net {
namespace {

using namespace std::chrono_literals;
using test::raw_connection;
using test::test_server;

command tail_of(std::uint64_t from = 0, std::string_view merchant = "beanhouse") {
  command asked;
  asked.kind = op::tail;
  asked.merchant = merchant;
  asked.seq = seq_t{from};
  return asked;
}

std::vector<std::byte> frame_of(std::uint64_t first_id, const std::vector<command>& commands) {
  flatbuffers::FlatBufferBuilder builder;
  begin_frame(builder);
  std::vector<op> kinds;
  std::vector<flatbuffers::Offset<void>> tables;
  for (const command& each : commands) {
    kinds.push_back(each.kind);
    tables.push_back(encode_operation(builder, each));
  }
  return test::copy_of(finish_request(builder, first_id, kinds, tables));
}

// A shop that sells, in orders o-0, o-1, o-2 ...
class shop {
public:
  explicit shop(const test_server& server) : till_(server.connect()) {
    EXPECT_EQ(till_->call(test::put_program_of())->head.status, outcome_status::ok); // entry 1
    EXPECT_EQ(till_->call(test::enroll_of("m-1"))->head.status, outcome_status::ok); // entry 2
  }

  void sell(int count) {
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(till_->send(test::earn_of("m-1", orders_.emplace_back("o-" + std::to_string(orders_.size())), 10'000)).ok());
    for (int i = 0; i < count; ++i)
      ASSERT_EQ(till_->receive()->head.status, outcome_status::ok);
  }

private:
  std::unique_ptr<client> till_;
  std::deque<std::string> orders_;
};

// The entries of a raw connection's answers, until that many have come; their ids must all be `id`.
std::vector<std::uint64_t> receive_seqs(raw_connection& from, std::uint64_t id, std::size_t count) {
  std::vector<std::uint64_t> seqs;
  while (seqs.size() < count) {
    const auto bytes = from.receive();
    if (!bytes)
      break;
    const wire::answer* answer = verify_answer_frame(*bytes)->body_as_answer();
    if (answer == nullptr)
      continue; // the hello
    EXPECT_EQ(answer->outcome()->head()->id(), id);
    if (answer->outcome()->entries() == nullptr)
      break;
    for (const wire::ledger_entry* entry : *answer->outcome()->entries())
      seqs.push_back(entry->seq()->value());
  }
  return seqs;
}

TEST(tail, shows_what_is_past_and_what_comes) {
  test_server server(2);
  shop sales(server);
  sales.sell(600);
  auto auditor = server.connect();
  std::atomic<std::uint64_t> seen{0};
  std::thread more([&] {
    while (seen < 602)
      std::this_thread::sleep_for(1ms);
    for (int i = 0; i < 50; ++i) {
      const auto asked = std::chrono::steady_clock::now();
      sales.sell(1);
      while (seen < 603u + static_cast<unsigned>(i) && std::chrono::steady_clock::now() - asked < 5s)
        std::this_thread::yield();
      EXPECT_LT(std::chrono::steady_clock::now() - asked, 1s) << "as soon as it is durable, on a machine at work";
    }
  });
  const auto ended = auditor->tail(tail_of(), [&](const answer* piece) {
    if (piece != nullptr) {
      for (const wire::ledger_entry* entry : *piece->document->entries()) {
        EXPECT_EQ(entry->seq()->value(), seen + 1);
        EXPECT_EQ(entry->merchant()->str(), "beanhouse");
        EXPECT_EQ(entry->kind()->str(), seen == 0 ? "program" : seen == 1 ? "enroll" : "earn");
        EXPECT_EQ(entry->rates() != nullptr, seen > 1) << "with the rates it used";
        ++seen;
      }
    }
    return seen < 652;
  });
  more.join();
  ASSERT_TRUE(ended.ok()) << ended.error().what;
  EXPECT_EQ(ended->head.status, outcome_status::ok);
}

TEST(tail, of_some_kinds_from_some_entry_of_the_own_merchant) {
  test_server server;
  shop sales(server);
  sales.sell(3); // 3, 4, 5
  auto desk = server.connect();
  command other = test::enroll_of("m-1");
  other.merchant = "otherhouse";
  ASSERT_EQ(desk->call(other)->head.seq, seq_t{6});
  ASSERT_EQ(desk->call(test::enroll_of("m-2"))->head.seq, seq_t{7});
  const auto seqs_of = [&](command asked, std::size_t count) {
    raw_connection raw(server.port());
    raw.say_hello();
    raw.send(frame_of(5, {asked}));
    return receive_seqs(raw, 5, count);
  };
  using seqs = std::vector<std::uint64_t>;
  EXPECT_EQ(seqs_of(tail_of(4), 3), (seqs{4, 5, 7}));
  command earns = tail_of();
  earns.kinds.insert(entry_kind::earn);
  EXPECT_EQ(seqs_of(earns, 3), (seqs{3, 4, 5}));
  EXPECT_EQ(seqs_of(tail_of(1, "otherhouse"), 1), (seqs{6}));
  command absent = tail_of();
  absent.seq = {};
  EXPECT_EQ(seqs_of(absent, 6), (seqs{1, 2, 3, 4, 5, 7}));

  raw_connection later(server.port()); // of a merchant that comes later, and from an entry that does
  later.say_hello();
  later.send(frame_of(1, {tail_of(9, "newhouse")}));
  std::this_thread::sleep_for(20ms);
  for (const char* account : {"n-1", "n-2", "n-3"}) {
    command first = test::enroll_of(account);
    first.merchant = "newhouse";
    ASSERT_EQ(desk->call(first)->head.status, outcome_status::ok);
  }
  EXPECT_EQ(receive_seqs(later, 1, 2), (seqs{9, 10}));
}

// Nothing of the timeouts is meant for who waits.
TEST(tail, waits_as_long_as_it_must) {
  server_limits limits;
  limits.hello_timeout = limits.half_frame_timeout = limits.slow_reader_timeout = limits.linger_timeout = 40ms;
  test_server server(2, limits);
  shop sales(server);
  std::vector<raw_connection> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(server.port()).say_hello();
    waiting.back().send(frame_of(1, {tail_of(3)}));
  }
  std::this_thread::sleep_for(400ms);
  sales.sell(1);
  for (raw_connection& each : waiting)
    EXPECT_EQ(receive_seqs(each, 1, 1), (std::vector<std::uint64_t>{3}));
}

TEST(tail, is_alone_on_its_connection) {
  test_server server;
  shop sales(server);
  for (const bool in_one_frame : {true, false}) {
    raw_connection raw(server.port());
    raw.say_hello();
    if (in_one_frame) {
      raw.send(frame_of(1, {test::account_of("m-1"), tail_of(2), test::account_of("m-1")}));
    } else {
      raw.send(frame_of(1, {test::account_of("m-1"), tail_of(2)}));
      std::this_thread::sleep_for(20ms);
      raw.send(frame_of(9, {tail_of(1)}));
    }
    std::vector<std::string> said;
    while (const auto bytes = raw.receive()) {
      const wire::answer* answer = verify_answer_frame(*bytes)->body_as_answer();
      if (answer != nullptr && answer->outcome() != nullptr && answer->outcome()->head()->id() == 0) {
        EXPECT_EQ(static_cast<outcome_status>(answer->outcome()->head()->status()), outcome_status::invalid);
        said.push_back(answer->outcome()->what()->str());
      }
    }
    ASSERT_EQ(said.size(), 1u) << "and then it is closed";
    EXPECT_NE(said[0].find("tail"), std::string::npos);
  }
  auto till = server.connect();
  EXPECT_EQ(till->call(test::account_of("m-1"))->head.status, outcome_status::ok);
}

// Forty that never read, and one that keeps up, while a flood goes on.
TEST(tail, a_slow_reader_costs_nothing) {
  server_limits limits;
  limits.slow_reader_timeout = 3s;
  test_server server(2, limits);
  shop sales(server);
  sales.sell(30'000);
  const std::size_t memory = test::resident_bytes();
  std::deque<raw_connection> slow;
  for (int i = 0; i < 40; ++i) {
    slow.emplace_back(server.port(), 4096).say_hello();
    slow.back().send(frame_of(1, {tail_of(1)}));
  }
  std::thread flood([&] { sales.sell(15'000); });
  std::uint64_t seen = 0;
  std::size_t bytes = 0, most = 0;
  auto auditor = server.connect();
  const auto ended = auditor->tail(tail_of(), [&](const answer* piece) {
    if (piece != nullptr) {
      for (const wire::ledger_entry* entry : *piece->document->entries())
        EXPECT_EQ(entry->seq()->value(), ++seen);
      bytes += piece->bytes.size();
      most = std::max(most, test::resident_bytes());
    }
    return seen < 45'002 && !testing::Test::HasFailure();
  });
  flood.join();
  ASSERT_TRUE(ended.ok()) << ended.error().what;
  EXPECT_GT(bytes, 10u << 20) << "what each of the slow ones would have had";
  EXPECT_LT(most, memory + (64u << 20));
  const auto begin = std::chrono::steady_clock::now();
  while (server.server().connections() > 1 && std::chrono::steady_clock::now() - begin < 10s)
    std::this_thread::sleep_for(10ms);
  EXPECT_LE(server.server().connections(), 1u) << "in the end they are cut off; only the till is left";
}

TEST(tail, frees_everything_when_its_connection_goes) {
  server_limits limits;
  limits.tails_max = 2;
  test_server server(1, limits);
  shop sales(server);
  const auto wait_for_connections = [&](std::uint32_t count) {
    const auto begin = std::chrono::steady_clock::now();
    while (server.server().connections() != count && std::chrono::steady_clock::now() - begin < 5s)
      std::this_thread::sleep_for(1ms);
    EXPECT_EQ(server.server().connections(), count);
  };
  for (int round = 0; round < 20; ++round) {
    wait_for_connections(1); // the server has seen those of the round before go
    raw_connection first(server.port()), second(server.port()), third(server.port());
    for (raw_connection* each : {&first, &second}) {
      each->say_hello();
      each->send(frame_of(1, {tail_of(static_cast<std::uint64_t>(1 + round))}));
      EXPECT_GE(receive_seqs(*each, 1, 1).size(), 1u);
    }
    third.say_hello();
    third.send(frame_of(1, {tail_of(1)}));
    EXPECT_TRUE(receive_seqs(third, 1, 1).empty()) << "too many";
    if (round % 3 == 0) {
      first.half_close(); // says that nobody is interested any more
      EXPECT_TRUE(first.wait_closed(5s));
    }
    sales.sell(1); // a piece is on its way as they go
  }
  wait_for_connections(1);
  raw_connection last(server.port());
  last.say_hello();
  last.send(frame_of(1, {tail_of(1)}));
  EXPECT_EQ(receive_seqs(last, 1, 22).size(), 22u);
}

TEST(tail, ends_with_the_server_and_goes_on_with_the_next) {
  test_server server(2);
  shop sales(server);
  std::atomic<std::uint64_t> seen{0};
  std::thread follower([&, options = server.options()] {
    auto auditor = std::move(*client::connect(options));
    const auto ended = auditor->tail(tail_of(), [&](const answer* piece) {
      if (piece != nullptr) {
        for (const wire::ledger_entry* entry : *piece->document->entries())
          EXPECT_EQ(entry->seq()->value(), ++seen);
      }
      return seen < 12;
    });
    EXPECT_TRUE(ended.ok()) << ended.error().what;
  });
  sales.sell(5);
  while (seen < 7)
    std::this_thread::sleep_for(1ms);
  const auto begin = std::chrono::steady_clock::now();
  server.restart();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s) << "it does not wait for those that wait";
  sales.sell(5);
  follower.join();
}

} // namespace
} // namespace tally::net
