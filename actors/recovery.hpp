// Brings a ledger back from its journal: every entry applied to its account, every version of every program read again.
#pragma once

#include "engine/result.hpp"

#include <functional>

namespace tally {
struct seq_t;
}

namespace tally::actors {

struct ledger_parts;

// Before anything is started, on the caller's thread.
result<void> recover(ledger_parts& parts, const std::function<void(seq_t)>& progress);

} // namespace tally::actors
