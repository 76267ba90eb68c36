// CRC-32C and BLAKE2b against the values their standards give.
#include "tests/wal/entries.hpp"
#include "wal/blake2b.hpp"
#include "wal/crc32c.hpp"

#include <gtest/gtest.h>

#include <string_view>

using namespace tally::wal;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(crc32c, gives_the_values_of_rfc_3720) {
  bytes zeros(32), ones(32, std::byte{0xff}), rising(32), falling(32);
  for (unsigned i = 0; i < 32; ++i) {
    rising[i] = static_cast<std::byte>(i);
    falling[i] = static_cast<std::byte>(31 - i);
  }
  for (const auto checksum : {&crc32c, &crc32c_portable}) {
    EXPECT_EQ(checksum(zeros, 0), 0x8a9136aau);
    EXPECT_EQ(checksum(ones, 0), 0x62a8ab43u);
    EXPECT_EQ(checksum(rising, 0), 0x46dd794eu);
    EXPECT_EQ(checksum(falling, 0), 0x113fdb5cu);
    EXPECT_EQ(checksum(bytes_of("123456789"), 0), 0xe3069283u);
  }
}

TEST(crc32c, both_ways_agree_on_any_length_and_in_parts) {
  std::mt19937_64 random(tally::wal::testing::test_seed());
  bytes data(300);
  for (std::byte& byte : data)
    byte = static_cast<std::byte>(random());
  for (std::size_t size = 0; size <= data.size(); ++size) {
    const auto all = std::span<const std::byte>(data).first(size);
    const std::size_t cut = size == 0 ? 0 : random() % size;
    ASSERT_EQ(crc32c(all), crc32c_portable(all));
    ASSERT_EQ(crc32c(all), crc32c(all.subspan(cut), crc32c(all.first(cut))));
  }
}

TEST(blake2b, gives_the_value_of_rfc_7693) {
  const block_hash abc = blake2b_32(bytes_of("abc"));
  const block_hash in_parts = blake2b_32(bytes_of("a"), bytes_of("bc"));
  constexpr unsigned char expected[] = {0xba, 0x80, 0xa5, 0x3f, 0x98, 0x1c, 0x4d, 0x0d, 0x6a, 0x27, 0x97, 0xb6, 0x9f, 0x12, 0xf6, 0xe9,
                                        0x4c, 0x21, 0x2f, 0x14, 0x68, 0x5a, 0xc4, 0xb7, 0x4b, 0x12, 0xbb, 0x6f, 0xdb, 0xff, 0xa2, 0xd1};
  EXPECT_EQ(std::memcmp(abc.data(), expected, sizeof expected), 0);
  EXPECT_EQ(abc, in_parts);
}

} // namespace
