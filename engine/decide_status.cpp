// Suspending, reactivating and closing an account, and the erasure of its personal data.
#include "engine/draft.hpp"

namespace tally {

namespace {

// The account is as asked already: answers with the group that made it so.
void answer_as_it_is(draft& drafted) {
  const std::span<const entry> group = drafted.read_group(status_seq_of(drafted.recorded()));
  if (!group.empty())
    drafted.answer_duplicate(group, drafted.asked().kind);
}

void change_status(draft& drafted, account_status wanted, entry_kind kind) {
  if (drafted.recorded().status == wanted)
    return answer_as_it_is(drafted);
  if (drafted.state().status == account_status::closed)
    return drafted.reject(outcome_code::account_closed);
  drafted.complete(drafted.add(kind), side::none, side::none);
}

void forfeit_available(draft& drafted) {
  drafted.have_lots([](const lot_piece&) { return true; });
  entry& close = drafted.add(entry_kind::close);
  for (const lot& each : drafted.state().lots)
    if (each.available > points_t{})
      close.lots.push_back({each.id, -each.available, {}, {}, each.available_at, each.expires_at});
  drafted.complete(close, side::member, side::forfeiture);
  TALLY_ASSERT(close.available_after == -drafted.state().debt, close.available_after.value, drafted.state().debt.value);
}

void forfeit_pending(draft& drafted) {
  entry& close = drafted.add(entry_kind::close);
  for (const lot& each : drafted.state().lots)
    if (each.pending > points_t{})
      close.lots.push_back({each.id, {}, -each.pending, {}, each.available_at, each.expires_at});
  drafted.complete(close, side::pending, side::forfeiture);
  TALLY_ASSERT(close.pending_after == points_t{}, close.pending_after.value);
}

void write_off_debt(draft& drafted) {
  entry& close = drafted.add(entry_kind::close);
  close.debt = -drafted.state().debt;
  drafted.complete(close, side::forfeiture, side::member);
  TALLY_ASSERT(close.available_after == points_t{}, close.available_after.value);
}

} // namespace

void decide_suspend(draft& drafted) { change_status(drafted, account_status::suspended, entry_kind::suspend); }

void decide_reactivate(draft& drafted) { change_status(drafted, account_status::active, entry_kind::reactivate); }

// The data itself is not the engine's: the entry says that it went.
void decide_erase(draft& drafted) {
  const account_rare* rare = drafted.recorded().rare.get();
  if (rare != nullptr && rare->erased_seq && drafted.personal() == 0) {
    if (const std::span<const entry> group = drafted.read_group(rare->erased_seq); !group.empty())
      drafted.answer_duplicate(group, op::erase);
    return;
  }
  entry& erased = drafted.add(entry_kind::erase);
  erased.personal = drafted.personal();
  drafted.complete(erased, side::none, side::none);
}

// One entry a pair of sides, and one of 0 points where there is nothing to move.
void decide_close(draft& drafted) {
  if (drafted.recorded().status == account_status::closed)
    return answer_as_it_is(drafted);
  if (drafted.state().reserved > points_t{})
    return drafted.reject(outcome_code::points_reserved);
  const points_t available = drafted.state().available, pending = drafted.state().pending, debt = drafted.state().debt;
  reject_reviews(drafted);
  if (available > points_t{} || (pending == points_t{} && debt == points_t{}))
    forfeit_available(drafted);
  if (pending > points_t{})
    forfeit_pending(drafted);
  if (debt > points_t{})
    write_off_debt(drafted);
}

} // namespace tally
