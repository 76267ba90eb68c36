// `tally backup`, `tally restore` and `tally archive`: the journal's part stands in wal/backup.hpp, wal/restore.hpp and wal/archive.hpp,
// that of phones and names in personal/copy_file.hpp. Here they come together.
#include "engine/hash.hpp"
#include "engine/rfc3339.hpp"
#include "net/cli.hpp"
#include "net/cli_audit.hpp"
#include "personal/copy_file.hpp"
#include "wal/archive.hpp"
#include "wal/backup.hpp"
#include "wal/restore.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

namespace tally::net {

namespace {

using json = nlohmann::ordered_json;
namespace fs = std::filesystem;

// Measured beside a server under load: docs/backup.md.
constexpr std::uint64_t default_megabytes_per_second = 32;

constexpr std::uint64_t rate_max = 100'000; // megabytes a second

instant clock_now() {
  return {std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

int complain_of(const failure& why) {
  const bool is_usage = why.code == failure_code::missing || why.code == failure_code::bad_argument;
  return complain(is_usage ? exit_usage : exit_no, why.what);
}

unsigned long long wide(std::uint64_t number) { return number; }

void add_rate(CLI::App& command, std::uint64_t& megabytes_per_second) {
  command.add_option("--rate", megabytes_per_second, "megabytes written a second at most; 0: as fast as it goes")
      ->type_name("MB")
      ->check(CLI::Range(std::uint64_t{0}, rate_max));
}

// ---- backup -----------------------------------------------------------------------------------------------------------

struct backup_flags {
  std::string folder;
  std::string destination;
  std::uint64_t rate = default_megabytes_per_second;
  bool as_json = false;
};

result<bool> copy_personal(const fs::path& data_folder, const fs::path& file, wal::pacer& pace) {
  auto copy = wal::new_file::begin(file, pace, false);
  if (!copy)
    return copy.error();
  const result<bool> is_there = personal::copy_out(data_folder / "personal", [&](std::string_view bytes) { return copy->append(bytes); });
  if (!is_there || !*is_there)
    return is_there;
  if (result<void> finished = copy->finish_as(file); !finished)
    return finished.error();
  return true;
}

int run_backup(const backup_flags& flags) {
  wal::pacer pace(flags.rate << 20);
  wal::backup_options options;
  options.folder = flags.folder;
  options.destination = flags.destination;
  options.bytes_per_second = flags.rate << 20;
  options.now = clock_now();
  options.progress = progress_line();
  options.copy_personal = [&](const fs::path& file) { return copy_personal(flags.folder, file, pace); };
  const auto made = wal::back_up(options);
  end_progress();
  if (!made)
    return complain_of(made.error());
  if (flags.as_json) {
    const json line{{"added", made->entries_added}, {"written_bytes", made->bytes_written}, {"segments", made->segments},
                    {"bytes", made->bytes},         {"seq", made->sealed.newest.value},     {"hash", hex_of(made->sealed.hash)}};
    std::printf("%s\n", line.dump().c_str());
  } else {
    std::printf("%llu entries added, %llu bytes written; %llu segments, %llu bytes\ndigest %llu %s\n", wide(made->entries_added),
                wide(made->bytes_written), wide(made->segments), wide(made->bytes), wide(made->sealed.newest.value),
                hex_of(made->sealed.hash).c_str());
  }
  return exit_done;
}

// ---- restore ----------------------------------------------------------------------------------------------------------

struct restore_flags {
  std::string backup;
  std::string folder;
  std::string until;
  bool verify = false;
  bool as_json = false;
};

// Which of the accounts with personal data the restored journal has: the copy may be newer than it.
class enrolled_accounts {
public:
  void expect(std::string_view merchant, std::string_view account) { seen_.push_back({hash_of(merchant, account), false}); }
  void all_expected() { std::ranges::sort(seen_, {}, &known::hash); }
  void enrol(std::string_view merchant, std::string_view account) {
    if (known* found = find(merchant, account); found != nullptr)
      found->is_enrolled = true;
  }
  bool has(std::string_view merchant, std::string_view account) {
    const known* found = find(merchant, account);
    return found != nullptr && found->is_enrolled;
  }

private:
  struct known {
    std::uint64_t hash = 0;
    bool is_enrolled = false;
  };
  static std::uint64_t hash_of(std::string_view merchant, std::string_view account) { return hash64(account, hash64(merchant)); }
  known* find(std::string_view merchant, std::string_view account) {
    const std::uint64_t hash = hash_of(merchant, account);
    const auto found = std::ranges::lower_bound(seen_, hash, {}, &known::hash);
    return found != seen_.end() && found->hash == hash ? &*found : nullptr;
  }

  std::vector<known> seen_;
};

int print_verified(const restore_flags& flags) {
  const auto verified = wal::verify_backup(flags.backup, progress_line());
  end_progress();
  if (!verified)
    return complain_of(verified.error());
  if (flags.as_json) {
    const json line{{"segments", verified->segments.size()},
                    {"made_at", format_rfc3339(verified->made_at)},
                    {"personal", verified->personal.has_value()},
                    {"seq", verified->sealed.newest.value},
                    {"hash", hex_of(verified->sealed.hash)}};
    std::printf("%s\n", line.dump().c_str());
  } else {
    std::printf("the backup of %s is whole: %llu segments\ndigest %llu %s\n", format_rfc3339(verified->made_at).c_str(),
                wide(verified->segments.size()), wide(verified->sealed.newest.value), hex_of(verified->sealed.hash).c_str());
  }
  return exit_done;
}

void print_restored(const wal::restore_report& restored, bool as_json) {
  if (as_json) {
    const json line{{"seq", restored.newest.newest.value},
                    {"hash", hex_of(restored.newest.hash)},
                    {"at", restored.newest.newest ? json(format_rfc3339(restored.newest_at)) : json()},
                    {"prefix", restored.is_prefix},
                    {"backup_seq", restored.sealed.newest.value},
                    {"backup_hash", hex_of(restored.sealed.hash)}};
    std::printf("%s\n", line.dump().c_str());
    return;
  }
  std::printf("restored up to entry %llu%s%s\n", wide(restored.newest.newest.value), restored.newest.newest ? " of " : "",
              restored.newest.newest ? format_rfc3339(restored.newest_at).c_str() : "");
  if (restored.entries_left_out > 0)
    std::printf("%llu entries before that point are left out: the group they belong to goes on after it\n",
                wide(restored.entries_left_out));
  if (restored.is_prefix)
    std::printf("a part of the backup, which goes up to entry %llu: this is a ledger of its own from here on, with a digest of its own\n",
                wide(restored.sealed.newest.value));
  std::printf("digest %llu %s\n", wide(restored.newest.newest.value), hex_of(restored.newest.hash).c_str());
}

int run_restore(const restore_flags& flags) {
  if (flags.verify) {
    if (!flags.folder.empty() || !flags.until.empty())
      return complain_usage("tally restore", "--verify makes no folder and takes no --until");
    return print_verified(flags);
  }
  if (flags.folder.empty())
    return complain_usage("tally restore", "NEWDIR is required");
  wal::restore_options options;
  options.backup = flags.backup;
  options.folder = flags.folder;
  if (!read_until(flags.until, options.until_seq, options.until_time))
    return complain_usage("tally restore", "--until: '" + flags.until + "' is neither a seq nor an RFC 3339 time");
  enrolled_accounts accounts;
  options.prepare_personal = [&](const fs::path& copy) {
    result<void> visited =
        personal::visit_copy(copy, [&](std::string_view merchant, std::string_view account) { accounts.expect(merchant, account); });
    accounts.all_expected();
    return visited;
  };
  options.each_enrolment = [&](const entry& one) { accounts.enrol(one.merchant_id, one.account); };
  options.make_personal = [&](const fs::path& copy, const fs::path& folder) {
    return personal::copy_in(copy, folder / "personal",
                             [&](std::string_view merchant, std::string_view account) { return accounts.has(merchant, account); });
  };
  options.progress = progress_line();
  const auto restored = wal::restore(options);
  end_progress();
  if (!restored)
    return complain_of(restored.error());
  print_restored(*restored, flags.as_json);
  return exit_done;
}

// ---- archive ----------------------------------------------------------------------------------------------------------

struct archive_flags {
  std::string folder;
  std::string before;
  std::string to;
  std::uint64_t rate = default_megabytes_per_second;
  bool as_json = false;
};

// Somebody at a terminal learns why nothing seems to happen.
std::function<void(bool)> waiting_line() {
  if (::isatty(STDERR_FILENO) == 0)
    return {};
  return [](bool by_a_server) {
    end_progress();
    std::fprintf(stderr,
                 "waiting until %s the entries that were archived (it first waits for every audit, export and backup that reads them)\n",
                 by_a_server ? "the server gives up" : "the store gives up");
  };
}

int run_archive(const archive_flags& flags) {
  wal::archive_options options;
  options.folder = flags.folder;
  options.to = flags.to;
  options.bytes_per_second = flags.rate << 20;
  options.progress = progress_line();
  options.waiting = waiting_line();
  if (!read_until(flags.before, options.before_seq, options.before_time))
    return complain_usage("tally archive", "--before: '" + flags.before + "' is neither a seq nor an RFC 3339 time");
  const auto moved = wal::archive_journal(options);
  end_progress();
  if (!moved)
    return complain_of(moved.error());
  if (flags.as_json) {
    const json line{{"moved", moved->entries},           {"segments", moved->segments},   {"bytes", moved->bytes},
                    {"archived", moved->archived.value}, {"newest", moved->newest.value}, {"folder", moved->folder.string()}};
    std::printf("%s\n", line.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  } else {
    std::printf("%llu entries moved into %llu segments, %llu bytes\n", wide(moved->entries), wide(moved->segments), wide(moved->bytes));
    if (moved->archived)
      std::printf("entries 1 to %llu lie in %s, %llu to %llu in the store\n", wide(moved->archived.value), moved->folder.c_str(),
                  wide(moved->archived.value + 1), wide(moved->newest.value));
  }
  return exit_done;
}

} // namespace

void register_backup_commands(CLI::App& tally, int& status) {
  const auto backup = std::make_shared<backup_flags>();
  CLI::App* command = tally.add_subcommand("backup", "Copies a data folder, which may be served meanwhile, and adds only what is new");
  command->add_option("DIR", backup->folder, "the data folder, as given to tallyd")->required()->type_name("");
  command->add_option("DEST", backup->destination, "the backup's folder; made if missing")->required()->type_name("");
  add_rate(*command, backup->rate);
  command->add_flag("--json", backup->as_json, "the totals as a JSON object");
  command->footer("Refuses a DEST that holds something else, or the backup of another journal.\n"
                  "Killed at any moment, DEST is the backup it was, or the new one.\n"
                  "Example: tally backup /var/lib/tallystick /backup/tallystick");
  command->callback([backup, &status] { status = run_backup(*backup); });

  const auto restore = std::make_shared<restore_flags>();
  command = tally.add_subcommand("restore", "Makes a new data folder of a backup, verifying every hash on the way");
  command->add_option("DEST", restore->backup, "the backup's folder")->required()->type_name("");
  command->add_option("NEWDIR", restore->folder, "the data folder to make: it is missing or empty")->type_name("");
  command->add_option("--until", restore->until, "end with this entry, or at this time; a group is left out whole")->type_name("SEQ|TIME");
  command->add_flag("--verify", restore->verify, "reads and verifies the whole backup, and makes nothing");
  command->add_flag("--json", restore->as_json, "what was restored as a JSON object");
  command->footer("Example: tally restore /backup/tallystick /var/lib/tallystick-restored\n"
                  "Example: tally restore /backup/tallystick before-the-mistake --until 2026-03-01T09:00:00Z\n"
                  "Example: tally restore /backup/tallystick --verify");
  command->callback([restore, &status] { status = run_restore(*restore); });

  const auto archive = std::make_shared<archive_flags>();
  command = tally.add_subcommand(
      "archive", "Moves the old part of a journal, which may be served meanwhile, into files of its own, where reads still find it");
  command->add_option("DIR", archive->folder, "the data folder, as given to tallyd")->required()->type_name("");
  command->add_option("--before", archive->before, "move what comes before this entry or time; absent: what fills whole segments of 64 MB")
      ->type_name("SEQ|TIME");
  command->add_option("--to", archive->to, "where the archive lies; absent: where it is, DIR/journal/archive at first")
      ->type_name("FOLDER");
  add_rate(*command, archive->rate);
  command->add_flag("--json", archive->as_json, "what was moved as a JSON object");
  command->footer("A server lets go of the entries a moment after they are archived, when nobody audits, exports or backs up.\n"
                  "Killed at any moment, nothing is lost: run it again.\n"
                  "An archive that was moved elsewhere is found again after: tally archive DIR --to FOLDER\n"
                  "Example: tally archive /var/lib/tallystick --before 2026-01-01T00:00:00Z --to /archive/tallystick");
  command->callback([archive, &status] { status = run_archive(*archive); });
}

} // namespace tally::net
