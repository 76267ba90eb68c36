// The server program: flags, the folder, the socket, signals. The thin main is net/tallyd_main.cpp.
#pragma once

namespace tally::net {

// Serves until SIGTERM or SIGINT; returns what the program exits with: 0 done, 1 it could not, 2 bad usage.
int run_tallyd(int argc, char** argv);

} // namespace tally::net
