// The assembled ledger: journal, shards, programs, clock, readers. net/ puts a server in front of it; tests drive it as it is.
#pragma once

#include "actors/shard.hpp"
#include "engine/result.hpp"
#include "wal/journal.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace rocksdb {
class Env;
}

namespace tally::actors {

class snapshotter;
struct snapshot_figures;

struct ledger_options {
  std::filesystem::path folder;
  std::uint32_t shards = 0;          // 0: half the processors, at least 1
  std::optional<instant> test_clock; // a clock that stands still and is moved by advance_clock
  bool sync = true;                  // false only for measuring
  // How often the recovery point is moved; 0: no account images, every start reads the whole journal.
  std::chrono::milliseconds snapshot_every{0};
  std::size_t resident_accounts = 0; // how many accounts may be in memory, about; 0: all. Needs snapshots
  // Tests: CAF's test_coordinator runs the ordinary actors, whoever opened the ledger the snapshotter, and accounts always get the same
  // shards.
  bool stepped_actors = false;
  rocksdb::Env* env = nullptr; // of account images and personal data; null: the system's
};

class ledger {
public:
  // Opens the folder (made if missing), replays the journal, checks it. `progress` gets the seq reached, now and then.
  static result<std::unique_ptr<ledger>> open(const ledger_options& options, const std::function<void(seq_t)>& progress = {});
  // The same over a journal of the caller's, not started yet; personal data and account images are in the folder.
  static result<std::unique_ptr<ledger>> open(const ledger_options& options, std::unique_ptr<wal::journal> journal,
                                              const std::function<void(seq_t)>& progress = {});
  ~ledger();

  std::uint32_t shard_count() const;
  shard& shard_at(std::uint32_t index);
  // Starts the journal; each shard is then run by a thread of the caller's. Call before any shard::run.
  void start(std::span<port* const> ports);
  // Before a stop: scans of the whole journal are answered `unavailable` from now on, instead of being waited for.
  void give_up_scans();
  // After every shard::run has returned: writes what is left, closes the journal.
  void close();

  caf::actor_system& system();
  // The account as an ordinary actor handle, for any CAF actor of the process; null if there is no such account.
  // Messages it understands: actors/account_messages.hpp.
  caf::actor account(std::string_view merchant, std::string_view account);

  // Moves the recovery point now, and waits for it. Needs snapshots; not from a shard's thread.
  void snapshot_now();
  snapshot_figures figures() const;
  snapshotter& stepped_snapshots(); // where actors are stepped

  wal::journal& journal();
  std::size_t account_count() const; // in memory; while no shard runs, or roughly
  std::size_t memory_bytes() const;  // of accounts and directories; same

private:
  struct impl;
  explicit ledger(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace tally::actors
