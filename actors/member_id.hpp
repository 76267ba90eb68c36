// A member id in 16 bytes: up to 15 bytes in place, which most are, else on the heap.
#pragma once

#include "engine/assert.hpp"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tally::actors {

inline constexpr std::size_t id_bytes_max = 64; // of merchants, accounts and references

class member_id {
public:
  explicit member_id(std::string_view text) {
    TALLY_ASSERT(text.size() <= id_bytes_max, static_cast<long long>(text.size()));
    size_ = static_cast<std::uint8_t>(text.size());
    if (size_ <= inline_max) {
      std::memcpy(bytes_, text.data(), size_);
      return;
    }
    char* heap = new char[size_];
    std::memcpy(heap, text.data(), size_);
    std::memcpy(bytes_ + heap_at, &heap, sizeof heap);
  }
  member_id(const member_id&) = delete;
  member_id& operator=(const member_id&) = delete;
  ~member_id() {
    if (size_ > inline_max)
      delete[] heap();
  }

  std::string_view view() const { return {size_ <= inline_max ? bytes_ : heap(), size_}; }
  std::size_t heap_bytes() const { return size_ <= inline_max ? 0 : size_; }

private:
  static constexpr std::size_t inline_max = 15, heap_at = 7;

  char* heap() const {
    char* heap = nullptr;
    std::memcpy(&heap, bytes_ + heap_at, sizeof heap);
    return heap;
  }

  char bytes_[inline_max] = {};
  std::uint8_t size_ = 0;
};
static_assert(sizeof(member_id) == 16);

} // namespace tally::actors
