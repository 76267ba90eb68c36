// The generator and its book-keeping against a scripted server: everything asked is answered, and a server that
// loses, invents or misreports points is found out.
#include "bench/generator.hpp"

#include "bench/phases.hpp"
#include "tests/bench/scripted_server.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace tally::bench {
namespace {

constexpr std::uint32_t account_count = 500;

struct shape {
  std::uint32_t connections, in_flight, operations_per_frame;
};

generator_options options_for(const scripted_server& server, shape form) {
  generator_options options;
  options.port = server.port();
  options.merchant = "bench";
  options.connections = form.connections;
  options.in_flight = form.in_flight;
  options.operations_per_frame = form.operations_per_frame;
  return options;
}

struct outcome_of_run {
  std::uint64_t answered = 0, errors = 0, differences = 0, seen_by_server = 0;
  std::uint64_t latencies = 0;
};

// Enrolls, loads for a moment, reads everybody back.
outcome_of_run run_against(scripted_server& server, shape form, double rate = 0) {
  outcome_of_run seen;
  auto load = generator::connect(options_for(server, form));
  EXPECT_TRUE(load.ok()) << load.error().what;
  expected_accounts accounts(account_count);
  enroll_traffic enroll(accounts);
  EXPECT_TRUE((*load)->run(enroll).ok());
  EXPECT_EQ(enroll.errors(), 0u);

  workload_options wanted;
  wanted.accounts = account_count;
  workload work(wanted);
  measured_traffic::options window;
  window.duration_ns = 100'000'000;
  window.at_start = window.at_end = [] {};
  measured_traffic measured(work, accounts, window);
  const auto ran = (*load)->run(measured, rate);
  EXPECT_TRUE(ran.ok()) << ran.error().what;
  seen.answered = measured.answered_count();
  seen.errors = measured.errors();
  seen.latencies = measured.all_latencies_us().count();
  EXPECT_GT(measured.window_s(), 0.099);

  std::vector<std::uint32_t> all(account_count);
  std::iota(all.begin(), all.end(), 0u);
  std::uint64_t read_back = 0;
  read_traffic read(all, [&](std::uint32_t account, const answer_numbers& shown) {
    ++read_back;
    seen.differences += !accounts.difference(account, shown).empty();
  });
  EXPECT_TRUE((*load)->run(read).ok());
  EXPECT_EQ(read_back, account_count);
  seen.seen_by_server = server.operations();
  return seen;
}

TEST(generator, an_honest_server_verifies_in_every_shape) {
  for (const shape form : {shape{1, 1, 1}, shape{3, 1, 1}, shape{2, 100, 64}, shape{4, 1024, 64}, shape{2, 64, 1}, shape{1, 8, 64}}) {
    scripted_server server;
    const outcome_of_run seen = run_against(server, form);
    EXPECT_GT(seen.answered, 100u);
    EXPECT_EQ(seen.errors, 0u);
    EXPECT_EQ(seen.differences, 0u);
    EXPECT_EQ(seen.latencies, seen.answered);
    EXPECT_GE(seen.seen_by_server, seen.answered + 2 * account_count);
  }
}

TEST(generator, an_open_loop_keeps_its_rate) {
  scripted_server server;
  const outcome_of_run seen = run_against(server, {4, 1024, 64}, 20'000);
  EXPECT_EQ(seen.differences, 0u);
  EXPECT_LE(seen.answered, 3'000u); // 100 ms of it, and what came late on a busy machine
  EXPECT_GE(seen.answered, 1'000u); // even on a machine that has other things to do
}

TEST(generator, a_lost_acknowledged_earn_is_found) {
  int earns = 0;
  scripted_server server([&](const command& asked, outcome& answer) {
    // Acknowledges one earn with points that it does not keep.
    if (asked.kind == op::earn && ++earns == 50) {
      answer.points += points_t{1};
      answer.lifetime += points_t{1};
      answer.available += points_t{1};
    }
    return true;
  });
  EXPECT_GE(run_against(server, {2, 16, 8}).differences, 1u);
}

TEST(generator, a_read_that_shows_another_balance_is_found) {
  scripted_server server([](const command& asked, outcome& answer) {
    if (asked.kind == op::account && asked.account == "m-0000123")
      answer.available += points_t{5};
    return true;
  });
  EXPECT_EQ(run_against(server, {2, 16, 8}).differences, 1u);
}

TEST(generator, a_refused_operation_is_an_error_and_changes_nothing) {
  scripted_server server([](const command& asked, outcome& answer) {
    if (asked.kind == op::redeem) {
      answer.status = outcome_status::rejected;
      answer.code = outcome_code::program_inactive;
    }
    return true;
  });
  const outcome_of_run seen = run_against(server, {2, 16, 8});
  EXPECT_GT(seen.errors, 0u);
}

TEST(generator, nobody_listening_is_unreachable) {
  scripted_server server;
  auto refused = generator::connect([&] {
    generator_options options = options_for(server, {1, 1, 1});
    options.port = 1; // nobody listens there
    return options;
  }());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, failure_code::unreachable);
}

TEST(enroll_traffic, names_the_accounts_that_were_there_already) {
  scripted_server server;
  auto load = generator::connect(options_for(server, {1, 16, 8}));
  ASSERT_TRUE(load.ok());
  expected_accounts accounts(account_count);
  enroll_traffic first(accounts), again(accounts);
  ASSERT_TRUE((*load)->run(first).ok());
  EXPECT_TRUE(first.known_before().empty());
  ASSERT_TRUE((*load)->run(again).ok());
  EXPECT_EQ(again.known_before().size(), account_count);
  EXPECT_EQ(again.errors(), 0u);
}

} // namespace
} // namespace tally::bench
