// Finds accounts by hash: a flat open-addressing table of 16-byte slots, one per shard. What an id looks like is the
// caller's business: equal hashes are told apart by a predicate on the account.
#pragma once

#include "actors/zeroed_memory.hpp"
#include "engine/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace tally::actors {

// Grows without a pause: a larger table is filled a few slots per insert, and both are looked at until the old one is empty. Never
// shrinks.
// Thread: its shard's; `size` roughly from any.
template <class Account>
class directory {
public:
  explicit directory(std::size_t slots = 1024) : newest_(slots) {}

  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&newest_.slots()[hash & newest_.mask]); }

  // The first account of that hash, or null: almost always the right one, but its id is not looked at (its memory may not
  // have arrived yet). Check it, and call `find` if it was not.
  Account* candidate(std::uint64_t hash) const {
    return find(hash, [](const Account&) { return true; });
  }

  template <class Same>
  Account* find(std::uint64_t hash, const Same& same) const {
    if (Account* found = newest_.find(hash, same))
      return found;
    return moved_ < older_.size ? older_.find(hash, same) : nullptr;
  }

  // Only for an account that is not in it.
  void insert(std::uint64_t hash, Account* account) {
    if (newest_.used >= newest_.size - newest_.size / 4)
      grow();
    move_some(slots_moved_per_insert);
    newest_.put(hash, account);
    ++size_;
  }

  // Of an account that is in it.
  void erase(std::uint64_t hash, const Account* account) {
    if (newest_.erase(hash, account))
      older_.bury(hash, account); // where it was moved from
    else
      TALLY_ASSERT(older_.bury(hash, account), static_cast<long long>(size_));
    --size_;
  }

  // Visits the accounts in the next `count` slots, round and round: each comes up once a round, nearly. `visit` may erase the one it sees.
  template <class Visit>
  void sweep(std::size_t count, const Visit& visit) {
    move_some(count);
    for (; count > 0; --count) {
      hand_ = (hand_ + 1) & newest_.mask;
      if (const slot here = newest_.slots()[hand_]; here.account != nullptr)
        visit(here.hash, *here.account);
    }
  }
  std::size_t slots() const { return newest_.size; }

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return newest_.memory.bytes() + older_.memory.bytes(); }

  template <class Visit>
  void for_each(const Visit& visit) const {
    for (std::size_t i = 0; i < newest_.size; ++i)
      if (newest_.slots()[i].account != nullptr)
        visit(*newest_.slots()[i].account);
    for (std::size_t i = moved_; i < older_.size; ++i)
      if (older_.slots()[i].is_taken())
        visit(*older_.slots()[i].account);
  }

private:
  // The new table is twice as large, so it takes at least half the old one's slots in inserts before it is full itself.
  static constexpr std::size_t slots_moved_per_insert = 8;

  struct slot {
    std::uint64_t hash;
    Account* account; // null: empty

    // In the older table, where nothing may move, an account that is gone leaves this behind.
    static Account* grave() { return reinterpret_cast<Account*>(std::uintptr_t{1}); }
    bool is_taken() const { return account != nullptr && account != grave(); }
  };
  struct table {
    table() = default;
    explicit table(std::size_t slot_count) : memory(slot_count * sizeof(slot)), size(slot_count), mask(slot_count - 1) {}

    slot* slots() const { return static_cast<slot*>(memory.data()); }

    template <class Same>
    Account* find(std::uint64_t hash, const Same& same) const {
      for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
        const slot& here = slots()[at];
        if (here.account == nullptr)
          return nullptr;
        if (here.hash == hash && here.account != slot::grave() && same(*here.account))
          return here.account;
      }
    }
    // Closes the gap, so that every chain stays whole. False: it is not in here.
    bool erase(std::uint64_t hash, const Account* account) {
      std::size_t at = hash & mask;
      while (slots()[at].account != account) {
        if (slots()[at].account == nullptr)
          return false;
        at = (at + 1) & mask;
      }
      for (std::size_t next = (at + 1) & mask; slots()[next].account != nullptr; next = (next + 1) & mask) {
        const std::size_t home = slots()[next].hash & mask;
        const bool may_move = ((next - home) & mask) >= ((next - at) & mask);
        if (may_move) {
          slots()[at] = slots()[next];
          at = next;
        }
      }
      slots()[at] = {};
      --used;
      return true;
    }
    // Leaves a grave where it lies. False: it is not in here.
    bool bury(std::uint64_t hash, const Account* account) {
      if (size == 0)
        return false;
      for (std::size_t at = hash & mask; slots()[at].account != nullptr; at = (at + 1) & mask)
        if (slots()[at].account == account) {
          slots()[at].account = slot::grave();
          return true;
        }
      return false;
    }
    void put(std::uint64_t hash, Account* account) {
      std::size_t at = hash & mask;
      while (slots()[at].account != nullptr)
        at = (at + 1) & mask;
      slots()[at] = {hash, account};
      ++used;
    }

    zeroed_memory memory;
    std::size_t size = 0; // a power of two
    std::size_t mask = 0;
    std::size_t used = 0;
  };

  void grow() {
    move_some(older_.size);
    older_ = std::exchange(newest_, table(newest_.size * 2));
    moved_ = 0;
  }

  void move_some(std::size_t count) {
    if (older_.size == 0)
      return;
    for (; count > 0 && moved_ < older_.size; --count, ++moved_) {
      const slot& from = older_.slots()[moved_];
      if (from.is_taken())
        newest_.put(from.hash, from.account);
    }
    if (moved_ == older_.size) {
      older_ = table();
      moved_ = 0;
    }
  }

  table newest_;
  table older_; // while its slots are being moved; what was moved stays in it too, so its chains stay whole
  std::size_t moved_ = 0;
  std::size_t hand_ = 0; // of `sweep`
  std::size_t size_ = 0;
};

} // namespace tally::actors
