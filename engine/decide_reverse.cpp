// Refunds and cancellations: what was earned on an order is taken back, what was redeemed on it is given back.
//
// An order is found by its hash alone while only one earn and one redemption of the account have it; orders that share
// a hash by accident are told apart by reading them.
#include "engine/draft.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace tally {

namespace {

// Points of one lot that one redemption spent.
struct spent_piece {
  seq_t redemption;
  lot_change lot; // available: what can still be given back
};

// Everything that is known of the order.
struct order_history {
  bool found = false;
  points_t earned;
  seq_t earn; // names its lot; 0: nothing was earned
  money_t total;
  points_t redeemed;
  points_t undone; // of `redeemed`
  refunded_order refunds;
  std::vector<spent_piece> pieces; // as they are to be given back: the latest redemption and its last lot first
};

// What this refund is to do.
struct refund_plan {
  bool over_refund = false;
  money_t refunded{}; // with this one
  points_t take{};
  points_t give_back{};
};

// True if the request was decided before and has been answered.
bool answer_known_reverse(draft& drafted) {
  const command& asked = drafted.asked();
  return find_reference(drafted.recorded(), op::reverse, hash64(asked.reference), [&](seq_t seq) {
    const std::span<const entry> group = drafted.read_group(seq);
    if (group.empty())
      return true;
    const entry& last = group.back();
    TALLY_ASSERT(last.kind == entry_kind::reverse, static_cast<int>(last.kind), seq.value);
    if (last.refund != asked.reference)
      return false;
    if (last.order != asked.order || last.amount != asked.amount || last.restore != asked.restore)
      drafted.reject(outcome_code::reference_conflict);
    else
      drafted.answer_duplicate(group, op::reverse);
    return true;
  });
}

// Finds the order's earn; false if the journal cannot be read, which is answered then.
bool find_earn(draft& drafted, order_history& order) {
  const command& asked = drafted.asked();
  const std::uint64_t hash = hash64(asked.order);
  std::vector<order_record> candidates;
  find_order(drafted.recorded(), hash, [&](const order_record& record) {
    candidates.push_back(record);
    return false;
  });
  for (const order_record& candidate : candidates) {
    if (candidates.size() > 1) {
      const std::span<const entry> group = drafted.read_group(candidate.seq);
      if (group.empty())
        return false;
      if (group.front().order != asked.order)
        continue;
    }
    order.found = true;
    order.earn = candidate.seq;
    order.earned = candidate.earned;
    order.total = candidate.total;
  }
  return true;
}

void add_redemption(const account_state& recorded, const entry& redeem, order_history& order) {
  TALLY_ASSERT(redeem.kind == entry_kind::redeem && redeem.points < points_t{}, redeem.seq.value, redeem.points.value);
  if (!order.found)
    order.total = redeem.total.value_or(money_t{});
  order.found = true;
  order.redeemed -= redeem.points;
  points_t already = undone_of(recorded, redeem.seq);
  order.undone += already;
  for (std::size_t i = redeem.lots.size(); i-- > 0;) {
    lot_change lot = redeem.lots[i];
    const points_t gone = std::min(already, -lot.available);
    already -= gone;
    lot.available = -lot.available - gone;
    if (lot.available > points_t{})
      order.pieces.push_back({redeem.seq, lot});
  }
  TALLY_ASSERT(already == points_t{}, already.value, redeem.seq.value);
}

// Finds what was redeemed on the order, the latest first; false if the journal cannot be read.
bool find_redemptions(draft& drafted, order_history& order) {
  std::vector<seq_t> candidates;
  find_reference(drafted.recorded(), op::redeem, hash64(drafted.asked().order), [&](seq_t seq) {
    candidates.push_back(seq);
    return false;
  });
  std::sort(candidates.begin(), candidates.end(), std::greater<>());
  for (const seq_t candidate : candidates) {
    const std::span<const entry> group = drafted.read_group(candidate);
    if (group.empty())
      return false;
    if (group.front().order == drafted.asked().order)
      add_redemption(drafted.recorded(), group.front(), order);
  }
  return true;
}

// floor(points * part / whole), and all of them once part == whole.
points_t proportion(points_t points, money_t part, money_t whole) {
  TALLY_ASSERT(points >= points_t{} && part >= money_t{} && part <= whole, points.value, part.units, whole.units);
  if (part == whole)
    return points;
  return {static_cast<std::int64_t>(int128{points.value} * part.units / whole.units)};
}

points_t above_zero(points_t points) { return std::max(points, points_t{}); }

refund_plan plan_refund(const order_history& order, const command& asked) {
  const refunded_order& before = order.refunds;
  if (before.cancelled || (order.total > money_t{} && before.refunded == order.total))
    return {.over_refund = true};
  if (!asked.amount)
    return {
        .refunded = order.total, .take = above_zero(order.earned - before.taken), .give_back = above_zero(order.redeemed - order.undone)};
  const int128 refunded = int128{before.refunded.units} + asked.amount->units;
  if (refunded > order.total.units)
    return {.over_refund = true};
  refund_plan plan{.refunded = {static_cast<std::int64_t>(refunded)}};
  plan.take = above_zero(proportion(order.earned, plan.refunded, order.total) - before.taken);
  if (asked.restore) {
    const money_t restoring{before.restoring.units + asked.amount->units};
    plan.give_back = above_zero(proportion(order.redeemed, restoring, order.total) - order.undone);
  }
  return plan;
}

// Whether every balance on the way fits: given back first, then taken.
bool plan_fits(const account_state& state, const refund_plan& plan) {
  return fits_points(gross_points(state) + plan.give_back.value) && fits_points(int128{state.debt.value} + plan.take.value);
}

bool is_dead(const lot_change& lot, instant now) { return lot.expires_at.us != 0 && lot.expires_at <= now; }

// Adds points to the change of a lot; pieces of one lot make one change.
void add_points(entry& restore, const lot_change& to, points_t points) {
  for (lot_change& each : restore.lots)
    if (each.lot == to.lot) {
      each.available += points;
      return;
    }
  lot_change change = to;
  change.available = points;
  restore.lots.push_back(change);
}

// Points that come back pay debt first, soonest to expire first.
void pay_debt(entry& restore, points_t debt, points_t incoming) {
  const auto expiry = [](const lot_change& each) { return each.expires_at.us == 0 ? instant::end_of_time() : each.expires_at; };
  points_t left = std::min(debt, incoming);
  restore.debt = -left;
  while (left > points_t{}) {
    auto* soonest = std::min_element(restore.lots.begin(), restore.lots.end(), [&](const lot_change& a, const lot_change& b) {
      return expiry(a) != expiry(b) ? expiry(a) < expiry(b) : a.lot < b.lot;
    });
    TALLY_ASSERT(soonest != restore.lots.end(), left.value, incoming.value);
    const points_t paid = std::min(left, soonest->available);
    soonest->available -= paid;
    left -= paid;
    if (soonest->available == points_t{})
      restore.lots.erase(soonest);
  }
}

// Notes how much of the piece's redemption is given back.
void add_share(entry& restore, seq_t redemption, points_t points) {
  if (!restore.undone.empty() && restore.undone.back().redemption == redemption)
    restore.undone.back().points += points;
  else
    restore.undone.push_back({redemption, points});
}

// What every entry of the group says of the request.
entry& add_signed(draft& drafted, entry_kind kind) {
  const command& asked = drafted.asked();
  entry& added = drafted.add(kind);
  added.refund = asked.reference;
  added.amount = asked.amount;
  added.restore = asked.restore;
  added.cancel = !asked.amount;
  return added;
}

// Gives points back to the lots they came from; what came from expired lots forms a lot of its own.
void draft_restore(draft& drafted, const order_history& order, points_t give_back) {
  const program* active = drafted.active();
  const std::int32_t grace_days = active != nullptr && active->rules.redeem ? active->rules.redeem->restore_grace_days : 0;
  entry& restore = add_signed(drafted, entry_kind::restore);
  const lot_change graced{restore.seq, {}, {}, {}, drafted.now(), days_after(drafted.now(), grace_days)};
  points_t left = give_back;
  for (const spent_piece& piece : order.pieces) {
    if (left == points_t{})
      break;
    const points_t given = std::min(left, piece.lot.available);
    add_points(restore, is_dead(piece.lot, drafted.now()) ? graced : piece.lot, given);
    add_share(restore, piece.redemption, given);
    left -= given;
  }
  TALLY_ASSERT(left == points_t{}, left.value, give_back.value);
  pay_debt(restore, drafted.state().debt, give_back);
  drafted.complete(restore, side::redemption, side::member);
  TALLY_ASSERT(restore.points == give_back, restore.points.value, give_back.value);
}

// Without grace, what was restored from expired lots expires at once, in the same group.
void draft_expiry_of_restored(draft& drafted) {
  drafted.fold();
  const due_event event = next_due_event(drafted.state(), drafted.now());
  if (event.kind == entry_kind::none)
    return;
  TALLY_ASSERT(event.kind == entry_kind::expire && event.lot->id == drafted.state().last_seq, event.lot->id.value);
  entry& expire = add_signed(drafted, entry_kind::expire);
  settle_event(drafted.state(), event, expire);
}

entry& add_reverse(draft& drafted, const refund_plan& plan, points_t expired_counted) {
  entry& reverse = add_signed(drafted, entry_kind::reverse);
  reverse.refunded = plan.refunded;
  reverse.expired_counted = expired_counted;
  return reverse;
}

// Takes points back: expired ones count first, then the order's own lot, then the others, then below zero.
void draft_take(draft& drafted, const order_history& order, const refund_plan& plan) {
  drafted.fold();
  points_t left = plan.take;
  const points_t expired = drafted.expired(order.earn);
  points_t counted = std::min(left, above_zero(expired - order.refunds.expired_counted));
  left -= counted;
  const lot* own = find_lot(drafted.state(), order.earn);
  if (const points_t pending = own != nullptr ? std::min(left, own->pending) : points_t{}; pending > points_t{}) {
    entry& reverse = add_reverse(drafted, plan, std::exchange(counted, {}));
    reverse.lots.push_back({own->id, {}, -pending, {}, own->available_at, own->expires_at});
    drafted.complete(reverse, side::pending, side::issuance);
    left -= pending;
    if (left == points_t{})
      return;
    drafted.fold();
    own = find_lot(drafted.state(), order.earn);
  }
  entry& reverse = add_reverse(drafted, plan, counted);
  if (const points_t available = own != nullptr ? std::min(left, own->available) : points_t{}; available > points_t{}) {
    reverse.lots.push_back({own->id, -available, {}, {}, own->available_at, own->expires_at});
    left -= available;
  }
  reverse.debt = drafted.spend(reverse, left, order.earn);
  drafted.complete(reverse, side::member, side::issuance);
  TALLY_ASSERT(reverse.points <= points_t{} && reverse.debt >= points_t{}, reverse.points.value, reverse.debt.value);
}

} // namespace

void decide_reverse(draft& drafted) {
  const command& asked = drafted.asked();
  if (asked.amount && *asked.amount < money_t{})
    return drafted.invalid("must not be negative", "amount");
  if (answer_known_reverse(drafted))
    return;
  if (drafted.state().status == account_status::closed)
    return drafted.reject(outcome_code::account_closed);
  order_history order;
  if (!find_earn(drafted, order) || !find_redemptions(drafted, order))
    return;
  if (!order.found)
    return drafted.reject(outcome_code::unknown_order);
  order.refunds = refunds_of(drafted.recorded(), hash64(asked.order));
  const refund_plan plan = plan_refund(order, asked);
  if (plan.over_refund)
    return drafted.reject(outcome_code::over_refund);
  if (!plan_fits(drafted.state(), plan))
    return drafted.invalid("a balance would leave 64 bits", "order");

  if (plan.give_back > points_t{}) {
    draft_restore(drafted, order, plan.give_back);
    draft_expiry_of_restored(drafted);
  }
  draft_take(drafted, order, plan);
}

} // namespace tally
