// Reckons sales and discounts. Everything is a fraction of whole numbers until it is floored once at the end.
//
// A sale is reckoned in 128 bits, which holds any sale of a real shop. Where that is too narrow (many bonuses at once,
// enormous amounts) the same reckoning runs again on numbers of any length.
#include "engine/earning.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace tally {

namespace {

constexpr std::uint64_t million = rate_t::micros_per_one;

constexpr std::uint64_t magnitude(std::int64_t value) {
  return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
}

// A number >= 0 of at most 128 bits. One that would be larger is `too_narrow` from then on, and its value means nothing.
class narrow_number {
public:
  explicit narrow_number(std::uint64_t value = 0) : value_(value) {}

  bool too_narrow() const { return too_narrow_; }
  std::optional<std::uint64_t> in_64_bits() const {
    return value_ >> 64 == 0 ? std::optional(static_cast<std::uint64_t>(value_)) : std::nullopt;
  }
  bool operator<(const narrow_number& other) const { return value_ < other.value_; }

  void times(std::uint64_t factor) {
    const uint128 low = static_cast<uint128>(static_cast<std::uint64_t>(value_)) * factor;
    const uint128 high = (value_ >> 64) * factor + (low >> 64);
    too_narrow_ |= high >> 64 != 0;
    value_ = high << 64 | static_cast<std::uint64_t>(low);
  }
  void plus(const narrow_number& other) {
    value_ += other.value_;
    too_narrow_ |= other.too_narrow_ || value_ < other.value_;
  }
  void minus(const narrow_number& smaller) {
    value_ -= smaller.value_;
    too_narrow_ |= smaller.too_narrow_;
  }
  // Returns whether there was a remainder.
  bool divide_by(std::uint64_t divisor) {
    if (value_ >> 64 == 0) { // many times faster than what 128 bits take
      const auto low = static_cast<std::uint64_t>(value_);
      value_ = low / divisor;
      return low % divisor != 0;
    }
    const uint128 dividend = value_;
    value_ = dividend / divisor;
    return dividend != value_ * divisor;
  }

private:
  uint128 value_;
  bool too_narrow_ = false;
};

// The same without an end.
class wide_number {
public:
  explicit wide_number(std::uint64_t value = 0) {
    if (value != 0)
      limbs_.push_back(value);
  }

  bool too_narrow() const { return false; }
  std::optional<std::uint64_t> in_64_bits() const {
    return limbs_.size() < 2 ? std::optional(limbs_.empty() ? 0 : limbs_[0]) : std::nullopt;
  }
  bool operator<(const wide_number& other) const {
    if (limbs_.size() != other.limbs_.size())
      return limbs_.size() < other.limbs_.size();
    return std::lexicographical_compare(limbs_.rbegin(), limbs_.rend(), other.limbs_.rbegin(), other.limbs_.rend());
  }

  void times(std::uint64_t factor) {
    uint128 carry = 0;
    for (auto& limb : limbs_) {
      carry += static_cast<uint128>(limb) * factor;
      limb = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    if (carry != 0)
      limbs_.push_back(static_cast<std::uint64_t>(carry));
    trim();
  }
  void plus(const wide_number& other) {
    limbs_.resize(std::max(limbs_.size(), other.limbs_.size()));
    uint128 carry = 0;
    for (std::size_t i = 0; i < limbs_.size(); ++i) {
      carry += static_cast<uint128>(limbs_[i]) + (i < other.limbs_.size() ? other.limbs_[i] : 0);
      limbs_[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    if (carry != 0)
      limbs_.push_back(static_cast<std::uint64_t>(carry));
  }
  void minus(const wide_number& smaller) {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < limbs_.size(); ++i) {
      const uint128 taken = static_cast<uint128>(i < smaller.limbs_.size() ? smaller.limbs_[i] : 0) + borrow;
      borrow = limbs_[i] < taken ? 1 : 0;
      limbs_[i] -= static_cast<std::uint64_t>(taken);
    }
    trim();
  }
  bool divide_by(std::uint64_t divisor) {
    uint128 remainder = 0;
    for (std::size_t i = limbs_.size(); i-- > 0;) {
      const uint128 dividend = remainder << 64 | limbs_[i];
      limbs_[i] = static_cast<std::uint64_t>(dividend / divisor);
      remainder = dividend % divisor;
    }
    trim();
    return remainder != 0;
  }

private:
  void trim() {
    while (!limbs_.empty() && limbs_.back() == 0)
      limbs_.pop_back();
  }

  std::vector<std::uint64_t> limbs_; // lowest first, none of them a leading zero
};

// A sum of terms of either sign.
template <class Number>
struct balance {
  Number positive{};
  Number negative{};

  void add(const Number& term, bool is_negative) { (is_negative ? negative : positive).plus(term); }
  void times(std::uint64_t factor) {
    positive.times(factor);
    negative.times(factor);
  }
  bool is_negative() const { return positive < negative; }
  Number absolute() const {
    Number larger = is_negative() ? negative : positive;
    larger.minus(is_negative() ? positive : negative);
    return larger;
  }
};

// A product of multipliers as `micros / million^factors`.
template <class Number>
struct product {
  Number micros{1};
  unsigned factors = 0;
  bool negative = false;

  void take(rate_t multiplier) {
    if (multiplier == rate_t::one())
      return;
    micros.times(magnitude(multiplier.micros));
    negative ^= multiplier.micros < 0;
    ++factors;
  }
};

// Divides by one factor after the other, several in one step while they fit; rounds the magnitude up or down.
// (Rounding the same way in every step is the same as rounding once.)
template <class Number>
class divider {
public:
  divider(Number& number, bool up) : number_(number), up_(up) {}

  void by(std::uint64_t divisor) {
    std::uint64_t both = 0;
    if (__builtin_mul_overflow(gathered_, divisor, &both)) {
      finish();
      both = divisor;
    }
    gathered_ = both;
  }
  void finish() {
    if (gathered_ != 1 && number_.divide_by(gathered_) && up_)
      number_.plus(Number{1});
    gathered_ = 1;
  }

private:
  Number& number_;
  const bool up_;
  std::uint64_t gathered_ = 1;
};

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& item) { return item == wanted; });
}

bool matches(const ruleset::bonus& bonus, const sale_line& line) {
  return contains(bonus.skus, line.sku) || (!line.category.empty() && contains(bonus.categories, line.category));
}

// One that only gives points per unit has no say in what the line is multiplied by.
bool has_multiplier(const ruleset::bonus& bonus) { return bonus.multiplier != rate_t::one() || bonus.points_per_unit == points_t{}; }

// What one line is multiplied by; its points per unit go into `flat`.
template <class Number>
product<Number> line_product(const ruleset& program, const sale_line& line, instant at, balance<Number>& flat) {
  product<Number> multiplier;
  std::optional<rate_t> highest;
  for (const auto& bonus : program.bonuses) {
    if (bonus.whole_order() || !bonus.window.contains(at) || !matches(bonus, line))
      continue;
    if (has_multiplier(bonus)) {
      if (program.earn->stack == ruleset::stacking::multiply)
        multiplier.take(bonus.multiplier);
      else
        highest = highest ? std::max(*highest, bonus.multiplier) : bonus.multiplier;
    }
    if (bonus.points_per_unit != points_t{}) {
      Number points{magnitude(bonus.points_per_unit.value)};
      points.times(magnitude(line.quantity));
      flat.add(points, (bonus.points_per_unit.value < 0) != (line.quantity < 0));
    }
  }
  if (highest)
    multiplier.take(*highest);
  return multiplier;
}

// Calls `take` with everything that multiplies the whole order.
template <class Take>
void for_order_multipliers(const ruleset& program, instant at, rate_t tier_multiplier, const Take& take) {
  for (const auto& bonus : program.bonuses)
    if (bonus.whole_order() && bonus.multiplier != rate_t::one() && bonus.window.contains(at))
      take(bonus.multiplier);
  if (tier_multiplier != rate_t::one())
    take(tier_multiplier);
}

// u(x) of the contract, as a count of `per` (whole_units) or of 1 / per.units (floor).
std::int64_t units_of(const ruleset::earn_rules& earn, money_t amount) {
  if (earn.round == ruleset::rounding::whole_units)
    return static_cast<std::int64_t>(floor_div(amount.units, earn.per.units));
  return amount.units;
}

// u(total) + the sum of u(amount) * (multiplier - 1), as a count of `million^factors`.
template <class Number>
struct spend {
  balance<Number> sum;
  unsigned factors = 0;

  void add(std::int64_t units, const product<Number>& multiplier) {
    if (multiplier.factors == 0 || units == 0)
      return;
    for (; factors < multiplier.factors; ++factors)
      sum.times(million);
    Number one{1};
    for (unsigned factor = 0; factor < multiplier.factors; ++factor)
      one.times(million);
    balance<Number> extra; // multiplier - 1
    extra.add(multiplier.micros, multiplier.negative);
    extra.add(one, true);
    Number term = extra.absolute();
    term.times(magnitude(units));
    for (unsigned factor = multiplier.factors; factor < factors; ++factor)
      term.times(million);
    sum.add(term, extra.is_negative() != (units < 0));
  }
};

// What a number has come to, where it fits into 64 bits.
struct reckoned {
  bool too_narrow = false; // and nothing else is known
  std::optional<std::int64_t> value;
};

template <class Number>
reckoned signed_64_bits(const Number& absolute, bool negative) {
  constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
  if (absolute.too_narrow())
    return {true, std::nullopt};
  const auto bits = absolute.in_64_bits();
  if (!bits || *bits > largest + (negative ? 1 : 0))
    return {};
  return {false, static_cast<std::int64_t>(negative ? 0 - *bits : *bits)};
}

template <class Number>
reckoned reckon(const ruleset& program, money_t total, std::span<const sale_line> lines, instant at, rate_t tier_multiplier) {
  const auto& earn = *program.earn;
  spend<Number> spent;
  balance<Number> flat;
  const std::int64_t total_units = units_of(earn, total);
  spent.sum.add(Number{magnitude(total_units)}, total_units < 0);
  for (const auto& line : lines)
    spent.add(units_of(earn, line.amount), line_product<Number>(program, line, at, flat));

  Number points = spent.sum.absolute();
  bool negative = spent.sum.is_negative();
  points.times(magnitude(earn.points.micros));
  for_order_multipliers(program, at, tier_multiplier, [&](rate_t multiplier) {
    points.times(magnitude(multiplier.micros));
    negative ^= multiplier.micros < 0;
  });

  divider<Number> scale(points, negative);
  scale.by(million);
  if (earn.round == ruleset::rounding::floor)
    scale.by(magnitude(earn.per.units));
  for (unsigned factor = 0; factor < spent.factors; ++factor)
    scale.by(million);
  for_order_multipliers(program, at, tier_multiplier, [&](rate_t) { scale.by(million); });
  scale.finish();

  flat.add(points, negative);
  return signed_64_bits(flat.absolute(), flat.is_negative());
}

// A sale without lines and without anything that multiplies it, as most are; every number fits into 64 bits.
std::optional<points_t> reckon_plain(const ruleset::earn_rules& earn, money_t total) {
  const std::int64_t units = units_of(earn, total);
  const auto divisor = static_cast<uint128>(million) * (earn.round == ruleset::rounding::floor ? magnitude(earn.per.units) : 1);
  const auto points = static_cast<uint128>(magnitude(units)) * magnitude(earn.points.micros);
  if (units < 0 || points >> 64 != 0 || divisor >> 64 != 0)
    return std::nullopt;
  const std::uint64_t quotient = static_cast<std::uint64_t>(points) / static_cast<std::uint64_t>(divisor);
  return points_t{static_cast<std::int64_t>(quotient)}; // at most 2^64 / 10^6
}

bool multiplies_orders(const ruleset& program, instant at) {
  return std::any_of(program.bonuses.begin(), program.bonuses.end(),
                     [&](const ruleset::bonus& bonus) { return bonus.whole_order() && bonus.window.contains(at); });
}

// A product as a rate of six places, for showing: floored, and no more than a rate can hold.
template <class Number>
reckoned as_rate(product<Number> multiplier) {
  if (multiplier.factors == 0)
    return {false, million};
  divider<Number> scale(multiplier.micros, multiplier.negative);
  for (unsigned factor = 1; factor < multiplier.factors; ++factor)
    scale.by(million);
  scale.finish();
  return signed_64_bits(multiplier.micros, multiplier.negative);
}

// `multiplier_of` gives the product in whichever kind of number it is asked for.
template <class MultiplierOf>
rate_t shown_rate(const MultiplierOf& multiplier_of) {
  auto rate = as_rate(multiplier_of(narrow_number{}));
  if (rate.too_narrow)
    rate = as_rate(multiplier_of(wide_number{}));
  return {rate.value.value_or(std::numeric_limits<std::int64_t>::max())};
}

std::int64_t discount_step_units(const ruleset& program) {
  std::int64_t step = money_t::units_per_one;
  for (std::int32_t digit = 0; digit < program.currency_digits; ++digit)
    step /= 10;
  return step;
}

} // namespace

std::optional<points_t> points_for_sale(const ruleset& program, money_t total, std::span<const sale_line> lines, instant at,
                                        rate_t tier_multiplier) {
  TALLY_ASSERT(program.earn.has_value());
  if (program.earn->points.micros <= 0 || program.earn->per.units <= 0)
    return points_t{};
  if (lines.empty() && tier_multiplier == rate_t::one() && !multiplies_orders(program, at))
    if (const auto points = reckon_plain(*program.earn, total))
      return points;
  auto points = reckon<narrow_number>(program, total, lines, at, tier_multiplier);
  if (points.too_narrow)
    points = reckon<wide_number>(program, total, lines, at, tier_multiplier);
  if (!points.value)
    return std::nullopt;
  return points_t{*points.value};
}

earn_rates rates_for_sale(const ruleset& program, std::span<const sale_line> lines, instant at, rate_t tier_multiplier) {
  TALLY_ASSERT(program.earn.has_value());
  earn_rates rates{program.earn->points, program.earn->per, program.earn->round, rate_t::one(), tier_multiplier, {}};
  rates.order_multiplier = shown_rate([&]<class Number>(const Number&) {
    product<Number> order;
    for_order_multipliers(program, at, rate_t::one(), [&](rate_t multiplier) { order.take(multiplier); });
    return order;
  });
  rates.line_multipliers.reserve(lines.size());
  for (const auto& line : lines)
    rates.line_multipliers.push_back(shown_rate([&]<class Number>(const Number&) {
      balance<Number> flat;
      return line_product<Number>(program, line, at, flat);
    }));
  return rates;
}

std::optional<money_t> discount_for_points(const ruleset& program, points_t spent) {
  TALLY_ASSERT(program.redeem.has_value() && spent.value >= 0, spent.value);
  const std::int64_t step = discount_step_units(program);
  const int128 exact = int128{spent.value} * program.redeem->value.units;
  const int128 discount = floor_div(floor_div(exact, program.redeem->points.value), step) * step;
  if (!fits_points(discount))
    return std::nullopt;
  return money_t{static_cast<std::int64_t>(discount)};
}

money_t floored_to_currency(const ruleset& program, money_t amount) {
  const std::int64_t step = discount_step_units(program);
  const std::int64_t over = amount.units % step;
  return {amount.units - over - (over < 0 ? step : 0)};
}

std::optional<money_t> max_discount_of(const ruleset& program) {
  const auto& cap = program.redeem->max_discount;
  return cap ? std::optional(floored_to_currency(program, *cap)) : std::nullopt;
}

// A discount that cannot be given at `currency_digits` takes the next one that can. Where even all points there could
// ever be are too few, it is those.
points_t points_for_discount(const ruleset& program, money_t discount) {
  TALLY_ASSERT(program.redeem.has_value() && program.redeem->value.units > 0);
  if (discount.units <= 0)
    return {};
  const std::int64_t step = discount_step_units(program);
  const int128 wanted = floor_div(int128{discount.units} + step - 1, step) * step;
  const int128 value = program.redeem->value.units;
  const int128 points = floor_div(wanted * program.redeem->points.value + value - 1, value);
  return {fits_points(points) ? static_cast<std::int64_t>(points) : std::numeric_limits<std::int64_t>::max()};
}

} // namespace tally
