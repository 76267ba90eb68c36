// One benchmark from the start of the server to the comparison of what was acknowledged with what is there.
#pragma once

#include "bench/ceiling.hpp"
#include "bench/histogram.hpp"
#include "bench/machine.hpp"
#include "bench/phases.hpp"
#include "bench/server_process.hpp"
#include "bench/workload.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tally::bench {

struct run_options {
  std::string profile = "flood";
  std::string server; // HOST:PORT; empty: one of our own
  server_process_options own_server;
  workload_options work;
  std::uint32_t connections = 8;
  std::uint32_t in_flight = 1024;
  std::uint32_t operations_per_frame = 64;
  double rate = 0; // operations per second; 0: flat out
  double duration_s = 10;
  double warmup_s = 2;
  std::uint32_t verify_accounts = 20'000;
  bool probe_disk = false; // the disk's own synced append beside the figures

  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

// Of one kind of operation, or of all.
struct latency_summary {
  std::string name;
  std::uint64_t count = 0;
  std::uint64_t p50_us = 0, p90_us = 0, p99_us = 0, p999_us = 0, max_us = 0;
};
latency_summary summarize(std::string name, const histogram& from);

// What our own server used inside the window; not known of a server elsewhere.
struct server_usage {
  double user_s = 0, system_s = 0;
  std::uint64_t resident_bytes_ready = 0;                         // before the first account
  std::uint64_t resident_bytes_begin = 0, resident_bytes_end = 0; // of the window
  std::uint64_t resident_bytes_peak = 0;                          // enrolling included
  double resident_bytes_per_account = 0;
  double data_bytes_per_op = 0;    // growth of its folder
  double written_bytes_per_op = 0; // everything it wrote, copies and all
  struct thread {
    std::string name;
    double cpu_s;
  };
  std::vector<thread> threads; // that did anything, busiest first
};

struct run_result {
  double window_s = 0;
  std::uint64_t operations = 0;
  double ops_per_s = 0;
  latency_summary all;
  std::vector<latency_summary> by_operation;
  std::int64_t longest_silence_us = 0;
  outcome_counts outcomes;
  std::uint64_t errors = 0;

  bool verified = false;
  std::uint64_t accounts_read = 0;
  std::vector<std::string> differences; // the first few

  machine_description machine;
  double enrolled_per_s = 0;
  double generator_cpu_s = 0;
  double generator_share = 0; // of all cores, inside the window
  std::optional<server_usage> server;
  std::optional<latency_summary> disk_append; // 4 KiB and fdatasync
  ceiling_result ceiling;
};

result<run_result> run_benchmark(const run_options& options);

// Memory by what accounts hold: enrolls, then goes through rounds of operations and looks at the server after each.
struct memory_stage {
  std::string holds;
  std::uint64_t resident_bytes = 0;
  double bytes_per_account = 0;
};
struct memory_result {
  machine_description machine;
  std::uint32_t accounts = 0;
  std::uint64_t resident_bytes_ready = 0;
  std::vector<memory_stage> stages;
  std::uint64_t errors = 0;
};
result<memory_result> run_memory(const run_options& options);

} // namespace tally::bench
