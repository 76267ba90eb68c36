// The way of batches from one shard to the journal thread: a ring with one writer and one reader, no lock, no allocation.
#pragma once

#include "wal/batch.hpp"

#include <array>
#include <atomic>

namespace tally::wal {

class batch_ring {
public:
  // More turns than a shard takes while the disk stalls for seconds: what it may have in flight ends before.
  static constexpr std::uint64_t capacity = 1u << 16;

  // The shard. False if the ring is full.
  bool push(const batch* handed) {
    const std::uint64_t end = end_.load(std::memory_order_relaxed);
    if (end - begin_.load(std::memory_order_acquire) == capacity)
      return false;
    slots_[end % capacity] = handed;
    end_.store(end + 1, std::memory_order_seq_cst); // ordered before the look at whether the journal thread sleeps
    return true;
  }

  // The journal thread. The oldest batch, null if there is none.
  const batch* front() const {
    const std::uint64_t begin = begin_.load(std::memory_order_relaxed);
    return begin == end_.load(std::memory_order_seq_cst) ? nullptr : slots_[begin % capacity];
  }
  void pop() { begin_.store(begin_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

private:
  alignas(64) std::atomic<std::uint64_t> end_ = 0;
  alignas(64) std::atomic<std::uint64_t> begin_ = 0;
  alignas(64) std::array<const batch*, capacity> slots_{};
};

} // namespace tally::wal
