// A ledger as its ports see it: round trips, restarts, duplicates, durability, several shards.
#include "tests/actors/running_ledger.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tally::actors {
namespace {

using enum outcome_status;

class round_trip : public testing::TestWithParam<std::uint32_t> {};

TEST_P(round_trip, enrolls_earns_redeems_and_recovers) {
  temporary_folder folder;
  std::vector<std::string> before;
  {
    running_ledger tally(options_for(folder, GetParam()));
    const scripted_answer put = tally.call(put_of(plain_rules));
    EXPECT_EQ(put.head.status, ok) << put.head.what;
    EXPECT_EQ(put.head.version, 1u);
    EXPECT_EQ(put.head.seq, seq_t{1});
    for (int i = 0; i < 100; ++i) {
      const std::string account = "m-" + std::to_string(i);
      const scripted_answer enrolled = tally.call(enroll_of(account), i % GetParam());
      EXPECT_EQ(enrolled.head.status, ok);
      EXPECT_EQ(enrolled.head.available, points_t{50});
      const scripted_answer earned = tally.call(earn_of(account, "o-1", 42 * one + 5000), (i + 1) % GetParam());
      EXPECT_EQ(earned.head.status, ok);
      EXPECT_EQ(earned.head.points, points_t{42});
      EXPECT_EQ(earned.head.available, points_t{92});
      EXPECT_EQ(earned.head.version, 1u);
      const scripted_answer redeemed = tally.call(redeem_of(account, "o-2", 90));
      EXPECT_EQ(redeemed.head.status, ok);
      EXPECT_EQ(redeemed.head.amount, money_t{9000});
      EXPECT_EQ(redeemed.head.available, points_t{2});
      const scripted_answer again = tally.call(redeem_of(account, "o-3", 90));
      EXPECT_EQ(again.head.code, outcome_code::insufficient_points);
    }
    EXPECT_EQ(tally->account_count(), 100u);
    tally.stop();
    before = tally.fingerprints();
    EXPECT_EQ(before.size(), 100u);
  }
  running_ledger tally(options_for(folder, 5 - GetParam())); // and with another number of shards
  EXPECT_EQ(tally->account_count(), 100u);
  EXPECT_EQ(tally.call(earn_of("m-7", "o-9", 10 * one)).head.available, points_t{12});
  EXPECT_EQ(tally.call(earn_of("m-7", "o-1", 42 * one + 5000)).head.status, duplicate);
  const scripted_answer put = tally.call(put_of(plain_rules));
  EXPECT_EQ(put.head.status, duplicate);
  EXPECT_EQ(put.head.seq, seq_t{1});
  tally.stop();
  std::vector<std::string> after = tally.fingerprints();
  ASSERT_EQ(after.size(), before.size());
  std::size_t same = 0;
  for (std::size_t i = 0; i < after.size(); ++i)
    same += after[i] == before[i] ? 1 : 0;
  EXPECT_EQ(same, 99u) << "all but m-7";
}

INSTANTIATE_TEST_SUITE_P(shards, round_trip, testing::Values(1u, 4u));

TEST(ledger, duplicates_before_and_after_durable_and_restart) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  outcome first;
  {
    auto owned = std::make_unique<memory_journal>(disk);
    memory_journal& journal = *owned;
    running_ledger tally(options_for(folder, 1), std::move(owned));
    tally.call(put_of(plain_rules));
    tally.call(enroll_of("m-1"));
    journal.hold_back(true);
    const auto sent = tally.at(0).send(earn_of("m-1", "o-1", 10 * one));
    const auto again = tally.at(0).send(earn_of("m-1", "o-1", 10 * one));
    const auto other = tally.at(0).send(earn_of("m-1", "o-1", 11 * one));
    const auto looked = tally.at(0).send(read_of(op::account, "m-1"));
    while (!tally.at(0).is_answered(looked))
      std::this_thread::yield();
    EXPECT_FALSE(tally.at(0).has_left(sent));
    EXPECT_FALSE(tally.at(0).has_left(again)) << "it tells what could be lost";
    EXPECT_FALSE(tally.at(0).has_left(other));
    EXPECT_FALSE(tally.at(0).has_left(looked));
    journal.hold_back(false);
    first = tally.at(0).wait(sent).head;
    EXPECT_EQ(first.status, ok);
    EXPECT_EQ(tally.at(0).wait(again).head.status, duplicate);
    EXPECT_EQ(tally.at(0).wait(again).head.first, ok);
    EXPECT_EQ(tally.at(0).wait(again).head.points, first.points);
    EXPECT_EQ(tally.at(0).wait(again).head.seq, first.seq);
    EXPECT_EQ(tally.at(0).wait(other).head.code, outcome_code::reference_conflict);
    EXPECT_EQ(tally.at(0).wait(looked).shown->view->available, points_t{60});
    EXPECT_EQ(tally.call(earn_of("m-1", "o-1", 10 * one)).head.status, duplicate) << "read back from the journal";
  }
  running_ledger tally(options_for(folder, 1), std::make_unique<memory_journal>(disk));
  const outcome after = tally.call(earn_of("m-1", "o-1", 10 * one)).head;
  EXPECT_EQ(after.status, duplicate);
  EXPECT_EQ(after.seq, first.seq);
  EXPECT_EQ(after.available, first.available);
}

TEST(ledger, what_was_never_durable_is_gone_and_was_never_answered) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  auto owned = std::make_unique<memory_journal>(disk);
  memory_journal& journal = *owned;
  running_ledger tally(options_for(folder, 1), std::move(owned));
  tally.call(enroll_of("m-1"));
  journal.hold_back(true);
  const auto lost = tally.at(0).send(enroll_of("m-2"));
  while (!tally.at(0).is_answered(lost))
    std::this_thread::yield();
  EXPECT_FALSE(tally.at(0).has_left(lost));
  auto crashed = std::make_shared<memory_disk>(); // the disk as a crash leaves it
  {
    const std::lock_guard lock(disk->mutex);
    crashed->records = disk->records;
    crashed->durable = disk->durable;
    crashed->merchants = disk->merchants;
  }
  temporary_folder elsewhere; // the first ledger has its own still
  running_ledger after(options_for(elsewhere, 1), std::make_unique<memory_journal>(crashed));
  EXPECT_EQ(after->account_count(), 1u);
  EXPECT_EQ(after.call(read_of(op::account, "m-2")).head.code, outcome_code::unknown_account);
  EXPECT_EQ(after.call(enroll_of("m-2")).head.seq, seq_t{2});
  journal.hold_back(false); // a shard only stops once everything is durable
}

TEST(ledger, unknown_things) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  EXPECT_EQ(tally.call(earn_of("m-1", "o-1", one)).head.code, outcome_code::no_member);
  EXPECT_EQ(tally.call(redeem_of("m-1", "o-1", 1)).head.code, outcome_code::unknown_account);
  EXPECT_EQ(tally.call(read_of(op::account, "m-1")).head.code, outcome_code::unknown_account);
  EXPECT_EQ(tally.call(read_of(op::history, "m-1")).head.code, outcome_code::unknown_account);
  EXPECT_EQ(tally.call(read_of(op::program, "")).head.where, "merchant");
  EXPECT_TRUE(tally.call(read_of(op::programs, "")).shown->programs.empty());
  EXPECT_EQ(tally.call(enroll_of("m-1", "no spaces")).head.where, "merchant");
  EXPECT_EQ(tally.call(enroll_of("m-1")).head.status, ok) << "without a program";
  EXPECT_EQ(tally.call(earn_of("m-1", "o-1", one)).head.code, outcome_code::no_program);
  EXPECT_EQ(tally.call(advance_to(new_year)).head.status, forbidden);
}

// Whatever shard an account lives on, its operations are decided in the order their connection sent them.
TEST(ledger, keeps_the_order_of_a_connection_on_four_shards) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  running_ledger tally(options_for(folder, 4), std::make_unique<memory_journal>(disk));
  tally.call(put_of(plain_rules));
  constexpr int accounts = 16, rounds = 200;
  std::vector<std::string> names;
  for (int i = 0; i < accounts; ++i)
    tally.call(enroll_of(names.emplace_back("m-" + std::to_string(i))));
  std::vector<std::thread> senders;
  std::array<std::vector<std::uint64_t>, 4> ids;
  for (std::size_t port = 0; port < 4; ++port)
    senders.emplace_back([&, port] {
      for (int round = 0; round < rounds; ++round)
        for (const std::string& name : names)
          ids[port].push_back(
              tally.at(port).send(earn_of(name, "o-" + std::to_string(port) + "-" + std::to_string(round), (round + 1) * one)));
    });
  for (std::thread& each : senders)
    each.join();
  for (std::size_t port = 0; port < 4; ++port) {
    std::vector<seq_t> last(accounts);
    for (std::size_t i = 0; i < ids[port].size(); ++i) {
      const scripted_answer got = tally.at(port).wait(ids[port][i]);
      ASSERT_EQ(got.head.status, ok);
      EXPECT_EQ(got.head.points, points_t{static_cast<std::int64_t>(i / accounts) + 1});
      EXPECT_GT(got.head.seq, last[i % accounts]);
      last[i % accounts] = got.head.seq;
    }
  }
  for (const std::string& name : names)
    EXPECT_EQ(tally.call(read_of(op::account, name)).shown->view->available, points_t{50 + 4 * rounds * (rounds + 1) / 2});
  tally.stop();
  const std::vector<std::string> live = tally.fingerprints();
  instant before;
  for (const auto& [seq, record] : disk->records) {
    EXPECT_LE(before, record.at) << seq;
    before = record.at;
  }
  temporary_folder elsewhere; // the first ledger has its own still
  running_ledger replayed(options_for(elsewhere, 1), std::make_unique<memory_journal>(disk));
  replayed.stop();
  EXPECT_EQ(live, replayed.fingerprints());
}

TEST(ledger, two_tills_race_for_the_same_points) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(plain_rules));
  for (int i = 0; i < 200; ++i) {
    const std::string account = "m-" + std::to_string(i);
    tally.call(enroll_of(account));
    const auto one_till = tally.at(0).send(redeem_of(account, "o-1", 50));
    const auto other_till = tally.at(1).send(redeem_of(account, "o-2", 50));
    const outcome a = tally.at(0).wait(one_till).head, b = tally.at(1).wait(other_till).head;
    EXPECT_NE(a.status == ok, b.status == ok);
    EXPECT_EQ((a.status == ok ? b : a).code, outcome_code::insufficient_points);
  }
}

// Several shards on one thread, step by step, standing still for the test clock included.
TEST(ledger, may_be_driven_by_one_thread) {
  temporary_folder folder;
  auto opened = ledger::open(options_for(folder, 3, new_year), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  ASSERT_TRUE(opened.ok());
  ledger& tally = **opened;
  std::array<scripted_port, 3> worlds;
  const std::array<port*, 3> ports = {&worlds[0], &worlds[1], &worlds[2]};
  tally.start(ports);
  const auto call = [&](std::size_t at, const command& asked) {
    const std::uint64_t id = worlds[at].send(asked);
    for (int i = 0; !worlds[at].has_left(id) && i < 1'000'000; ++i)
      for (std::uint32_t each = 0; each < 3; ++each)
        tally.shard_at(each).turn(worlds[each], {});
    return worlds[at].wait(id);
  };
  EXPECT_EQ(call(1, put_of(plain_rules + "expire_days = 2\n")).head.status, invalid) << "not a key of [redeem]";
  EXPECT_EQ(call(1, put_of("merchant = \"beanhouse\"\n[enroll]\nopening_points = 50\n[earn]\nexpire_days = 2\n")).head.status, ok);
  for (std::size_t i = 0; i < 20; ++i)
    EXPECT_EQ(call(i % 3, enroll_of("m-" + std::to_string(i))).head.status, ok);
  EXPECT_EQ(tally.account_count(), 20u);
  EXPECT_EQ(call(2, advance_to(new_year.plus_days(2))).shown->fired, 20u);
  for (std::size_t i = 0; i < 20; ++i)
    EXPECT_EQ(call(i % 3, read_of(op::account, "m-" + std::to_string(i))).shown->view->available, points_t{0});
  tally.close();
  EXPECT_EQ(tally.account_count(), 0u);
}

} // namespace
} // namespace tally::actors
