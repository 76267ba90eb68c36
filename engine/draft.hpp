// A decision in the making: entries are added one after another, each seeing the account as the ones before it left
// it. The account itself is not touched; a copy of its balances and lots is made only when a second entry needs it.
// Private to engine/.
#pragma once

#include "engine/account_rare.hpp"
#include "engine/decide.hpp"
#include "engine/tiers.hpp"

namespace tally {

class draft {
public:
  // `asked` is null where nobody asked: only what is due is drafted.
  draft(const account_state& state, const command* asked, const decision_context& context, decision& out)
      : draft(state, asked, asked != nullptr ? asked->account : std::string_view{}, context, out, out.drafted) {}
  // Of an account that is not the command's own; `working` is the copy to draft on.
  draft(const account_state& state, const command* asked, std::string_view account, const decision_context& context, decision& out,
        account_state& working);

  // The account as it is: references and refunds are looked up here.
  const account_state& recorded() const { return recorded_; }
  // Balances and lots, everything drafted before the newest entry included.
  const account_state& state() const { return *state_; }
  const command& asked() const {
    TALLY_ASSERT(asked_ != nullptr);
    return *asked_;
  }
  const program* active() const { return context_.active; }
  std::uint64_t personal() const { return context_.personal; }
  // Everything that is drafted, what is due included.
  std::span<const entry> entries() const { return out_.entries; }
  instant now() const { return context_.now; }

  // Drafts what is due, each in a group of its own.
  void settle();
  // From here on the group's entries carry this version; without it, the active one.
  void use(const program& version) { used_ = &version; }
  // From here on the group's entries are of `parked`, which the review held.
  void carry_out(const command& parked, seq_t review) {
    asked_ = &parked;
    review_ = review;
  }
  // Whether what is decided was approved already.
  bool is_approved() const { return static_cast<bool>(review_); }
  // Takes the group's entries back.
  void discard_group();
  // A copy that lives as long as the decision.
  std::string_view keep(std::string_view text) { return out_.texts.emplace_back(text); }
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
  // Answers a rejection that is asked for again.
  void answer_rejected_before(const review_record& review);
  // Calls `visit(facts)` for the account's earns of this order hash, in memory and then on disk, until it returns true.
  template <class Visitor>
  bool find_order(std::uint64_t hash, const Visitor& visit) const {
    return tally::find_order(recorded_, hash, [&](const order_record& record) { return visit(facts_of(recorded_, record)); }) ||
           find_spilled(spilled_kind::order, hash, [&](const spilled_record& each) { return visit(each.facts); });
  }
  // Calls `visit(seq)` for the groups remembered under (kind, hash), likewise.
  template <class Visitor>
  bool find_reference(op kind, std::uint64_t hash, const Visitor& visit) const {
    return tally::find_reference(recorded_, kind, hash, visit) ||
           find_spilled(reference_of(kind), hash, [&](const spilled_record& each) { return visit(seq_t{each.number}); });
  }
  // Calls `visit(seq)` for the captures on this order hash, likewise.
  template <class Visitor>
  bool find_capture(std::uint64_t hash, const Visitor& visit) const {
    return tally::find_capture(recorded_, hash, visit) ||
           find_spilled(spilled_kind::captured, hash, [&](const spilled_record& each) { return visit(each.seq); });
  }
  // What the refunds of an order have done before this decision; zeros where there were none.
  refunded_order refunds(std::uint64_t order_hash) const;
  // How much of a redemption was given back before this decision.
  points_t undone(seq_t redemption) const;
  bool is_ok() const { return out_.outcome.status == outcome_status::ok; }
  // Answers an operation that was decided before under this reference; true if it has. `same` says of the group's entry that names
  // the reference in `field` whether it was asked with the same contents.
  template <class Same>
  bool answer_known(op kind, std::string_view reference, std::string_view entry::*field, const Same& same) {
    return find_reference(kind, hash64(reference), [&](seq_t seq) {
      const std::span<const entry> group = read_group(seq);
      if (group.empty())
        return true;
      const entry& named = kind == op::reverse ? group.back() : group.front();
      if (named.*field != reference)
        return false;
      if (same(named))
        answer_duplicate(group, kind);
      else
        reject(outcome_code::reference_conflict);
      return true;
    });
  }

  // The lots with something available, as they are spent: soonest to expire first, then oldest. Takes up to `wanted` from
  // them for the entry and returns what they do not cover.
  points_t spend(entry& drafted, points_t wanted, seq_t except = {});
  // Has the lot in `state()`, if the account has it.
  void have_lot(seq_t lot) {
    if (state_->has_spilled_lots && may_be_spilled(*state_, lot)) [[unlikely]]
      have_lots([lot](const lot_piece& each) { return may_hold(each, lot); });
  }
  // Has those lots in `state()` that lie in pieces of which `wanted(piece)` says so.
  void have_lots(const std::function<bool(const lot_piece&)>& wanted);
  // What lies in lots that have expired by now expires at once, in the same group. `sign_it` says more of each entry.
  template <class SignIt>
  void expire_dead(const SignIt& sign_it);
  // Lets `points` become available in the lot: debt is paid, the lot gets what is left.
  void make_available(entry& drafted, seq_t lot, points_t points, instant available_at, instant expires_at) const;

  // What counts for [limits] on the UTC day of now, before this decision.
  struct day_use {
    points_t earned, redeemed;
    std::int32_t redemptions = 0;
  };
  day_use used_today() const;

  // How much of a lot has expired, by now.
  points_t expired(seq_t lot) const;

  // The tier after the group, on its last entry of this account. Call once the group is whole.
  void mark_tier() {
    if (active() != nullptr && active()->rules.tiers)
      mark_tier(active()->rules);
  }

private:
  void mark_tier(const ruleset& rules);
  void have_lots_to_spend(points_t wanted, seq_t except);
  bool find_spilled(spilled_kind kind, std::uint64_t hash, const spilled_visitor& visit) const;
  points_t spilled_points(spilled_kind kind, std::uint64_t hash) const;
  entry& append(entry_kind kind);
  points_t tier_points_of_group(const ruleset& rules) const;

  const account_state& recorded_;
  const account_state* state_; // recorded_, or working_ once it is needed
  const command* asked_;
  std::string_view account_;
  const decision_context& context_;
  decision& out_;
  account_state& working_; // the copy that entries are folded into
  const program* used_;
  seq_t review_;
  std::size_t own_from_ = 0; // the first of the decision's entries that can be this draft's
  std::size_t folded_ = 0;   // entries that are included in `working_`, or another account's
};

// The lot or reservation that is due next, and how; `kind` is none when nothing is due by `now`.
struct due_event {
  entry_kind kind = entry_kind::none; // release, void_ or expire
  instant at;
  const tally::lot* lot = nullptr;
  const tally::reservation* reservation = nullptr;
};
due_event next_due_event(const account_state& state, instant now);
// Writes into the entry what the event does.
void settle_event(const account_state& state, const due_event& event, entry& drafted);

// Pays debt with what the entry's lots let become available, soonest to expire first.
void pay_debt(const account_state& state, entry& drafted);
// Gives reserved points back to their lots.
void give_back(const account_state& state, entry& drafted, std::span<const lot_share> shares);

// Sets the sums, the balances after and the sides of an entry whose lots, debt and lifetime are set.
void complete_entry(const account_state& state, entry& drafted, side from, side to);

template <class SignIt>
void draft::expire_dead(const SignIt& sign_it) {
  fold();
  for (due_event event = next_due_event(*state_, now()); event.kind != entry_kind::none; event = next_due_event(*state_, now())) {
    TALLY_ASSERT(event.kind == entry_kind::expire, static_cast<int>(event.kind));
    entry& expire = add(event.kind);
    sign_it(expire);
    settle_event(*state_, event, expire);
    fold();
  }
}

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

// One operation each, on a draft that is settled: engine/decide_<what it is about>.cpp.
void decide_enroll(draft& drafted);
void decide_earn(draft& drafted);
void decide_preview(draft& drafted, outcome& answer);
void decide_redeem(draft& drafted);
void decide_claim(draft& drafted);
void decide_authorize(draft& drafted);
void decide_capture(draft& drafted);
void decide_void(draft& drafted);
void decide_reverse(draft& drafted);
void decide_approve(draft& drafted);
void decide_reject(draft& drafted);
void decide_erase(draft& drafted);
void transfer_between(draft& sender, draft& receiver);

// What an approval carries out, as the review_hold entry has it.
void earn_approved(draft& drafted, const entry& hold);
void reverse_approved(draft& drafted, const entry& hold);
// Rejects every open review, as closing does; or the open review of an order's earn (false: there is none).
void reject_reviews(draft& drafted);
bool reject_review_of(draft& drafted, std::string_view order);
// Parks what is asked: the entry, signed, for the caller to say what it would have done.
entry& hold_for_review(draft& drafted, op parked, review_reasons reasons);
void decide_adjust(draft& drafted);
void decide_suspend(draft& drafted);
void decide_reactivate(draft& drafted);
void decide_close(draft& drafted);

} // namespace tally
