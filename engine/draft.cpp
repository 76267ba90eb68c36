#include "engine/draft.hpp"

#include <algorithm>

namespace tally {

namespace {

// Says who asked, and what the operation's own entries all carry.
void sign(entry& drafted, const command& asked) {
  drafted.merchant_id = asked.merchant;
  drafted.order = asked.order;
  drafted.token = asked.token;
  drafted.terminal = asked.terminal;
  drafted.cashier = asked.cashier;
  drafted.note = asked.note;
  drafted.reason = asked.reason;
}

lot_change change_of(const lot& from) { return {from.id, {}, {}, {}, from.available_at, from.expires_at}; }

points_t spend_from(entry& drafted, const lot& from, points_t wanted) {
  const points_t taken = std::min(wanted, from.available);
  lot_change change = change_of(from);
  change.available = -taken;
  drafted.lots.push_back(change);
  return wanted - taken;
}

} // namespace

draft::draft(const account_state& state, const command* asked, std::string_view account, const decision_context& context, decision& out,
             account_state& working)
    : recorded_(state), state_(&state), asked_(asked), account_(account), context_(context), out_(out), working_(working),
      used_(context.active), own_from_(out.entries.size()), folded_(out.entries.size()) {
  TALLY_ASSERT(context.next_seq > state.last_seq, context.next_seq.value, state.last_seq.value);
}

void draft::settle() {
  TALLY_ASSERT(out_.entries.size() == own_from_ && out_.due_count == own_from_, out_.entries.size());
  if (recorded_.next_due > context_.now)
    return;
  have_lots([this](const lot_piece& each) { return each.expires_at.us != 0 && each.expires_at <= context_.now; });
  for (due_event event = next_due_event(*state_, context_.now); event.kind != entry_kind::none;
       event = next_due_event(*state_, context_.now)) {
    entry& settled = append(event.kind);
    settled.group = settled.seq;
    if (asked_ != nullptr)
      settled.merchant_id = asked_->merchant;
    settle_event(*state_, event, settled);
    if (event.reservation != nullptr)
      settled.reservation = keep(event.reservation->name); // which ends with this entry
    fold();
  }
  out_.due_count = out_.entries.size();
  TALLY_ASSERT(state_->next_due > context_.now, state_->next_due.us, context_.now.us);
}

entry& draft::add(entry_kind kind) {
  fold();
  entry& added = append(kind);
  added.group = out_.entries[out_.due_count].seq;
  added.version = used_ != nullptr ? used_->version : 0;
  added.review = review_;
  sign(added, asked());
  return added;
}

entry& draft::append(entry_kind kind) {
  entry& added = out_.entries.emplace_back();
  added.kind = kind;
  added.seq = context_.next_seq.plus(out_.entries.size() - 1);
  added.prev_seq = state_->last_seq;
  added.at = context_.now;
  added.merchant = state_->merchant;
  added.account = account_;
  added.version = added.active_version = context_.active != nullptr ? context_.active->version : 0;
  return added;
}

void draft::complete(entry& drafted, side from, side to) const { complete_entry(*state_, drafted, from, to); }

void draft::fold() {
  if (folded_ == out_.entries.size())
    return;
  if (state_ == &recorded_) {
    copy_balances(recorded_, working_);
    state_ = &working_;
  }
  for (; folded_ < out_.entries.size(); ++folded_)
    if (out_.entries[folded_].account == account_)
      apply(working_, out_.entries[folded_]);
}

void draft::discard_group() {
  out_.entries.resize(out_.due_count);
  folded_ = own_from_;
  state_ = &recorded_;
  fold();
}

// What the group adds to the tier points that count now.
points_t draft::tier_points_of_group(const ruleset& rules) const {
  points_t added;
  for (const entry& each : std::span<const entry>(out_.entries).subspan(out_.due_count)) {
    if (each.account != account_)
      continue;
    if (each.lifetime > points_t{} &&
        counts_for_tiers(rules, each.occurred_at ? *each.occurred_at : each.parked_at.value_or(each.at), now()))
      added += each.lifetime;
    const points_t taken = each.kind == entry_kind::reverse ? each.expired_counted - each.points - each.pending : points_t{};
    if (taken == points_t{} || !rules.tiers->net_of_reversals)
      continue;
    find_order(hash64(each.order), [&](const order_facts& facts) {
      if (counts_for_tiers(rules, facts.dated, now()))
        added -= taken;
      return true;
    });
  }
  return added;
}

bool draft::find_spilled(spilled_kind kind, std::uint64_t hash, const spilled_visitor& visit) const {
  if (!recorded_.has_spilled)
    return false;
  TALLY_ASSERT(context_.find_spilled != nullptr, static_cast<int>(kind));
  bool found = false;
  (*context_.find_spilled)(recorded_, kind, hash,
                           [&](const spilled_record& each) { return found = is_spilled(recorded_, each) && visit(each); });
  return found;
}

points_t draft::spilled_points(spilled_kind kind, std::uint64_t hash) const {
  points_t sum;
  find_spilled(kind, hash, [&](const spilled_record& each) {
    sum += each.points;
    return false;
  });
  return sum;
}

refunded_order draft::refunds(std::uint64_t order_hash) const {
  refunded_order sum{};
  find_spilled(spilled_kind::refund, order_hash, [&](const spilled_record& each) {
    add_later(sum, each.refund);
    return false;
  });
  if (const refunded_order newer = refunds_of(recorded_, order_hash); newer.newest)
    add_later(sum, newer);
  return sum;
}

points_t draft::undone(seq_t redemption) const {
  return undone_of(recorded_, redemption) + spilled_points(spilled_kind::undone, hash_of(redemption));
}

void draft::mark_tier(const ruleset& rules) {
  entry* last = nullptr;
  for (std::size_t i = out_.due_count; i < out_.entries.size(); ++i)
    if (out_.entries[i].account == account_)
      last = &out_.entries[i];
  TALLY_ASSERT(last != nullptr);
  const points_t before = recorded_.status == account_status::none ? points_t{} : tier_points(recorded_, rules, now());
  last->tier = tier_reached(*rules.tiers, before + tier_points_of_group(rules));
  last->tier_changed = last->tier != tier_reached(*rules.tiers, before);
}

void draft::answer() {
  TALLY_ASSERT(out_.entries.size() > out_.due_count, out_.entries.size(), out_.due_count);
  mark_tier();
  outcome_of(std::span<const entry>(out_.entries).subspan(out_.due_count), out_.outcome);
}

void draft::reject(outcome_code code) {
  TALLY_ASSERT(code >= outcome_code::unknown_account, static_cast<int>(code));
  out_.outcome.status = outcome_status::rejected;
  out_.outcome.code = code;
}

void draft::skip(outcome_code code) {
  TALLY_ASSERT(code < outcome_code::unknown_account, static_cast<int>(code));
  out_.outcome.status = outcome_status::skipped;
  out_.outcome.code = code;
}

void draft::invalid(std::string_view what, std::string_view where) {
  out_.outcome.status = outcome_status::invalid;
  out_.outcome.what = what;
  out_.outcome.where = where;
}

void draft::unavailable(std::string_view what) {
  out_.outcome.status = outcome_status::unavailable;
  out_.outcome.what = what;
}

std::span<const entry> draft::read_group(seq_t first) {
  TALLY_ASSERT(context_.read_group != nullptr && *context_.read_group, first.value);
  const std::span<const entry> group = (*context_.read_group)(first);
  if (group.empty()) {
    unavailable("the journal's entries of the reference cannot be read");
    return group;
  }
  TALLY_ASSERT(group.front().seq == first && group.front().group == first, group.front().seq.value, first.value);
  return group;
}

void draft::answer_duplicate(std::span<const entry> group, op kind) {
  outcome_of(group, out_.outcome);
  outcome& answer = out_.outcome;
  answer.first = answer.status;
  answer.status = outcome_status::duplicate;
  if (answer.kind != kind) { // reactivating an account that was never suspended: its enrolment made it active
    TALLY_ASSERT(kind == op::reactivate && answer.kind == op::enroll, static_cast<int>(kind), static_cast<int>(answer.kind));
    answer.kind = kind;
    answer.points = {};
    answer.state = outcome::active;
  }
}

void draft::answer_rejected_before(const review_record& review) {
  outcome& answer = out_.outcome;
  answer.status = outcome_status::duplicate;
  answer.first = outcome_status::ok;
  answer.seq = review.decided;
  answer.review = review.review;
}

draft::day_use draft::used_today() const {
  if (recorded_.day != day_number(now()))
    return {};
  return {recorded_.earned_that_day, recorded_.redeemed_that_day, recorded_.redemptions_that_day};
}

points_t draft::expired(seq_t lot) const {
  return expired_of(recorded_, lot) + spilled_points(spilled_kind::expired, hash_of(lot)) +
         (state_ == &recorded_ ? points_t{} : expired_of(*state_, lot));
}

void draft::have_lots(const std::function<bool(const lot_piece&)>& wanted) {
  std::vector<spilled_lots> found;
  for (const lot_piece& each : lot_pieces(*state_))
    if (wanted(each)) {
      TALLY_ASSERT(context_.read_lots != nullptr, each.number);
      found.push_back({each, (*context_.read_lots)(recorded_, each)});
    }
  if (found.empty())
    return;
  if (state_ == &recorded_) {
    copy_balances(recorded_, working_);
    state_ = &working_;
  }
  const bool are_its = take_back_lots(working_, found);
  TALLY_ASSERT(are_its, recorded_.last_seq.value);
}

// As much as is wanted must lie in lots that are spent before the first one on disk.
void draft::have_lots_to_spend(points_t wanted, seq_t except) {
  for (auto pieces = lot_pieces(*state_); !pieces.empty(); pieces = lot_pieces(*state_)) {
    const spending_key first = spending_key_of(pieces.front());
    points_t covered;
    for (const lot* each = state_->lots.begin(); each != state_->lots.end() && covered < wanted; ++each)
      if (each->id != except && spending_key_of(*each) < first)
        covered += each->available;
    if (covered >= wanted)
      return;
    std::size_t count = 0;
    for (; count < pieces.size() && covered < wanted; ++count)
      covered += pieces[count].available;
    have_lots([last = spending_key_of(pieces[count - 1])](const lot_piece& each) { return spending_key_of(each) <= last; });
  }
}

points_t draft::spend(entry& drafted, points_t wanted, seq_t except) {
  if (state_->has_spilled_lots) [[unlikely]]
    have_lots_to_spend(wanted, except);
  const auto& lots = state_->lots;
  if (state_->lots_in_spending_order) {
    for (const lot* each = lots.begin(); each != lots.end() && wanted > points_t{}; ++each)
      if (each->available > points_t{} && each->id != except)
        wanted = spend_from(drafted, *each, wanted);
    return wanted;
  }
  auto& order = out_.spending_order;
  order.clear();
  for (std::uint32_t i = 0; i < lots.size(); ++i)
    if (lots[i].available > points_t{} && lots[i].id != except)
      order.push_back(i);
  // a heap, of which few are taken as a rule: sorting all is ten times as much
  const auto spent_after = [&](std::uint32_t a, std::uint32_t b) { return spending_key_of(lots[b]) < spending_key_of(lots[a]); };
  std::make_heap(order.begin(), order.end(), spent_after);
  for (auto end = order.end(); end != order.begin() && wanted > points_t{}; --end) {
    std::pop_heap(order.begin(), end, spent_after);
    wanted = spend_from(drafted, lots[end[-1]], wanted);
  }
  return wanted;
}

void draft::make_available(entry& drafted, seq_t lot, points_t points, instant available_at, instant expires_at) const {
  TALLY_ASSERT(points >= points_t{}, points.value);
  const points_t paid = std::min(state_->debt, points);
  drafted.debt = -paid;
  if (points > paid)
    drafted.lots.push_back({lot, points - paid, {}, {}, available_at, expires_at});
}

void pay_debt(const account_state& state, entry& drafted) {
  const auto expiry = [](const lot_change& each) { return each.expires_at.us == 0 ? instant::end_of_time() : each.expires_at; };
  points_t incoming;
  for (const lot_change& each : drafted.lots)
    incoming += each.available;
  points_t left = std::min(state.debt, incoming);
  drafted.debt = -left;
  while (left > points_t{}) {
    lot_change* soonest = nullptr;
    for (lot_change& each : drafted.lots)
      if (each.available > points_t{} &&
          (soonest == nullptr || expiry(each) < expiry(*soonest) || (expiry(each) == expiry(*soonest) && each.lot < soonest->lot)))
        soonest = &each;
    TALLY_ASSERT(soonest != nullptr, left.value, incoming.value);
    const points_t paid = std::min(left, soonest->available);
    soonest->available -= paid;
    left -= paid;
    if (soonest->available == points_t{} && soonest->reserved == points_t{})
      drafted.lots.erase(soonest);
  }
}

void give_back(const account_state& state, entry& drafted, std::span<const lot_share> shares) {
  for (const lot_share& each : shares)
    drafted.lots.push_back({each.lot, each.points, {}, -each.points, each.available_at, each.expires_at});
  pay_debt(state, drafted);
}

due_event next_due_event(const account_state& state, instant now) {
  const auto rank = [](entry_kind kind) { return kind == entry_kind::release ? 0 : kind == entry_kind::void_ ? 1 : 2; };
  due_event first;
  // by id, so an earlier one of a kind wins a tie
  const auto consider = [&](const due_event& each) {
    if (each.at <= now &&
        (first.kind == entry_kind::none || each.at < first.at || (each.at == first.at && rank(each.kind) < rank(first.kind))))
      first = each;
  };
  visit_due_first(state, state.pending, [&](const lot& each) {
    const instant due = each.due();
    const bool releases = each.pending > points_t{} && each.available_at == due;
    consider({releases ? entry_kind::release : entry_kind::expire, due, &each, nullptr});
  });
  if (state.rare)
    for (const reservation& each : state.rare->reservations)
      consider({entry_kind::void_, each.until, nullptr, &each});
  return first;
}

void settle_event(const account_state& state, const due_event& event, entry& drafted) {
  drafted.due = event.at;
  if (event.kind == entry_kind::void_) {
    drafted.reserved_by = event.reservation->seq;
    drafted.version = event.reservation->version;
    give_back(state, drafted, event.reservation->shares);
    complete_entry(state, drafted, side::reserved, side::member);
    return;
  }
  const lot& lot = *event.lot;
  lot_change change = change_of(lot);
  if (event.kind == entry_kind::release) {
    const points_t paid = std::min(state.debt, lot.pending);
    drafted.debt = -paid;
    change.pending = -lot.pending;
    change.available = lot.pending - paid;
    drafted.lots.push_back(change);
    complete_entry(state, drafted, side::pending, side::member);
    return;
  }
  TALLY_ASSERT(event.kind == entry_kind::expire && lot.expires_at == event.at, lot.expires_at.us, event.at.us, lot.id.value);
  TALLY_ASSERT(lot.pending == points_t{} || lot.available == points_t{}, lot.pending.value, lot.available.value, lot.id.value);
  change.pending = -lot.pending;
  change.available = -lot.available;
  drafted.lots.push_back(change);
  complete_entry(state, drafted, lot.pending > points_t{} ? side::pending : side::member, side::expiry);
}

void complete_entry(const account_state& state, entry& drafted, side from, side to) {
  points_t available, pending, reserved;
  for (const lot_change& each : drafted.lots) {
    available += each.available;
    pending += each.pending;
    reserved += each.reserved;
  }
  drafted.points = available - drafted.debt;
  drafted.pending = pending;
  drafted.reserved = reserved;
  drafted.available_after = state.available + drafted.points;
  drafted.pending_after = state.pending + pending;
  drafted.reserved_after = state.reserved + reserved;
  drafted.lifetime_after = state.lifetime + drafted.lifetime;
  if (drafted.points != points_t{} || pending != points_t{} || reserved != points_t{}) {
    drafted.from = from;
    drafted.to = to;
  }
}

instant days_after(instant from, std::int64_t days) {
  constexpr instant last{253'402'300'799'999'999}; // 9999-12-31T23:59:59.999999Z
  const int128 us = int128{from.us} + int128{days} * us_per_day;
  return us > last.us ? std::max(from, last) : from.plus_days(days);
}

} // namespace tally
