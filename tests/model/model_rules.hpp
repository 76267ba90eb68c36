// A rules document as the slow model plays it, in the document's own units, and what can be reckoned from it without knowing
// any account: the points of a sale, what points are worth, the tier of a number of points, the calendar.
#pragma once

#include "engine/command.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tally::model {

inline constexpr std::int64_t day_us = 86'400'000'000;

// Rounds toward minus infinity. Takes 128 bits so that no product of two numbers of the contract is lost.
__extension__ using wide = __int128;
std::int64_t floored(wide dividend, wide divisor);

struct model_bonus {
  std::string category; // "" and sku "": whole order
  std::string sku;
  std::int64_t multiplier_micros = 1'000'000;
  std::int64_t points_per_unit = 0;
  std::int64_t from_us = 0, until_us = 0; // 0: open

  // Has no multiplier at all: not the same as one of 1 where the highest counts.
  bool only_flat() const { return points_per_unit != 0 && multiplier_micros == 1'000'000; }
};

struct model_reward {
  std::string name;
  std::int64_t price = 0;
  std::int64_t from_us = 0, until_us = 0; // 0: open
};

struct model_tier {
  std::string name;
  std::int64_t threshold = 0;
  std::int64_t multiplier_micros = 1'000'000;
};

struct model_rules {
  std::uint32_t version = 0; // 0: no program
  std::int64_t applied_us = 0;
  bool active = true;
  int currency_digits = 2;
  std::string timezone = "UTC";
  std::int64_t new_year_offset_us = 0; // how far east of UTC the zone is when a year begins
  bool inline_enrollment = false;
  std::int64_t opening_points = 0;
  std::int64_t earn_micros = 1'000'000;
  std::int64_t per_units = 10'000;
  bool whole_units = false;
  bool highest = false;
  std::int64_t hold_days = 0, expire_days = 0, late_days = 30;
  std::vector<model_bonus> bonuses;
  std::vector<model_reward> rewards;
  bool can_redeem = true;
  std::int64_t redeem_points = 100, redeem_units = 10'000, min_points = 1, min_balance = 0;
  std::optional<std::int64_t> max_discount_units;
  std::int64_t reservation_minutes = 15, restore_grace_days = 0;
  std::string tier_basis; // empty: no [tiers]
  bool net_of_reversals = false;
  std::vector<model_tier> tiers;
  std::int64_t max_points_per_order = 0, max_order_ratio_micros = 0, min_orders = 0; // 0: off
  bool negative_reversal_held = false;
  std::int64_t earn_points_per_day = 0, redeem_points_per_day = 0, redemptions_per_day = 0; // 0: off
  std::int64_t lapse_days = 0;                                                              // 0: off

  std::string toml(const std::string& merchant) const;

  // SPEC section 5. Zero or less: it earns nothing.
  std::int64_t points_for_sale(std::int64_t total, std::span<const sale_line> lines, std::int64_t at_us,
                               std::int64_t tier_multiplier_micros) const;
  // Floored to `currency_digits`.
  std::int64_t worth_units(std::int64_t points) const;
  // What a discount can be at most, floored to `currency_digits`; nothing: no cap.
  std::optional<std::int64_t> cap_units(const std::optional<money_t>& order_total) const;
  // The tier that so many tier points make; null: none.
  const model_tier* tier_of(std::int64_t tier_points) const;
  // Since when gains count for tiers at `now`: an instant inside the window, and the first one before it outside.
  std::int64_t tier_window_begins(std::int64_t now_us) const;
};

// By version.
using rules_history = std::map<std::uint32_t, model_rules>;

struct calendar_date {
  std::int64_t year = 1970, month = 1, day = 1;
};
calendar_date date_of(std::int64_t us);      // of UTC
std::int64_t midnight(const calendar_date&); // of UTC
std::string rfc3339(std::int64_t us);

} // namespace tally::model
