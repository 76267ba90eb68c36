// `tally archive` as a child process, beside a server that keeps dying; is killed itself, too.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace tally::crash {

// Lifecycle: one for a whole test, with one run at a time. One thread.
class archiver {
public:
  // Moves what comes before some entry of the data folder to a folder of its own.
  archiver(std::string folder, std::string to);
  ~archiver(); // kills it if it still runs
  archiver(const archiver&) = delete;
  archiver& operator=(const archiver&) = delete;

  void start(std::uint64_t before);
  // Whether it runs; if it ended, what it said is looked at.
  bool runs();
  void kill();
  // Waits for its end. It has one with a server and without one.
  void wait();

  std::string problem; // the first run that ended as it should not
  std::uint64_t started = 0;
  std::uint64_t killed = 0;
  std::uint64_t in_need_of_repair = 0; // it met a log that ended in half a write, as a server does

private:
  void ended(int state);

  const std::string folder_, to_;
  pid_t pid_ = -1;
  int out_ = -1;
};

} // namespace tally::crash
