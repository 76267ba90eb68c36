// What RocksDB 7.8 believes of its table files before it has looked at a checksum. Checked here before it opens them.
#pragma once

#include "wal/disk.hpp"

#include <filesystem>

namespace tally::wal {

// Fails, naming the file, where a finished table in `folder` is not one that this journal writes: its footer, and the index type of its
// block of properties, which RocksDB takes apart before it verifies it (a flipped bit there ends the process in an assertion).
// Reads three small pieces of each file.
result<void> check_tables(const std::filesystem::path& folder, const disk& on = {});

} // namespace tally::wal
