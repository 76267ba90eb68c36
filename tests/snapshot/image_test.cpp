// Images and recovery points as bytes: what was written comes back, what was damaged does not.
#include "snapshot/image_batch.hpp"
#include "snapshot/recovery_point.hpp"

#include "engine/account_rare.hpp"

#include <gtest/gtest.h>

#include <random>

namespace tally::snapshot {
namespace {

account_state plain_state() {
  account_state state;
  state.status = account_status::active;
  state.merchant = 1;
  state.entry_count = 2;
  state.enrolled_at = {1'767'225'600'000'000};
  state.enrolled_seq = {2};
  state.last_seq = {7};
  state.active_at = state.enrolled_at.plus_us(5);
  state.available = {122};
  state.lifetime = {122};
  state.day = 20'454;
  state.earned_that_day = {72};
  return state;
}

// Anything that the types can hold.
account_state random_state(std::mt19937_64& random) {
  const auto any = [&] { return static_cast<std::int64_t>(random() >> random() % 64); };
  const auto count = [&](int below) { return static_cast<int>(random() % static_cast<std::uint64_t>(below)); };
  account_state state = plain_state();
  state.status = static_cast<account_status>(1 + random() % 3);
  state.lots_in_spending_order = random() % 2 == 0;
  state.enrolled_at = {any()};
  state.next_due = random() % 2 == 0 ? instant::end_of_time() : instant{any()};
  state.available = {-any()};
  state.debt = {any()};
  state.day = -5;
  state.redemptions_that_day = static_cast<std::uint16_t>(random());
  for (int i = count(5); i > 0; --i)
    state.lots.push_back({{random() >> 8}, {any()}, {any()}, {any()}, {any()}, {any()}});
  for (int i = count(100); i > 0; --i)
    state.orders.push_back({random(), {random(), random(), random()}});
  for (int i = count(100); i > 0; --i)
    state.references.push_back(make_reference(random(), op::redeem, {random() >> 8}));
  const bool needs_index = state.orders.size() > reference_index::scanned_max || state.references.size() > reference_index::scanned_max;
  if (!needs_index && random() % 2 == 0)
    return state;
  state.rare = std::make_unique<account_rare>();
  account_rare& rare = *state.rare;
  rare.status_seq = {random() % 100};
  rare.taken_back = {any()};
  for (int i = count(3); i > 0; --i)
    rare.reservations.push_back({{random() >> 8}, {any()}, 3, "r-" + std::to_string(i), {{{4}, {5}, {6}, {7}}, {{8}, {any()}, {}, {}}}});
  for (int i = count(3); i > 0; --i)
    rare.reviews.push_back({{random() >> 8}, {any() >= 0 ? 1u : 0u}, random(), op::earn, random() % 2 == 0});
  for (int i = count(3); i > 0; --i)
    rare.captured_orders.push_back({random(), {5}});
  for (int i = count(3); i > 0; --i)
    rare.wide_orders.push_back({{random()}, {any()}, {any()}, {any()}});
  for (int i = count(3); i > 0; --i)
    rare.refunds.push_back({random(), {any()}, {any()}, {any()}, {any()}, {9}, random() % 2 == 0});
  for (int i = count(3); i > 0; --i)
    rare.undone.push_back({{3}, {any()}});
  for (int i = count(3); i > 0; --i)
    rare.expired.push_back({{3}, {any()}});
  if (random() % 2 == 0) {
    for (int i = count(3); i > 0; --i)
      rare.lot_pieces.push_back({static_cast<std::uint32_t>(i), 7, {any()}, {random() >> 8}, {random() >> 8}, {any()}, {any()}, {9}});
    rare.spilled.refunds = {random() % 3, 3 + random() % 1000};
    rare.spilled.captured = {0, random() % 2};
  }
  note_rare(state);
  return state;
}

std::string image_of(const account_state& state) {
  image_batch batch;
  batch.add(state.merchant, "m-1", state);
  return std::string(batch.at(0).value);
}

std::string hex(std::string_view bytes) {
  std::string text;
  char two[3];
  for (const char each : bytes) {
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(each));
    text += two;
  }
  return text;
}

TEST(image, has_these_bytes) {
  EXPECT_EQ(hex(image_key(258, "m-1")), "00000102"
                                        "6d2d31");
  EXPECT_EQ(hex(image_of(plain_state())), "01"
                                          "01"
                                          "01"
                                          "02"
                                          "01"
                                          "0040204648470600" // version, status, flags, entries, merchant, enrolled_at
                                          "02"
                                          "07"
                                          "010a" // seqs, active_at
                                          "f401"
                                          "00"
                                          "00"
                                          "00"
                                          "f401" // balances
                                          "ccbf02"
                                          "9001"
                                          "00"
                                          "00" // the day
                                          "00"
                                          "00"
                                          "00" // lots, orders, references
                                          "f8ea88dd5d11da41");
}

TEST(point, has_these_bytes) {
  recovery_point point;
  point.seq = {300};
  point.hash.fill(std::byte{1});
  point.merchants = {{1, "beanhouse", {{1}, {9}}}};
  point.reviews = {{1, {200}}};
  EXPECT_EQ(hex(encode_point(point)), "01ac02" // version, seq
                                      "0101010101010101010101010101010101010101010101010101010101010101"
                                      "01"
                                      "01"
                                      "09"
                                      "6265616e686f757365"
                                      "02"
                                      "01"
                                      "09" // one merchant, its rules
                                      "01"
                                      "01"
                                      "c801" // one open review
                                      "6c1ac8a8ff095e06");
}

TEST(image, comes_back_whatever_is_in_it) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) {
    SCOPED_TRACE(i);
    const account_state state = random_state(random);
    const std::string image = image_of(state);
    account_state back;
    ASSERT_TRUE(decode_image(image, back));
    ASSERT_EQ(image_of(back), image);
    account_state comparable = state; // but the orders, whose random bits may point anywhere; their bytes are compared above
    for (account_state* each : {&comparable, &back}) {
      each->orders.clear();
      if (each->rare) { // what is on disk is compared in the bytes, too
        each->rare->lot_pieces.clear();
        each->rare->spilled = {};
      }
      note_rare(*each);
    }
    ASSERT_EQ(fingerprint(back), fingerprint(comparable));
  }
}

TEST(image, every_flipped_bit_and_every_prefix_is_noticed) {
  std::mt19937_64 random(8);
  for (int i = 0; i < 20; ++i) {
    std::string image = image_of(random_state(random));
    for (std::size_t bit = 0; bit < image.size() * 8; ++bit) {
      image[bit / 8] = static_cast<char>(image[bit / 8] ^ 1 << bit % 8);
      account_state back;
      ASSERT_FALSE(decode_image(image, back)) << bit;
      image[bit / 8] = static_cast<char>(image[bit / 8] ^ 1 << bit % 8);
    }
    for (std::size_t length = 0; length < image.size(); ++length) {
      account_state back;
      ASSERT_FALSE(decode_image(std::string_view(image).substr(0, length), back)) << length;
    }
  }
}

// The second version: a piece of lots and a refund on disk.
TEST(image, has_these_bytes_with_something_on_disk) {
  account_state state = plain_state();
  state.rare = std::make_unique<account_rare>();
  state.rare->spilled.refunds = {0, 5};
  state.rare->lot_pieces.push_back({3, 2, {70}, {8}, {9}, {}, {70}, {8}});
  note_rare(state);
  const std::string first = hex(image_of(plain_state())), second = hex(image_of(state));
  EXPECT_EQ(second.substr(0, 2), "02");
  EXPECT_EQ(second.substr(2, 4), "010b");           // flags: in order, a rare part, on disk
  const std::size_t common = first.size() - 16 - 6; // without checksum, version, status and flags
  EXPECT_EQ(second.substr(6, common), first.substr(6, common));
  const std::string on_disk = "0005"
                              "0000"
                              "0000"
                              "0000" // refunds, undone, expired, captured: first place, number
                              "01"
                              "03"
                              "02"
                              "8c01"
                              "08"
                              "09"
                              "00"
                              "8c01"
                              "08";
  EXPECT_EQ(second.substr(second.size() - 16 - on_disk.size(), on_disk.size()), on_disk);
}

TEST(lots, have_these_bytes_and_come_back) {
  account_state state;
  for (std::uint64_t i = 0; i < spill_lots_above + 1; ++i)
    state.lots.push_back({{300 + i}, {static_cast<std::int64_t>(7 + i)}, {}, {}, {1'000'000}, {i % 2 == 0 ? 0 : 2'000'000}});
  std::vector<spilled_lots> pieces;
  list_spillable_lots(state, {}, pieces);
  ASSERT_FALSE(pieces.empty());
  image_batch batch;
  batch.add_lots({4}, pieces.front());
  const std::string& value = batch.all_lots().front().value;
  EXPECT_EQ(hex(value.substr(0, 20)), "01"
                                      "8002"
                                      "40420f0000000000" // version, how many, when the first was available
                                      "ac02"
                                      "0e"
                                      "0100"
                                      "00" // id, points, available_at, expires_at
                                      "02"
                                      "12"
                                      "01"); // the next, two ids on
  std::vector<lot> back;
  ASSERT_TRUE(decode_lots(value, pieces.front().piece, back));
  EXPECT_EQ(back, pieces.front().lots);
  back.clear();
  EXPECT_FALSE(decode_lots(value, pieces.back().piece, back)) << "of another piece";
  std::string damaged = value;
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    back.clear();
    ASSERT_FALSE(decode_lots(damaged, pieces.front().piece, back)) << bit;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
  }
}

TEST(image, references_are_found_again_in_a_long_list) {
  account_state state = plain_state();
  state.rare = std::make_unique<account_rare>();
  for (std::uint64_t i = 1; i <= 1000; ++i)
    state.references.push_back(make_reference(i * 7919, op::redeem, {i}));
  for (std::uint32_t i = 65; i <= 1000; ++i)
    state.rare->by_reference.added(state.references); // as `apply` has done it
  account_state back;
  ASSERT_TRUE(decode_image(image_of(state), back));
  for (std::uint64_t i = 1; i <= 1000; ++i)
    EXPECT_TRUE(find_reference(back, op::redeem, i * 7919, [&](seq_t seq) { return seq.value == i; })) << i;
}

TEST(point, every_flipped_bit_and_every_prefix_is_noticed) {
  recovery_point point;
  point.seq = {1'000'000};
  point.merchants = {{1, "beanhouse", {{1}, {500}}}, {2, "teahouse", {}}};
  point.reviews = {{1, {77}}, {2, {78}}};
  std::string bytes = encode_point(point);
  const auto back = decode_point(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode_point(*back), bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    ASSERT_FALSE(decode_point(bytes)) << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
  }
  for (std::size_t length = 0; length < bytes.size(); ++length)
    ASSERT_FALSE(decode_point(bytes.substr(0, length))) << length;
}

} // namespace
} // namespace tally::snapshot
