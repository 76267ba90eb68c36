// A life that is played again and again, each time with another of its calls failing, or the same one in another way.
#pragma once

#include "tests/fault/fault_file_system.hpp"

#include <functional>
#include <optional>

namespace tally::fault {

// "write /disk/a +17 at 40 fails, and so does all that follows, as call 7"
std::string text_of(const call_fault& fault, const disk_call& failed);
// Adds what failed to the totals; `of_what` comes behind it.
void count_failing_call(const call_fault& fault, const disk_call& failed, const std::string& of_what = {});

// Plays a life with that fault in it, and tells what failed; nothing once the life has fewer calls.
using faulty_life = std::function<std::optional<disk_call::kind>(const call_fault&)>;
// Every `step`-th call from the `first` on, in each of the ways that such a call fails. Returns how often it was played.
std::uint64_t fail_calls(std::uint64_t first, std::uint64_t step, const faulty_life& play);

} // namespace tally::fault
