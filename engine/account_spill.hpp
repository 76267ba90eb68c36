// Old orders and references of an account that are on disk instead of in its state: an account may have a hundred thousand of them and
// decides as fast as one that has ten. Where they lie is snapshot/'s; who asks for them when, actors/shard_images.hpp.
//
// A state that has spilled is the same account: what its sums need is kept, and whatever is looked for in the state and not found is looked
// for there (decision_context::find_spilled).
#pragma once

#include "engine/account.hpp"

#include <functional>
#include <span>
#include <vector>

namespace tally {

struct spilled_record {
  op kind = op::none;     // of a reference; none: an order that was earned on
  std::uint64_t hash = 0; // of the reference
  order_facts facts;      // `seq`: of the group, or of the order's earn; the rest is an order's

  bool is_order() const { return kind == op::none; }
};

struct spill_counts {
  std::size_t orders = 0, references = 0;
  bool none() const { return orders + references == 0; }
};

inline constexpr std::size_t spill_above = 64; // orders or references in memory: then the oldest may go
inline constexpr std::size_t spill_kept = 32;  // and so many newest stay

// The oldest orders and references, if there are enough of them; they are appended to `out` and stay where they are. Orders dated after
// `orders_until` stay in memory, and all that came after them.
spill_counts list_spillable(const account_state& state, instant orders_until, std::vector<spilled_record>& out);
// Forgets so many of the oldest: they are on disk.
void forget_spilled(account_state& state, const spill_counts& counts);
// A record that was written to disk, perhaps not forgotten since.
bool is_still_in_memory(const account_state& state, const spilled_record& record);
// Whether an order dated after `since` is on disk: sums over a window that begins then need the whole account.
bool has_spilled_orders_after(const account_state& state, instant since);
// Whether `records`, without those still in memory, are as many as the state has spilled.
bool can_take_back(const account_state& state, std::span<const spilled_record> records);
// Has everything in the state again; `records` are all that were spilled, in any order.
void take_back_spilled(account_state& state, std::span<const spilled_record> records);

using spilled_visitor = std::function<bool(const spilled_record&)>; // true ends the search
// Looks on disk for what was spilled under that kind and hash.
using spilled_search = std::function<void(const account_state& state, op kind, std::uint64_t hash, const spilled_visitor& visit)>;

} // namespace tally
