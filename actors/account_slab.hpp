// Memory for account actors: equal blocks in 2 MiB slabs that the kernel is asked to back with huge pages, so that a random
// account costs one cache miss and no page walk (-80 ns). Blocks that come back are used again; a slab goes back when its owner is gone
// and its last block is.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

namespace tally::actors {

// Thread: `allocate` on the owner's, `release` from any: the last handle to an account may be anybody's.
class account_slabs {
public:
  static constexpr std::size_t slab_bytes = std::size_t{2} << 20;

  explicit account_slabs(std::size_t block_bytes);
  account_slabs(const account_slabs&) = delete;
  account_slabs& operator=(const account_slabs&) = delete;
  // Blocks that are still in use keep their slab alive.
  ~account_slabs();

  void* allocate();
  static void release(void* block);

  std::size_t bytes() const { return slabs_.size() * slab_bytes; }

private:
  struct slab;
  struct free_block;
  static slab* slab_of(void* block);
  static void drop(slab* one);
  bool find_free();
  void add_slab();

  const std::size_t block_bytes_;
  std::vector<slab*> slabs_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;       // blocks in the newest slab
  free_block* free_ = nullptr; // came back, and were taken from their slab
  std::size_t looked_at_ = 0;  // the slab whose blocks they are
};

} // namespace tally::actors
