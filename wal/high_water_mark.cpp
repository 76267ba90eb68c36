#include "wal/high_water_mark.hpp"
#include "engine/format_version.hpp"
#include "wal/crc32c.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace tally::wal {
namespace {

// docs/formats/high_water_mark.md
constexpr std::uint32_t mark_magic = 0x4b524d54; // "TMRK"
constexpr std::uint16_t mark_format_version = 1;
constexpr std::size_t slot_count = 2;
constexpr std::size_t slot_distance = 4096; // never in one sector, so never torn together

struct record {
  std::uint32_t magic = mark_magic;
  std::uint16_t version = mark_format_version;
  std::uint16_t reserved = 0;
  std::uint64_t seq = 0;
  block_hash hash{};
  std::array<std::byte, 12> padding{};
  std::uint32_t crc = 0; // CRC-32C of what is before it
};
static_assert(sizeof(record) == 64 && offsetof(record, crc) == 60);

std::uint32_t crc_of(const record& slot) { return crc32c(std::as_bytes(std::span(&slot, 1)).first(offsetof(record, crc))); }

record make_record(seq_t newest, const block_hash& hash) {
  record slot;
  slot.seq = newest.value;
  slot.hash = hash;
  slot.crc = crc_of(slot);
  return slot;
}

std::span<const std::byte> bytes_of(const record& slot) { return std::as_bytes(std::span(&slot, 1)); }

result<void> write_slot(disk_file& file, std::size_t slot, const record& content) {
  return file.write(slot * slot_distance, bytes_of(content));
}

// Of whatever version: magic, version and checksum stand where they stand in each. nullopt: nothing in it verifies.
result<std::optional<record>> read_slot(const disk_file& file, std::size_t slot) {
  record content;
  const result<std::size_t> got = file.read(slot * slot_distance, std::as_writable_bytes(std::span(&content, 1)));
  if (!got)
    return got.error();
  const bool verifies = *got == sizeof content && content.magic == mark_magic && content.crc == crc_of(content);
  return verifies ? std::optional(content) : std::nullopt;
}

} // namespace

result<void> high_water_mark::create(const std::filesystem::path& file, const disk& on) {
  std::vector<std::byte> content((slot_count - 1) * slot_distance + sizeof(record));
  const record nothing = make_record({}, {});
  for (std::size_t slot = 0; slot < slot_count; ++slot)
    std::ranges::copy(bytes_of(nothing), content.begin() + static_cast<std::ptrdiff_t>(slot * slot_distance));
  return on.put(file, content);
}

result<high_water_mark> high_water_mark::open(const std::filesystem::path& file, bool read_only, const disk& on) {
  result<disk_file> opened = on.open(file, read_only);
  if (!opened)
    return opened.error();
  high_water_mark mark;
  mark.file_ = std::move(*opened);
  bool found = false;
  for (std::size_t slot = 0; slot < slot_count; ++slot) {
    const result<std::optional<record>> content = read_slot(mark.file_, slot);
    if (!content)
      return content.error();
    if (*content && (*content)->version != mark_format_version)
      return other_format(file.string(), (*content)->version, mark_format_version);
    if (!*content || (found && seq_t{(*content)->seq} < mark.newest_))
      continue;
    found = true;
    mark.newest_slot_ = slot;
    mark.newest_ = {(*content)->seq};
    mark.hash_ = (*content)->hash;
  }
  if (!found)
    return failure{failure_code::corrupt, file.string() + ": no record of the high-water mark verifies"};
  return mark;
}

result<void> high_water_mark::advance(seq_t newest, const block_hash& hash) {
  TALLY_ASSERT(newest > newest_, static_cast<long long>(newest.value), static_cast<long long>(newest_.value));
  const std::size_t slot = (newest_slot_ + 1) % slot_count; // the newest record stays until the next one is there
  if (result<void> written = write_slot(file_, slot, make_record(newest, hash)); !written)
    return written;
  newest_slot_ = slot;
  newest_ = newest;
  hash_ = hash;
  return {};
}

result<void> high_water_mark::sync() { return file_.sync(); }

} // namespace tally::wal
