#include "engine/account_spill.hpp"

#include "engine/account_rare.hpp"

#include <algorithm>
#include <utility>

namespace tally {

namespace {

spilled_record record_of(const account_state& state, const order_record& order) {
  spilled_record record;
  record.hash = order.hash;
  record.facts = facts_of(state, order);
  record.number = record.facts.seq.value;
  return record;
}

spilled_record record_of(const account_state&, const reference_record& reference) {
  spilled_record record;
  record.kind = reference_of(op_of(reference));
  record.hash = reference.hash;
  record.number = seq_of(reference).value;
  return record;
}

// ---- the kinds that are added to: at their places in a list --------------------------------------------------------

spilled_record record_of(const account_state&, const refunded_order& refund) {
  spilled_record record;
  record.kind = spilled_kind::refund;
  record.refund = refund;
  return record;
}

spilled_record record_of(const account_state&, const undone_share& share) {
  spilled_record record;
  record.kind = spilled_kind::undone;
  record.seq = share.redemption;
  record.points = share.points;
  return record;
}

spilled_record record_of(const account_state&, const expired_lot& lot) {
  spilled_record record;
  record.kind = spilled_kind::expired;
  record.seq = lot.lot;
  record.points = lot.points;
  return record;
}

spilled_record record_of(const account_state&, const captured_order& capture) {
  spilled_record record;
  record.kind = spilled_kind::captured;
  record.seq = capture.seq;
  return record;
}

void read_back(const spilled_record& record, refunded_order& refund) { refund = record.refund; }
void read_back(const spilled_record& record, undone_share& share) { share = {record.seq, record.points}; }
void read_back(const spilled_record& record, expired_lot& lot) { lot = {record.seq, record.points}; }
void read_back(const spilled_record& record, captured_order& capture) { capture = {record.hash, record.seq}; }

void add_later(undone_share& sum, const undone_share& later) { sum.points += later.points; }
void add_later(expired_lot& sum, const expired_lot& later) { sum.points += later.points; }

// Calls `visit(kind, what is on disk, list, index)` for each of them.
template <class Rare, class Visitor>
void for_each_list(Rare& rare, Visitor&& visit) {
  visit(spilled_kind::refund, rare.spilled.refunds, rare.refunds, rare.by_refund);
  visit(spilled_kind::undone, rare.spilled.undone, rare.undone, rare.by_undone);
  visit(spilled_kind::expired, rare.spilled.expired, rare.expired, rare.by_expired);
  visit(spilled_kind::captured, rare.spilled.captured, rare.captured_orders, rare.by_captured_order);
}

template <class Record>
spilled_record record_at(const account_state& state, const Record& each, std::uint64_t place) {
  spilled_record record = record_of(state, each);
  record.hash = hash_of(each);
  record.number = place;
  return record;
}

template <class Record>
bool is_kept(const account_state&, const Record&) {
  return false;
}
// The tiers look at an order and its refunds together.
bool is_kept(const account_state& state, const refunded_order& refund) {
  return find_order(state, refund.hash, [](const order_record&) { return true; });
}

template <class Records>
void drop_oldest(Records& records, std::size_t count) {
  Records kept; // small: what was large gives its memory back
  for (std::size_t i = count; i < records.size(); ++i)
    kept.push_back(records[i]);
  records = std::move(kept);
}

template <class Records>
void index_again(const Records& records, reference_index& index) {
  index = {};
  index.added(records);
}

// How many of the list's first are the listed ones of those kinds, as they were. `is_of(kind)`, `now(i)`: the list's as a record.
template <class IsOf, class Now>
std::size_t count_unchanged(std::span<const spilled_record> listed, std::size_t size, const IsOf& is_of, const Now& now) {
  std::size_t count = 0;
  for (const spilled_record& each : listed) {
    if (!is_of(each.kind))
      continue;
    if (count == size || !(now(count) == each))
      break;
    ++count;
  }
  return count;
}

// The records of that kind or those kinds that count, by number.
template <class IsOf>
std::vector<spilled_record> sorted(const account_state& state, std::span<const spilled_record> records, const IsOf& is_of) {
  std::vector<spilled_record> found;
  for (const spilled_record& each : records)
    if (is_of(each.kind) && is_spilled(state, each))
      found.push_back(each);
  std::ranges::sort(found, {}, &spilled_record::number);
  return found;
}

// What is on disk and what is in memory as one list.
template <class List>
void take_back_list(std::span<const spilled_record> records, List& list, reference_index& index) {
  using record_type = std::remove_cvref_t<decltype(list[0])>;
  constexpr bool are_added_up = !std::is_same_v<record_type, captured_order>; // captures of one order stay what they are
  const List newer = std::exchange(list, List());
  index = {};
  const auto add = [&](const auto& record) {
    if constexpr (are_added_up)
      if (const std::size_t place = index.position_of(list, hash_of(record)); place < list.size())
        return add_later(list[place], record);
    list.push_back(record);
    index.added(list);
  };
  for (const spilled_record& each : records) {
    record_type record{};
    read_back(each, record);
    add(record);
  }
  for (const auto& each : newer)
    add(each);
}

} // namespace

void add_later(refunded_order& sum, const refunded_order& later) {
  sum.hash = later.hash;
  sum.refunded = later.refunded;
  sum.restoring.units += later.restoring.units;
  sum.taken += later.taken;
  sum.expired_counted += later.expired_counted;
  sum.newest = later.newest;
  sum.cancelled = sum.cancelled || later.cancelled;
}

void list_spillable(const account_state& state, instant orders_until, std::vector<spilled_record>& out) {
  if (state.orders.size() > spill_above)
    for (std::size_t i = 0; i + spill_kept < state.orders.size(); ++i) {
      const spilled_record record = record_of(state, state.orders[i]);
      if (record.facts.dated > orders_until)
        break;
      out.push_back(record);
    }
  if (state.references.size() > spill_above)
    for (std::size_t i = 0; i + spill_kept < state.references.size(); ++i)
      out.push_back(record_of(state, state.references[i]));
  if (state.rare)
    for_each_list(*state.rare, [&](spilled_kind, const spilled_range& on_disk, const auto& list, const reference_index&) {
      if (list.size() > spill_above)
        for (std::size_t i = 0; i + spill_kept < list.size() && !is_kept(state, list[i]); ++i)
          out.push_back(record_at(state, list[i], on_disk.end + i));
    });
}

void forget_spilled(account_state& state, std::span<const spilled_record> listed) {
  if (!state.rare)
    state.rare = std::make_unique<account_rare>();
  spilled_sums& spilled = state.rare->spilled;
  const auto is_order = [](spilled_kind kind) { return kind == spilled_kind::order; };
  const std::size_t orders =
      count_unchanged(listed, state.orders.size(), is_order, [&](std::size_t i) { return record_of(state, state.orders[i]); });
  for (std::size_t i = 0; i < orders; ++i) {
    const order_facts facts = facts_of(state, state.orders[i]);
    spilled.total_units += facts.total.units;
    spilled.earned += facts.earned;
    spilled.newest_dated = spilled.orders == 0 ? facts.dated : std::max(spilled.newest_dated, facts.dated);
    ++spilled.orders;
  }
  const std::size_t references =
      count_unchanged(listed, state.references.size(), is_reference, [&](std::size_t i) { return record_of(state, state.references[i]); });
  spilled.references += references;
  for_each_list(*state.rare, [&](spilled_kind kind, spilled_range& on_disk, auto& list, reference_index& index) {
    const std::size_t count = count_unchanged(
        listed, list.size(), [kind](spilled_kind each) { return each == kind; },
        [&](std::size_t i) { return record_at(state, list[i], on_disk.end + i); });
    if (count == 0)
      return;
    drop_oldest(list, count);
    on_disk.end += count;
    index_again(list, index);
  });
  note_rare(state);
  drop_oldest(state.orders, orders);
  drop_oldest(state.references, references);
  index_again(state.orders, state.rare->by_order);
  index_again(state.references, state.rare->by_reference);
}

// The newest are in memory, without a gap.
bool is_spilled(const account_state& state, const spilled_record& record) {
  if (!state.has_spilled)
    return false;
  if (record.kind == spilled_kind::order)
    return state.orders.empty() || record.facts.seq < facts_of(state, state.orders.front()).seq;
  if (is_reference(record.kind))
    return state.references.empty() || record.number < seq_of(state.references.front()).value;
  bool counts = false;
  for_each_list(*state.rare, [&](spilled_kind kind, const spilled_range& on_disk, const auto&, const reference_index&) {
    counts = counts || (kind == record.kind && on_disk.begin <= record.number && record.number < on_disk.end);
  });
  return counts;
}

bool has_spilled_orders_after(const account_state& state, instant since) {
  return state.has_spilled && state.rare->spilled.orders != 0 && state.rare->spilled.newest_dated > since;
}

bool take_back_spilled(account_state& state, std::span<const spilled_record> records) {
  if (!state.has_spilled)
    return records.empty();
  account_rare& rare = *state.rare;
  const auto all_orders = sorted(state, records, [](spilled_kind kind) { return kind == spilled_kind::order; });
  const auto all_references = sorted(state, records, is_reference);
  bool is_all = all_orders.size() == rare.spilled.orders && all_references.size() == rare.spilled.references;
  std::vector<std::vector<spilled_record>> lists;
  for_each_list(rare, [&](spilled_kind kind, const spilled_range& on_disk, const auto&, const reference_index&) {
    lists.push_back(sorted(state, records, [kind](spilled_kind each) { return each == kind; }));
    is_all = is_all && lists.back().size() == on_disk.size();
  });
  if (!is_all)
    return false;
  auto next = lists.begin();
  spilled_sums left; // places are never used twice: what is on disk at them stays there
  for_each_list(rare, [&](spilled_kind, spilled_range& on_disk, auto& list, reference_index& index) {
    on_disk.begin = on_disk.end = on_disk.end + list.size();
    if (!next->empty())
      take_back_list(*next, list, index);
    ++next;
  });
  left.refunds = rare.spilled.refunds;
  left.undone = rare.spilled.undone;
  left.expired = rare.spilled.expired;
  left.captured = rare.spilled.captured;
  decltype(state.orders) orders;
  decltype(state.references) references;
  for (const spilled_record& each : all_orders)
    orders.push_back(make_order_record(state, each.hash, each.facts));
  for (const spilled_record& each : all_references)
    references.push_back(make_reference(each.hash, static_cast<op>(each.kind), {each.number}));
  for (const order_record& each : state.orders)
    orders.push_back(each);
  for (const reference_record& each : state.references)
    references.push_back(each);
  state.orders = std::move(orders);
  state.references = std::move(references);
  rare.spilled = left;
  note_rare(state);
  index_again(state.orders, rare.by_order);
  index_again(state.references, rare.by_reference);
  return true;
}

} // namespace tally
