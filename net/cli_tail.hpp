// The output of a tail: `tally tail`, and the last operation of `tally exec`.
#pragma once

#include "net/cli.hpp"

#include <functional>

namespace tally::net {

// Prints the entries as JSON lines on standard output, each piece as it comes, until Ctrl-C, until nobody reads the output any more, or
// until `go_on` says no. Returns the exit status: done, or what ended it instead.
int print_tail(client& server, const command& tail, const std::function<bool()>& go_on);

} // namespace tally::net
