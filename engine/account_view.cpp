#include "engine/account_view.hpp"

#include "engine/assert.hpp"
#include "engine/decide.hpp"
#include "engine/tiers.hpp"

#include <algorithm>

namespace tally {

namespace {

void note_next_expiry(instant at, points_t points, account_view& view) {
  if (!view.next_expiry_at || at < *view.next_expiry_at) {
    view.next_expiry_at = at;
    view.next_expiry_points = {};
  }
  if (at == *view.next_expiry_at)
    view.next_expiry_points += points;
}

// What expires within 30 days, and what expires next. Reserved points do not expire.
void look_ahead(const account_state& settled, instant now, account_view& view) {
  const instant horizon = now.plus_days(expiring_days); // the instant itself is in
  for (const lot& each : settled.lots) {
    const bool is_later =
        each.expires_at.us == 0 || (each.expires_at > horizon && view.next_expiry_at && each.expires_at > *view.next_expiry_at);
    if (is_later && settled.lots_in_spending_order)
      break; // and so are all that follow
    const points_t points = each.available + each.pending;
    if (points == points_t{} || each.expires_at.us == 0)
      continue;
    TALLY_ASSERT(each.expires_at > now, each.expires_at.us, now.us, each.id.value);
    if (each.expires_at <= horizon)
      view.expiring_30d += points;
    note_next_expiry(each.expires_at, points, view);
  }
  for (const lot_piece& each : lot_pieces(settled)) {
    TALLY_ASSERT(each.expires_at.us == 0 || each.expires_at > horizon, each.expires_at.us, now.us, each.first.value);
    if (each.expires_at.us != 0)
      note_next_expiry(each.expires_at, each.expiring, view);
  }
}

std::uint64_t rewards_within_reach(const program& active, points_t available, instant now) {
  const std::size_t count = std::min<std::size_t>(active.rules.rewards.size(), 64);
  std::uint64_t within = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (active.rules.rewards[i].price <= available && active.rules.rewards[i].window.contains(now))
      within |= std::uint64_t{1} << i;
  return within;
}

// The member's tier, and how far the next one is.
void look_up_tier(const account_state& state, const ruleset& rules, instant now, account_view& view) {
  const ruleset::tier_rules& tiers = *rules.tiers;
  const points_t points = tier_points(state, rules, now);
  const std::uint8_t reached = tier_reached(tiers, points);
  view.tier_points = points;
  if (reached > 0)
    view.tier = reached;
  if (reached < tiers.tiers.size()) {
    view.next_tier = static_cast<std::uint8_t>(reached + 1);
    view.points_to_next_tier = tiers.tiers[reached].threshold - points;
  }
}

bool is_lapsing(const account_state& state, const program* active, instant now) {
  return active != nullptr && active->rules.lapse_days > 0 &&
         int128{now.us} - state.active_at.us >= int128{active->rules.lapse_days} * us_per_day;
}

outcome::account_status_shown shown(const account_state& state, const program* active, instant now) {
  switch (state.status) {
  case account_status::active:
    return is_lapsing(state, active, now) ? outcome::lapsing : outcome::active;
  case account_status::suspended:
    return outcome::suspended;
  case account_status::closed:
    return outcome::closed;
  case account_status::none:
    break;
  }
  return outcome::none;
}

} // namespace

namespace {

// `recorded` is the account as it is, with its orders; `settled` the same with everything due done.
account_view view_of(const account_state& recorded, const account_state& settled, const program* active, instant now) {
  account_view view;
  view.available = settled.available;
  view.pending = settled.pending;
  view.reserved = settled.reserved;
  view.lifetime = settled.lifetime;
  look_ahead(settled, now, view);
  view.state = shown(settled, active, now);
  view.last_seq = recorded.last_seq;
  if (active != nullptr) {
    view.rewards = rewards_within_reach(*active, settled.available, now);
    view.version = active->version;
    if (active->rules.tiers && recorded.status != account_status::none)
      look_up_tier(recorded, active->rules, now, view);
  }
  return view;
}

} // namespace

account_view view_of(const account_state& state, const program* active, instant now) {
  if (state.next_due <= now)
    return view_of(state, as_of(state, now), active, now);
  return view_of(state, state, active, now);
}

} // namespace tally
