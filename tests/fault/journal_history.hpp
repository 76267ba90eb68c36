// A short life of a journal on a disk in memory, recorded call by call, and the check of what a fault leaves of it.
//
// A history is a few lives. Each opens the journal over what the one before left, writes groups of entries from several shards, some
// commits carrying what came together meanwhile, and ends by a clean stop or by a power loss. What was acknowledged is
// noted down outside, with the number of calls made by then.
#pragma once

#include "tests/fault/held_journal.hpp"
#include "tests/wal/entries.hpp"

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace tally::fault {

// What stands at a seq: which group, and in which life it was written.
struct expected_entry {
  std::uint64_t group = 0; // its first seq
  std::uint32_t life = 0;
  std::uint32_t note_bytes = 0;

  wal::testing::owned_entry made(std::uint64_t number) const;
};
using expected_entries = std::vector<expected_entry>; // of seq 1, 2 …

struct recorded_life {
  disk_content before;
  std::vector<disk_call> calls;
  std::vector<acknowledgement> acknowledged; // the first one: what was there when it began
  expected_entries entries;                  // before it, and then its own

  // By the first `count` calls.
  std::uint64_t acknowledged_after(std::size_t count) const;
};

// A journal that is being written with entries that are known.
// Lifecycle: open, hand_over and commit in any order, then stop or lose_power.
class living_journal {
public:
  // `entries`: what is in it already.
  living_journal(const disk_content& before, expected_entries entries, std::uint32_t life, std::size_t memtable_bytes);

  // The faults to come are set here.
  fault_disk& disk() { return disk_; }
  result<void> open();
  // One batch of whole groups, of that many entries each.
  void hand_over(std::uint32_t shard, const std::vector<std::uint32_t>& groups, std::uint32_t note_bytes);
  bool commit() { return journal_->commit(); }
  void stop(); // cleanly, if it has not stopped
  void lose_power();

  bool has_stopped() const { return journal_ && journal_->has_stopped(); }
  std::string why() const { return journal_->why(); } // it has stopped
  std::uint64_t written() const { return entries_.size(); }
  std::uint64_t acknowledged() const;
  recorded_life recorded() const;

  static constexpr std::uint32_t shards = 3;

private:
  const disk_content before_;
  const std::uint64_t entries_before_;
  fault_disk disk_;
  expected_entries entries_;
  const std::uint32_t number_;
  const std::size_t memtable_bytes_;
  std::deque<wal::batch> batches_;
  std::unique_ptr<held_journal> journal_;
};

// What was found of a disk that went through a fault.
struct found {
  std::string problem; // empty: as promised
  std::string refusal; // what opening it said, if it did not open at once
  bool repaired = false;
  std::uint64_t newest = 0;
};

// Opens the journal on that disk, by way of a repair where it asks for one, and reads all of it: every entry as it was written, no gap,
// no part of a group, nothing acknowledged missing. With `and_goes_on` one more group is written and everything read again.
found check_disk(const disk_content& content, const expected_entries& entries, std::uint64_t acknowledged, bool and_goes_on);

} // namespace tally::fault
