// The frame of every decision: what is checked before any operation's own checks, settling, renumbering.
#include "engine/decide.hpp"

#include "engine/draft.hpp"

#include <utility>

namespace tally {

namespace {

constexpr std::int32_t reservation_minutes_max = 10'080;

bool changes_something(op kind) {
  switch (kind) {
  case op::enroll:
  case op::earn:
  case op::redeem:
  case op::claim:
  case op::authorize:
  case op::capture:
  case op::void_:
  case op::reverse:
  case op::adjust:
  case op::suspend:
  case op::reactivate:
  case op::close:
  case op::approve:
  case op::reject:
  case op::erase:
    return true;
  default:
    return false;
  }
}

void decide_operation(draft& drafted, op kind) {
  switch (kind) {
  case op::enroll:
    return decide_enroll(drafted);
  case op::earn:
    return decide_earn(drafted);
  case op::redeem:
    return decide_redeem(drafted);
  case op::claim:
    return decide_claim(drafted);
  case op::authorize:
    return decide_authorize(drafted);
  case op::capture:
    return decide_capture(drafted);
  case op::void_:
    return decide_void(drafted);
  case op::approve:
    return decide_approve(drafted);
  case op::reject:
    return decide_reject(drafted);
  case op::erase:
    return decide_erase(drafted);
  case op::reverse:
    return decide_reverse(drafted);
  case op::adjust:
    return decide_adjust(drafted);
  case op::suspend:
    return decide_suspend(drafted);
  case op::reactivate:
    return decide_reactivate(drafted);
  case op::close:
    return decide_close(drafted);
  default:
    TALLY_ASSERT(false && "an operation that changes an account", static_cast<int>(kind));
  }
}

// Fields that net/ has refused before; what gets here all the same must do no harm.
bool has_its_fields(const command& asked, draft& drafted) {
  const auto missing = [&](bool is_missing, std::string_view where) {
    if (is_missing)
      drafted.invalid("is missing", where);
    return is_missing;
  };
  if (asked.kind != op::earn && missing(asked.account.empty(), "account")) // a sale to nobody is skipped
    return false;
  switch (asked.kind) {
  case op::earn:
    if (asked.at && *asked.at > drafted.now()) {
      drafted.invalid("is in the future", "at");
      return false;
    }
    return !missing(asked.order.empty(), "order") && !missing(!asked.total, "total");
  case op::redeem:
    return !missing(!asked.amount_points, "points") && !missing(asked.order.empty(), "order");
  case op::claim:
    return !missing(asked.reference.empty(), "reward") && !missing(asked.order.empty(), "order");
  case op::authorize:
    if (asked.minutes && (*asked.minutes < 1 || *asked.minutes > reservation_minutes_max)) {
      drafted.invalid("must be 1 to 10080", "minutes");
      return false;
    }
    return !missing(!asked.amount_points, "points") && !missing(asked.reference.empty(), "reservation");
  case op::capture:
    if (asked.amount_points && *asked.amount_points <= points_t{}) {
      drafted.invalid("must be more than 0", "points");
      return false;
    }
    return !missing(asked.reference.empty(), "reservation");
  case op::void_:
    return !missing(asked.reference.empty(), "reservation");
  case op::transfer:
    if (asked.amount_points && *asked.amount_points <= points_t{}) {
      drafted.invalid("must be more than 0", "points");
      return false;
    }
    if (asked.to == asked.account) {
      drafted.invalid("is the account itself", "to");
      return false;
    }
    return !missing(asked.to.empty(), "to") && !missing(!asked.amount_points, "points") && !missing(asked.reference.empty(), "transfer");
  case op::approve:
  case op::reject:
    return !missing(!asked.seq, "review");
  case op::preview:
    return !missing(!asked.amount_points, "points");
  case op::reverse:
    return !missing(asked.order.empty(), "order") && !missing(asked.reference.empty(), "refund");
  case op::adjust:
    return !missing(!asked.amount_points, "points") && !missing(asked.reference.empty(), "adjustment");
  default:
    return true;
  }
}

// An earn of nobody's is skipped, every other operation needs an account.
void refuse_unknown(draft& drafted, op kind) {
  if (kind == op::earn)
    drafted.skip(outcome_code::no_member);
  else
    drafted.reject(outcome_code::unknown_account);
}

void say_digits(const program* active, outcome& answer) {
  const program* version = active != nullptr ? active->find(answer.version) : nullptr;
  if (version != nullptr)
    answer.currency_digits = static_cast<std::uint8_t>(version->rules.currency_digits);
}

seq_t moved(seq_t seq, seq_t from, seq_t to) { return seq < from ? seq : seq_t{seq.value - from.value + to.value}; }

} // namespace

void decision::clear() {
  outcome.kind = op::none;
  outcome.status = outcome.first = outcome_status::ok;
  outcome.code = outcome_code::none;
  outcome.tier_changed = false;
  outcome.currency_digits = 2;
  outcome.parked = op::none;
  outcome.reasons = 0;
  outcome.tier = 0;
  outcome.version = outcome.active_version = 0;
  outcome.seq = outcome.to_seq = outcome.review = {};
  outcome.expires_at.reset();
  outcome.points = outcome.points_2 = outcome.points_3 = {};
  outcome.amount = {};
  outcome.available = outcome.pending = outcome.reserved = outcome.lifetime = {};
  outcome.rewards = 0;
  outcome.state = outcome::none;
  outcome.what.clear();
  outcome.where.clear();
  outcome.name.clear();
  entries.clear();
  texts.clear();
  due_count = 0;
}

void decide(const account_state& state, const command& command, const decision_context& context, decision& out) {
  out.clear();
  out.outcome.kind = command.kind;
  draft drafted(state, &command, context, out);
  if (!has_its_fields(command, drafted))
    return;
  if (command.kind == op::preview)
    return decide_preview(drafted, out.outcome), say_digits(context.active, out.outcome);
  if (!changes_something(command.kind))
    return drafted.invalid("not supported yet", "op");
  if (state.status == account_status::none && command.kind != op::enroll)
    return refuse_unknown(drafted, command.kind);
  drafted.settle();
  decide_operation(drafted, command.kind);
  if (out.outcome.status == outcome_status::ok)
    drafted.answer();
  say_digits(context.active, out.outcome);
  const bool is_written = out.outcome.status == outcome_status::ok || out.outcome.status == outcome_status::held;
  TALLY_ASSERT(is_written || out.entries.size() == out.due_count, out.entries.size(), out.due_count);
}

void decide_transfer(const account_state& from, const account_state& to, const command& command, const decision_context& context,
                     decision& out) {
  out.clear();
  out.outcome.kind = command.kind;
  draft sender(from, &command, context, out);
  if (!has_its_fields(command, sender))
    return;
  if (from.status == account_status::none)
    return refuse_unknown(sender, command.kind);
  sender.settle();
  draft receiver(to, &command, command.to, context, out, out.drafted_to);
  if (to.status != account_status::none)
    receiver.settle();
  transfer_between(sender, receiver);
  if (out.outcome.status == outcome_status::ok)
    sender.answer();
  say_digits(context.active, out.outcome);
}

void decide_due(const account_state& state, const decision_context& context, decision& out) {
  out.clear();
  draft drafted(state, nullptr, context, out);
  drafted.settle();
  TALLY_ASSERT(out.due_count == out.entries.size(), out.due_count, out.entries.size());
}

void rebase(decision& decided, seq_t from, seq_t to) {
  TALLY_ASSERT(to >= from, to.value, from.value);
  if (to == from)
    return;
  for (entry& each : decided.entries) {
    each.seq = moved(each.seq, from, to);
    each.group = moved(each.group, from, to);
    each.prev_seq = moved(each.prev_seq, from, to);
    each.review = moved(each.review, from, to);
    each.reserved_by = moved(each.reserved_by, from, to);
    for (lot_change& change : each.lots)
      change.lot = moved(change.lot, from, to);
  }
  decided.outcome.seq = moved(decided.outcome.seq, from, to); // a duplicate's lies before `from`
  decided.outcome.to_seq = moved(decided.outcome.to_seq, from, to);
  decided.outcome.review = moved(decided.outcome.review, from, to);
}

account_state as_of(const account_state& state, instant now) {
  account_state settled;
  copy_balances(state, settled);
  for (due_event event = next_due_event(settled, now); event.kind != entry_kind::none; event = next_due_event(settled, now)) {
    entry done;
    done.kind = event.kind;
    done.prev_seq = settled.last_seq;
    done.seq = done.group = settled.last_seq.plus(1);
    done.at = now;
    done.merchant = settled.merchant;
    settle_event(settled, event, done);
    apply(settled, done);
  }
  settled.last_seq = state.last_seq;
  settled.entry_count = state.entry_count;
  std::unique_ptr<account_rare> of_copy = std::exchange(settled.rare, nullptr);
  if (settled.has_spilled_lots) {
    settled.rare = std::make_unique<account_rare>();
    settled.rare->lot_pieces = std::move(of_copy->lot_pieces);
  }
  note_rare(settled);
  return settled;
}

} // namespace tally
