// Folders of databases, and what is in them, that are there after a power loss: RocksDB syncs its own folder and not the one that this is
// in.
#pragma once

#include <filesystem>

namespace rocksdb {
class Env;
class IOStatus;
} // namespace rocksdb

namespace tally::database {

// With the folders above it, each of them on disk when this returns.
rocksdb::IOStatus make_folder(rocksdb::Env& env, const std::filesystem::path& folder);
// What was made, renamed or removed in the folder is on disk.
rocksdb::IOStatus sync_folder(rocksdb::Env& env, const std::filesystem::path& folder);

} // namespace tally::database
