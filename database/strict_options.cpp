#include "database/strict_options.hpp"

#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include <memory>

namespace tally::database {

namespace {

// Never a file: it would name keys, and on a full disk RocksDB aborts inside it.
class no_log : public rocksdb::Logger {
public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// Where space ran out, RocksDB would wait for some and write again, whatever max_bgerror_resume_count says. Not for a compaction either,
// though nothing is lost by one: the wait that it begins ends with a flush of everything, also of what has failed meanwhile, and closing
// the database waits for that for ever.
class no_second_try : public rocksdb::EventListener {
public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* tries_again) override { *tries_again = false; }
};

} // namespace

void make_strict(rocksdb::DBOptions& options) {
  options.max_bgerror_resume_count = 0; // a failed write is never retried as if it had not happened
  options.listeners.push_back(std::make_shared<no_second_try>());
  options.info_log = std::make_shared<no_log>();
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  if (options.env != rocksdb::Env::Default())
    options.max_file_opening_threads = 1; // in a test's memory: threads that open tables cost more than they save
}

} // namespace tally::database
