// The 64-bit hash by which ids and references are found in memory. Not a checksum and not secret: equal hashes are
// always followed by a comparison of what was hashed.
// Source: the multiply-and-fold mixing of wyhash (Wang Yi, https://github.com/wangyi-fudan/wyhash, public domain).
#pragma once

#include "engine/quantities.hpp"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tally {

constexpr std::uint64_t mix64(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// The first `size` bytes, 8 at most, as a little-endian number. Loads that overlap: a copy of so many bytes to a variable and a load of all
// 8 behind it waits for every one of its stores (40 ns of an earn).
inline std::uint64_t read_word(const char* at, std::size_t size) {
  const auto load = [at]<class Word>(Word word, std::size_t from) {
    std::memcpy(&word, at + from, sizeof word);
    return std::uint64_t{word} << (8 * from);
  };
  if (size == 8)
    return load(std::uint64_t{}, 0);
  if (size >= 4)
    return load(std::uint32_t{}, 0) | load(std::uint32_t{}, size - 4);
  if (size >= 2)
    return load(std::uint16_t{}, 0) | load(std::uint16_t{}, size - 2);
  return size == 1 ? load(std::uint8_t{}, 0) : 0;
}

inline std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) {
  constexpr std::uint64_t k0 = 0xa0761d6478bd642f, k1 = 0xe7037ed1a0b428db, k2 = 0x8ebc6af09c88c6e3;
  const char* at = bytes.empty() ? "" : bytes.data(); // memcpy takes no null
  std::size_t left = bytes.size();
  std::uint64_t state = seed ^ k0;
  while (left > 16) {
    state = mix64(read_word(at, 8) ^ k1, read_word(at + 8, 8) ^ state);
    at += 16;
    left -= 16;
  }
  const std::uint64_t a = read_word(at, left < 8 ? left : 8);
  const std::uint64_t b = left > 8 ? read_word(at + left - 8, 8) >> (8 * (16 - left)) : 0;
  return mix64(k2 ^ bytes.size(), mix64(a ^ k1, b ^ state));
}

} // namespace tally
