// Starts the ordinary actors, gives them their work and watches over them. A reader that dies is started again; what it had
// to do is answered `unavailable`. A program actor or the registrar that dies ends the process: rules must not get lost quietly, and
// personal data must not be half changed.
#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <unordered_map>
#include <vector>

namespace tally::actors {

struct ledger_parts;

inline constexpr std::size_t reader_count = 2;

struct supervisor_state {
  std::vector<caf::actor> readers;
  std::size_t next_reader = 0;
  caf::actor tail_reader; // many subscribers do not hold up other reads
  caf::actor liability;
  caf::actor registrar;
  std::unordered_map<std::string, caf::actor> programs; // by merchant
  static inline const char* name = "supervisor";
};

// Takes read_message (each kind of read to its actor), put_program_message and registrar_message; answers `caf::get_atom` with its readers,
// for tests.
caf::behavior supervisor(caf::stateful_actor<supervisor_state>* self, ledger_parts* parts);

} // namespace tally::actors
