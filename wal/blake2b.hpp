// The journal's hash: the first 32 bytes of BLAKE2b-512 (RFC 7693), which anybody's standard library has
// (Python: hashlib.blake2b(data).digest()[:32]). The only file that knows OpenSSL is its .cpp.
#pragma once

#include "wal/block.hpp"

#include <memory>
#include <span>

namespace tally::wal {

// Of `head` followed by `rest`. From any thread.
block_hash blake2b_32(std::span<const std::byte> head, std::span<const std::byte> rest = {});

// The same of what comes in pieces. One thread.
class blake2b_stream {
public:
  blake2b_stream();
  ~blake2b_stream();
  void add(std::span<const std::byte> piece);
  // Once, at the end.
  block_hash finish();

private:
  struct context;
  std::unique_ptr<context> context_;
};

} // namespace tally::wal
