// See reply_frame.hpp.
#include "net/reply_frame.hpp"

#include <array>
#include <cstring>

namespace tally::net {
namespace {

constexpr std::size_t count_at = 52;

// clang-format off
constexpr std::array<std::uint8_t, reply_frame_head_bytes> head = {
    0, 0, 0, 0,         //  0 size of what follows
    16, 0, 0, 0,        //  4 root: the frame table at 20
    'T', 'L', 'Y', '1', //  8
    8, 0, 12, 0, 8, 0, 4, 0, // 12 vtable of frame: its size, the table's, body_type at 8, body at 4
    8, 0, 0, 0,         // 20 frame: its vtable is 8 before
    16, 0, 0, 0,        // 24 body: the answer table at 40
    3, 0, 0, 0,         // 28 body_type: answer
    6, 0, 8, 0, 4, 0, 0, 0, // 32 vtable of answer: replies at 4
    8, 0, 0, 0,         // 40 answer: its vtable is 8 before
    8, 0, 0, 0,         // 44 replies: the vector at 52
    0, 0, 0, 0,         // 48 so that the structs lie at multiples of 8
    0, 0, 0, 0,         // 52 how many
};
// clang-format on
static_assert(static_cast<int>(wire::frame_body::answer) == 3);
static_assert(sizeof(wire::reply) == 96);

void put_u32(std::byte* at, std::uint32_t value) {
  const std::uint32_t little = flatbuffers::EndianScalar(value);
  std::memcpy(at, &little, sizeof little);
}

} // namespace

void begin_reply_frame(std::byte* frame) {
  std::memcpy(frame, head.data(), head.size());
  set_reply_count(frame, 0);
}

void set_reply_count(std::byte* frame, std::uint32_t count) {
  put_u32(frame, static_cast<std::uint32_t>(reply_frame_head_bytes - sizeof(std::uint32_t) + count * reply_bytes));
  put_u32(frame + count_at, count);
}

bool fits_reply(const outcome& answer) {
  const std::uint64_t numbers =
      answer.rewards | answer.tier | answer.to_seq.value | answer.review.value | answer.reasons | static_cast<std::uint64_t>(answer.parked);
  return numbers == 0 && !answer.expires_at && answer.what.empty() && answer.where.empty() && answer.name.empty();
}

wire::reply make_reply(std::uint64_t id, const outcome& answer) {
  return {id,
          answer.seq.value,
          static_cast<std::uint8_t>(answer.kind),
          static_cast<std::uint8_t>(answer.status),
          answer.status == outcome_status::duplicate ? static_cast<std::uint8_t>(answer.first) : std::uint8_t{0},
          static_cast<std::uint8_t>(answer.code),
          static_cast<std::uint8_t>(answer.tier_changed),
          answer.tier,
          static_cast<std::uint8_t>(answer.state),
          answer.currency_digits,
          answer.version,
          0,
          answer.points.value,
          answer.points_2.value,
          answer.points_3.value,
          answer.amount.units,
          answer.available.value,
          answer.pending.value,
          answer.reserved.value,
          answer.lifetime.value};
}

outcome read_reply(const wire::reply& reply) {
  outcome out;
  out.kind = static_cast<op>(reply.kind());
  out.status = static_cast<outcome_status>(reply.status());
  out.first = reply.first() == 0 ? outcome_status::ok : static_cast<outcome_status>(reply.first());
  out.code = static_cast<outcome_code>(reply.code());
  out.tier_changed = reply.tier_changed() != 0;
  out.currency_digits = reply.currency_digits();
  out.tier = reply.tier();
  out.version = reply.version();
  out.seq = {reply.seq()};
  out.points = {reply.points()};
  out.points_2 = {reply.points_2()};
  out.points_3 = {reply.points_3()};
  out.amount = {reply.amount()};
  out.available = {reply.available()};
  out.pending = {reply.pending()};
  out.reserved = {reply.reserved()};
  out.lifetime = {reply.lifetime()};
  out.state = static_cast<outcome::account_status_shown>(reply.state());
  return out;
}

} // namespace tally::net
