// Bytes of a block in the store: header, checksum and hash, then every entry, with and without what the checksum would catch.
#include "wal/block.hpp"
#include "wal/entry_codec.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tally;
  const std::span<const std::byte> block{reinterpret_cast<const std::byte*>(data), size};
  const auto header = wal::read_block_header(block);
  if (!header)
    return 0;
  const bool whole = wal::verify_block(block, header->first_seq).ok();
  wal::decode_buffer buffer;
  std::uint64_t count = 0;
  const auto walked = wal::for_each_entry(block, buffer, [&count](const entry&) { return ++count != 0; });
  // A block that verifies was written by us: then all of it must be readable.
  TALLY_ASSERT(!whole || (walked.ok() && count == header->count), static_cast<long long>(count));
  return 0;
}
