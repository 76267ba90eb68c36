// How many points a sale is worth: the formula of SPEC section 5, exact in 128 bits and floored once.
#pragma once

#include "engine/command.hpp"
#include "engine/rules.hpp"

#include <optional>
#include <vector>

namespace tally {

// The rates a sale was reckoned with, as an entry shows them.
struct earn_rates {
  rate_t points;
  money_t per;
  ruleset::rounding round = ruleset::rounding::floor;
  rate_t order_multiplier = rate_t::one(); // product of whole-order bonuses in their window
  rate_t tier_multiplier = rate_t::one();
  std::vector<rate_t> line_multipliers; // one a line, empty without lines
};

// The points of a sale at `at`, before any tier when `tier_multiplier` is one. nullopt: the result leaves 64 bits.
// Zero or less means the sale earns nothing. `program.earn` must be present.
std::optional<points_t> points_for_sale(const ruleset& program, money_t total, std::span<const sale_line> lines, instant at,
                                        rate_t tier_multiplier);

// The same rates, spelled out; for showing an entry and for audits.
earn_rates rates_for_sale(const ruleset& program, std::span<const sale_line> lines, instant at, rate_t tier_multiplier);

// floor(points * value / redeem.points) at `currency_digits`; `program.redeem` must be present, points >= 0.
// nullopt: leaves 64 bits.
std::optional<money_t> discount_for_points(const ruleset& program, points_t spent);

// An amount at `currency_digits`: what is discounted is floored to them, so its caps are, too.
money_t floored_to_currency(const ruleset& program, money_t amount);
// The most a redemption may discount; nullopt: no cap. `program.redeem` must be present.
std::optional<money_t> max_discount_of(const ruleset& program);

// The fewest points whose discount is `discount` or more.
points_t points_for_discount(const ruleset& program, money_t discount);

} // namespace tally
