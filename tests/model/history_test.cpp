// Random histories of two merchants side by side, decided by the engine and by the slow model: every outcome, every balance, every
// entry and what `account` shows must agree; what is journalled replays to the same state byte for byte; points are conserved after
// every step. TALLY_SEED and TALLY_OPERATIONS choose another history or a longer one; a failure prints the seed.
#include "engine/decide.hpp"
#include "engine/rules_toml.hpp"
#include "tests/model/history_generator.hpp"
#include "tests/model/history_words.hpp"
#include "wal/entry_codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>

namespace tally::model {
namespace {

std::uint64_t number_from_env(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// The engine with the least that makes it a ledger: states by name, one journal, entries as journal bytes.
class engine_ledger {
public:
  struct stored {
    wal::bytes record;
    seq_t seq;
    instant at;
    std::size_t merchant;
    std::string account;
  };
  struct merchant_state {
    std::map<std::string, account_state> accounts;
    std::deque<program> programs;
    const program* active() const { return programs.empty() ? nullptr : &programs.back(); }
  };

  std::array<merchant_state, 2> merchants;
  std::deque<stored> journal; // entry n at index n - 1

  void put_program(std::size_t merchant, const model_rules& rules) {
    const std::string toml = rules.toml(merchant_names[merchant]);
    auto read = read_rules(toml, [&](std::string_view, std::int64_t) { return std::optional(rules.new_year_offset_us); });
    if (auto* problems = std::get_if<1>(&read))
      FAIL() << problems->front().key << ": " << problems->front().what << "\n" << toml;
    auto& programs = merchants[merchant].programs;
    programs.push_back(
        {rules.version, instant{rules.applied_us}, {}, {}, std::get<0>(std::move(read)), programs.empty() ? nullptr : &programs.back()});
  }

  const outcome& decide(std::size_t merchant, const command& asked, instant now) {
    auto& accounts = merchants[merchant].accounts;
    const account_state& state = accounts[std::string(asked.account)];
    if (asked.kind == op::transfer)
      decide_transfer(state, accounts[std::string(asked.to)], asked, context(merchant, now), decided_);
    else
      tally::decide(state, asked, context(merchant, now), decided_);
    take(merchant, now);
    return decided_.outcome;
  }

  void settle(std::size_t merchant, const std::string& account, instant now) {
    decide_due(merchants[merchant].accounts[account], context(merchant, now), decided_);
    for (entry& one : decided_.entries)
      one.account = account;
    take(merchant, now);
  }

  entry read(std::size_t index) {
    const stored& one = journal[index];
    std::span<const std::byte> bytes = one.record;
    entry out;
    const auto done = wal::decode(bytes, one.seq, one.at, buffers_.emplace_back(), out);
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().what);
    EXPECT_TRUE(bytes.empty());
    return out;
  }
  void forget_buffers() { buffers_.clear(); }

  static constexpr const char* merchant_names[] = {"m", "n"};

private:
  decision_context context(std::size_t merchant, instant now) {
    decision_context context;
    context.active = merchants[merchant].active();
    context.now = now;
    context.next_seq = {journal.size() + 1};
    context.read_group = &read_group_;
    return context;
  }

  void take(std::size_t merchant, instant now) {
    for (entry& one : decided_.entries) {
      one.merchant = static_cast<merchant_number>(merchant + 1);
      if (one.kind == entry_kind::enroll)
        one.merchant_id = merchant_names[merchant];
      ASSERT_EQ(one.seq.value, journal.size() + 1);
      ASSERT_EQ(one.at, now);
      stored& kept = journal.emplace_back(stored{{}, one.seq, one.at, merchant, std::string(one.account)});
      wal::encode(one, kept.record);
      apply(merchants[merchant].accounts.at(kept.account), one);
    }
  }

  decision decided_;
  std::deque<wal::decode_buffer> buffers_;
  std::vector<entry> group_;
  std::function<std::span<const entry>(seq_t)> read_group_ = [this](seq_t first) -> std::span<const entry> {
    group_.clear();
    for (std::size_t i = first.value - 1; i < journal.size(); ++i) {
      entry one = read(i);
      if (one.group != first)
        break;
      group_.push_back(one);
    }
    return group_;
  };
};

// The same points out of one side and into the other; a side that is neither has not changed.
void check_sides(const entry& one) {
  const bool moved = one.from != side::none;
  ASSERT_EQ(moved, one.to != side::none);
  ASSERT_EQ(moved, one.points != points_t{} || one.pending != points_t{} || one.reserved != points_t{});
  points_t amount;
  for (const auto& [which, change] : {std::pair(side::member, one.points), {side::pending, one.pending}, {side::reserved, one.reserved}}) {
    const points_t into = which == one.to ? change : which == one.from ? -change : points_t{};
    if (which != one.from && which != one.to) {
      ASSERT_EQ(change, points_t{}) << "a side that the entry does not name";
    } else {
      ASSERT_GT(into, points_t{});
      ASSERT_TRUE(amount == points_t{} || amount == into) << "as much in as out";
      amount = into;
    }
  }
}

void check_lots(const entry& one) {
  points_t available, pending, reserved;
  for (const lot_change& lot : one.lots) {
    available += lot.available;
    pending += lot.pending;
    reserved += lot.reserved;
  }
  ASSERT_EQ(one.points, available - one.debt) << "an entry moves what its lots move";
  ASSERT_EQ(one.pending, pending);
  ASSERT_EQ(one.reserved, reserved);
}

void check_conservation(const account_state& state) {
  points_t available, pending, reserved;
  for (const lot& lot : state.lots) {
    ASSERT_FALSE(lot.empty());
    available += lot.available;
    pending += lot.pending;
    reserved += lot.reserved;
  }
  ASSERT_EQ(state.available, available - state.debt);
  ASSERT_EQ(state.pending, pending);
  ASSERT_EQ(state.reserved, reserved);
  ASSERT_TRUE(state.debt == points_t{} || available == points_t{}) << "debt beside available points";
}

// Balances as they are, and as `account` shows them with everything due counted as done.
void check_account(const account_state& state, const program* active, const slow_model& model, const std::string& name, instant now) {
  const auto there = model.accounts.find(name);
  ASSERT_EQ(state.status == account_status::none, there == model.accounts.end());
  if (there == model.accounts.end())
    return;
  ASSERT_EQ(state.available.value, there->second.available());
  ASSERT_EQ(state.debt.value, there->second.debt);
  ASSERT_EQ(describe(model.view(name, now.us)), describe(shown(view_of(state, active, now), model.versions)));
  const account_state later = as_of(state, now);
  check_conservation(later);
}

// One history, from its first rules to its replay.
void play(std::uint64_t seed, std::uint64_t operations) {
  SCOPED_TRACE("TALLY_SEED=" + std::to_string(seed));
  std::array<history_generator, 2> generators{history_generator(seed, "m"), history_generator(seed + 1'000'000, "n")};
  std::array<slow_model, 2> models;
  engine_ledger ledger;
  std::map<std::string, std::map<std::string, std::uint64_t>> answers; // by operation and status
  std::map<std::string, std::uint64_t> refusals;
  std::int64_t time = 0, next_seq = 1;

  for (std::uint64_t step = 0; step < operations; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    const std::size_t which = step % 7 == 3 ? 1 : 0; // the second one is there to be in the way
    history_generator& generate = generators[which];
    slow_model& model = models[which];
    model.next_seq = next_seq;
    generate.move_to(std::max(time, generate.time()));
    if (generate.wants_new_rules()) {
      const model_rules rules = generate.rules(static_cast<std::uint32_t>(model.versions.size() + 1));
      model.versions[rules.version] = rules;
      ledger.put_program(which, rules);
      if (::testing::Test::HasFatalFailure())
        return;
    }
    const instant now{generate.now_us()};
    time = now.us;
    const std::size_t before = ledger.journal.size();
    std::vector<model_entry> expected_entries;
    const command asked = generate.operation();
    SCOPED_TRACE(rfc3339(now.us) + " " + describe(asked) + " under rules version " + std::to_string(model.versions.size()));
    if (generate.wants_only_settling()) {
      model.settle(std::string(asked.account), now.us, expected_entries);
      ledger.settle(which, std::string(asked.account), now);
    } else {
      const model_outcome expected = model.decide(asked, now.us, expected_entries);
      const outcome& actual = ledger.decide(which, asked, now);
      ASSERT_EQ(describe(expected), describe(shown(actual, model.versions)));
      ++answers[std::string(name_of(asked.kind))][expected.status];
      if (!expected.code.empty())
        ++refusals[expected.status + " " + expected.code];
      generate.told(asked, expected);
    }
    next_seq = model.next_seq;
    if (::testing::Test::HasFatalFailure())
      return;

    // the same entries, with the same balances after each
    std::string expected_text, actual_text;
    for (const model_entry& one : expected_entries)
      expected_text += describe(one) + "\n";
    for (std::size_t i = before; i < ledger.journal.size(); ++i) {
      const entry one = ledger.read(i);
      actual_text += describe(shown(one)) + "\n";
      ASSERT_NO_FATAL_FAILURE(check_lots(one));
      ASSERT_NO_FATAL_FAILURE(check_sides(one));
    }
    ASSERT_EQ(expected_text, actual_text);
    ASSERT_EQ(static_cast<std::uint64_t>(next_seq), ledger.journal.size() + 1);

    const engine_ledger::merchant_state& merchant = ledger.merchants[which];
    for (const std::string_view name : {asked.account, asked.to}) {
      const auto state = merchant.accounts.find(std::string(name));
      if (state == merchant.accounts.end())
        continue;
      const instant when = step % 16 == 0 ? now.plus_days(3) : now; // what will be due counts, too
      ASSERT_NO_FATAL_FAILURE(check_conservation(state->second));
      ASSERT_NO_FATAL_FAILURE(check_account(state->second, merchant.active(), model, state->first, when)) << name;
    }
    ledger.forget_buffers();
  }

  // replay: the same bytes make the same states
  std::array<std::map<std::string, account_state>, 2> replayed;
  struct sum {
    points_t available, pending, reserved;
  };
  std::array<std::map<std::string, sum>, 2> sums;
  for (std::size_t i = 0; i < ledger.journal.size(); ++i) {
    const entry one = ledger.read(i);
    const engine_ledger::stored& kept = ledger.journal[i];
    apply(replayed[kept.merchant][kept.account], one);
    sum& all = sums[kept.merchant][kept.account];
    all.available += one.points;
    all.pending += one.pending;
    all.reserved += one.reserved;
    ledger.forget_buffers();
  }
  std::uint64_t accounts = 0;
  for (std::size_t merchant = 0; merchant < 2; ++merchant)
    for (const auto& [name, state] : ledger.merchants[merchant].accounts) {
      if (state.status == account_status::none)
        continue;
      ++accounts;
      ASSERT_EQ(fingerprint(state), fingerprint(replayed[merchant].at(name))) << name;
      const sum& all = sums[merchant].at(name);
      ASSERT_EQ(state.available, all.available) << name << ": a balance is the sum of its entries";
      ASSERT_EQ(state.pending, all.pending) << name;
      ASSERT_EQ(state.reserved, all.reserved) << name;
      ASSERT_NO_FATAL_FAILURE(
          check_account(replayed[merchant].at(name), ledger.merchants[merchant].active(), models[merchant], name, instant{time}))
          << name;
    }
  std::printf("seed %llu: %llu operations, %llu accounts, %zu entries", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(operations), static_cast<unsigned long long>(accounts), ledger.journal.size());
  for (auto& [kind, statuses] : answers) {
    const std::uint64_t refused = statuses["rejected"] + statuses["skipped"] + statuses["invalid"];
    std::printf("; %s %llu ok", kind.c_str(), static_cast<unsigned long long>(statuses["ok"]));
    if (statuses["held"] > 0)
      std::printf(" %llu held", static_cast<unsigned long long>(statuses["held"]));
    std::printf(" %llu again %llu refused", static_cast<unsigned long long>(statuses["duplicate"]),
                static_cast<unsigned long long>(refused));
    EXPECT_TRUE(operations < 4000 || statuses["ok"] > 0) << kind << ": a history of refusals shows little";
  }
  for (const auto& [why, count] : refusals)
    std::printf("; %s %llu", why.c_str(), static_cast<unsigned long long>(count));
  std::printf("\n");
}

class histories : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(histories, engine_and_model_agree) {
  std::uint64_t seed = number_from_env("TALLY_SEED", GetParam());
  const std::uint64_t operations = number_from_env("TALLY_OPERATIONS", 4200);
  for (std::uint64_t played = 0; played < operations; ++seed) { // a long run is many histories: no member lives for centuries
    const std::uint64_t length = std::min<std::uint64_t>(operations - played, 20'000);
    ASSERT_NO_FATAL_FAILURE(play(seed, length));
    played += length;
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, histories, ::testing::Range<std::uint64_t>(1, 13));

} // namespace
} // namespace tally::model
