// What an audit or a replay knows of merchants and accounts. An account is one worker's, found in a flat table by the hash of its id.
#pragma once

#include "engine/account.hpp"
#include "engine/hash.hpp"
#include "engine/rules.hpp"
#include "wal/huge_allocator.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace tally::wal {

// One merchant of the journal, by its id. The router's; workers read it.
struct audited_merchant {
  std::string id;
  std::uint32_t index = 0;    // 0, 1, 2 ... in order of appearance
  merchant_number number = 0; // the first that was given this id; 0: none was
  std::deque<program> programs;
};

// Some 310 bytes and what the state has on the heap.
struct audited_account {
  const audited_merchant* merchant = nullptr;
  std::string id;
  std::int64_t points = 0, pending = 0, reserved = 0, lifetime = 0; // sums over the entries
  seq_t image_seq;                                                  // where its snapshot image was taken; 0: there is none to compare
  std::uint64_t image_checksum = 0;
  std::uint32_t rules = 0;     // newest version that an entry of it was decided under
  bool broken = false;         // something did not follow: what comes after cannot be judged
  bool image_compared = false; // or known to be unreadable
  account_state state;
};

// Which account an id is, within one journal.
inline std::uint64_t account_hash(const audited_merchant& merchant, std::string_view id) { return hash64(id, merchant.index + 1); }

// The accounts of one worker. They stay where they are.
class audited_accounts {
public:
  audited_accounts() = default;
  audited_accounts(const audited_accounts&) = delete;
  audited_accounts& operator=(const audited_accounts&) = delete;
  ~audited_accounts() {
    for_each([](audited_account& each) { each.~audited_account(); });
  }

  std::size_t size() const { return count_; }

  // `made` tells whether it is new.
  audited_account& find_or_make(const audited_merchant& merchant, std::string_view id, std::uint64_t hash, bool& made) {
    if ((count_ + 1) * 4 > slots_.size() * 3)
      grow();
    slot& place = slot_of(merchant, id, hash);
    made = place.account == nullptr;
    if (made) {
      place = {hash, add()};
      place.account->merchant = &merchant;
      place.account->id = id;
    }
    return *place.account;
  }
  // Null if there is none.
  audited_account* find(const audited_merchant& merchant, std::string_view id, std::uint64_t hash) {
    return slots_.empty() ? nullptr : slot_of(merchant, id, hash).account;
  }

  // For who is about to look: first where it is found, then, once that is there, itself.
  void prefetch_place(std::uint64_t hash) const {
    if (!slots_.empty())
      __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }
  void prefetch(std::uint64_t hash) const {
    if (slots_.empty())
      return;
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    while (slots_[at].account != nullptr && slots_[at].hash != hash)
      at = (at + 1) & mask;
    const char* const account = reinterpret_cast<const char*>(slots_[at].account);
    if (account != nullptr)
      for (std::size_t offset = 0; offset < sizeof(audited_account); offset += 64)
        __builtin_prefetch(account + offset, 1);
  }

  template <class Visitor>
  void for_each(const Visitor& visit) const {
    for (std::size_t i = 0; i < count_; ++i)
      visit(*at(i));
  }

private:
  struct slot {
    std::uint64_t hash = 0;
    audited_account* account = nullptr;
  };
  struct room {
    alignas(audited_account) std::byte bytes[sizeof(audited_account)];
  };
  static constexpr std::size_t chunk_accounts = 2 * huge_page_bytes / sizeof(audited_account);
  using chunk = std::vector<room, huge_allocator<room>>;

  audited_account* at(std::size_t index) const {
    const room& place = chunks_[index / chunk_accounts][index % chunk_accounts];
    return const_cast<audited_account*>(reinterpret_cast<const audited_account*>(place.bytes));
  }
  audited_account* add() {
    if (count_ == chunks_.size() * chunk_accounts)
      chunks_.emplace_back().resize(chunk_accounts);
    return new (at(count_++)) audited_account();
  }

  slot& slot_of(const audited_merchant& merchant, std::string_view id, std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
      slot& here = slots_[at];
      if (here.account == nullptr || (here.hash == hash && here.account->merchant == &merchant && here.account->id == id))
        return here;
    }
  }
  void grow() {
    slots_t larger(slots_.empty() ? 1024 : slots_.size() * 2);
    const std::size_t mask = larger.size() - 1;
    for (const slot& each : slots_) {
      if (each.account == nullptr)
        continue;
      std::size_t at = each.hash & mask;
      while (larger[at].account != nullptr)
        at = (at + 1) & mask;
      larger[at] = each;
    }
    slots_.swap(larger);
  }

  using slots_t = std::vector<slot, huge_allocator<slot>>;
  slots_t slots_; // a power of two
  std::vector<chunk> chunks_;
  std::size_t count_ = 0;
};

} // namespace tally::wal
