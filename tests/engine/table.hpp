// Tables of events: one line an event of tests/engine/test_ledger.hpp, after the arrow the outcome and the entries it made. A line
// that begins with `rules` makes the named rules the next version.
#pragma once

#include "tests/engine/test_ledger.hpp"

namespace tally {

// Plays a table against a new ledger; then every account's journal is replayed and must come to the same state.
// TALLY_SHOW_TABLES=1 prints what each event answers, for writing a table.
void play(const char* table);

} // namespace tally
