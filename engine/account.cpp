#include "engine/account.hpp"

#include "engine/account_rare.hpp"
#include "engine/account_spill.hpp"

#include <algorithm>
#include <limits>

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
  if (state.lots.front().id >= id)
    return state.lots.begin(); // what is spent, as a rule; a search would touch those in the middle
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

// `pending`: what the lots have of it, all together.
instant earliest_due(const account_state& state, points_t pending) {
  instant earliest = instant::end_of_time();
  visit_due_first(state, pending, [&](const lot& each) { earliest = std::min(earliest, each.due()); });
  if (state.rare)
    for (const reservation& each : state.rare->reservations)
      earliest = std::min(earliest, each.until);
  return std::min(earliest, first_expiry_of_pieces(state));
}

// ---- orders in 32 bytes ----

constexpr std::uint64_t wide_mark = (1ull << 40) - 1; // in the place of `earned`
constexpr std::int64_t dated_offset = 1ll << 55;      // so that times before 1970 are positive, too

template <unsigned Bits>
bool fits_bits(std::int64_t value) {
  return value >= 0 && value < (1ll << Bits);
}

bool is_narrow(const order_facts& facts) {
  return facts.seq.value < 1ull << 48 && fits_bits<40>(facts.earned.value) && static_cast<std::uint64_t>(facts.earned.value) != wide_mark &&
         fits_bits<48>(facts.total.units) && facts.dated.us >= -dated_offset && facts.dated.us < dated_offset;
}

std::array<std::uint64_t, 3> packed(const order_facts& facts) {
  const auto earned = static_cast<std::uint64_t>(facts.earned.value);
  const auto total = static_cast<std::uint64_t>(facts.total.units);
  const auto dated = static_cast<std::uint64_t>(facts.dated.us + dated_offset);
  return {facts.seq.value << 16 | total >> 32, total << 32 | dated >> 24, dated << 40 | earned};
}

order_facts unpacked(const std::array<std::uint64_t, 3>& bits) {
  const std::uint64_t total = (bits[0] & 0xffff) << 32 | bits[1] >> 32;
  const std::uint64_t dated = (bits[1] & 0xffff'ffff) << 24 | bits[2] >> 40;
  return {{bits[0] >> 16},
          {static_cast<std::int64_t>(bits[2] & wide_mark)},
          {static_cast<std::int64_t>(total)},
          {static_cast<std::int64_t>(dated) - dated_offset}};
}

struct lot_sums {
  points_t available, pending, reserved;
};

lot_sums apply_lots(account_state& state, const entry& entry) {
  lot_sums sums;
  bool later_due = false; // whether the lot that was due first no longer is
  for (const lot_change& change : entry.lots) {
    lot* place = lower_lot(state, change.lot);
    if (place == state.lots.end() || place->id != change.lot) {
      TALLY_ASSERT(change.lot == entry.seq || !may_be_spilled(state, change.lot), change.lot.value, entry.seq.value);
      place = insert_lot(state, place, lot{change.lot, {}, {}, {}, change.available_at, change.expires_at});
    }
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
    state.next_due = earliest_due(state, state.pending + sums.pending);
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

template <class List>
using record_in = std::remove_reference_t<decltype(std::declval<List&>().front())>;

template <class List>
void add(List& list, reference_index& index, const record_in<List>& fresh) {
  list.push_back(fresh);
  index.added(list);
}

// The record of the same hash, which `fresh` is if there was none.
template <class List>
record_in<List>& find_or_add(List& list, reference_index& index, const record_in<List>& fresh) {
  const std::size_t place = index.position_of(list, hash_of(fresh));
  if (place == list.size())
    add(list, index, fresh);
  return list[place];
}

// The record of that hash, or one with nothing in it.
template <class List>
record_in<List> find_or_none(const List& list, const reference_index& index, std::uint64_t hash) {
  const std::size_t place = index.position_of(list, hash);
  return place == list.size() ? record_in<List>{} : list[place];
}

// Remembers the entry's group under its reference, once.
void remember(account_state& state, op kind, std::string_view reference, const entry& entry) {
  const reference_record record = make_reference(hash64(reference), kind, entry.group);
  if (!state.references.empty() && state.references.back().seq_and_op == record.seq_and_op)
    return;
  TALLY_ASSERT(state.references.empty() || seq_of(state.references.back()) < entry.group, entry.group.value);
  state.references.push_back(record);
  if (state.references.size() > reference_index::scanned_max)
    rare_of(state).by_reference.added(state.references);
}

void remember_order(account_state& state, const entry& entry) {
  const order_facts facts{entry.seq, entry.lifetime, entry.total.value_or(money_t{}),
                          entry.occurred_at ? *entry.occurred_at : entry.parked_at.value_or(entry.at)};
  state.orders.push_back(make_order_record(state, hash64(entry.order), facts));
  if (state.orders.size() > reference_index::scanned_max)
    rare_of(state).by_order.added(state.orders);
}

// Whether the entry reverses an earn that was only held: nothing was earned, so nothing is refunded.
bool reverses_held_earn(const account_state& state, const entry& entry) {
  const review_record* review = entry.review ? find_review(state, entry.review) : nullptr;
  return review != nullptr && review->parked == op::earn;
}

void remember_refund(account_state& state, const entry& entry) {
  const bool of_held_earn = reverses_held_earn(state, entry);
  if (!entry.review || of_held_earn) // an approved one is remembered since it was held
    remember(state, op::reverse, entry.refund, entry);
  if (of_held_earn)
    return;
  account_rare& rare = rare_of(state);
  refunded_order* order = &find_or_add(rare.refunds, rare.by_refund, {.hash = hash64(entry.order)});
  order->refunded = entry.refunded;
  if (order->newest != entry.group && entry.restore && entry.amount)
    order->restoring.units += entry.amount->units;
  order->newest = entry.group;
  const points_t taken = entry.expired_counted - entry.points - entry.pending;
  TALLY_ASSERT(taken >= points_t{} && entry.expired_counted >= points_t{}, taken.value, entry.expired_counted.value, entry.seq.value);
  order->taken += taken;
  rare.taken_back += taken;
  order->expired_counted += entry.expired_counted;
  order->cancelled = order->cancelled || entry.cancel;
}

void remember_restored(account_state& state, const entry& entry) {
  points_t total;
  for (const undone_share& share : entry.undone) {
    TALLY_ASSERT(share.redemption < entry.seq && share.points > points_t{}, share.redemption.value, share.points.value, entry.seq.value);
    account_rare& rare = rare_of(state);
    find_or_add(rare.undone, rare.by_undone, {share.redemption, {}}).points += share.points;
    total += share.points;
  }
  TALLY_ASSERT(total == entry.points, total.value, entry.points.value, entry.seq.value);
}

void remember_expired(account_state& state, const entry& entry) {
  TALLY_ASSERT(entry.lots.size() == 1, entry.lots.size(), entry.seq.value);
  const lot_change& change = entry.lots.front();
  TALLY_ASSERT(change.expires_at.us != 0 && change.expires_at <= entry.at, change.expires_at.us, entry.at.us, entry.seq.value);
  account_rare& rare = rare_of(state);
  find_or_add(rare.expired, rare.by_expired, {change.lot, {}}).points -= change.available + change.pending;
}

// ---- what counts by day and by activity ----

void count_on_day(account_state& state, const entry& entry, points_t earned, points_t redeemed) {
  const auto day = static_cast<std::int32_t>(day_number(entry.at));
  if (day != state.day) {
    state.day = day;
    state.earned_that_day = state.redeemed_that_day = {};
    state.redemptions_that_day = 0;
  }
  // a sum that leaves 64 bits is past any limit anyhow
  const auto add = [](points_t& sum, points_t more) {
    if (__builtin_add_overflow(sum.value, more.value, &sum.value))
      sum.value = std::numeric_limits<std::int64_t>::max();
  };
  add(state.earned_that_day, earned);
  add(state.redeemed_that_day, redeemed);
  if (redeemed > points_t{} && state.redemptions_that_day < std::numeric_limits<std::uint16_t>::max())
    ++state.redemptions_that_day;
}

void remember_redemption(account_state& state, const entry& entry) {
  if (entry.kind == entry_kind::authorize) {
    remember(state, op::authorize, entry.reservation, entry);
  } else {
    remember(state, entry.kind == entry_kind::claim ? op::claim : op::redeem, entry.order, entry);
    state.active_at = entry.at;
  }
  count_on_day(state, entry, {}, -entry.points);
}

// ---- reservations ----

void open_reservation(account_state& state, const entry& entry) {
  TALLY_ASSERT(entry.reserved_until && entry.reserved > points_t{}, entry.seq.value, entry.reserved.value);
  reservation opened{entry.seq, *entry.reserved_until, entry.version, std::string(entry.reservation), {}};
  for (const lot_change& change : entry.lots)
    opened.shares.push_back({change.lot, change.reserved, change.available_at, change.expires_at});
  rare_of(state).reservations.push_back(std::move(opened));
  state.next_due = std::min(state.next_due, *entry.reserved_until);
}

// Captures or gives back what the entry says; a reservation of which nothing is left is closed.
void use_reservation(account_state& state, const entry& entry) {
  auto& open = rare_of(state).reservations;
  const auto used = std::find_if(open.begin(), open.end(), [&](const reservation& each) { return each.seq == entry.reserved_by; });
  TALLY_ASSERT(used != open.end(), entry.reserved_by.value, entry.seq.value);
  for (const lot_change& change : entry.lots) {
    if (change.reserved == points_t{})
      continue;
    const auto share =
        std::find_if(used->shares.begin(), used->shares.end(), [&](const lot_share& each) { return each.lot == change.lot; });
    TALLY_ASSERT(share != used->shares.end() && share->points + change.reserved >= points_t{}, change.lot.value, entry.seq.value);
    share->points += change.reserved;
  }
  std::erase_if(used->shares, [](const lot_share& each) { return each.points == points_t{}; });
  if (!used->shares.empty())
    return;
  const bool was_first = used->until == state.next_due;
  open.erase(used);
  if (was_first)
    state.next_due = earliest_due(state, state.pending);
}

void capture(account_state& state, const entry& entry) {
  remember(state, op::capture, entry.reservation, entry);
  state.active_at = entry.at;
  if (!entry.order.empty())
    add(rare_of(state).captured_orders, rare_of(state).by_captured_order, {hash64(entry.order), entry.seq});
  use_reservation(state, entry);
}

void give_back(account_state& state, const entry& entry) {
  const bool was_asked = !entry.due && entry.group == entry.seq; // not what a capture leaves, nor a time-out
  if (was_asked)
    remember(state, op::void_, entry.reservation, entry);
  use_reservation(state, entry);
}

// ---- reviews ----

void open_review_of(account_state& state, const entry& entry) {
  TALLY_ASSERT(entry.review == entry.seq && (entry.parked == op::earn || entry.parked == op::reverse), entry.seq.value);
  remember(state, entry.parked, entry.parked == op::earn ? entry.order : entry.refund, entry);
  rare_of(state).reviews.push_back({entry.seq, {}, hash64(entry.order), entry.parked, false});
  state.has_reviews = true;
}

void decide_review(account_state& state, const entry& entry) {
  auto& reviews = rare_of(state).reviews;
  auto* found = std::find_if(reviews.begin(), reviews.end(), [&](const review_record& each) { return each.review == entry.review; });
  TALLY_ASSERT(found != reviews.end() && !found->decided, entry.review.value, entry.seq.value);
  found->decided = entry.seq;
  found->approved = entry.kind == entry_kind::review_approve;
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
  state.enrolled_at = state.active_at = entry.at;
}

// What the kind of an entry leaves behind besides balances.
void apply_kind(account_state& state, const entry& entry) {
  switch (entry.kind) {
  case entry_kind::enroll:
    break; // opened before
  case entry_kind::earn:
    remember_order(state, entry);
    state.active_at = entry.at;
    count_on_day(state, entry, entry.lifetime, {});
    break;
  case entry_kind::redeem:
  case entry_kind::claim:
    remember_redemption(state, entry);
    break;
  case entry_kind::authorize:
    remember_redemption(state, entry);
    open_reservation(state, entry);
    break;
  case entry_kind::capture:
    capture(state, entry);
    break;
  case entry_kind::void_:
    give_back(state, entry);
    break;
  case entry_kind::transfer_out:
    remember(state, op::transfer, entry.transfer, entry);
    break;
  case entry_kind::transfer_in:
    break; // the sender remembers it
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
  case entry_kind::review_hold:
    open_review_of(state, entry);
    break;
  case entry_kind::review_approve:
  case entry_kind::review_reject:
    decide_review(state, entry);
    break;
  case entry_kind::erase:
    rare_of(state).erased_seq = entry.group;
    break;
  default:
    TALLY_ASSERT(false && "an entry kind that acts on accounts", static_cast<int>(entry.kind), entry.seq.value);
  }
}

class byte_writer {
public:
  explicit byte_writer(std::string& out) : out_(out) {}

  void number(std::uint64_t value) { out_.append(reinterpret_cast<const char*>(&value), sizeof value); }
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
  note_rare(*this);
  return *this;
}

std::size_t account_state::heap_bytes() const {
  std::size_t bytes = lots.heap_bytes() + orders.heap_bytes() + references.heap_bytes();
  if (rare)
    bytes += sizeof(account_rare) + rare->refunds.heap_bytes() + rare->undone.heap_bytes() + rare->expired.heap_bytes() +
             rare->by_order.heap_bytes() + rare->by_reference.heap_bytes() + rare->by_captured_order.heap_bytes() +
             rare->by_refund.heap_bytes() + rare->by_undone.heap_bytes() + rare->by_expired.heap_bytes() + rare->reviews.heap_bytes() +
             rare->captured_orders.heap_bytes() + rare->wide_orders.capacity() * sizeof(order_facts) +
             rare->reservations.capacity() * sizeof(reservation) + rare->lot_pieces.capacity() * sizeof(lot_piece);
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
  TALLY_ASSERT(state.status != account_status::closed || entry.kind == entry_kind::close || entry.kind == entry_kind::erase,
               entry.seq.value, static_cast<int>(entry.kind));
  if (entry.kind == entry_kind::enroll)
    open_account(state, entry);
  TALLY_ASSERT(entry.merchant == state.merchant, entry.merchant, state.merchant, entry.seq.value);
  const lot_sums sums = apply_lots(state, entry);
  apply_balances(state, entry, sums);
  apply_kind(state, entry);
  state.last_seq = entry.seq;
  ++state.entry_count;
}

void keep_balances(account_state& state) {
  TALLY_ASSERT(!state.has_spilled && !state.has_spilled_lots, static_cast<long long>(state.last_seq.value));
  state.orders.clear();
  state.references.clear();
  if (!state.rare)
    return;
  account_rare& rare = *state.rare;
  std::unique_ptr<account_rare> kept;
  if (!rare.reservations.empty() || !rare.reviews.empty()) {
    kept = std::make_unique<account_rare>();
    kept->reservations = std::move(rare.reservations);
    kept->reviews = std::move(rare.reviews);
  }
  state.rare = std::move(kept);
  note_rare(state);
}

std::string fingerprint(const account_state& state) {
  TALLY_ASSERT(!state.has_spilled && !state.has_spilled_lots,
               static_cast<long long>(state.last_seq.value)); // only the whole of it can be compared
  TALLY_ASSERT(state.has_reviews == (state.rare && !state.rare->reviews.empty()), static_cast<long long>(state.last_seq.value));
  std::string bytes;
  byte_writer out(bytes);
  out.all(state.status, state.entry_count, state.merchant, state.next_due.us, state.available.value, state.pending.value,
          state.reserved.value, state.debt.value, state.lifetime.value, state.last_seq.value, state.enrolled_seq.value,
          state.enrolled_at.us, state.active_at.us, state.day, state.earned_that_day.value, state.redeemed_that_day.value,
          state.redemptions_that_day);
  out.number(std::uint64_t{state.lots.size()});
  for (const lot& each : state.lots)
    out.all(each.id.value, each.available.value, each.pending.value, each.reserved.value, each.available_at.us, each.expires_at.us);
  out.number(std::uint64_t{state.orders.size()});
  for (const order_record& each : state.orders) {
    const order_facts facts = facts_of(state, each);
    out.all(each.hash, facts.seq.value, facts.earned.value, facts.total.units, facts.dated.us);
  }
  out.number(std::uint64_t{state.references.size()});
  for (const reference_record& each : state.references)
    out.all(each.hash, each.seq_and_op);
  const account_rare none{};
  const account_rare& rare = state.rare ? *state.rare : none;
  out.all(rare.status_seq.value, rare.erased_seq.value, rare.taken_back.value);
  out.number(std::uint64_t{rare.reservations.size()});
  for (const reservation& each : rare.reservations) {
    out.all(each.seq.value, each.until.us, each.version, hash64(each.name), each.shares.size());
    for (const lot_share& share : each.shares)
      out.all(share.lot.value, share.points.value, share.available_at.us, share.expires_at.us);
  }
  out.number(std::uint64_t{rare.reviews.size()});
  for (const review_record& each : rare.reviews)
    out.all(each.review.value, each.decided.value, each.order_hash, each.parked, each.approved);
  out.number(std::uint64_t{rare.captured_orders.size()});
  for (const captured_order& each : rare.captured_orders)
    out.all(each.hash, each.seq.value);
  out.number(std::uint64_t{rare.refunds.size()});
  for (const refunded_order& each : rare.refunds)
    out.all(each.hash, each.refunded.units, each.restoring.units, each.taken.value, each.expired_counted.value, each.newest.value,
            each.cancelled);
  out.number(std::uint64_t{rare.undone.size()});
  for (const undone_share& each : rare.undone)
    out.all(each.redemption.value, each.points.value);
  out.number(std::uint64_t{rare.expired.size()});
  for (const expired_lot& each : rare.expired)
    out.all(each.lot.value, each.points.value);
  return bytes;
}

std::vector<open_review> open_reviews(const account_state& state) {
  std::vector<open_review> open;
  if (state.has_reviews)
    for (const review_record& each : state.rare->reviews)
      if (!each.decided)
        open.push_back({each.review, each.parked});
  return open;
}

bool knows_review(const account_state& state, seq_t review) { return find_review(state, review) != nullptr; }

void note_rare(account_state& state) {
  state.has_reviews = state.rare && !state.rare->reviews.empty();
  state.has_spilled = state.has_spilled_lots = false;
  if (!state.rare)
    return;
  const spilled_sums& spilled = state.rare->spilled;
  state.has_spilled = spilled.orders + spilled.references + spilled.refunds.size() + spilled.undone.size() + spilled.expired.size() +
                          spilled.captured.size() !=
                      0;
  state.has_spilled_lots = !state.rare->lot_pieces.empty();
}

order_facts facts_of(const account_state& state, const order_record& record) {
  const bool is_wide = (record.bits[2] & wide_mark) == wide_mark;
  return is_wide ? state.rare->wide_orders[record.bits[0]] : unpacked(record.bits);
}

order_record make_order_record(account_state& state, std::uint64_t hash, const order_facts& facts) {
  if (is_narrow(facts))
    return {hash, packed(facts)};
  auto& wide = rare_of(state).wide_orders;
  wide.push_back(facts);
  return {hash, {wide.size() - 1, 0, wide_mark}};
}

const reservation* find_reservation(const account_state& state, seq_t authorised) {
  if (state.rare)
    for (const reservation& each : state.rare->reservations)
      if (each.seq == authorised)
        return &each;
  return nullptr;
}

const review_record* find_review(const account_state& state, seq_t review) {
  if (state.has_reviews)
    for (const review_record& each : state.rare->reviews)
      if (each.review == review)
        return &each;
  return nullptr;
}

const lot* find_lot(const account_state& state, seq_t id) {
  const lot* place = std::lower_bound(state.lots.begin(), state.lots.end(), id, [](const lot& a, seq_t b) { return a.id < b; });
  return place != state.lots.end() && place->id == id ? place : nullptr;
}

refunded_order refunds_of(const account_state& state, std::uint64_t order_hash) {
  return state.rare ? find_or_none(state.rare->refunds, state.rare->by_refund, order_hash) : refunded_order{};
}

points_t undone_of(const account_state& state, seq_t redemption) {
  return state.rare ? find_or_none(state.rare->undone, state.rare->by_undone, hash_of(redemption)).points : points_t{};
}

points_t expired_of(const account_state& state, seq_t lot) {
  return state.rare ? find_or_none(state.rare->expired, state.rare->by_expired, hash_of(lot)).points : points_t{};
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
  to.enrolled_at = from.enrolled_at;
  to.active_at = from.active_at;
  to.day = from.day;
  to.earned_that_day = from.earned_that_day;
  to.redeemed_that_day = from.redeemed_that_day;
  to.redemptions_that_day = from.redemptions_that_day;
  if (from.rare && (!from.rare->reservations.empty() || !from.rare->reviews.empty() || from.has_spilled_lots)) {
    account_rare& rare = rare_of(to);
    rare.reservations = from.rare->reservations;
    rare.reviews = from.rare->reviews;
    rare.lot_pieces = from.rare->lot_pieces;
  }
  note_rare(to);
}

} // namespace tally
