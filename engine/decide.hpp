// The decisions of the ledger as one pure function: state, command, rules and time in, entries and an outcome out.
// No I/O, no clock, no threads, no exceptions. Everything is checked first; nothing is changed here at all:
// the caller numbers the entries, applies them (engine/account.hpp) and journals them.
#pragma once

#include "engine/account.hpp"
#include "engine/account_spill.hpp"
#include "engine/command.hpp"
#include "engine/outcome.hpp"
#include "engine/rules.hpp"
#include "engine/spilled_lots.hpp"

#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace tally {

// What a decision may look at besides the account.
struct decision_context {
  // The merchant's newest version; null: none. Older ones are found behind it: for late receipts, approvals, captures.
  const program* active = nullptr;
  instant now;
  // The number the first new entry would get. Entries and lots of the decision are numbered from here; if others came
  // first, `rebase` moves them.
  seq_t next_seq;
  // Reads back a group of this account, by the seq of its first entry: for duplicates, conflicts and redemptions that are
  // given back. The entries stay valid until the next call; none at all: it cannot be read (answered `unavailable`).
  std::function<std::span<const entry>(seq_t)> const* read_group = nullptr;
  // Finds what an account has spilled; must be there where one has.
  const spilled_search* find_spilled = nullptr;
  // Reads lots that an account has on disk; must be there where one has.
  const lots_reader* read_lots = nullptr;
  // Names the change of personal data that goes with an enrolment or an erasure (`entry::personal`); 0: none.
  std::uint64_t personal = 0;
};

struct decision {
  tally::outcome outcome;
  std::vector<entry> entries; // what fell due first, then the operation's own group; empty when nothing changes
  std::size_t due_count = 0;  // how many of them are what fell due

  // Working memory of decide, kept so that it is allocated once: the account as drafted so far, without its references.
  account_state drafted;
  account_state drafted_to; // a transfer's receiver
  std::vector<std::uint32_t> spending_order;
  std::deque<std::string> texts; // what entries of an approval point to

  void clear();
};

// Decides one operation on one account: enroll, earn, preview, redeem, claim, authorize, capture, void, reverse, adjust, suspend,
// reactivate, close, approve and reject (`command.seq` is the review, `command.account` its account), erase.
// `state.status == none` stands for an account that is not enrolled. `out` is overwritten; its memory is reused.
// `command.phone` and `command.name` are not looked at: personal data is not the engine's.
void decide(const account_state& state, const command& command, const decision_context& context, decision& out);

// Decides a transfer from one account (`command.account`) to another of the same merchant (`command.to`), whose state has
// `status == none` where it is not enrolled. Entries of both accounts: each says whose it is in `entry.account`; what was due
// comes first, then the group of transfer_out and transfer_in.
void decide_transfer(const account_state& from, const account_state& to, const command& command, const decision_context& context,
                     decision& out);

// What has fallen due at `context.now` and nothing else: releases, time-outs and expiries, in the contract's order.
void decide_due(const account_state& state, const decision_context& context, decision& out);

// Moves a decision that was numbered from `from` to `to`: entries, lots, groups, outcome.
void rebase(decision& decided, seq_t from, seq_t to);

// The operation that a group of entries answers; `none` for what fell due by itself.
op operation_of(std::span<const entry> group);

// The outcome that a group of entries had when it was decided; also what `decide` itself answers, so that a duplicate
// can never differ from its first answer. `group` holds the operation's own entries.
outcome outcome_of(std::span<const entry> group);

// The state as it would be with everything due at `now` done, without entries; for reads. Balances and lots only: it
// has no references. last_seq is the given state's.
account_state as_of(const account_state& state, instant now);

} // namespace tally
