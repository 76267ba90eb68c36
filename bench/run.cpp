#include "bench/run.hpp"

#include "engine/assert.hpp"
#include "net/client.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace tally::bench {

namespace {

constexpr std::string_view merchant = "bench";
constexpr std::size_t ceiling_operations = 2'000'000;
constexpr std::size_t append_bytes = 4096, appends = 1000;
constexpr std::size_t differences_shown = 10;

// 1 point per 1.00, at once; opening points so that redemptions find something.
std::string rules_document(std::uint32_t opening_points) {
  return "merchant = \"" + std::string(merchant) +
         "\"\nname = \"Benchmark\"\n\n[enroll]\nopening_points = " + std::to_string(opening_points) +
         "\n\n[earn]\npoints = \"1\"\nper = \"1.00\"\n\n[redeem]\npoints = 100\nvalue = \"1.00\"\n";
}
constexpr std::uint32_t opening_points = 100;

// Where the load goes, and our own server behind it if there is one.
struct target {
  std::unique_ptr<server_process> own;
  net::client_options address;
};

result<target> reach(const run_options& options) {
  target reached;
  std::string text = options.server;
  if (text.empty()) {
    auto started = server_process::start(options.own_server);
    if (!started)
      return started.error();
    reached.own = std::move(*started);
    text = reached.own->address();
  }
  auto address = net::parse_server_address(text);
  if (!address)
    return address.error();
  reached.address = *address;
  return reached;
}

result<void> apply_rules(const net::client_options& address, const std::string& toml) {
  auto client = net::client::connect(address);
  if (!client)
    return client.error();
  command put;
  put.kind = op::put_program;
  put.merchant = merchant;
  put.toml = toml;
  auto answer = (*client)->call(put);
  if (!answer)
    return answer.error();
  const outcome& head = answer->head;
  if (head.status != outcome_status::ok && head.status != outcome_status::duplicate)
    return failure{failure_code::protocol,
                   "put_program was answered " + std::string(name_of(head.status)) + " " + head.what + " " + head.where};
  return {};
}

result<std::unique_ptr<generator>> connect(const target& to, std::uint32_t connections, std::uint32_t in_flight, std::uint32_t per_frame) {
  generator_options options;
  options.host = to.address.host;
  options.port = to.address.port;
  options.merchant = merchant;
  options.connections = connections;
  options.in_flight = in_flight;
  options.operations_per_frame = per_frame;
  return generator::connect(options);
}

// Enrolling and reading back go in large frames whatever the profile does.
result<std::unique_ptr<generator>> connect_for_bulk(const target& to) { return connect(to, 4, 1024, 64); }

// Enrolls everybody and learns the balances of those that were there before. Returns accounts per second.
result<double> enroll_all(generator& load, expected_accounts& accounts) {
  const std::int64_t started = steady_now_ns();
  enroll_traffic enroll(accounts);
  if (auto ran = load.run(enroll); !ran)
    return ran.error();
  if (enroll.errors() > 0)
    return failure{failure_code::protocol, std::to_string(enroll.errors()) + " accounts could not be enrolled"};
  const double taken_s = static_cast<double>(steady_now_ns() - started) * 1e-9;

  std::uint64_t unread = 0;
  read_traffic read(enroll.known_before(), [&](std::uint32_t account, const answer_numbers& shown) {
    if (shown.status == outcome_status::ok)
      accounts.start_from(account, shown);
    else
      ++unread;
  });
  if (auto ran = load.run(read); !ran)
    return ran.error();
  if (unread > 0)
    return failure{failure_code::protocol, std::to_string(unread) + " accounts could not be read"};
  return accounts.count() / taken_s;
}

// All accounts that were touched, or so many of them, picked by the seed.
std::vector<std::uint32_t> accounts_to_verify(const expected_accounts& accounts, std::uint32_t most, std::uint64_t seed) {
  std::vector<std::uint32_t> picked;
  for (std::uint32_t i = 0; i < accounts.count(); ++i)
    if (accounts.touched(i))
      picked.push_back(i);
  random_source random(seed + 1);
  for (std::uint32_t i = 0; i < most && i + 1 < picked.size(); ++i)
    std::swap(picked[i], picked[i + random.below(static_cast<std::uint32_t>(picked.size()) - i)]);
  picked.resize(std::min<std::size_t>(picked.size(), most));
  return picked;
}

result<void> verify(generator& load, const expected_accounts& accounts, const run_options& options, run_result& into) {
  const std::vector<std::uint32_t> picked = accounts_to_verify(accounts, options.verify_accounts, options.work.seed);
  std::uint64_t differing = 0;
  read_traffic read(picked, [&](std::uint32_t account, const answer_numbers& shown) {
    ++into.accounts_read;
    const std::string difference = accounts.difference(account, shown);
    if (difference.empty())
      return;
    ++differing;
    if (into.differences.size() < differences_shown)
      into.differences.push_back(account_id(account) + ": " + difference);
  });
  if (auto ran = load.run(read); !ran)
    return ran;
  into.verified = differing == 0 && into.accounts_read == picked.size() && !picked.empty();
  return {};
}

server_usage usage_between(const process_usage& ready, const process_usage& before, const process_usage& after,
                           const run_options& options) {
  server_usage used;
  used.user_s = after.user_s - before.user_s;
  used.system_s = after.system_s - before.system_s;
  used.resident_bytes_ready = ready.resident_bytes;
  used.resident_bytes_begin = before.resident_bytes;
  used.resident_bytes_end = after.resident_bytes;
  used.resident_bytes_peak = after.resident_bytes_peak;
  used.resident_bytes_per_account =
      (static_cast<double>(after.resident_bytes) - static_cast<double>(ready.resident_bytes)) / options.work.accounts;
  for (const auto& thread : after.threads) {
    const auto earlier =
        std::find_if(before.threads.begin(), before.threads.end(), [&](const auto& other) { return other.id == thread.id; });
    const double cpu_s = thread.cpu_s - (earlier == before.threads.end() ? 0 : earlier->cpu_s);
    if (cpu_s > 0)
      used.threads.push_back({thread.name, cpu_s});
  }
  std::sort(used.threads.begin(), used.threads.end(), [](const auto& a, const auto& b) { return a.cpu_s > b.cpu_s; });
  return used;
}

void summarize_window(const measured_traffic& measured, run_result& into) {
  into.window_s = measured.window_s();
  into.operations = measured.answered_count();
  into.ops_per_s = static_cast<double>(into.operations) / into.window_s;
  into.all = summarize("all", measured.all_latencies_us());
  for (const op kind : {op::earn, op::redeem, op::reverse, op::account})
    if (measured.latency_us(kind).count() > 0)
      into.by_operation.push_back(summarize(std::string(name_of(kind)), measured.latency_us(kind)));
  into.longest_silence_us = measured.longest_silence_us();
  into.outcomes = measured.outcomes();
  into.errors = measured.errors();
}

// New to any server: what a server elsewhere has seen of an earlier run was numbered by an earlier time.
std::uint64_t first_number(const run_options& options) {
  if (options.server.empty())
    return 1;
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

} // namespace

latency_summary summarize(std::string name, const histogram& from) {
  return {std::move(name),        from.count(), from.percentile(0.5), from.percentile(0.9), from.percentile(0.99),
          from.percentile(0.999), from.max()};
}

result<run_result> run_benchmark(const run_options& options) {
  run_result measured;
  options.progress("starting");
  auto to = reach(options);
  if (!to)
    return to.error();
  const pid_t server = to->own ? to->own->id() : -1;
  const std::filesystem::path data = to->own ? to->own->data() : std::filesystem::current_path();
  measured.machine = describe_machine(data);
  const process_usage ready = to->own ? usage_of(server) : process_usage{};

  options.progress("enrolling " + std::to_string(options.work.accounts) + " accounts");
  if (auto applied = apply_rules(to->address, rules_document(opening_points)); !applied)
    return applied.error();
  expected_accounts accounts(options.work.accounts);
  auto bulk = connect_for_bulk(*to);
  if (!bulk)
    return bulk.error();
  auto enrolled = enroll_all(**bulk, accounts);
  if (!enrolled)
    return enrolled.error();
  measured.enrolled_per_s = *enrolled;

  options.progress("measuring");
  workload_options work_options = options.work;
  work_options.first_number = first_number(options);
  workload work(work_options);
  process_usage before, after;
  std::uint64_t data_before = 0, data_after = 0;
  double cpu_before = 0, cpu_after = 0;
  measured_traffic::options window;
  window.warmup_ns = static_cast<std::int64_t>(options.warmup_s * 1e9);
  window.duration_ns = static_cast<std::int64_t>(options.duration_s * 1e9);
  window.at_start = [&] {
    if (to->own) {
      before = usage_of(server);
      data_before = to->own->data_bytes();
    }
    cpu_before = thread_cpu_s();
  };
  window.at_end = [&] {
    cpu_after = thread_cpu_s();
    if (to->own) {
      after = usage_of(server);
      data_after = to->own->data_bytes();
    }
  };
  measured_traffic load(work, accounts, window);
  auto tills = connect(*to, options.connections, options.in_flight, options.operations_per_frame);
  if (!tills)
    return tills.error();
  if (auto ran = (*tills)->run(load, options.rate); !ran)
    return ran.error();
  tills->reset();
  summarize_window(load, measured);
  measured.generator_cpu_s = cpu_after - cpu_before;
  measured.generator_share = measured.generator_cpu_s / (measured.window_s * measured.machine.cores);
  if (to->own) {
    measured.server = usage_between(ready, before, after, options);
    const auto operations = static_cast<double>(std::max<std::uint64_t>(1, measured.operations));
    measured.server->data_bytes_per_op = (static_cast<double>(data_after) - static_cast<double>(data_before)) / operations;
    measured.server->written_bytes_per_op = static_cast<double>(after.written_bytes - before.written_bytes) / operations;
  }

  options.progress("verifying");
  if (auto verified = verify(**bulk, accounts, options, measured); !verified)
    return verified.error();
  bulk->reset();
  if (options.probe_disk) {
    auto appended = measure_synced_append(data, append_bytes, appends);
    if (!appended)
      return appended.error();
    measured.disk_append = summarize("synced 4 KiB append", *appended);
  }
  if (to->own)
    if (auto stopped = to->own->stop(); !stopped)
      return stopped.error();

  options.progress("measuring the ceiling");
  measured.ceiling = measure_ceiling(options.work, ceiling_operations);
  return measured;
}

result<memory_result> run_memory(const run_options& options) {
  if (!options.server.empty())
    return failure{failure_code::bad_argument, "memory is measured on a server of the benchmark's own"};
  auto to = reach(options);
  if (!to)
    return to.error();
  memory_result measured;
  measured.machine = describe_machine(to->own->data());
  measured.accounts = options.work.accounts;
  measured.resident_bytes_ready = usage_of(to->own->id()).resident_bytes;
  const auto look = [&](std::string holds) {
    const std::uint64_t resident = usage_of(to->own->id()).resident_bytes;
    const double grown = static_cast<double>(resident) - static_cast<double>(measured.resident_bytes_ready);
    measured.stages.push_back({std::move(holds), resident, grown / measured.accounts});
  };

  if (auto applied = apply_rules(to->address, rules_document(0)); !applied)
    return applied.error();
  auto load = connect_for_bulk(*to);
  if (!load)
    return load.error();
  expected_accounts accounts(measured.accounts);
  options.progress("enrolling");
  if (auto enrolled = enroll_all(**load, accounts); !enrolled)
    return enrolled.error();
  look("enrolled");

  std::uint64_t number = 1;
  result<void> ran;
  const auto round = [&](op kind, std::int64_t value) {
    if (!ran)
      return;
    options.progress("round " + std::to_string(1 + (number - 1) / measured.accounts));
    round_traffic all(kind, value, number, measured.accounts);
    number += measured.accounts;
    ran = (*load)->run(all);
    measured.errors += all.errors();
  };
  constexpr std::int64_t ten = 10 * money_t::units_per_one;
  round(op::earn, ten);
  look("1 lot, 1 reference");
  for (int i = 0; i < 3; ++i) {
    round(op::redeem, 10);
    round(op::earn, ten);
  }
  round(op::redeem, 5);
  look("1 lot, 8 references: 4 earns, 4 redemptions");
  for (int i = 0; i < 7; ++i)
    round(op::earn, ten);
  look("8 lots, 15 references: 11 earns, 4 redemptions");
  if (!ran)
    return ran.error();
  load->reset();
  if (auto stopped = to->own->stop(); !stopped)
    return stopped.error();
  return measured;
}

} // namespace tally::bench
