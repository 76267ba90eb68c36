#include "actors/shard_images.hpp"

#include "actors/shard_core.hpp"
#include "actors/snapshotter.hpp"
#include "actors/stop_server.hpp"
#include "engine/account_view.hpp"
#include "wal/entry_codec.hpp"

#include <algorithm>
#include <ranges>

namespace tally::actors {

namespace {

constexpr std::size_t images_per_slice_max = 64; // 20-60 us between two turns
constexpr std::size_t batch_bytes = 256 * 1024;  // handed to the snapshotter together
constexpr std::size_t bytes_on_their_way_max = 8u << 20;
constexpr std::chrono::microseconds tail_slice{500};       // of a turn
constexpr std::int64_t tier_window_days = 400;             // a year and a time zone, amply
constexpr std::int64_t lots_back_days = expiring_days + 1; // what a view shows
constexpr std::int64_t lots_spilled_days = 60;             // what expires later may go
constexpr std::size_t slots_swept_per_turn = 512;
constexpr std::size_t slots_swept_while_full = 8192; // connections wait: under half a millisecond
constexpr std::chrono::milliseconds sweep_pause{50}; // where nobody can leave
constexpr std::size_t over_full_min = 64;            // more accounts than may be in memory, or a sixteenth of them: before connections wait

constexpr std::string_view cannot_read = "what accounts have on disk cannot be read";

[[noreturn]] void cannot_bring_back(std::string_view id, const failure& why) {
  stop_server("account " + std::string(id) + " cannot be brought back from disk", why);
}

} // namespace

void shard_images::changed(account_actor& account) {
  if (account.listed_at != 0 || !owner_.parts().images)
    return;
  changed_.push_back(&account);
  account.listed_at = static_cast<std::uint32_t>(changed_.size()) & 0x7fff'ffffu;
  TALLY_ASSERT(account.listed_at == changed_.size(), static_cast<long long>(changed_.size()));
}

// The last one takes its place.
void shard_images::unlist(account_actor& account) {
  const std::size_t place = account.listed_at - 1;
  auto& list = place < changed_.size() && changed_[place] == &account ? changed_ : round_;
  TALLY_ASSERT(list.at(place) == &account, static_cast<long long>(place));
  list[place] = list.back();
  list[place]->listed_at = account.listed_at;
  list.pop_back();
  account.listed_at = 0;
}

// ---- bringing back --------------------------------------------------------------------------------------------------

account_actor* shard_images::bring_back(const merchant& of, std::uint64_t hash, std::string_view id) {
  forget_read();
  account_state state;
  const result<bool> read = owner_.parts().images->read(of.number, id, state);
  if (!read)
    cannot_bring_back(id, read.error());
  const auto is_its = [&](seq_t newest) {
    const result<const entry*> found = owner_.reader().read(newest);
    if (!found)
      cannot_bring_back(id, found.error());
    return (*found)->merchant == of.number && (*found)->account == id;
  };
  const std::optional<seq_t> newest = tail_.take(hash, is_its);
  if (!*read && !newest)
    return nullptr;
  const bool is_newer = newest && *newest > state.last_seq;
  if (is_newer)
    apply_tail(*newest, state, id);
  account_actor& account = owner_.add_account(*owner_.parts().merchants.at(of.number), hash, id);
  account.state() = std::move(state);
  owner_.timers().update(account);
  if (is_newer)
    changed(account);
  return &account;
}

// The account's entries up to `newest` that its image has not.
void shard_images::apply_tail(seq_t newest, account_state& state, std::string_view id) {
  struct kept_entry {
    wal::bytes record;
    seq_t seq;
    instant at;
  };
  std::vector<kept_entry> kept; // newest first
  seq_t before = newest;
  const result<void> walked = owner_.reader().for_each_back(newest, [&](const entry& each) {
    if (each.seq <= state.last_seq)
      return false;
    wal::encode(each, kept.emplace_back(kept_entry{{}, each.seq, each.at}).record);
    before = each.prev_seq;
    return before > state.last_seq;
  });
  if (!walked)
    cannot_bring_back(id, walked.error());
  if (before != state.last_seq)
    cannot_bring_back(id, {failure_code::corrupt, "its image ends with entry " + std::to_string(state.last_seq.value) +
                                                      ", and the journal goes on from its entry " + std::to_string(before.value)});
  wal::decode_buffer buffer;
  for (const kept_entry& each : kept | std::views::reverse) {
    entry decoded;
    std::span<const std::byte> bytes = each.record;
    const result<void> done = wal::decode(bytes, each.seq, each.at, buffer, decoded);
    TALLY_ASSERT(done.ok(), static_cast<long long>(each.seq.value));
    if (state.status == account_status::none)
      state.merchant = decoded.merchant;
    have_lots_of(decoded, state);
    apply(state, decoded);
  }
}

void shard_images::bring_back_tail() {
  while (has_tail())
    bring_back_one();
}

void shard_images::bring_back_one() {
  const result<const entry*> newest = owner_.reader().read(*tail_.any());
  if (!newest)
    stop_server("the journal cannot be read", newest.error());
  const merchant& of = *owner_.parts().merchants.at((*newest)->merchant);
  const std::string id((*newest)->account);
  bring_back(of, owner_.parts().merchants.account_hash(of.hash, id), id);
}

// ---- taking images --------------------------------------------------------------------------------------------------

void shard_images::begin_round(std::chrono::milliseconds within) {
  TALLY_ASSERT(!in_round_ && !is_round_wanted_ && round_.empty());
  round_within_ = within;
  is_round_wanted_ = true;
}

void shard_images::work() {
  if (!owner_.parts().images)
    return;
  const clock::time_point begun = clock::now();
  owner_.timers().set_horizon(owner_.parts().snapshots->timer_horizon(owner_.now()));
  while (has_tail() && clock::now() - begun < tail_slice)
    bring_back_one();
  if (is_round_wanted_ && !has_tail())
    list_round();
  if (in_round_)
    take_slice();
  if (owner_.accounts().size() <= owner_.parts().resident_accounts_max)
    is_sweeping_ = false;
  else if (begun >= sweep_from_)
    sweep();
}

void shard_images::list_round() {
  round_.swap(changed_);
  round_size_ = round_.size();
  round_begun_ = clock::now();
  earliest_due_ = owner_.timers().earliest();
  is_round_wanted_ = false;
  in_round_ = true;
}

// As many as are due by now at an even pace; a shard with more accounts than it should have does not wait.
void shard_images::take_slice() {
  if (bytes_on_their_way_ + images_.bytes() > bytes_on_their_way_max)
    return;
  std::size_t count = std::min(images_per_slice_max, round_.size());
  const auto gone = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - round_begun_);
  if (gone < round_within_ && owner_.accounts().size() <= owner_.parts().resident_accounts_max) {
    const std::size_t due = round_size_ * static_cast<std::size_t>(gone.count()) / static_cast<std::size_t>(round_within_.count());
    const std::size_t taken = round_size_ - round_.size();
    count = std::min(count, due > taken ? due - taken : 0);
  }
  for (; count > 0; --count)
    take(*round_.back());
  if (images_.bytes() >= batch_bytes || (round_.empty() && images_.count() > 0))
    hand_out();
  if (!round_.empty())
    return;
  in_round_ = false;
  // The list shows reviews whose entries are not on disk yet.
  owner_.when_durable(owner_.parts().newest_taken(),
                      [this, end = snapshotter::shard_round_end{owner_.reviews().all(), earliest_due_}]() mutable {
                        owner_.parts().snapshots->shard_is_done(std::move(end));
                      });
}

void shard_images::take(account_actor& account, bool leaves) {
  if (account.listed_at != 0)
    unlist(account);
  ++account.images_on_their_way;
  TALLY_ASSERT(account.images_on_their_way != 0);
  owner_.timers().update(account); // what was far away when it changed may be near by now
  const account_state& state = account.state();
  pictured& taken = pictured_.emplace_back();
  taken.account = &account;
  taken.leaves = leaves;
  // Nothing while an image before this one is on its way: what that one spills is still in the state.
  if (account.images_on_their_way == 1) {
    list_spillable(state, spills_until(*owner_.parts().merchants.at(state.merchant)), taken.spilled);
    list_spillable_lots(state, owner_.parts().now().plus_days(lots_spilled_days), taken.lots);
  }
  for (const spilled_record& each : taken.spilled)
    images_.add_spilled(state.enrolled_seq, each);
  for (const spilled_lots& each : taken.lots)
    images_.add_lots(state.enrolled_seq, each);
  images_.add(state.merchant, account.id(), state);
}

// Tiers that count by year look at the orders of the last one together: those stay.
instant shard_images::spills_until(const merchant& of) const {
  return of.has_tier_windows.load(std::memory_order_relaxed) ? owner_.parts().now().plus_days(-tier_window_days) : instant::end_of_time();
}

void shard_images::hand_out() {
  bytes_on_their_way_ += images_.bytes();
  auto batch =
      std::make_shared<std::pair<snapshot::image_batch, std::vector<pictured>>>(std::exchange(images_, {}), std::exchange(pictured_, {}));
  owner_.when_durable(batch->first.newest(),
                      [this, batch] { owner_.parts().snapshots->take(owner_.index(), std::move(batch->first), std::move(batch->second)); });
}

void shard_images::stored(const std::vector<pictured>& accounts, std::size_t bytes) {
  bytes_on_their_way_ -= bytes;
  for (const pictured& each : accounts) {
    --each.account->images_on_their_way;
    owner_.timers().update(*each.account);
    if (!each.spilled.empty())
      forget_spilled(each.account->state(), each.spilled);
    const bool has_fewer_lots = forget_spilled_lots(each.account->state(), each.lots);
    if (!each.spilled.empty() || has_fewer_lots)
      changed(*each.account);
    if (!each.leaves)
      continue;
    --leaving_;
    if (!each.account->was_touched && each.account->listed_at == 0 && may_leave(*each.account)) {
      const merchant& of = *owner_.parts().merchants.at(each.account->state().merchant);
      passivate(owner_.parts().merchants.account_hash(of.hash, each.account->id()), *each.account);
    }
  }
}

// ---- what was spilled -----------------------------------------------------------------------------------------------

void shard_images::bring_orders_back(account_actor& account) {
  if (!account.state().has_spilled ||
      !owner_.parts().merchants.at(account.state().merchant)->has_tier_windows.load(std::memory_order_relaxed))
    return;
  if (!has_spilled_orders_after(account.state(), owner_.parts().now().plus_days(-tier_window_days)))
    return;
  bring_all_orders_back(account.state());
  changed(account);
}

void shard_images::make_whole(account_state& state) const {
  if (state.has_spilled)
    bring_all_orders_back(state);
  bring_lots_back(state, [](const lot_piece&) { return true; });
}

void shard_images::bring_all_orders_back(account_state& state) const {
  std::vector<spilled_record> records;
  must(owner_.parts().images->for_each_spilled(state.enrolled_seq,
                                               [&](const spilled_record& each) {
                                                 records.push_back(each);
                                                 return false;
                                               }),
       cannot_read);
  if (!take_back_spilled(state, records))
    stop_server(cannot_read,
                {failure_code::corrupt, "of what account " + std::to_string(state.enrolled_seq.value) + " has spilled some is missing"});
}

void shard_images::find_spilled(const account_state& state, spilled_kind kind, std::uint64_t hash, const spilled_visitor& visit) const {
  must(owner_.parts().images->find_spilled(state.enrolled_seq, kind, hash, visit), cannot_read);
}

std::vector<lot> shard_images::read_lots(const account_state& state, const lot_piece& piece) {
  std::vector<lot> lots = lots_on_disk(state, piece);
  read_.push_back({state.enrolled_seq, {piece, lots}});
  return lots;
}

std::vector<lot> shard_images::lots_on_disk(const account_state& state, const lot_piece& piece) const {
  for (const lots_read& each : read_)
    if (each.enrolled == state.enrolled_seq && each.lots.piece == piece)
      return each.lots.lots;
  result<std::vector<lot>> lots = owner_.parts().images->read_lots(state.enrolled_seq, piece);
  if (!lots)
    stop_server(cannot_read, lots.error());
  return std::move(*lots);
}

template <class Wanted>
bool shard_images::bring_lots_back(account_state& state, const Wanted& wanted) const {
  std::vector<spilled_lots> found;
  for (const lot_piece& each : lot_pieces(state))
    if (wanted(each))
      found.push_back({each, lots_on_disk(state, each)});
  if (found.empty())
    return false;
  const bool are_its = take_back_lots(state, found);
  TALLY_ASSERT(are_its, static_cast<long long>(state.last_seq.value));
  return true;
}

void shard_images::bring_expiring_lots_back(account_actor& account) {
  const instant soon = owner_.parts().now().plus_days(lots_back_days);
  if (first_expiry_of_pieces(account.state()) > soon)
    return;
  if (bring_lots_back(account.state(), [&](const lot_piece& each) { return each.expires_at.us != 0 && each.expires_at <= soon; }))
    changed(account);
}

void shard_images::bring_touched_lots_back(const entry& each, account_state& state) const {
  for (const lot_change& change : each.lots) {
    if (change.lot == each.seq || !may_be_spilled(state, change.lot))
      continue;
    bring_lots_back(state, [&](const lot_piece& piece) { return may_hold(piece, change.lot); });
  }
}

// ---- passivation ----------------------------------------------------------------------------------------------------

// The clock algorithm: who was touched since the hand came by stays until it comes by again.
void shard_images::sweep() {
  const std::size_t wanted = owner_.parts().resident_accounts_max;
  is_sweeping_ = true;
  if (bytes_on_their_way_ + images_.bytes() > bytes_on_their_way_max)
    owner_.parts().images->hurry(true); // until the next batch is on its way: nobody can leave before
  owner_.accounts().sweep(is_full() ? slots_swept_while_full : slots_swept_per_turn, [&](std::uint64_t hash, account_actor& each) {
    const bool is_enough = owner_.accounts().size() - leaving_ <= wanted;
    if (is_enough || bytes_on_their_way_ + images_.bytes() > bytes_on_their_way_max)
      return;
    ++swept_;
    if (each.was_touched) {
      each.was_touched = false;
    } else if (may_leave(each)) {
      swept_ = 0;
      if (each.listed_at == 0)
        return passivate(hash, each);
      take(each, true);
      ++leaving_;
    }
  });
  if (images_.count() > 0)
    hand_out();
  if (swept_ > 2 * owner_.accounts().size()) { // everybody has something due soon, a handle, an image on its way
    swept_ = 0;
    is_sweeping_ = false;
    sweep_from_ = clock::now() + sweep_pause;
  }
}

bool shard_images::is_full() const {
  const std::size_t wanted = owner_.parts().resident_accounts_max;
  const std::size_t now = owner_.accounts().size();
  return is_sweeping_ && now > wanted && now - wanted > std::max(over_full_min, wanted / 16);
}

bool shard_images::may_leave(const account_actor& account) const {
  return account.images_on_their_way == 0 && account.queue_places == 0 && account.is_alone();
}

void shard_images::passivate(std::uint64_t hash, account_actor& account) {
  owner_.accounts().erase(hash, &account);
  account.retire();
}

} // namespace tally::actors
