#include "actors/stop_server.hpp"

#include "wal/process_end.hpp"

#include <unistd.h>

#include <cstdio>

namespace tally::actors {

void stop_server(std::string_view what, const failure& why) {
  std::fprintf(stderr, "tally: %.*s and the server stops: %s\n", static_cast<int>(what.size()), what.data(), why.what.c_str());
  std::fflush(stderr);
  ::_exit(wal::journal_failure_exit_status);
}

void must(const result<void>& done, std::string_view what) {
  if (!done)
    stop_server(what, done.error());
}

} // namespace tally::actors
