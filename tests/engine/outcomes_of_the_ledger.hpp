// The outcomes that the engine alone never gives: of phones, of the server and of its limits. Their table is in
// tests/actors/outcomes_table_test.cpp; all others must be in a table of tests/engine.
#pragma once

#include "engine/names.hpp"

#include <array>

namespace tally {

inline constexpr std::array statuses_of_the_ledger = {outcome_status::forbidden, outcome_status::overloaded, outcome_status::unavailable};
inline constexpr std::array codes_of_the_ledger = {outcome_code::account_exists};

} // namespace tally
