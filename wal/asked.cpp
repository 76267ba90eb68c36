#include "wal/asked.hpp"

#include "engine/decide.hpp"

namespace tally::wal {

namespace {

std::string_view reference_of(op kind, const entry& one) {
  switch (kind) {
  case op::reverse:
    return one.refund;
  case op::adjust:
    return one.adjustment;
  case op::claim:
    return one.reward;
  case op::authorize:
  case op::capture:
  case op::void_:
    return one.reservation;
  case op::transfer:
    return one.transfer;
  default:
    return {};
  }
}

// What an operation begins with besides its own entries says nothing of what was asked.
const entry& saying(std::span<const entry> group) { return group.front().kind == entry_kind::review_reject ? group.back() : group.front(); }

} // namespace

void asked_by(std::span<const entry> group, command& out) {
  out.kind = operation_of(group);
  const entry& says = saying(group);
  out.merchant = says.merchant_id;
  out.account = says.account;
  out.order = says.order;
  out.reference = reference_of(out.kind, says);
  out.exact = says.exact;
  out.restore = says.restore;
  out.force = says.force;
  out.total = says.total;
  out.amount = says.amount;
  out.amount_points = says.asked_points;
  out.expire_days = says.expire_days;
  out.minutes = says.minutes;
  out.lines = says.lines;
  out.at = says.occurred_at;
  out.to = says.peer;
  out.seq = out.kind == op::approve || out.kind == op::reject ? says.review : decltype(out.seq)();
  out.token = says.token;
  out.terminal = says.terminal;
  out.cashier = says.cashier;
  out.note = says.note;
  out.reason = says.reason;
}

std::string_view counted_reference(const command& asked) {
  switch (asked.kind) {
  case op::earn:
  case op::redeem:
  case op::claim:
    return asked.order;
  default:
    return asked.reference;
  }
}

std::string_view receiver_of(std::span<const entry> group) {
  return operation_of(group) == op::transfer ? saying(group).peer : std::string_view();
}

} // namespace tally::wal
