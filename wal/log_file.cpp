#include "wal/log_file.hpp"
#include "wal/crc32c.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

namespace tally::wal {
namespace {

constexpr std::size_t log_block_bytes = 32 * 1024; // records never cross one
constexpr std::uint64_t blocks_per_read = 32;
constexpr std::size_t record_header_bytes = 7; // checksum 4, length 2, type 1

enum record_type : std::uint8_t { full = 1, first = 2, middle = 3, last = 4 };

// How checksums are stored in log files, so that the checksum of data that holds checksums stays useful.
std::uint32_t unmask(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xa282ead8u;
  return (rotated >> 17) | (rotated << 15);
}

// Follows the records of one file, block by block.
class log_scan {
public:
  explicit log_scan(const log_record_visitor& visit) : visit_(visit) {}

  log_file_state state;

  void block(std::span<const std::byte> content) {
    note_content(content);
    std::size_t at = 0;
    while (!broken_ && content.size() - at >= record_header_bytes) {
      const std::size_t length = sound_record(content.subspan(at));
      broken_ = length == 0;
      at += length;
      if (!broken_ && !inside_)
        state.sound_bytes = offset_ + at;
    }
    offset_ += content.size();
  }

private:
  // Zeros at the end were only reserved, or are the filler of a block.
  void note_content(std::span<const std::byte> content) {
    std::size_t size = content.size();
    while (size > 0 && content[size - 1] == std::byte{0})
      --size;
    if (size > 0)
      state.bytes = offset_ + size;
  }

  // The length of the sound record at the front of `rest`, header included; 0 if there is none.
  std::size_t sound_record(std::span<const std::byte> rest) {
    std::uint32_t masked_crc;
    std::uint16_t length;
    std::memcpy(&masked_crc, rest.data(), 4);
    std::memcpy(&length, rest.data() + 4, 2);
    const auto type = static_cast<std::uint8_t>(rest[6]);
    const bool fits = type >= full && type <= last && record_header_bytes + length <= rest.size();
    if (!fits || crc32c(rest.subspan(6, std::size_t{1} + length)) != unmask(masked_crc))
      return 0;
    const bool goes_on = type == middle || type == last;
    if (goes_on != inside_)
      return 0;
    inside_ = type == first || type == middle;
    if (visit_)
      show(rest.subspan(record_header_bytes, length));
    return record_header_bytes + length;
  }

  void show(std::span<const std::byte> part) {
    record_.insert(record_.end(), part.begin(), part.end());
    if (inside_)
      return;
    visit_(record_);
    record_.clear();
  }

  const log_record_visitor& visit_;
  std::vector<std::byte> record_; // as far as it was read
  std::uint64_t offset_ = 0;      // of the block
  bool inside_ = false;           // a record has begun and goes on
  bool broken_ = false;
};

} // namespace

result<log_file_state> inspect_log_file(const std::filesystem::path& file, const disk& on, const log_record_visitor& visit) {
  const result<disk_file> opened = on.open(file, true);
  if (!opened)
    return opened.error();
  const result<std::uint64_t> size = on.size(file);
  if (!size)
    return size.error();
  log_scan scan(visit);
  std::vector<std::byte> buffer(std::clamp<std::uint64_t>((*size + log_block_bytes) / log_block_bytes, 1, blocks_per_read) *
                                log_block_bytes);
  for (std::uint64_t offset = 0, got = buffer.size(); got == buffer.size(); offset += got) {
    const result<std::size_t> read = opened->read(offset, buffer);
    if (!read)
      return read.error();
    got = *read;
    for (std::size_t at = 0; at < got; at += log_block_bytes)
      scan.block(std::span<const std::byte>(buffer).subspan(at, std::min(log_block_bytes, got - at)));
  }
  scan.state.bytes = std::max(scan.state.bytes, scan.state.sound_bytes);
  return scan.state;
}

} // namespace tally::wal
