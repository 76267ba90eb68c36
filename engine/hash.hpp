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

inline std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) {
  constexpr std::uint64_t k0 = 0xa0761d6478bd642f, k1 = 0xe7037ed1a0b428db, k2 = 0x8ebc6af09c88c6e3;
  const char* at = bytes.empty() ? "" : bytes.data(); // memcpy takes no null
  std::size_t left = bytes.size();
  std::uint64_t state = seed ^ k0;
  const auto word = [](const char* p, std::size_t n) {
    std::uint64_t w = 0;
    std::memcpy(&w, p, n);
    return w;
  };
  while (left > 16) {
    state = mix64(word(at, 8) ^ k1, word(at + 8, 8) ^ state);
    at += 16;
    left -= 16;
  }
  const std::uint64_t a = word(at, left < 8 ? left : 8);
  const std::uint64_t b = left > 8 ? word(at + 8, left - 8) : 0;
  return mix64(k2 ^ bytes.size(), mix64(a ^ k1, b ^ state));
}

} // namespace tally
