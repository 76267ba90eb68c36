// Cutting and verifying frames: what is taken, and hostile FlatBuffers that must not be.
#include "net/frame.hpp"

#include "net/operation_codec.hpp"
#include "tests/net/hostile_frames.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace tally::net {
namespace {

std::vector<std::byte> prefix(std::uint32_t length) {
  std::vector<std::byte> out(4);
  std::memcpy(out.data(), &length, 4);
  return out;
}

TEST(frame_cut, looks_at_the_prefix_only) {
  using state = frame_cut::state;
  EXPECT_EQ(cut_frame({}, 1024).what, state::incomplete);
  EXPECT_EQ(cut_frame(frame_bytes(prefix(12)).first(3), 1024).what, state::incomplete);
  const auto cut = [](std::uint32_t length) { return cut_frame(prefix(length), 1024); };
  EXPECT_EQ(cut(12).what, state::incomplete);
  EXPECT_EQ(cut(12).bytes, 16u);
  EXPECT_EQ(cut(1020).bytes, 1024u);
  EXPECT_EQ(cut(1028).what, state::malformed) << "too long";
  EXPECT_EQ(cut(0xffffffff).what, state::malformed) << "too long";
  EXPECT_EQ(cut(0xfffffffc).what, state::malformed) << "too long";
  EXPECT_EQ(cut(4).what, state::malformed) << "too short";
  EXPECT_EQ(cut(0).what, state::malformed) << "too short";
  EXPECT_EQ(cut(13).what, state::malformed) << "not a multiple of 8";
}

TEST(frame, hello_and_requests_verify) {
  flatbuffers::FlatBufferBuilder builder;
  const wire::frame* hello = verify_request_frame(build_hello(builder, 1, "till", "secret"));
  ASSERT_NE(hello, nullptr);
  EXPECT_EQ(hello->body_as_hello()->version(), 1);
  EXPECT_EQ(hello->body_as_hello()->token()->str(), "secret");
  EXPECT_NE(verify_request_frame(test::earn_frame(1, 64)), nullptr);
  EXPECT_EQ(verify_answer_frame(test::earn_frame(1, 64)), nullptr) << "not for a client";
}

TEST(frame, hostile_ones_do_not_verify) {
  for (const test::hostile_frame& each : test::hostile_frames()) {
    SCOPED_TRACE(each.name);
    EXPECT_EQ(cut_frame(each.bytes, request_frame_bytes_max).what == frame_cut::state::complete &&
                  verify_request_frame(each.bytes) != nullptr,
              false);
  }
}

// Whatever a frame points at how often, verifying it is bounded: a megabyte in a few milliseconds.
TEST(frame, verifying_is_bounded_work) {
  for (const test::hostile_frame& each : test::hostile_frames()) {
    const auto begin = std::chrono::steady_clock::now();
    static_cast<void>(verify_request_frame(each.bytes));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500)) << each.name;
  }
}

// Flips and cuts of good frames: never read outside (the sanitizers look), decoded only if verified.
TEST(frame, changed_frames_are_refused_or_decoded) {
  std::mt19937_64 random(7);
  const std::vector<std::byte> good = test::earn_frame(1, 8);
  operation_buffer buffer;
  command decoded;
  int verified = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes = good;
    for (std::uint64_t i = 0, flips = 1 + random() % 4; i < flips; ++i)
      bytes[random() % bytes.size()] ^= static_cast<std::byte>(1u << (random() % 8));
    const wire::frame* frame = verify_request_frame(bytes);
    if (frame == nullptr || frame->body_as_request() == nullptr)
      continue;
    ++verified;
    const wire::request& request = *frame->body_as_request();
    for (flatbuffers::uoffset_t i = 0; i < request.operations()->size(); ++i) {
      const auto kind = static_cast<std::uint8_t>(request.operations_type()->Get(i));
      if (kind >= 1 && kind < op_count)
        static_cast<void>(decode_operation(static_cast<op>(kind), request.operations()->GetAs<void>(i), buffer, decoded));
    }
  }
  EXPECT_GT(verified, 0);
}

} // namespace
} // namespace tally::net
