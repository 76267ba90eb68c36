#include "engine/account_spill.hpp"

#include "engine/account_rare.hpp"

#include <algorithm>

namespace tally {

namespace {

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

} // namespace

spill_counts list_spillable(const account_state& state, instant orders_until, std::vector<spilled_record>& out) {
  spill_counts counts;
  if (state.orders.size() > spill_above) {
    const std::size_t most = state.orders.size() - spill_kept;
    for (; counts.orders < most; ++counts.orders) {
      const order_record& record = state.orders[counts.orders];
      const order_facts facts = facts_of(state, record);
      if (facts.dated > orders_until)
        break;
      out.push_back({op::none, record.hash, facts});
    }
  }
  if (state.references.size() > spill_above)
    for (; counts.references < state.references.size() - spill_kept; ++counts.references) {
      const reference_record& record = state.references[counts.references];
      out.push_back({op_of(record), record.hash, {seq_of(record), {}, {}, {}}});
    }
  return counts;
}

void forget_spilled(account_state& state, const spill_counts& counts) {
  TALLY_ASSERT(counts.orders <= state.orders.size() && counts.references <= state.references.size(), static_cast<long long>(counts.orders),
               static_cast<long long>(counts.references));
  if (!state.rare)
    state.rare = std::make_unique<account_rare>();
  spilled_sums& spilled = state.rare->spilled;
  for (std::size_t i = 0; i < counts.orders; ++i) {
    const order_facts facts = facts_of(state, state.orders[i]);
    spilled.total_units += facts.total.units;
    spilled.earned += facts.earned;
    spilled.newest_dated = spilled.orders == 0 ? facts.dated : std::max(spilled.newest_dated, facts.dated);
    ++spilled.orders;
  }
  spilled.references += counts.references;
  note_rare(state);
  drop_oldest(state.orders, counts.orders);
  drop_oldest(state.references, counts.references);
  index_again(state.orders, state.rare->by_order);
  index_again(state.references, state.rare->by_reference);
}

// The newest are in memory, without a gap.
bool is_still_in_memory(const account_state& state, const spilled_record& record) {
  if (record.is_order())
    return !state.orders.empty() && facts_of(state, state.orders.front()).seq <= record.facts.seq;
  return !state.references.empty() && seq_of(state.references.front()) <= record.facts.seq;
}

bool has_spilled_orders_after(const account_state& state, instant since) {
  return state.has_spilled && state.rare->spilled.orders != 0 && state.rare->spilled.newest_dated > since;
}

bool can_take_back(const account_state& state, std::span<const spilled_record> records) {
  const auto orders = static_cast<std::uint64_t>(std::ranges::count_if(records, &spilled_record::is_order));
  return state.has_spilled && orders == state.rare->spilled.orders && records.size() - orders == state.rare->spilled.references;
}

void take_back_spilled(account_state& state, std::span<const spilled_record> records) {
  TALLY_ASSERT(state.has_spilled);
  std::vector<spilled_record> sorted(records.begin(), records.end());
  std::ranges::sort(sorted, {}, [](const spilled_record& each) { return each.facts.seq; });
  decltype(state.orders) orders;
  decltype(state.references) references;
  for (const spilled_record& each : sorted) {
    if (is_still_in_memory(state, each))
      continue;
    if (each.is_order())
      orders.push_back(make_order_record(state, each.hash, each.facts));
    else
      references.push_back(make_reference(each.hash, each.kind, each.facts.seq));
  }
  TALLY_ASSERT(orders.size() == state.rare->spilled.orders && references.size() == state.rare->spilled.references,
               static_cast<long long>(orders.size()), static_cast<long long>(references.size()),
               static_cast<long long>(state.last_seq.value));
  for (const order_record& each : state.orders)
    orders.push_back(each);
  for (const reference_record& each : state.references)
    references.push_back(each);
  state.orders = std::move(orders);
  state.references = std::move(references);
  state.rare->spilled = {};
  note_rare(state);
  index_again(state.orders, state.rare->by_order);
  index_again(state.references, state.rare->by_reference);
}

} // namespace tally
