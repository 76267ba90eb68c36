// A real tallyd as a child process: started, waited for, killed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tally::crash {

class server_process {
public:
  // Starts BIN_DIR/tallyd on a folder, with a port of its own choice. `extra` goes to its command line.
  server_process(const std::string& folder, const std::vector<std::string>& extra = {});
  ~server_process(); // kills it if it still runs
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;

  // Waits for the ready line; nullopt when the process ends without one. The port.
  std::optional<std::uint16_t> wait_ready();
  void kill(int signal);
  // Waits for the end: exit status, or 128 + signal.
  int wait();
  pid_t pid() const { return pid_; }

private:
  pid_t pid_ = -1;
  int out_ = -1;
};

// What somebody does whose server refuses to start after a kill in the middle of a write: `tally repair`. False where it refuses, too, or
// found nothing to drop. It says the rest itself.
bool repair(const std::string& folder);

// The folder of the programs under test: TALLY_BIN_DIR, or where this program lies.
std::string binary_folder();

} // namespace tally::crash
