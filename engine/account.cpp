#include "engine/account.hpp"

#include "engine/account_rare.hpp"

#include <algorithm>

namespace tally {

namespace {

account_rare& rare_of(account_state& state) {
  if (!state.rare)
    state.rare = std::make_unique<account_rare>();
  return *state.rare;
}

lot* lower_lot(account_state& state, seq_t id) {
  if (state.lots.empty() || state.lots.back().id < id)
    return state.lots.end(); // a new lot, nearly always
  return std::lower_bound(state.lots.begin(), state.lots.end(), id, [](const lot& a, seq_t b) { return a.id < b; });
}

// Keeps track of whether the lots lie in the order in which they are spent, so that spending need not sort them.
lot* insert_lot(account_state& state, lot* before, const lot& fresh) {
  const auto expiry = [](const lot& each) { return each.expires_at.us == 0 ? instant::end_of_time() : each.expires_at; };
  if ((before != state.lots.begin() && expiry(fresh) < expiry(before[-1])) ||
      (before != state.lots.end() && expiry(*before) < expiry(fresh)))
    state.lots_in_spending_order = false;
  return state.lots.insert(before, fresh);
}

instant earliest_due(const account_state& state) {
  instant earliest = instant::end_of_time();
  for (const lot& each : state.lots)
    earliest = std::min(earliest, each.due());
  return earliest;
}

struct lot_sums {
  points_t available, pending, reserved;
};

lot_sums apply_lots(account_state& state, const entry& entry) {
  lot_sums sums;
  bool later_due = false; // whether the lot that was due first no longer is
  for (const lot_change& change : entry.lots) {
    lot* place = lower_lot(state, change.lot);
    if (place == state.lots.end() || place->id != change.lot)
      place = insert_lot(state, place, lot{change.lot, {}, {}, {}, change.available_at, change.expires_at});
    TALLY_ASSERT(place->expires_at == change.expires_at, place->expires_at.us, change.expires_at.us, change.lot.value);
    const instant due_before = place->due();
    place->available += change.available;
    place->pending += change.pending;
    place->reserved += change.reserved;
    TALLY_ASSERT(place->available >= points_t{}, change.lot.value, place->available.value, entry.seq.value);
    TALLY_ASSERT(place->pending >= points_t{}, change.lot.value, place->pending.value, entry.seq.value);
    TALLY_ASSERT(place->reserved >= points_t{}, change.lot.value, place->reserved.value, entry.seq.value);
    later_due = later_due || (due_before == state.next_due && place->due() > due_before);
    state.next_due = std::min(state.next_due, place->due());
    if (place->empty())
      state.lots.erase(place);
    state.lots_in_spending_order = state.lots_in_spending_order || state.lots.size() < 2;
    sums.available += change.available;
    sums.pending += change.pending;
    sums.reserved += change.reserved;
  }
  if (later_due)
    state.next_due = earliest_due(state);
  return sums;
}

void apply_balances(account_state& state, const entry& entry, const lot_sums& sums) {
  TALLY_ASSERT(entry.points == sums.available - entry.debt, entry.points.value, sums.available.value, entry.debt.value);
  TALLY_ASSERT(entry.pending == sums.pending, entry.pending.value, sums.pending.value, entry.seq.value);
  TALLY_ASSERT(entry.reserved == sums.reserved, entry.reserved.value, sums.reserved.value, entry.seq.value);
  TALLY_ASSERT(entry.lifetime >= points_t{}, entry.lifetime.value, entry.seq.value);
  state.available += entry.points;
  state.pending += entry.pending;
  state.reserved += entry.reserved;
  state.debt += entry.debt;
  state.lifetime += entry.lifetime;
  TALLY_ASSERT(state.available == entry.available_after, state.available.value, entry.available_after.value, entry.seq.value);
  TALLY_ASSERT(state.pending == entry.pending_after, state.pending.value, entry.pending_after.value, entry.seq.value);
  TALLY_ASSERT(state.reserved == entry.reserved_after, state.reserved.value, entry.reserved_after.value, entry.seq.value);
  TALLY_ASSERT(state.lifetime == entry.lifetime_after, state.lifetime.value, entry.lifetime_after.value, entry.seq.value);
  TALLY_ASSERT(state.pending >= points_t{} && state.reserved >= points_t{}, state.pending.value, state.reserved.value);
  // debt only while the lots have nothing available
  TALLY_ASSERT(state.debt >= points_t{}, state.debt.value, entry.seq.value);
  TALLY_ASSERT(state.debt == points_t{} || state.available == -state.debt, state.debt.value, state.available.value, entry.seq.value);
}

// Remembers the entry's group under its reference; false if an earlier entry of the group has done so.
bool remember(account_state& state, op kind, std::string_view reference, const entry& entry) {
  const reference_record record = make_reference(hash64(reference), kind, entry.group);
  if (!state.references.empty() && state.references.back().seq_and_op == record.seq_and_op)
    return false;
  TALLY_ASSERT(state.references.empty() || seq_of(state.references.back()) < entry.group, entry.group.value);
  state.references.push_back(record);
  if (state.references.size() > reference_index::scanned_max)
    rare_of(state).by_reference.added(state.references);
  return true;
}

void remember_order(account_state& state, const entry& entry) {
  TALLY_ASSERT(state.orders.empty() || state.orders.back().seq < entry.seq, entry.seq.value);
  state.orders.push_back({hash64(entry.order), entry.seq, entry.points + entry.pending, entry.total.value_or(money_t{})});
  if (state.orders.size() > reference_index::scanned_max)
    rare_of(state).by_order.added(state.orders);
}

void remember_refund(account_state& state, const entry& entry) {
  const bool first_of_group = remember(state, op::reverse, entry.refund, entry);
  const std::uint64_t hash = hash64(entry.order);
  auto& refunds = rare_of(state).refunds;
  auto* order = std::find_if(refunds.begin(), refunds.end(), [&](const refunded_order& each) { return each.hash == hash; });
  if (order == refunds.end())
    order = refunds.insert(order, refunded_order{hash, {}, {}, {}, {}, false});
  order->refunded = entry.refunded;
  if (first_of_group && entry.restore && entry.amount)
    order->restoring.units += entry.amount->units;
  const points_t taken = entry.expired_counted - entry.points - entry.pending;
  TALLY_ASSERT(taken >= points_t{} && entry.expired_counted >= points_t{}, taken.value, entry.expired_counted.value, entry.seq.value);
  order->taken += taken;
  order->expired_counted += entry.expired_counted;
  order->cancelled = order->cancelled || entry.cancel;
}

void remember_restored(account_state& state, const entry& entry) {
  points_t total;
  for (const undone_share& share : entry.undone) {
    TALLY_ASSERT(share.redemption < entry.seq && share.points > points_t{}, share.redemption.value, share.points.value, entry.seq.value);
    auto& undone = rare_of(state).undone;
    auto* known = std::find_if(undone.begin(), undone.end(), [&](const undone_share& each) { return each.redemption == share.redemption; });
    if (known == undone.end())
      known = undone.insert(known, undone_share{share.redemption, {}});
    known->points += share.points;
    total += share.points;
  }
  TALLY_ASSERT(total == entry.points, total.value, entry.points.value, entry.seq.value);
}

void remember_expired(account_state& state, const entry& entry) {
  TALLY_ASSERT(entry.lots.size() == 1, entry.lots.size(), entry.seq.value);
  const lot_change& change = entry.lots.front();
  TALLY_ASSERT(change.expires_at.us != 0 && change.expires_at <= entry.at, change.expires_at.us, entry.at.us, entry.seq.value);
  auto& expired = rare_of(state).expired;
  auto* known = std::find_if(expired.begin(), expired.end(), [&](const expired_lot& each) { return each.lot == change.lot; });
  if (known == expired.end())
    known = expired.insert(known, expired_lot{change.lot, {}});
  known->points -= change.available + change.pending;
}

void change_status(account_state& state, account_status status, const entry& entry) {
  state.status = status;
  rare_of(state).status_seq = entry.group;
}

void open_account(account_state& state, const entry& entry) {
  TALLY_ASSERT(!state.last_seq && state.lots.empty(), state.last_seq.value, entry.seq.value);
  state.status = account_status::active;
  state.merchant = entry.merchant;
  state.enrolled_seq = entry.seq;
}

// What the kind of an entry leaves behind besides balances.
void apply_kind(account_state& state, const entry& entry) {
  switch (entry.kind) {
  case entry_kind::enroll:
    break; // opened before
  case entry_kind::earn:
    remember_order(state, entry);
    break;
  case entry_kind::redeem:
    remember(state, op::redeem, entry.order, entry);
    break;
  case entry_kind::reverse:
    remember_refund(state, entry);
    break;
  case entry_kind::restore:
    remember_restored(state, entry);
    break;
  case entry_kind::adjust:
    remember(state, op::adjust, entry.adjustment, entry);
    break;
  case entry_kind::release:
    break;
  case entry_kind::expire:
    remember_expired(state, entry);
    break;
  case entry_kind::suspend:
    change_status(state, account_status::suspended, entry);
    break;
  case entry_kind::reactivate:
    change_status(state, account_status::active, entry);
    break;
  case entry_kind::close:
    change_status(state, account_status::closed, entry);
    break;
  default:
    TALLY_ASSERT(false && "an entry kind that acts on accounts", static_cast<int>(entry.kind), entry.seq.value);
  }
}

class byte_writer {
public:
  explicit byte_writer(std::string& out) : out_(out) {}

  void number(std::uint64_t value) {
    for (int i = 0; i < 8; ++i)
      out_.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  }
  void number(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }
  template <class... Values>
  void all(Values... values) {
    (number(static_cast<std::uint64_t>(values)), ...);
  }

private:
  std::string& out_;
};

} // namespace

account_state::account_state() = default;
account_state::account_state(account_state&&) noexcept = default;
account_state& account_state::operator=(account_state&&) noexcept = default;
account_state::~account_state() = default;

account_state::account_state(const account_state& other) : account_state() { *this = other; }

account_state& account_state::operator=(const account_state& other) {
  if (this == &other)
    return *this;
  copy_balances(other, *this);
  orders = other.orders;
  references = other.references;
  rare = other.rare ? std::make_unique<account_rare>(*other.rare) : nullptr;
  return *this;
}

std::size_t account_state::heap_bytes() const {
  std::size_t bytes = lots.heap_bytes() + orders.heap_bytes() + references.heap_bytes();
  if (rare)
    bytes += sizeof(account_rare) + rare->refunds.heap_bytes() + rare->undone.heap_bytes() + rare->expired.heap_bytes() +
             rare->by_order.heap_bytes() + rare->by_reference.heap_bytes();
  return bytes;
}

instant lot::due() const {
  const instant expiry = expires_at.us == 0 ? instant::end_of_time() : expires_at;
  if (pending > points_t{})
    return std::min(available_at, expiry);
  return available > points_t{} ? expiry : instant::end_of_time(); // what is reserved does not expire
}

void apply(account_state& state, const entry& entry) {
  TALLY_ASSERT(entry.prev_seq == state.last_seq, entry.prev_seq.value, state.last_seq.value, entry.seq.value);
  TALLY_ASSERT(entry.seq > state.last_seq, entry.seq.value, state.last_seq.value);
  TALLY_ASSERT(entry.group && entry.group <= entry.seq, entry.group.value, entry.seq.value);
  TALLY_ASSERT((state.status == account_status::none) == (entry.kind == entry_kind::enroll), entry.seq.value);
  TALLY_ASSERT(state.status != account_status::closed || entry.kind == entry_kind::close, entry.seq.value, static_cast<int>(entry.kind));
  if (entry.kind == entry_kind::enroll)
    open_account(state, entry);
  TALLY_ASSERT(entry.merchant == state.merchant, entry.merchant, state.merchant, entry.seq.value);
  const lot_sums sums = apply_lots(state, entry);
  apply_balances(state, entry, sums);
  apply_kind(state, entry);
  state.last_seq = entry.seq;
  ++state.entry_count;
}

std::string fingerprint(const account_state& state) {
  std::string bytes;
  byte_writer out(bytes);
  out.all(state.status, state.entry_count, state.merchant, state.next_due.us, state.available.value, state.pending.value,
          state.reserved.value, state.debt.value, state.lifetime.value, state.last_seq.value, state.enrolled_seq.value);
  out.number(std::uint64_t{state.lots.size()});
  for (const lot& each : state.lots)
    out.all(each.id.value, each.available.value, each.pending.value, each.reserved.value, each.available_at.us, each.expires_at.us);
  out.number(std::uint64_t{state.orders.size()});
  for (const order_record& each : state.orders)
    out.all(each.hash, each.seq.value, each.earned.value, each.total.units);
  out.number(std::uint64_t{state.references.size()});
  for (const reference_record& each : state.references)
    out.all(each.hash, each.seq_and_op);
  const account_rare none{};
  const account_rare& rare = state.rare ? *state.rare : none;
  out.number(rare.status_seq.value);
  out.number(std::uint64_t{rare.refunds.size()});
  for (const refunded_order& each : rare.refunds)
    out.all(each.hash, each.refunded.units, each.restoring.units, each.taken.value, each.expired_counted.value, each.cancelled);
  out.number(std::uint64_t{rare.undone.size()});
  for (const undone_share& each : rare.undone)
    out.all(each.redemption.value, each.points.value);
  out.number(std::uint64_t{rare.expired.size()});
  for (const expired_lot& each : rare.expired)
    out.all(each.lot.value, each.points.value);
  return bytes;
}

const lot* find_lot(const account_state& state, seq_t id) {
  const lot* place = std::lower_bound(state.lots.begin(), state.lots.end(), id, [](const lot& a, seq_t b) { return a.id < b; });
  return place != state.lots.end() && place->id == id ? place : nullptr;
}

refunded_order refunds_of(const account_state& state, std::uint64_t order_hash) {
  if (state.rare)
    for (const refunded_order& each : state.rare->refunds)
      if (each.hash == order_hash)
        return each;
  return {order_hash, {}, {}, {}, {}, false};
}

points_t undone_of(const account_state& state, seq_t redemption) {
  if (state.rare)
    for (const undone_share& each : state.rare->undone)
      if (each.redemption == redemption)
        return each.points;
  return {};
}

points_t expired_of(const account_state& state, seq_t lot) {
  if (state.rare)
    for (const expired_lot& each : state.rare->expired)
      if (each.lot == lot)
        return each.points;
  return {};
}

seq_t status_seq_of(const account_state& state) {
  return state.rare && state.rare->status_seq ? state.rare->status_seq : state.enrolled_seq;
}

void copy_balances(const account_state& from, account_state& to) {
  TALLY_ASSERT(&from != &to);
  to.status = from.status;
  to.lots_in_spending_order = from.lots_in_spending_order;
  to.entry_count = from.entry_count;
  to.merchant = from.merchant;
  to.next_due = from.next_due;
  to.available = from.available;
  to.pending = from.pending;
  to.reserved = from.reserved;
  to.debt = from.debt;
  to.lifetime = from.lifetime;
  to.last_seq = from.last_seq;
  to.enrolled_seq = from.enrolled_seq;
  to.lots = from.lots;
  to.orders.clear();
  to.references.clear();
  to.rare.reset();
}

} // namespace tally
