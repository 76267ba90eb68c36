// What an audit or a replay knows of merchants and accounts. An account is one worker's, found in a flat table by the hash of its id.
#pragma once

#include "engine/account.hpp"
#include "engine/hash.hpp"
#include "engine/rules.hpp"

#include <cstdint>
#include <deque>
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

// 344 bytes and what the state has on the heap.
struct audited_account {
  const audited_merchant* merchant = nullptr;
  std::string id;
  std::int64_t points = 0, pending = 0, reserved = 0, lifetime = 0; // sums over the entries
  seq_t image_seq;                                                  // where its snapshot image was taken; 0: there is none to compare
  std::uint32_t rules = 0;                                          // newest version that an entry of it was decided under
  bool broken = false;         // something did not follow: what comes after cannot be judged
  bool image_compared = false; // or known to be unreadable
  account_state state;
};

// Which account an id is, within one journal.
inline std::uint64_t account_hash(const audited_merchant& merchant, std::string_view id) { return hash64(id, merchant.index + 1); }

// The accounts of one worker. They stay where they are.
class audited_accounts {
public:
  // `made` tells whether it is new.
  audited_account& find_or_make(const audited_merchant& merchant, std::string_view id, std::uint64_t hash, bool& made) {
    if ((accounts_.size() + 1) * 4 > slots_.size() * 3)
      grow();
    slot& place = slot_of(merchant, id, hash);
    made = place.account == nullptr;
    if (made) {
      audited_account& fresh = accounts_.emplace_back();
      fresh.merchant = &merchant;
      fresh.id = id;
      place = {hash, &fresh};
    }
    return *place.account;
  }
  // Null if there is none.
  audited_account* find(const audited_merchant& merchant, std::string_view id, std::uint64_t hash) {
    return slots_.empty() ? nullptr : slot_of(merchant, id, hash).account;
  }
  void prefetch(std::uint64_t hash) const {
    if (!slots_.empty())
      __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }

  std::deque<audited_account>& all() { return accounts_; }

private:
  struct slot {
    std::uint64_t hash = 0;
    audited_account* account = nullptr;
  };

  slot& slot_of(const audited_merchant& merchant, std::string_view id, std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
      slot& here = slots_[at];
      if (here.account == nullptr || (here.hash == hash && here.account->merchant == &merchant && here.account->id == id))
        return here;
    }
  }
  void grow() {
    std::vector<slot> larger(slots_.empty() ? 1024 : slots_.size() * 2);
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

  std::vector<slot> slots_; // a power of two
  std::deque<audited_account> accounts_;
};

} // namespace tally::wal
