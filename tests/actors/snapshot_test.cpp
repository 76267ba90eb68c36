// Images, recovery points, lazy restarts and passivation: whatever is on disk and whatever in memory, the ledger is the same.
#include "actors/parts.hpp"
#include "actors/shard_core.hpp"
#include "actors/snapshotter.hpp"
#include "tests/actors/running_ledger.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <optional>
#include <random>

namespace tally::actors {
namespace {

using namespace std::chrono_literals;

ledger_options with_images(const temporary_folder& folder, std::uint32_t shards, std::size_t resident = 0,
                           std::optional<instant> test_clock = {}) {
  ledger_options options = options_for(folder, shards, test_clock);
  options.snapshot_every = 3600s; // only when told
  options.resident_accounts = resident;
  return options;
}

std::string id_of(std::size_t number) { return "m-" + std::to_string(number); }

std::filesystem::path copy_of(const std::filesystem::path& from, const temporary_folder& to) {
  const std::filesystem::path copy = to.path() / "copy";
  std::filesystem::remove_all(copy);
  std::filesystem::copy(from, copy, std::filesystem::copy_options::recursive);
  return copy;
}

// Every account as the whole journal, read from entry 1, has it.
std::vector<std::string> replayed(const std::filesystem::path& folder, std::optional<instant> test_clock = {}) {
  const temporary_folder place;
  ledger_options options = options_for(place, 1, test_clock);
  options.folder = copy_of(folder, place);
  running_ledger whole(options);
  whole.stop();
  return whole.fingerprints();
}

// All accounts brought back from wherever they are.
std::vector<std::string> brought_back(running_ledger& tally, std::size_t accounts, std::size_t shards) {
  for (std::size_t i = 0; i < accounts; ++i) {
    const scripted_answer read = tally.call(read_of(op::account, id_of(i)), i % shards);
    EXPECT_EQ(read.head.status, outcome_status::ok) << i;
  }
  tally.stop();
  return tally.fingerprints();
}

class snapshots : public testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(shards, snapshots, testing::Values(1, 3));

TEST_P(snapshots, a_restart_applies_what_is_behind_the_point_to_accounts_on_disk) {
  const temporary_folder folder;
  const std::size_t accounts = 60;
  {
    running_ledger tally(with_images(folder, GetParam()));
    tally.call(put_of(plain_rules));
    for (std::size_t i = 0; i < accounts; ++i)
      tally.call(enroll_of(id_of(i)));
    tally->snapshot_now();
    EXPECT_EQ(tally->figures().point, (seq_t{accounts + 1}));
    EXPECT_EQ(tally->figures().images, accounts);
    for (std::size_t i = 0; i < accounts; i += 2) // behind the point
      for (int round = 0; round < 3; ++round)
        tally.call(earn_of(id_of(i), "o-" + std::to_string(round), 7 * one));
    tally.call(transfer_of(id_of(0), id_of(1), "t-1", 5));
    // a crash: nothing of what follows is told to the images
    const temporary_folder place;
    const std::filesystem::path cut = copy_of(folder.path(), place);
    const std::vector<std::string> expected = replayed(cut);
    ledger_options again = with_images(folder, GetParam());
    again.folder = cut;
    running_ledger after(again);
    EXPECT_LE(after->account_count(), accounts / 2 + 1) << "nobody is in memory who has no entries behind the point and was not asked for";
    EXPECT_EQ(brought_back(after, accounts, GetParam()), expected);
  }
}

TEST_P(snapshots, after_a_clean_stop_there_is_no_tail) {
  const temporary_folder folder;
  {
    running_ledger tally(with_images(folder, GetParam()));
    tally.call(put_of(plain_rules));
    for (std::size_t i = 0; i < 20; ++i)
      tally.call(enroll_of(id_of(i)));
    tally.call(earn_of(id_of(3), "o-1", 5 * one));
  }
  const std::vector<std::string> expected = replayed(folder.path());
  running_ledger tally(with_images(folder, GetParam()));
  for (std::uint32_t i = 0; i < GetParam(); ++i)
    EXPECT_FALSE(tally->shard_at(i).core().images().has_tail());
  EXPECT_EQ(tally.call(earn_of(id_of(3), "o-1", 5 * one)).head.status, outcome_status::duplicate);
  EXPECT_EQ(brought_back(tally, 20, GetParam()), expected);
}

TEST_P(snapshots, a_stop_before_the_tail_is_applied_skips_none_of_it) {
  const temporary_folder folder, place;
  const std::size_t accounts = 3000; // more than a shard applies in its first turns
  const auto for_all = [&](running_ledger& tally, const auto& command_of) {
    for (std::size_t first = 0; first < accounts; first += 50) {
      std::vector<std::uint64_t> asked;
      for (std::size_t i = first; i < first + 50; ++i)
        asked.push_back(tally.at(0).send(command_of(id_of(i))));
      for (const std::uint64_t each : asked)
        ASSERT_EQ(tally.at(0).wait(each).head.status, outcome_status::ok);
    }
  };
  ledger_options options = with_images(folder, GetParam());
  {
    running_ledger tally(options);
    tally.call(put_of(plain_rules));
    ASSERT_NO_FATAL_FAILURE(for_all(tally, [](const std::string& id) { return enroll_of(id); }));
    tally->snapshot_now();
    ASSERT_NO_FATAL_FAILURE(for_all(tally, [](const std::string& id) { return earn_of(id, "o-1", 7 * one); }));
    options.folder = copy_of(folder.path(), place); // a crash
  }
  const std::vector<std::string> expected = replayed(options.folder);
  {
    running_ledger stopped_at_once(options);
    stopped_at_once.stop();
    bool has_tail = false;
    for (std::uint32_t i = 0; i < GetParam(); ++i)
      has_tail = has_tail || stopped_at_once->shard_at(i).core().images().has_tail();
    EXPECT_TRUE(has_tail) << "the stop came too late to show anything";
  }
  running_ledger tally(options);
  EXPECT_EQ(brought_back(tally, accounts, GetParam()), expected);
}

TEST_P(snapshots, cold_accounts_leave_and_come_back) {
  const temporary_folder folder;
  const std::size_t accounts = 400;
  std::vector<std::int64_t> earned(accounts, 50);
  {
    running_ledger tally(with_images(folder, GetParam(), 30));
    tally.call(put_of(plain_rules));
    for (std::size_t i = 0; i < accounts; ++i)
      tally.call(enroll_of(id_of(i)), i % GetParam());
    std::mt19937_64 random(1);
    for (int operation = 0; operation < 3000; ++operation) {
      const std::size_t which = random() % accounts;
      const scripted_answer answer = tally.call(earn_of(id_of(which), "o-" + std::to_string(operation), one), which % GetParam());
      ASSERT_EQ(answer.head.status, outcome_status::ok);
      ASSERT_EQ(answer.head.available.value, ++earned[which]) << which;
      if (operation % 500 == 0)
        tally->snapshot_now();
    }
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (tally->account_count() > 30 && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(10ms);
    EXPECT_LE(tally->account_count(), 30u);
    EXPECT_EQ(tally.call(earn_of(id_of(7), "o-new", one)).head.available.value, ++earned[7]);
  }
  const std::vector<std::string> expected = replayed(folder.path());
  running_ledger tally(with_images(folder, GetParam()));
  EXPECT_EQ(brought_back(tally, accounts, GetParam()), expected);
}

// However fast others are asked for, and without a round of images.
TEST_P(snapshots, no_more_accounts_are_in_memory_than_may_be) {
  const temporary_folder folder;
  const std::size_t accounts = 6000, resident = 600;
  const std::size_t most =
      resident + GetParam() * (64 + shard::stage_size); // connections wait from 64 more on, and one batch is on its way
  running_ledger tally(with_images(folder, GetParam(), resident));
  tally.call(put_of(plain_rules));
  std::vector<std::vector<command>> asked(GetParam());
  std::vector<std::string> ids; // which the commands name
  for (std::size_t i = 0; i < accounts; ++i)
    ids.push_back(id_of(i));
  for (const std::string& id : ids)
    asked[tally.shard_of(id)].push_back(enroll_of(id));
  for (const std::string& id : ids)
    asked[tally.shard_of(id)].push_back(earn_of(id, "o-1", 3 * one));
  std::vector<std::uint64_t> last;
  for (std::size_t i = 0; i < GetParam(); ++i)
    last.push_back(tally.at(i).send_all(asked[i]).back());
  std::size_t seen = 0;
  const auto is_done = [&] {
    for (std::size_t i = 0; i < GetParam(); ++i)
      if (!tally.at(i).has_left(last[i]))
        return false;
    return true;
  };
  while (!is_done())
    seen = std::max(seen, tally->account_count());
  EXPECT_LE(seen, most);
  EXPECT_GT(seen, resident / 2) << "it looked too late";
  for (std::size_t i = 0; i < accounts; i += 100)
    EXPECT_EQ(tally.call(read_of(op::account, ids[i]), tally.shard_of(ids[i])).head.available.value, 53) << i;
  EXPECT_EQ(tally->figures().rounds, 0u);
}

// A round takes the image of one whose image is on its way already, because it was cold a moment before.
TEST_P(snapshots, what_is_spilled_is_forgotten_once) {
  const temporary_folder folder;
  const std::size_t accounts = 12;
  {
    running_ledger tally(with_images(folder, GetParam(), 1));
    tally.call(put_of(plain_rules));
    for (std::size_t i = 0; i < accounts; ++i)
      tally.call(enroll_of(id_of(i)));
    std::atomic<bool> is_done{false};
    std::thread rounds([&] {
      while (!is_done)
        tally->snapshot_now();
    });
    std::mt19937_64 random(1);
    for (std::size_t operation = 0; operation < 1000 * accounts; operation += 4) {
      const std::string id = id_of(random() % accounts);
      const std::size_t port = tally.shard_of(id);
      std::uint64_t last = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        const std::string order = "o-" + std::to_string(operation + i);
        last = tally.at(port).send(i == 0 ? earn_of(id, order, 9 * one) : redeem_of(id, order, 2));
      }
      if (random() % 8 == 0) {
        ASSERT_EQ(tally.at(port).wait(last).head.status, outcome_status::ok) << operation;
      }
    }
    is_done = true;
    rounds.join();
  }
  const std::vector<std::string> expected = replayed(folder.path());
  running_ledger tally(with_images(folder, GetParam()));
  EXPECT_EQ(brought_back(tally, accounts, GetParam()), expected);
}

TEST_P(snapshots, what_is_due_on_disk_fires_under_the_test_clock) {
  const temporary_folder folder;
  const std::string rules = R"(merchant = "beanhouse"
[enroll]
opening_points = 10
[earn]
points = "1"
per = "1.00"
hold_days = 1
expire_days = 3
)";
  {
    running_ledger tally(with_images(folder, GetParam(), 0, new_year));
    tally.call(put_of(rules));
    for (std::size_t i = 0; i < 20; ++i)
      tally.call(enroll_of(id_of(i)));
    for (std::size_t i = 0; i < 10; ++i)
      tally.call(earn_of(id_of(i), "o-1", 5 * one));
  }
  running_ledger tally(with_images(folder, GetParam(), 0, new_year));
  EXPECT_EQ(tally->account_count(), 0u);
  const scripted_answer moved = tally.call(advance_to(new_year.plus_days(2)));
  ASSERT_EQ(moved.head.status, outcome_status::ok);
  EXPECT_EQ(moved.shown->fired, 10u) << "releases";
  EXPECT_EQ(tally.call(advance_to(new_year.plus_days(4))).shown->fired, 30u) << "20 opening lots and 10 earned ones";
  tally.stop();
}

// ---- references for ever --------------------------------------------------------------------------------------------

std::size_t references_in_memory(running_ledger& tally, std::string_view account) {
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < tally->shard_count(); ++i)
    tally->shard_at(i).core().accounts().for_each([&](const account_actor& each) {
      if (each.id() == account)
        count = each.state().orders.size() + each.state().references.size();
    });
  return count;
}

TEST_P(snapshots, references_that_were_spilled_count_for_ever) {
  const temporary_folder folder;
  const int orders = 300;
  const auto check = [&](running_ledger& at) {
    // the first outcomes, in full
    const scripted_answer again = at.call(earn_of("m-0", "o-0", 3 * one));
    EXPECT_EQ(again.head.status, outcome_status::duplicate);
    EXPECT_EQ(again.head.seq, seq_t{3});
    EXPECT_EQ(again.head.available.value, 53);
    EXPECT_EQ(at.call(redeem_of("m-0", "r-0", 1)).head.status, outcome_status::duplicate);
    EXPECT_EQ(at.call(earn_of("m-0", "o-1", 4 * one)).head.code, outcome_code::reference_conflict);
    EXPECT_EQ(at.call(redeem_of("m-0", "r-1", 2)).head.code, outcome_code::reference_conflict);
  };
  std::optional<running_ledger> tally(std::in_place, with_images(folder, GetParam()));
  tally->call(put_of(plain_rules));
  tally->call(enroll_of("m-0"));
  for (int i = 0; i < orders; ++i) {
    tally->call(earn_of("m-0", "o-" + std::to_string(i), 3 * one));
    tally->call(redeem_of("m-0", "r-" + std::to_string(i), 1));
    if (i % 100 == 99)
      (**tally).snapshot_now();
  }
  check(*tally);
  tally->stop();
  EXPECT_LE(references_in_memory(*tally, "m-0"), 2 * spill_above);
  tally.reset();

  tally.emplace(with_images(folder, GetParam()));
  check(*tally);
  command cancel = earn_of("m-0", "o-2", 0); // of an order that is on disk, and of a redemption
  cancel.kind = op::reverse;
  cancel.total.reset();
  cancel.reference = "refund-2";
  const scripted_answer taken = tally->call(cancel);
  EXPECT_EQ(taken.head.status, outcome_status::ok) << name_of(taken.head.code);
  EXPECT_EQ(taken.head.points.value, 3);
  cancel.order = "r-3";
  cancel.reference = "refund-3";
  const scripted_answer given = tally->call(cancel);
  EXPECT_EQ(given.head.status, outcome_status::ok) << name_of(given.head.code);
  EXPECT_EQ(given.head.points_2.value, 1);
  tally->stop();
  EXPECT_LE(references_in_memory(*tally, "m-0"), 2 * spill_above);
  const std::vector<std::string> whole = tally->fingerprints();
  tally.reset();
  EXPECT_EQ(whole, replayed(folder.path()));
}

// ---- lots that nobody spends ----------------------------------------------------------------------------------------

std::size_t lots_in_memory(running_ledger& tally, std::string_view account) {
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < tally->shard_count(); ++i)
    tally->shard_at(i).core().accounts().for_each(
        [&](const account_actor& each) { count += each.id() == account ? each.state().lots.size() : 0; });
  return count;
}

class large_accounts {
public:
  large_accounts(running_ledger& tally, int orders) : tally_(tally), orders_(orders) {}

  void earn(std::string_view account) {
    std::uint64_t last = 0;
    for (int i = 0; i < orders_; ++i) {
      const std::string order = "o-" + std::to_string(number_++);
      last = tally_.at(0).send(earn_of(account, order, 3 * one));
      if (i % 50 == 49)
        tally_.at(0).wait(last);
    }
  }
  void cancel(std::string_view account, const std::string& order) {
    command asked = read_of(op::reverse, account);
    asked.order = order;
    const std::string refund = "f-" + std::to_string(number_++);
    asked.reference = refund;
    const scripted_answer taken = tally_.call(asked);
    EXPECT_EQ(taken.head.status, outcome_status::ok) << name_of(taken.head.code);
  }

private:
  running_ledger& tally_;
  const int orders_;
  int number_ = 0;
};

TEST_P(snapshots, lots_lie_on_disk_and_are_spent_and_expire_as_all_others) {
  const temporary_folder folder;
  const int orders = 1500, days = 400;
  const std::string dying = "merchant = \"beanhouse\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\nexpire_days = " + std::to_string(days) +
                            "\n[redeem]\npoints = 1\nvalue = \"0.01\"\n";
  std::int64_t left = 0, others = 0;
  {
    running_ledger tally(with_images(folder, GetParam(), 0, new_year));
    large_accounts large(tally, orders);
    tally.call(put_of(dying));
    tally.call(enroll_of("m-0"));
    tally.call(enroll_of("m-1"));
    large.earn("m-0"); // o-0 and on
    for (int round = 0; round < 2; ++round)
      tally->snapshot_now();
    EXPECT_EQ(tally.call(redeem_of("m-0", "r-0", 3 * 700)).head.available.value, 3 * (orders - 700)) << "several pieces of them";
    for (int round = 0; round < 2; ++round)
      tally->snapshot_now();
    large.cancel("m-0", "o-900");                                                                              // of a lot on disk
    large.cancel("m-0", "r-0");                                                                                // gives back
    EXPECT_EQ(tally.call(transfer_of("m-0", "m-1", "t-0", 3 * 600)).head.available.value, 3 * (orders - 601)); // and some of it comes again
    EXPECT_EQ(tally.call(transfer_of("m-1", "m-0", "t-1", 100)).head.available.value, 1700);
    for (int round = 0; round < 2; ++round)
      tally->snapshot_now();
    large.earn("m-1");
    tally->snapshot_now();
    EXPECT_EQ(tally.call(redeem_of("m-1", "r-1", 20)).head.status, outcome_status::ok); // behind the point, and of both shards' accounts
    left = tally.call(read_of(op::account, "m-0")).head.available.value;
    others = tally.call(read_of(op::account, "m-1")).head.available.value;
    tally.stop();
    EXPECT_LE(lots_in_memory(tally, "m-0"), spill_lots_above);
  }
  const std::vector<std::string> expected = replayed(folder.path(), new_year);
  {
    running_ledger tally(with_images(folder, GetParam(), 0, new_year));
    EXPECT_EQ(brought_back(tally, 2, GetParam()), expected);
  }
  running_ledger tally(with_images(folder, GetParam(), 0, new_year));
  EXPECT_EQ(tally.call(read_of(op::account, "m-0")).head.available.value, left);
  EXPECT_EQ(tally.call(read_of(op::account, "m-1")).head.available.value, others);
  const scripted_answer soon = tally.call(advance_to(new_year.plus_days(days - 20)));
  ASSERT_EQ(soon.head.status, outcome_status::ok);
  const scripted_answer view = tally.call(read_of(op::account, "m-0"));
  EXPECT_EQ(view.shown->view->expiring_30d.value, left);
  EXPECT_GE(tally.call(advance_to(new_year.plus_days(days + 1))).shown->fired, 2000u);
  EXPECT_EQ(tally.call(read_of(op::account, "m-0")).head.available.value, 0);
  EXPECT_EQ(tally.call(read_of(op::account, "m-1")).head.available.value, 0);
  tally.stop();
  const std::vector<std::string> whole = tally.fingerprints();
  EXPECT_EQ(whole, replayed(folder.path(), new_year.plus_days(days + 1)));
}

// Nothing was ever spent, and every fifth order was refunded in part.
TEST(snapshot, of_an_account_of_a_hundred_thousand_orders_keeps_it_small) {
  const temporary_folder folder;
  const int orders = 100'000, batch = 500, refunded_from = 5;
  std::optional<running_ledger> running(std::in_place, with_images(folder, 1));
  running_ledger& tally = *running;
  tally.call(put_of(plain_rules));
  tally.call(enroll_of("m-0"));
  const auto heap_bytes = [&] {
    std::size_t bytes = 0;
    tally->shard_at(0).core().accounts().for_each([&](const account_actor& each) { bytes += each.heap_bytes(); });
    return bytes;
  };
  std::size_t with_few = 0;
  for (int first = 0; first < orders; first += batch) {
    std::deque<std::string> names;
    std::vector<command> asked;
    for (int i = first; i < first + batch; ++i) {
      asked.push_back(earn_of("m-0", names.emplace_back("o-" + std::to_string(i)), 3 * one));
      if (i % refunded_from != 0)
        continue;
      command& refund = asked.emplace_back(read_of(op::reverse, "m-0"));
      refund.order = names.back();
      refund.reference = names.emplace_back("f-" + std::to_string(i));
      refund.amount = money_t{one};
    }
    ASSERT_EQ(tally.at(0).wait(tally.at(0).send_all(asked).back()).head.status, outcome_status::ok) << first;
    if (first % 5'000 == 0)
      tally->snapshot_now();
    if (first == 10'000)
      with_few = heap_bytes();
  }
  for (int round = 0; round < 2; ++round)
    tally->snapshot_now();
  const std::size_t with_many = heap_bytes();
  EXPECT_LE(with_many, with_few + 32 * 1024) << "pieces of lots are remembered";
  const std::int64_t available = 50 + 3 * orders - orders / refunded_from;
  EXPECT_EQ(tally.call(read_of(op::account, "m-0")).head.available.value, available);
  EXPECT_EQ(tally.call(earn_of("m-0", "o-0", 3 * one)).head.status, outcome_status::duplicate);
  EXPECT_EQ(tally.call(redeem_of("m-0", "r-0", 5'000)).head.available.value, available - 5'000);
  command again = read_of(op::reverse, "m-0"); // of which 1.00 of 3.00 was refunded long ago
  again.order = "o-50000";
  again.reference = "f-again";
  again.amount = money_t{3 * one};
  EXPECT_EQ(tally.call(again).head.code, outcome_code::over_refund);
  again.amount = money_t{2 * one};
  EXPECT_EQ(tally.call(again).head.points.value, 2);
  std::printf("%zu bytes of heap with 10,000 orders, %zu with 100,000\n", with_few, with_many);
  tally.stop();
  const std::vector<std::string> whole = tally.fingerprints();
  running.reset();
  EXPECT_EQ(whole, replayed(folder.path()));
}

TEST_P(snapshots, tiers_by_year_see_what_was_spilled_before_there_were_any) {
  const temporary_folder folder;
  running_ledger tally(with_images(folder, GetParam()));
  tally.call(put_of(plain_rules));
  tally.call(enroll_of("m-0"));
  for (int i = 0; i < 200; ++i)
    tally.call(earn_of("m-0", "o-" + std::to_string(i), 10 * one));
  tally->snapshot_now();
  tally->snapshot_now();
  tally.call(put_of(plain_rules + R"([tiers]
basis = "rolling_12_months"
[[tier]]
name = "silver"
threshold = 2000
multiplier = "2"
)"));
  const scripted_answer doubled = tally.call(earn_of("m-0", "o-new", 10 * one));
  EXPECT_EQ(doubled.head.status, outcome_status::ok);
  EXPECT_EQ(doubled.head.available.value, 50 + 2000 + 20) << "200 orders of the last twelve months and the opening points are silver";
  tally.stop();
}

} // namespace
} // namespace tally::actors
