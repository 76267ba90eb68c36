// Runs the scans of liability, one after another, in slices: an ordinary CAF actor with a journal reader of its own, so that neither
// the shards nor other reads wait for it.
#pragma once

#include "actors/liability.hpp"
#include "actors/reader_actor.hpp"

#include <caf/stateful_actor.hpp>

#include <deque>
#include <memory>
#include <optional>

namespace tally::actors {

inline constexpr std::size_t liability_jobs_max = 16; // that wait; past it a request is answered `overloaded`

struct liability_state {
  std::deque<std::shared_ptr<read_job>> jobs; // the first one is running
  std::optional<liability_scan> scan;         // of it
  std::shared_ptr<wal::journal_reader> journal;
  static inline const char* name = "liability";
};

// Takes read_message; sends itself `caf::tick_atom` from slice to slice. A ledger that stops answers what is left `unavailable`.
caf::behavior liability_actor(caf::stateful_actor<liability_state>* self, ledger_parts* parts);

} // namespace tally::actors
