#include "wal/chain_check.hpp"

#include <string>

namespace tally::wal {
namespace {

failure corrupt_block(seq_t first, const std::string& what) {
  return {failure_code::corrupt, "block " + std::to_string(first.value) + ": " + what};
}

} // namespace

result<block_header> chain_check::pass(const block_store::block& block) {
  if (result<void> ordered = check_order(block.first); !ordered)
    return ordered.error();
  const result<block_header> header = verify_block(block.bytes, block.first);
  if (!header)
    return header;
  if (!any_ && header->last_seq() < next_)
    return corrupt_block(block.first, "ends before entry " + std::to_string(next_.value) + ", and what should follow is missing");
  const bool is_chained = any_ || block.first == seq_t{1};
  if (is_chained && header->prev_hash != hash_)
    return corrupt_block(block.first, "does not carry the hash of the block before it");
  if (any_ && header->first_at < newest_at_)
    return corrupt_block(block.first, "is older than the block before it");
  any_ = true;
  newest_ = header->last_seq();
  next_ = newest_.plus(1);
  hash_ = header->hash;
  newest_at_ = header->last_at;
  return header;
}

result<void> chain_check::check_order(seq_t first) const {
  if (!first)
    return failure{failure_code::corrupt, "there is a key that is not a block's"};
  if (any_ ? first == next_ : first <= next_)
    return {};
  return corrupt_block(first, "entry " + std::to_string(next_.value) + " should come before it and is missing");
}

} // namespace tally::wal
