#include "engine/outcome.hpp"

#include "engine/draft.hpp"

namespace tally {

namespace {

op operation_of(entry_kind kind) {
  switch (kind) {
  case entry_kind::enroll:
    return op::enroll;
  case entry_kind::earn:
    return op::earn;
  case entry_kind::redeem:
    return op::redeem;
  case entry_kind::restore:
  case entry_kind::expire:
  case entry_kind::reverse:
    return op::reverse;
  case entry_kind::adjust:
    return op::adjust;
  case entry_kind::suspend:
    return op::suspend;
  case entry_kind::reactivate:
    return op::reactivate;
  case entry_kind::close:
    return op::close;
  default:
    return op::none;
  }
}

// Adds what one entry of the group contributes to the operation's own numbers.
void count_in(const entry& each, outcome& answer) {
  switch (each.kind) {
  case entry_kind::enroll:
  case entry_kind::earn:
    answer.points = each.points + each.pending;
    break;
  case entry_kind::adjust:
    answer.points = each.points;
    break;
  case entry_kind::redeem:
    answer.points = -each.points;
    answer.amount = each.discount;
    break;
  case entry_kind::reverse:
    answer.points += each.expired_counted - each.points - each.pending;
    answer.amount = each.refunded;
    break;
  case entry_kind::restore:
    answer.points_2 += each.points;
    break;
  case entry_kind::expire:
    answer.points_3 -= each.points;
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
  default:
    TALLY_ASSERT(false && "an entry of an operation's own group", static_cast<int>(each.kind), each.seq.value);
  }
}

} // namespace

void outcome_of(std::span<const entry> group, outcome& answer) {
  TALLY_ASSERT(!group.empty());
  const entry& first = group.front();
  const entry& last = group.back();
  TALLY_ASSERT(first.group == first.seq && last.group == first.seq, first.group.value, first.seq.value, last.group.value);
  answer.kind = operation_of(first.kind);
  answer.status = outcome_status::ok;
  answer.first = outcome_status::ok;
  for (const entry& each : group)
    count_in(each, answer);
  answer.seq = first.seq;
  answer.version = last.version;
  answer.tier = last.tier;
  answer.tier_changed = last.tier_changed;
  answer.rewards = last.rewards;
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
