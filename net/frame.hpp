// Frames: size-prefixed FlatBuffers of net/tally.fbs with the identifier "TLY1" (docs/formats/frame.md).
// Cutting them out of a stream, verifying them under the limits of net/limits.hpp, and building all but the answers:
// those are in net/reply_frame.hpp and net/document_codec.hpp.
#pragma once

#include "engine/names.hpp"
#include "net/limits.hpp"
#include "net/tally_generated.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tally::net {

using frame_bytes = std::span<const std::byte>;

// What the first bytes of a stream say about its first frame; looks at no more than the 4 bytes of the prefix.
struct frame_cut {
  enum class state { incomplete, complete, malformed } what = state::incomplete;
  std::size_t bytes = 0; // of the whole frame, prefix included; 0 while the prefix itself is incomplete
};
frame_cut cut_frame(frame_bytes stream, std::size_t bytes_max);

// A complete frame sent to a server: its body if it verifies and is a hello or a request, else null.
const wire::frame* verify_request_frame(frame_bytes frame);
// A complete frame sent by a server: a hello or an answer.
const wire::frame* verify_answer_frame(frame_bytes frame);

// Building: begin, add the body, finish. The bytes live in the builder until it is cleared.
void begin_frame(flatbuffers::FlatBufferBuilder& builder);
frame_bytes finish_frame(flatbuffers::FlatBufferBuilder& builder, wire::frame_body type, flatbuffers::Offset<void> body);

// The request frame of operations that were encoded since `begin_frame`.
frame_bytes finish_request(flatbuffers::FlatBufferBuilder& builder, std::uint64_t first_id, std::span<const op> kinds,
                           std::span<const flatbuffers::Offset<void>> operations);
frame_bytes build_hello(flatbuffers::FlatBufferBuilder& builder, std::uint16_t version, std::string_view software,
                        std::string_view token = {});

} // namespace tally::net
