// The closed vocabularies of the contract (SPEC sections 4, 8, 12): operations, statuses, codes, entry kinds, sides.
// Their numbers are stored and sent: they are frozen, new ones are added at the end of their list.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tally {

// The number is also the discriminator of `union operation` in net/tally.fbs.
enum class op : std::uint8_t {
  none = 0,
  enroll = 1,
  earn = 2,
  preview = 3,
  redeem = 4,
  claim = 5,
  authorize = 6,
  capture = 7,
  void_ = 8,
  reverse = 9,
  adjust = 10,
  transfer = 11,
  suspend = 12,
  reactivate = 13,
  close = 14,
  account = 15,
  history = 16,
  entry = 17,
  count = 18,
  balance_at = 19,
  reviews = 20,
  approve = 21,
  reject = 22,
  program = 23,
  programs = 24,
  put_program = 25,
  profile = 26,
  erase = 27,
  statement = 28,
  liability = 29,
  digest = 30,
  tail = 31,
  advance_clock = 32,
};
inline constexpr std::uint8_t op_count = 33; // one past the last

enum class outcome_status : std::uint8_t {
  ok = 1,
  duplicate = 2,
  skipped = 3,
  held = 4,
  rejected = 5,
  invalid = 6,
  forbidden = 7,
  overloaded = 8,
  unavailable = 9,
};

// Why an operation was skipped (1-31) or rejected (32 and up).
enum class outcome_code : std::uint8_t {
  none = 0,
  no_member = 1,
  no_program = 2,
  skipped_program_inactive = 3,  // "program_inactive" as a skip
  skipped_account_suspended = 4, // "account_suspended" as a skip
  zero_points = 5,
  unknown_account = 32,
  unknown_order = 33,
  unknown_reservation = 34,
  unknown_reward = 35,
  unknown_review = 36,
  points_reserved = 37,
  over_limit = 38,
  too_late = 39,
  insufficient_points = 40,
  below_min_balance = 41,
  below_min_points = 42,
  over_cap = 43,
  over_refund = 44,
  account_suspended = 45,
  account_closed = 46,
  account_exists = 47,
  program_inactive = 48,
  reservation_closed = 49,
  reference_conflict = 50,
};

enum class entry_kind : std::uint8_t {
  none = 0,
  enroll = 1,
  earn = 2,
  release = 3,
  redeem = 4,
  claim = 5,
  authorize = 6,
  capture = 7,
  void_ = 8,
  reverse = 9,
  restore = 10,
  expire = 11,
  adjust = 12,
  transfer_out = 13,
  transfer_in = 14,
  suspend = 15,
  reactivate = 16,
  close = 17,
  review_hold = 18,
  review_approve = 19,
  review_reject = 20,
  program = 21,
  erase = 22,
};
inline constexpr std::uint8_t entry_kind_count = 23;

// The accounts of the double entry: points go out of one side into the other.
enum class side : std::uint8_t {
  none = 0,
  issuance = 1,
  member = 2,
  pending = 3,
  reserved = 4,
  redemption = 5,
  expiry = 6,
  adjustment = 7,
  forfeiture = 8,
  transfer = 9,
};
inline constexpr std::uint8_t side_count = 10;

// The names as the contract spells them ("void", "account_suspended"); empty for a number that is not in the list.
std::string_view name_of(op);
std::string_view name_of(outcome_status);
std::string_view name_of(outcome_code);
std::string_view name_of(entry_kind);
std::string_view name_of(side);

std::optional<op> op_named(std::string_view);
std::optional<entry_kind> entry_kind_named(std::string_view);

} // namespace tally
