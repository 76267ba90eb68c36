// What every RocksDB database of the ledger has in common: a write that failed is never tried again behind anybody's back, and RocksDB
// keeps no log of its own doings in a file.
#pragma once

namespace rocksdb {
struct DBOptions;
}

namespace tally::database {

// Sets error handling, info log (to nowhere) and statistics; everything else is the database's own, and its `env` is set before.
void make_strict(rocksdb::DBOptions& options);

} // namespace tally::database
