// RFC 3339 times to instants and back. Years 0000 to 9999 in; whatever an instant can hold out.
#include "engine/rfc3339.hpp"

#include "engine/quantities.hpp"

#include <cstddef>
#include <cstdio>

namespace tally {

namespace {

// Reads a text from left to right; once something does not match, `failed` stays.
struct scanner {
  std::string_view text;
  std::size_t at = 0;
  bool failed = false;

  bool done() const { return at == text.size(); }
  bool next_is(char upper) const { return !done() && (text[at] == upper || text[at] == upper + ('a' - 'A')); }

  std::int64_t digits(int count) {
    std::int64_t value = 0;
    for (; count > 0; --count) {
      if (done() || text[at] < '0' || text[at] > '9') {
        failed = true;
        return 0;
      }
      value = value * 10 + (text[at++] - '0');
    }
    return value;
  }
  void literal(char wanted) {
    if (done() || text[at] != wanted)
      failed = true;
    else
      ++at;
  }
  void letter(char upper) {
    if (!next_is(upper))
      failed = true;
    else
      ++at;
  }
};

unsigned days_in_month(std::int64_t year, unsigned month) {
  if (month == 2)
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

std::int64_t scan_date(scanner& in) {
  const std::int64_t year = in.digits(4);
  in.literal('-');
  const auto month = static_cast<unsigned>(in.digits(2));
  in.literal('-');
  const auto day = static_cast<unsigned>(in.digits(2));
  if (in.failed || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
    in.failed = true;
    return 0;
  }
  return days_from_civil(year, month, day);
}

std::int64_t scan_time_of_day_us(scanner& in) {
  const std::int64_t hour = in.digits(2);
  in.literal(':');
  const std::int64_t minute = in.digits(2);
  in.literal(':');
  const std::int64_t second = in.digits(2);
  if (hour > 23 || minute > 59 || second > 59)
    in.failed = true;
  std::int64_t fraction_us = 0;
  if (!in.failed && !in.done() && in.text[in.at] == '.') {
    ++in.at;
    std::int64_t weight_us = us_per_second;
    do {
      weight_us /= 10;
      fraction_us += in.digits(1) * weight_us;
    } while (!in.failed && weight_us > 1 && !in.done() && in.text[in.at] >= '0' && in.text[in.at] <= '9');
  }
  return ((hour * 60 + minute) * 60 + second) * us_per_second + fraction_us;
}

std::int64_t scan_offset_us(scanner& in) {
  if (in.next_is('Z')) {
    ++in.at;
    return 0;
  }
  const bool west = !in.done() && in.text[in.at] == '-';
  in.literal(west ? '-' : '+');
  const std::int64_t hours = in.digits(2);
  in.literal(':');
  const std::int64_t minutes = in.digits(2);
  if (hours > 23 || minutes > 59)
    in.failed = true;
  const std::int64_t offset_us = (hours * 60 + minutes) * us_per_minute;
  return west ? -offset_us : offset_us;
}

struct civil_date {
  std::int64_t year;
  unsigned month, day;
};

// Both ways after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that the leap
// day comes last, and 400 years are one era.
constexpr std::int64_t days_per_era = 146'097;
constexpr std::int64_t epoch_from_era_0 = 719'468; // days from 0000-03-01 to 1970-01-01

civil_date civil_from_days(std::int64_t days) {
  days += epoch_from_era_0;
  const auto era = static_cast<std::int64_t>(floor_div(days, days_per_era));
  const std::int64_t day_of_era = days - era * days_per_era;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<unsigned>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const auto month = static_cast<unsigned>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

} // namespace

std::optional<instant> parse_rfc3339(std::string_view text) {
  scanner in{text};
  const std::int64_t days = scan_date(in);
  in.letter('T');
  const std::int64_t time_us = scan_time_of_day_us(in);
  const std::int64_t offset_us = scan_offset_us(in);
  if (in.failed || !in.done())
    return std::nullopt;
  return instant{days * us_per_day + time_us - offset_us};
}

std::string format_rfc3339(instant at) {
  const auto days = static_cast<std::int64_t>(floor_div(at.us, us_per_day));
  const auto [year, month, day] = civil_from_days(days);
  const auto of_day_us = static_cast<std::int64_t>(at.us - int128{days} * us_per_day);
  const auto second = static_cast<int>(of_day_us / us_per_second);
  const auto fraction_us = static_cast<int>(of_day_us % us_per_second);

  char text[64];
  int length = std::snprintf(text, sizeof text, "%04lld-%02u-%02uT%02d:%02d:%02d", static_cast<long long>(year), month, day, second / 3600,
                             second / 60 % 60, second % 60);
  if (fraction_us != 0) {
    length += std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length), ".%06d", fraction_us);
    while (text[length - 1] == '0')
      --length;
  }
  text[length++] = 'Z';
  return std::string(text, static_cast<std::size_t>(length));
}

std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
  year -= month <= 2 ? 1 : 0;
  const auto era = static_cast<std::int64_t>(floor_div(year, 400));
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month_from_march = month > 2 ? month - 3 : month + 9;
  const std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * days_per_era + day_of_era - epoch_from_era_0;
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  scanner in{text};
  const std::int64_t days = scan_date(in);
  if (in.failed || !in.done())
    return std::nullopt;
  return days;
}

} // namespace tally
