#include "tests/model/model_rules.hpp"

#include <algorithm>
#include <cstdio>

namespace tally::model {

namespace {

std::string decimal(std::int64_t value, std::int64_t one, int places) {
  char text[64];
  const bool negative = value < 0;
  const std::int64_t size = negative ? -value : value;
  std::snprintf(text, sizeof text, "%s%lld.%0*lld", negative ? "-" : "", static_cast<long long>(size / one), places,
                static_cast<long long>(size % one));
  return text;
}

bool leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

std::int64_t days_in(std::int64_t year, std::int64_t month) {
  const std::int64_t days[] = {31, leap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month - 1];
}

bool contains(std::int64_t from_us, std::int64_t until_us, std::int64_t at_us) {
  return (from_us == 0 || from_us <= at_us) && (until_us == 0 || at_us < until_us);
}

// The last moments of the zone's midnights are written as dates, everything else as times.
std::string moment(std::int64_t us, const model_rules& rules) {
  const std::int64_t local_us = us + rules.new_year_offset_us;
  const bool one_offset_all_year = rules.timezone == "UTC" || rules.timezone == "Asia/Kolkata";
  if (local_us % day_us == 0 && one_offset_all_year)
    return rfc3339(local_us).substr(0, 10);
  return rfc3339(us);
}

std::string window(std::int64_t from_us, std::int64_t until_us, const model_rules& rules) {
  std::string text;
  if (from_us != 0)
    text += "from = \"" + moment(from_us, rules) + "\"\n";
  if (until_us != 0)
    text += "until = \"" + moment(until_us, rules) + "\"\n";
  return text;
}

} // namespace

std::int64_t floored(wide dividend, wide divisor) {
  wide quotient = dividend / divisor;
  if (dividend % divisor != 0 && (dividend < 0) != (divisor < 0))
    --quotient;
  return static_cast<std::int64_t>(quotient);
}

// Counted on the fingers: a year, a month, a day at a time.
calendar_date date_of(std::int64_t us) {
  std::int64_t days = floored(us, day_us);
  calendar_date date;
  for (; days >= (leap(date.year) ? 366 : 365); ++date.year)
    days -= leap(date.year) ? 366 : 365;
  for (; days >= days_in(date.year, date.month); ++date.month)
    days -= days_in(date.year, date.month);
  date.day += days;
  return date;
}

std::int64_t midnight(const calendar_date& date) {
  std::int64_t days = date.day - 1;
  for (std::int64_t year = 1970; year < date.year; ++year)
    days += leap(year) ? 366 : 365;
  for (std::int64_t month = 1; month < date.month; ++month)
    days += days_in(date.year, month);
  return days * day_us;
}

std::string rfc3339(std::int64_t us) {
  const calendar_date date = date_of(us);
  const std::int64_t in_day = us - floored(us, day_us) * day_us, s = in_day / 1'000'000;
  char text[64];
  std::snprintf(text, sizeof text, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld", static_cast<long long>(date.year),
                static_cast<long long>(date.month), static_cast<long long>(date.day), static_cast<long long>(s / 3600),
                static_cast<long long>(s / 60 % 60), static_cast<long long>(s % 60));
  std::string shown = text;
  if (in_day % 1'000'000 != 0) {
    std::snprintf(text, sizeof text, ".%06lld", static_cast<long long>(in_day % 1'000'000));
    shown += text;
  }
  return shown + "Z";
}

std::string model_rules::toml(const std::string& merchant) const {
  std::string text = "merchant = \"" + merchant + "\"\nactive = " + (active ? "true" : "false") +
                     "\ncurrency_digits = " + std::to_string(currency_digits) + "\ntimezone = \"" + timezone +
                     "\"\nallow_inline_enrollment = " + (inline_enrollment ? "true" : "false") + "\n";
  text += "[enroll]\nopening_points = " + std::to_string(opening_points) + "\n";
  text += "[earn]\npoints = \"" + decimal(earn_micros, 1'000'000, 6) + "\"\nper = \"" + decimal(per_units, 10'000, 4) + "\"\n";
  text += std::string("rounding = \"") + (whole_units ? "whole_units" : "floor") + "\"\nhold_days = " + std::to_string(hold_days) +
          "\nexpire_days = " + std::to_string(expire_days) + "\nlate_days = " + std::to_string(late_days) + "\nstacking = \"" +
          (highest ? "highest" : "multiply") + "\"\n";
  int number = 0;
  for (const model_bonus& bonus : bonuses) {
    text += "[[bonus]]\nname = \"b" + std::to_string(number++) + "\"\n";
    if (!bonus.category.empty())
      text += "categories = [\"" + bonus.category + "\"]\n";
    if (!bonus.sku.empty())
      text += "skus = [\"" + bonus.sku + "\"]\n";
    if (!bonus.only_flat())
      text += "multiplier = \"" + decimal(bonus.multiplier_micros, 1'000'000, 6) + "\"\n";
    if (bonus.points_per_unit != 0)
      text += "points_per_unit = " + std::to_string(bonus.points_per_unit) + "\n";
    text += window(bonus.from_us, bonus.until_us, *this);
  }
  for (const model_reward& reward : rewards)
    text += "[[reward]]\nname = \"" + reward.name + "\"\npoints = " + std::to_string(reward.price) + "\n" +
            window(reward.from_us, reward.until_us, *this);
  if (can_redeem) {
    text += "[redeem]\npoints = " + std::to_string(redeem_points) + "\nvalue = \"" + decimal(redeem_units, 10'000, 4) +
            "\"\nmin_points = " + std::to_string(min_points) + "\nmin_balance = " + std::to_string(min_balance) +
            "\nreservation_minutes = " + std::to_string(reservation_minutes) +
            "\nrestore_grace_days = " + std::to_string(restore_grace_days) + "\n";
    if (max_discount_units)
      text += "max_discount = \"" + decimal(*max_discount_units, 10'000, 4) + "\"\n";
  }
  if (!tier_basis.empty())
    text += "[tiers]\nbasis = \"" + tier_basis + "\"\nnet_of_reversals = " + (net_of_reversals ? "true" : "false") + "\n";
  for (const model_tier& tier : tiers)
    text += "[[tier]]\nname = \"" + tier.name + "\"\nthreshold = " + std::to_string(tier.threshold) + "\nmultiplier = \"" +
            decimal(tier.multiplier_micros, 1'000'000, 6) + "\"\n";
  text += "[review]\nmax_points_per_order = " + std::to_string(max_points_per_order) + "\nmax_order_ratio = \"" +
          decimal(max_order_ratio_micros, 1'000'000, 6) + "\"\nmin_orders = " + std::to_string(min_orders) + "\nnegative_reversal = \"" +
          (negative_reversal_held ? "review" : "allow") + "\"\n";
  text += "[limits]\nearn_points_per_day = " + std::to_string(earn_points_per_day) +
          "\nredeem_points_per_day = " + std::to_string(redeem_points_per_day) +
          "\nredemptions_per_day = " + std::to_string(redemptions_per_day) + "\n";
  text += "[lapse]\ndays = " + std::to_string(lapse_days) + "\n";
  return text;
}

// points = floor(earn.points * (u(total) + sum of u(amount) * (m - 1)) * M) + sum of quantity * points_per_unit, over the
// common denominator per * 10^6 * 10^6 * 10^6 * 10^6 (rate, line multiplier, order multiplier, tier multiplier).
std::int64_t model_rules::points_for_sale(std::int64_t total, std::span<const sale_line> lines, std::int64_t at_us,
                                          std::int64_t tier_multiplier_micros) const {
  if (earn_micros <= 0)
    return 0;
  const auto units = [&](std::int64_t amount) -> wide { // times per
    return whole_units ? static_cast<wide>(floored(amount, per_units)) * per_units : amount;
  };
  wide base = units(total) * 1'000'000;
  std::int64_t flat = 0;
  for (const sale_line& line : lines) {
    wide multiplier = 1'000'000;
    std::int64_t best = 1'000'000;
    bool any = false;
    for (const model_bonus& bonus : bonuses) {
      const bool matches = (!bonus.category.empty() && bonus.category == line.category) || (!bonus.sku.empty() && bonus.sku == line.sku);
      if (!matches || !contains(bonus.from_us, bonus.until_us, at_us))
        continue;
      multiplier = multiplier * bonus.multiplier_micros / 1'000'000; // the test's multipliers divide evenly
      if (!bonus.only_flat()) {
        best = any ? std::max(best, bonus.multiplier_micros) : bonus.multiplier_micros;
        any = true;
      }
      flat += bonus.points_per_unit * line.quantity;
    }
    if (highest)
      multiplier = best;
    base += units(line.amount.units) * (multiplier - 1'000'000);
  }
  wide order_multiplier = 1'000'000;
  for (const model_bonus& bonus : bonuses)
    if (bonus.category.empty() && bonus.sku.empty() && contains(bonus.from_us, bonus.until_us, at_us))
      order_multiplier = order_multiplier * bonus.multiplier_micros / 1'000'000;
  const wide million = 1'000'000;
  return floored(base * earn_micros * order_multiplier * tier_multiplier_micros,
                 static_cast<wide>(per_units) * million * million * million * million) +
         flat;
}

std::int64_t model_rules::worth_units(std::int64_t points) const {
  std::int64_t grain = 10'000;
  for (int i = 0; i < currency_digits; ++i)
    grain /= 10;
  return floored(static_cast<wide>(points) * redeem_units, static_cast<wide>(redeem_points) * grain) * grain;
}

std::optional<std::int64_t> model_rules::cap_units(const std::optional<money_t>& order_total) const {
  std::optional<std::int64_t> cap = max_discount_units;
  if (order_total)
    cap = cap ? std::min(*cap, order_total->units) : order_total->units;
  std::int64_t grain = 10'000;
  for (int i = 0; i < currency_digits; ++i)
    grain /= 10;
  if (cap)
    *cap -= *cap % grain;
  return cap;
}

const model_tier* model_rules::tier_of(std::int64_t tier_points) const {
  const model_tier* best = nullptr;
  for (const model_tier& tier : tiers)
    if (tier.threshold <= tier_points)
      best = &tier;
  return best;
}

std::int64_t model_rules::tier_window_begins(std::int64_t now_us) const {
  if (tier_basis == "calendar_year") {
    const calendar_date local = date_of(now_us + new_year_offset_us);
    return midnight({local.year, 1, 1}) - new_year_offset_us;
  }
  if (tier_basis == "rolling_12_months") { // (the same moment a year ago, now]
    calendar_date ago = date_of(now_us);
    const std::int64_t in_day = now_us - midnight(ago);
    --ago.year;
    ago.day = std::min(ago.day, days_in(ago.year, ago.month));
    return midnight(ago) + in_day + 1;
  }
  return INT64_MIN;
}

} // namespace tally::model
