// Lets one thread sleep until another has something for it; waking costs the others one load while it is awake.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>

namespace tally::wal {

class sleeper {
public:
  // The one thread: sleeps until `wake`, or `at_most`. `has_work` is asked once more after it is known that it sleeps, so that
  // nothing handed over meanwhile is slept through; what is handed over must be stored seq_cst before `wake`.
  template <class HasWork>
  void sleep(std::chrono::microseconds at_most, HasWork&& has_work) {
    asleep_.store(1, std::memory_order_seq_cst);
    if (!has_work())
      wait(at_most);
    asleep_.store(0, std::memory_order_relaxed);
  }

  // Everybody else.
  void wake() {
    if (asleep_.load(std::memory_order_seq_cst) != 0 && asleep_.exchange(0) != 0)
      ::syscall(SYS_futex, &asleep_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }

private:
  void wait(std::chrono::microseconds at_most) {
    timespec timeout{};
    timeout.tv_sec = static_cast<std::time_t>(at_most.count() / 1'000'000);
    timeout.tv_nsec = static_cast<long>(at_most.count() % 1'000'000) * 1000;
    ::syscall(SYS_futex, &asleep_, FUTEX_WAIT_PRIVATE, 1, &timeout, nullptr, 0); // returns at once if somebody woke us already
  }

  std::atomic<std::uint32_t> asleep_ = 0;
  static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
};

} // namespace tally::wal
