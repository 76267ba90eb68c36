// Lots of an account that are on disk instead of in its state: one that nobody spends may have a hundred thousand of them, and takes no
// more memory than one that has a few hundred. What is spent, expires or changes next stays in memory. Where they lie is snapshot/'s; who
// brings them back when, engine/draft.hpp (what a decision touches) and actors/shard_images.hpp (what an entry touches, what time does).
//
// They lie there in pieces. A piece never changes: one that is needed is taken back whole, and its lots may be spilled again later, in
// another. The state keeps of each what sums and due times need.
#pragma once

#include "engine/account.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tally {

// What the state remembers of lots that are on disk together. All of them have points available, and nothing else.
struct lot_piece {
  std::uint32_t number = 0; // among the account's pieces; free again once the piece is taken back
  std::uint32_t count = 0;
  points_t available; // of all of them
  seq_t first, last;  // the lowest and the highest id
  // Of those that expire soonest; `expires_at` 0: none ever expires.
  instant expires_at;
  points_t expiring;
  seq_t first_expiring; // the lowest id

  bool operator==(const lot_piece&) const = default;
};

struct spilled_lots {
  lot_piece piece;
  std::vector<lot> lots; // by id
};

inline constexpr std::size_t spill_lots_above = 512; // in memory: then some may go
inline constexpr std::size_t spill_lots_kept = 128;  // so many of those that are spent first stay, and so many of the newest
inline constexpr std::size_t lots_of_a_piece_max = 256;

// Of the lot that is spent first of some: what is compared.
struct spending_key {
  instant expires_at; // end_of_time: never
  seq_t id;
  auto operator<=>(const spending_key&) const = default;
};
spending_key spending_key_of(const lot& each);
spending_key spending_key_of(const lot_piece& piece);

// The pieces that the account has on disk, by what is spent first.
std::span<const lot_piece> lot_pieces(const account_state& state);
// When the first of their lots expires; end_of_time: never.
instant first_expiry_of_pieces(const account_state& state);
// Whether a lot of this id may be on disk: it is not in memory, and there is a piece it may be in.
bool may_be_spilled(const account_state& state, seq_t lot);
bool may_hold(const lot_piece& piece, seq_t lot);

// Pieces of lots that may go, if there are enough lots in memory; appended to `out`, they stay where they are. Lots that expire up to
// `expiring_until` are not among them.
void list_spillable_lots(const account_state& state, instant expiring_until, std::vector<spilled_lots>& out);
// They are on disk: forgets those of which every lot is still what it was. False: there was none.
bool forget_spilled_lots(account_state& state, std::span<const spilled_lots> pieces);
// Whether these are the lots of the piece.
bool is_piece_of(const lot_piece& piece, std::span<const lot> lots);
// Has the lots of some of its pieces in the state again. False: they are not its pieces; what the state is then is not said.
[[nodiscard]] bool take_back_lots(account_state& state, std::span<const spilled_lots> pieces);

// Reads the lots of a piece from disk, all of them and as they were.
using lots_reader = std::function<std::vector<lot>(const account_state& state, const lot_piece& piece)>;

} // namespace tally
