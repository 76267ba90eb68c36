#include "bench/machine.hpp"

#include "bench/generator.hpp"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#ifndef TALLY_COMMIT
#define TALLY_COMMIT "unknown"
#endif
#ifndef TALLY_BUILD_TYPE
#define TALLY_BUILD_TYPE "unknown"
#endif

namespace tally::bench {

namespace {

std::string cpu_model() {
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("model name"))
      return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}

// The type of the mount with the longest path that `folder` is in.
std::string file_system_of(const std::filesystem::path& folder) {
  std::error_code error;
  const std::string place = std::filesystem::weakly_canonical(folder, error).string() + "/";
  std::ifstream mounts("/proc/self/mounts");
  std::string found = "unknown";
  std::size_t longest = 0;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, point, type;
    words >> device >> point >> type;
    const std::string prefix = point.ends_with('/') ? point : point + "/";
    if (place.starts_with(prefix) && prefix.size() >= longest) {
      longest = prefix.size();
      found = type;
    }
  }
  return found;
}

failure system_failure(const std::filesystem::path& file) { return {failure_code::io, file.string() + ": " + std::strerror(errno)}; }

} // namespace

machine_description describe_machine(const std::filesystem::path& data) {
  machine_description machine;
  machine.commit = TALLY_COMMIT;
  machine.build_type = TALLY_BUILD_TYPE;
  machine.cpu = cpu_model();
  machine.cores = std::thread::hardware_concurrency();
  utsname system{};
  if (::uname(&system) == 0)
    machine.kernel = std::string(system.sysname) + " " + system.release;
  machine.file_system = file_system_of(data);
  return machine;
}

std::string build_warning() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "built with a sanitizer: these figures mean nothing";
#elif !defined(__OPTIMIZE__)
  return "built without optimisation: these figures mean nothing";
#else
  return {};
#endif
}

double thread_cpu_s() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

result<histogram> measure_synced_append(const std::filesystem::path& folder, std::size_t bytes, std::size_t times) {
  const std::filesystem::path path = folder / "append-probe";
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0)
    return system_failure(path);
  const std::vector<char> block(bytes, 'x');
  histogram taken;
  bool failed = false;
  for (std::size_t i = 0; i < times && !failed; ++i) {
    const std::int64_t started = steady_now_ns();
    failed = ::write(file, block.data(), block.size()) != static_cast<ssize_t>(block.size()) || ::fdatasync(file) != 0;
    taken.record(static_cast<std::uint64_t>(steady_now_ns() - started) / 1000);
  }
  const failure why = system_failure(path);
  ::close(file);
  ::unlink(path.c_str());
  if (failed)
    return why;
  return taken;
}

} // namespace tally::bench
