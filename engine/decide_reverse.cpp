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

// Finds the order's earn; false if the journal cannot be read, which is answered then.
bool find_earn(draft& drafted, order_history& order) {
  const command& asked = drafted.asked();
  const std::uint64_t hash = hash64(asked.order);
  std::vector<order_facts> candidates;
  drafted.find_order(hash, [&](const order_facts& facts) {
    candidates.push_back(facts);
    return false;
  });
  for (const order_facts& candidate : candidates) {
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

// How much a redemption took out of one of its lots; a capture took what was reserved.
points_t spent_of(const lot_change& lot) { return -(lot.available + lot.reserved); }

void add_redemption(const draft& drafted, const entry& redemption, order_history& order) {
  if (redemption.total && !order.earn)
    order.total = *redemption.total;
  order.found = true;
  points_t already = drafted.undone(redemption.seq);
  order.undone += already;
  for (std::size_t i = redemption.lots.size(); i-- > 0;) {
    lot_change lot = redemption.lots[i];
    const points_t spent = spent_of(lot);
    order.redeemed += spent;
    const points_t gone = std::min(already, spent);
    already -= gone;
    lot.available = spent - gone;
    lot.reserved = {};
    if (lot.available > points_t{})
      order.pieces.push_back({redemption.seq, lot});
  }
  TALLY_ASSERT(already == points_t{}, already.value, redemption.seq.value);
}

// Finds what was redeemed, claimed and captured on the order, the latest first; false if the journal cannot be read.
bool find_redemptions(draft& drafted, order_history& order) {
  const std::uint64_t hash = hash64(drafted.asked().order);
  std::vector<seq_t> candidates;
  for (const op kind : {op::redeem, op::claim})
    drafted.find_reference(kind, hash, [&](seq_t seq) {
      candidates.push_back(seq);
      return false;
    });
  drafted.find_capture(hash, [&](seq_t seq) {
    candidates.push_back(seq);
    return false;
  });
  std::sort(candidates.begin(), candidates.end(), std::greater<>());
  for (const seq_t candidate : candidates) {
    const std::span<const entry> group = drafted.read_group(candidate);
    if (group.empty())
      return false;
    if (group.front().order == drafted.asked().order)
      add_redemption(drafted, group.front(), order);
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

// Notes how much of the piece's redemption is given back.
void add_share(entry& restore, seq_t redemption, points_t points) {
  if (!restore.undone.empty() && restore.undone.back().redemption == redemption)
    restore.undone.back().points += points;
  else
    restore.undone.push_back({redemption, points});
}

// What every entry of the group says of the request.
void sign_refund(entry& drafted, const command& asked) {
  drafted.refund = asked.reference;
  drafted.amount = asked.amount;
  drafted.restore = asked.restore;
  drafted.cancel = !asked.amount;
}

entry& add_signed(draft& drafted, entry_kind kind) {
  entry& added = drafted.add(kind);
  sign_refund(added, drafted.asked());
  return added;
}

bool holds_below_zero(const draft& drafted) {
  return !drafted.is_approved() && drafted.active() != nullptr && drafted.active()->rules.review.negative_reversal_held;
}

// Gives points back to the lots they came from; what came from expired lots forms a lot of its own.
void draft_restore(draft& drafted, const order_history& order, points_t give_back, const program* version) {
  const std::int32_t grace_days = version != nullptr && version->rules.redeem ? version->rules.redeem->restore_grace_days : 0;
  entry& restore = add_signed(drafted, entry_kind::restore);
  const lot_change graced{restore.seq, {}, {}, {}, drafted.now(), days_after(drafted.now(), grace_days)};
  points_t left = give_back;
  for (const spent_piece& piece : order.pieces) {
    if (left == points_t{})
      break;
    drafted.have_lot(piece.lot.lot);
    const points_t given = std::min(left, piece.lot.available);
    add_points(restore, is_dead(piece.lot, drafted.now()) ? graced : piece.lot, given);
    add_share(restore, piece.redemption, given);
    left -= given;
  }
  TALLY_ASSERT(left == points_t{}, left.value, give_back.value);
  pay_debt(drafted.state(), restore);
  drafted.complete(restore, side::redemption, side::member);
  TALLY_ASSERT(restore.points == give_back, restore.points.value, give_back.value);
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
  drafted.have_lot(order.earn);
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

// Rejecting the review is all there is to do: nothing was earned yet.
void draft_reverse_of_held(draft& drafted) {
  const command& asked = drafted.asked();
  entry& reverse = drafted.add(entry_kind::reverse);
  reverse.refund = asked.reference;
  reverse.amount = asked.amount;
  reverse.restore = asked.restore;
  reverse.review = drafted.entries()[drafted.entries().size() - 2].review;
  reverse.refunded = drafted.refunds(hash64(asked.order)).refunded;
  drafted.complete(reverse, side::none, side::none);
}

void reverse_order(draft& drafted, const program* version) {
  const command& asked = drafted.asked();
  order_history order;
  if (!find_earn(drafted, order) || !find_redemptions(drafted, order))
    return;
  if (!order.found)
    return drafted.reject(outcome_code::unknown_order);
  order.refunds = drafted.refunds(hash64(asked.order));
  const refund_plan plan = plan_refund(order, asked);
  if (plan.over_refund)
    return drafted.reject(outcome_code::over_refund);
  if (!plan_fits(drafted.state(), plan))
    return drafted.invalid("a balance would leave 64 bits", "order");

  const points_t before = drafted.state().available;
  if (plan.give_back > points_t{}) {
    draft_restore(drafted, order, plan.give_back, version);
    drafted.expire_dead([&](entry& expire) { sign_refund(expire, asked); });
  }
  draft_take(drafted, order, plan);
  const points_t after = drafted.entries().back().available_after;
  if (after < points_t{} && after < before && holds_below_zero(drafted)) {
    drafted.discard_group();
    entry& hold = hold_for_review(drafted, op::reverse, reversal_below_zero);
    sign_refund(hold, asked);
    hold.parked_points = plan.take;
    drafted.complete(hold, side::none, side::none);
  }
}

} // namespace

void decide_reverse(draft& drafted) {
  const command& asked = drafted.asked();
  if (asked.amount && *asked.amount < money_t{})
    return drafted.invalid("must not be negative", "amount");
  if (drafted.answer_known(op::reverse, asked.reference, &entry::refund, [&](const entry& named) {
        return named.order == asked.order && named.amount == asked.amount && named.restore == asked.restore;
      }))
    return;
  if (drafted.state().status == account_status::closed)
    return drafted.reject(outcome_code::account_closed);
  if (reject_review_of(drafted, asked.order))
    return draft_reverse_of_held(drafted);
  reverse_order(drafted, drafted.active());
}

// Decided anew on what is there now, under its own reference and without review.
void reverse_approved(draft& drafted, const entry& hold) {
  const program* version = drafted.active() != nullptr ? drafted.active()->find(hold.version) : nullptr;
  if (version != nullptr)
    drafted.use(*version);
  reverse_order(drafted, version);
}

} // namespace tally
