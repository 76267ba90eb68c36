// See frame.hpp.
#include "net/frame.hpp"

#include "engine/assert.hpp"

#include <cstring>

namespace tally::net {
namespace {

constexpr std::size_t prefix_bytes = sizeof(flatbuffers::uoffset_t);

flatbuffers::Verifier make_verifier(frame_bytes frame, std::uint32_t depth_max, std::uint32_t tables_max) {
  flatbuffers::Verifier::Options options;
  options.max_depth = depth_max;
  options.max_tables = tables_max;
  return flatbuffers::Verifier(reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size(), options);
}

const wire::frame* root_of(frame_bytes frame) { return flatbuffers::GetSizePrefixedRoot<wire::frame>(frame.data()); }

// Generated tables hide that they are tables.
const flatbuffers::Table* as_table(const void* table) { return static_cast<const flatbuffers::Table*>(table); }

// The verifier counts tables but not the strings of a vector, and many operations may point to one huge vector: their
// number is bounded before it walks them.
bool kinds_bounded(flatbuffers::Verifier& verifier, wire::operation type, const void* operation) {
  flatbuffers::voffset_t field = 0;
  if (type == wire::operation::history)
    field = wire::history_op::VT_KINDS;
  else if (type == wire::operation::count)
    field = wire::count_op::VT_KINDS;
  else if (type == wire::operation::tail)
    field = wire::tail_op::VT_KINDS;
  else
    return true;
  const auto* table = as_table(operation);
  if (!table->VerifyTableStart(verifier) || !table->VerifyOffset(verifier, field))
    return false;
  const auto* kinds = table->GetPointer<const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>*>(field);
  return verifier.EndTable() && verifier.VerifyVector(kinds) && (kinds == nullptr || kinds->size() <= kinds_max);
}

bool request_bounded(flatbuffers::Verifier& verifier, const void* body) {
  const auto* table = as_table(body);
  if (!table->VerifyTableStart(verifier) || !table->VerifyOffset(verifier, wire::request::VT_OPERATIONS_TYPE) ||
      !table->VerifyOffset(verifier, wire::request::VT_OPERATIONS))
    return false;
  const auto* request = static_cast<const wire::request*>(body);
  const auto* types = request->operations_type();
  const auto* operations = request->operations();
  if (!verifier.VerifyVector(types) || !verifier.VerifyVector(operations) || types == nullptr || operations == nullptr ||
      types->size() != operations->size() || types->size() > request_operations_max)
    return false;
  for (flatbuffers::uoffset_t i = 0; i < types->size(); ++i) {
    if (!kinds_bounded(verifier, types->GetEnum<wire::operation>(i), operations->GetAs<void>(i)))
      return false;
  }
  return verifier.EndTable();
}

// Only hellos and requests are worth verifying at all; and what the verifier does not bound is bounded here.
bool worth_verifying(frame_bytes frame) {
  flatbuffers::Verifier verifier = make_verifier(frame, request_depth_max, request_tables_max);
  const auto root = verifier.VerifyOffset(prefix_bytes);
  if (root == 0)
    return false;
  const auto* table = as_table(frame.data() + prefix_bytes + root);
  if (!table->VerifyTableStart(verifier) || !table->VerifyField<std::uint8_t>(verifier, wire::frame::VT_BODY_TYPE, 1) ||
      !table->VerifyOffset(verifier, wire::frame::VT_BODY))
    return false;
  const auto* parsed = reinterpret_cast<const wire::frame*>(table);
  if (parsed->body() == nullptr)
    return false;
  if (parsed->body_type() == wire::frame_body::request)
    return request_bounded(verifier, parsed->body());
  return parsed->body_type() == wire::frame_body::hello;
}

} // namespace

frame_cut cut_frame(frame_bytes stream, std::size_t bytes_max) {
  if (stream.size() < prefix_bytes)
    return {};
  flatbuffers::uoffset_t length = 0;
  std::memcpy(&length, stream.data(), sizeof length);
  const std::size_t bytes = prefix_bytes + flatbuffers::EndianScalar(length);
  if (bytes < frame_bytes_min || bytes > bytes_max || bytes % frame_alignment != 0)
    return {frame_cut::state::malformed, 0};
  return {stream.size() >= bytes ? frame_cut::state::complete : frame_cut::state::incomplete, bytes};
}

const wire::frame* verify_request_frame(frame_bytes frame) {
  if (!worth_verifying(frame))
    return nullptr;
  flatbuffers::Verifier verifier = make_verifier(frame, request_depth_max, request_tables_max);
  return verifier.VerifySizePrefixedBuffer<wire::frame>(file_identifier) ? root_of(frame) : nullptr;
}

const wire::frame* verify_answer_frame(frame_bytes frame) {
  flatbuffers::Verifier verifier = make_verifier(frame, answer_depth_max, answer_tables_max);
  if (!verifier.VerifySizePrefixedBuffer<wire::frame>(file_identifier))
    return nullptr;
  const wire::frame* parsed = root_of(frame);
  const bool ours = parsed->body_type() == wire::frame_body::hello || parsed->body_type() == wire::frame_body::answer;
  return ours && parsed->body() != nullptr ? parsed : nullptr;
}

void begin_frame(flatbuffers::FlatBufferBuilder& builder) {
  builder.Clear();
  builder.Align(frame_alignment); // so that the whole is a multiple of it, whatever is inside
}

frame_bytes finish_frame(flatbuffers::FlatBufferBuilder& builder, wire::frame_body type, flatbuffers::Offset<void> body) {
  wire::frameBuilder frame(builder);
  frame.add_body(body);
  frame.add_body_type(type);
  builder.FinishSizePrefixed(frame.Finish(), file_identifier);
  TALLY_ASSERT(builder.GetSize() % frame_alignment == 0, static_cast<long long>(builder.GetSize()));
  return {reinterpret_cast<const std::byte*>(builder.GetBufferPointer()), builder.GetSize()};
}

frame_bytes finish_request(flatbuffers::FlatBufferBuilder& builder, std::uint64_t first_id, std::span<const op> kinds,
                           std::span<const flatbuffers::Offset<void>> operations) {
  static_assert(sizeof(op) == 1 && static_cast<int>(wire::operation::advance_clock) == static_cast<int>(op::advance_clock));
  const auto types = builder.CreateVector(reinterpret_cast<const std::uint8_t*>(kinds.data()), kinds.size());
  const auto tables = builder.CreateVector(operations.data(), operations.size());
  wire::requestBuilder request(builder);
  request.add_first_id(first_id);
  request.add_operations(tables);
  request.add_operations_type({types.o});
  return finish_frame(builder, wire::frame_body::request, request.Finish().Union());
}

frame_bytes build_hello(flatbuffers::FlatBufferBuilder& builder, std::uint16_t version, std::string_view software, std::string_view token) {
  begin_frame(builder);
  const auto name = builder.CreateString(software.data(), software.size());
  const auto secret = token.empty() ? flatbuffers::Offset<flatbuffers::String>{} : builder.CreateString(token.data(), token.size());
  wire::helloBuilder hello(builder);
  hello.add_software(name);
  hello.add_token(secret);
  hello.add_version(version);
  return finish_frame(builder, wire::frame_body::hello, hello.Finish().Union());
}

} // namespace tally::net
