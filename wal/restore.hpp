// `tally restore`: makes a data folder of a backup, verifying every checksum, hash and link of the chain on the way. It lies in
// NEWDIR/restoring until it is whole; a server refuses the folder until then.
#pragma once

#include "wal/backup_manifest.hpp"

#include <functional>

namespace tally::wal {

struct restore_options {
  std::filesystem::path backup;
  std::filesystem::path folder;   // new or empty, or what an interrupted restore left
  std::optional<seq_t> until_seq; // both inclusive; a group that would be cut in half is left out whole
  std::optional<instant> until_time;
  std::function<void(seq_t reached)> progress;               // may be empty
  std::function<void(const entry& enrolled)> each_enrolment; // each entry that opens an account, in order
  // Looks at the copy of the personal data, which matches its checksum. Called before the first entry, if there is one.
  std::function<result<void>(const std::filesystem::path& copy)> prepare_personal;
  // Makes personal/ in this folder from the copy, or nothing of it. Called after the last entry.
  std::function<result<void>(const std::filesystem::path& copy, const std::filesystem::path& folder)> make_personal;
};

struct restore_report {
  digest newest;                      // of the new folder
  instant newest_at;                  // of its last entry; 0 without any
  digest sealed;                      // of the backup
  bool is_prefix = false;             // it ends before the backup does: its digest may be none that was ever seen
  std::uint64_t entries_left_out = 0; // of the group that `until_seq` falls into
};

result<restore_report> restore(const restore_options& options);

// Reads everything that a restore would, and makes nothing.
result<backup_manifest> verify_backup(const std::filesystem::path& backup, const std::function<void(seq_t)>& progress);

} // namespace tally::wal
