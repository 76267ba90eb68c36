// Memory for tables that are looked into at random: large pieces lie on huge pages where the kernel has them, so that a look into gigabytes
// finds its page without another walk through memory.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace tally::wal {

inline constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

template <class T>
struct huge_allocator {
  using value_type = T;

  huge_allocator() = default;
  template <class Other>
  huge_allocator(const huge_allocator<Other>&) {}

  T* allocate(std::size_t count) {
    const std::size_t wanted = count * sizeof(T);
    if (wanted < huge_page_bytes)
      return static_cast<T*>(::operator new(wanted));
    const std::size_t whole = (wanted + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
    void* const memory = std::aligned_alloc(huge_page_bytes, whole);
    if (memory == nullptr)
      throw std::bad_alloc();
    ::madvise(memory, whole, MADV_HUGEPAGE); // where it does not work nothing is lost but time
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) {
    if (count * sizeof(T) < huge_page_bytes)
      ::operator delete(memory);
    else
      std::free(memory);
  }
  bool operator==(const huge_allocator&) const { return true; }
};

} // namespace tally::wal
