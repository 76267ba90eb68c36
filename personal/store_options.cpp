#include "personal/store_options.hpp"

#include "database/strict_options.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

namespace tally::personal {

namespace {

constexpr std::size_t memtable_bytes = 2ull << 20; // small files: what is erased is written again with its neighbours
constexpr std::size_t read_cache_bytes = 8ull << 20;
constexpr double filter_bits_per_key = 10; // phones of nobody's are asked for, too

} // namespace

rocksdb::Options store_options(bool is_new, rocksdb::Env* env) {
  rocksdb::Options options;
  options.env = env != nullptr ? env : rocksdb::Env::Default();
  options.create_if_missing = is_new;
  options.error_if_exists = is_new;
  // A last record that was cut short was never acknowledged; the default would take what is before any damage, and drop the rest
  // (`store::open` does, when it has seen that nothing acknowledged goes with it).
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.avoid_flush_during_recovery = false;
  options.track_and_verify_wals_in_manifest = false; // false alarms in 7.8
  database::make_strict(options);

  // What is erased must leave every file: logs are deleted, neither kept nor used again, and each change of the files begins a new
  // manifest, because it holds keys of the files it speaks of.
  options.recycle_log_file_num = 0;
  options.WAL_ttl_seconds = 0;
  options.WAL_size_limit_MB = 0;
  options.max_manifest_file_size = 1;

  options.write_buffer_size = memtable_bytes;
  options.target_file_size_base = memtable_bytes;
  options.compression = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.checksum = rocksdb::kXXH3;
  table.block_cache = rocksdb::NewLRUCache(read_cache_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(filter_bits_per_key));
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

} // namespace tally::personal
