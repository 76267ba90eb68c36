// The manifest of a backup: which files belong to it, what they hold, and the digest they lead to. Written last; a folder is a backup by
// its manifest and nothing else. docs/formats/backup.md.
#pragma once

#include "wal/journal.hpp"
#include "wal/segment_file.hpp"

namespace tally::wal {

struct backup_manifest {
  // A file that is not the journal's: the copy of the personal data.
  struct other_file {
    std::string name;
    std::uint64_t bytes = 0;
    block_hash hash{}; // of all of it
  };

  std::uint64_t number = 0; // of the run that made it: 1, 2, 3 ...
  instant made_at;
  digest sealed; // the newest entry, and the hash of the chain up to it
  std::vector<segment_info> segments;
  std::optional<other_file> personal;
};

std::string encode(const backup_manifest& manifest);
// `corrupt` says which line.
result<backup_manifest> decode_backup_manifest(std::string_view text);

// `missing`: the folder holds no backup.
result<backup_manifest> read_backup_manifest(const std::filesystem::path& folder);
inline std::filesystem::path backup_manifest_file(const std::filesystem::path& folder) { return folder / "manifest"; }

// BLAKE2b of a file, as `other_file` has it; reads it in pieces.
result<backup_manifest::other_file> describe_file(const std::filesystem::path& file);

std::string hex_of_hash(const block_hash& hash);

} // namespace tally::wal
