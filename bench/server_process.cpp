#include "bench/server_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

namespace tally::bench {

namespace {

constexpr auto ready_within = std::chrono::seconds(60);
constexpr auto stopped_within = std::chrono::minutes(10); // it takes the images of all accounts

failure system_failure(const std::string& what) { return {failure_code::io, what + ": " + std::strerror(errno)}; }

// user and system seconds of a `stat` file of /proc: fields 14 and 15; the name before them may hold anything but a last ')'.
std::pair<double, double> cpu_seconds(const std::filesystem::path& stat, std::string* name = nullptr) {
  std::ifstream file(stat);
  std::string text;
  std::getline(file, text);
  const std::size_t open = text.find('('), close = text.rfind(')');
  if (open == text.npos || close == text.npos)
    return {};
  if (name != nullptr)
    *name = text.substr(open + 1, close - open - 1);
  std::istringstream rest(text.substr(close + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i)
    rest >> skipped;
  double user = 0, system = 0;
  rest >> user >> system;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return {user / ticks, system / ticks};
}

std::uint64_t number_after(const std::filesystem::path& file, std::string_view key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key))
      return std::strtoull(line.c_str() + key.size(), nullptr, 10);
  return 0;
}

} // namespace

process_usage usage_of(pid_t process) {
  const std::filesystem::path folder = "/proc/" + std::to_string(process);
  process_usage usage;
  std::tie(usage.user_s, usage.system_s) = cpu_seconds(folder / "stat");
  usage.resident_bytes = number_after(folder / "status", "VmRSS:") * 1024;
  usage.resident_bytes_peak = number_after(folder / "status", "VmHWM:") * 1024;
  usage.written_bytes = number_after(folder / "io", "write_bytes:");
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator(folder / "task", ignored)) {
    process_usage::thread thread;
    thread.id = std::atoi(task.path().filename().c_str());
    const auto [user, system] = cpu_seconds(task.path() / "stat", &thread.name);
    thread.cpu_s = user + system;
    usage.threads.push_back(std::move(thread));
  }
  return usage;
}

result<std::unique_ptr<server_process>> server_process::start(const server_process_options& options) {
  std::unique_ptr<server_process> started(new server_process);
  if (auto spawned = started->spawn(options); !spawned)
    return spawned.error();
  if (auto ready = started->await_ready(); !ready)
    return ready.error();
  return started;
}

server_process::~server_process() {
  (void)stop().ok();
  if (output_ >= 0)
    ::close(output_);
  std::error_code ignored;
  if (remove_data_)
    std::filesystem::remove_all(data_, ignored);
}

result<void> server_process::spawn(const server_process_options& options) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path program = self.parent_path() / "tallyd";
  if (::access(program.c_str(), X_OK) != 0)
    return system_failure(program.string());
  data_ = options.data;
  if (data_.empty()) {
    std::string folder = (std::filesystem::current_path() / "tally-bench-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr)
      return system_failure(folder);
    data_ = folder;
    remove_data_ = true;
  }

  std::vector<std::string> words{program.string(), "--data", data_.string(), "--listen", "127.0.0.1:0"};
  if (options.shards > 0)
    words.insert(words.end(), {"--shards", std::to_string(options.shards)});
  if (!options.sync)
    words.push_back("--no-sync");
  words.insert(words.end(), options.flags.begin(), options.flags.end());
  std::vector<char*> arguments;
  for (std::string& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);

  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return system_failure("pipe");
  output_ = ends[0];
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM); // a benchmark that is killed leaves no server behind
    if (::getppid() != parent)
      ::_exit(127);
    ::dup2(ends[1], STDOUT_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  if (process_ < 0)
    return system_failure("fork");
  return {};
}

// The ready line ends with the address.
result<void> server_process::await_ready() {
  std::string line;
  const auto until = std::chrono::steady_clock::now() + ready_within;
  while (line.find('\n') == line.npos) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd readable{output_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) == 0)
      return failure{failure_code::unreachable, "tallyd was not ready within 60 s"};
    char text[256];
    const ssize_t got = ::read(output_, text, sizeof text);
    if (got <= 0)
      return failure{failure_code::unreachable, "tallyd ended before it was ready"};
    line.append(text, static_cast<std::size_t>(got));
  }
  line.resize(line.find('\n'));
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    const std::size_t colon = word.rfind(':');
    if (colon != word.npos && colon > 0 && colon + 1 < word.size() && std::isdigit(static_cast<unsigned char>(word[colon + 1])))
      address_ = word;
  }
  if (address_.empty())
    return failure{failure_code::protocol, "tallyd's ready line names no address: " + line};
  return {};
}

std::uint64_t server_process::data_bytes() const {
  std::uint64_t sum = 0;
  std::error_code ignored;
  for (const auto& file : std::filesystem::recursive_directory_iterator(data_, ignored))
    if (file.is_regular_file(ignored))
      sum += file.file_size(ignored);
  return sum;
}

result<void> server_process::stop() {
  if (process_ <= 0)
    return {};
  ::kill(process_, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + stopped_within;
  int status = 0;
  while (::waitpid(process_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, &status, 0);
      process_ = -1;
      return failure{failure_code::io, "tallyd did not end within 10 minutes and was killed"};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  process_ = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return failure{failure_code::io, WIFEXITED(status) ? "tallyd ended with status " + std::to_string(WEXITSTATUS(status))
                                                       : "tallyd ended by signal " + std::to_string(WTERMSIG(status))};
  return {};
}

} // namespace tally::bench
