// Checks that blocks in order are one unbroken journal: checksum and hash of each, the chain of hashes, no gap in seq, no step back
// in time.
#pragma once

#include "wal/block_store.hpp"

namespace tally::wal {

class chain_check {
public:
  // Expects the block in which `from` lies first. What is before that is taken as it is.
  explicit chain_check(seq_t from) : next_(from) {}

  // Blocks in order; the failure names the block.
  result<block_header> pass(const block_store::block& block);

  bool any() const { return any_; }
  seq_t newest() const { return newest_; }
  const block_hash& hash() const { return hash_; }
  instant newest_at() const { return newest_at_; }

private:
  result<void> check_order(seq_t first) const;

  seq_t next_;
  bool any_ = false;
  seq_t newest_;
  block_hash hash_{};
  instant newest_at_;
};

} // namespace tally::wal
