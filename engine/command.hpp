// One operation as the engine sees it: decoded, not yet checked against any state.
// Strings are views into the frame or the test that made it; they live as long as that does.
#pragma once

#include "engine/instant.hpp"
#include "engine/names.hpp"
#include "engine/quantities.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tally {

// A line of a receipt. quantity >= 1.
struct sale_line {
  std::string_view sku;
  std::string_view category; // empty: none
  std::int64_t quantity = 1;
  money_t amount;

  bool operator==(const sale_line&) const = default;
};

// A set of entry kinds, one bit each; empty means all of them.
struct kind_set {
  std::uint32_t bits = 0;

  constexpr bool contains(entry_kind kind) const { return bits == 0 || ((bits >> static_cast<unsigned>(kind)) & 1) != 0; }
  constexpr void insert(entry_kind kind) { bits |= 1u << static_cast<unsigned>(kind); }
};

// A field that an operation does not have stays as it is here; empty strings mean absent.
struct command {
  op kind = op::none;
  bool exact = false;   // redeem
  bool restore = false; // reverse
  bool force = false;   // adjust
  kind_set kinds;       // history, count, entry, tail

  std::string_view merchant;
  std::string_view account;
  std::string_view order;
  std::string_view reference; // the operation's own: refund, reservation, transfer, adjustment, or a reward's name
  std::optional<money_t> total;
  std::optional<points_t> amount_points; // `points` of redeem, preview, adjust, authorize, capture, transfer
  std::optional<money_t> amount;         // reverse
  std::span<const sale_line> lines;      // earn
  std::optional<instant> at;

  std::string_view token; // the name of the token that asked
  std::string_view terminal;
  std::string_view cashier;
  std::string_view note;
  std::string_view reason;

  std::string_view to; // transfer: the receiving account
  std::string_view phone;
  std::string_view name;
  std::string_view toml; // put_program
  std::optional<std::int32_t> expire_days;
  std::optional<std::int32_t> minutes;
  std::optional<seq_t> seq;        // entry, balance_at; the review of approve and reject; from_seq of tail
  std::optional<seq_t> before_seq; // history
  std::optional<seq_t> after;      // reviews
  std::optional<instant> from;
  std::optional<instant> until; // history, statement: exclusive; advance_clock: `to`
  std::optional<std::uint32_t> limit;
  std::optional<std::uint32_t> version;
};

} // namespace tally
