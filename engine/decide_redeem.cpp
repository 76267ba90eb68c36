// Points that are spent: redeeming, and the preview of it.
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

// A discount is floored to the currency's places, so its cap is too.
money_t floored(money_t amount, std::int32_t digits) {
  std::int64_t unit = money_t::units_per_one;
  for (std::int32_t i = 0; i < digits; ++i)
    unit /= 10;
  return unit <= 1 ? amount : money_t{static_cast<std::int64_t>(floor_div(amount.units, unit) * unit)};
}

// The most that may be discounted; nullopt: no cap.
std::optional<money_t> cap_of(const ruleset& rules, std::optional<money_t> total) {
  std::optional<money_t> cap = rules.redeem->max_discount;
  if (total && (!cap || *total < *cap))
    cap = total;
  return cap ? std::optional(floored(*cap, rules.currency_digits)) : cap;
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

// The checks in the contract's order, on an account with everything due settled.
redemption reckon(const account_state& state, const program* active, const command& asked) {
  const points_t points = *asked.amount_points;
  if (state.status == account_status::closed)
    return refused(outcome_code::account_closed);
  if (active == nullptr || !active->rules.active || !active->rules.redeem)
    return refused(outcome_code::program_inactive);
  if (state.status == account_status::suspended)
    return refused(outcome_code::account_suspended);
  const ruleset::redeem_rules& rules = *active->rules.redeem;
  if (points <= points_t{} || points < rules.min_points)
    return refused(outcome_code::below_min_points);
  if (state.available < rules.min_balance)
    return refused(outcome_code::below_min_balance);
  if (state.available < points)
    return refused(outcome_code::insufficient_points);
  return capped(active->rules, asked);
}

// Answers what is refused; true if it is.
bool answer_refused(draft& drafted, const redemption& reckoned) {
  if (reckoned.too_large)
    drafted.invalid("is worth more money than 64 bits hold", "points");
  else if (reckoned.refused != outcome_code::none)
    drafted.reject(reckoned.refused);
  return reckoned.too_large || reckoned.refused != outcome_code::none;
}

bool answer_known_redeem(draft& drafted) {
  const command& asked = drafted.asked();
  return find_reference(drafted.recorded(), op::redeem, hash64(asked.order), [&](seq_t seq) {
    const std::span<const entry> group = drafted.read_group(seq);
    if (group.empty())
      return true;
    const entry& first = group.front();
    if (first.order != asked.order)
      return false;
    if (first.asked_points != asked.amount_points || first.total != asked.total || first.exact != asked.exact)
      drafted.reject(outcome_code::reference_conflict);
    else
      drafted.answer_duplicate(group, op::redeem);
    return true;
  });
}

} // namespace

void decide_preview(draft& drafted, outcome& answer) {
  if (drafted.recorded().status == account_status::none)
    return drafted.reject(outcome_code::unknown_account);
  const auto preview = [&](const account_state& state) {
    const redemption reckoned = reckon(state, drafted.active(), drafted.asked());
    if (answer_refused(drafted, reckoned))
      return;
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
  if (answer_known_redeem(drafted))
    return;
  const command& asked = drafted.asked();
  const redemption reckoned = reckon(drafted.state(), drafted.active(), asked);
  if (answer_refused(drafted, reckoned))
    return;
  entry& redeem = drafted.add(entry_kind::redeem);
  redeem.asked_points = asked.amount_points;
  redeem.total = asked.total;
  redeem.exact = asked.exact;
  redeem.discount = reckoned.discount;
  const points_t uncovered = drafted.spend(redeem, reckoned.points_used);
  TALLY_ASSERT(uncovered == points_t{}, uncovered.value, reckoned.points_used.value, drafted.state().available.value);
  drafted.complete(redeem, side::member, side::redemption);
  TALLY_ASSERT(redeem.points == -reckoned.points_used, redeem.points.value, reckoned.points_used.value);
}

} // namespace tally
