// A program of ours as a child of a crash test: it dies with the test, and a Ctrl-C is the test's alone.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace tally::crash {

struct child_process {
  pid_t pid = -1;
  int out = -1; // what it says on standard output; the caller's to close
};
// `words`: the program's path and its arguments. With `errors_too`, `out` has its standard error as well.
child_process start_child(std::vector<std::string> words, bool errors_too);

} // namespace tally::crash
