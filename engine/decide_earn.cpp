// Points that come in: enrolling, earning, adjusting upward, and the manual correction downward.
#include "engine/draft.hpp"
#include "engine/earning.hpp"

#include <algorithm>

namespace tally {

namespace {

constexpr std::string_view leaves_64_bits = "a balance would leave 64 bits";

const ruleset::earn_rules* earn_rules_of(const program* active) {
  return active != nullptr && active->rules.earn ? &*active->rules.earn : nullptr;
}

bool gross_fits(const account_state& state, points_t incoming) { return fits_points(gross_points(state) + incoming.value); }
bool lifetime_fits(const account_state& state, points_t incoming) { return fits_points(int128{state.lifetime.value} + incoming.value); }

// Opening and adjusted points expire by [earn] unless told otherwise.
instant given_expiry(const draft& drafted, std::optional<std::int32_t> days) {
  const ruleset::earn_rules* rules = earn_rules_of(drafted.active());
  return expiry_after(drafted.now(), days ? *days : rules != nullptr ? rules->expire_days : 0);
}

bool same_lines(std::span<const sale_line> a, std::span<const sale_line> b) { return std::ranges::equal(a, b); }

bool same_sale(const entry& first, const command& asked) { return first.total == asked.total && same_lines(first.lines, asked.lines); }

// Answers a sale that was decided before; true if it has. One that was held says so for ever, whatever became of it.
bool answer_known_earn(draft& drafted) {
  const command& asked = drafted.asked();
  const auto same = [&](const entry& first) { return same_sale(first, asked); };
  if (drafted.recorded().has_reviews && drafted.answer_known(op::earn, asked.order, &entry::order, same))
    return true;
  return drafted.find_order(hash64(asked.order), [&](const order_facts& facts) {
    const std::span<const entry> group = drafted.read_group(facts.seq);
    if (group.empty())
      return true;
    const entry& first = group.front();
    if (first.order != asked.order)
      return false;
    if (same(first))
      drafted.answer_duplicate(group, op::earn);
    else
      drafted.reject(outcome_code::reference_conflict);
    return true;
  });
}

// The rewards whose price lies above what the member had and not above what the member has now.
std::uint64_t newly_reached(const program* active, instant now, int128 had, int128 has) {
  if (active == nullptr)
    return 0;
  const std::size_t count = std::min<std::size_t>(active->rules.rewards.size(), 64);
  std::uint64_t reached = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const ruleset::reward& reward = active->rules.rewards[i];
    if (had < reward.price.value && reward.price.value <= has && reward.window.contains(now))
      reached |= std::uint64_t{1} << i;
  }
  return reached;
}

// A sale that is worth its points, reckoned and ready to be added.
struct sale {
  const program* version = nullptr; // whose rates were used
  points_t points;
  rate_t tier_multiplier = rate_t::one();
  instant bought; // hold and expiry count from here
};

// Adds the points; what has expired already, because the receipt came late, expires at once.
void draft_earn(draft& drafted, const sale& sold, const entry* hold) {
  const ruleset::earn_rules& rules = *sold.version->rules.earn;
  const command& asked = drafted.asked();
  drafted.use(*sold.version);
  const int128 had = int128{drafted.state().available.value} + drafted.state().pending.value;
  const points_t debt = drafted.state().debt;
  entry& earn = drafted.add(entry_kind::earn);
  earn.total = asked.total;
  earn.lines = asked.lines;
  earn.occurred_at = asked.at;
  if (hold != nullptr && !asked.at)
    earn.parked_at = hold->at;
  earn.lifetime = sold.points;
  earn.tier_multiplier = sold.tier_multiplier;
  const instant expires_at = expiry_after(sold.bought, rules.expire_days);
  const instant hold_ends = rules.hold_days > 0 ? days_after(sold.bought, rules.hold_days) : drafted.now();
  const bool is_dead = expires_at.us != 0 && expires_at <= drafted.now();
  points_t kept = sold.points;
  if (hold_ends > drafted.now()) {
    earn.lots.push_back({earn.seq, {}, sold.points, {}, hold_ends, expires_at});
    drafted.complete(earn, side::issuance, side::pending);
    kept = is_dead ? points_t{} : kept;
  } else {
    drafted.make_available(earn, earn.seq, sold.points, hold_ends, expires_at);
    drafted.complete(earn, side::issuance, side::member);
    kept = is_dead ? std::min(debt, kept) : kept;
  }
  TALLY_ASSERT(earn.points + earn.pending == sold.points, earn.points.value, earn.pending.value, sold.points.value);
  earn.rewards = newly_reached(drafted.active(), drafted.now(), had, had + kept.value);
  if (is_dead)
    drafted.expire_dead([&](entry& expire) { expire.occurred_at = asked.at; });
}

// The version that was the newest at a time of the past.
const program* in_force_at(const program* newest, instant at) {
  while (newest != nullptr && newest->applied_at > at)
    newest = newest->older;
  return newest;
}

bool is_too_late(const program& active, instant bought, instant now) {
  const std::int64_t days = active.rules.earn ? active.rules.earn->late_days : ruleset::earn_rules{}.late_days;
  return int128{now.us} - bought.us > int128{days} * us_per_day;
}

// Of the tier that the member had before.
rate_t tier_multiplier_of(const draft& drafted, const ruleset& rules) {
  if (!rules.tiers)
    return rate_t::one();
  const std::uint8_t tier = tier_reached(*rules.tiers, tier_points(drafted.recorded(), rules, drafted.now()));
  return tier != 0 ? rules.tiers->tiers[tier - 1u].multiplier : rate_t::one();
}

// Whether the order's total is more than `ratio` times the member's average.
bool is_odd(const account_state& recorded, const ruleset::review_rules& rules, money_t total) {
  if (rules.max_order_ratio <= rate_t{})
    return false;
  const spilled_sums spilled = recorded.has_spilled ? recorded.rare->spilled : spilled_sums{};
  const std::uint64_t count = recorded.orders.size() + spilled.orders;
  if (count == 0 || static_cast<std::int64_t>(count) < rules.min_orders)
    return false;
  int128 sum = spilled.total_units;
  for (const order_record& each : recorded.orders)
    sum += facts_of(recorded, each).total.units;
  // total > ratio x sum / count, in whole numbers; what leaves 128 bits on one side only is the larger one
  int128 left = 0, right = 0;
  const bool left_is_huge = __builtin_mul_overflow(int128{total.units} * rate_t::micros_per_one, static_cast<int128>(count), &left);
  const bool right_is_huge = __builtin_mul_overflow(sum, int128{rules.max_order_ratio.micros}, &right);
  return right_is_huge ? false : left_is_huge || left > right;
}

review_reasons reasons_to_hold(const draft& drafted, const program& version, points_t points) {
  const ruleset::review_rules& rules = version.rules.review;
  review_reasons reasons = 0;
  if (rules.max_points_per_order > points_t{} && points > rules.max_points_per_order)
    reasons |= over_points_per_order;
  if (is_odd(drafted.recorded(), rules, *drafted.asked().total))
    reasons |= over_order_ratio;
  const points_t limit = drafted.active()->rules.limits.earn_points_per_day;
  if (limit > points_t{} && int128{drafted.used_today().earned.value} + points.value > limit.value)
    reasons |= over_points_per_day;
  return reasons;
}

void draft_credit(draft& drafted, entry& adjust, points_t points) {
  TALLY_ASSERT(points > points_t{}, points.value);
  drafted.make_available(adjust, adjust.seq, points, drafted.now(), given_expiry(drafted, drafted.asked().expire_days));
  drafted.complete(adjust, side::adjustment, side::member);
}

void draft_debit(draft& drafted, entry& adjust, points_t points) {
  TALLY_ASSERT(points > points_t{}, points.value);
  adjust.debt = drafted.spend(adjust, points);
  drafted.complete(adjust, side::member, side::adjustment);
}

} // namespace

void decide_enroll(draft& drafted) {
  if (drafted.recorded().status != account_status::none) {
    const std::span<const entry> group = drafted.read_group(drafted.recorded().enrolled_seq);
    return group.empty() ? void() : drafted.answer_duplicate(group, op::enroll);
  }
  const program* active = drafted.active();
  const points_t opening = active != nullptr ? std::max(active->rules.enroll.opening_points, points_t{}) : points_t{};
  entry& enrolled = drafted.add(entry_kind::enroll);
  enrolled.lifetime = opening;
  enrolled.personal = drafted.personal();
  drafted.make_available(enrolled, enrolled.seq, opening, drafted.now(), given_expiry(drafted, std::nullopt));
  drafted.complete(enrolled, side::issuance, side::member);
  TALLY_ASSERT(enrolled.points == opening && enrolled.available_after == opening, enrolled.points.value, opening.value);
}

void decide_earn(draft& drafted) {
  if (answer_known_earn(drafted))
    return;
  const command& asked = drafted.asked();
  const account_state& state = drafted.state();
  if (state.status == account_status::closed)
    return drafted.reject(outcome_code::account_closed);
  const program* version = asked.at ? in_force_at(drafted.active(), *asked.at) : drafted.active();
  if (version == nullptr)
    return drafted.skip(outcome_code::no_program);
  if (asked.at && is_too_late(*drafted.active(), *asked.at, drafted.now()))
    return drafted.reject(outcome_code::too_late);
  if (!version->rules.active)
    return drafted.skip(outcome_code::skipped_program_inactive);
  if (state.status == account_status::suspended)
    return drafted.skip(outcome_code::skipped_account_suspended);
  if (!version->rules.earn)
    return drafted.skip(outcome_code::zero_points);
  const rate_t multiplier = tier_multiplier_of(drafted, version->rules);
  const instant bought = asked.at.value_or(drafted.now());
  const std::optional<points_t> points = points_for_sale(version->rules, *asked.total, asked.lines, bought, multiplier);
  if (!points)
    return drafted.invalid("is worth more points than 64 bits hold", "total");
  if (*points <= points_t{})
    return drafted.skip(outcome_code::zero_points);
  if (const review_reasons reasons = reasons_to_hold(drafted, *version, *points)) {
    drafted.use(*version);
    entry& hold = hold_for_review(drafted, op::earn, reasons);
    hold.lines = asked.lines;
    hold.parked_points = *points;
    hold.tier_multiplier = multiplier;
    return drafted.complete(hold, side::none, side::none);
  }
  if (!gross_fits(state, *points) || !lifetime_fits(state, *points))
    return drafted.invalid(leaves_64_bits, "total");
  draft_earn(drafted, {version, *points, multiplier, bought}, nullptr);
}

// Points, version, hold and expiry are as they were parked; the member's status is judged now.
void earn_approved(draft& drafted, const entry& hold) {
  const account_state& state = drafted.state();
  if (state.status == account_status::suspended)
    return drafted.skip(outcome_code::skipped_account_suspended);
  if (!gross_fits(state, hold.parked_points) || !lifetime_fits(state, hold.parked_points))
    return drafted.invalid(leaves_64_bits, "review");
  const program* version = drafted.active() != nullptr ? drafted.active()->find(hold.version) : nullptr;
  TALLY_ASSERT(version != nullptr && version->rules.earn, hold.version, hold.seq.value);
  draft_earn(drafted, {version, hold.parked_points, hold.tier_multiplier, hold.occurred_at.value_or(hold.at)}, &hold);
}

void decide_adjust(draft& drafted) {
  const command& asked = drafted.asked();
  const points_t points = *asked.amount_points;
  if (points == points_t{})
    return drafted.invalid("must not be 0", "points");
  if (asked.expire_days && *asked.expire_days < 0)
    return drafted.invalid("must not be negative", "expire_days");
  if (drafted.answer_known(op::adjust, asked.reference, &entry::adjustment, [&](const entry& first) {
        return first.asked_points == points && first.expire_days == asked.expire_days && first.force == asked.force;
      }))
    return;
  const account_state& state = drafted.state();
  if (state.status == account_status::closed)
    return drafted.reject(outcome_code::account_closed);
  const bool debits = points < points_t{};
  const int128 after = int128{state.available.value} + points.value;
  if (debits && after < 0 && !asked.force)
    return drafted.reject(outcome_code::insufficient_points);
  if (debits ? !fits_points(-after) || !fits_points(-int128{points.value}) : !gross_fits(state, points))
    return drafted.invalid(leaves_64_bits, "points");

  entry& adjust = drafted.add(entry_kind::adjust);
  adjust.adjustment = asked.reference;
  adjust.asked_points = points;
  adjust.expire_days = asked.expire_days;
  adjust.force = asked.force;
  if (debits)
    draft_debit(drafted, adjust, -points);
  else
    draft_credit(drafted, adjust, points);
  TALLY_ASSERT(adjust.points == points, adjust.points.value, points.value);
}

} // namespace tally
