// Journals whose bytes verify and whose contents are wrong, as a bug or somebody with the keys would write them: the auditor
// must name the entry. The honest journal that each is made from must pass.
#include "engine/decide.hpp"
#include "engine/rules_toml.hpp"
#include "wal/audit.hpp"
#include "wal/rocksdb_journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

namespace tally::wal {
namespace {

constexpr const char* rules_toml = R"(merchant = "m"
[enroll]
opening_points = 10
[earn]
points = "1"
per = "1.00"
hold_days = 1
[redeem]
points = 1
value = "0.01"
[review]
max_points_per_order = 1000
)";

class forged_journal : public ::testing::Test {
protected:
  forged_journal() { std::filesystem::remove_all(folder_); }
  ~forged_journal() override { std::filesystem::remove_all(folder_); }

  // Three members, every kind of operation; `forge` may change an entry before it is written. The deciding side goes on from the
  // honest entry, as a ledger with a bug in its writer would.
  void write(const std::function<void(entry&)>& forge) {
    honest_.clear();
    journal_options options;
    options.folder = folder_ / "journal";
    options.free_bytes_min = 1 << 20;
    auto journal = rocksdb_journal::open(options);
    ASSERT_TRUE(journal.ok()) << journal.error().what;
    (*journal)->start(1, [](seq_t) {});
    std::deque<batch> batches;

    programs_.clear();
    const auto apply_rules = [&] {
      auto read = read_rules(rules_toml, std::span<const std::int64_t>{});
      ASSERT_EQ(read.index(), 0u);
      program& next = programs_.emplace_back();
      next.rules = std::get<0>(std::move(read));
      next.version = static_cast<std::uint32_t>(programs_.size());
      next.older = programs_.size() > 1 ? &programs_[programs_.size() - 2] : nullptr;
      entry applied;
      applied.seq = applied.group = seq_t{++seq_};
      applied.at = now_;
      applied.kind = entry_kind::program;
      applied.merchant = 1;
      applied.merchant_id = "m";
      applied.version = applied.active_version = next.version;
      applied.text = rules_toml;
      honest_.push_back(applied);
      batches.emplace_back().add(applied);
    };
    apply_rules();
    const auto run = [&](command asked) {
      asked.merchant = "m";
      decision_context context;
      context.active = &programs_.back();
      context.now = now_;
      context.next_seq = seq_t{seq_ + 1};
      context.read_group = &read_group_;
      if (asked.kind == op::transfer)
        decide_transfer(states_[std::string(asked.account)], states_[std::string(asked.to)], asked, context, decided_);
      else
        decide(states_[std::string(asked.account)], asked, context, decided_);
      const bool is_held = decided_.outcome.status == outcome_status::held;
      ASSERT_TRUE(is_held || decided_.outcome.status == outcome_status::ok) << name_of(asked.kind) << " " << name_of(decided_.outcome.code);
      batches.emplace_back();
      for (entry& one : decided_.entries) {
        one.merchant = 1;
        one.merchant_id = "m";
        ++seq_;
        apply(states_[std::string(one.account)], one);
        honest_.push_back(one);
        forge(one);
        batches.back().add(one);
      }
    };
    const auto ask = [](op kind, std::string_view account, std::string_view order = {}, std::int64_t total = 0) {
      command asked;
      asked.kind = kind;
      asked.account = account;
      asked.order = order;
      if (total != 0)
        asked.total = money_t{total};
      return asked;
    };
    for (const char* account : {"a", "b", "c"}) {
      run(ask(op::enroll, account));
      run(ask(op::earn, account, "o-1", 500'000));
      run(ask(op::earn, account, "o-2", 300'000));
      now_ = now_.plus_days(2);
      command redeem = ask(op::redeem, account, "o-3", 100'000);
      redeem.amount_points = points_t{20};
      run(redeem);
      command reverse = ask(op::reverse, account, "o-1");
      reverse.reference = "f-1";
      reverse.amount = money_t{100'000};
      run(reverse);
      command adjust = ask(op::adjust, account);
      adjust.reference = "j-1";
      adjust.amount_points = points_t{5};
      adjust.reason = "kindness";
      run(adjust);
    }
    command asked = ask(op::transfer, "a");
    asked.to = "b";
    asked.reference = "t-1";
    asked.amount_points = points_t{10};
    run(asked);
    asked = ask(op::authorize, "a");
    asked.reference = "v-1";
    asked.amount_points = points_t{30};
    run(asked);
    asked = ask(op::capture, "a", "o-9");
    asked.reference = "v-1";
    asked.amount_points = points_t{20};
    run(asked);
    run(ask(op::earn, "b", "o-9", 20'000'000));
    asked = ask(op::approve, "b");
    asked.seq = seq_t{seq_};
    run(asked);
    run(ask(op::earn, "c", "o-9", 20'000'000));
    asked = ask(op::reject, "c");
    asked.seq = seq_t{seq_};
    run(asked);
    apply_rules();
    asked = ask(op::authorize, "b");
    asked.reference = "v-1";
    asked.amount_points = points_t{30};
    run(asked);
    asked = ask(op::capture, "b");
    asked.reference = "v-1";
    run(asked);
    for (const batch& one : batches)
      (*journal)->append(0, one);
    while ((*journal)->durable_seq().value < seq_)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    (*journal)->stop();
  }

  std::vector<finding> findings() {
    std::vector<finding> found;
    audit_options options;
    options.folder = folder_;
    options.report = [&](const finding& one) { found.push_back(one); };
    const auto report = audit_verify(options);
    EXPECT_TRUE(report.ok()) << report.error().what;
    if (report.ok()) {
      EXPECT_EQ(report->findings, found.size());
      entries_ = report->entries;
    }
    return found;
  }

  // Forges the entry numbered `number` and expects the auditor to name it, or the account, with these words.
  void expect_named(std::uint64_t number, const std::function<void(entry&)>& change, const std::string& words) {
    write([&](entry& one) {
      if (one.seq.value == number)
        change(one);
    });
    const auto found = findings();
    ASSERT_FALSE(found.empty());
    bool named = false;
    std::string all;
    for (const finding& one : found) {
      all += std::to_string(one.number.value) + " " + one.account + ": " + one.what + "\n";
      named = named || (one.number.value == number && one.what.find(words) != std::string::npos);
    }
    EXPECT_TRUE(named) << all;
  }

  std::uint64_t entries_ = 0;
  const std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("tally-forged-" + std::to_string(::getpid()));
  instant now_{1'767'225'600'000'000};
  std::uint64_t seq_ = 0;
  std::deque<program> programs_;
  std::map<std::string, account_state> states_;
  decision decided_;
  std::vector<entry> honest_; // what they point to are literals
  std::vector<entry> group_;
  const std::function<std::span<const entry>(seq_t)> read_group_ = [this](seq_t first) {
    group_.clear();
    for (const entry& each : honest_)
      if (each.group == first)
        group_.push_back(each);
    return std::span<const entry>(group_);
  };
};

// 1 and 36 program; then a: 2 enroll, 3 earn, 4 earn, 5 and 6 release, 7 redeem, 8 reverse, 9 adjust; b from 10, c from 18. Then a to b: 26
// and 27 transfer; a: 28 authorize, 29 capture, 30 void; b: 31 review_hold, 32 review_approve, 33 earn; c: 34 review_hold, 35
// review_reject; b: 37 authorize, 38 capture.
TEST_F(forged_journal, the_honest_one_passes) {
  write([](entry&) {});
  const auto found = findings();
  EXPECT_TRUE(found.empty()) << found.front().number.value << ": " << found.front().what;
  EXPECT_EQ(entries_, 38u);
}

TEST_F(forged_journal, more_points_than_the_rules_give) {
  expect_named(
      3,
      [](entry& one) {
        one.pending += points_t{1};
        one.pending_after += points_t{1};
        one.lifetime += points_t{1};
        one.lifetime_after += points_t{1};
        one.lots[0].pending += points_t{1};
      },
      "again gives another entry");
}

TEST_F(forged_journal, a_balance_that_does_not_follow) {
  expect_named(
      9, [](entry& one) { one.available_after += points_t{1}; }, "available after it is");
}

TEST_F(forged_journal, a_balance_changed_without_its_points) {
  expect_named(
      7,
      [](entry& one) {
        one.points += points_t{7};
        one.available_after += points_t{7};
      },
      "again gives another entry");
}

TEST_F(forged_journal, a_broken_back_link) {
  expect_named(
      8, [](entry& one) { one.prev_seq = seq_t{3}; }, "as the account's last");
}

TEST_F(forged_journal, a_reference_that_counts_twice) {
  // the adjustment of entry 9 under the reference that entry 17 of another account has is fine; the same account's order is not
  expect_named(
      4, [](entry& one) { one.order = "o-1"; }, "again gives");
}

TEST_F(forged_journal, another_total_than_was_asked) {
  expect_named(
      11, [](entry& one) { one.total = money_t{999'999}; }, "again gives another entry");
}

TEST_F(forged_journal, sides_that_do_not_fit) {
  expect_named(
      7, [](entry& one) { one.to = side::expiry; }, "again gives another entry");
}

TEST_F(forged_journal, a_version_that_was_never_applied) {
  expect_named(
      19, [](entry& one) { one.version = 2; }, "not in the journal");
}

TEST_F(forged_journal, rules_older_than_those_of_the_entry_before) {
  expect_named(
      38, [](entry& one) { one.active_version = 1; }, "by rules version 1 after version 2");
}

TEST_F(forged_journal, a_release_before_its_time) {
  expect_named(
      5, [](entry& one) { one.due = one.due->plus_us(1); }, "again gives another entry");
}

TEST_F(forged_journal, a_transfer_that_credits_more_than_it_takes) {
  expect_named(
      27,
      [](entry& one) {
        one.points += points_t{1};
        one.available_after += points_t{1};
        one.lots[0].available += points_t{1};
      },
      "again gives another entry");
}

TEST_F(forged_journal, a_transfer_without_its_credited_side) {
  write([](entry& one) {
    if (one.seq.value == 27) { // an adjustment of nothing in its place
      one.kind = entry_kind::adjust;
      one.group = one.seq;
      one.points = {};
      one.lots.clear();
    }
  });
  const auto found = findings();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front().number, seq_t{26});
  EXPECT_NE(found.front().what.find("again gives 2 entries, not 1"), std::string::npos) << found.front().what;
}

TEST_F(forged_journal, a_transfer_to_another_merchants_member) {
  expect_named(
      27, [](entry& one) { one.merchant = 2; }, "again gives another entry");
}

// Each side's entries are enough for its own account.
TEST_F(forged_journal, one_account_of_a_transfer_replays_alone) {
  write([](entry&) {});
  for (const char* account : {"a", "b"}) {
    replay_options options;
    options.folder = folder_;
    options.account = account;
    std::size_t accounts = 0, transfers = 0;
    const auto replayed = audit_replay(
        options,
        [&](const entry& one) {
          EXPECT_EQ(one.account, account);
          transfers += one.kind == entry_kind::transfer_out || one.kind == entry_kind::transfer_in ? 1 : 0;
          return true;
        },
        [&](std::string_view, std::string_view name, const account_state& state) {
          const account_state& live = states_[account];
          ++accounts;
          EXPECT_EQ(name, account);
          EXPECT_EQ(state.last_seq, live.last_seq);
          EXPECT_EQ(state.available, live.available);
          EXPECT_EQ(state.pending, live.pending);
          EXPECT_EQ(state.reserved, live.reserved);
          EXPECT_EQ(state.lifetime, live.lifetime);
          ASSERT_EQ(state.lots.size(), live.lots.size());
          for (std::size_t i = 0; i < state.lots.size(); ++i)
            EXPECT_EQ(state.lots[i].available, live.lots[i].available);
        });
    ASSERT_TRUE(replayed.ok()) << replayed.error().what;
    EXPECT_EQ(accounts, 1u);
    EXPECT_EQ(transfers, 1u);
  }
}

TEST_F(forged_journal, a_capture_of_more_than_was_reserved) {
  expect_named(
      29,
      [](entry& one) {
        one.reserved -= points_t{11};
        one.reserved_after -= points_t{11};
        one.lots[0].reserved -= points_t{11};
        one.asked_points = points_t{31};
      },
      "again gives 0 entries, not 2 (rejected insufficient_points)");
}

TEST_F(forged_journal, an_approval_of_more_points_than_were_parked) {
  expect_named(
      33,
      [](entry& one) {
        one.pending += points_t{1};
        one.pending_after += points_t{1};
        one.lifetime += points_t{1};
        one.lifetime_after += points_t{1};
        one.lots[0].pending += points_t{1};
      },
      "again gives another entry");
}

TEST_F(forged_journal, a_rejected_review_applied) {
  expect_named(
      35, [](entry& one) { one.kind = entry_kind::review_approve; }, "again gives 2 entries, not 1");
}

TEST_F(forged_journal, a_record_without_its_balance) {
  expect_named(
      28, [](entry& one) { one.available_after -= one.points; }, "available after it is");
}

TEST_F(forged_journal, no_journal_at_all) {
  audit_options options;
  options.folder = folder_;
  options.report = [](const finding&) { FAIL(); };
  const auto report = audit_verify(options);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, failure_code::missing);
}

} // namespace
} // namespace tally::wal
