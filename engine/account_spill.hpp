// What an account has done, on disk instead of in its state: old orders and references, what refunds have done, redemptions given back,
// what has expired. An account may have a hundred thousand of each and decides as fast as one that has ten. Where they lie is snapshot/'s;
// who asks for them when, actors/shard_images.hpp.
//
// A state that has spilled is the same account: what its sums need is kept, and whatever is looked for in the state is looked for on disk,
// too (decision_context::find_spilled). Lots go to disk in another way: engine/spilled_lots.hpp.
#pragma once

#include "engine/account.hpp"

#include <array>
#include <functional>
#include <span>
#include <vector>

namespace tally {

// What the refunds of one order have done so far, all of them together.
struct refunded_order {
  std::uint64_t hash = 0; // of the order reference
  money_t refunded{};
  money_t restoring{};        // the refunds that asked for the redeemed points back
  points_t taken{};           // of the order's earn, expired ones counted as taken included
  points_t expired_counted{}; // of `taken`
  seq_t newest{};             // group of the newest refund
  bool cancelled = false;

  bool operator==(const refunded_order&) const = default;
};
// Adds what came later, of the same order.
void add_later(refunded_order& sum, const refunded_order& later);

// 1 to 239: references of the operation of that number.
enum class spilled_kind : std::uint8_t {
  order = 0, // that was earned on
  refund = 240,
  undone = 241,   // of a redemption
  expired = 242,  // of a lot
  captured = 243, // an order
};
constexpr spilled_kind reference_of(op kind) { return static_cast<spilled_kind>(kind); }
constexpr bool is_reference(spilled_kind kind) { return kind > spilled_kind::order && kind < spilled_kind::refund; }

struct spilled_record {
  spilled_kind kind = spilled_kind::order;
  std::uint64_t hash = 0; // of the reference; of the redemption's or the lot's seq
  // Of an order, the seq of its earn, of a reference that of its group; of the others their place among all of their kind: where one is
  // added to that has gone to disk, there is a second one, and they count together.
  std::uint64_t number = 0;
  order_facts facts;     // an order's
  refunded_order refund; // a refund's
  seq_t seq;             // of the redemption, the lot, the capture
  points_t points;       // that were given back, that expired

  bool operator==(const spilled_record&) const = default;
};

inline constexpr std::size_t spill_above = 64; // of a kind, in memory: then the oldest may go
inline constexpr std::size_t spill_kept = 32;  // and so many newest stay

// The oldest of each kind, if there are enough of them; they are appended to `out` and stay where they are. Orders dated after
// `orders_until` stay in memory, and all that came after them; so do refunds of orders in memory.
void list_spillable(const account_state& state, instant orders_until, std::vector<spilled_record>& out);
// Forgets those that are still what they were when they were listed, of each kind up to the first that is not: they are on disk.
void forget_spilled(account_state& state, std::span<const spilled_record> listed);
// Whether a record on disk counts: the state does not have it itself, still or again.
bool is_spilled(const account_state& state, const spilled_record& record);
// Whether an order dated after `since` is on disk: sums over a window that begins then need the whole account.
bool has_spilled_orders_after(const account_state& state, instant since);
// Has everything in the state again; `records` are all that were spilled, in any order, perhaps with some that do not count. False, and
// nothing is done: they are not as many as the state has spilled.
[[nodiscard]] bool take_back_spilled(account_state& state, std::span<const spilled_record> records);

using spilled_visitor = std::function<bool(const spilled_record&)>; // true ends the search
// Looks on disk for what was spilled under that kind and hash, by number.
using spilled_search = std::function<void(const account_state& state, spilled_kind kind, std::uint64_t hash, const spilled_visitor& visit)>;

} // namespace tally
