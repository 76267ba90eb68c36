// A journal on a disk in memory that commits only when it is told to, so that whoever drives it on one thread decides what comes
// together in a commit, and a seed always makes the same history. The journal inside is the real one, with its thread.
#pragma once

#include "tests/fault/fault_file_system.hpp"
#include "wal/rocksdb_journal.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tally::fault {

inline const std::string journal_name = "/disk/data/journal";

wal::journal_options journal_options_on(const fault_disk& disk, std::size_t memtable_bytes = 64ull << 20);

struct acknowledgement {
  std::size_t calls = 0; // in the disk's history when it was given
  std::uint64_t seq = 0;
};

// Everything on the thread of its owner. No seq may be missing in what was appended when it ends.
class held_journal final : public wal::journal {
public:
  static result<std::unique_ptr<held_journal>> open(fault_disk& disk, std::size_t memtable_bytes = 64ull << 20);
  ~held_journal() override { lose_power(); }

  // Lets the journal write once, if it has something to write. False: it has stopped instead.
  bool commit();
  bool has_something() const { return disk_.files->is_holding(); }
  // The power goes, here and now: nothing changes the disk any more.
  void lose_power();

  bool has_stopped() const { return stopped_.load(); }
  const std::string& why() const { return why_; }                                    // it has stopped
  const std::vector<acknowledgement>& acknowledged() const { return acknowledged_; } // while nothing is being written

  result<void> replay(seq_t from, const wal::journal_reader::visitor& visit, const std::function<void(seq_t)>& progress) override;
  void start(std::uint32_t shard_count, std::function<void(seq_t durable)> on_durable) override;
  void append(std::uint32_t shard, const wal::batch& ready) override;
  seq_t durable_seq() const override { return inner_->durable_seq(); }
  wal::digest newest_digest() const override { return inner_->newest_digest(); }
  result<void> must_hold(const wal::digest& what) const override { return inner_->must_hold(what); }
  std::unique_ptr<wal::journal_reader> make_reader() override { return inner_->make_reader(); }
  void learn_merchant(merchant_number number, std::string_view name) override { inner_->learn_merchant(number, name); }
  void stop() override; // writes what is left, if it has not stopped
  void close();         // stops, and closes the files; only `acknowledged` and `why` may be asked then

private:
  explicit held_journal(fault_disk& disk) : disk_(disk) {}
  // Until the journal's thread waits before a commit, has nothing to do, or has stopped.
  void let_settle();

  fault_disk& disk_;
  std::map<std::uint64_t, std::uint32_t> after_a_gap_; // runs, by their first seq
  std::uint64_t next_ = 1;                             // the first seq that was not appended, or comes after a gap
  std::vector<acknowledgement> acknowledged_;          // the journal's thread adds to it
  std::atomic<std::uint64_t> told_{0};                 // up to there it has, and everybody was told; the journal is durable before
  std::atomic<bool> stopped_{false};
  std::string why_;
  bool is_started_ = false;
  std::unique_ptr<wal::rocksdb_journal> inner_;
};

} // namespace tally::fault
