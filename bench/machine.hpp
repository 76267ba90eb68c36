// What a figure was measured on, and what that machine's disk can do by itself.
#pragma once

#include "bench/histogram.hpp"
#include "engine/result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

namespace tally::bench {

struct machine_description {
  std::string commit;     // of the sources, as CMake found them
  std::string build_type; // and whether it is optimised, or slowed down by a sanitizer
  std::string cpu;
  unsigned cores = 0;
  std::string kernel;
  std::string file_system; // of the data folder
};
machine_description describe_machine(const std::filesystem::path& data);

// Empty, or why figures of this build mean nothing.
std::string build_warning();

// Seconds of processor time this thread has used.
double thread_cpu_s();

// How long it takes to append `bytes` to a file of this folder and sync it (fdatasync), in microseconds.
result<histogram> measure_synced_append(const std::filesystem::path& folder, std::size_t bytes, std::size_t times);

} // namespace tally::bench
