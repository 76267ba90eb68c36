// The bytes of one entry: their frozen layout, that everything round-trips, and that no other bytes get through.
#include "tests/wal/entries.hpp"
#include "wal/entry_codec.hpp"

#include <gtest/gtest.h>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;

namespace {

std::string hex(std::span<const std::byte> data) {
  std::string text;
  for (const std::byte byte : data) {
    text += "0123456789abcdef"[static_cast<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned>(byte) & 15];
  }
  return text;
}

bytes encoded(const entry& e) {
  bytes out;
  encode(e, out);
  return out;
}

bool decodes(std::span<const std::byte> data, const entry& expected, std::string& difference) {
  decode_buffer buffer;
  entry read;
  if (!decode(data, expected.seq, expected.at, buffer, read))
    return false;
  difference = data.empty() ? first_difference(read, expected) : "what follows it";
  return true;
}

constexpr instant noon{1'767'268'800'000'000}; // 2026-01-01T12:00:00Z

owned_entry earn_with_everything_usual() {
  owned_entry made;
  entry& e = made.value;
  e.seq = e.group = {1000};
  e.prev_seq = {700};
  e.at = noon;
  e.kind = entry_kind::earn;
  e.from = side::issuance;
  e.to = side::pending;
  e.merchant = 1;
  e.account = "m-1";
  e.order = "o-17";
  e.total = money_t{425'000};
  e.pending = e.lifetime = {78};
  e.available_after = {50};
  e.pending_after = {78};
  e.lifetime_after = {128};
  e.version = e.active_version = 2;
  e.terminal = "t1";
  e.token = "till";
  made.lines = {{"BEAN-1KG", "beans", 1, {300'000}}};
  e.lines = made.lines;
  e.lots.push_back({{1000}, {}, {78}, {}, noon.plus_days(3), noon.plus_days(365)});
  return made;
}

// docs/formats/entry.md walks through these bytes. They are frozen: journals are full of them.
TEST(entry_codec, an_earn_has_these_bytes) {
  EXPECT_EQ(hex(encoded(earn_with_everything_usual().value)), "3efa9f01023101036d2d31ac02649c019c018002046f2d3137d0f033020168000da90b"
                                                              "0274310474696c6c01084245414e2d314b47056265616e7302c0cf24");
}

TEST(entry_codec, a_program_has_these_bytes) {
  owned_entry made;
  entry& e = made.value;
  e.seq = e.group = {1};
  e.at = noon;
  e.kind = entry_kind::program;
  e.merchant = 1;
  e.merchant_id = "beanhouse";
  e.version = e.active_version = 1;
  e.text = "merchant = \"beanhouse\"";
  made.offsets = {3'600'000'000, -3'600'000'000};
  e.offsets = made.offsets;
  EXPECT_EQ(hex(encoded(e)),
            "3a80828080808003150001096265616e686f75736500000001166d65726368616e74203d20226265616e686f757365220280909de91aff8f9de91a");
}

TEST(entry_codec, a_redemption_of_an_older_lot_has_these_bytes) {
  entry e;
  e.seq = {5001};
  e.group = {5000};
  e.prev_seq = {5000};
  e.at = noon;
  e.kind = entry_kind::redeem;
  e.from = side::member;
  e.to = side::redemption;
  e.merchant = 300;
  e.account = "m-1";
  e.order = "o-18";
  e.points = {-100};
  e.asked_points = points_t{100};
  e.available_after = {28};
  e.lifetime_after = {128};
  e.discount = {10'000};
  e.version = e.active_version = 2;
  e.exact = true;
  e.lots.push_back({{1000}, {-100}, {}, {}, noon.plus_us(-1'000'001), noon.plus_us(-1'000'001).plus_days(362)});
  EXPECT_EQ(hex(encoded(e)), "29e1e68480080452ac02036d2d310138c7018002046f2d3138020162a11f8292f401a90bc801a09c0101");
}

// Bits 44 and up.
TEST(entry_codec, what_came_with_reviews_and_reservations_has_these_bytes) {
  entry e;
  e.seq = {5003};
  e.group = {5000};
  e.prev_seq = {5000};
  e.at = noon;
  e.kind = entry_kind::review_hold;
  e.merchant = 1;
  e.account = "m-1";
  e.version = 2;
  e.active_version = 3;
  e.undone.push_back({{4000}, {60}});
  e.parked_at = noon.plus_days(-1);
  e.review = e.seq;
  e.parked = op::earn;
  e.reasons = over_points_per_order | over_points_per_day;
  e.parked_points = {600};
  e.minutes = 15;
  e.reserved_until = noon.plus_us(15 * us_per_minute);
  e.reserved_by = {4999};
  e.personal = 77;
  EXPECT_EQ(hex(encoded(e)), "26808284808080fc0f120001036d2d310300020301eb07780303000205b0091e80c8ceb40d044d");
}

TEST(entry_codec, an_earn_without_lines_takes_60_bytes_or_less) { EXPECT_LE(encoded(make_earn(123'456'789, noon).value).size(), 60u); }

TEST(entry_codec, random_entries_round_trip) {
  std::mt19937_64 random(test_seed());
  decode_buffer buffer;
  entry read;
  for (int round = 0; round < 20'000; ++round) {
    const seq_t number{1 + random() % (1ull << (1 + random() % 63))};
    const instant at{static_cast<std::int64_t>(random() >> (random() % 63))};
    const owned_entry made = make_random(random, number, at);
    bytes out(random() % 3, std::byte{0xee});
    const std::size_t before = out.size();
    encode(made.value, out);
    std::span<const std::byte> in = std::span<const std::byte>(out).subspan(before);
    const result<void> decoded = decode(in, number, at, buffer, read);
    ASSERT_TRUE(decoded.ok()) << "round " << round << ": " << decoded.error().what;
    ASSERT_TRUE(in.empty());
    ASSERT_EQ(first_difference(read, made.value), "") << "round " << round;
  }
}

TEST(entry_codec, records_follow_each_other) {
  bytes out;
  for (std::uint64_t number = 1; number <= 100; ++number)
    encode(make_earn(number, noon).value, out);
  std::span<const std::byte> in(out);
  decode_buffer buffer;
  entry read;
  for (std::uint64_t number = 1; number <= 100; ++number) {
    ASSERT_TRUE(decode(in, {number}, noon, buffer, read).ok());
    ASSERT_EQ(first_difference(read, make_earn(number, noon).value), "");
  }
  EXPECT_TRUE(in.empty());
}

// Every prefix fails, and every other string of bytes that decodes is another entry: what is stored has one form only.
TEST(entry_codec, every_prefix_and_every_flipped_bit_is_refused_or_another_entry) {
  std::mt19937_64 random(test_seed());
  std::vector<owned_entry> entries;
  entries.push_back(earn_with_everything_usual());
  entries.push_back(make_earn(99, noon));
  for (int i = 0; i < 40; ++i)
    entries.push_back(make_random(random, {1 + random() % 100'000}, noon));
  std::size_t refused = 0, tried = 0;
  for (const owned_entry& made : entries) {
    bytes record = encoded(made.value);
    if (record.size() > 4'000)
      continue;
    std::string difference;
    for (std::size_t size = 0; size < record.size(); ++size) {
      const bytes prefix(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(size)); // its own allocation, for ASan
      ASSERT_FALSE(decodes(prefix, made.value, difference)) << "prefix of " << size << " of " << hex(record);
    }
    for (std::size_t bit = 0; bit < record.size() * 8; ++bit, ++tried) {
      record[bit / 8] ^= std::byte{1} << (bit % 8);
      const bool decoded = decodes(record, made.value, difference);
      ASSERT_TRUE(!decoded || !difference.empty()) << "bit " << bit << " of " << hex(record);
      refused += decoded ? 0 : 1;
      record[bit / 8] ^= std::byte{1} << (bit % 8);
    }
  }
  EXPECT_GT(refused, tried / 100); // many do decode: to other numbers and other letters
}

TEST(entry_codec, random_bytes_never_get_past_their_end) {
  std::mt19937_64 random(test_seed());
  decode_buffer buffer;
  entry read;
  for (int round = 0; round < 200'000; ++round) {
    bytes noise(random() % 80);
    for (std::byte& byte : noise)
      byte = static_cast<std::byte>(random() >> (random() % 8));
    if (!noise.empty())
      noise[0] = static_cast<std::byte>(noise.size() - 1);
    std::span<const std::byte> in(noise);
    if (decode(in, {1 + random() % 1'000}, noon, buffer, read)) {
      bytes again; // whatever is accepted is the one form of what it says
      const bool may_be_encoded = read.group.value != 0;
      if (may_be_encoded)
        encode(read, again);
      ASSERT_EQ(hex(again), hex(std::span<const std::byte>(noise).first(noise.size() - in.size())));
    }
  }
}

TEST(entry_codec, a_longer_form_of_the_same_number_is_refused) {
  bytes record = encoded(make_earn(99, noon).value);
  ASSERT_LT(record.size(), 128u);
  std::string difference;
  bytes longer{record[0] | std::byte{0x80}, std::byte{0}};
  longer.insert(longer.end(), record.begin() + 1, record.end());
  EXPECT_FALSE(decodes(longer, make_earn(99, noon).value, difference));
}

} // namespace
