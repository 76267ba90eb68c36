// How the process ends when the journal cannot go on.
#pragma once

#include "wal/rocksdb_journal.hpp"

namespace tally::wal {

// What the process ends with then: EX_IOERR of sysexits.h.
inline constexpr int journal_failure_exit_status = 74;

// Says why, and that everything up to `durable` is on disk. After a failed write or sync nobody knows what is on disk: no retry, no flush,
// no destructor may pretend otherwise.
[[noreturn]] void end_the_process(const journal_options& options, seq_t durable, const failure& why);

} // namespace tally::wal
