// Bytes from a socket: cut, verified, every operation decoded, checked and encoded again, as the server and `tally` would.
#include "net/frame.hpp"
#include "net/operation_codec.hpp"
#include "net/operation_rules.hpp"

#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace tally;
using namespace tally::net;

void walk(const wire::request& request) {
  const auto* kinds = request.operations_type();
  const auto* tables = request.operations();
  if (kinds == nullptr || tables == nullptr)
    return;
  TALLY_ASSERT(kinds->size() == tables->size(), kinds->size(), tables->size());
  operation_buffer buffer;
  for (flatbuffers::uoffset_t i = 0; i < kinds->size(); ++i) {
    const auto kind = static_cast<op>(kinds->Get(i));
    const void* table = tables->GetAs<void>(i);
    if (kind == op::none || static_cast<std::uint8_t>(kind) >= op_count || table == nullptr)
      continue;
    command operation;
    std::string where;
    if (decode_operation(kind, table, buffer, operation) != nullptr || check_operation(operation, where) != nullptr)
      continue;
    // What is good is good again after a round trip.
    flatbuffers::FlatBufferBuilder builder;
    begin_frame(builder);
    const flatbuffers::Offset<void> again = encode_operation(builder, operation);
    const frame_bytes frame = finish_request(builder, 1, {&kind, 1}, {&again, 1});
    TALLY_ASSERT(verify_request_frame(frame) != nullptr, static_cast<int>(kind));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  std::vector<std::uint64_t> aligned((size + 7) / 8); // as in the server, frames begin at a multiple of 8
  std::memcpy(aligned.data(), data, size);
  const frame_bytes stream{reinterpret_cast<const std::byte*>(aligned.data()), size};
  const frame_cut cut = cut_frame(stream, request_frame_bytes_max);
  TALLY_ASSERT(cut.bytes <= request_frame_bytes_max, static_cast<long long>(cut.bytes));
  if (cut.what != frame_cut::state::complete)
    return 0;
  TALLY_ASSERT(cut.bytes <= size, static_cast<long long>(cut.bytes), static_cast<long long>(size));
  if (const wire::frame* frame = verify_request_frame(stream.first(cut.bytes)))
    if (const wire::request* request = frame->body_as_request())
      walk(*request);
  static_cast<void>(verify_answer_frame(stream.first(cut.bytes)));
  return 0;
}
