// RFC 3339 times to instants and back (https://www.rfc-editor.org/rfc/rfc3339).
#pragma once

#include "engine/instant.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tally {

// Any offset, 0-6 decimals of a second; nullopt for anything else (leap seconds included).
std::optional<instant> parse_rfc3339(std::string_view text);

// In Z, at most 6 decimals, none if zero: "2026-01-01T00:00:00Z".
std::string format_rfc3339(instant at);

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and a date "2026-03-01" to those days.
std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day);
std::optional<std::int64_t> parse_date(std::string_view text);

} // namespace tally
