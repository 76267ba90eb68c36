// history, entry, count, balance_at, account, program, programs, digest, put_program.
#include "actors/clock.hpp"
#include "tests/actors/running_ledger.hpp"

#include <gtest/gtest.h>

namespace tally::actors {
namespace {

using enum outcome_status;

// One account with a history, another merchant's beside it.
class reads : public testing::Test {
protected:
  reads() : tally_(options_for(folder_, 3, new_year)) {
    tally_.call(put_of(plain_rules));              // seq 1
    tally_.call(enroll_of("m-1"));                 // 2
    tally_.call(enroll_of("x-1", "otherhouse"));   // 3
    tally_.call(earn_of("m-1", "o-1", 100 * one)); // 4
    tally_.call(advance_to(new_year.plus_days(1)));
    tally_.call(redeem_of("m-1", "o-2", 70)); // 5
    tally_.call(advance_to(new_year.plus_days(2)));
    tally_.call(earn_of("m-1", "o-2", 7 * one)); // 6
    command reverse = read_of(op::reverse, "m-1");
    reverse.order = "o-1";
    reverse.reference = "r-1";
    EXPECT_EQ(tally_.call(reverse).head.status, ok); // 7
  }

  std::vector<std::uint64_t> seqs_of(const command& asked) {
    const scripted_answer got = tally_.call(asked, port_++ % 3);
    EXPECT_EQ(got.head.status, ok) << got.head.what;
    std::vector<std::uint64_t> seqs;
    for (const entry& each : got.shown->entries.entries())
      seqs.push_back(each.seq.value);
    next_ = got.shown->next_before_seq;
    return seqs;
  }

  using seqs = std::vector<std::uint64_t>;
  temporary_folder folder_;
  running_ledger tally_;
  std::size_t port_ = 0;
  std::optional<seq_t> next_;
};

TEST_F(reads, history_newest_first_in_pages) {
  command asked = read_of(op::history, "m-1");
  EXPECT_EQ(seqs_of(asked), (seqs{7, 6, 5, 4, 2}));
  EXPECT_FALSE(next_);
  asked.limit = 2;
  EXPECT_EQ(seqs_of(asked), (seqs{7, 6}));
  EXPECT_EQ(next_, seq_t{6});
  asked.before_seq = next_;
  EXPECT_EQ(seqs_of(asked), (seqs{5, 4}));
  EXPECT_EQ(next_, seq_t{4});
  asked.before_seq = next_;
  EXPECT_EQ(seqs_of(asked), (seqs{2}));
  EXPECT_FALSE(next_);
  asked.before_seq = seq_t{3}; // another merchant's
  EXPECT_EQ(seqs_of(asked), (seqs{2}));
  asked.before_seq = seq_t{2};
  EXPECT_EQ(seqs_of(asked), seqs{});
  asked.before_seq = seq_t{1000};
  EXPECT_EQ(seqs_of(asked), (seqs{7, 6}));
  for (const std::uint32_t limit : {0u, 1001u}) {
    asked.limit = limit;
    EXPECT_EQ(tally_.call(asked).head.where, "limit");
  }
}

TEST_F(reads, history_of_kinds_and_times) {
  command asked = read_of(op::history, "m-1");
  asked.kinds.insert(entry_kind::earn);
  EXPECT_EQ(seqs_of(asked), (seqs{6, 4}));
  asked.limit = 1;
  EXPECT_EQ(seqs_of(asked), (seqs{6}));
  EXPECT_EQ(next_, seq_t{6});
  asked.before_seq = next_;
  EXPECT_EQ(seqs_of(asked), (seqs{4}));
  EXPECT_FALSE(next_) << "no other earn follows";
  command by_time = read_of(op::history, "m-1");
  by_time.from = new_year.plus_days(1);
  EXPECT_EQ(seqs_of(by_time), (seqs{7, 6, 5}));
  by_time.until = new_year.plus_days(2); // exclusive
  EXPECT_EQ(seqs_of(by_time), (seqs{5}));
}

// What is looked for lies behind what the filter leaves out: it is found all the same, however small the page.
TEST_F(reads, an_as_of_read_with_a_filter_silently_empty) {
  command asked = read_of(op::history, "m-1");
  asked.limit = 1;
  asked.until = new_year.plus_days(1);
  EXPECT_EQ(seqs_of(asked), (seqs{4})) << "everything newer is later";
  EXPECT_EQ(next_, seq_t{4});
  asked.kinds.insert(entry_kind::enroll);
  EXPECT_EQ(seqs_of(asked), (seqs{2}));
  EXPECT_FALSE(next_);
  asked.kinds = {};
  asked.kinds.insert(entry_kind::earn);
  asked.kinds.insert(entry_kind::redeem);
  asked.until = new_year.plus_days(2);
  EXPECT_EQ(seqs_of(asked), (seqs{5}));
  asked.before_seq = next_;
  EXPECT_EQ(seqs_of(asked), (seqs{4}));
  asked.from = new_year.plus_days(1);
  EXPECT_EQ(seqs_of(asked), seqs{}) << "really none";

  tally_.call(enroll_of("m-2")); // 8
  command as_of = read_of(op::balance_at, "m-1");
  as_of.seq = seq_t{8}; // another account's
  EXPECT_EQ(tally_.call(as_of).head.available, points_t{-13});
  EXPECT_EQ(tally_.call(as_of).shown->seq, seq_t{8});
  as_of.account = "m-2";
  as_of.seq = seq_t{7};
  EXPECT_EQ(tally_.call(as_of).head.status, ok) << "before its enrolment";
  EXPECT_EQ(tally_.call(as_of).head.lifetime, points_t{0});
}

TEST_F(reads, one_entry) {
  command asked = read_of(op::entry, "m-1");
  asked.seq = seq_t{5};
  scripted_answer got = tally_.call(asked);
  ASSERT_EQ(got.shown->entries.entries().size(), 1u);
  const entry& redeemed = got.shown->entries.entries()[0];
  EXPECT_EQ(redeemed.kind, entry_kind::redeem);
  EXPECT_EQ(redeemed.merchant_id, "beanhouse");
  EXPECT_EQ(redeemed.account, "m-1");
  EXPECT_EQ(redeemed.order, "o-2");
  EXPECT_EQ(redeemed.points, points_t{-70});
  EXPECT_EQ(redeemed.prev_seq, seq_t{4});
  asked.account = {};
  EXPECT_EQ(tally_.call(asked).head.status, ok) << "by seq alone";
  asked.merchant = "otherhouse";
  EXPECT_EQ(tally_.call(asked).head.where, "seq") << "foreign";
  asked.merchant = "nobody";
  EXPECT_EQ(tally_.call(asked).head.where, "seq");
  asked.merchant = "beanhouse";
  for (const std::uint64_t missing : {std::uint64_t{0}, std::uint64_t{8}, ~std::uint64_t{0}}) {
    asked.seq = seq_t{missing};
    EXPECT_EQ(tally_.call(asked).head.where, "seq") << missing;
  }
  command by_order = read_of(op::entry, "m-1");
  by_order.order = "o-2";
  EXPECT_EQ(seqs_of(by_order), (seqs{5})) << "the lowest";
  by_order.kinds.insert(entry_kind::earn);
  EXPECT_EQ(seqs_of(by_order), (seqs{6}));
  by_order.order = "o-9";
  EXPECT_EQ(tally_.call(by_order).head.code, outcome_code::unknown_order);
  EXPECT_EQ(tally_.call(read_of(op::entry, "m-1")).head.where, "seq") << "neither";
}

TEST_F(reads, counts) {
  command asked = read_of(op::count, "m-1");
  EXPECT_EQ(tally_.call(asked).shown->count, 5u);
  asked.kinds.insert(entry_kind::earn);
  EXPECT_EQ(tally_.call(asked).shown->count, 2u);
  asked.kinds = {};
  asked.kinds.insert(entry_kind::close);
  EXPECT_EQ(tally_.call(asked).shown->count, 0u);
}

TEST_F(reads, balances_as_they_stood) {
  command asked = read_of(op::balance_at, "m-1");
  const auto available_at = [&](instant at) {
    asked.seq = {};
    asked.at = at;
    return tally_.call(asked);
  };
  EXPECT_EQ(available_at(new_year.plus_us(-1)).head.available, points_t{0});
  EXPECT_EQ(available_at(new_year.plus_us(-1)).shown->seq, seq_t{0});
  EXPECT_EQ(available_at(new_year).head.available, points_t{150});
  EXPECT_EQ(available_at(new_year).head.lifetime, points_t{150});
  EXPECT_EQ(available_at(new_year).shown->seq, seq_t{4});
  EXPECT_EQ(available_at(new_year.plus_days(1)).head.available, points_t{80});
  EXPECT_EQ(available_at(new_year.plus_days(2)).head.available, points_t{-13});
  EXPECT_EQ(available_at(new_year.plus_days(3)).head.where, "at") << "in the future";
  const auto available_by = [&](std::uint64_t seq) {
    asked.at = {};
    asked.seq = seq_t{seq};
    return tally_.call(asked);
  };
  EXPECT_EQ(available_by(1).head.available, points_t{0}) << "any of the merchant's";
  EXPECT_EQ(available_by(4).head.available, points_t{150});
  EXPECT_EQ(available_by(4).shown->at, new_year);
  EXPECT_EQ(available_by(6).head.available, points_t{87});
  EXPECT_EQ(available_by(3).head.where, "seq") << "another merchant's";
  EXPECT_EQ(available_by(99).head.where, "seq");
  asked.at = new_year;
  EXPECT_EQ(tally_.call(asked).head.status, invalid) << "both";
  EXPECT_EQ(tally_.call(read_of(op::balance_at, "m-1")).head.status, invalid) << "neither";
}

// A year of tiers, holds and a reservation, read back from its end.
TEST(balance_at, shows_tier_and_reservations_of_then) {
  const std::string first = R"(merchant = "beanhouse"
[enroll]
opening_points = 10
[earn]
points = "1"
per = "1.00"
hold_days = 3
expire_days = 30
[redeem]
points = 100
value = "1.00"
reservation_minutes = 60
[tiers]
basis = "rolling_12_months"
[[tier]]
name = "silver"
threshold = 100
)";
  const std::string second = first + "[[tier]]\nname = \"gold\"\nthreshold = 105\n";
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2, new_year));
  tally.call(put_of(first));                                            // 1
  tally.call(enroll_of("m-1"));                                         // 2
  ASSERT_EQ(tally.call(earn_of("m-1", "o-1", 100 * one)).head.tier, 1); // 3
  tally.call(advance_to(new_year.plus_days(5)));                        // 4: released at day 3
  ASSERT_EQ(tally.call(put_of(second)).head.seq, seq_t{5});
  command hold = read_of(op::authorize, "m-1");
  hold.reference = "r-1";
  hold.amount_points = points_t{60};
  ASSERT_EQ(tally.call(hold).head.seq, seq_t{6});
  tally.call(advance_to(new_year.plus_days(500))); // timed out within the hour, expired at day 30

  command asked = read_of(op::balance_at, "m-1");
  const auto at = [&](instant when) {
    asked.seq = {};
    asked.at = when;
    const outcome got = tally.call(asked).head;
    return std::tuple(got.available.value, got.pending.value, got.reserved.value, got.tier, got.version);
  };
  using shown = std::tuple<std::int64_t, std::int64_t, std::int64_t, int, std::uint32_t>;
  const instant day_5 = new_year.plus_days(5);
  EXPECT_EQ(at(new_year.plus_us(-1)), (shown{0, 0, 0, 0, 0})) << "no rules yet";
  EXPECT_EQ(at(new_year), (shown{10, 100, 0, 1, 1}));
  EXPECT_EQ(at(new_year.plus_days(3).plus_us(-1)), (shown{10, 100, 0, 1, 1}));
  EXPECT_EQ(at(new_year.plus_days(3)), (shown{110, 0, 0, 1, 1}));
  EXPECT_EQ(at(day_5.plus_us(-1)), (shown{110, 0, 0, 1, 1})) << "silver by the first version";
  EXPECT_EQ(at(day_5), (shown{50, 0, 60, 2, 2})) << "gold by the second";
  EXPECT_EQ(at(day_5.plus_us(60 * us_per_minute - 1)), (shown{50, 0, 60, 2, 2}));
  EXPECT_EQ(at(day_5.plus_us(60 * us_per_minute)), (shown{110, 0, 0, 2, 2})) << "timed out";
  EXPECT_EQ(at(new_year.plus_days(30).plus_us(-1)), (shown{110, 0, 0, 2, 2}));
  EXPECT_EQ(at(new_year.plus_days(30)), (shown{0, 0, 0, 2, 2}));
  EXPECT_EQ(at(new_year.plus_days(365)), (shown{0, 0, 0, 0, 2})) << "twelve months ago counts no longer";

  const auto by = [&](std::uint64_t seq) {
    asked.at = {};
    asked.seq = seq_t{seq};
    const outcome got = tally.call(asked).head;
    return std::tuple(got.available.value, got.pending.value, got.reserved.value, got.tier, got.version);
  };
  EXPECT_EQ(by(1), (shown{0, 0, 0, 0, 1}));
  EXPECT_EQ(by(2), (shown{10, 0, 0, 0, 1}));
  EXPECT_EQ(by(3), (shown{10, 100, 0, 1, 1}));
  EXPECT_EQ(by(4), (shown{110, 0, 0, 1, 1}));
  EXPECT_EQ(by(5), (shown{110, 0, 0, 2, 2})) << "the version counts from its own entry";
  EXPECT_EQ(by(6), (shown{50, 0, 60, 2, 2}));
}

// The entries up to it and nothing else: what is due at that time without an entry is not done.
TEST(balance_at, by_seq_counts_nothing_that_is_only_due) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  const std::string holding = R"(merchant = "beanhouse"
[earn]
points = "1"
per = "1.00"
hold_days = 1
)";
  const instant now = ledger_clock({}).now();
  {
    running_ledger before(options_for(folder, 1, now.plus_days(-2)), std::make_unique<memory_journal>(disk));
    before.call(put_of(holding));
    before.call(enroll_of("m-1"));
    before.call(enroll_of("m-2"));
    before.call(earn_of("m-1", "o-1", 10 * one)); // 4, due a day ago
  }
  running_ledger tally(options_for(folder, 1), std::make_unique<memory_journal>(disk)); // writes the release now
  command asked = read_of(op::balance_at, "m-1");
  asked.seq = seq_t{4};
  EXPECT_EQ(tally.call(asked).head.available, points_t{0});
  EXPECT_EQ(tally.call(asked).head.pending, points_t{10});
  asked.seq = {};
  asked.at = now.plus_days(-1).plus_us(-1);
  EXPECT_EQ(tally.call(asked).head.available, points_t{0});
  asked.at = now.plus_days(-1);
  EXPECT_EQ(tally.call(asked).head.available, points_t{10}) << "due by then, written later";
  EXPECT_EQ(tally.call(asked).shown->seq, seq_t{4});
}

TEST_F(reads, the_account_itself) {
  const scripted_answer got = tally_.call(read_of(op::account, "m-1"), 2);
  EXPECT_EQ(got.head.status, ok);
  EXPECT_EQ(got.shown->account, "m-1");
  EXPECT_EQ(got.shown->merchant, "beanhouse");
  EXPECT_EQ(got.shown->view->available, points_t{-13});
  EXPECT_EQ(got.shown->view->last_seq, seq_t{7});
  EXPECT_EQ(got.shown->view->version, 1u);
  EXPECT_EQ(got.head.state, outcome::active);
  EXPECT_EQ(got.release_at, seq_t{7});
}

TEST_F(reads, the_digest_counts_everything) {
  const scripted_answer got = tally_.call(read_of(op::digest, {}), 1);
  EXPECT_EQ(got.shown->seq, seq_t{7});
  EXPECT_EQ(got.shown->hash->size(), 64u);
  EXPECT_NE(*got.shown->hash, std::string(64, '0'));
}

TEST_F(reads, programs_and_their_versions) {
  const std::string second = plain_rules + "# a remark\n";
  EXPECT_EQ(tally_.call(put_of(plain_rules)).head.status, duplicate);
  const scripted_answer put = tally_.call(put_of(second, {}), 2); // the merchant is in the document
  EXPECT_EQ(put.head.status, ok);
  EXPECT_EQ(put.head.version, 2u);
  EXPECT_EQ(put.head.seq, seq_t{8});
  EXPECT_EQ(tally_.call(earn_of("m-1", "o-5", one), 1).head.version, 2u) << "the next sale uses it";
  const scripted_answer back = tally_.call(put_of(plain_rules));
  EXPECT_EQ(back.head.version, 3u) << "not the one in force";

  scripted_answer shown = tally_.call(read_of(op::program, {}), 1);
  EXPECT_EQ(shown.shown->shown->version, 3u);
  EXPECT_EQ(shown.shown->shown->toml, plain_rules);
  command older = read_of(op::program, {});
  older.version = 2;
  shown = tally_.call(older);
  EXPECT_EQ(shown.shown->shown->toml, second);
  EXPECT_EQ(shown.shown->shown->applied_seq, seq_t{8});
  older.version = 4;
  EXPECT_EQ(tally_.call(older).head.where, "version");
  const scripted_answer list = tally_.call(read_of(op::programs, {}));
  ASSERT_EQ(list.shown->programs.size(), 3u);
  for (std::uint32_t i = 0; i < 3; ++i)
    EXPECT_EQ(list.shown->programs[i].version, i + 1);
  EXPECT_EQ(list.shown->programs[1].seq, seq_t{8});

  const scripted_answer bad = tally_.call(put_of("merchant = \"beanhouse\"\n[earn]\npoints = \"x\"\n[redeem]\npoints = -1\n"));
  EXPECT_EQ(bad.head.status, invalid);
  EXPECT_GE(bad.shown->problems.size(), 2u);
  EXPECT_EQ(tally_.call(put_of(plain_rules, "otherhouse")).head.where, "merchant");
  EXPECT_EQ(tally_.call(put_of("")).head.where, "toml");
  EXPECT_EQ(tally_.call(put_of(std::string(70'000, '#'))).head.where, "toml");
  EXPECT_EQ(tally_.call(read_of(op::programs, {})).shown->programs.size(), 3u) << "nothing was applied";

  tally_.stop();
  auto again = ledger::open(options_for(folder_, 1, new_year));
  EXPECT_FALSE(again.ok()) << "the folder is still open";
}

TEST(programs, come_back_with_the_journal_and_keep_their_versions) {
  temporary_folder folder;
  const std::string second = plain_rules + "# a remark\n";
  {
    running_ledger tally(options_for(folder, 2));
    tally.call(put_of(plain_rules));
    tally.call(put_of(second));
  }
  running_ledger tally(options_for(folder, 1));
  const scripted_answer shown = tally.call(read_of(op::program, {}));
  EXPECT_EQ(shown.shown->shown->version, 2u);
  EXPECT_EQ(shown.shown->shown->toml, second);
  ASSERT_NE(shown.shown->shown->older, nullptr);
  EXPECT_EQ(shown.shown->shown->older->toml, plain_rules);
  EXPECT_EQ(tally.call(put_of(second)).head.status, duplicate);
  EXPECT_EQ(tally.call(put_of(plain_rules)).head.version, 3u);
}

// An entry that carries a version never comes before that version's own entry, and one sent after the answer never
// carries an older one.
TEST(programs, change_under_load) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  running_ledger tally(options_for(folder, 2), std::make_unique<memory_journal>(disk));
  tally.call(put_of(plain_rules));
  std::vector<std::string> names;
  for (int i = 0; i < 8; ++i)
    tally.call(enroll_of(names.emplace_back("m-" + std::to_string(i))));
  std::atomic<std::uint32_t> in_force{1};
  std::atomic<bool> ended{false};
  std::thread sales([&] {
    for (int i = 0; !ended; ++i) {
      const std::uint32_t at_least = in_force;
      const scripted_answer got = tally.call(earn_of(names[static_cast<std::size_t>(i % 8)], "o-" + std::to_string(i), one), 1);
      ASSERT_EQ(got.head.status, ok);
      EXPECT_GE(got.head.version, at_least);
    }
  });
  for (std::uint32_t version = 2; version <= 40; ++version) {
    const scripted_answer put = tally.call(put_of(plain_rules + "# " + std::to_string(version) + "\n"));
    ASSERT_EQ(put.head.version, version);
    in_force = version;
  }
  ended = true;
  sales.join();
  tally.stop();
  memory_journal journal(disk);
  std::uint32_t applied = 0;
  const auto seen = journal.replay(
      seq_t{1},
      [&](const entry& each) {
        if (each.kind == entry_kind::program)
          applied = each.version;
        EXPECT_LE(each.version, applied) << each.seq.value;
        return true;
      },
      [](seq_t) {});
  EXPECT_TRUE(seen.ok());
  EXPECT_EQ(applied, 40u);
}

} // namespace
} // namespace tally::actors
