// What lies where in a journal's folder, and whether it belongs together.
#pragma once

#include "wal/block_store.hpp"
#include "wal/high_water_mark.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace tally::wal {

struct journal_folder {
  std::filesystem::path root;
  block_store::options with{}; // the disk it is on, too

  std::filesystem::path blocks() const { return root / "blocks"; }
  std::filesystem::path mark() const { return root / "high_water_mark"; }
  // "journal <root>: <what>", with what can be done about it where that may help.
  failure explain(const failure& why) const;
};

struct opened_journal {
  high_water_mark mark;
  std::unique_ptr<block_store> store;
};

// Opens both, and makes them in an empty folder. Refuses (`corrupt`) if one of them is missing, and log files that are damaged before
// the store gets to read them: it would drop what it cannot read.
result<opened_journal> open_journal_folder(const journal_folder& folder, bool read_only);

// The log files that are damaged, in order, and how many of their bytes come after the first damage.
struct log_damage {
  struct file {
    std::filesystem::path path;
    std::uint64_t sound_bytes = 0;
  };
  std::vector<file> files;
  std::string text; // names files and offsets; empty if there is none
  std::uint64_t bytes = 0;
};
result<log_damage> find_log_damage(const journal_folder& folder);

} // namespace tally::wal
