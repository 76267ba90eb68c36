// A tallyd of the benchmark's own: started beside this program's executable on an empty folder and a free port, watched
// while it is measured, stopped and removed at the end.
#pragma once

#include "engine/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace tally::bench {

struct server_process_options {
  std::filesystem::path data; // empty: a new folder in the current one, removed afterwards
  std::uint32_t shards = 0;   // 0: the server's default
  bool sync = true;
  std::vector<std::string> flags; // of tallyd, besides those
};

// What the system knows about a process at one moment.
struct process_usage {
  struct thread {
    int id = 0;
    std::string name;
    double cpu_s = 0;
  };
  double user_s = 0, system_s = 0;
  std::uint64_t resident_bytes = 0, resident_bytes_peak = 0; // now, and at most since it began
  std::uint64_t written_bytes = 0;                           // caused to be sent to the disk, by all threads
  std::vector<thread> threads;

  double cpu_s() const { return user_s + system_s; }
};
process_usage usage_of(pid_t process);

class server_process {
public:
  // Returns once the server says that it is ready.
  static result<std::unique_ptr<server_process>> start(const server_process_options& options);
  ~server_process(); // stops it

  const std::string& address() const { return address_; } // HOST:PORT
  pid_t id() const { return process_; }
  const std::filesystem::path& data() const { return data_; }
  std::uint64_t data_bytes() const; // what the folder's files take
  // Asks it to end and waits; tells if it did not end by itself with 0.
  result<void> stop();

private:
  server_process() = default;
  result<void> spawn(const server_process_options& options);
  result<void> await_ready();

  pid_t process_ = -1;
  int output_ = -1;
  std::string address_;
  std::filesystem::path data_;
  bool remove_data_ = false;
};

} // namespace tally::bench
