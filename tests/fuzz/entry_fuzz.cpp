// Bytes of an entry in the journal: whatever they are, decoding ends and reads nothing past them; what decodes can be encoded, and
// decodes to the same entry again; its head alone says the same of it.
#include "wal/entry_codec.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tally;
  constexpr seq_t number{1'000'000};
  constexpr instant at{1'780'000'000'000'000};
  std::span<const std::byte> in{reinterpret_cast<const std::byte*>(data), size};
  wal::decode_buffer buffer, buffer_again;
  while (!in.empty()) {
    const std::size_t before = in.size();
    std::span<const std::byte> behind_head = in;
    wal::record_head head;
    const bool has_head = wal::read_head(behind_head, number, head).ok();
    entry decoded;
    if (!wal::decode(in, number, at, buffer, decoded))
      return 0;
    TALLY_ASSERT(has_head && head.kind == decoded.kind && head.merchant == decoded.merchant && head.account == decoded.account &&
                     behind_head.size() == in.size(),
                 static_cast<long long>(before));
    TALLY_ASSERT(in.size() < before, static_cast<long long>(before));
    wal::bytes bytes, bytes_again;
    wal::encode(decoded, bytes);
    std::span<const std::byte> rest{bytes};
    entry again;
    TALLY_ASSERT(wal::decode(rest, number, at, buffer_again, again).ok() && rest.empty(), static_cast<long long>(bytes.size()));
    wal::encode(again, bytes_again);
    TALLY_ASSERT(bytes == bytes_again, static_cast<long long>(bytes.size()));
  }
  return 0;
}
