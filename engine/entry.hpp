// One immutable line of the ledger, decoded. Its bytes in the journal: wal/entry_codec.hpp, docs/formats/entry.md.
//
// An entry holds what was asked beside what was decided, so that an audit can decide it again, a resent operation can
// be told from a conflicting one, and the first outcome can be answered again from the entry group alone.
#pragma once

#include "engine/command.hpp"
#include "engine/small_vector.hpp"

namespace tally {

// What an entry did to one lot: signed changes, and the lot's two instants so that a lot that is gone can come back.
struct lot_change {
  seq_t lot;
  points_t available;
  points_t pending;
  points_t reserved;
  instant available_at; // end of the hold; the entry's own time where there is none
  instant expires_at;   // 0: never

  bool operator==(const lot_change&) const = default;
};

// How much of a redemption a restore gave back.
struct undone_share {
  seq_t redemption; // the entry that spent the points
  points_t points;

  bool operator==(const undone_share&) const = default;
};

// Why an operation was held, in the order in which the contract lists them: bits of a set.
enum review_reason : std::uint8_t {
  over_points_per_order = 1 << 0, // "max_points_per_order"
  over_order_ratio = 1 << 1,      // "max_order_ratio"
  over_points_per_day = 1 << 2,   // "earn_points_per_day"
  reversal_below_zero = 1 << 3,   // "negative_reversal"
};
using review_reasons = std::uint8_t;

// Numbers by which merchants are named inside one journal, in order of first appearance: 1, 2, 3 ...
using merchant_number = std::uint32_t;

struct entry {
  seq_t seq;
  seq_t group;    // the first entry of the group that was decided together
  seq_t prev_seq; // the same account's entry before this one; 0: none. For `program`: the merchant's program entry before
  instant at;
  std::optional<instant> due;         // when what fell due did; `at` is when it was written
  std::optional<instant> occurred_at; // `at` of the operation, where one was sent
  // An approved earn without `at`: when it was parked. Hold, expiry and tiers count from `occurred_at`, else from here, else from `at`.
  std::optional<instant> parked_at;

  entry_kind kind = entry_kind::none;
  side from = side::none; // both none where 0 points moved
  side to = side::none;
  bool exact = false, restore = false, force = false; // as asked
  bool cancel = false;                                // a reverse without amount
  bool tier_changed = false;
  op parked = op::none;       // review_hold: what was parked, earn or reverse
  review_reasons reasons = 0; // review_hold

  merchant_number merchant = 0;
  std::string_view merchant_id; // in the journal only in `enroll` and `program` entries; readers fill it in
  std::string_view account;     // empty for `program`

  points_t points;                            // signed change of available = sum of lots' available - debt
  points_t pending, reserved, debt, lifetime; // signed changes
  points_t available_after, pending_after, reserved_after, lifetime_after;

  std::string_view order, refund, reservation, transfer, adjustment, reward, peer, reason;
  std::optional<points_t> asked_points;    // `points` of the operation
  std::optional<money_t> total;            // as asked
  std::optional<money_t> amount;           // as asked
  std::optional<std::int32_t> expire_days; // as asked
  std::optional<std::int32_t> minutes;     // authorize: as asked
  seq_t review;                            // the review that is made, decided or, in an approval's group, carried out
  points_t parked_points;                  // review_hold: what an earn would give or a reversal take, positive
  std::optional<instant> reserved_until;   // authorize: when the reservation's time runs out
  seq_t reserved_by;                       // capture and void: the `authorize` entry
  std::uint64_t personal = 0;              // enroll, erase: names a change of the personal data that goes with it (personal/); 0: none
  money_t discount;
  money_t refunded;          // reverse: all refunds of the order so far, this one included
  points_t expired_counted;  // reverse: expired points of the order's own lot that count as taken here
  std::uint64_t rewards = 0; // earn: bit i = the program's i-th reward was newly reached
  std::uint32_t version = 0; // of the rules whose rates were used; 0: none
  // The newest version when it was decided, whose tiers and rewards are named here. Another than `version` for late receipts,
  // approvals, captures and voids.
  std::uint32_t active_version = 0;
  std::uint8_t tier = 0; // after this entry: 1-based place in the active version's tiers; 0: none
  rate_t tier_multiplier = rate_t::one();

  small_vector<lot_change, 2> lots;     // in the order touched
  small_vector<undone_share, 1> undone; // restore: of which redemptions, in the order undone
  std::span<const sale_line> lines;     // as asked
  std::string_view token, terminal, cashier, note;
  std::string_view text;                 // program: the rules document
  std::span<const std::int64_t> offsets; // program: what the time zone gave, in the order rules ask for it (us east of UTC)
};

} // namespace tally
