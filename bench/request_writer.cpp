#include "bench/request_writer.hpp"

#include "engine/assert.hpp"
#include "net/operation_codec.hpp"
#include "net/tally_generated.h"

#include <algorithm>
#include <cstring>

namespace tally::bench {

namespace {

constexpr std::size_t account_digits = 7;
constexpr std::size_t reference_digits = 12;
constexpr std::int64_t value_mark = 0x5a17b0c4d2e3f661; // where a number goes: found again, then written over

void put_account(std::byte* at, std::uint32_t account) {
  for (std::size_t i = account_digits; i-- > 0; account /= 10)
    at[i] = static_cast<std::byte>('0' + account % 10);
}

void put_reference(std::byte* at, std::uint64_t number) {
  static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuv";
  for (std::size_t i = reference_digits; i-- > 0; number >>= 5)
    at[i] = static_cast<std::byte>(digits[number & 31]);
}

template <class T>
void put(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

std::string spell_reference(char prefix, std::uint64_t number) {
  std::string text(2 + reference_digits, '-');
  text[0] = prefix;
  put_reference(reinterpret_cast<std::byte*>(text.data()) + 2, number);
  return text;
}

std::size_t position_of(std::span<const std::byte> where, const void* what, std::size_t size) {
  const auto* first = static_cast<const std::byte*>(what);
  const auto found = std::search(where.begin(), where.end(), first, first + size);
  TALLY_ASSERT(found != where.end());
  return static_cast<std::size_t>(found - where.begin());
}

} // namespace

std::string account_id(std::uint32_t account) {
  std::string text(2 + account_digits, '-');
  text[0] = 'm';
  put_account(reinterpret_cast<std::byte*>(text.data()) + 2, account);
  return text;
}
std::string order_id(std::uint64_t number) { return spell_reference('o', number); }
std::string refund_id(std::uint64_t number) { return spell_reference('r', number); }

request_writer::request_writer(std::string_view merchant, std::size_t operations_max) {
  for (const op kind : {op::enroll, op::earn, op::redeem, op::reverse, op::account}) {
    image& made = images_[static_cast<std::size_t>(kind)] = make_image(merchant, kind);
    image_bytes_max_ = std::max(image_bytes_max_, made.bytes.size());
  }
  headers_.resize(operations_max + 1);
  for (std::size_t count = 1; count <= operations_max; ++count)
    headers_[count] = make_header(count);
}

std::size_t request_writer::bytes_max(std::size_t operations) const {
  return headers_[operations].bytes.size() + operations * image_bytes_max_;
}

std::size_t request_writer::write(std::span<const operation> operations, std::uint64_t first_id, std::byte* out) const {
  const header& frame = headers_[operations.size()];
  std::memcpy(out, frame.bytes.data(), frame.bytes.size());
  put(out + frame.first_id, first_id);
  std::size_t end = frame.bytes.size();
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const operation& one = operations[i];
    const image& table = images_[static_cast<std::size_t>(one.kind)];
    std::byte* const at = out + end;
    std::memcpy(at, table.bytes.data(), table.bytes.size());
    put_account(at + table.account, one.account);
    if (table.number != none)
      put_reference(at + table.number, one.number);
    if (table.order != none)
      put_reference(at + table.order, one.order);
    if (table.value != none)
      put(at + table.value, one.value);
    const std::size_t slot = frame.offsets + i * sizeof(flatbuffers::uoffset_t);
    put(out + slot, static_cast<flatbuffers::uoffset_t>(end + table.table - slot));
    put(out + frame.types + i, static_cast<std::uint8_t>(one.kind));
    end += table.bytes.size();
  }
  put(out, static_cast<flatbuffers::uoffset_t>(end - sizeof(flatbuffers::uoffset_t)));
  return end;
}

request_writer::image request_writer::make_image(std::string_view merchant, op kind) {
  const std::string account = account_id(0), order = order_id(0), refund = refund_id(0);
  command marked;
  marked.kind = kind;
  marked.merchant = merchant;
  marked.account = account;
  if (kind == op::earn || kind == op::redeem || kind == op::reverse)
    marked.order = order;
  if (kind == op::earn)
    marked.total = money_t{value_mark};
  if (kind == op::redeem)
    marked.amount_points = points_t{value_mark};
  if (kind == op::reverse)
    marked.reference = refund;

  // The builder builds from the end to the front and aligns from the end: what it has made so far is the buffer's tail.
  flatbuffers::FlatBufferBuilder builder;
  const auto table = net::encode_operation(builder, marked);
  const std::size_t size = builder.GetSize();
  image made;
  made.bytes.resize((size + 7) / 8 * 8);
  std::memcpy(made.bytes.data() + made.bytes.size() - size, builder.GetCurrentBufferPointer(), size);
  made.table = made.bytes.size() - table.o;

  made.account = position_of(made.bytes, account.data(), account.size()) + 2;
  if (kind == op::earn || kind == op::redeem)
    made.number = position_of(made.bytes, order.data(), order.size()) + 2;
  if (kind == op::reverse) {
    made.number = position_of(made.bytes, refund.data(), refund.size()) + 2;
    made.order = position_of(made.bytes, order.data(), order.size()) + 2;
  }
  if (kind == op::earn || kind == op::redeem)
    made.value = position_of(made.bytes, &value_mark, sizeof value_mark);
  return made;
}

request_writer::header request_writer::make_header(std::size_t count) {
  flatbuffers::FlatBufferBuilder builder;
  const auto stand_in = wire::account_opBuilder(builder).Finish(); // its place is where the images will be
  builder.Pad((8 - builder.GetSize() % 8) % 8);
  const std::size_t tail = builder.GetSize();
  const std::vector<flatbuffers::Offset<void>> tables(count, stand_in.Union());
  const std::vector<wire::operation> types(count, wire::operation::account);
  const auto tables_at = builder.CreateVector(tables);
  const auto types_at = builder.CreateVector(types);
  wire::requestBuilder request(builder);
  request.add_first_id(static_cast<std::uint64_t>(value_mark));
  request.add_operations(tables_at);
  request.add_operations_type(types_at);
  const auto request_at = request.Finish();
  builder.FinishSizePrefixed(wire::Createframe(builder, wire::frame_body::request, request_at.Union()), wire::frameIdentifier());
  TALLY_ASSERT(builder.GetSize() % 8 == 0, builder.GetSize());

  const auto* start = builder.GetBufferPointer();
  const auto* made = flatbuffers::GetSizePrefixedRoot<wire::frame>(start)->body_as_request();
  const auto place = [start](const void* what) { return static_cast<std::size_t>(static_cast<const std::uint8_t*>(what) - start); };
  header around;
  around.bytes.resize(builder.GetSize() - tail);
  std::memcpy(around.bytes.data(), start, around.bytes.size());
  around.first_id = position_of(around.bytes, &value_mark, sizeof value_mark);
  around.types = place(made->operations_type()->Data());
  around.offsets = place(made->operations()->Data());
  return around;
}

} // namespace tally::bench
