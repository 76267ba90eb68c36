// Varints (LEB128, 7 bits a byte, lowest first) and zigzag, as entries and account images use them: always in their shortest form,
// so that equal values have equal bytes. Written and read without a branch per byte; an entry is made of some twenty of them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tally {

static_assert(std::endian::native == std::endian::little, "stored integers are little-endian and copied as they are");

inline constexpr std::size_t varint_bytes_max = 10;

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) { return static_cast<std::int64_t>((value >> 1) ^ (0 - (value & 1))); }

// Writes at `out` and returns the end. May scribble over the 8 bytes after `out`: the caller has that much room.
inline std::byte* put_varint(std::byte* out, std::uint64_t value) {
  if (value < 0x80) {
    *out = static_cast<std::byte>(value);
    return out + 1;
  }
  if (value < 1ull << 56) [[likely]] {
    std::uint64_t spread = (value & 0x0fffffffull) | ((value & 0x00fffffff0000000ull) << 4);
    spread = (spread & 0x00003fff00003fffull) | ((spread & 0x0fffc0000fffc000ull) << 2);
    spread = (spread & 0x007f007f007f007full) | ((spread & 0x3f803f803f803f80ull) << 1);
    const unsigned length = (static_cast<unsigned>(std::bit_width(value)) + 6) / 7;
    spread |= 0x8080808080808080ull & ((1ull << (8 * (length - 1))) - 1);
    std::memcpy(out, &spread, 8);
    return out + length;
  }
  while (value >= 0x80) {
    *out++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<std::byte>(value);
  return out;
}

// A string without its length. Short ones, which nearly all are, cost no call.
inline std::byte* put_text(std::byte* out, std::string_view text) {
  const std::size_t size = text.size();
  const char* from = text.data();
  if (size > 16) {
    std::memcpy(out, from, size);
  } else if (size >= 8) {
    std::uint64_t head, tail;
    std::memcpy(&head, from, 8);
    std::memcpy(&tail, from + size - 8, 8);
    std::memcpy(out, &head, 8);
    std::memcpy(out + size - 8, &tail, 8);
  } else if (size >= 4) {
    std::uint32_t head, tail;
    std::memcpy(&head, from, 4);
    std::memcpy(&tail, from + size - 4, 4);
    std::memcpy(out, &head, 4);
    std::memcpy(out + size - 4, &tail, 4);
  } else {
    for (std::size_t i = 0; i < size; ++i)
      out[i] = static_cast<std::byte>(from[i]);
  }
  return out + size;
}

// Reads forward through bytes that may be anything. The first thing that is odd makes it `bad` for good; from then on every read
// gives zero and moves nowhere, so a caller checks once at the end, and before it believes a count.
class byte_cursor {
public:
  byte_cursor(const std::byte* begin, const std::byte* end) : at_(begin), end_(end) {}

  bool bad() const { return bad_; }
  void fail() {
    bad_ = true;
    at_ = end_;
  }
  const std::byte* at() const { return at_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  std::uint8_t byte() {
    if (at_ == end_) [[unlikely]] {
      fail();
      return 0;
    }
    return static_cast<std::uint8_t>(*at_++);
  }

  std::uint64_t varint() {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80)
      return static_cast<std::uint64_t>(*at_++);
    if (left() >= 8) [[likely]] {
      std::uint64_t word;
      std::memcpy(&word, at_, 8);
      const std::uint64_t stops = ~word & 0x8080808080808080ull;
      if (stops != 0) [[likely]] {
        const unsigned last_bit = static_cast<unsigned>(std::countr_zero(stops)); // the high bit of the last byte
        if (((word >> (last_bit - 7)) & 0x7f) == 0) [[unlikely]] {
          fail(); // longer than it needs to be
          return 0;
        }
        word &= (stops ^ (stops - 1)) & 0x7f7f7f7f7f7f7f7full;
        word = (word & 0x007f007f007f007full) | ((word & 0x7f007f007f007f00ull) >> 1);
        word = (word & 0x00003fff00003fffull) | ((word & 0x3fff00003fff0000ull) >> 2);
        word = (word & 0x000000000fffffffull) | ((word & 0x0fffffff00000000ull) >> 4);
        at_ += (last_bit + 1) / 8;
        return word;
      }
    }
    return varint_byte_by_byte();
  }
  std::int64_t zigzag_varint() { return unzigzag(varint()); }

  std::uint64_t fixed64() {
    std::uint64_t value = 0;
    if (left() < sizeof value) {
      fail();
      return 0;
    }
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  std::string_view text(std::uint64_t size) {
    if (size > left()) [[unlikely]] {
      fail();
      return {};
    }
    const std::string_view view(reinterpret_cast<const char*>(at_), size);
    at_ += size;
    return view;
  }

private:
  [[gnu::noinline]] std::uint64_t varint_byte_by_byte() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at_ != end_ && shift < 70; shift += 7) {
      const auto next = static_cast<std::uint64_t>(*at_++);
      const bool overflows = shift == 63 && next > 1;
      value |= (next & 0x7f) << shift;
      if (overflows)
        break;
      if (next < 0x80) {
        if (next == 0 && shift != 0)
          break; // longer than it needs to be
        return value;
      }
    }
    fail();
    return 0;
  }

  const std::byte* at_;
  const std::byte* end_;
  bool bad_ = false;
};

} // namespace tally
