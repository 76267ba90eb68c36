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

// Answers a sale or an adjustment that was decided before; true if it has.
bool answer_known_earn(draft& drafted) {
  const command& asked = drafted.asked();
  return find_order(drafted.recorded(), hash64(asked.order), [&](const order_record& record) {
    const std::span<const entry> group = drafted.read_group(record.seq);
    if (group.empty())
      return true;
    const entry& first = group.front();
    if (first.order != asked.order)
      return false;
    if (first.total != asked.total || !same_lines(first.lines, asked.lines))
      drafted.reject(outcome_code::reference_conflict);
    else
      drafted.answer_duplicate(group, op::earn);
    return true;
  });
}

bool answer_known_adjust(draft& drafted) {
  const command& asked = drafted.asked();
  return find_reference(drafted.recorded(), op::adjust, hash64(asked.reference), [&](seq_t seq) {
    const std::span<const entry> group = drafted.read_group(seq);
    if (group.empty())
      return true;
    const entry& first = group.front();
    if (first.adjustment != asked.reference)
      return false;
    if (first.asked_points != asked.amount_points || first.expire_days != asked.expire_days || first.force != asked.force)
      drafted.reject(outcome_code::reference_conflict);
    else
      drafted.answer_duplicate(group, op::adjust);
    return true;
  });
}

// The rewards whose price lies above what the member had and not above what the member has now.
std::uint64_t newly_reached(const program& active, instant now, const account_state& before, points_t earned) {
  const int128 had = int128{before.available.value} + before.pending.value;
  const int128 has = had + earned.value;
  const std::size_t count = std::min<std::size_t>(active.rules.rewards.size(), 64);
  std::uint64_t reached = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const ruleset::reward& reward = active.rules.rewards[i];
    if (had < reward.price.value && reward.price.value <= has && reward.window.contains(now))
      reached |= std::uint64_t{1} << i;
  }
  return reached;
}

void draft_earn(draft& drafted, const program& active, points_t points) {
  const ruleset::earn_rules& rules = *active.rules.earn;
  const command& asked = drafted.asked();
  const account_state& state = drafted.state();
  entry& earn = drafted.add(entry_kind::earn);
  earn.total = asked.total;
  earn.lines = asked.lines;
  earn.lifetime = points;
  earn.rewards = newly_reached(active, drafted.now(), state, points);
  const instant expires_at = expiry_after(drafted.now(), rules.expire_days);
  if (rules.hold_days > 0) {
    earn.lots.push_back({earn.seq, {}, points, {}, days_after(drafted.now(), rules.hold_days), expires_at});
    drafted.complete(earn, side::issuance, side::pending);
  } else {
    drafted.make_available(earn, earn.seq, points, drafted.now(), expires_at);
    drafted.complete(earn, side::issuance, side::member);
  }
  TALLY_ASSERT(earn.points + earn.pending == points, earn.points.value, earn.pending.value, points.value);
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
  drafted.make_available(enrolled, enrolled.seq, opening, drafted.now(), given_expiry(drafted, std::nullopt));
  drafted.complete(enrolled, side::issuance, side::member);
  TALLY_ASSERT(enrolled.points == opening && enrolled.available_after == opening, enrolled.points.value, opening.value);
}

void decide_earn(draft& drafted) {
  if (answer_known_earn(drafted))
    return;
  const account_state& state = drafted.state();
  if (state.status == account_status::closed)
    return drafted.reject(outcome_code::account_closed);
  const program* active = drafted.active();
  if (active == nullptr)
    return drafted.skip(outcome_code::no_program);
  if (!active->rules.active)
    return drafted.skip(outcome_code::skipped_program_inactive);
  if (state.status == account_status::suspended)
    return drafted.skip(outcome_code::skipped_account_suspended);
  if (!active->rules.earn)
    return drafted.skip(outcome_code::zero_points);
  const command& asked = drafted.asked();
  const std::optional<points_t> points = points_for_sale(active->rules, *asked.total, asked.lines, drafted.now(), rate_t::one());
  if (!points)
    return drafted.invalid("is worth more points than 64 bits hold", "total");
  if (*points <= points_t{})
    return drafted.skip(outcome_code::zero_points);
  if (!gross_fits(state, *points) || !lifetime_fits(state, *points))
    return drafted.invalid(leaves_64_bits, "total");
  draft_earn(drafted, *active, *points);
}

void decide_adjust(draft& drafted) {
  const command& asked = drafted.asked();
  const points_t points = *asked.amount_points;
  if (points == points_t{})
    return drafted.invalid("must not be 0", "points");
  if (asked.expire_days && *asked.expire_days < 0)
    return drafted.invalid("must not be negative", "expire_days");
  if (answer_known_adjust(drafted))
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
