#include "wal/process_end.hpp"

#include <unistd.h>

#include <cstdio>

namespace tally::wal {

void end_the_process(const journal_options& options, seq_t durable, const failure& why) {
  if (options.instead_of_stopping)
    options.instead_of_stopping(why);
  std::fprintf(stderr, "tally: the journal cannot go on and the server stops: %s\n", why.what.c_str());
  std::fprintf(stderr, "tally: every acknowledged operation, up to entry %llu, is on disk\n",
               static_cast<unsigned long long>(durable.value));
  std::fflush(stderr);
  ::_exit(journal_failure_exit_status);
}

} // namespace tally::wal
