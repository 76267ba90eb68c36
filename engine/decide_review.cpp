// Operations that wait for a person: parked, approved, rejected.
#include "engine/draft.hpp"

namespace tally {

namespace {

// The review that is asked about; null: answered why not. `approve`: which of the two decisions is asked for.
const review_record* open_review_asked(draft& drafted, bool approve) {
  const review_record* review = find_review(drafted.recorded(), *drafted.asked().seq);
  if (review == nullptr)
    return drafted.reject(outcome_code::unknown_review), nullptr;
  if (!review->decided)
    return review;
  if (review->approved != approve)
    return drafted.reject(outcome_code::reference_conflict), nullptr;
  if (approve) {
    if (const std::span<const entry> group = drafted.read_group(review->decided); !group.empty())
      drafted.answer_duplicate(group, op::approve);
  } else {
    drafted.answer_rejected_before(*review);
  }
  return nullptr;
}

entry& add_decision(draft& drafted, entry_kind kind, seq_t review) {
  entry& decision = drafted.add(kind);
  decision.review = review;
  drafted.complete(decision, side::none, side::none);
  return decision;
}

} // namespace

entry& hold_for_review(draft& drafted, op parked, review_reasons reasons) {
  const command& asked = drafted.asked();
  entry& hold = drafted.add(entry_kind::review_hold);
  hold.review = hold.seq;
  hold.parked = parked;
  hold.reasons = reasons;
  hold.total = asked.total;
  hold.occurred_at = asked.at;
  return hold;
}

void decide_approve(draft& drafted) {
  const review_record* review = open_review_asked(drafted, true);
  if (review == nullptr)
    return;
  const std::span<const entry> group = drafted.read_group(review->review);
  if (group.empty())
    return;
  // What was parked, with texts that outlive the next read.
  entry hold = group.front();
  for (std::string_view* text : {&hold.order, &hold.refund, &hold.token, &hold.terminal, &hold.cashier, &hold.note})
    *text = drafted.keep(*text);
  command parked;
  parked.kind = hold.parked;
  parked.merchant = drafted.asked().merchant;
  parked.account = drafted.asked().account;
  parked.order = hold.order;
  parked.reference = hold.refund;
  parked.total = hold.total;
  parked.amount = hold.amount;
  parked.restore = hold.restore;
  parked.lines = hold.lines; // an earn reads nothing any more
  parked.at = hold.occurred_at;
  parked.token = hold.token;
  parked.terminal = hold.terminal;
  parked.cashier = hold.cashier;
  parked.note = hold.note;

  add_decision(drafted, entry_kind::review_approve, review->review);
  const command& asked = drafted.asked();
  drafted.carry_out(parked, review->review);
  if (hold.parked == op::earn)
    earn_approved(drafted, hold);
  else
    reverse_approved(drafted, hold);
  drafted.carry_out(asked, {});
  if (!drafted.is_ok())
    drafted.discard_group();
}

void decide_reject(draft& drafted) {
  if (const review_record* review = open_review_asked(drafted, false))
    add_decision(drafted, entry_kind::review_reject, review->review);
}

void reject_reviews(draft& drafted) {
  for (const open_review& each : open_reviews(drafted.recorded()))
    add_decision(drafted, entry_kind::review_reject, each.review);
}

bool reject_review_of(draft& drafted, std::string_view order) {
  if (!drafted.recorded().rare)
    return false;
  const std::uint64_t hash = hash64(order);
  for (const review_record& each : drafted.recorded().rare->reviews)
    if (!each.decided && each.parked == op::earn && each.order_hash == hash) {
      add_decision(drafted, entry_kind::review_reject, each.review);
      return true;
    }
  return false;
}

} // namespace tally
