// How RocksDB keeps personal data: nothing that was erased may stay in any file of it.
#pragma once

namespace rocksdb {
class Env;
struct Options;
} // namespace rocksdb

namespace tally::personal {

rocksdb::Options store_options(bool is_new, rocksdb::Env* env = nullptr); // null: the system's

} // namespace tally::personal
