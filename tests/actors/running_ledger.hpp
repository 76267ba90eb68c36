// A ledger with a scripted port and a thread per shard, for tests.
#pragma once

#include "actors/ledger.hpp"
#include "tests/actors/memory_journal.hpp"
#include "tests/actors/scripted_port.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tally::actors {

// Removed at the end.
class temporary_folder {
public:
  temporary_folder();
  ~temporary_folder();
  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

ledger_options options_for(const temporary_folder& folder, std::uint32_t shards, std::optional<instant> test_clock = {});

class running_ledger {
public:
  explicit running_ledger(const ledger_options& options);
  running_ledger(ledger_options options, std::unique_ptr<wal::journal> journal);
  ~running_ledger() { stop(); }

  // Stops the shards and closes the journal.
  void stop();

  // To the port of shard `port`, whatever shard the account lives on.
  scripted_answer call(const command& asked, std::size_t port = 0) { return at(port).wait(at(port).send(asked)); }
  scripted_port& at(std::size_t port) { return *ports_[port]; }
  ledger& operator*() { return *ledger_; }
  ledger* operator->() { return ledger_.get(); }
  std::uint32_t shard_of(std::string_view account, std::string_view merchant = "beanhouse");
  // Ids that live on the given shards, one each; each other than the ones before.
  std::vector<std::string> names_on(const std::vector<std::uint32_t>& shards);
  // Of every account, by "merchant/account"; only after `stop`.
  std::vector<std::string> fingerprints();

private:
  void start();

  std::uint64_t last_name_ = 0;
  std::unique_ptr<ledger> ledger_;
  std::vector<std::unique_ptr<scripted_port>> ports_;
  std::vector<std::thread> threads_;
};

// Of every account in memory, by "merchant/account", with what it has spilled; while no shard runs.
std::vector<std::string> fingerprints_of(ledger& tally);

// Commands, short.
command enroll_of(std::string_view account, std::string_view merchant = "beanhouse");
command earn_of(std::string_view account, std::string_view order, std::int64_t units, std::string_view merchant = "beanhouse");
command redeem_of(std::string_view account, std::string_view order, std::int64_t points, std::string_view merchant = "beanhouse");
command transfer_of(std::string_view from, std::string_view to, std::string_view reference, std::int64_t points);
command authorize_of(std::string_view account, std::string_view reservation, std::int64_t points);
// capture, void: of a reservation.
command of_reservation(op kind, std::string_view account, std::string_view reservation);
// approve, reject.
command of_review(op kind, seq_t review, std::string_view merchant = "beanhouse");
command read_of(op kind, std::string_view account, std::string_view merchant = "beanhouse");
command put_of(std::string_view toml, std::string_view merchant = "beanhouse");
command advance_to(instant to);

inline constexpr std::int64_t one = money_t::units_per_one;
// 2026-01-01T00:00:00Z
inline constexpr instant new_year{1'767'225'600'000'000};

// 1 point per 1.00, at once, for ever; 100 points are worth 1.00; 50 opening points.
extern const std::string plain_rules;

} // namespace tally::actors
