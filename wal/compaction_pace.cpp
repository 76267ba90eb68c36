#include "wal/compaction_pace.hpp"
#include "wal/file_io.hpp"

#include <rocksdb/rate_limiter.h>

#include <atomic>
#include <mutex>

namespace tally::wal {
namespace {

constexpr std::int64_t burst_bytes = 1ll << 20;

// RocksDB's own would count flushes, too, which go at the rate at which the ledger grows.
class compaction_pace final : public rocksdb::RateLimiter {
public:
  explicit compaction_pace(std::uint64_t bytes_per_second)
      : bytes_per_second_(static_cast<std::int64_t>(bytes_per_second)), pace_(bytes_per_second) {}

  using rocksdb::RateLimiter::Request;
  void Request(const std::int64_t bytes, const rocksdb::Env::IOPriority priority) override {
    if (priority != rocksdb::Env::IO_LOW) // which it gives to compactions, as long as no write waits for one
      return;
    const std::lock_guard held(mutex_);
    bytes_ += bytes;
    ++requests_;
    pace_.spend(static_cast<std::uint64_t>(bytes));
  }
  void SetBytesPerSecond(std::int64_t) override {}
  std::int64_t GetSingleBurstBytes() const override { return burst_bytes; }
  std::int64_t GetTotalBytesThrough(const rocksdb::Env::IOPriority) const override { return bytes_; }
  std::int64_t GetTotalRequests(const rocksdb::Env::IOPriority) const override { return requests_; }
  std::int64_t GetBytesPerSecond() const override { return bytes_per_second_; }

private:
  const std::int64_t bytes_per_second_;
  std::mutex mutex_;
  pacer pace_;
  std::atomic<std::int64_t> bytes_ = 0, requests_ = 0;
};

} // namespace

std::shared_ptr<rocksdb::RateLimiter> make_compaction_pace(std::uint64_t bytes_per_second) {
  return std::make_shared<compaction_pace>(bytes_per_second);
}

} // namespace tally::wal
