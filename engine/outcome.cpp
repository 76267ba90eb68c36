#include "engine/outcome.hpp"

#include "engine/draft.hpp"

namespace tally {

namespace {

op operation_of(const entry& one) {
  switch (one.kind) {
  case entry_kind::enroll:
    return op::enroll;
  case entry_kind::earn:
    return op::earn;
  case entry_kind::redeem:
    return op::redeem;
  case entry_kind::claim:
    return op::claim;
  case entry_kind::authorize:
    return op::authorize;
  case entry_kind::capture:
    return op::capture;
  case entry_kind::void_:
    return op::void_;
  case entry_kind::restore:
  case entry_kind::reverse:
    return op::reverse;
  case entry_kind::adjust:
    return op::adjust;
  case entry_kind::transfer_out:
    return op::transfer;
  case entry_kind::suspend:
    return op::suspend;
  case entry_kind::reactivate:
    return op::reactivate;
  case entry_kind::close:
    return op::close;
  case entry_kind::review_hold:
    return one.parked;
  case entry_kind::review_approve:
    return op::approve;
  case entry_kind::review_reject:
    return op::reject;
  case entry_kind::erase:
    return op::erase;
  default:
    return op::none;
  }
}

// Adds what one entry of the group contributes to the operation's own numbers.
void count_in(const entry& each, outcome& answer) {
  switch (each.kind) {
  case entry_kind::enroll:
    answer.points = each.points + each.pending;
    break;
  case entry_kind::earn:
    answer.points = each.points + each.pending;
    answer.rewards = each.rewards;
    break;
  case entry_kind::adjust:
    answer.points = each.points;
    break;
  case entry_kind::redeem:
    answer.points = -each.points;
    answer.amount = each.discount;
    break;
  case entry_kind::claim:
  case entry_kind::authorize:
    answer.points = -each.points;
    answer.expires_at = each.reserved_until;
    answer.name = each.kind == entry_kind::claim ? each.reward : each.reservation;
    break;
  case entry_kind::capture:
    answer.points = -each.reserved;
    answer.amount = each.discount;
    answer.name = each.reservation;
    break;
  case entry_kind::void_:
    answer.points_2 += each.points;
    answer.name = each.reservation;
    break;
  case entry_kind::reverse:
    answer.points += each.expired_counted - each.points - each.pending;
    answer.amount = each.refunded;
    break;
  case entry_kind::restore:
    answer.points_2 += each.points;
    break;
  case entry_kind::expire:
    if (answer.kind == op::reverse || answer.parked == op::reverse)
      answer.points_3 -= each.points;
    break;
  case entry_kind::transfer_out:
    answer.points = -each.points;
    break;
  case entry_kind::transfer_in:
    answer.to_seq = each.seq;
    break;
  case entry_kind::suspend:
    answer.state = outcome::suspended;
    break;
  case entry_kind::reactivate:
    answer.state = outcome::active;
    break;
  case entry_kind::close:
    answer.state = outcome::closed;
    answer.points -= each.points + each.debt + each.pending; // forfeited: what the lots held
    break;
  case entry_kind::review_hold:
    answer.status = outcome_status::held;
    answer.parked = each.parked;
    answer.reasons = each.reasons;
    answer.points = each.parked_points;
    break;
  case entry_kind::review_approve:
  case entry_kind::review_reject:
  case entry_kind::erase:
    break;
  default:
    TALLY_ASSERT(false && "an entry of an operation's own group", static_cast<int>(each.kind), each.seq.value);
  }
}

} // namespace

// Closing and reversing begin with the reviews that they reject.
op operation_of(std::span<const entry> group) {
  if (group.front().due)
    return op::none;
  const op first = operation_of(group.front());
  return first == op::reject ? operation_of(group.back()) : first;
}

void outcome_of(std::span<const entry> group, outcome& answer) {
  TALLY_ASSERT(!group.empty());
  const entry& first = group.front();
  // a transfer ends with the other account's entry
  const entry& last = first.kind == entry_kind::transfer_out ? first : group.back();
  TALLY_ASSERT(first.group == first.seq && last.group == first.seq, first.group.value, first.seq.value, last.group.value);
  answer.kind = operation_of(group);
  answer.status = outcome_status::ok;
  answer.first = outcome_status::ok;
  if (answer.kind == op::approve)
    answer.parked = operation_of(group[1]);
  for (const entry& each : group)
    count_in(each, answer);
  answer.seq = first.seq;
  const bool is_review = answer.kind == op::approve || answer.kind == op::reject || answer.status == outcome_status::held;
  answer.review = is_review ? first.review : seq_t{};
  answer.version = last.version;
  answer.active_version = last.active_version;
  answer.tier = last.tier;
  answer.tier_changed = last.tier_changed;
  answer.available = last.available_after;
  answer.pending = last.pending_after;
  answer.reserved = last.reserved_after;
  answer.lifetime = last.lifetime_after;
}

outcome outcome_of(std::span<const entry> group) {
  outcome answer;
  outcome_of(group, answer);
  return answer;
}

} // namespace tally
