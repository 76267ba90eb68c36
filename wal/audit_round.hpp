// A piece of the journal on its way from the router (wal/audit_router.hpp) to the workers (wal/audit_crew.hpp): some records, and for each
// worker the list of those that concern its accounts, in the order of the journal.
#pragma once

#include "wal/audit.hpp"
#include "wal/audit_accounts.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <vector>

namespace tally::wal {

// Where two workers meet for a transfer between accounts of both: the receiver's worker waits with its account until the sender's has
// judged the transfer. Each takes its own list in the order of the journal, so whoever waits for the earliest one is waited for by nobody.
struct account_meeting {
  enum : std::uint32_t { nobody_yet = 0, receiver_is_here = 1, judged = 2 };
  std::atomic<std::uint32_t> reached{nobody_yet};
  audited_account* receiver = nullptr;

  void move_on(std::uint32_t to) {
    reached.store(to, std::memory_order_release);
    reached.notify_all();
  }
  void wait_for(std::uint32_t wanted) const {
    for (std::uint32_t at = reached.load(std::memory_order_acquire); at < wanted; at = reached.load(std::memory_order_acquire))
      reached.wait(at, std::memory_order_acquire);
  }
};

struct audit_item {
  enum what_t : std::uint8_t {
    entry = 0,   // the first of a group, or the only one
    follows = 1, // of the same group as the one before it
    lends = 2,   // a transfer's receiver is this worker's: `meeting`
    rules = 3,   // `program` is in force from here on
  };
  what_t what = entry;
  std::uint32_t record_bytes = 0;
  std::uint32_t account_bytes = 0;
  const std::byte* record = nullptr; // in the round's arena, its length included
  const char* account = nullptr;     // the same; of a `lends` the receiver
  std::uint64_t hash = 0;            // account_hash
  seq_t number;
  instant at;
  const audited_merchant* merchant = nullptr;
  union {
    account_meeting* meeting = nullptr; // also of a transfer's first entry, where the receiver is another worker's
    const tally::program* program;
  };

  std::string_view account_id() const { return {account, account_bytes}; }
  std::span<const std::byte> bytes() const { return {record, record_bytes}; }
};

struct audit_round {
  bytes arena; // the records; never grows once items point into it
  std::vector<std::vector<audit_item>> items;
  std::deque<account_meeting> meetings;
  std::vector<std::vector<finding>> findings; // by worker, and at the end the router's own
  seq_t reached;
  bool last = false;                      // nothing comes after it
  std::atomic<std::uint32_t> pending = 0; // workers that are not done with it
};

} // namespace tally::wal
