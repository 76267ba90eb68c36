// The long answers: reads that show more than an outcome's fixed numbers. Owns everything it shows.
// net/ turns it into the wire's outcome_document.
#pragma once

#include "engine/account_view.hpp"
#include "engine/entry.hpp"
#include "engine/outcome.hpp"
#include "engine/rules.hpp"
#include "engine/rules_toml.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tally::actors {

// Entries that outlive the journal block they were read from.
class entry_list {
public:
  void add(const entry& entry); // copies everything it points to
  const std::vector<entry>& entries() const { return entries_; }
  std::vector<entry>& entries() { return entries_; }

private:
  std::string_view keep(std::string_view text);

  std::vector<entry> entries_;
  std::deque<std::string> texts_;
  std::deque<std::vector<sale_line>> lines_;
  std::deque<std::vector<std::int64_t>> offsets_;
};

struct version_line {
  std::uint32_t version = 0;
  instant applied_at;
  seq_t seq;
};

// One open review of the list.
struct review_line {
  seq_t review;
  std::string account;
  op parked = op::none; // earn or reverse
  std::string order;
  std::string refund; // of a reversal
  review_reasons reasons = 0;
  points_t points;
  std::optional<money_t> total;
  instant at;
};

// The balances of a statement's ends.
struct balances_shown {
  points_t available, pending, reserved, lifetime;
  std::string tier; // empty: none
};

struct expiry_line {
  instant at;
  points_t points;
};

struct month_line {
  std::string month; // "2026-03", by UTC; empty: never expires
  points_t points;
};

// What a merchant owes its members.
struct liability_shown {
  points_t available; // gross: what the lots hold, debt not taken off
  points_t debt;
  points_t pending;
  points_t reserved;
  std::vector<month_line> by_month; // available + pending, by rising month, what never expires last
  std::optional<money_t> value;     // none without [redeem]
};

// Fields of SPEC section 12 by name; what an operation does not answer stays empty.
struct document {
  outcome head;
  const program* active = nullptr; // of the merchant: names of tiers and rewards, rates of entries
  std::string merchant;
  std::string account;
  bool names_account = false;       // the request had no account (a phone, a review): the answer says it
  std::optional<account_view> view; // account
  entry_list entries;               // history, entry, statement, tail (several: each is a line of its own)
  bool more = false;                // tail: there was more to look at
  std::optional<seq_t> next_before_seq;
  std::optional<std::uint64_t> count;
  std::optional<instant> at; // balance_at, liability
  std::optional<seq_t> seq;
  const program* shown = nullptr; // program
  std::vector<version_line> programs;
  std::vector<rules_problem> problems;
  std::optional<std::string> hash; // digest: lower-case hex
  std::optional<instant> now;      // advance_clock
  std::optional<std::uint64_t> fired;
  std::vector<review_line> reviews;
  std::optional<seq_t> next_after;    // reviews
  std::optional<instant> from, until; // statement
  std::optional<balances_shown> opening, closing;
  std::vector<expiry_line> expiring;
  std::optional<liability_shown> liability;
  std::optional<std::string> phone, name; // profile
};

} // namespace tally::actors
