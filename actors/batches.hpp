// A shard's entries on their way to disk: the batch being filled, those handed to the journal, and those free again.
#pragma once

#include "wal/journal.hpp"

#include <deque>
#include <memory>
#include <vector>

namespace tally::actors {

// Thread: its shard's.
class batches {
public:
  batches() : open_(std::make_unique<wal::batch>()) {}

  void add(const entry& entry) { open_->add(entry); }
  bool open_empty() const { return open_->empty(); }
  std::size_t open_bytes() const { return open_->records.size(); }
  // Everything added so far becomes durable by itself.
  bool all_durable() const { return open_->empty() && handed_over_.empty(); }

  void hand_over(wal::journal& journal, std::uint32_t shard);
  // Batches up to there are used again.
  void recycle(seq_t durable);

  // The group that begins at `first`, if it is here, valid until the next call; else nothing.
  std::span<const entry> find_group(seq_t first);

private:
  const wal::batch* batch_of(seq_t number) const;

  std::unique_ptr<wal::batch> open_;
  std::deque<std::unique_ptr<wal::batch>> handed_over_; // oldest first
  std::vector<std::unique_ptr<wal::batch>> free_;
  std::vector<entry> group_;
  std::deque<wal::decode_buffer> group_buffers_; // one an entry: they are all shown at once
};

} // namespace tally::actors
