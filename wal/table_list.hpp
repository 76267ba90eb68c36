// Which table files the store counts as its own, read from its manifest before RocksDB gets to it. A table that is not listed was being
// written when the server ended: nobody will look at it, and nothing in it was promised.
// The manifest is a log file (wal/log_file.hpp) of version edits: https://github.com/facebook/rocksdb/wiki/MANIFEST.
#pragma once

#include "wal/disk.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>

namespace tally::wal {

// By number. nullopt: the manifest is not there, is damaged, or has what this does not know: then any table may be one.
std::optional<std::set<std::uint64_t>> tables_listed_in(const std::filesystem::path& folder, const disk& on = {});

} // namespace tally::wal
