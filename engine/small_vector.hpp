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

// `First` is how many the first piece of heap has room for; powers of two are what allocators have, so it doubles from there.
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

  T* data() { return is_inline() ? reinterpret_cast<T*>(inline_) : heap_ + head_; }
  const T* data() const { return is_inline() ? reinterpret_cast<const T*>(inline_) : heap_ + head_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(size_); }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  T& front() { return data()[0]; }
  const T& front() const { return data()[0]; }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }

  // Bytes on the heap; 0 while everything fits inside.
  std::size_t heap_bytes() const { return is_inline() ? 0 : capacity() * sizeof(T); }

  void push_back(const T& value) {
    const T copy = value; // it may live in this vector
    if (places_used() == capacity()) [[unlikely]]
      make_room();
    std::memcpy(static_cast<void*>(data() + size_), &copy, sizeof(T));
    ++size_;
  }
  void pop_back() {
    TALLY_ASSERT(size_ > 0);
    --size_;
  }
  void clear() { size_ = head_ = 0; }
  // So many of one value, and nothing else.
  void assign(std::size_t count, const T& value) {
    const T copy = value; // it may live in this vector
    if (count > capacity())
      move_to_room_for(count);
    head_ = 0;
    size_ = count & places_max;
    std::fill(begin(), end(), copy);
  }

  T* insert(T* where, const T& value) {
    const T copy = value; // it may live in this vector
    const auto index = static_cast<std::size_t>(where - data());
    if (places_used() == capacity())
      make_room();
    T* place = data() + index;
    std::memmove(static_cast<void*>(place + 1), place, (size_ - index) * sizeof(T));
    std::memcpy(static_cast<void*>(place), &copy, sizeof(T));
    ++size_;
    return place;
  }
  // Several, which do not live in this vector.
  void insert(T* where, const T* first, std::size_t count) {
    const auto index = static_cast<std::size_t>(where - data());
    while (places_used() + count > capacity())
      make_room();
    T* place = data() + index;
    std::memmove(static_cast<void*>(place + count), place, (size_ - index) * sizeof(T));
    std::memcpy(static_cast<void*>(place), first, count * sizeof(T));
    size_ = (size_ + count) & places_max;
  }
  // On the heap the fewer move, those before it or those after: the first goes for nothing, but in a list that has become much too large.
  T* erase(T* where) {
    const std::size_t before = static_cast<std::size_t>(where - data());
    if (!is_inline() && before < size_ / 2 + 1u) {
      std::memmove(static_cast<void*>(data() + 1), data(), before * sizeof(T));
      --size_;
      ++head_;
      if (doublings_ > doublings_kept && size_ <= capacity() / 8) [[unlikely]]
        move_to(doublings_ - 2u);
      return data() + before;
    }
    std::memmove(static_cast<void*>(where), where + 1, static_cast<std::size_t>(end() - where - 1) * sizeof(T));
    --size_;
    return where;
  }

  friend bool operator==(const small_vector& a, const small_vector& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

private:
  static constexpr std::uint32_t places_max = (1u << 29) - 1;
  static constexpr unsigned doublings_kept = 4; // of a list that grows shorter; what is longer gives memory back

  bool is_inline() const { return doublings_ == 0; }
  std::size_t places_used() const { return std::size_t{head_} + size_; }
  std::size_t capacity() const { return is_inline() ? N : std::size_t{First} << (doublings_ - 1); }
  static unsigned doublings_for(std::size_t count) {
    unsigned doublings = count <= N ? 0 : 1;
    while (doublings != 0 && (std::size_t{First} << (doublings - 1)) < count)
      ++doublings;
    return doublings;
  }

  // At the end: what left at the front is used again if that is half of it.
  void make_room() {
    if (!is_inline() && head_ >= capacity() / 2) {
      std::memmove(static_cast<void*>(heap_), data(), size_ * sizeof(T));
    } else {
      move_to(doublings_ + 1u);
    }
    head_ = 0;
  }
  // Without what was in it.
  void move_to_room_for(std::size_t count) {
    release();
    const unsigned doublings = doublings_for(count);
    heap_ = allocate(doublings);
    doublings_ = doublings & 63;
  }
  void move_to(unsigned doublings) {
    const std::uint32_t count = size();
    T* fresh = allocate(doublings);
    std::memcpy(static_cast<void*>(fresh), data(), count * sizeof(T));
    release();
    heap_ = fresh;
    size_ = count & places_max;
    doublings_ = doublings & 63;
  }
  static T* allocate(unsigned doublings) {
    const std::size_t count = std::size_t{First} << (doublings - 1);
    auto* fresh = static_cast<T*>(std::malloc(count * sizeof(T)));
    TALLY_ASSERT(fresh != nullptr, static_cast<long long>(count));
    return fresh;
  }
  void assign(const small_vector& other) {
    if (other.size_ > capacity())
      move_to_room_for(other.size_);
    head_ = 0;
    size_ = other.size_;
    std::memcpy(static_cast<void*>(data()), other.data(), size_ * sizeof(T));
  }
  void steal(small_vector& other) {
    size_ = other.size_;
    head_ = other.head_;
    doublings_ = other.doublings_;
    if (other.is_inline())
      std::memcpy(inline_, other.inline_, sizeof inline_);
    else
      heap_ = other.heap_;
    other.size_ = other.head_ = other.doublings_ = 0;
  }
  void release() {
    if (!is_inline())
      std::free(heap_);
    size_ = head_ = doublings_ = 0;
  }

  std::uint64_t size_ : 29 = 0;     // bounded by what an account can do in a life
  std::uint64_t head_ : 29 = 0;     // places at the front of the heap that are free again
  std::uint64_t doublings_ : 6 = 0; // 0: inside; else room for First << (doublings - 1)
  union {
    alignas(T) unsigned char inline_[N > 0 ? N * sizeof(T) : 1];
    T* heap_;
  };
};

} // namespace tally
