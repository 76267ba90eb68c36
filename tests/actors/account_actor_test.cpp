// An account as any CAF actor of the process sees it.
#include "actors/account_messages.hpp"
#include "actors/parts.hpp"
#include "actors/shard_core.hpp"
#include "tests/actors/running_ledger.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include <gtest/gtest.h>

#include <future>

namespace tally::actors {
namespace {

using enum outcome_status;
using namespace std::chrono_literals;

TEST(account_actor, is_lean) { EXPECT_LE(account_actor::block_bytes(), 448u); }

TEST(account_actor, answers_a_scoped_actor) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(plain_rules));
  tally.call(enroll_of("m-1"));
  EXPECT_FALSE(tally->account("beanhouse", "m-2"));
  EXPECT_FALSE(tally->account("nobody", "m-1"));
  const caf::actor account = tally->account("beanhouse", "m-1");
  ASSERT_TRUE(account);
  caf::scoped_actor self{tally->system()};
  self->request(account, 5s, account_query{})
      .receive(
          [](const account_balances& got) {
            EXPECT_EQ(got.merchant, "beanhouse");
            EXPECT_EQ(got.account, "m-1");
            EXPECT_EQ(got.view.available, points_t{50});
          },
          [](const caf::error& why) { FAIL() << to_string(why); });
  self->request(account, 5s, account_command(earn_of("", "o-1", 7 * one)))
      .receive(
          [](const account_outcome& got) {
            EXPECT_EQ(got.value.status, ok);
            EXPECT_EQ(got.value.points, points_t{7});
          },
          [](const caf::error& why) { FAIL() << to_string(why); });
  self->request(account, 5s, std::string("hello"))
      .receive([] { FAIL(); }, [](const caf::error& why) { EXPECT_EQ(why, caf::sec::unexpected_message); });
  EXPECT_EQ(tally.call(read_of(op::account, "m-1")).shown->view->available, points_t{57});
  EXPECT_EQ(tally.call(earn_of("m-1", "o-1", 7 * one)).head.status, duplicate) << "one account, whoever asks";
}

TEST(account_actor, answers_no_actor_before_it_is_durable) {
  temporary_folder folder;
  auto owned = std::make_unique<memory_journal>(std::make_shared<memory_disk>());
  memory_journal& journal = *owned;
  running_ledger tally(options_for(folder, 1), std::move(owned));
  tally.call(put_of(plain_rules));
  tally.call(enroll_of("m-1"));
  const caf::actor account = tally->account("beanhouse", "m-1");
  journal.hold_back(true);
  const std::uint64_t before = journal.appended();
  caf::scoped_actor self{tally->system()};
  self->send(account, account_command(earn_of("", "o-1", 7 * one)));
  self->send(account, account_query{});
  while (journal.appended() == before)
    std::this_thread::yield();
  bool answered = false;
  const auto take = [&](std::chrono::milliseconds patience) {
    self->receive([&](const account_outcome&) { answered = true; },
                  [&](const account_balances& got) { EXPECT_EQ(got.view.available, points_t{57}); }, caf::after(patience) >> [] {});
  };
  take(100ms);
  EXPECT_FALSE(answered);
  journal.hold_back(false);
  take(5s);
  EXPECT_TRUE(answered);
  take(5s);
}

TEST(account_actor, serves_an_actor_of_another_thread_under_load) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(plain_rules));
  std::vector<std::string> names;
  std::vector<caf::actor> accounts;
  for (int i = 0; i < 8; ++i) {
    tally.call(enroll_of(names.emplace_back("m-" + std::to_string(i))));
    accounts.push_back(tally->account("beanhouse", names.back()));
  }
  constexpr int sales = 500;
  std::promise<int> finished;
  tally->system().spawn<caf::no_spawn_options>(
      [&accounts, &finished](caf::event_based_actor* self, int sales_each) -> caf::behavior {
        auto answered = std::make_shared<int>(0);
        for (int i = 0; i < sales_each; ++i)
          for (const caf::actor& account : accounts)
            self->send(account, account_command(earn_of("", "actor-" + std::to_string(i), one)));
        return {[=, &finished](const account_outcome& got) {
          EXPECT_EQ(got.value.status, ok);
          if (++*answered == sales_each * 8) {
            finished.set_value(*answered);
            self->quit();
          }
        }};
      },
      sales);
  for (int i = 0; i < sales; ++i)
    for (std::size_t m = 0; m < names.size(); ++m)
      tally.at(m % 2).send(earn_of(names[m], "till-" + std::to_string(i), one));
  std::future<int> all = finished.get_future();
  ASSERT_EQ(all.wait_for(20s), std::future_status::ready);
  for (const std::string& name : names)
    EXPECT_EQ(tally.call(read_of(op::count, name)).shown->count.value_or(0) > sales, true);
  for (std::size_t m = 0; m < names.size(); ++m) {
    const auto last = tally.at(m % 2).send(read_of(op::account, names[m]));
    EXPECT_EQ(tally.at(m % 2).wait(last).shown->view->available, points_t{50 + 2 * sales});
  }
}

TEST(account_actor, outlives_exit_messages_and_tells_its_monitors_at_the_end) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 1), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(enroll_of("m-1"));
  const caf::actor account = tally->account("beanhouse", "m-1");
  caf::scoped_actor self{tally->system()};
  self->monitor(account);
  {
    caf::scoped_actor linked{tally->system()};
    linked->link_to(account);
  }
  caf::anon_send_exit(account, caf::exit_reason::user_shutdown);
  self->request(account, 5s, account_query{})
      .receive([](const account_balances& got) { EXPECT_EQ(got.account, "m-1"); }, [](const caf::error& why) { FAIL() << to_string(why); });
  tally.stop();
  tally->close();
  bool down = false;
  self->receive([&](const caf::down_msg& message) {
    down = true;
    EXPECT_EQ(message.source, account.address());
    EXPECT_EQ(message.reason, caf::exit_reason::user_shutdown);
  });
  EXPECT_TRUE(down);
  self->request(account, 5s, account_query{})
      .receive([](const account_balances&) { FAIL() << "it is over"; },
               [](const caf::error& why) { EXPECT_EQ(why, caf::sec::request_receiver_down); });
}

TEST(account_actor_death, a_kill_ends_the_process) {
  temporary_folder folder; // removed here: the one that dies cannot
  EXPECT_DEATH(
      {
        running_ledger tally(options_for(folder, 1), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
        tally.call(enroll_of("m-1"));
        caf::anon_send_exit(tally->account("beanhouse", "m-1"), caf::exit_reason::kill);
        std::this_thread::sleep_for(5s);
      },
      "kills the actor of account m-1");
}

TEST(supervisor, starts_a_reader_again) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 1), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(enroll_of("m-1"));
  const caf::actor supervisor = tally->shard_at(0).core().parts().supervisor;
  caf::scoped_actor self{tally->system()};
  const auto readers = [&] {
    std::vector<caf::actor> found;
    self->request(supervisor, 5s, caf::get_atom::value)
        .receive([&](std::vector<caf::actor>& all) { found = std::move(all); }, [](const caf::error& why) { FAIL() << to_string(why); });
    return found;
  };
  const std::vector<caf::actor> before = readers();
  ASSERT_EQ(before.size(), 2u);
  for (const caf::actor& each : before) {
    self->monitor(each);
    caf::anon_send_exit(each, caf::exit_reason::kill);
    self->receive([](const caf::down_msg&) {});
  }
  std::vector<caf::actor> after;
  while (after = readers(), after[0] == before[0] || after[1] == before[1])
    std::this_thread::sleep_for(1ms);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(tally.call(read_of(op::history, "m-1")).shown->entries.entries().size(), 1u);
}

} // namespace
} // namespace tally::actors
