// Client and server over a real ledger: order, batches, barriers, caps, the end of connections and of the server.
#include "net/server.hpp"

#include "net/operation_codec.hpp"
#include "net/reply_frame.hpp"
#include "tests/net/hostile_frames.hpp"
#include "tests/net/test_server.hpp"

#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace tally::net {
namespace {

using namespace std::chrono_literals;
using test::test_server;

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

// Ids and heads of everything the server says, until that many have come.
struct heads {
  std::vector<std::uint64_t> ids;
  std::vector<outcome> outcomes;
  std::vector<std::string> whats;
};
heads receive_heads(test::raw_connection& from, std::size_t count) {
  heads out;
  while (out.ids.size() < count) {
    const auto bytes = from.receive();
    if (!bytes)
      break;
    const wire::frame* frame = verify_answer_frame(*bytes);
    EXPECT_NE(frame, nullptr);
    if (frame == nullptr)
      break;
    const wire::answer* answer = frame->body_as_answer();
    if (answer == nullptr)
      continue; // its hello
    const auto take = [&](const wire::reply& reply, std::string what) {
      out.ids.push_back(reply.id());
      out.outcomes.push_back(read_reply(reply));
      out.whats.push_back(std::move(what));
    };
    if (answer->outcome() != nullptr) {
      take(*answer->outcome()->head(), answer->outcome()->what() == nullptr ? "" : answer->outcome()->what()->str());
    } else {
      for (const wire::reply* reply : *answer->replies())
        take(*reply, "");
    }
  }
  return out;
}

void set_up(test_server& server, int accounts) {
  auto desk = server.connect();
  ASSERT_EQ(desk->call(test::put_program_of())->head.status, outcome_status::ok);
  for (int i = 0; i < accounts; ++i)
    ASSERT_EQ(desk->call(test::enroll_of("m-" + std::to_string(i)))->head.status, outcome_status::ok);
}

TEST(server, a_day_at_the_till) {
  test_server server;
  auto till = server.connect();
  const auto program = till->call(test::put_program_of());
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(program->head.status, outcome_status::ok);
  EXPECT_EQ(program->head.version, 1u);
  const auto enrolled = till->call(test::enroll_of("m-1"));
  EXPECT_EQ(enrolled->head.points, points_t{50});

  const sale_line line{"BEAN-1KG", "beans", 1, {300'000}};
  command earn = test::earn_of("m-1", "o-1", 425'000);
  earn.lines = {&line, 1};
  const auto earned = till->call(earn);
  EXPECT_EQ(earned->head.status, outcome_status::ok);
  EXPECT_EQ(earned->head.points, points_t{72});
  ASSERT_NE(earned->document, nullptr) << "it reached a reward";
  ASSERT_EQ(earned->document->rewards()->size(), 1u);
  EXPECT_EQ(earned->document->rewards()->Get(0)->str(), "Free coffee");
  const auto again = till->call(earn);
  EXPECT_EQ(again->head.status, outcome_status::duplicate);
  EXPECT_EQ(again->head.seq, earned->head.seq);
  EXPECT_EQ(again->head.points, points_t{72});

  const auto shown = till->call(test::account_of("m-1"));
  EXPECT_EQ(shown->head.available, points_t{122});
  ASSERT_NE(shown->document, nullptr);
  EXPECT_EQ(shown->document->state()->str(), "active");

  command history;
  history.kind = op::history;
  history.merchant = "beanhouse";
  history.account = "m-1";
  const auto entries = till->call(history);
  ASSERT_NE(entries->document, nullptr);
  ASSERT_EQ(entries->document->entries()->size(), 2u);
  const wire::ledger_entry& newest = *entries->document->entries()->Get(0);
  EXPECT_EQ(newest.kind()->str(), "earn");
  EXPECT_EQ(newest.merchant()->str(), "beanhouse");
  EXPECT_EQ(newest.total()->units(), 425'000);
  EXPECT_EQ(newest.rates()->line_multipliers()->Get(0)->str(), "2");
  EXPECT_EQ(newest.rates()->per()->units(), 10'000);
  EXPECT_EQ(newest.due(), nullptr);
  EXPECT_EQ(newest.occurred_at(), nullptr);
  EXPECT_EQ(newest.discount(), nullptr);
  EXPECT_EQ(newest.prev_seq()->value(), enrolled->head.seq.value);
  EXPECT_EQ(entries->document->entries()->Get(1)->prev_seq(), nullptr);
  EXPECT_EQ(entries->document->entries()->Get(1)->rates(), nullptr);
}

TEST(server, unknown_operations_and_bad_fields_leave_the_connection_open) {
  test_server server;
  set_up(server, 1);
  test::raw_connection raw(server.port());
  raw.say_hello();
  std::vector<std::byte> odd = frame_of(1, {test::earn_of("m-0", "o-1", 10'000), test::earn_of("m-0", "o-2", 10'000),
                                            test::earn_of("m-0", "", 10'000), test::earn_of("m-0", "o-3", -1)});
  wire::request* request = const_cast<wire::request*>(verify_request_frame(odd)->body_as_request());
  const_cast<flatbuffers::Vector<wire::operation>*>(request->operations_type())->Mutate(0, static_cast<wire::operation>(200));
  raw.send(odd);
  const heads answers = receive_heads(raw, 4);
  ASSERT_EQ(answers.ids, (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(answers.outcomes[0].status, outcome_status::invalid);
  EXPECT_EQ(answers.whats[0], "unknown operation");
  EXPECT_EQ(answers.outcomes[1].status, outcome_status::ok);
  EXPECT_EQ(answers.whats[2], "required");
  EXPECT_EQ(answers.whats[3], "must not be negative");
  raw.send(frame_of(5, {test::earn_of("m-0", "o-9", 10'000)}));
  EXPECT_EQ(receive_heads(raw, 1).outcomes.at(0).status, outcome_status::ok);
}

// Accounts of both shards, reads that show what is in memory and what is in the journal, refusals, in one pipeline.
TEST(server, answers_come_in_order_over_two_shards) {
  test_server server(2);
  constexpr int accounts = 16, rounds = 40;
  set_up(server, accounts);
  for (const std::size_t per_frame : {1u, 7u, 64u}) {
    client_options options = server.options();
    options.operations_per_frame = per_frame;
    auto till = std::move(*client::connect(options));
    std::vector<command> sent;
    std::deque<std::string> texts;
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < accounts; ++i) {
        const std::string_view account = texts.emplace_back("m-" + std::to_string(i));
        sent.push_back(test::earn_of(account, texts.emplace_back("o-" + std::to_string(per_frame) + "-" + std::to_string(round)), 10'000));
        if (i % 5 == 0)
          sent.push_back(test::account_of(account));
        if (i % 7 == 0) {
          command count;
          count.kind = op::count;
          count.merchant = "beanhouse";
          count.account = account;
          sent.push_back(count);
        }
        if (i % 6 == 0)
          sent.push_back(test::earn_of(account, "", 1)); // invalid
      }
    }
    for (const command& each : sent)
      ASSERT_TRUE(till->send(each).ok());
    std::map<std::string_view, points_t> balances;
    std::map<std::string_view, std::int64_t> counts;
    for (const command& each : sent) {
      const auto answer = till->receive(); // refuses answers out of order itself
      ASSERT_TRUE(answer.ok()) << answer.error().what;
      if (each.order.empty() && each.kind == op::earn) {
        EXPECT_EQ(answer->head.status, outcome_status::invalid);
        continue;
      }
      ASSERT_EQ(answer->head.status, outcome_status::ok);
      ASSERT_EQ(answer->head.kind, each.kind);
      if (each.kind == op::earn) {
        if (balances.contains(each.account)) {
          EXPECT_EQ(answer->head.available, balances[each.account] + points_t{1});
        }
        balances[each.account] = answer->head.available;
      } else if (each.kind == op::account) {
        EXPECT_EQ(answer->head.available, balances[each.account]) << "a read sees what was sent before it";
      } else {
        ASSERT_TRUE(answer->document->count().has_value());
        EXPECT_GE(*answer->document->count(), counts[each.account]);
        counts[each.account] = *answer->document->count();
      }
    }
  }
}

TEST(server, rules_change_between_two_operations_of_one_frame) {
  test_server server(2);
  set_up(server, 8);
  test::raw_connection raw(server.port());
  raw.say_hello();
  std::string doubled(test::rules);
  doubled.replace(doubled.find("points = \"1\""), 12, "points = \"2\"");
  std::vector<command> commands;
  std::deque<std::string> accounts;
  for (int i = 0; i < 8; ++i)
    commands.push_back(test::earn_of(accounts.emplace_back("m-" + std::to_string(i)), "before", 100'000));
  commands.push_back(test::put_program_of(doubled));
  for (int i = 0; i < 8; ++i)
    commands.push_back(test::earn_of(accounts[static_cast<std::size_t>(i)], "after", 100'000));
  command programs;
  programs.kind = op::programs;
  programs.merchant = "beanhouse";
  commands.push_back(programs);
  raw.send(frame_of(1, commands));
  const heads answers = receive_heads(raw, commands.size());
  ASSERT_EQ(answers.ids.size(), commands.size());
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(answers.outcomes[i].points, points_t{10});
    EXPECT_EQ(answers.outcomes[9 + i].points, points_t{20});
  }
}

// Ten times what a session may have in flight, nothing read meanwhile: the server stops reading, and answers it all later.
TEST(server, stops_reading_a_session_that_has_too_much_in_flight) {
  test_server server(2);
  set_up(server, 4);
  const std::string account(64, 'm'); // long requests, longer answers
  ASSERT_EQ(server.connect()->call(test::enroll_of(account))->head.status, outcome_status::ok);
  test::raw_connection raw(server.port(), 4096);
  raw.say_hello();
  constexpr std::uint64_t frames = 2000, per_frame = 64;
  std::vector<std::byte> all;
  for (std::uint64_t i = 0; i < frames; ++i) {
    const auto frame = frame_of(1 + i * per_frame, std::vector<command>(per_frame, test::account_of(account)));
    all.insert(all.end(), frame.begin(), frame.end());
  }
  const std::size_t memory = test::resident_bytes();
  const std::size_t first = raw.send_some(all, 500ms);
  EXPECT_LT(first, all.size()) << "the sockets' buffers took all of it: nothing was tested";
  EXPECT_LT(test::resident_bytes(), memory + (64u << 20));
  EXPECT_EQ(server.connect()->call(test::account_of("m-1"))->head.status, outcome_status::ok) << "others are served";
  std::thread rest([&] { EXPECT_TRUE(raw.send(frame_bytes(all).subspan(first))); });
  const heads answers = receive_heads(raw, frames * per_frame);
  rest.join();
  ASSERT_EQ(answers.ids.size(), frames * per_frame);
  for (std::uint64_t i = 0; i < answers.ids.size(); ++i)
    ASSERT_EQ(answers.ids[i], i + 1);
}

TEST(server, answers_a_client_that_has_closed_its_half) {
  test_server server;
  set_up(server, 1);
  test::raw_connection raw(server.port());
  raw.say_hello();
  raw.send(frame_of(1, {test::earn_of("m-0", "o-1", 10'000), test::account_of("m-0")}));
  raw.half_close();
  EXPECT_EQ(receive_heads(raw, 2).ids.size(), 2u);
  EXPECT_TRUE(raw.wait_closed(5s));
}

TEST(server, stopping_answers_what_was_asked_and_keeps_it) {
  test_server server(2);
  set_up(server, 8);
  constexpr int tills = 4, each = 500;
  std::vector<std::thread> threads;
  std::vector<std::vector<std::string>> acknowledged(tills);
  std::atomic<int> answered{0};
  for (int t = 0; t < tills; ++t)
    threads.emplace_back([&, t] {
      client_options options = server.options();
      options.reconnect_for = 0ms;
      auto connected = client::connect(options);
      if (!connected)
        return; // the server was stopped before
      auto till = std::move(*connected);
      std::deque<std::string> orders;
      for (int i = 0; i < each; ++i) {
        const std::string& order = orders.emplace_back("o-" + std::to_string(t) + "-" + std::to_string(i));
        if (!till->send(test::earn_of("m-" + std::to_string(i % 8), order, 10'000)))
          return;
        if (i % 10 != 9)
          continue;
        while (till->in_flight() != 0) {
          const auto answer = till->receive();
          if (!answer)
            return;
          if (answer->head.status == outcome_status::ok)
            acknowledged[static_cast<std::size_t>(t)].push_back(orders[static_cast<std::size_t>(i + 1) - till->in_flight() - 1]);
          ++answered;
        }
      }
    });
  while (answered < 200)
    std::this_thread::sleep_for(1ms);
  server.stop();
  for (std::thread& thread : threads)
    thread.join();
  server.restart();
  auto desk = server.connect();
  std::size_t checked = 0;
  for (const auto& orders : acknowledged) {
    for (const std::string& order : orders) {
      const int number = std::atoi(order.c_str() + order.rfind('-') + 1);
      const auto answer = desk->call(test::earn_of("m-" + std::to_string(number % 8), order, 10'000));
      ASSERT_TRUE(answer.ok());
      ASSERT_EQ(answer->head.status, outcome_status::duplicate) << order;
      ++checked;
    }
  }
  EXPECT_GE(checked, 200u);
}

TEST(server, an_address_in_use_is_named) {
  test_server server;
  const auto second = listener::bind("127.0.0.1", server.port());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().what.find("the address is in use"), std::string::npos) << second.error().what;
  const auto nowhere = listener::bind("no such host.invalid", 0);
  EXPECT_FALSE(nowhere.ok());
}

} // namespace
} // namespace tally::net
