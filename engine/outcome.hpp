// The answer to one operation (SPEC sections 4 and 12): a status and, by operation, some of the fields below.
// Which operation fills which field is the table in net/outcome_fields.hpp; the JSON names are the contract's.
#pragma once

#include "engine/entry.hpp"

#include <cstdint>
#include <string>

namespace tally {

// Fixed part: everything a hot operation answers, no allocation.
struct outcome {
  op kind = op::none;
  outcome_status status = outcome_status::ok;
  outcome_status first = outcome_status::ok; // of a duplicate: "ok" or "held"
  outcome_code code = outcome_code::none;
  bool tier_changed = false;
  std::uint8_t currency_digits = 2; // of `version`; filled in by whoever knows the program, not by outcome_of
  op parked = op::none;             // approve: what was parked; held: what is
  review_reasons reasons = 0;       // held
  std::uint8_t tier = 0;            // 1-based place in the active version's tiers; 0: null
  std::uint32_t version = 0;        // 0: null
  std::uint32_t active_version = 0; // names tier and rewards; 0: none
  seq_t seq;                        // first entry of the group
  points_t points;                  // points, points_used, points_taken, points_forfeited: the operation's first number
  points_t points_2;                // points_restored, points_returned
  points_t points_3;                // points_expired
  money_t amount;                   // discount, refunded
  points_t available, pending, reserved, lifetime;
  std::uint64_t rewards = 0;         // earn: bit i = i-th reward of `active_version`
  seq_t to_seq;                      // transfer
  seq_t review;                      // held, approve, reject
  std::optional<instant> expires_at; // authorize
  enum account_status_shown : std::uint8_t { none = 0, active = 1, lapsing = 2, suspended = 3, closed = 4 } state = none;

  // Rare parts: allocated only where they are used.
  std::string what;  // invalid, forbidden, overloaded, unavailable
  std::string where; // invalid
  std::string name;  // authorize, capture, void: the reservation; claim: the reward
};

} // namespace tally
