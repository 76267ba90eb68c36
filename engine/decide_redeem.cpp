// Points that are spent: redeeming, the preview of it, claiming a reward, and authorising what is captured later.
#include "engine/draft.hpp"
#include "engine/earning.hpp"

#include <algorithm>

namespace tally {

namespace {

// What a redemption spends and what it is worth, or why it is refused.
struct redemption {
  outcome_code refused = outcome_code::none;
  bool too_large = false; // the discount leaves 64 bits and nothing caps it
  points_t points_used{};
  money_t discount{};
};

redemption refused(outcome_code code) { return {.refused = code}; }

// The most that may be discounted; nullopt: no cap.
std::optional<money_t> cap_of(const ruleset& rules, std::optional<money_t> total) {
  const std::optional<money_t> cap = max_discount_of(rules);
  if (!total)
    return cap;
  const money_t whole = floored_to_currency(rules, *total);
  return cap ? std::min(*cap, whole) : whole;
}

redemption capped(const ruleset& rules, const command& asked) {
  const points_t points = *asked.amount_points;
  const std::optional<money_t> worth = discount_for_points(rules, points);
  if (worth && *worth <= money_t{})
    return refused(outcome_code::below_min_points);
  const std::optional<money_t> cap = cap_of(rules, asked.total);
  if (!worth && !cap)
    return {.too_large = true};
  if (worth && (!cap || *worth <= *cap))
    return {.points_used = points, .discount = *worth};
  if (asked.exact || *cap <= money_t{})
    return refused(outcome_code::over_cap);
  const points_t fewest = points_for_discount(rules, *cap);
  TALLY_ASSERT(fewest > points_t{} && fewest <= points, fewest.value, points.value, cap->units);
  return {.points_used = fewest, .discount = *cap};
}

// Whether anything may be spent at all.
outcome_code spending_refused(const account_state& state, const program* active) {
  if (state.status == account_status::closed)
    return outcome_code::account_closed;
  if (active == nullptr || !active->rules.active)
    return outcome_code::program_inactive;
  return state.status == account_status::suspended ? outcome_code::account_suspended : outcome_code::none;
}

// The checks in the contract's order, on an account with everything due settled.
redemption reckon(const account_state& state, const program* active, const command& asked) {
  const points_t points = *asked.amount_points;
  if (state.status == account_status::closed)
    return refused(outcome_code::account_closed);
  if (active == nullptr || !active->rules.redeem)
    return refused(outcome_code::program_inactive);
  if (const outcome_code code = spending_refused(state, active); code != outcome_code::none)
    return refused(code);
  const ruleset::redeem_rules& rules = *active->rules.redeem;
  if (points <= points_t{} || points < rules.min_points)
    return refused(outcome_code::below_min_points);
  if (state.available < rules.min_balance)
    return refused(outcome_code::below_min_balance);
  if (state.available < points)
    return refused(outcome_code::insufficient_points);
  return capped(active->rules, asked);
}

const ruleset::reward* reward_named(const program& active, std::string_view name, instant now) {
  for (const ruleset::reward& each : active.rules.rewards)
    if (each.name == name && each.window.contains(now))
      return &each;
  return nullptr;
}

// The reward at its price; `min_points` and the caps are not for rewards.
redemption reckon_claim(const account_state& state, const program* active, std::string_view name, instant now) {
  if (const outcome_code code = spending_refused(state, active); code != outcome_code::none)
    return refused(code);
  const ruleset::reward* reward = reward_named(*active, name, now);
  if (reward == nullptr)
    return refused(outcome_code::unknown_reward);
  if (active->rules.redeem && state.available < active->rules.redeem->min_balance)
    return refused(outcome_code::below_min_balance);
  if (state.available < reward->price)
    return refused(outcome_code::insufficient_points);
  return {.points_used = reward->price};
}

// [limits], which are checked last.
redemption within_limits(const draft& drafted, redemption reckoned) {
  if (reckoned.too_large || reckoned.refused != outcome_code::none)
    return reckoned;
  const ruleset::limit_rules& limits = drafted.active()->rules.limits;
  const draft::day_use used = drafted.used_today();
  const bool over_points = limits.redeem_points_per_day > points_t{} &&
                           int128{used.redeemed.value} + reckoned.points_used.value > limits.redeem_points_per_day.value;
  const bool over_count = limits.redemptions_per_day > 0 && used.redemptions >= limits.redemptions_per_day;
  return over_points || over_count ? refused(outcome_code::over_limit) : reckoned;
}

// Answers what is refused; true if it is.
bool answer_refused(draft& drafted, const redemption& reckoned) {
  if (reckoned.too_large)
    drafted.invalid("is worth more money than 64 bits hold", "points");
  else if (reckoned.refused != outcome_code::none)
    drafted.reject(reckoned.refused);
  return reckoned.too_large || reckoned.refused != outcome_code::none;
}

// Takes the points out of the lots of the entry's account.
void spend_all(draft& drafted, entry& spending, points_t points) {
  const points_t uncovered = drafted.spend(spending, points);
  TALLY_ASSERT(uncovered == points_t{}, uncovered.value, points.value, drafted.state().available.value);
}

} // namespace

void decide_preview(draft& drafted, outcome& answer) {
  if (drafted.recorded().status == account_status::none)
    return drafted.reject(outcome_code::unknown_account);
  const auto preview = [&](const account_state& state) {
    const redemption reckoned = within_limits(drafted, reckon(state, drafted.active(), drafted.asked()));
    if (answer_refused(drafted, reckoned))
      return;
    if (const ruleset& rules = drafted.active()->rules; rules.tiers)
      answer.tier = tier_reached(*rules.tiers, tier_points(drafted.recorded(), rules, drafted.now()));
    answer.active_version = drafted.active()->version;
    answer.points = reckoned.points_used;
    answer.amount = reckoned.discount;
    answer.version = drafted.active()->version;
    answer.available = state.available;
    answer.pending = state.pending;
    answer.reserved = state.reserved;
    answer.lifetime = state.lifetime;
  };
  if (drafted.recorded().next_due <= drafted.now())
    preview(as_of(drafted.recorded(), drafted.now()));
  else
    preview(drafted.recorded());
}

void decide_redeem(draft& drafted) {
  const command& asked = drafted.asked();
  if (drafted.answer_known(op::redeem, asked.order, &entry::order, [&](const entry& first) {
        return first.asked_points == asked.amount_points && first.total == asked.total && first.exact == asked.exact;
      }))
    return;
  const redemption reckoned = within_limits(drafted, reckon(drafted.state(), drafted.active(), asked));
  if (answer_refused(drafted, reckoned))
    return;
  entry& redeem = drafted.add(entry_kind::redeem);
  redeem.asked_points = asked.amount_points;
  redeem.total = asked.total;
  redeem.exact = asked.exact;
  redeem.discount = reckoned.discount;
  spend_all(drafted, redeem, reckoned.points_used);
  drafted.complete(redeem, side::member, side::redemption);
}

void decide_claim(draft& drafted) {
  const command& asked = drafted.asked();
  if (drafted.answer_known(op::claim, asked.order, &entry::order, [&](const entry& first) { return first.reward == asked.reference; }))
    return;
  const redemption reckoned = within_limits(drafted, reckon_claim(drafted.state(), drafted.active(), asked.reference, drafted.now()));
  if (answer_refused(drafted, reckoned))
    return;
  entry& claim = drafted.add(entry_kind::claim);
  claim.reward = asked.reference;
  spend_all(drafted, claim, reckoned.points_used);
  drafted.complete(claim, side::member, side::redemption);
}

void decide_authorize(draft& drafted) {
  const command& asked = drafted.asked();
  if (drafted.answer_known(op::authorize, asked.reference, &entry::reservation,
                           [&](const entry& first) { return first.asked_points == asked.amount_points && first.minutes == asked.minutes; }))
    return;
  const redemption reckoned = within_limits(drafted, reckon(drafted.state(), drafted.active(), asked));
  if (answer_refused(drafted, reckoned))
    return;
  entry& authorize = drafted.add(entry_kind::authorize);
  authorize.reservation = asked.reference;
  authorize.asked_points = asked.amount_points;
  authorize.minutes = asked.minutes;
  authorize.discount = reckoned.discount;
  authorize.reserved_until =
      drafted.now().plus_us(asked.minutes.value_or(drafted.active()->rules.redeem->reservation_minutes) * us_per_minute);
  spend_all(drafted, authorize, reckoned.points_used);
  for (lot_change& each : authorize.lots)
    each.reserved = -each.available;
  drafted.complete(authorize, side::member, side::reserved);
}

} // namespace tally
