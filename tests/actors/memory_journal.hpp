// A journal in memory for tests: becomes durable only when told, so that what must wait can be seen waiting.
#pragma once

#include "wal/journal.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace tally::actors {

// What is on the "disk": outlives the journal, so that a ledger can be opened again over it.
struct memory_disk {
  struct record {
    wal::bytes bytes;
    instant at;
  };
  std::mutex mutex;
  std::map<std::uint64_t, record> records;
  std::map<merchant_number, std::string> merchants;
  std::uint64_t durable = 0;
};

class memory_journal final : public wal::journal {
public:
  explicit memory_journal(std::shared_ptr<memory_disk> disk, bool holds_back = false) : disk_(std::move(disk)), holds_back_(holds_back) {}

  // Everything appended so far becomes durable; afterwards either as before or at once.
  void sync_now();
  void hold_back(bool holds_back) {
    holds_back_ = holds_back;
    if (!holds_back)
      sync_now();
  }
  std::uint64_t appended() const { return appended_; }

  result<void> replay(seq_t from, const wal::journal_reader::visitor& visit, const std::function<void(seq_t)>& progress) override;
  void start(std::uint32_t shard_count, std::function<void(seq_t durable)> on_durable) override;
  void append(std::uint32_t shard, const wal::batch& ready) override;
  seq_t durable_seq() const override { return {durable_}; }
  wal::digest newest_digest() const override { return {{durable_}, {}}; }
  result<void> must_hold(const wal::digest&) const override { return {}; }
  std::unique_ptr<wal::journal_reader> make_reader() override;
  void learn_merchant(merchant_number number, std::string_view name) override;
  void stop() override { hold_back(false); }

private:
  const std::shared_ptr<memory_disk> disk_;
  std::atomic<bool> holds_back_;
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> appended_{0};
  std::function<void(seq_t)> on_durable_;
};

} // namespace tally::actors
