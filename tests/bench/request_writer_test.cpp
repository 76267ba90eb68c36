// Frames that the benchmark patches together must be what net's codec reads, for every kind, count and value.
#include "bench/request_writer.hpp"

#include "net/frame.hpp"
#include "net/operation_codec.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace tally::bench {
namespace {

// Patches `operations` into a frame and decodes it again.
void expect_round_trip(const request_writer& writer, const std::vector<operation>& operations, std::uint64_t first_id) {
  std::vector<std::uint64_t> aligned(writer.bytes_max(operations.size()) / 8 + 1);
  auto* bytes = reinterpret_cast<std::byte*>(aligned.data());
  const std::size_t size = writer.write(operations, first_id, bytes);
  ASSERT_LE(size, writer.bytes_max(operations.size()));
  const net::frame_cut cut = net::cut_frame({bytes, size}, net::request_frame_bytes_max);
  ASSERT_EQ(cut.what, net::frame_cut::state::complete);
  ASSERT_EQ(cut.bytes, size);
  const wire::frame* frame = net::verify_request_frame({bytes, size});
  ASSERT_NE(frame, nullptr);
  const wire::request* request = frame->body_as_request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->first_id(), first_id);
  ASSERT_EQ(request->operations()->size(), operations.size());

  net::operation_buffer buffer;
  for (std::uint32_t i = 0; i < operations.size(); ++i) {
    const operation& asked = operations[i];
    ASSERT_EQ(static_cast<op>(request->operations_type()->Get(i)), asked.kind);
    command read;
    ASSERT_EQ(net::decode_operation(asked.kind, request->operations()->GetAs<void>(i), buffer, read), nullptr);
    EXPECT_EQ(read.kind, asked.kind);
    EXPECT_EQ(read.merchant, "bench");
    EXPECT_EQ(read.account, account_id(asked.account));
    if (asked.kind == op::earn) {
      EXPECT_EQ(read.order, order_id(asked.number));
      ASSERT_TRUE(read.total);
      EXPECT_EQ(read.total->units, asked.value);
    } else if (asked.kind == op::redeem) {
      EXPECT_EQ(read.order, order_id(asked.number));
      ASSERT_TRUE(read.amount_points);
      EXPECT_EQ(read.amount_points->value, asked.value);
    } else if (asked.kind == op::reverse) {
      EXPECT_EQ(read.order, order_id(asked.order));
      EXPECT_EQ(read.reference, refund_id(asked.number));
      EXPECT_FALSE(read.amount);
    } else {
      EXPECT_TRUE(read.order.empty());
      EXPECT_FALSE(read.total);
    }
    EXPECT_TRUE(read.lines.empty());
    EXPECT_TRUE(read.terminal.empty());
  }
}

TEST(request_writer, each_kind_alone) {
  const request_writer writer("bench", 1);
  for (const op kind : {op::enroll, op::earn, op::redeem, op::reverse, op::account})
    for (const std::int64_t value : {std::int64_t{1}, std::int64_t{999'900}, std::numeric_limits<std::int64_t>::max()})
      expect_round_trip(writer, {operation{kind, 1234567, 0x123456789abcdef, 42, value}}, 7);
}

TEST(request_writer, frames_of_every_size_with_kinds_at_random) {
  const request_writer writer("bench", 100);
  random_source random(3);
  constexpr op kinds[] = {op::enroll, op::earn, op::redeem, op::reverse, op::account};
  for (std::size_t count = 1; count <= 100; ++count) {
    std::vector<operation> operations;
    for (std::size_t i = 0; i < count; ++i)
      operations.push_back({kinds[random.below(5)], random.below(accounts_max), random.next() >> 4, random.next() >> 4,
                            static_cast<std::int64_t>(random.next() >> 1)});
    expect_round_trip(writer, operations, 1 + random.next() / 2);
  }
}

TEST(request_writer, ids_are_fixed_width_and_differ) {
  EXPECT_EQ(account_id(42), "m-0000042");
  EXPECT_EQ(account_id(9'999'999), "m-9999999");
  EXPECT_EQ(order_id(1), "o-000000000001");
  EXPECT_EQ(order_id(32), "o-000000000010");
  EXPECT_EQ(refund_id(31), "r-00000000000v");
}

} // namespace
} // namespace tally::bench
