// The text of a backup's manifest, with and without what its checksum would catch: whatever it is, reading ends; what is read can be
// written, and reads as the same again.
#include "wal/backup_manifest.hpp"
#include "wal/blake2b.hpp"

#include <cstdint>
#include <string>

namespace {

// The same with a last line that fits the others.
std::string with_checksum(std::string text) {
  const std::size_t last = text.rfind("checksum ");
  if (last != std::string::npos)
    text.resize(last);
  return text + "checksum " + tally::wal::hex_of_hash(tally::wal::blake2b_32(std::as_bytes(std::span(text)))) + "\n";
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tally;
  const std::string given(reinterpret_cast<const char*>(data), size);
  for (const std::string& text : {given, with_checksum(given)}) {
    const auto manifest = wal::decode_backup_manifest(text);
    if (!manifest)
      continue;
    const std::string written = wal::encode(*manifest);
    const auto again = wal::decode_backup_manifest(written);
    TALLY_ASSERT(again.ok() && wal::encode(*again) == written, static_cast<long long>(size));
  }
  return 0;
}
