// One block of the journal: one key and one value of the store. docs/formats/block.md has the byte layout.
// Blocks are hash-chained: each carries the hash of the one before and its own.
#pragma once

#include "engine/result.hpp"
#include "wal/batch.hpp"

#include <array>
#include <functional>

namespace tally::wal {

inline constexpr std::uint16_t block_format_version = 2;
inline constexpr std::size_t block_bytes_target = 24 * 1024; // reading one entry back costs 27-100 us at this size
inline constexpr std::size_t block_header_bytes = 108;
inline constexpr std::size_t hash_bytes = 32;

// The first 32 bytes of BLAKE2b-512 (RFC 7693).
using block_hash = std::array<std::byte, hash_bytes>;

struct block_header {
  seq_t first_seq;
  std::uint32_t count = 0;
  instant first_at;
  instant last_at;
  std::uint32_t body_bytes = 0;
  std::uint32_t crc = 0;  // CRC-32C of everything else in the block
  block_hash prev_hash{}; // zeros in the first block
  block_hash hash{};      // over the header's other fields but the checksum, and the hash of the body

  seq_t last_seq() const { return first_seq.plus(count - 1); }
};

// Collects runs into one block. Runs must follow each other without a gap and without time going backwards.
class block_builder {
public:
  void start(seq_t first, const block_hash& prev_hash);
  // `records` holds exactly the records of `run`.
  void add(const run& run, std::span<const std::byte> records);
  std::size_t size() const { return block_.size(); }
  bool empty() const { return count_ == 0; }
  seq_t last_seq() const { return first_.plus(count_ - 1); }
  // The finished block, valid until the next start; also tells its hash.
  std::span<const std::byte> finish(block_hash& hash);

private:
  bytes block_; // room for the header, then the body
  seq_t first_;
  std::uint32_t count_ = 0;
  instant first_at_, last_at_;
  block_hash prev_hash_{};
};

// Checks length, version, checksum and hash of one block; `where` names it in errors ("block 17").
result<block_header> verify_block(std::span<const std::byte> block, seq_t expected_first);

// The same without the hash, which takes ten times as long: bytes that went bad are found, bytes that were changed are not.
result<block_header> verify_checksum(std::span<const std::byte> block, seq_t expected_first);

// Header only, lengths and version checked, nothing hashed.
result<block_header> read_block_header(std::span<const std::byte> block);

// Visits the entries of a block in order until `visit` says false. Views live as long as `block` and `buffer`; merchant_id is only
// what the entry's own bytes have.
result<void> for_each_entry(std::span<const std::byte> block, decode_buffer& buffer, const std::function<bool(entry&)>& visit);

// An entry of a block that is not decoded yet.
struct block_record {
  seq_t number;
  instant at;
  std::span<const std::byte> bytes; // its length included
  record_head head;
};
// Visits the records of a block in order until `visit` says false. Only their heads are read.
result<void> for_each_record(std::span<const std::byte> block, const std::function<bool(const block_record&)>& visit);

// Decodes the one entry of that number, which must be in the block, skipping over the others.
result<void> read_entry(std::span<const std::byte> block, seq_t number, decode_buffer& buffer, entry& out);

// The runs of a block, `offset` counted from the block's first byte; the records are passed over, not decoded.
result<std::vector<run>> runs_of(std::span<const std::byte> block);

// The first `count` records of these, which must be there.
std::span<const std::byte> first_records(std::span<const std::byte> records, std::uint32_t count);

// What the chain needs of a block: the header before prev_hash, and the hash of the body. Proofs are made of these.
inline constexpr std::size_t block_link_bytes = 40 + hash_bytes;
using block_link = std::array<std::byte, block_link_bytes>;
block_link link_of(std::span<const std::byte> block);
// The header of the block that the link is of, if the block before it has that hash; its checksum stays 0.
result<block_header> follow(const block_hash& prev_hash, const block_link& link);

// How many of `run_of_records` (a run encoded here: not checked) come to at most `bytes_max`, but at least one.
struct record_count {
  std::uint32_t count = 0;
  std::size_t length = 0;
};
record_count records_within(std::span<const std::byte> run_of_records, std::size_t bytes_max);

} // namespace tally::wal
