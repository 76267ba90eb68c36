#include "engine/tiers.hpp"

#include "engine/account_rare.hpp"

#include <algorithm>
#include <chrono>

namespace tally {

namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

sys_days day_of(instant at) { return sys_days(std::chrono::days(day_number(at))); }

instant midnight(sys_days day) { return {std::int64_t{day.time_since_epoch().count()} * us_per_day}; }

// The same time of the day twelve calendar months before; what would be a 29th of February is the 28th.
instant a_year_before(instant now) {
  const sys_days today = day_of(now);
  year_month_day date = year_month_day(today) - std::chrono::months(12);
  if (!date.ok())
    date = date.year() / date.month() / std::chrono::last;
  return midnight(sys_days(date)).plus_us(now.us - midnight(today).us);
}

// The calendar year that `now` lies in: [begin, end).
std::pair<instant, instant> calendar_year(const ruleset::tier_rules& tiers, instant now) {
  const auto& begins = tiers.year_begins;
  if (const auto next = std::upper_bound(begins.begin(), begins.end(), now); next != begins.begin() && next != begins.end())
    return {next[-1], *next};
  // UTC, and the years for which no offsets are on record
  const std::chrono::year year = year_month_day(day_of(now)).year();
  return {midnight(sys_days(year / 1 / 1)), midnight(sys_days((year + std::chrono::years(1)) / 1 / 1))};
}

// The window that counts now, with the end left open where only what has happened can lie in it.
class tier_window {
public:
  tier_window(const ruleset::tier_rules& tiers, instant now) : basis_(tiers.basis), now_(now) {
    if (basis_ == ruleset::tier_basis::calendar_year)
      year_ = calendar_year(tiers, now);
    else if (basis_ == ruleset::tier_basis::rolling_12_months)
      year_.first = a_year_before(now);
  }

  bool contains(instant dated) const {
    switch (basis_) {
    case ruleset::tier_basis::calendar_year:
      return year_.first <= dated && dated < year_.second;
    case ruleset::tier_basis::rolling_12_months:
      return year_.first < dated && dated <= now_;
    case ruleset::tier_basis::lifetime:
      break;
    }
    return true;
  }

private:
  ruleset::tier_basis basis_;
  instant now_;
  std::pair<instant, instant> year_;
};

} // namespace

bool counts_for_tiers(const ruleset& rules, instant dated, instant now) { return tier_window(*rules.tiers, now).contains(dated); }

points_t tier_points(const account_state& state, const ruleset& rules, instant now) {
  const ruleset::tier_rules& tiers = *rules.tiers;
  const bool net = tiers.net_of_reversals && state.rare;
  if (tiers.basis == ruleset::tier_basis::lifetime)
    return state.lifetime - (net ? state.rare->taken_back : points_t{});
  const tier_window window(tiers, now);
  points_t counted, opening = state.lifetime;
  if (state.has_spilled && state.rare->spilled.orders != 0) {
    TALLY_ASSERT(!window.contains(state.rare->spilled.newest_dated), state.rare->spilled.newest_dated.us, now.us);
    opening -= state.rare->spilled.earned;
  }
  for (const order_record& record : state.orders) {
    const order_facts facts = facts_of(state, record);
    opening -= facts.earned;
    if (window.contains(facts.dated))
      counted += facts.earned - (net ? refunds_of(state, record.hash).taken : points_t{});
  }
  return window.contains(state.enrolled_at) ? counted + opening : counted;
}

std::uint8_t tier_reached(const ruleset::tier_rules& tiers, points_t points) {
  std::uint8_t reached = 0;
  while (reached < tiers.tiers.size() && tiers.tiers[reached].threshold <= points)
    ++reached;
  return reached;
}

} // namespace tally
