#include "engine/spilled_lots.hpp"

#include "engine/account_rare.hpp"

#include <algorithm>

namespace tally {

namespace {

lot_piece summary_of(std::uint32_t number, std::span<const lot> lots) {
  TALLY_ASSERT(!lots.empty(), number);
  lot_piece piece;
  piece.number = number;
  piece.count = static_cast<std::uint32_t>(lots.size());
  piece.first = lots.front().id;
  piece.last = lots.back().id;
  const lot& soonest = *std::ranges::min_element(lots, {}, [](const lot& each) { return spending_key_of(each); });
  piece.expires_at = soonest.expires_at;
  piece.first_expiring = soonest.id;
  for (const lot& each : lots) {
    piece.available += each.available;
    if (each.expires_at == soonest.expires_at)
      piece.expiring += each.available;
  }
  return piece;
}

std::uint32_t lowest_free_number(std::vector<bool>& taken) {
  const auto number = static_cast<std::uint32_t>(std::ranges::find(taken, false) - taken.begin());
  if (number == taken.size())
    taken.push_back(true);
  taken[number] = true;
  return number;
}

// By place in the list: whether the lot may go.
std::vector<bool> choose(const account_state& state, instant expiring_until) {
  std::vector<spending_key> first(state.lots.size());
  std::ranges::transform(state.lots, first.begin(), [](const lot& each) { return spending_key_of(each); });
  std::ranges::nth_element(first, first.begin() + spill_lots_kept);
  const spending_key kept_below = first[spill_lots_kept];
  std::vector<bool> goes(state.lots.size());
  for (std::size_t i = 0; i + spill_lots_kept < state.lots.size(); ++i) {
    const lot& each = state.lots[i];
    const spending_key key = spending_key_of(each);
    goes[i] = each.available > points_t{} && each.pending == points_t{} && each.reserved == points_t{} && key >= kept_below &&
              key.expires_at > expiring_until;
  }
  return goes;
}

// Lots that lie next to each other come in together. False: one of them is there.
bool insert_all(account_state& state, std::span<const lot> lots) {
  while (!lots.empty()) {
    lot* next = std::ranges::lower_bound(state.lots, lots.front().id, {}, &lot::id);
    if (next != state.lots.end() && next->id == lots.front().id)
      return false;
    std::size_t count = 1;
    while (count < lots.size() && (next == state.lots.end() || lots[count].id < next->id))
      ++count;
    const lot* last = lots.data() + count - 1;
    const bool is_in_order = std::ranges::is_sorted(lots.first(count), {}, [](const lot& each) { return spending_key_of(each); }) &&
                             (next == state.lots.begin() || spending_key_of(next[-1]) < spending_key_of(lots.front())) &&
                             (next == state.lots.end() || spending_key_of(*last) < spending_key_of(*next));
    state.lots_in_spending_order = state.lots_in_spending_order && is_in_order;
    state.lots.insert(next, lots.data(), count);
    lots = lots.subspan(count);
  }
  return true;
}

bool is_unchanged(const account_state& state, const lot& spilled) {
  const lot* now = find_lot(state, spilled.id);
  return now != nullptr && *now == spilled;
}

} // namespace

spending_key spending_key_of(const lot& each) { return {each.expires_at.us == 0 ? instant::end_of_time() : each.expires_at, each.id}; }

spending_key spending_key_of(const lot_piece& piece) {
  return {piece.expires_at.us == 0 ? instant::end_of_time() : piece.expires_at, piece.first_expiring};
}

std::span<const lot_piece> lot_pieces(const account_state& state) {
  if (!state.has_spilled_lots)
    return {};
  return {state.rare->lot_pieces.begin(), state.rare->lot_pieces.end()};
}

instant first_expiry_of_pieces(const account_state& state) {
  return state.has_spilled_lots ? spending_key_of(lot_pieces(state).front()).expires_at : instant::end_of_time();
}

bool may_hold(const lot_piece& piece, seq_t lot) { return piece.first <= lot && lot <= piece.last; }

bool may_be_spilled(const account_state& state, seq_t lot) {
  return find_lot(state, lot) == nullptr && std::ranges::any_of(lot_pieces(state), [&](const auto& each) { return may_hold(each, lot); });
}

void list_spillable_lots(const account_state& state, instant expiring_until, std::vector<spilled_lots>& out) {
  if (state.lots.size() <= spill_lots_above)
    return;
  const std::vector<bool> goes = choose(state, expiring_until);
  std::vector<bool> taken;
  for (const lot_piece& each : lot_pieces(state)) {
    taken.resize(std::max<std::size_t>(taken.size(), each.number + 1));
    taken[each.number] = true;
  }
  std::vector<lot> lots;
  const auto end_piece = [&] {
    if (lots.empty())
      return;
    out.push_back({summary_of(lowest_free_number(taken), lots), lots});
    lots.clear();
  };
  for (std::size_t i = 0; i < goes.size(); ++i) {
    if (goes[i])
      lots.push_back(state.lots[i]);
    if (lots.size() == lots_of_a_piece_max)
      end_piece();
  }
  end_piece();
}

bool forget_spilled_lots(account_state& state, std::span<const spilled_lots> pieces) {
  std::vector<seq_t> forgotten;
  for (const spilled_lots& each : pieces) {
    if (!std::ranges::all_of(each.lots, [&](const lot& one) { return is_unchanged(state, one); }))
      continue;
    if (!state.rare)
      state.rare = std::make_unique<account_rare>();
    auto& known = state.rare->lot_pieces;
    const auto is_before = [](const spending_key& key, const lot_piece& other) { return key < spending_key_of(other); };
    known.insert(std::upper_bound(known.begin(), known.end(), spending_key_of(each.piece), is_before), each.piece);
    for (const lot& one : each.lots)
      forgotten.push_back(one.id);
  }
  if (forgotten.empty())
    return false;
  std::ranges::sort(forgotten);
  decltype(state.lots) kept; // small: what was large gives its memory back
  auto next = forgotten.begin();
  for (const lot& each : state.lots) {
    if (next != forgotten.end() && *next == each.id)
      ++next;
    else
      kept.push_back(each);
  }
  TALLY_ASSERT(next == forgotten.end(), static_cast<long long>(forgotten.size()));
  state.lots = std::move(kept);
  note_rare(state);
  return true;
}

bool is_piece_of(const lot_piece& piece, std::span<const lot> lots) {
  int128 sum = 0;
  seq_t before;
  for (const lot& each : lots) {
    if (each.id <= before || each.available <= points_t{} || each.pending != points_t{} || each.reserved != points_t{})
      return false;
    before = each.id;
    sum += each.available.value;
  }
  return !lots.empty() && fits_points(sum) && summary_of(piece.number, lots) == piece;
}

bool take_back_lots(account_state& state, std::span<const spilled_lots> pieces) {
  for (const spilled_lots& each : pieces) {
    if (!state.has_spilled_lots || !is_piece_of(each.piece, each.lots))
      return false;
    auto& known = state.rare->lot_pieces;
    const auto piece = std::ranges::find(known, each.piece);
    if (piece == known.end())
      return false;
    known.erase(piece);
    note_rare(state);
    if (!insert_all(state, each.lots))
      return false;
  }
  return true;
}

} // namespace tally
