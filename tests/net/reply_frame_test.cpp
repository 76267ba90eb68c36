// The reply frame is a FlatBuffer laid by hand: its bytes as docs/formats/frame.md shows them, and that the verifier agrees.
#include "net/reply_frame.hpp"

#include "net/frame.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace tally::net {
namespace {

std::vector<std::byte> frame_of(const std::vector<wire::reply>& replies) {
  std::vector<std::byte> frame(reply_frame_head_bytes + replies.size() * reply_bytes);
  begin_reply_frame(frame.data());
  if (!replies.empty())
    std::memcpy(frame.data() + reply_frame_head_bytes, replies.data(), replies.size() * reply_bytes);
  set_reply_count(frame.data(), static_cast<std::uint32_t>(replies.size()));
  return frame;
}

std::string hex(frame_bytes bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    constexpr char digits[] = "0123456789abcdef";
    out += digits[static_cast<unsigned>(bytes[i]) >> 4];
    out += digits[static_cast<unsigned>(bytes[i]) & 15];
    out += i % 8 == 7 ? '\n' : ' ';
  }
  return out;
}

outcome full_outcome() {
  outcome out;
  out.kind = op::reverse;
  out.status = outcome_status::duplicate;
  out.first = outcome_status::ok;
  out.code = outcome_code::none;
  out.tier_changed = true;
  out.currency_digits = 2;
  out.version = 3;
  out.seq = {7};
  out.points = {72};
  out.points_2 = {-1};
  out.points_3 = {5};
  out.amount = {425'000};
  out.available = {50};
  out.pending = {78};
  out.reserved = {0};
  out.lifetime = {128};
  out.state = outcome::suspended;
  return out;
}

TEST(reply_frame, golden_bytes) {
  EXPECT_EQ(hex(frame_of({make_reply(258, full_outcome())})),
            "94 00 00 00 10 00 00 00\n"
            "54 4c 59 31 08 00 0c 00\n"
            "08 00 04 00 08 00 00 00\n"
            "10 00 00 00 03 00 00 00\n"
            "06 00 08 00 04 00 00 00\n"
            "08 00 00 00 08 00 00 00\n"
            "00 00 00 00 01 00 00 00\n"
            "02 01 00 00 00 00 00 00\n" // id
            "07 00 00 00 00 00 00 00\n" // seq
            "09 02 01 00 01 00 03 02\n" // kind, status, first, code, tier_changed, tier, state, digits
            "03 00 00 00 00 00 00 00\n" // version
            "48 00 00 00 00 00 00 00\n"
            "ff ff ff ff ff ff ff ff\n"
            "05 00 00 00 00 00 00 00\n"
            "28 7c 06 00 00 00 00 00\n"
            "32 00 00 00 00 00 00 00\n"
            "4e 00 00 00 00 00 00 00\n"
            "00 00 00 00 00 00 00 00\n"
            "80 00 00 00 00 00 00 00\n");
}

TEST(reply_frame, verifies_with_any_number_of_replies) {
  std::mt19937_64 random(20260101);
  for (const std::size_t count : {0u, 1u, 2u, 3u, 63u, 512u}) {
    std::vector<wire::reply> replies(count);
    for (std::size_t i = 0; i < count; ++i) {
      outcome made = full_outcome();
      made.points = {static_cast<std::int64_t>(random())};
      replies[i] = make_reply(1000 + i, made);
    }
    const std::vector<std::byte> bytes = frame_of(replies);
    EXPECT_EQ(cut_frame(bytes, answer_frame_bytes_max).bytes, bytes.size());
    EXPECT_EQ(bytes.size() % frame_alignment, 0u);
    const wire::frame* frame = verify_answer_frame(bytes);
    ASSERT_NE(frame, nullptr) << count;
    ASSERT_NE(frame->body_as_answer(), nullptr);
    EXPECT_EQ(frame->body_as_answer()->outcome(), nullptr);
    ASSERT_EQ(frame->body_as_answer()->replies()->size(), count);
    for (std::size_t i = 0; i < count; ++i)
      EXPECT_EQ(std::memcmp(frame->body_as_answer()->replies()->Get(static_cast<unsigned>(i)), &replies[i], reply_bytes), 0);
  }
}

TEST(reply_frame, outcomes_come_back) {
  const outcome sent = full_outcome(), received = read_reply(make_reply(1, sent));
  EXPECT_EQ(received.kind, sent.kind);
  EXPECT_EQ(received.status, sent.status);
  EXPECT_EQ(received.first, sent.first);
  EXPECT_EQ(received.code, sent.code);
  EXPECT_EQ(received.tier_changed, sent.tier_changed);
  EXPECT_EQ(received.currency_digits, sent.currency_digits);
  EXPECT_EQ(received.version, sent.version);
  EXPECT_EQ(received.seq, sent.seq);
  EXPECT_EQ(received.points, sent.points);
  EXPECT_EQ(received.points_2, sent.points_2);
  EXPECT_EQ(received.points_3, sent.points_3);
  EXPECT_EQ(received.amount, sent.amount);
  EXPECT_EQ(received.available, sent.available);
  EXPECT_EQ(received.pending, sent.pending);
  EXPECT_EQ(received.reserved, sent.reserved);
  EXPECT_EQ(received.lifetime, sent.lifetime);
  EXPECT_EQ(received.state, sent.state);
}

TEST(reply_frame, texts_and_lists_do_not_fit) {
  EXPECT_TRUE(fits_reply(full_outcome()));
  const auto with = [](auto change) {
    outcome out = full_outcome();
    change(out);
    return fits_reply(out);
  };
  EXPECT_FALSE(with([](outcome& o) { o.what = "x"; }));
  EXPECT_FALSE(with([](outcome& o) { o.where = "x"; }));
  EXPECT_FALSE(with([](outcome& o) { o.rewards = 1; }));
  EXPECT_FALSE(with([](outcome& o) { o.tier = 1; }));
  EXPECT_FALSE(with([](outcome& o) { o.to_seq = {1}; }));
  EXPECT_FALSE(with([](outcome& o) { o.name = "r-1"; }));
  EXPECT_FALSE(with([](outcome& o) { o.review = {1}; }));
  EXPECT_FALSE(with([](outcome& o) { o.reasons = over_order_ratio; }));
  EXPECT_FALSE(with([](outcome& o) { o.parked = op::earn; }));
  EXPECT_FALSE(with([](outcome& o) { o.expires_at = instant{0}; }));
}

} // namespace
} // namespace tally::net
