// A shard's accounts and their images on disk: which have changed since their image was taken, taking images in slices of a turn,
// passivating the coldest, and bringing accounts back. Writing images and finishing a recovery point is the snapshotter's
// (actors/snapshotter.hpp).
//
// An account is passivated only when its newest image is stored, so that nothing is lost and no operation waits for it; an account that has
// something due soon stays. While more accounts are in memory than may be, the coldest are sent to disk whether a round comes by or not;
// and while that is not fast enough, no connection is read (`is_full`). Accounts are brought back by their image and by the entries behind
// the recovery point that are newer than it.
#pragma once

#include "actors/account_actor.hpp"
#include "actors/tail_index.hpp"
#include "actors/timer_queue.hpp"
#include "snapshot/image_batch.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::actors {

class shard_core;
struct merchant;

// Lifecycle: its shard's. Without an image store in the ledger it does nothing. Thread: its shard's, or recovery's before it runs.
class shard_images {
public:
  explicit shard_images(shard_core& owner) : owner_(owner) {}

  // The account has new entries.
  void changed(account_actor& account);
  // The account as it is on disk, in memory again; null: there is none. Ends the process if it cannot be read.
  account_actor* bring_back(const merchant& of, std::uint64_t hash, std::string_view id);

  // Recovery: an entry behind the recovery point. False: it does not follow from the account's entry before it.
  bool expect(std::uint64_t hash, const entry& each, seq_t point) { return tail_.note(hash, each, point); }
  // Whether there are accounts of which entries behind the recovery point are not applied yet.
  bool has_tail() const { return !tail_.empty(); }
  // Applies the entries of all of them, now.
  void bring_back_tail();

  // A round of images begins, as soon as there is no tail: everything that has changed until then, within about this time.
  void begin_round(std::chrono::milliseconds within);
  // Images that were handed to the snapshotter are stored.
  struct pictured {
    account_actor* account = nullptr;
    bool leaves = false; // it goes when it was not touched meanwhile
    // What it has spilled with its image: to be forgotten now, as far as it is still what it was.
    std::vector<spilled_record> spilled;
    std::vector<spilled_lots> lots;
  };
  void stored(const std::vector<pictured>& accounts, std::size_t bytes);

  // Of an account that is about to be looked at: has the orders in memory that its merchant's rules look at together, and the lots that
  // expire soon.
  void prepare(account_actor& account) {
    account.was_touched = true;
    if (account.state().has_spilled) [[unlikely]]
      bring_orders_back(account);
    have_expiring_lots(account);
  }
  // Of an account of which something is due.
  void have_expiring_lots(account_actor& account) {
    forget_read();
    if (account.state().has_spilled_lots) [[unlikely]]
      bring_expiring_lots_back(account);
  }
  // Has in memory what the entry is about to touch.
  void have_lots_of(const entry& each, account_state& state) const {
    if (state.has_spilled_lots) [[unlikely]]
      bring_touched_lots_back(each, state);
  }
  // A decision begins, on what is on disk now.
  void forget_read() {
    if (!read_.empty()) [[unlikely]]
      read_.clear();
  }
  // Lots that an account has spilled, for a decision, whose entries may touch them then. Ends the process if they cannot be read.
  std::vector<lot> read_lots(const account_state& state, const lot_piece& piece);
  // Has everything of the account in memory.
  void make_whole(account_state& state) const;
  // What an account has spilled; ends the process if it cannot be read.
  void find_spilled(const account_state& state, spilled_kind kind, std::uint64_t hash, const spilled_visitor& visit) const;
  // What is to be done in this turn: a slice of the round, the tail, the sweep.
  void work();
  // Whether so many accounts are in memory that no more should be asked for. Never for long: it ends when nobody can leave.
  bool is_full() const;
  // Whether `work` has more to do soon.
  bool is_busy() const { return in_round_ || has_tail() || is_sweeping_; }

  // Whether there are images to be taken, or handed out.
  bool has_changes() const { return !changed_.empty() || !round_.empty() || images_.count() != 0; }
  // At the end, while nobody runs: images that were taken and not handed out, and the accounts whose image is still to be taken.
  snapshot::image_batch take_pending() { return std::exchange(images_, {}); }
  template <class Take>
  void take_rest(const Take& take) {
    take_all_of(round_, take);
    take_all_of(changed_, take);
  }

private:
  using clock = std::chrono::steady_clock;

  void bring_back_one();
  void list_round();
  void bring_orders_back(account_actor& account);
  void bring_all_orders_back(account_state& state) const;
  void bring_expiring_lots_back(account_actor& account);
  void bring_touched_lots_back(const entry& each, account_state& state) const;
  std::vector<lot> lots_on_disk(const account_state& state, const lot_piece& piece) const;
  template <class Wanted>
  bool bring_lots_back(account_state& state, const Wanted& wanted) const;
  void take_slice();
  void take(account_actor& account, bool leaves = false);
  void unlist(account_actor& account);
  instant spills_until(const merchant& of) const;
  void hand_out();
  void sweep();
  bool may_leave(const account_actor& account) const;
  void passivate(std::uint64_t hash, account_actor& account);
  void apply_tail(seq_t newest, account_state& state, std::string_view id);

  template <class Take>
  void take_all_of(std::vector<account_actor*>& list, const Take& take) {
    for (account_actor* each : list) {
      each->listed_at = 0;
      take(*each);
    }
    list.clear();
  }

  shard_core& owner_;
  tail_index tail_;
  std::vector<account_actor*> changed_; // since the round began; each is `listed_at` its place
  std::vector<account_actor*> round_;   // of this round, not taken yet; the same
  bool is_round_wanted_ = false;
  bool in_round_ = false;
  std::size_t round_size_ = 0;
  clock::time_point round_begun_;
  instant earliest_due_; // of the timers, when it began
  std::chrono::milliseconds round_within_{};
  snapshot::image_batch images_;   // taken, not handed out yet
  std::vector<pictured> pictured_; // by them
  struct lots_read {
    seq_t enrolled; // whose they are
    spilled_lots lots;
  };
  std::vector<lots_read> read_;        // by the decision whose entries are applied next
  std::size_t bytes_on_their_way_ = 0; // handed out, not stored yet
  bool is_sweeping_ = false;
  std::size_t leaving_ = 0;      // accounts that go when their image is stored
  std::size_t swept_ = 0;        // accounts seen since one left
  clock::time_point sweep_from_; // nobody could go: not before
};

} // namespace tally::actors
