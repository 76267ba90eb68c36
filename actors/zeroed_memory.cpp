#include "actors/zeroed_memory.hpp"

#include "engine/assert.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>

#include <sys/mman.h>

namespace tally::actors {

namespace {

constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

void* map(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TALLY_ASSERT(memory != MAP_FAILED, static_cast<long long>(bytes), errno);
  return memory;
}

} // namespace

zeroed_memory::zeroed_memory(std::size_t bytes) : bytes_(bytes) {
  if (bytes < huge_page_bytes) {
    data_ = map(bytes);
    return;
  }
  // Map more, then cut it to an aligned piece: only aligned 2 MiB can be a huge page.
  auto* memory = static_cast<std::byte*>(map(bytes + huge_page_bytes));
  const std::size_t front = (huge_page_bytes - reinterpret_cast<std::uintptr_t>(memory) % huge_page_bytes) % huge_page_bytes;
  if (front > 0)
    munmap(memory, front);
  munmap(memory + front + bytes, huge_page_bytes - front);
  data_ = memory + front;
  madvise(data_, bytes, MADV_HUGEPAGE);
}

zeroed_memory::zeroed_memory(zeroed_memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

zeroed_memory& zeroed_memory::operator=(zeroed_memory&& other) noexcept {
  if (this != &other) {
    unmap();
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

zeroed_memory::~zeroed_memory() { unmap(); }

void zeroed_memory::unmap() {
  if (data_ != nullptr)
    munmap(data_, bytes_);
}

} // namespace tally::actors
