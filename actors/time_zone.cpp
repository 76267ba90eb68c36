// By Abseil's time zones: they are loaded once, cached, and safe to use from any thread.
#include "actors/time_zone.hpp"

#include <absl/time/time.h>

#include <algorithm>

namespace tally::actors {

namespace {

// The database also takes paths, its own fixed zones, and "localtime", which is another zone on another machine; the
// zones below right/ count leap seconds, which the ledger does not.
bool is_zone_name(std::string_view zone) {
  const auto is_name_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' || c == '+';
  };
  return !zone.empty() && std::all_of(zone.begin(), zone.end(), is_name_character) && !zone.starts_with('/') &&
         !zone.starts_with("right/") && !zone.starts_with("Fixed/") && zone != "localtime" && zone != "posixrules";
}

std::optional<std::int64_t> offset_us(std::string_view zone, std::int64_t local_us) {
  absl::TimeZone found;
  if (!is_zone_name(zone) || !absl::LoadTimeZone({zone.data(), zone.size()}, &found))
    return std::nullopt;
  const auto local_s = static_cast<std::int64_t>(floor_div(local_us, us_per_second));
  const auto times = found.At(absl::CivilSecond(1970, 1, 1) + local_s);
  return (local_s - absl::ToUnixSeconds(times.pre)) * us_per_second;
}

} // namespace

zone_offset_fn system_time_zones() { return offset_us; }

} // namespace tally::actors
