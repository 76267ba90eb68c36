#include "actors/account_slab.hpp"

#include "engine/assert.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace tally::actors {

struct account_slabs::free_block {
  free_block* next;
};

// At the front of its own 2 MiB. Counts the blocks in use and, while it has one, its owner.
struct account_slabs::slab {
  std::atomic<std::uint32_t> users{1};
  std::atomic<free_block*> returned{nullptr}; // pushed by whoever lets go, taken all at once by the owner
};

namespace {
constexpr std::size_t header_bytes = 64;
}

account_slabs::account_slabs(std::size_t block_bytes) : block_bytes_(block_bytes) {
  TALLY_ASSERT(block_bytes % header_bytes == 0 && block_bytes <= slab_bytes - header_bytes, static_cast<long long>(block_bytes));
}

account_slabs::~account_slabs() {
  for (slab* each : slabs_)
    drop(each);
}

void* account_slabs::allocate() {
  if (free_ != nullptr || (left_ == 0 && find_free())) {
    free_block* again = free_;
    free_ = again->next;
    slab_of(again)->users.fetch_add(1, std::memory_order_relaxed);
    return again;
  }
  if (left_ == 0)
    add_slab();
  slabs_.back()->users.fetch_add(1, std::memory_order_relaxed);
  std::byte* block = next_;
  next_ += block_bytes_;
  --left_;
  return block;
}

// Takes what came back to the next slab that has any.
bool account_slabs::find_free() {
  for (std::size_t asked = 0; asked < slabs_.size() && free_ == nullptr; ++asked) {
    looked_at_ = (looked_at_ + 1) % slabs_.size();
    if (slabs_[looked_at_]->returned.load(std::memory_order_relaxed) != nullptr)
      free_ = slabs_[looked_at_]->returned.exchange(nullptr, std::memory_order_acquire);
  }
  return free_ != nullptr;
}

void account_slabs::add_slab() {
  void* memory = std::aligned_alloc(slab_bytes, slab_bytes);
  TALLY_ASSERT(memory != nullptr, static_cast<long long>(slabs_.size()));
  madvise(memory, slab_bytes, MADV_HUGEPAGE); // only speed depends on it
  slabs_.push_back(new (memory) slab);
  next_ = static_cast<std::byte*>(memory) + header_bytes;
  left_ = (slab_bytes - header_bytes) / block_bytes_;
}

void account_slabs::release(void* block) {
  slab* home = slab_of(block);
  auto* returned = new (block) free_block{home->returned.load(std::memory_order_relaxed)};
  while (!home->returned.compare_exchange_weak(returned->next, returned, std::memory_order_release, std::memory_order_relaxed)) {
  }
  drop(home);
}

account_slabs::slab* account_slabs::slab_of(void* block) {
  return reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(slab_bytes - 1));
}

void account_slabs::drop(slab* one) {
  if (one->users.fetch_sub(1, std::memory_order_acq_rel) == 1)
    std::free(one);
}

} // namespace tally::actors
