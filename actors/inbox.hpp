// What other threads leave for a shard: a lock-free list of messages, many writers, one reader.
// Not on the path of a request that arrives at its own shard.
#pragma once

#include <atomic>
#include <memory>

namespace tally::actors {

class shard_core;

// Lifecycle: made anywhere, posted, delivered once on the shard's thread, then destroyed; destroyed without delivery when
// the shard ends first.
class inbox_message {
public:
  inbox_message() = default;
  inbox_message(const inbox_message&) = delete;
  inbox_message& operator=(const inbox_message&) = delete;
  virtual ~inbox_message() = default;

  virtual void deliver(shard_core& owner) = 0;
  // Delivered even while the shard stands still (actors/standstill.hpp).
  virtual bool while_parked() const { return false; }

  inbox_message* next = nullptr; // the inbox's, or whoever owns the message
};

class inbox {
public:
  inbox() = default;
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;
  ~inbox() { discard(take_all()); }

  // From any thread.
  void push(std::unique_ptr<inbox_message> message) {
    inbox_message* added = message.release();
    inbox_message* head = head_.load(std::memory_order_relaxed);
    do
      added->next = head;
    while (!head_.compare_exchange_weak(head, added, std::memory_order_seq_cst, std::memory_order_relaxed));
  }

  bool empty() const { return head_.load(std::memory_order_seq_cst) == nullptr; }

  // Everything, oldest first; messages of one writer keep their order. The reader's thread only.
  inbox_message* take_all() {
    if (head_.load(std::memory_order_relaxed) == nullptr)
      return nullptr;
    inbox_message* newest_first = head_.exchange(nullptr, std::memory_order_acquire);
    inbox_message* oldest_first = nullptr;
    while (newest_first != nullptr) {
      inbox_message* next = newest_first->next;
      newest_first->next = oldest_first;
      oldest_first = newest_first;
      newest_first = next;
    }
    return oldest_first;
  }

  static void discard(inbox_message* list) {
    while (list != nullptr) {
      const std::unique_ptr<inbox_message> first(list);
      list = first->next;
    }
  }

private:
  std::atomic<inbox_message*> head_{nullptr};
};

} // namespace tally::actors
