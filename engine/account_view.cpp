#include "engine/account_view.hpp"

#include "engine/assert.hpp"
#include "engine/decide.hpp"

#include <algorithm>

namespace tally {

namespace {

// What expires within 30 days, and what expires next. Reserved points do not expire.
void look_ahead(const account_state& settled, instant now, account_view& view) {
  const instant horizon = now.plus_days(30); // the instant itself is in
  for (const lot& each : settled.lots) {
    const points_t points = each.available + each.pending;
    if (points == points_t{} || each.expires_at.us == 0)
      continue;
    TALLY_ASSERT(each.expires_at > now, each.expires_at.us, now.us, each.id.value);
    if (each.expires_at <= horizon)
      view.expiring_30d += points;
    if (!view.next_expiry_at || each.expires_at < *view.next_expiry_at) {
      view.next_expiry_at = each.expires_at;
      view.next_expiry_points = {};
    }
    if (each.expires_at == *view.next_expiry_at)
      view.next_expiry_points += points;
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

outcome::account_status_shown shown(account_status status) {
  switch (status) {
  case account_status::active:
    return outcome::active;
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

account_view view_of(const account_state& state, const program* active, instant now) {
  if (state.next_due <= now)
    return view_of(as_of(state, now), active, now);
  account_view view;
  view.available = state.available;
  view.pending = state.pending;
  view.reserved = state.reserved;
  view.lifetime = state.lifetime;
  look_ahead(state, now, view);
  view.state = shown(state.status);
  view.last_seq = state.last_seq;
  if (active != nullptr) {
    view.rewards = rewards_within_reach(*active, state.available, now);
    view.version = active->version;
  }
  return view;
}

} // namespace tally
