// Bytes that come in at the end and leave at the front: what a connection has read and not understood yet, what it has to
// say and not sent yet. Never zero-fills; gives large memory back when it runs empty.
#pragma once

#include "engine/assert.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>

namespace tally::net {

class byte_buffer {
public:
  byte_buffer() = default;
  byte_buffer(const byte_buffer&) = delete;
  byte_buffer& operator=(const byte_buffer&) = delete;
  ~byte_buffer() { std::free(data_); }

  std::byte* data() { return data_ + begin_; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::size_t capacity() const { return capacity_; }
  std::span<const std::byte> bytes() const { return {data_ + begin_, size()}; }

  // Room for so many more bytes at the end; `grow` then takes them in.
  std::byte* reserve(std::size_t bytes) {
    if (capacity_ - end_ < bytes)
      make_room(bytes);
    return data_ + end_;
  }
  void grow(std::size_t bytes) { end_ += bytes; }
  void append(std::span<const std::byte> bytes) {
    if (bytes.empty())
      return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    grow(bytes.size());
  }
  void drop(std::size_t bytes) {
    TALLY_ASSERT(bytes <= size(), static_cast<long long>(bytes), static_cast<long long>(size()));
    begin_ += bytes;
    if (empty())
      clear();
  }
  void clear() {
    begin_ = end_ = 0;
    if (capacity_ > kept_max)
      release();
  }
  void release() {
    std::free(std::exchange(data_, nullptr));
    begin_ = end_ = capacity_ = 0;
  }

private:
  static constexpr std::size_t kept_max = 128 * 1024;

  void make_room(std::size_t bytes) {
    const std::size_t held = size();
    if (capacity_ - held >= bytes && begin_ >= held) { // enough at the front, and moving costs less than what was dropped
      std::memcpy(data_, data_ + begin_, held);
    } else {
      const std::size_t larger = std::max({held + bytes, capacity_ + capacity_ / 2, std::size_t{512}});
      auto* moved = static_cast<std::byte*>(std::malloc(larger));
      TALLY_ASSERT(moved != nullptr, static_cast<long long>(larger));
      if (held != 0)
        std::memcpy(moved, data_ + begin_, held);
      std::free(data_);
      data_ = moved;
      capacity_ = larger;
    }
    begin_ = 0;
    end_ = held;
  }

  std::byte* data_ = nullptr; // aligned as malloc does
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace tally::net
