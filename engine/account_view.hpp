// What the `account` read shows (SPEC sections 8 and 12), reckoned from a state and the rules in force.
#pragma once

#include "engine/account.hpp"
#include "engine/outcome.hpp"
#include "engine/rules.hpp"

#include <optional>

namespace tally {

struct account_view {
  points_t available, pending, reserved, lifetime;
  std::optional<std::uint8_t> tier; // 1-based place in the program's tiers
  std::optional<points_t> tier_points;
  std::optional<std::uint8_t> next_tier;
  std::optional<points_t> points_to_next_tier;
  points_t expiring_30d;
  std::optional<instant> next_expiry_at;
  points_t next_expiry_points;
  outcome::account_status_shown state = outcome::none;
  std::uint64_t rewards = 0; // bit i: the i-th reward is within reach
  seq_t last_seq;
  std::uint32_t version = 0;
};

inline constexpr std::int64_t expiring_days = 30; // of `expiring_30d`

// No lot that expires within those days may be on disk (engine/spilled_lots.hpp).
account_view view_of(const account_state& state, const program* active, instant now);

} // namespace tally
