// Between the engine's `command` and the wire's operation tables (net/tally.fbs), both ways.
// Knows nothing of frames or JSON. Whether the values make sense is checked by net/operation_rules.hpp.
#pragma once

#include "engine/command.hpp"

#include <flatbuffers/flatbuffers.h>

#include <vector>

namespace tally::net {

// What a decoded command points into besides the frame; reused from operation to operation.
struct operation_buffer {
  std::vector<sale_line> lines;
};

// Adds the operation's table. `command.kind` must be one of the contract's operations.
flatbuffers::Offset<void> encode_operation(flatbuffers::FlatBufferBuilder& builder, const command& command);

// Reads a table of the given kind out of a verified frame. Strings are views into the frame; `lines` live in `buffer`.
// What is out of range for the command's types (an unknown entry kind, say) is reported by name of its field; nullptr: fine.
const char* decode_operation(op kind, const void* table, operation_buffer& buffer, command& out);

} // namespace tally::net
