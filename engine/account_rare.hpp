// The part of an account's state that few accounts have, and the look-ups in a state that `apply` and `decide` share.
// Private to engine/.
#pragma once

#include "engine/account.hpp"
#include "engine/hash.hpp"
#include "engine/reference_index.hpp"

namespace tally {

// What the refunds of one order have done so far, all of them together.
struct refunded_order {
  std::uint64_t hash = 0; // of the order reference
  money_t refunded;
  money_t restoring;        // the refunds that asked for the redeemed points back
  points_t taken;           // of the order's earn, expired ones counted as taken included
  points_t expired_counted; // of `taken`
  bool cancelled = false;
};

// A lot of which points have expired; it may be gone.
struct expired_lot {
  seq_t lot;
  points_t points;
};

struct account_rare {
  seq_t status_seq; // group of the last suspend, reactivate or close; 0: none yet
  small_vector<refunded_order, 1> refunds;
  small_vector<undone_share, 1> undone; // by redemption, in the order first undone
  small_vector<expired_lot, 1> expired; // in the order first expired

  reference_index by_order;     // of account_state::orders
  reference_index by_reference; // of account_state::references
};

// Calls `visit(record)` for the account's earns of this order hash until it returns true.
template <class Visitor>
bool find_order(const account_state& state, std::uint64_t hash, Visitor&& visit) {
  static const reference_index none;
  return (state.rare ? state.rare->by_order : none).find(state.orders, hash, visit);
}

// Calls `visit(seq)` for the groups remembered under (kind, hash) until it returns true.
template <class Visitor>
bool find_reference(const account_state& state, op kind, std::uint64_t hash, Visitor&& visit) {
  static const reference_index none;
  return (state.rare ? state.rare->by_reference : none).find(state.references, hash, [&](const reference_record& record) {
    return op_of(record) == kind && visit(seq_of(record));
  });
}

// The lot, or null.
const lot* find_lot(const account_state& state, seq_t id);
// Zeros where the order was never refunded.
refunded_order refunds_of(const account_state& state, std::uint64_t order_hash);
// How much of a redemption was given back so far.
points_t undone_of(const account_state& state, seq_t redemption);
// How much of a lot has expired so far.
points_t expired_of(const account_state& state, seq_t lot);
// The group that made the account's status what it is.
seq_t status_seq_of(const account_state& state);

// Balances and lots, without references: what a decision drafts on.
void copy_balances(const account_state& from, account_state& to);

} // namespace tally
