// How RocksDB keeps personal data: nothing that was erased may stay in any file of it.
#pragma once

namespace rocksdb {
struct Options;
}

namespace tally::personal {

rocksdb::Options store_options(bool is_new);

} // namespace tally::personal
