// Hands out seqs and their time together: one 16-byte word, compare-and-swap, no lock. A later seq never carries an
// earlier time, whichever shard takes it.
#pragma once

#include "engine/instant.hpp"
#include "engine/quantities.hpp"

#include <atomic>
#include <optional>

namespace tally::actors {

class sequencer {
public:
  // Continues after the journal's newest entry.
  void reset(seq_t newest, instant newest_at);

  // The next free seq; another shard may take it first.
  seq_t next() const;
  // The time of the newest stamp.
  instant newest_at() const;
  // Takes `count` seqs stamped `at`, and returns the first. nullopt: somebody was stamped later than `at` already; decide
  // again with a later time.
  std::optional<seq_t> take(std::uint32_t count, instant at);
  // The same, but only from `first` on. False: somebody was faster.
  bool take_exactly(seq_t first, std::uint32_t count, instant at);

private:
  struct alignas(16) stamp {
    std::uint64_t next = 1;
    std::int64_t at_us = 0;
  };
  stamp load() const;

  mutable stamp newest_;
};

} // namespace tally::actors
