// What becomes of reserved points: captured, in part or whole, or given back. Time-outs are engine/draft.cpp's.
#include "engine/draft.hpp"
#include "engine/earning.hpp"

#include <algorithm>

namespace tally {

namespace {

// The reservation that is asked for; null: answered why not. It lives in the state as recorded, unless something fell due.
const reservation* open_reservation(draft& drafted) {
  if (drafted.state().status == account_status::closed)
    return drafted.reject(outcome_code::account_closed), nullptr;
  const command& asked = drafted.asked();
  if (drafted.state().rare)
    for (const reservation& each : drafted.state().rare->reservations)
      if (each.name == asked.reference)
        return &each;
  const bool was_open = drafted.find_reference(op::authorize, hash64(asked.reference), [](seq_t) { return true; });
  return drafted.reject(was_open ? outcome_code::reservation_closed : outcome_code::unknown_reservation), nullptr;
}

points_t points_in(const reservation& open) {
  points_t sum;
  for (const lot_share& each : open.shares)
    sum += each.points;
  return sum;
}

// What so many points of the reservation are worth, by the rules that authorised it.
money_t discount_of(const ruleset& rules, points_t points) {
  const std::optional<money_t> worth = discount_for_points(rules, points);
  const std::optional<money_t> cap = max_discount_of(rules);
  TALLY_ASSERT(worth || cap, points.value);
  return !worth || (cap && *cap < *worth) ? *cap : *worth;
}

entry& add_for(draft& drafted, entry_kind kind, seq_t authorised) {
  entry& added = drafted.add(kind);
  added.reservation = drafted.asked().reference;
  added.reserved_by = authorised;
  return added;
}

// Gives back everything that is still reserved; what goes back to lots that have expired expires at once.
void draft_void(draft& drafted, seq_t authorised) {
  entry& given_back = add_for(drafted, entry_kind::void_, authorised);
  give_back(drafted.state(), given_back, find_reservation(drafted.state(), authorised)->shares);
  drafted.complete(given_back, side::reserved, side::member);
  drafted.expire_dead([&](entry& expire) { expire.reservation = drafted.asked().reference; });
}

// The rules that authorised it decide what it is worth.
const ruleset& use_version_of(draft& drafted, const reservation& open) {
  const program* version = drafted.active() != nullptr ? drafted.active()->find(open.version) : nullptr;
  TALLY_ASSERT(version != nullptr && version->rules.redeem, open.version, open.seq.value);
  drafted.use(*version);
  return version->rules;
}

} // namespace

void decide_capture(draft& drafted) {
  const command& asked = drafted.asked();
  if (drafted.answer_known(op::capture, asked.reference, &entry::reservation,
                           [&](const entry& first) { return first.asked_points == asked.amount_points && first.order == asked.order; }))
    return;
  const reservation* open = open_reservation(drafted);
  if (open == nullptr)
    return;
  const seq_t authorised = open->seq;
  const points_t reserved = points_in(*open);
  const points_t wanted = asked.amount_points.value_or(reserved);
  if (wanted > reserved)
    return drafted.reject(outcome_code::insufficient_points);
  const ruleset& rules = use_version_of(drafted, *open);

  entry& capture = add_for(drafted, entry_kind::capture, authorised);
  capture.asked_points = asked.amount_points;
  capture.discount = discount_of(rules, wanted);
  points_t left = wanted;
  for (const lot_share& each : find_reservation(drafted.state(), authorised)->shares) {
    const points_t taken = std::min(left, each.points);
    if (taken == points_t{})
      break;
    capture.lots.push_back({each.lot, {}, {}, -taken, each.available_at, each.expires_at});
    left -= taken;
  }
  drafted.complete(capture, side::reserved, side::redemption);
  TALLY_ASSERT(left == points_t{} && capture.reserved == -wanted, left.value, wanted.value);
  if (wanted < reserved)
    draft_void(drafted, authorised);
}

void decide_void(draft& drafted) {
  if (drafted.answer_known(op::void_, drafted.asked().reference, &entry::reservation, [](const entry&) { return true; }))
    return;
  const reservation* open = open_reservation(drafted);
  if (open == nullptr)
    return;
  use_version_of(drafted, *open);
  draft_void(drafted, open->seq);
}

} // namespace tally
