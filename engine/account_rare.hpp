// The part of an account's state that few accounts have, and the look-ups in a state that `apply` and `decide` share.
// Private to engine/.
#pragma once

#include "engine/account.hpp"
#include "engine/account_spill.hpp"
#include "engine/hash.hpp"
#include "engine/reference_index.hpp"
#include "engine/spilled_lots.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace tally {

// A lot of which points have expired; it may be gone.
struct expired_lot {
  seq_t lot;
  points_t points;
};

// By which records are found: of those that a seq names, no two have one hash.
constexpr std::uint64_t hash_of(seq_t seq) { return seq.value * 0x9e3779b97f4a7c15; } // odd, so that it is one to one
constexpr std::uint64_t hash_of(const refunded_order& record) { return record.hash; }
constexpr std::uint64_t hash_of(const undone_share& record) { return hash_of(record.redemption); }
constexpr std::uint64_t hash_of(const expired_lot& record) { return hash_of(record.lot); }

// Points of one lot that are reserved, or that come back from being so.
struct lot_share {
  seq_t lot;
  points_t points;
  instant available_at;
  instant expires_at; // 0: never
};

// An authorised redemption that is not captured yet.
struct reservation {
  seq_t seq;                     // of its authorize entry
  instant until;                 // its time runs out
  std::uint32_t version;         // of the rules that authorised it
  std::string name;              // the reference
  std::vector<lot_share> shares; // in the order in which they are captured
};

// A review of the account, open or decided.
struct review_record {
  seq_t review;
  seq_t decided; // group of the review_approve or review_reject; 0: open
  std::uint64_t order_hash = 0;
  op parked = op::none;
  bool approved = false;
};

// A capture that was made on an order.
struct captured_order {
  std::uint64_t hash; // of the order
  seq_t seq;          // of the capture entry
};

constexpr std::uint64_t hash_of(const captured_order& record) { return record.hash; }

// The places, among all of a kind, of the records that are on disk: from `begin`, below `end`. Those in memory come behind them.
struct spilled_range {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t size() const { return end - begin; }
};

// How many there are on disk (engine/account_spill.hpp), and what sums need of them.
struct spilled_sums {
  std::uint64_t orders = 0, references = 0;
  int128 total_units = 0; // of the orders' totals
  points_t earned;        // on the orders
  instant newest_dated;   // of the orders
  spilled_range refunds, undone, expired, captured;
};

struct account_rare {
  seq_t status_seq;                                // group of the last suspend, reactivate or close; 0: none yet
  seq_t erased_seq;                                // newest erase; 0: none
  points_t taken_back;                             // of all that was earned, expired points counted as taken included
  std::vector<reservation> reservations;           // open ones, oldest first
  small_vector<review_record, 1> reviews;          // oldest first
  small_vector<captured_order, 1> captured_orders; // oldest first
  std::vector<order_facts> wide_orders;
  small_vector<refunded_order, 1> refunds;
  small_vector<undone_share, 1> undone; // by redemption, in the order first undone
  small_vector<expired_lot, 1> expired; // in the order first expired

  spilled_sums spilled;
  std::vector<lot_piece> lot_pieces; // on disk, by what is spent first

  reference_index by_order;     // of account_state::orders
  reference_index by_reference; // of account_state::references
  reference_index by_captured_order, by_refund, by_undone, by_expired;
};

// Has the state say what `rare` has; to be called when that changed.
void note_rare(account_state& state);

// Calls `visit(record)` for the account's earns of this order hash until it returns true.
template <class Visitor>
bool find_order(const account_state& state, std::uint64_t hash, Visitor&& visit) {
  static const reference_index none{};
  return (state.orders.size() > reference_index::scanned_max ? state.rare->by_order : none).find(state.orders, hash, visit);
}

// Calls `visit(seq)` for the groups remembered under (kind, hash) until it returns true.
template <class Visitor>
bool find_reference(const account_state& state, op kind, std::uint64_t hash, Visitor&& visit) {
  static const reference_index none{};
  return (state.references.size() > reference_index::scanned_max ? state.rare->by_reference : none)
      .find(state.references, hash, [&](const reference_record& record) { return op_of(record) == kind && visit(seq_of(record)); });
}

// Calls `visit(seq)` for the captures on this order hash until it returns true.
template <class Visitor>
bool find_capture(const account_state& state, std::uint64_t hash, Visitor&& visit) {
  return state.rare && state.rare->by_captured_order.find(state.rare->captured_orders, hash,
                                                          [&](const captured_order& record) { return visit(record.seq); });
}

order_facts facts_of(const account_state& state, const order_record& record);
order_record make_order_record(account_state& state, std::uint64_t hash, const order_facts& facts);
// The open reservation that this entry authorised, or null.
const reservation* find_reservation(const account_state& state, seq_t authorised);
// The review, or null.
const review_record* find_review(const account_state& state, seq_t review);

// Calls `visit(lot)`, by id, for every lot that may be due before all others. Where they lie in the order in which they are spent, these
// are the first that can expire and what lies between the pending ones, which are the newest as a rule. `pending`: what the lots have of
// it, all together.
template <class Visitor>
void visit_due_first(const account_state& state, points_t pending, Visitor&& visit) {
  const lot* from = state.lots.begin();
  if (state.lots_in_spending_order) {
    from = state.lots.end();
    for (points_t left = pending; left > points_t{}; left -= from->pending) {
      TALLY_ASSERT(from != state.lots.begin(), left.value, pending.value);
      --from;
    }
    const lot* expires = std::find_if(state.lots.begin(), from, [](const lot& each) { return each.due() != instant::end_of_time(); });
    if (expires != from)
      visit(*expires);
  }
  for (; from != state.lots.end(); ++from)
    visit(*from);
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

// Balances, lots and reservations, without references: what a decision drafts on.
void copy_balances(const account_state& from, account_state& to);

} // namespace tally
