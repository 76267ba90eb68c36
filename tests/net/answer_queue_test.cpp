// Answers leave in the order of their operations, whole frames at a time, and never before they are durable.
#include "net/answer_queue.hpp"

#include "net/document_codec.hpp"
#include "net/reply_frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tally::net {
namespace {

outcome numbered(std::int64_t number) {
  outcome out;
  out.kind = op::earn;
  out.points = {number};
  return out;
}

// Ids in the order in which the bytes carry them; every frame must verify.
std::vector<std::uint64_t> ids_in(std::span<const std::byte> bytes) {
  std::vector<std::uint64_t> out;
  while (!bytes.empty()) {
    const frame_cut cut = cut_frame(bytes, answer_frame_bytes_max);
    EXPECT_EQ(cut.what, frame_cut::state::complete);
    if (cut.what != frame_cut::state::complete)
      return out;
    // the memory of a queue need not be aligned where its first byte is: copy, as a socket does
    const std::vector<std::byte> copy(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut.bytes));
    const wire::frame* frame = verify_answer_frame(copy);
    EXPECT_NE(frame, nullptr);
    if (frame == nullptr)
      return out;
    if (const auto* replies = frame->body_as_answer()->replies()) {
      for (const wire::reply* reply : *replies)
        out.push_back(reply->id());
    } else {
      out.push_back(frame->body_as_answer()->outcome()->head()->id());
    }
    bytes = bytes.subspan(cut.bytes);
  }
  return out;
}

using ids = std::vector<std::uint64_t>;

TEST(answer_queue, in_order_and_only_when_durable) {
  answer_queue queue;
  for (std::uint64_t i = 0; i < 3; ++i)
    EXPECT_EQ(queue.expect(100 + i, 1), i);
  queue.answer(0, numbered(0), seq_t{5}, 1);
  queue.answer(1, numbered(1), seq_t{6}, 2);
  queue.answer(2, numbered(2), seq_t{0}, 3);
  EXPECT_TRUE(queue.sendable(seq_t{4}).empty());
  EXPECT_EQ(ids_in(queue.sendable(seq_t{5})), ids({100}));
  EXPECT_EQ(ids_in(queue.sendable(seq_t{6})), ids({100, 101, 102})) << "a read waits for what it stands behind";
  queue.sent(queue.sendable(seq_t{6}).size());
  EXPECT_TRUE(queue.empty());
}

TEST(answer_queue, answers_of_one_turn_share_a_frame_and_a_release) {
  answer_queue queue;
  for (std::uint64_t i = 0; i < 1000; ++i)
    queue.expect(i + 1, 1);
  for (std::uint64_t i = 0; i < 1000; ++i)
    queue.answer(i, numbered(1), seq_t{i + 1}, 7);
  EXPECT_TRUE(queue.sendable(seq_t{999}).empty());
  const auto bytes = queue.sendable(seq_t{1000});
  EXPECT_EQ(bytes.size(), 2 * reply_frame_head_bytes + 1000 * reply_bytes) << "512 replies a frame";
  EXPECT_EQ(ids_in(bytes).size(), 1000u);
}

TEST(answer_queue, a_frame_that_left_is_never_written_to_again) {
  answer_queue queue;
  queue.expect(1, 1), queue.expect(2, 1);
  queue.answer(0, numbered(1), seq_t{1}, 1);
  EXPECT_EQ(ids_in(queue.sendable(seq_t{1})), ids({1}));
  queue.sent(10); // a part of it
  queue.answer(1, numbered(2), seq_t{1}, 1);
  const auto rest = queue.sendable(seq_t{1});
  EXPECT_EQ(ids_in(rest.subspan(reply_frame_head_bytes + reply_bytes - 10)), ids({2}));
}

TEST(answer_queue, weights_and_counts) {
  answer_queue queue;
  queue.expect(1, 1), queue.expect(2, 250), queue.expect(3, 1);
  EXPECT_EQ(queue.weight(), 252u);
  EXPECT_EQ(queue.unanswered(), 3u);
  queue.answer(1, numbered(0), seq_t{1}, 1);
  EXPECT_EQ(queue.unanswered(), 2u);
  EXPECT_EQ(queue.weight(), 252u) << "parked: it still waits for the first";
  EXPECT_EQ(queue.in_flight(), 3u);
  queue.answer(0, numbered(0), seq_t{1}, 1);
  EXPECT_EQ(queue.weight(), 1u);
  EXPECT_EQ(queue.in_flight(), 1u);
}

// Random order of answers, random turns, durability, partial sends, documents: what comes out is every id once, in order,
// and nothing before its seq.
TEST(answer_queue, random_histories) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    answer_queue queue;
    flatbuffers::FlatBufferBuilder builder;
    std::vector<std::byte> received;
    std::vector<std::uint64_t> unanswered, releases;
    std::uint64_t next_id = 1, turn = 1, durable = 0, newest = 0;
    queue.say(build_hello(builder, 1, "x"));
    const std::size_t hello_bytes = queue.sendable(seq_t{0}).size();
    std::uint64_t sent_bytes = 0;
    const auto send = [&](bool all) {
      const auto bytes = queue.sendable(seq_t{durable});
      const std::size_t n = all || bytes.empty() ? bytes.size() : random() % (bytes.size() + 1);
      received.insert(received.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      queue.sent(n);
      sent_bytes += n;
    };
    for (int step = 0; step < 400; ++step) {
      switch (random() % 5) {
      case 0:
      case 1:
        for (std::uint64_t i = 0, count = random() % 20; i < count; ++i)
          unanswered.push_back(queue.expect(next_id++, 1));
        break;
      case 2:
        for (std::uint64_t i = 0, count = random() % 30; i < count && !unanswered.empty(); ++i) {
          const auto at = unanswered.begin() + static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(unanswered.size(), 4));
          const std::uint64_t number = *at;
          unanswered.erase(at);
          const seq_t release{random() % 3 == 0 ? random() % (newest + 1) : ++newest};
          if (random() % 8 == 0) {
            outcome refusal = numbered(1);
            refusal.what = std::string(random() % 50, 'x') + "!";
            queue.answer(number, build_answer(builder, queue.id_of(number), refusal), release, turn);
          } else {
            queue.answer(number, numbered(1), release, turn);
          }
        }
        break;
      case 3:
        ++turn;
        durable = std::min(newest, durable + random() % 20);
        break;
      case 4:
        send(false);
        break;
      }
    }
    for (const std::uint64_t number : unanswered)
      queue.answer(number, numbered(1), seq_t{newest}, turn);
    durable = newest;
    send(true);
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.output_bytes(), 0u);
    const std::vector<std::uint64_t> out = ids_in(std::span<const std::byte>(received).subspan(hello_bytes));
    ASSERT_EQ(out.size(), next_id - 1);
    for (std::uint64_t i = 0; i < out.size(); ++i)
      ASSERT_EQ(out[i], i + 1);
  }
}

} // namespace
} // namespace tally::net
