// A vector whose first N elements live inside it (0: all are on the heap): most accounts have one lot, most entries touch one.
// For trivially copyable types only, so growing and copying are memcpy.
#pragma once

#include "engine/assert.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace tally {

// `First` is how many the first piece of heap has room for.
template <class T, std::uint32_t N, std::uint32_t First = N<2 ? 2 : 2 * N> class small_vector {
  static_assert(std::is_trivially_copyable_v<T> && First > N);

public:
  small_vector() = default;
  small_vector(const small_vector& other) { assign(other); }
  small_vector(small_vector&& other) noexcept { steal(other); }
  small_vector& operator=(const small_vector& other) {
    if (this != &other)
      assign(other);
    return *this;
  }
  small_vector& operator=(small_vector&& other) noexcept {
    if (this != &other) {
      release();
      steal(other);
    }
    return *this;
  }
  ~small_vector() { release(); }

  T* data() { return is_inline() ? reinterpret_cast<T*>(inline_) : heap_; }
  const T* data() const { return is_inline() ? reinterpret_cast<const T*>(inline_) : heap_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  T& front() { return data()[0]; }
  const T& front() const { return data()[0]; }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }

  // Bytes on the heap; 0 while everything fits inside.
  std::size_t heap_bytes() const { return is_inline() ? 0 : capacity_ * sizeof(T); }

  void push_back(const T& value) {
    const T copy = value; // it may live in this vector
    if (size_ == capacity_) [[unlikely]]
      grow();
    std::memcpy(static_cast<void*>(data() + size_), &copy, sizeof(T));
    ++size_;
  }
  void pop_back() {
    TALLY_ASSERT(size_ > 0);
    --size_;
  }
  void clear() { size_ = 0; }

  T* insert(T* where, const T& value) {
    const T copy = value; // it may live in this vector
    const auto index = static_cast<std::size_t>(where - data());
    if (size_ == capacity_)
      grow();
    T* place = data() + index;
    std::memmove(static_cast<void*>(place + 1), place, (size_ - index) * sizeof(T));
    std::memcpy(static_cast<void*>(place), &copy, sizeof(T));
    ++size_;
    return place;
  }
  T* erase(T* where) {
    std::memmove(static_cast<void*>(where), where + 1, static_cast<std::size_t>(end() - where - 1) * sizeof(T));
    --size_;
    return where;
  }

  friend bool operator==(const small_vector& a, const small_vector& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

private:
  bool is_inline() const { return capacity_ == N; }

  void grow() {
    const std::uint32_t larger = std::max(capacity_ * 2, First); // powers of two are what allocators have
    T* moved = static_cast<T*>(std::realloc(is_inline() ? nullptr : heap_, larger * sizeof(T)));
    TALLY_ASSERT(moved != nullptr, larger);
    if (is_inline())
      std::memcpy(static_cast<void*>(moved), inline_, size_ * sizeof(T));
    heap_ = moved;
    capacity_ = larger;
  }
  void assign(const small_vector& other) {
    if (other.size_ > capacity_) {
      release();
      heap_ = static_cast<T*>(std::malloc(other.size_ * sizeof(T)));
      TALLY_ASSERT(heap_ != nullptr, other.size_);
      capacity_ = other.size_;
    }
    size_ = other.size_;
    std::memcpy(static_cast<void*>(data()), other.data(), size_ * sizeof(T));
  }
  void steal(small_vector& other) {
    size_ = other.size_;
    capacity_ = other.capacity_;
    if (other.is_inline()) {
      std::memcpy(inline_, other.inline_, size_ * sizeof(T));
    } else {
      heap_ = other.heap_;
    }
    other.size_ = 0;
    other.capacity_ = N;
  }
  void release() {
    if (!is_inline())
      std::free(heap_);
    capacity_ = N;
  }

  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = N;
  union {
    alignas(T) unsigned char inline_[N > 0 ? N * sizeof(T) : 1];
    T* heap_;
  };
};

} // namespace tally
