// The merchants of one ledger: id, number, rules in force. Looked up on every request, without a lock; added under one.
#pragma once

#include "actors/zeroed_memory.hpp"
#include "engine/entry.hpp"
#include "engine/hash.hpp"
#include "engine/rules.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tally::actors {

// A merchant has a number from its first entry on, and is never removed.
struct merchant {
  merchant(merchant_number its_number, std::string_view its_id, std::uint64_t its_hash) : number(its_number), hash(its_hash), id(its_id) {}

  // Makes `next` the version in force. By the home shard only, after its program entry has its seq: every entry that uses
  // a version comes after it in the journal.
  void activate(std::unique_ptr<program> next) {
    next->older = active.load(std::memory_order_relaxed);
    if (next->rules.tiers && next->rules.tiers->basis != ruleset::tier_basis::lifetime)
      has_tier_windows.store(true, std::memory_order_relaxed);
    versions_.push_back(std::move(next));
    active.store(versions_.back().get(), std::memory_order_release);
  }

  const merchant_number number;
  const std::uint64_t hash; // also the seed of its accounts' hashes
  const std::string id;
  std::atomic<const program*> active{nullptr};
  std::atomic<bool> has_tier_windows{false}; // some version counts tier points by year: orders of the last one are looked at together

private:
  std::vector<std::unique_ptr<const program>> versions_;
};

class merchant_table {
public:
  static constexpr std::size_t merchants_max = 65'535;

  // `seed` differs from process to process: nobody can aim at one slot.
  explicit merchant_table(std::uint64_t seed);
  merchant_table(const merchant_table&) = delete;
  merchant_table& operator=(const merchant_table&) = delete;
  ~merchant_table();

  std::uint64_t hash_of(std::string_view id) const { return hash64(id, seed_); }
  std::uint64_t account_hash(std::uint64_t merchant_hash, std::string_view account) const { return hash64(account, merchant_hash); }

  // Null: nobody was ever enrolled and no rules were applied. From any thread, no lock.
  merchant* find(std::string_view id, std::uint64_t hash) const;
  merchant* at(merchant_number number) const { return by_number()[number].load(std::memory_order_acquire); }

  // The first entry of a merchant: holding this lock, take the seq for it, then `add`. So numbers rise with the seqs of
  // first entries.
  std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }
  bool full() const { return count_ == merchants_max; }
  merchant_number next_number() const { return newest_number_ + 1; }
  // With the lock held (or in recovery, where `number` is the journal's). The number must be free.
  merchant& add(std::string_view id, merchant_number number);

private:
  static constexpr std::size_t slot_count = 131'072;

  using cell = std::atomic<merchant*>;
  cell* slots() const { return static_cast<cell*>(slots_.data()); }
  cell* by_number() const { return static_cast<cell*>(numbers_.data()); }

  const std::uint64_t seed_;
  zeroed_memory slots_;
  zeroed_memory numbers_;
  std::mutex mutex_;
  std::size_t count_ = 0;
  merchant_number newest_number_ = 0;
};

} // namespace tally::actors
