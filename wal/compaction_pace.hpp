// Keeps what RocksDB's compactions write at a rate, and never holds up its flushes, for which the journal's thread may have to wait.
#pragma once

#include <cstdint>
#include <memory>

namespace rocksdb {
class RateLimiter;
}

namespace tally::wal {

std::shared_ptr<rocksdb::RateLimiter> make_compaction_pace(std::uint64_t bytes_per_second);

} // namespace tally::wal
