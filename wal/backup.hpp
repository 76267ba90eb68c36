// `tally backup`: copies the journal of a data folder, which may be served meanwhile, into a folder of segments and a manifest; what it
// holds already stays. `tally restore` (wal/restore.hpp) makes a data folder of it again. Personal data is the caller's to copy, at the
// moment it is asked to. docs/formats/backup.md, docs/backup.md.
#pragma once

#include "wal/backup_manifest.hpp"

#include <functional>

namespace tally::wal {

struct backup_options {
  std::filesystem::path folder;                       // the data folder, as given to tallyd
  std::filesystem::path destination;                  // made if missing
  std::uint64_t bytes_per_second = 0;                 // 0: as fast as it goes
  std::uint64_t segment_bytes = segment_bytes_target; // at which a segment is closed
  instant now;
  std::function<void(seq_t reached)> progress; // may be empty
  // Writes the copy of the personal data to this file, synced; false: there is none. Called when the journal's part is there: then the
  // copy is newer than the last entry, and a member whom one of the entries erased is not in it.
  std::function<result<bool>(const std::filesystem::path& file)> copy_personal;
};

struct backup_report {
  digest sealed;
  std::uint64_t entries_added = 0;
  std::uint64_t bytes_written = 0; // segments, with what was written again because it was small
  std::uint64_t segments = 0;      // that the backup has now
  std::uint64_t bytes = 0;         // of all of them
};

// Up to the high-water mark. Killed at any moment, the destination is the backup that it was or the new one. `bad_argument`: the
// destination is something else, or the backup of another journal.
result<backup_report> back_up(const backup_options& options);

} // namespace tally::wal
