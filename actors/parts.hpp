// What the shards and the ordinary actors of one ledger share: journal, sequencer, clock, merchants, CAF. Owned by `ledger`.
#pragma once

#include "actors/clock.hpp"
#include "actors/ledger.hpp"
#include "actors/merchants.hpp"
#include "actors/sequencer.hpp"
#include "actors/snapshotter.hpp"
#include "personal/store.hpp"
#include "snapshot/image_store.hpp"
#include "wal/journal.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <limits>
#include <memory>
#include <vector>

namespace tally::actors {

class shard_core;

struct ledger_parts {
  ledger_parts(const ledger_options& options, std::unique_ptr<wal::journal> its_journal, std::uint64_t seed);

  // Now by the clock, but never before the newest entry.
  instant now() const { return std::max(clock.now(), stamps.newest_at()); }
  // Every seq that was handed out so far.
  seq_t newest_taken() const { return {stamps.next().value - 1}; }
  // By the high bits; the directory uses the low ones.
  std::uint32_t shard_of(std::uint64_t hash) const {
    return static_cast<std::uint32_t>((static_cast<uint128>(hash) * shards.size()) >> 64);
  }
  shard_core& core(std::uint32_t index) const { return shards[index]->core(); }
  // For its first entry, which has its seq already; with the merchants' lock held.
  merchant& add_merchant(std::string_view id) {
    merchant& added = merchants.add(id, merchants.next_number());
    journal->learn_merchant(added.number, added.id);
    return added;
  }

  std::unique_ptr<wal::journal> journal;
  std::unique_ptr<personal::store> personal;
  std::unique_ptr<snapshot::image_store> images; // null: everything stays in memory, and every start reads the whole journal
  std::unique_ptr<snapshotter> snapshots;        // the same
  std::size_t resident_accounts_max = SIZE_MAX;  // of each shard
  alignas(64) sequencer stamps;                  // the one line that all shards write to
  alignas(64) ledger_clock clock;
  merchant_table merchants;

  caf::actor_system_config caf_config;
  std::unique_ptr<caf::actor_system> system;
  caf::actor supervisor;

  std::vector<std::unique_ptr<shard>> shards;
  std::vector<port*> ports;
  std::atomic<std::uint32_t> open_intents{0}; // changes of personal data that are begun and neither settled nor dropped
  instant due_brought_back_until{std::numeric_limits<std::int64_t>::min()}; // by the test clock, on shard 0
  std::atomic<std::uint32_t> quiet_shards{0};                               // stopping, and nothing of theirs is on its way
  std::atomic<bool> giving_up{false};                                       // long scans end: the ledger is about to stop
  const bool stepped;
  bool started = false;
  bool closed = false;
};

} // namespace tally::actors
