// The ledger's clock: the system's, or a test clock that stands still until it is moved.
// That stamps never go backwards is the sequencer's business (actors/sequencer.hpp); shards use the later of both.
#pragma once

#include "engine/assert.hpp"
#include "engine/instant.hpp"

#include <atomic>
#include <ctime>
#include <optional>

namespace tally::actors {

// Thread: `now` from any; `advance_to` only while no shard decides (see actors/clock_advance.hpp).
class ledger_clock {
public:
  explicit ledger_clock(std::optional<instant> test_start)
      : is_test_(test_start.has_value()), test_us_(test_start.value_or(instant{}).us) {}

  bool is_test() const { return is_test_; }

  instant now() const {
    if (is_test_)
      return {test_us_.load(std::memory_order_acquire)};
    timespec at{};
    clock_gettime(CLOCK_REALTIME, &at);
    return {at.tv_sec * us_per_second + at.tv_nsec / 1000};
  }

  void advance_to(instant to) {
    TALLY_ASSERT(is_test_ && to.us >= test_us_.load(std::memory_order_relaxed), to.us);
    test_us_.store(to.us, std::memory_order_release);
  }

private:
  const bool is_test_;
  std::atomic<std::int64_t> test_us_;
};

} // namespace tally::actors
