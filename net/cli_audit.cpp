// `tally audit`: reads a data folder without a server. What is checked stands in wal/audit.hpp.
#include "net/cli_audit.hpp"
#include "engine/names.hpp"
#include "engine/rfc3339.hpp"
#include "net/cli.hpp"
#include "net/cli_audit_images.hpp"
#include "wal/audit.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>

namespace tally::net {

namespace {

using json = nlohmann::ordered_json;

struct audit_flags {
  std::string folder;
  bool as_json = false;
  std::string until;
  std::string account;
  bool entries = false;
  std::size_t threads = 0;
  std::string sealed;
};

std::string decimal_of(int128 value) {
  if (value < 0)
    return "-" + decimal_of(-value);
  return (value >= 10 ? decimal_of(value / 10) : "") + static_cast<char>('0' + static_cast<int>(value % 10));
}

void print_finding(const wal::finding& finding, bool as_json) {
  if (as_json) {
    json line{{"finding", finding.what}};
    line["seq"] = finding.number ? json(finding.number.value) : json();
    line["merchant"] = finding.merchant.empty() ? json() : json(finding.merchant);
    line["account"] = finding.account.empty() ? json() : json(finding.account);
    std::printf("%s\n", line.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
    return;
  }
  std::string where = finding.number ? "entry " + std::to_string(finding.number.value) : "journal";
  if (!finding.account.empty() || !finding.merchant.empty())
    where += " (" + finding.merchant + (finding.account.empty() ? "" : " " + finding.account) + ")";
  std::printf("%s: %s\n", where.c_str(), finding.what.c_str());
}

std::uint64_t newest_of(const wal::sealed_digest& sealed) { return sealed.points.empty() ? 0 : sealed.points.back().newest.value; }

int run_verify(const audit_flags& flags) {
  wal::audit_options options;
  options.folder = flags.folder;
  bool is_disagreed = false;
  options.report = [&](const wal::finding& finding) {
    is_disagreed = is_disagreed || finding.what.starts_with(wal::not_as_sealed);
    end_progress();
    print_finding(finding, flags.as_json);
  };
  options.workers = flags.threads;
  options.progress = progress_line_of_all();
  result<wal::sealed_digest> sealed{wal::sealed_digest{}};
  if (!flags.sealed.empty()) {
    sealed = read_sealed_digest(flags.sealed);
    if (!sealed)
      return complain_usage("tally audit verify", sealed.error().what);
    options.sealed = &*sealed;
  }
  const auto images = open_audited_images(flags.folder);
  if (images)
    options.images = images->get();
  else
    print_finding({{}, "", "", images.error().what}, flags.as_json);
  const auto begun = std::chrono::steady_clock::now();
  auto report = wal::audit_verify(options);
  if (report && !images)
    ++report->findings;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const double entries_per_s = report ? std::floor(static_cast<double>(report->entries) / std::max(seconds, 1e-9)) : 0;
  end_progress();
  if (!report)
    return complain(report.error().code == failure_code::missing ? exit_usage : exit_no, report.error().what);
  if (flags.as_json) {
    json sides;
    for (const auto& [merchant, held] : report->trial_balance)
      for (std::size_t i = 1; i < held.size(); ++i)
        sides[merchant][std::string(name_of(static_cast<side>(i)))] = decimal_of(held[i]);
    const json line{{"entries", report->entries},
                    {"decisions", report->decisions},
                    {"accounts", report->accounts},
                    {"findings", report->findings},
                    {"newest", report->newest.newest.value},
                    {"hash", hex_of(report->newest.hash)},
                    {"acknowledged", report->acknowledged.value},
                    {"trial_balance", sides},
                    {"sealed", options.sealed != nullptr ? json(newest_of(*sealed)) : json()},
                    {"seconds", seconds},
                    {"entries_per_s", entries_per_s}};
    std::printf("%s\n", line.dump().c_str());
  } else {
    for (const auto& [merchant, held] : report->trial_balance) {
      std::printf("%s:", merchant.c_str());
      for (std::size_t i = 1; i < held.size(); ++i)
        if (held[i] != 0)
          std::printf(" %s %s", std::string(name_of(static_cast<side>(i))).c_str(), decimal_of(held[i]).c_str());
      std::printf("\n");
    }
    std::printf("%llu entries of %llu accounts, %llu decisions made again, %llu findings, %.0f entries/s\n",
                static_cast<unsigned long long>(report->entries), static_cast<unsigned long long>(report->accounts),
                static_cast<unsigned long long>(report->decisions), static_cast<unsigned long long>(report->findings), entries_per_s);
    if (options.sealed != nullptr && !is_disagreed)
      std::printf("the journal begins with what was sealed at entry %llu\n", static_cast<unsigned long long>(newest_of(*sealed)));
    std::printf("digest %llu %s\n", static_cast<unsigned long long>(report->newest.newest.value), hex_of(report->newest.hash).c_str());
  }
  return report->findings == 0 ? exit_done : exit_no;
}

bool print_entry(const entry& one, bool as_json) {
  if (as_json) {
    const json line{{"seq", one.seq.value},
                    {"at", format_rfc3339(one.at)},
                    {"merchant", one.merchant_id},
                    {"account", one.account},
                    {"kind", name_of(one.kind)},
                    {"points", one.points.value},
                    {"pending", one.pending.value},
                    {"available_after", one.available_after.value},
                    {"pending_after", one.pending_after.value}};
    std::printf("%s\n", line.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  } else {
    std::printf("%10llu  %-27s  %-16.*s  %-12.*s  %+10lld  %+10lld pending  = %lld available, %lld pending\n",
                static_cast<unsigned long long>(one.seq.value), format_rfc3339(one.at).c_str(), static_cast<int>(one.account.size()),
                one.account.data(), static_cast<int>(name_of(one.kind).size()), name_of(one.kind).data(),
                static_cast<long long>(one.points.value), static_cast<long long>(one.pending.value),
                static_cast<long long>(one.available_after.value), static_cast<long long>(one.pending_after.value));
  }
  return std::ferror(stdout) == 0;
}

void print_account(std::string_view merchant, std::string_view account, const account_state& state, bool as_json) {
  if (as_json) {
    const json line{{"merchant", merchant},
                    {"account", account},
                    {"available", state.available.value},
                    {"pending", state.pending.value},
                    {"reserved", state.reserved.value},
                    {"lifetime", state.lifetime.value},
                    {"last_seq", state.last_seq.value}};
    std::printf("%s\n", line.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
    return;
  }
  std::printf("%-16.*s  %-24.*s  %12lld available  %10lld pending  %10lld reserved  %12lld lifetime\n", static_cast<int>(merchant.size()),
              merchant.data(), static_cast<int>(account.size()), account.data(), static_cast<long long>(state.available.value),
              static_cast<long long>(state.pending.value), static_cast<long long>(state.reserved.value),
              static_cast<long long>(state.lifetime.value));
}

int run_replay(const audit_flags& flags) {
  wal::replay_options options;
  options.folder = flags.folder;
  if (!read_until(flags.until, options.until_seq, options.until_time))
    return complain_usage("tally audit replay", "--until: '" + flags.until + "' is neither a seq nor an RFC 3339 time");
  if (!flags.account.empty())
    options.account = flags.account;
  bool any = false;
  wal::journal_reader::visitor each_entry;
  if (flags.entries)
    each_entry = [&](const entry& one) { return print_entry(one, flags.as_json); };
  const auto reached =
      wal::audit_replay(options, each_entry, [&](std::string_view merchant, std::string_view account, const account_state& state) {
        any = true;
        print_account(merchant, account, state, flags.as_json);
      });
  if (!reached)
    return complain(reached.error().code == failure_code::missing ? exit_usage : exit_no, reached.error().what);
  if (!flags.account.empty() && !any)
    return complain(exit_no, "no entry of an account " + flags.account);
  if (!flags.as_json)
    std::printf("replayed up to entry %llu\n", static_cast<unsigned long long>(reached->value));
  return exit_done;
}

} // namespace

void append_hex(std::string& out, std::span<const std::byte> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const std::byte byte : bytes) {
    out.push_back(digits[std::to_integer<unsigned>(byte) >> 4]);
    out.push_back(digits[std::to_integer<unsigned>(byte) & 15]);
  }
}

std::string hex_of(std::span<const std::byte> bytes) {
  std::string text;
  append_hex(text, bytes);
  return text;
}

bool read_hex(std::string_view text, wal::bytes& out) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  if (text.size() % 2 != 0)
    return false;
  out.clear();
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0)
      return false;
    out.push_back(static_cast<std::byte>(high << 4 | low));
  }
  return true;
}

std::optional<wal::block_hash> read_hash(std::string_view text) {
  wal::bytes read;
  wal::block_hash hash;
  if (!read_hex(text, read) || read.size() != hash.size())
    return std::nullopt;
  std::copy(read.begin(), read.end(), hash.begin());
  return hash;
}

bool read_until(const std::string& text, std::optional<seq_t>& seq, std::optional<instant>& time) {
  if (text.empty())
    return true;
  if (text.find_first_not_of("0123456789") == std::string::npos && text.size() < 20)
    seq = seq_t{std::stoull(text)};
  else if (const auto read = parse_rfc3339(text))
    time = *read;
  return seq || time;
}

std::function<void(seq_t)> progress_line() {
  if (::isatty(STDERR_FILENO) == 0)
    return {};
  return [](seq_t reached) { std::fprintf(stderr, "\r%llu entries", static_cast<unsigned long long>(reached.value)); };
}

std::function<void(seq_t, seq_t)> progress_line_of_all() {
  if (::isatty(STDERR_FILENO) == 0)
    return {};
  const auto begun = std::chrono::steady_clock::now();
  return [begun, shown = begun](seq_t reached, seq_t newest) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now - shown < std::chrono::milliseconds(100))
      return;
    shown = now;
    const double seconds = std::chrono::duration<double>(now - begun).count();
    std::fprintf(stderr, "\r%llu of %llu entries, %llu %%, %.0f entries/s ", static_cast<unsigned long long>(reached.value),
                 static_cast<unsigned long long>(newest.value),
                 static_cast<unsigned long long>(newest ? reached.value * 100 / newest.value : 100),
                 static_cast<double>(reached.value) / seconds);
  };
}

void end_progress() {
  if (::isatty(STDERR_FILENO) != 0)
    std::fprintf(stderr, "\r\033[K");
}

void register_audit_commands(CLI::App& tally, int& status) {
  const auto flags = std::make_shared<audit_flags>();
  CLI::App* audit = tally.add_subcommand("audit", "Reads a data folder without a server and proves its balances");
  audit->require_subcommand(1);

  CLI::App* verify = audit->add_subcommand("verify", "Checks every hash, decides every entry again, re-derives every balance");
  verify->add_option("DIR", flags->folder, data_folder_help)->required()->type_name("");
  verify->add_flag("--json", flags->as_json, "findings and totals as JSON lines");
  verify->add_option("--threads", flags->threads, "threads that judge, beside the one that reads; one a processor if absent")
      ->type_name("N")
      ->check(CLI::Range(1, 64));
  verify->add_option("--sealed", flags->sealed, "also: that the journal begins with what this file sealed (tally audit digest)")
      ->type_name("FILE");
  verify->footer(
      "One line a finding, in the order of the entries; exit 1 if there is any.\nExample: tally audit verify /var/lib/tallystick");
  verify->callback([flags, &status] { status = run_verify(*flags); });

  CLI::App* replay = audit->add_subcommand("replay", "Replays the journal and shows the balances it leads to");
  replay->add_option("DIR", flags->folder, data_folder_help)->required()->type_name("");
  replay->add_option("--until", flags->until, "stop after this entry, or at this time with what is due by then done")
      ->type_name("SEQ|TIME");
  replay->add_option("--account", flags->account, "this member only")->type_name("ID");
  replay->add_flag("--entries", flags->entries, "the entries on the way as well");
  replay->add_flag("--json", flags->as_json, "one JSON object a line");
  replay->footer("Example: tally audit replay /var/lib/tallystick --until 2026-03-01T00:00:00Z --account m-1 --entries");
  replay->callback([flags, &status] { status = run_replay(*flags); });

  register_audit_export(*audit, status);
  register_audit_proofs(*audit, status);
  register_audit_digest(*audit, status);
}

} // namespace tally::net
