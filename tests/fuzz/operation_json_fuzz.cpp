// A line of `tally exec`: an operation, or invalid with a reason; what is an operation fits a frame.
#include "engine/assert.hpp"
#include "net/frame.hpp"
#include "net/operation_codec.hpp"
#include "net/operation_json.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tally;
  static net::operation_reader reader;
  command operation;
  if (const auto problem = reader.read({reinterpret_cast<const char*>(data), size}, operation)) {
    TALLY_ASSERT(!problem->what.empty());
    return 0;
  }
  TALLY_ASSERT(operation.kind != op::none);
  flatbuffers::FlatBufferBuilder builder;
  net::begin_frame(builder);
  const flatbuffers::Offset<void> table = net::encode_operation(builder, operation);
  TALLY_ASSERT(!net::finish_request(builder, 1, {&operation.kind, 1}, {&table, 1}).empty());
  return 0;
}
