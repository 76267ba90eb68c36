// Brings a ledger back: merchants, rules, open reviews, time. With account images, what is behind their recovery point is read and each
// account comes back when it is asked for, or with the next round of images; without, the whole journal is read and every entry
// applied to its account.
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
