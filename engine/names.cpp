// The names of the closed vocabularies, in the order of their numbers.
#include "engine/names.hpp"

#include <array>
#include <cstddef>

namespace tally {

namespace {

constexpr std::array<std::string_view, op_count> op_names = {
    "",        "enroll",     "earn",      "preview", "redeem",     "claim",         "authorize", "capture",     "void",
    "reverse", "adjust",     "transfer",  "suspend", "reactivate", "close",         "account",   "history",     "entry",
    "count",   "balance_at", "reviews",   "approve", "reject",     "program",       "programs",  "put_program", "profile",
    "erase",   "statement",  "liability", "digest",  "tail",       "advance_clock",
};

constexpr std::array<std::string_view, 10> status_names = {
    "", "ok", "duplicate", "skipped", "held", "rejected", "invalid", "forbidden", "overloaded", "unavailable",
};

constexpr std::array<std::string_view, 6> skip_names = {
    "", "no_member", "no_program", "program_inactive", "account_suspended", "zero_points",
};

constexpr std::size_t first_rejection = 32;
constexpr std::array<std::string_view, 19> rejection_names = {
    "unknown_account",    "unknown_order",     "unknown_reservation", "unknown_reward",    "unknown_review",   "points_reserved",
    "over_limit",         "too_late",          "insufficient_points", "below_min_balance", "below_min_points", "over_cap",
    "over_refund",        "account_suspended", "account_closed",      "account_exists",    "program_inactive", "reservation_closed",
    "reference_conflict",
};

constexpr std::array<std::string_view, entry_kind_count> kind_names = {
    "",           "enroll",  "earn",        "release",        "redeem",        "claim",        "authorize",   "capture",
    "void",       "reverse", "restore",     "expire",         "adjust",        "transfer_out", "transfer_in", "suspend",
    "reactivate", "close",   "review_hold", "review_approve", "review_reject", "program",      "erase",
};

constexpr std::array<std::string_view, side_count> side_names = {
    "", "issuance", "member", "pending", "reserved", "redemption", "expiry", "adjustment", "forfeiture", "transfer",
};

// A number may come from a frame or a damaged file: out of range is empty, not undefined.
template <std::size_t N>
constexpr std::string_view name_at(const std::array<std::string_view, N>& names, std::size_t number) {
  return number < N ? names[number] : std::string_view{};
}

template <class Enum, std::size_t N>
std::optional<Enum> named(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t number = 1; number < N; ++number)
    if (names[number] == name)
      return static_cast<Enum>(number);
  return std::nullopt;
}

} // namespace

std::string_view name_of(op value) { return name_at(op_names, static_cast<std::size_t>(value)); }

std::string_view name_of(outcome_status value) { return name_at(status_names, static_cast<std::size_t>(value)); }

std::string_view name_of(outcome_code value) {
  const auto number = static_cast<std::size_t>(value);
  return number < first_rejection ? name_at(skip_names, number) : name_at(rejection_names, number - first_rejection);
}

std::string_view name_of(entry_kind value) { return name_at(kind_names, static_cast<std::size_t>(value)); }

std::string_view name_of(side value) { return name_at(side_names, static_cast<std::size_t>(value)); }

std::optional<op> op_named(std::string_view name) { return named<op>(op_names, name); }

std::optional<entry_kind> entry_kind_named(std::string_view name) { return named<entry_kind>(kind_names, name); }

} // namespace tally
