// CRC-32C (Castagnoli), the checksum of iSCSI: RFC 3720 appendix B.4, polynomial 0x1EDC6F41, reflected.
// It finds bytes that went bad; against somebody who changes them on purpose there is the hash chain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tally::wal {

// The checksum of `data`; with `before`, of what had that checksum followed by `data`.
std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t before = 0);

// The same without the processor's instruction; for processors that lack it, and to test the other one against.
std::uint32_t crc32c_portable(std::span<const std::byte> data, std::uint32_t before = 0);

} // namespace tally::wal
