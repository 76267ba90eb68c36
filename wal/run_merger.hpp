// Puts the shards' runs into the one order of seq. A run after a gap is held back until the missing seqs, which another shard has
// taken and not handed over yet, are there.
#pragma once

#include "wal/batch_ring.hpp"

#include <memory>
#include <vector>

namespace tally::wal {

// `hand_over` on the thread of its shard, everything else on the journal thread.
class run_merger {
public:
  struct piece {
    wal::run run;
    std::span<const std::byte> records;
  };

  // `next`: the first seq that is not in the journal yet.
  run_merger(std::uint32_t shard_count, seq_t next);

  // False if that shard's ring is full.
  bool hand_over(std::uint32_t shard, const batch* handed) { return inlets_[shard]->ring.push(handed); }

  // Whether `take` would find something.
  bool ready();
  // The run that begins at the next seq. Its batch is untouched from the next call on.
  bool take(piece& out);
  // The last run that was taken is done with, and its batch untouched from now on.
  void release() { pass_taken(); }
  // Nothing is held back.
  bool empty() const;
  seq_t next() const { return next_; }
  std::size_t shard_count() const { return inlets_.size(); }

private:
  struct inlet {
    batch_ring ring;
    std::size_t next_run = 0; // of the front batch
  };
  bool stands_at_next(inlet& from);
  void pass_taken();

  std::vector<std::unique_ptr<inlet>> inlets_;
  std::size_t current_ = 0; // the inlet that gave the last run: the next one is likely there too
  bool taken_ = false;      // the current inlet's run has been given out and not passed yet
  seq_t next_;
};

} // namespace tally::wal
