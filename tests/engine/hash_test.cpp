// The hash of ids and references. Images and what was spilled hold it, so its values are part of the format.
#include "engine/hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace tally {
namespace {

// The same, a byte at a time.
std::uint64_t slow_hash(std::string_view bytes, std::uint64_t seed) {
  constexpr std::uint64_t k0 = 0xa0761d6478bd642f, k1 = 0xe7037ed1a0b428db, k2 = 0x8ebc6af09c88c6e3;
  const auto word = [&](std::size_t from, std::size_t until) {
    std::uint64_t read = 0;
    for (std::size_t i = from; i < until; ++i)
      read |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * (i - from));
    return read;
  };
  std::uint64_t state = seed ^ k0;
  std::size_t at = 0;
  for (; bytes.size() - at > 16; at += 16)
    state = mix64(word(at, at + 8) ^ k1, word(at + 8, at + 16) ^ state);
  const std::size_t middle = std::min(bytes.size(), at + 8);
  return mix64(k2 ^ bytes.size(), mix64(word(at, middle) ^ k1, word(middle, bytes.size()) ^ state));
}

TEST(hash64, is_the_same_for_every_length) {
  std::string bytes;
  for (int i = 0; i <= 70; ++i) {
    EXPECT_EQ(hash64(bytes), slow_hash(bytes, 0)) << i;
    EXPECT_EQ(hash64(bytes, 0x1234'5678'9abc'def0), slow_hash(bytes, 0x1234'5678'9abc'def0)) << i;
    bytes.push_back(static_cast<char>(i * 37 + 129));
  }
}

TEST(hash64, has_the_values_that_are_on_disk) {
  EXPECT_EQ(hash64(""), 0xa5506ff52926ac13u);
  EXPECT_EQ(hash64("R-1"), 0x144f9fcb4b057ffau);
  EXPECT_EQ(hash64("order-2026-000123456"), 0x1fc639364b23a945u);
}

} // namespace
} // namespace tally
