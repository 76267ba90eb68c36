// Writes operations as request frames at the cost of a memcpy each. An operation's table looks the same every time but
// for its ids and numbers: each kind is built once by net's own codec, and a frame is a header, then such images one
// after the other with ids and numbers written over their places. tests/bench decodes them with net's codec again.
#pragma once

#include "bench/workload.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace tally::bench {

inline constexpr std::uint32_t accounts_max = 10'000'000; // ids have seven digits

std::string account_id(std::uint32_t account); // "m-0000042"
std::string order_id(std::uint64_t number);    // "o-" and twelve digits of base 32; 60 bits of the number
std::string refund_id(std::uint64_t number);   // "r-" likewise

class request_writer {
public:
  request_writer(std::string_view merchant, std::size_t operations_max);

  // How many bytes a frame of so many operations takes at most.
  std::size_t bytes_max(std::size_t operations) const;
  // Writes one frame; `out` has room for bytes_max. Returns its size.
  std::size_t write(std::span<const operation> operations, std::uint64_t first_id, std::byte* out) const;

private:
  static constexpr std::size_t none = ~std::size_t{0};

  // One operation's table with its vtable and strings, relocatable as a whole, a multiple of 8 bytes long.
  struct image {
    std::vector<std::byte> bytes;
    std::size_t table = 0; // where in it the table is
    std::size_t account = none, number = none, order = none, value = none;
  };
  // The frame around `count` operations, up to the first of them.
  struct header {
    std::vector<std::byte> bytes;
    std::size_t first_id = 0, types = 0, offsets = 0;
  };
  static image make_image(std::string_view merchant, op kind);
  static header make_header(std::size_t count);

  std::array<image, op_count> images_;
  std::vector<header> headers_; // by count
  std::size_t image_bytes_max_ = 0;
};

} // namespace tally::bench
