// What lies where in a journal's folder, and whether it belongs together.
#pragma once

#include "wal/block_store.hpp"
#include "wal/high_water_mark.hpp"
#include "wal/journal.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace tally::wal {

struct journal_folder {
  std::filesystem::path root;
  block_store::options with{}; // the disk it is on, too

  std::filesystem::path blocks() const { return root / "blocks"; }
  std::filesystem::path mark() const { return root / "high_water_mark"; }
  // There while the data folder is being restored (wal/restore.hpp).
  std::filesystem::path unfinished_restore() const { return root.parent_path() / "restoring"; }
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

// Whether another process has the store open for writing.
bool is_served(const journal_folder& folder);

// The names of the store's log files, in order.
std::vector<std::string> log_names(const journal_folder& folder);

// `open` reads the folder beside a server. That may delete a file between two steps of it; and a log that goes after the list of tables was
// read and before the logs are takes its blocks with it. So it is tried again until no log came or went meanwhile.
template <class Open>
auto read_beside_server(const journal_folder& folder, const Open& open) {
  constexpr int tries_max = 40;
  for (int tries = 1;; ++tries) {
    const bool was_served = is_served(folder);
    const std::vector<std::string> logs = log_names(folder);
    auto opened = open();
    const bool is_served_still = is_served(folder);
    const bool is_whole = opened && logs == log_names(folder);
    if (is_whole || tries == tries_max || !(was_served || is_served_still) || (!opened && opened.error().code == failure_code::missing))
      return opened;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
}

// Whether a block ends with that entry and that hash.
bool has_block(const block_store& store, const digest& end);

// Opens it to read, beside a server or not, with everything that is acknowledged by now.
result<opened_journal> open_acknowledged(const journal_folder& folder);

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
