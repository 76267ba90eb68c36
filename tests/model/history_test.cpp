// Random histories, decided by the engine and by the slow model: every outcome, every balance and every entry must agree;
// what is journalled replays to the same state byte for byte; points are conserved after every step.
// TALLY_SEED and TALLY_OPERATIONS choose another history or a longer one; a failure prints the seed.
#include "engine/decide.hpp"
#include "engine/rules_toml.hpp"
#include "tests/model/history_generator.hpp"
#include "wal/entry_codec.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>

namespace tally::model {
namespace {

std::uint64_t number_from_env(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// The engine with the least that makes it a ledger: states by name and entries as journal bytes.
class engine_ledger {
public:
  struct stored {
    wal::bytes record;
    seq_t seq;
    instant at;
    std::string account;
  };

  std::map<std::string, account_state> states;
  std::deque<stored> journal; // entry n at index n - 1
  std::deque<program> programs;

  void put_program(const model_rules& rules) {
    auto read = read_rules(rules.toml("m"), [](std::string_view, std::int64_t) { return std::optional<std::int64_t>(0); });
    if (auto* problems = std::get_if<1>(&read))
      FAIL() << problems->front().key << ": " << problems->front().what << "\n" << rules.toml("m");
    programs.push_back({rules.version, {}, {}, {}, std::get<0>(std::move(read)), programs.empty() ? nullptr : &programs.back()});
  }

  const outcome& decide(const command& asked, instant now) {
    account_state& state = states[std::string(asked.account)];
    tally::decide(state, asked, context(now), decided_);
    take(std::string(asked.account), now);
    return decided_.outcome;
  }

  void settle(const std::string& account, instant now) {
    decide_due(states[account], context(now), decided_);
    take(account, now);
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

private:
  decision_context context(instant now) {
    decision_context context;
    context.active = programs.empty() ? nullptr : &programs.back();
    context.now = now;
    context.next_seq = {journal.size() + 1};
    context.read_group = &read_group_;
    return context;
  }

  void take(const std::string& account, instant now) {
    account_state& state = states[account];
    for (entry& one : decided_.entries) {
      one.merchant = 1;
      if (one.kind == entry_kind::enroll)
        one.merchant_id = "m";
      ASSERT_EQ(one.seq.value, journal.size() + 1);
      ASSERT_EQ(one.at, now);
      apply(state, one);
      stored& kept = journal.emplace_back(stored{{}, one.seq, one.at, account});
      wal::encode(one, kept.record);
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

class histories : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(histories, engine_and_model_agree) {
  const std::uint64_t seed = number_from_env("TALLY_SEED", GetParam());
  const std::uint64_t operations = number_from_env("TALLY_OPERATIONS", 4000);
  SCOPED_TRACE("TALLY_SEED=" + std::to_string(seed));
  history_generator generate(seed);
  slow_model model;
  engine_ledger ledger;
  std::map<std::uint32_t, model_rules> versions;
  std::uint64_t by_status[10] = {};

  for (std::uint64_t step = 0; step < operations; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    if (generate.wants_new_rules()) {
      model.rules = generate.rules(model.rules.version + 1);
      versions[model.rules.version] = model.rules;
      ledger.put_program(model.rules);
      if (HasFatalFailure())
        return;
    }
    const instant now{generate.now_us()};
    const std::size_t before = ledger.journal.size();
    std::vector<model_entry> expected_entries;
    const command asked = generate.operation();
    SCOPED_TRACE(describe(asked) + " under rules version " + std::to_string(model.rules.version));
    model_outcome expected;
    if (generate.wants_only_settling()) {
      model.settle(std::string(asked.account), now.us, expected_entries);
      ledger.settle(std::string(asked.account), now);
    } else {
      expected = model.decide(asked, now.us, expected_entries);
      const outcome& actual = ledger.decide(asked, now);
      ++by_status[static_cast<int>(actual.status)];
      ASSERT_EQ(describe(expected), describe(shown(actual, versions)));
    }
    if (HasFatalFailure())
      return;

    // the same entries, with the same balances after each
    ASSERT_EQ(ledger.journal.size() - before, expected_entries.size());
    points_t change, pending_change;
    for (std::size_t i = 0; i < expected_entries.size(); ++i) {
      const entry one = ledger.read(before + i);
      ASSERT_EQ(describe(expected_entries[i]), describe(shown(one)));
      points_t lots;
      for (const lot_change& lot : one.lots)
        lots += lot.available;
      ASSERT_EQ(one.points, lots - one.debt) << "an entry moves what its lots move";
      ASSERT_EQ(one.from == side::none, one.points == points_t{} && one.pending == points_t{} && one.reserved == points_t{});
    }
    ASSERT_EQ(static_cast<std::uint64_t>(model.next_seq), ledger.journal.size() + 1);

    // conservation: what the lots hold less debt is available; the model holds the same
    const account_state& state = ledger.states[std::string(asked.account)];
    points_t held, waiting;
    for (const lot& lot : state.lots) {
      ASSERT_FALSE(lot.empty());
      held += lot.available;
      waiting += lot.pending;
    }
    ASSERT_EQ(state.available, held - state.debt);
    ASSERT_EQ(state.pending, waiting);
    ASSERT_TRUE(state.debt == points_t{} || held == points_t{}) << "debt beside available points";
    const auto there = model.accounts.find(std::string(asked.account));
    ASSERT_EQ(state.available.value, there == model.accounts.end() ? 0 : there->second.available());
    ASSERT_EQ(state.debt.value, there == model.accounts.end() ? 0 : there->second.debt);
    ledger.forget_buffers();
  }

  // replay: the same bytes make the same states
  std::map<std::string, account_state> replayed;
  std::map<std::string, std::int64_t> sums;
  for (std::size_t i = 0; i < ledger.journal.size(); ++i) {
    const entry one = ledger.read(i);
    apply(replayed[ledger.journal[i].account], one);
    sums[ledger.journal[i].account] += one.points.value;
    ledger.forget_buffers();
  }
  std::uint64_t accounts = 0;
  for (const auto& [name, state] : ledger.states) {
    if (state.status == account_status::none)
      continue;
    ++accounts;
    ASSERT_EQ(fingerprint(state), fingerprint(replayed.at(name))) << name;
    ASSERT_EQ(state.available.value, sums.at(name)) << name << ": a balance is the sum of its entries";
  }
  std::printf(
      "seed %llu: %llu operations, %llu accounts, %zu entries; ok %llu, duplicate %llu, skipped %llu, rejected %llu, invalid %llu\n",
      static_cast<unsigned long long>(seed), static_cast<unsigned long long>(operations), static_cast<unsigned long long>(accounts),
      ledger.journal.size(), static_cast<unsigned long long>(by_status[1]), static_cast<unsigned long long>(by_status[2]),
      static_cast<unsigned long long>(by_status[3]), static_cast<unsigned long long>(by_status[5]),
      static_cast<unsigned long long>(by_status[6]));
  EXPECT_GT(by_status[1], operations / 10) << "a history of refusals shows little";
}

INSTANTIATE_TEST_SUITE_P(seeds, histories, ::testing::Range<std::uint64_t>(1, 13));

} // namespace
} // namespace tally::model
