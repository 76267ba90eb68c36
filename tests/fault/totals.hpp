// How many faults were played, by kind; printed when the program ends.
#pragma once

#include <cstdint>
#include <string>

namespace tally::fault {

void count_fault(const std::string& kind, std::uint64_t how_many = 1);

// How many cut points each test plays: TALLY_FAULT_POINTS of them over all, or the few that every run has.
// `share` is the test's own of them, in percent.
std::uint64_t points_for(std::uint64_t share);

} // namespace tally::fault
