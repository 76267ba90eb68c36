// Which tier a member has: the points that count for it, and where they lead (SPEC sections 3 and 11, "Rewards and tiers").
// Private to engine/.
#pragma once

#include "engine/account.hpp"
#include "engine/rules.hpp"

namespace tally {

// Whether points earned by a purchase at `dated` count at `now`.
bool counts_for_tiers(const ruleset& rules, instant dated, instant now);

// What counts now; `rules.tiers` must be there. Looks at every order of the account unless the basis is "lifetime"; then none of its orders
// in the window may be spilled (engine/account_spill.hpp).
points_t tier_points(const account_state& state, const ruleset& rules, instant now);

// 1-based place of the highest tier that so many points reach; 0: none.
std::uint8_t tier_reached(const ruleset::tier_rules& tiers, points_t points);

} // namespace tally
