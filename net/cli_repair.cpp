// `tally repair`: opens a journal whose torn tail was never acknowledged, and shows that nothing acknowledged is lost.
#include "net/cli.hpp"
#include "wal/rocksdb_journal.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tally::net {

namespace {

int run_repair(const std::string& folder) {
  std::error_code error;
  const std::filesystem::path journal = std::filesystem::path{folder} / "journal";
  if (!std::filesystem::is_directory(journal, error))
    return complain(exit_usage, folder + " holds no journal");
  const auto report = wal::repair_journal(journal);
  if (!report)
    return complain(exit_no, report.error().what);
  std::printf("acknowledged up to entry %llu, kept up to entry %llu, %llu bytes dropped: nothing acknowledged is lost\n",
              static_cast<unsigned long long>(report->acknowledged.value), static_cast<unsigned long long>(report->kept.value),
              static_cast<unsigned long long>(report->bytes_dropped));
  return exit_done;
}

} // namespace

void register_repair_command(CLI::App& tally, int& status) {
  CLI::App* repair = tally.add_subcommand("repair", "Drops a journal's torn tail that was never acknowledged");
  const auto folder = std::make_shared<std::string>();
  repair->add_option("DIR", *folder, "the data folder of a server that is not running")->required()->type_name("");
  repair->footer("Changes nothing if an acknowledged entry would be lost: then it says which and exits 1.\n"
                 "Example: tally repair /var/lib/tallystick");
  repair->callback([folder, &status] { status = run_repair(*folder); });
}

} // namespace tally::net
