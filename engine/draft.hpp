// A decision in the making: entries are added one after another, each seeing the account as the ones before it left
// it. The account itself is not touched; a copy of its balances and lots is made only when a second entry needs it.
// Private to engine/.
#pragma once

#include "engine/account_rare.hpp"
#include "engine/decide.hpp"

namespace tally {

class draft {
public:
  // `asked` is null where nobody asked: only what is due is drafted.
  draft(const account_state& state, const command* asked, const decision_context& context, decision& out);

  // The account as it is: references and refunds are looked up here.
  const account_state& recorded() const { return recorded_; }
  // Balances and lots, everything drafted before the newest entry included.
  const account_state& state() const { return *state_; }
  const command& asked() const {
    TALLY_ASSERT(asked_ != nullptr);
    return *asked_;
  }
  const program* active() const { return context_.active; }
  instant now() const { return context_.now; }

  // Drafts what is due, each in a group of its own.
  void settle();
  // Adds an entry of the operation's group; who asked, version and seqs are set. Lots, debt and lifetime are for the
  // caller to set, then `complete`. The reference is good until the next `add`.
  entry& add(entry_kind kind);
  // Sums up the lots and debt of the newest entry, in a state that it fits.
  void complete(entry& drafted, side from, side to) const;
  // Includes the newest entry in `state()`.
  void fold();
  // Answers `ok` with what the drafted group says.
  void answer();

  void reject(outcome_code code);
  void skip(outcome_code code);
  void invalid(std::string_view what, std::string_view where);
  void unavailable(std::string_view what);

  // The group, by the seq of its first entry; empty when it cannot be read, which is answered then.
  std::span<const entry> read_group(seq_t first);
  // Answers `duplicate` with what the group said when it was decided.
  void answer_duplicate(std::span<const entry> group, op kind);

  // The lots with something available, as they are spent: soonest to expire first, then oldest. Takes up to `wanted` from
  // them for the entry and returns what they do not cover.
  points_t spend(entry& drafted, points_t wanted, seq_t except = {}) const;
  // Lets `points` become available in the lot: debt is paid, the lot gets what is left.
  void make_available(entry& drafted, seq_t lot, points_t points, instant available_at, instant expires_at) const;

  // How much of a lot has expired, by now.
  points_t expired(seq_t lot) const;

private:
  entry& append(entry_kind kind);

  const account_state& recorded_;
  const account_state* state_; // recorded_, or out_.drafted once it is needed
  const command* asked_;
  const decision_context& context_;
  decision& out_;
  std::size_t folded_ = 0; // entries that are included in out_.drafted
};

// The lot that is due next, and how; `kind` is none when nothing is due by `now`.
struct due_event {
  entry_kind kind = entry_kind::none; // release or expire
  instant at;
  const tally::lot* lot = nullptr;
};
due_event next_due_event(const account_state& state, instant now);
// Writes into the entry what the event does.
void settle_event(const account_state& state, const due_event& event, entry& drafted);

// Sets the sums, the balances after and the sides of an entry whose lots, debt and lifetime are set.
void complete_entry(const account_state& state, entry& drafted, side from, side to);

// `outcome_of` in place, for an outcome that is as `decision::clear` leaves it.
void outcome_of(std::span<const entry> group, outcome& answer);

// Everything the lots hold, as if unbounded; may not leave 64 bits, so that nothing that moves inside can.
inline int128 gross_points(const account_state& state) {
  return int128{state.available.value} + state.debt.value + state.pending.value + state.reserved.value;
}

// `days` after, or the last moment that can be written where that is too far away.
instant days_after(instant from, std::int64_t days);
// The end of a life that begins at `from`; 0 days: never, which is 0.
inline instant expiry_after(instant from, std::int64_t days) { return days <= 0 ? instant{} : days_after(from, days); }

// One operation each, on a draft that is settled: engine/decide_earn.cpp, decide_redeem.cpp, decide_reverse.cpp, decide_status.cpp.
void decide_enroll(draft& drafted);
void decide_earn(draft& drafted);
void decide_preview(draft& drafted, outcome& answer);
void decide_redeem(draft& drafted);
void decide_reverse(draft& drafted);
void decide_adjust(draft& drafted);
void decide_suspend(draft& drafted);
void decide_reactivate(draft& drafted);
void decide_close(draft& drafted);

} // namespace tally
