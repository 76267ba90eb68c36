#include "bench/bench_command.hpp"

#include "bench/report.hpp"
#include "bench/request_writer.hpp"
#include "bench/run.hpp"
#include "net/limits.hpp"

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace tally::bench {

namespace {

// What the command line says; what it does not say comes from the profile.
struct bench_arguments {
  run_options options;
  std::string mix = "earn=80,redeem=12,reverse=3,account=5";
  std::string data;
  std::string snapshot_every, resident_accounts; // as tallyd takes them
  bool no_sync = false;
  bool json = false;
};

constexpr double flood_before_steady_s = 5;

void apply_profile(const CLI::App& command, run_options& options) {
  const auto unless_given = [&command](const char* flag, auto& place, auto value) {
    if (command.count(flag) == 0)
      place = value;
  };
  const std::string& profile = options.profile;
  const bool flood_like = profile == "flood" || profile == "steady" || profile == "memory";
  unless_given("--accounts", options.work.accounts, flood_like ? 1'000'000u : 100'000u);
  unless_given("--connections", options.connections, flood_like ? 8u : profile == "tills" ? 64u : 1u);
  unless_given("--in-flight", options.in_flight, flood_like ? 1024u : 1u);
  unless_given("--ops-per-frame", options.operations_per_frame, flood_like ? 64u : 1u);
  unless_given("--duration", options.duration_s, profile == "steady" ? 60.0 : profile == "one" ? 5.0 : 10.0);
  unless_given("--warmup", options.warmup_s, std::min(2.0, options.duration_s));
  options.probe_disk = profile == "one";
}

int exit_code_of(const failure& why) {
  switch (why.code) {
  case failure_code::bad_argument:
    return 2;
  case failure_code::unreachable:
    return 3;
  default:
    return 1;
  }
}

int fail(const failure& why) {
  std::fprintf(stderr, "tally bench: %s\n", why.what.c_str());
  return exit_code_of(why);
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!text.ends_with('\n'))
    std::fputc('\n', stdout);
  std::fflush(stdout);
}

// Half of what a short flood reaches.
result<double> steady_rate(const run_options& options) {
  run_options flood = options;
  flood.profile = "flood";
  flood.rate = 0;
  flood.duration_s = std::min(flood_before_steady_s, options.duration_s);
  flood.verify_accounts = std::min(options.verify_accounts, 1000u);
  auto measured = run_benchmark(flood);
  if (!measured)
    return measured.error();
  return measured->ops_per_s / 2;
}

int run_memory_command(const bench_arguments& given) {
  auto measured = run_memory(given.options);
  if (!measured)
    return fail(measured.error());
  print(given.json ? as_json(*measured) : as_table(*measured));
  return measured->errors == 0 ? 0 : 1;
}

int run_command(const CLI::App& command, bench_arguments& given) {
  run_options& options = given.options;
  apply_profile(command, options);
  auto mix = parse_mix(given.mix);
  if (!mix)
    return fail(mix.error());
  options.work.mix = *mix;
  options.own_server.data = given.data;
  options.own_server.sync = !given.no_sync;
  if (!given.snapshot_every.empty())
    options.own_server.flags.insert(options.own_server.flags.end(), {"--snapshot-every", given.snapshot_every});
  if (!given.resident_accounts.empty())
    options.own_server.flags.insert(options.own_server.flags.end(), {"--resident-accounts", given.resident_accounts});
  if (const std::string warning = build_warning(); !warning.empty())
    std::fprintf(stderr, "tally bench: %s\n", warning.c_str());
  if (::isatty(STDERR_FILENO))
    options.progress = [](const std::string& what) { std::fprintf(stderr, "%s ...\n", what.c_str()); };
  if (options.profile == "memory")
    return run_memory_command(given);

  if (options.profile == "steady" && options.rate <= 0) {
    auto rate = steady_rate(options);
    if (!rate)
      return fail(rate.error());
    options.rate = *rate;
  }
  auto measured = run_benchmark(options);
  if (!measured)
    return fail(measured.error());
  print(given.json ? as_json(options, *measured) : as_table(options, *measured));
  return measured->verified && measured->errors == 0 ? 0 : 1;
}

} // namespace

void register_bench_command(CLI::App& app, int& exit_code) {
  const auto given = std::make_shared<bench_arguments>();
  run_options& options = given->options;
  CLI::App* command = app.add_subcommand("bench", "Measure a server under load and check what it acknowledged");
  command
      ->add_option("--profile", options.profile,
                   "What to measure: flood, tills, one, steady (open loop at half the flood's rate), memory (bytes per account)")
      ->check(CLI::IsMember({"flood", "tills", "one", "steady", "memory"}))
      ->capture_default_str();
  command->add_option("--server", options.server,
                      "HOST:PORT of a running server; without it one is started, and its data removed afterwards");
  command->add_option("--accounts", options.work.accounts, "Accounts to enroll and use")->check(CLI::Range(1u, accounts_max));
  command->add_option("--mix", given->mix, "Weight of each operation")->capture_default_str();
  command->add_option("--skew", options.work.skew, "Zipf exponent of the accounts' popularity; 0: all alike")
      ->check(CLI::Range(0.0, 5.0))
      ->capture_default_str();
  command->add_option("--connections", options.connections, "Connections")->check(CLI::Range(1u, 10'000u));
  command->add_option("--in-flight", options.in_flight, "Operations in flight on each connection")
      ->check(CLI::Range(1u, net::in_flight_weight_max));
  command->add_option("--ops-per-frame", options.operations_per_frame, "Operations sent in one frame")
      ->check(CLI::Range(1u, net::request_operations_max));
  command
      ->add_option("--rate", options.rate,
                   "Operations a second, whatever the answers do (open loop); latency counts from the intended start. 0: flat out")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--duration", options.duration_s, "Seconds to measure")->check(CLI::PositiveNumber);
  command->add_option("--warmup", options.warmup_s, "Seconds of the same load before that")->check(CLI::NonNegativeNumber);
  command->add_option("--seed", options.work.seed, "The same seed gives the same operations")->capture_default_str();
  command->add_option("--verify-accounts", options.verify_accounts, "At most so many accounts are read back and compared at the end")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", given->json, "One JSON object instead of tables");
  command->add_option("--data", given->data, "Data folder of the server that is started; kept");
  command->add_option("--shards", options.own_server.shards, "Shards of the server that is started")->check(CLI::Range(1u, 256u));
  command->add_option("--snapshot-every", given->snapshot_every, "How often the server that is started brings account images up to date");
  command->add_option("--resident-accounts", given->resident_accounts,
                      "How many accounts the server that is started keeps in memory, about");
  command->add_flag("--no-sync", given->no_sync, "The server that is started does not wait for the disk: only to see what the disk costs");
  command->footer("Example: tally bench --profile flood --duration 10 --json");
  command->callback([command, given, &exit_code] { exit_code = run_command(*command, *given); });
}

} // namespace tally::bench
