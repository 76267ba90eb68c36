// One busy client of a server that keeps dying.
//
// It has accounts of its own and sends operations on them pipelined, duplicates among them; transfers between them, on
// one shard and between two, reservations, and what is held for review and decided later. When the server dies, what was
// not answered is unknown; after the restart the worker sends it again under the same references. Every answer must continue
// the account where the answer before left it: a lost operation breaks the chain of balances, one that counted twice does too.
// A transfer continues two accounts: one that was cut in half breaks the other's chain.
//
// Who kills the server, and how, is crash_test.cpp's and tests/power's; reading everything back is read_back.hpp's.
#pragma once

#include "net/client.hpp"
#include "tests/crash/expected_account.hpp"

#include <atomic>
#include <deque>
#include <random>
#include <set>
#include <string>

namespace tally::crash {

// Lifecycle: one for a whole run; `run` once for every start of the server. Thread: one at a time.
class worker {
public:
  // `rules_acknowledged`: the newest version of the rules that whoever changes them has an answer for. Outlives the worker.
  worker(int number, std::uint64_t seed, const std::atomic<std::uint32_t>& rules_acknowledged);

  totals seen;
  std::string problem; // the first thing that was wrong
  const std::deque<expected_account>& accounts() const { return accounts_; }

  // Sends until the server goes away or `enough` says so; false when something is wrong.
  bool run(std::uint16_t port, const std::atomic<bool>& enough);

private:
  std::int64_t below(std::int64_t limit) { return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random_); }

  template <class T>
  const T& any_of(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(static_cast<std::int64_t>(from.size())))];
  }

  std::string next_reference(const char* kind) { return kind + prefix_ + std::to_string(++counter_); }
  // Remembers it in `other_`.
  std::size_t other_than(std::size_t account);
  sent next();
  bool send(net::client& client, const sent& one);
  bool take(net::client& client);
  // What was rejected before the kill is decided anew when it is sent again, and may now come after what was sent later:
  // the chain is that of the seqs.
  void settle_resent(expected_account& member);

  void check(const sent& one, const outcome& answer, bool was_resent);
  void take_done(expected_account& member, const done& each, bool was_resent);
  // What may happen to an operation that comes after others, or after nobody knows what.
  static bool may_be_refused(const sent& one, outcome_code code);
  // The account goes on from the balance that the answer before left.
  void continue_with(expected_account& member, const done& each);
  // What the history must hold then.
  void add_entries(expected_account& member, const sent& one, const outcome& answer);
  void complain(const expected_account& member, const sent& one, const outcome& answer, const std::string& what);

  const std::atomic<std::uint32_t>& rules_acknowledged_;
  std::mt19937_64 random_;
  std::deque<expected_account> accounts_;
  std::set<std::size_t> enrolling_;
  std::size_t other_ = 0;
  std::deque<sent> unanswered_; // in the order sent
  std::size_t resent_ = 0;      // how many of them were sent before the last kill
  std::uint64_t counter_ = 0;
  std::string prefix_;
};

} // namespace tally::crash
