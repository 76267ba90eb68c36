#include "bench/report.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace tally::bench {

namespace {

using json = nlohmann::ordered_json;

__attribute__((format(printf, 2, 3))) void print(std::string& out, const char* format, ...) {
  char line[512];
  va_list values;
  va_start(values, format);
  const int length = std::vsnprintf(line, sizeof line, format, values);
  va_end(values);
  out.append(line, std::min(static_cast<std::size_t>(std::max(length, 0)), sizeof line - 1));
}

// "1,234,567"
std::string grouped(double value) {
  std::string digits = std::to_string(std::llround(value));
  for (std::size_t i = digits.size(); i > 3;) {
    i -= 3;
    if (digits[i - 1] != '-')
      digits.insert(i, ",");
  }
  return digits;
}

double rounded(double value, double step) { return std::round(value / step) * step; }

std::string outcome_name(const outcome_counts::key& key) {
  const auto& [kind, status, code] = key;
  std::string name = std::string(name_of(kind)) + " " + std::string(name_of(status));
  if (code != outcome_code::none)
    name += " " + std::string(name_of(code));
  return name;
}

// p50 against the disk's own append, of the operations that wait for the disk.
double append_ratio(const run_result& result) {
  if (!result.disk_append || result.disk_append->p50_us == 0)
    return 0;
  for (const latency_summary& one : result.by_operation)
    if (one.name == "earn")
      return static_cast<double>(one.p50_us) / static_cast<double>(result.disk_append->p50_us);
  return 0;
}

void print_latencies(std::string& out, const latency_summary& one) {
  print(out, "  %-20s %12s %9llu %9llu %9llu %9llu %9llu\n", one.name.c_str(), grouped(static_cast<double>(one.count)).c_str(),
        static_cast<unsigned long long>(one.p50_us), static_cast<unsigned long long>(one.p90_us),
        static_cast<unsigned long long>(one.p99_us), static_cast<unsigned long long>(one.p999_us),
        static_cast<unsigned long long>(one.max_us));
}

void print_machine(std::string& out, const machine_description& machine) {
  print(out, "setup      commit %s, %s, %u x %s, %s, %s\n", machine.commit.c_str(), machine.build_type.c_str(), machine.cores,
        machine.cpu.c_str(), machine.kernel.c_str(), machine.file_system.c_str());
}

json machine_json(const machine_description& machine) {
  return {{"commit", machine.commit}, {"build_type", machine.build_type}, {"cpu", machine.cpu},
          {"cores", machine.cores},   {"kernel", machine.kernel},         {"file_system", machine.file_system}};
}

json latencies_json(const latency_summary& one) {
  return {{"count", one.count},   {"p50_us", one.p50_us},   {"p90_us", one.p90_us},
          {"p99_us", one.p99_us}, {"p999_us", one.p999_us}, {"max_us", one.max_us}};
}

const char* sync_text(const run_options& options) { return !options.server.empty() ? "unknown" : options.own_server.sync ? "on" : "off"; }

} // namespace

std::string as_table(const run_options& options, const run_result& result) {
  std::string out;
  print(out, "%s: %s operations/s (%s in %.2f s)%s\n", options.profile.c_str(), grouped(result.ops_per_s).c_str(),
        grouped(static_cast<double>(result.operations)).c_str(), result.window_s, options.rate > 0 ? ", open loop" : "");
  print(out, "load       %s accounts, %u connections x %u in flight, %u operations a frame", grouped(options.work.accounts).c_str(),
        options.connections, options.in_flight, options.operations_per_frame);
  if (options.rate > 0)
    print(out, ", %s a second", grouped(options.rate).c_str());
  print(out, ", skew %g, seed %llu\n", options.work.skew, static_cast<unsigned long long>(options.work.seed));
  print_machine(out, result.machine);
  print(out, "           sync %s; the generator took %.0f %% of the machine\n\n", sync_text(options), result.generator_share * 100);

  print(out, "  %-20s %12s %9s %9s %9s %9s %9s\n", "latency, us", "count", "p50", "p90", "p99", "p99.9", "max");
  print_latencies(out, result.all);
  for (const latency_summary& one : result.by_operation)
    print_latencies(out, one);
  if (result.disk_append)
    print_latencies(out, *result.disk_append);
  print(out, "  longest time without an answer: %.1f ms\n\n", static_cast<double>(result.longest_silence_us) / 1000);

  for (const auto& [key, count] : result.outcomes.all())
    print(out, "  %-40s %12s\n", outcome_name(key).c_str(), grouped(static_cast<double>(count)).c_str());
  print(out, "  errors: %s\n\n", grouped(static_cast<double>(result.errors)).c_str());

  if (append_ratio(result) > 0)
    print(out, "an earn's p50 is %.2f x the disk's own synced 4 KiB append\n", append_ratio(result));
  if (result.server) {
    const server_usage& server = *result.server;
    const double per_op = 1e9 / static_cast<double>(std::max<std::uint64_t>(1, result.operations));
    print(out,
          "server     %.2f s user, %.2f s system (%.0f ns an operation); %.0f bytes of memory an account; disk %.0f bytes an operation "
          "kept, %.0f written\n",
          server.user_s, server.system_s, (server.user_s + server.system_s) * per_op, server.resident_bytes_per_account,
          server.data_bytes_per_op, server.written_bytes_per_op);
    print(out, "           memory %.0f MB when the window began, %.0f at its end, %.0f at most, enrolling included\n",
          static_cast<double>(server.resident_bytes_begin) / 1e6, static_cast<double>(server.resident_bytes_end) / 1e6,
          static_cast<double>(server.resident_bytes_peak) / 1e6);
    for (const auto& thread : server.threads)
      print(out, "           thread %-16s %5.1f %% of a core, %5.0f ns an operation\n", thread.name.c_str(),
            100 * thread.cpu_s / result.window_s, thread.cpu_s * per_op);
  }
  print(out, "enrolled   %s accounts/s\n", grouped(result.enrolled_per_s).c_str());
  print(out, "ceiling    %s operations/s over a bare hash table on one core, no log, no socket\n",
        grouped(result.ceiling.ops_per_s).c_str());
  print(out, "verified   %s: %s accounts read back\n", result.verified ? "yes" : "NO",
        grouped(static_cast<double>(result.accounts_read)).c_str());
  for (const std::string& difference : result.differences)
    print(out, "           %s\n", difference.c_str());
  return out;
}

std::string as_json(const run_options& options, const run_result& result) {
  json setup = machine_json(result.machine);
  setup["sync"] = sync_text(options);
  setup["accounts"] = options.work.accounts;
  setup["connections"] = options.connections;
  setup["in_flight"] = options.in_flight;
  setup["ops_per_frame"] = options.operations_per_frame;
  setup["rate"] = options.rate;
  setup["skew"] = options.work.skew;
  setup["seed"] = options.work.seed;
  setup["mix"] = {{"earn", options.work.mix.earn},
                  {"redeem", options.work.mix.redeem},
                  {"reverse", options.work.mix.reverse},
                  {"account", options.work.mix.account}};
  setup["generator_share"] = rounded(result.generator_share, 0.001);

  json all{{"profile", options.profile},
           {"ops_per_s", rounded(result.ops_per_s, 1)},
           {"p50_us", result.all.p50_us},
           {"p90_us", result.all.p90_us},
           {"p99_us", result.all.p99_us},
           {"p999_us", result.all.p999_us},
           {"max_us", result.all.max_us},
           {"errors", result.errors},
           {"verified", result.verified},
           {"operations", result.operations},
           {"window_s", rounded(result.window_s, 0.001)},
           {"longest_silence_us", result.longest_silence_us},
           {"accounts_read", result.accounts_read},
           {"differences", result.differences},
           {"enrolled_per_s", rounded(result.enrolled_per_s, 1)},
           {"ceiling_ops_per_s", rounded(result.ceiling.ops_per_s, 1)}};
  all["operations_by_kind"] = json::object();
  for (const latency_summary& one : result.by_operation)
    all["operations_by_kind"][one.name] = latencies_json(one);
  all["outcomes"] = json::object();
  for (const auto& [key, count] : result.outcomes.all())
    all["outcomes"][outcome_name(key)] = count;
  if (result.disk_append) {
    all["disk_append"] = latencies_json(*result.disk_append);
    all["disk_append_ratio"] = rounded(append_ratio(result), 0.01);
  }
  if (result.server) {
    const server_usage& server = *result.server;
    json threads = json::array();
    for (const auto& thread : server.threads)
      threads.push_back({{"name", thread.name}, {"cpu_s", thread.cpu_s}});
    all["server"] = {{"user_s", rounded(server.user_s, 0.01)},
                     {"system_s", rounded(server.system_s, 0.01)},
                     {"resident_bytes_ready", server.resident_bytes_ready},
                     {"resident_bytes_begin", server.resident_bytes_begin},
                     {"resident_bytes_end", server.resident_bytes_end},
                     {"resident_bytes_peak", server.resident_bytes_peak},
                     {"resident_bytes_per_account", rounded(server.resident_bytes_per_account, 1)},
                     {"data_bytes_per_op", rounded(server.data_bytes_per_op, 0.1)},
                     {"written_bytes_per_op", rounded(server.written_bytes_per_op, 0.1)},
                     {"threads", threads}};
  }
  all["setup"] = setup;
  return all.dump();
}

std::string as_table(const memory_result& result) {
  std::string out;
  print(out, "memory: resident bytes an account, %s accounts\n", grouped(result.accounts).c_str());
  print_machine(out, result.machine);
  print(out, "           %.1f MB before the first account\n\n", static_cast<double>(result.resident_bytes_ready) / 1e6);
  for (const memory_stage& stage : result.stages)
    print(out, "  %-46s %7.0f bytes (%.1f MB in all)\n", stage.holds.c_str(), stage.bytes_per_account,
          static_cast<double>(stage.resident_bytes) / 1e6);
  print(out, "  errors: %s\n", grouped(static_cast<double>(result.errors)).c_str());
  return out;
}

std::string as_json(const memory_result& result) {
  json stages = json::array();
  for (const memory_stage& stage : result.stages)
    stages.push_back(
        {{"holds", stage.holds}, {"resident_bytes", stage.resident_bytes}, {"bytes_per_account", rounded(stage.bytes_per_account, 1)}});
  const json all{{"profile", "memory"}, {"accounts", result.accounts}, {"resident_bytes_ready", result.resident_bytes_ready},
                 {"stages", stages},    {"errors", result.errors},     {"setup", machine_json(result.machine)}};
  return all.dump();
}

} // namespace tally::bench
