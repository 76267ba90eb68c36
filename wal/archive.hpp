// `tally archive`: moves the old part of a journal out of its store into segments, where reads find it (wal/segment_archive.hpp), beside a
// server or without one. A segment is whole and synced before who has the store is asked to delete its blocks (wal/handover.hpp), and
// blocks are deleted all at once: killed at any moment, each entry is in one place or in both.
#pragma once

#include "wal/segment_file.hpp"

namespace tally::wal {

struct archive_options {
  std::filesystem::path folder; // the data folder, as given to tallyd
  // Blocks whose entries all come before; neither: whatever fills whole segments. The newest block always stays.
  std::optional<seq_t> before_seq;
  std::optional<instant> before_time;
  std::filesystem::path to;                           // empty: where it lies, which is DIR/journal/archive at first
  std::uint64_t bytes_per_second = 0;                 // 0: as fast as it goes
  std::uint64_t segment_bytes = segment_bytes_target; // at which a segment is closed
  std::function<void(seq_t reached)> progress;        // may be empty
  std::function<void(bool by_a_server)> waiting;      // once each time the store takes long to give entries up; may be empty
};

struct archive_report {
  std::filesystem::path folder; // where the archive lies
  std::uint64_t segments = 0;   // added
  std::uint64_t entries = 0;    // moved
  std::uint64_t bytes = 0;      // of those segments
  seq_t archived;               // the archive's last entry; 0: it is empty
  seq_t newest;                 // the journal's
};

// `locked`: another one is at work there. `bad_argument`: the archive lies elsewhere than `to`, where there is not all of it either.
result<archive_report> archive_journal(const archive_options& options);

} // namespace tally::wal
