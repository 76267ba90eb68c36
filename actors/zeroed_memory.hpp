// A large piece of zeroed memory, backed by huge pages where the kernel has them; its pages are only paid for when touched.
#pragma once

#include <cstddef>

namespace tally::actors {

class zeroed_memory {
public:
  zeroed_memory() = default;
  explicit zeroed_memory(std::size_t bytes);
  zeroed_memory(zeroed_memory&& other) noexcept;
  zeroed_memory& operator=(zeroed_memory&& other) noexcept;
  ~zeroed_memory();

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

private:
  void unmap();

  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

} // namespace tally::actors
