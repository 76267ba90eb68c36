// Decimal text to exact integers and back: money (4 places), rates (6 places).
#pragma once

#include "engine/quantities.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tally {

// `digits[.1-4 digits]`, never negative; nullopt for anything else or what does not fit.
std::optional<money_t> parse_money(std::string_view text);

// An optional minus, digits, and at most 6 places; nullopt for anything else or what does not fit.
std::optional<rate_t> parse_rate(std::string_view text);

// With exactly `places` decimals (0-4); digits below that must be zero or are cut toward minus infinity.
std::string format_money(money_t amount, int places = 4);

// Without trailing zeros: "1.25", "2".
std::string format_rate(rate_t value);

} // namespace tally
