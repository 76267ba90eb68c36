// See tallyd.hpp.
#include "net/tallyd.hpp"

#include "engine/rfc3339.hpp"
#include "net/client.hpp"
#include "net/rules_folder.hpp"
#include "net/server.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tally::net {
namespace {

constexpr int exit_done = 0, exit_failed = 1, exit_usage = 2;
constexpr std::uint32_t shards_max = 64;

struct flags {
  std::string data;
  std::string listen = "127.0.0.1:" + std::to_string(default_port);
  std::uint32_t shards = 0;
  std::uint64_t snapshot_every_ms = 60'000;
  std::size_t resident_accounts = 0;
  std::string test_clock;
  std::string rules;
  bool no_sync = false;
  bool no_create = false;
};

int complain(int status, const std::string& what) {
  std::fprintf(stderr, "tallyd: %s\n", what.c_str());
  return status;
}

// Flags of the contract that this release does not know what to do with: refused, not ignored.
const std::vector<std::string> later_flags = {"--metrics", "--tls-cert", "--tls-key", "--tls-client-ca", "--config"};

// SIGTERM and SIGINT, taken by one thread: the first asks to stop, the second ends the process at once.
class stop_signals {
public:
  // Before any other thread is made, so that all inherit the mask.
  stop_signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    signal(SIGPIPE, SIG_IGN);
  }

  // From now on a signal lets `wait` return; before, it ends the process: nothing was promised to anybody yet.
  void listen() {
    thread_ = std::thread([this] {
      take();
      if (!serving_.load())
        ::_exit(exit_done);
      {
        const std::lock_guard guard(lock_);
        asked_ = true;
        changed_.notify_all();
      }
      take();
      complain(exit_failed, "stopped by a second signal; what was acknowledged is on disk");
      ::_exit(exit_failed);
    });
    thread_.detach(); // it waits for a second signal as long as the process lives
  }
  void serving() { serving_.store(true); }
  void wait() {
    std::unique_lock guard(lock_);
    changed_.wait(guard, [this] { return asked_; });
  }

private:
  void take() {
    int which = 0;
    while (sigwait(&set_, &which) != 0) {
    }
  }

  sigset_t set_{};
  std::thread thread_;
  std::atomic<bool> serving_{false};
  std::mutex lock_;
  std::condition_variable changed_;
  bool asked_ = false;
};

void log_to_standard_error() {
  auto log = spdlog::stderr_color_mt("tallyd");
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(std::move(log));
}

// Connections are descriptors: as many as the system lets this process have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

// A line that keeps changing, on a terminal only.
void show_progress(seq_t reached) {
  static const bool on_terminal = ::isatty(STDERR_FILENO) != 0;
  if (on_terminal)
    std::fprintf(stderr, "\rtallyd: reading the journal, entry %llu ", static_cast<unsigned long long>(reached.value));
}
void end_progress() {
  if (::isatty(STDERR_FILENO) != 0)
    std::fprintf(stderr, "\r\033[K");
}

void log_rules(bool is_error, const std::string& line) {
  if (is_error)
    spdlog::error("{}", line);
  else
    spdlog::info("{}", line);
}

int complain_of_no_ledger(const flags& wanted) {
  return complain(exit_failed, "--no-create: there is no ledger with entries in " + wanted.data + " (is its disk mounted?)");
}

int serve(const flags& wanted) {
  const auto address = parse_server_address(wanted.listen);
  if (!address)
    return complain(exit_usage, "--listen: " + address.error().what);
  actors::ledger_options options;
  options.folder = wanted.data;
  options.shards = wanted.shards;
  options.sync = !wanted.no_sync;
  options.snapshot_every = std::chrono::milliseconds(wanted.snapshot_every_ms);
  options.resident_accounts = wanted.resident_accounts;
  if (!wanted.test_clock.empty()) {
    options.test_clock = parse_rfc3339(wanted.test_clock);
    if (!options.test_clock)
      return complain(exit_usage, "--test-clock: not a time: " + wanted.test_clock + " (expected 2026-01-01T00:00:00Z)");
  }

  if (wanted.resident_accounts != 0 && wanted.snapshot_every_ms == 0)
    return complain(exit_usage, "--resident-accounts needs account images: --snapshot-every must not be 0");
  if (!wanted.rules.empty() && !std::filesystem::is_directory(wanted.rules))
    return complain(exit_usage, "--rules: there is no folder " + wanted.rules);

  std::error_code ignored;
  if (wanted.no_create && !std::filesystem::exists(std::filesystem::path(wanted.data) / "journal", ignored))
    return complain_of_no_ledger(wanted); // and none is made

  static stop_signals signals; // its thread outlives this function
  signals.listen();
  log_to_standard_error();
  raise_descriptor_limit();

  auto bound = listener::bind(address->host, address->port);
  if (!bound)
    return complain(exit_failed, bound.error().what);
  auto opened = actors::ledger::open(options, show_progress);
  end_progress();
  if (!opened)
    return complain(exit_failed, opened.error().what);
  actors::ledger& ledger = **opened;
  if (wanted.no_create && !ledger.journal().durable_seq())
    return complain_of_no_ledger(wanted);
  spdlog::info("{}: entry {}, {} accounts in memory, {} shards", wanted.data, ledger.journal().durable_seq().value, ledger.account_count(),
               ledger.shard_count());
  if (wanted.no_sync)
    spdlog::warn("--no-sync: what is acknowledged can be lost; for measuring only");

  signals.serving();
  auto serving = server::start(ledger, std::move(*bound));
  if (!serving)
    return complain(exit_failed, serving.error().what);
  std::optional<rules_folder> rules;
  if (!wanted.rules.empty()) {
    const auto own = parse_server_address((*serving)->address());
    if (!own)
      return complain(exit_failed, own.error().what);
    rules.emplace(wanted.rules, *own, log_rules);
    rules->apply_all();
    rules->watch();
  }
  std::printf("tallyd: ready on %s\n", (*serving)->address().c_str());
  std::fflush(stdout);

  signals.wait();
  spdlog::info("stopping: {} connections", (*serving)->connections());
  rules.reset();
  (*serving)->stop();
  ledger.close();
  spdlog::info("stopped");
  return exit_done;
}

} // namespace

int run_tallyd(int argc, char** argv) {
  flags wanted;
  CLI::App app("The loyalty-points ledger as a server.", "tallyd");
  app.set_version_flag("--version", "tallyd 0.1.0");
  app.add_option("--data", wanted.data, "the folder of the ledger; made if it is not there")->required()->type_name("DIR");
  app.add_flag("--no-create", wanted.no_create,
               "the folder must hold a ledger with entries already: for every start but the first, so that a disk that is not mounted, or "
               "has lost everything, is not taken for a new ledger");
  app.add_option("--listen", wanted.listen, "where to listen; port 0 picks a free one")->type_name("HOST:PORT")->capture_default_str();
  app.add_option("--shards", wanted.shards, "threads that own accounts; 0: half the processors")
      ->type_name("N")
      ->check(CLI::Range(0u, shards_max));
  app.add_option("--snapshot-every", wanted.snapshot_every_ms,
                 "how often account images are brought up to date, so that a restart need not read the whole journal; 0: never")
      ->type_name("TIME")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, std::uint64_t>{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}},
                                        CLI::AsNumberWithUnit::UNIT_REQUIRED, "TIME"))
      ->default_str("60s");
  app.add_option("--resident-accounts", wanted.resident_accounts,
                 "how many accounts may stay in memory, about; the others lie on disk until they are asked for; 0: all stay")
      ->type_name("N");
  app.add_option("--test-clock", wanted.test_clock, "a clock that stands still at T and moves only by advance_clock")->type_name("T");
  app.add_option("--rules", wanted.rules,
                 "a folder of rules documents, *.toml, one a merchant: put into force at the start and whenever one changes")
      ->type_name("DIR");
  app.add_flag("--no-sync", wanted.no_sync, "do not wait for the disk: for measuring only, acknowledged operations can be lost");
  std::vector<std::string> refused(later_flags.size());
  for (std::size_t i = 0; i < later_flags.size(); ++i)
    app.add_option(later_flags[i], refused[i], "not supported yet")->type_name("X");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_done : exit_usage;
  }
  for (const std::string& flag : later_flags) {
    if (app.count(flag) != 0)
      return complain(exit_usage, flag + " is not supported yet");
  }
  return serve(wanted);
}

} // namespace tally::net
