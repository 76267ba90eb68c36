// Ends the process where going on could lose or invent something; what was acknowledged is on disk, and the next start goes on from there.
#pragma once

#include "engine/result.hpp"

#include <string_view>

namespace tally::actors {

// "tally: <what> and the server stops: <why>", with the exit status of a journal that fails.
[[noreturn]] void stop_server(std::string_view what, const failure& why);

// Ends the process if `done` failed.
void must(const result<void>& done, std::string_view what);

} // namespace tally::actors
