// Points that move from one account to another of the same merchant.
#include "engine/draft.hpp"

namespace tally {

namespace {

// Either side: a closed account says so before any other reason but that one is unknown.
outcome_code refused(const account_state& from, const account_state& to) {
  const auto either = [&](account_status status) { return from.status == status || to.status == status; };
  if (either(account_status::none))
    return outcome_code::unknown_account;
  if (either(account_status::closed))
    return outcome_code::account_closed;
  if (either(account_status::suspended))
    return outcome_code::account_suspended;
  return outcome_code::none;
}

entry& add_side(draft& drafted, entry_kind kind, std::string_view peer) {
  const command& asked = drafted.asked();
  entry& added = drafted.add(kind);
  added.transfer = asked.reference;
  added.asked_points = asked.amount_points;
  added.peer = peer;
  return added;
}

} // namespace

// Lots keep their names and their expiry; the receiver's debt is paid first.
void transfer_between(draft& sender, draft& receiver) {
  const command& asked = sender.asked();
  if (sender.answer_known(op::transfer, asked.reference, &entry::transfer,
                          [&](const entry& first) { return first.peer == asked.to && first.asked_points == asked.amount_points; }))
    return;
  if (const outcome_code code = refused(sender.state(), receiver.state()); code != outcome_code::none)
    return sender.reject(code);
  const points_t points = *asked.amount_points;
  if (sender.state().available < points)
    return sender.reject(outcome_code::insufficient_points);
  if (!fits_points(gross_points(receiver.state()) + points.value))
    return sender.invalid("a balance would leave 64 bits", "points");

  entry& out = add_side(sender, entry_kind::transfer_out, asked.to);
  const points_t uncovered = sender.spend(out, points);
  TALLY_ASSERT(uncovered == points_t{}, uncovered.value, points.value);
  sender.complete(out, side::member, side::transfer);
  const small_vector<lot_change, 2> moved = out.lots; // adding an entry moves the others

  entry& in = add_side(receiver, entry_kind::transfer_in, asked.account);
  for (const lot_change& each : moved) {
    receiver.have_lot(each.lot);
    in.lots.push_back({each.lot, -each.available, {}, {}, each.available_at, each.expires_at});
  }
  pay_debt(receiver.state(), in);
  receiver.complete(in, side::transfer, side::member);
  receiver.mark_tier();
}

} // namespace tally
