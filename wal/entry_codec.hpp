// The bytes of one entry: docs/formats/entry.md. A presence mask, then only the fields that are there, as varints and
// length-prefixed strings: an earn takes 60-80 bytes. Every byte of an entry is paid for several times (hash, checksum,
// two copies on disk), so fewer bytes beat a layout that is copied through.
//
// seq and time are not in these bytes: they follow from the entry's place in its block (wal/block.hpp), so a shard
// can encode before it knows which block the entry lands in.
#pragma once

#include "engine/entry.hpp"
#include "engine/result.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace tally::wal {

using bytes = std::vector<std::byte>;

// Appends one length-prefixed record to `out`. `entry.seq` and `entry.at` must be set (deltas are taken from them).
void encode(const entry& entry, bytes& out);

// What decoded entries point into besides the record's own bytes; reused from entry to entry.
struct decode_buffer {
  std::vector<sale_line> lines;
  std::vector<std::int64_t> offsets;
};

// Decodes the record at the front of `in` and moves `in` past it. Strings are views into `in`; lines and offsets live in
// `buffer` until its next use. Never reads past `in`, whatever the bytes are: anything odd is `corrupt`.
result<void> decode(std::span<const std::byte>& in, seq_t number, instant at, decode_buffer& buffer, entry& out);

// Whose a record is, without reading the rest of it. Views into the record.
struct record_head {
  entry_kind kind = entry_kind::none;
  bool begins_group = true; // else its group is an earlier entry's, and stands further on in the record
  merchant_number merchant = 0;
  std::string_view merchant_id; // where the record has it
  std::string_view account;
};
// Of the record at the front of `in`, which it moves past. What this takes for well, `decode` may still refuse.
result<void> read_head(std::span<const std::byte>& in, seq_t number, record_head& out);

} // namespace tally::wal
