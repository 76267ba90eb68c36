// A merchant's rules, read and validated: what SPEC section 3 calls the rules document. Immutable once made.
// Reading the text: engine/rules_toml.hpp. Using it: engine/earning.hpp, engine/decide.hpp.
#pragma once

#include "engine/instant.hpp"
#include "engine/quantities.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tally {

// [from, until); an absent end is open. Dates have been turned into instants with the program's time zone.
struct time_window {
  std::optional<instant> from;
  std::optional<instant> until;

  bool contains(instant at) const { return (!from || *from <= at) && (!until || at < *until); }
};

struct ruleset {
  struct enroll_rules {
    points_t opening_points;
  };
  enum class rounding : std::uint8_t { floor = 0, whole_units = 1 };
  enum class stacking : std::uint8_t { multiply = 0, highest = 1 };
  struct earn_rules {
    rate_t points; // may be <= 0: earns are then skipped
    money_t per;   // > 0, or the same
    rounding round = rounding::floor;
    std::int32_t hold_days = 0;
    std::int32_t expire_days = 0; // 0: never
    std::int32_t late_days = 30;
    stacking stack = stacking::multiply;
  };
  struct bonus {
    std::string name;
    std::vector<std::string> categories;
    std::vector<std::string> skus; // both empty: the whole order
    rate_t multiplier = rate_t::one();
    points_t points_per_unit;
    time_window window;

    bool whole_order() const { return categories.empty() && skus.empty(); }
  };
  struct reward {
    std::string name;
    points_t price;
    time_window window;
  };
  struct redeem_rules {
    points_t points; // this many points ...
    money_t value;   // ... are worth this much
    points_t min_points{1};
    points_t min_balance;
    std::optional<money_t> max_discount;
    std::int32_t reservation_minutes = 15;
    std::int32_t restore_grace_days = 0;
  };
  enum class tier_basis : std::uint8_t { lifetime = 0, calendar_year = 1, rolling_12_months = 2 };
  struct tier {
    std::string name;
    points_t threshold;
    rate_t multiplier = rate_t::one();
  };
  struct tier_rules {
    tier_basis basis = tier_basis::lifetime;
    bool net_of_reversals = false;
    std::vector<tier> tiers; // by rising threshold
    // calendar_year in a zone other than UTC: when the years from `first_year` on begin. Empty for UTC.
    static constexpr std::int32_t first_year = 2000, last_year = 2100;
    std::vector<instant> year_begins;
  };
  struct review_rules {
    points_t max_points_per_order; // 0: off
    rate_t max_order_ratio;        // 0: off
    std::int32_t min_orders = 0;
    bool negative_reversal_held = false; // "review" instead of "allow"
  };
  struct limit_rules { // 0: off
    points_t earn_points_per_day;
    points_t redeem_points_per_day;
    std::int32_t redemptions_per_day = 0;
  };

  std::string merchant;
  std::string name;
  bool active = true;
  std::int32_t currency_digits = 2; // 0-4
  std::string timezone = "UTC";
  bool allow_inline_enrollment = false;
  enroll_rules enroll;
  std::optional<earn_rules> earn;
  std::vector<bonus> bonuses; // in document order, as rewards
  std::vector<reward> rewards;
  std::optional<redeem_rules> redeem;
  std::optional<tier_rules> tiers;
  review_rules review;
  limit_rules limits;
  std::int32_t lapse_days = 0; // 0: off

  // What the time zone answered while the document was read, in the order it was asked; see engine/rules_toml.hpp.
  std::vector<std::int64_t> offsets_us;
};

// One applied version of a merchant's rules. Versions are never freed while the ledger runs, so plain pointers to them
// are safe from any thread; `older` leads back to version 1.
struct program {
  std::uint32_t version = 0; // 1, 2, 3 ...
  instant applied_at;
  seq_t applied_seq; // its `program` entry
  std::string toml;
  ruleset rules;
  const program* older = nullptr;

  // The given version, or null. Call on the newest.
  const program* find(std::uint32_t wanted) const {
    const program* at = this;
    while (at != nullptr && at->version != wanted)
      at = at->older;
    return at;
  }
};

} // namespace tally
