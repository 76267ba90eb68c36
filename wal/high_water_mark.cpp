#include "wal/high_water_mark.hpp"
#include "engine/format_version.hpp"
#include "wal/crc32c.hpp"
#include "wal/os_failure.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>

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

result<void> write_slot(int file, std::size_t slot, const record& content) {
  const auto offset = static_cast<off_t>(slot * slot_distance);
  const ssize_t written = ::pwrite(file, &content, sizeof content, offset);
  if (written == static_cast<ssize_t>(sizeof content))
    return {};
  return written < 0 ? os_failure("writing the high-water mark") : os_failure("writing the high-water mark", ENOSPC);
}

// Of whatever version: magic, version and checksum stand where they stand in each.
std::optional<record> read_slot(int file, std::size_t slot) {
  record content;
  const auto offset = static_cast<off_t>(slot * slot_distance);
  if (::pread(file, &content, sizeof content, offset) != static_cast<ssize_t>(sizeof content))
    return std::nullopt;
  const bool verifies = content.magic == mark_magic && content.crc == crc_of(content);
  return verifies ? std::optional(content) : std::nullopt;
}

result<void> write_new_file(const std::filesystem::path& file) {
  const int handle = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (handle < 0)
    return os_failure("making " + file.string());
  result<void> written;
  for (std::size_t slot = 0; slot < slot_count && written; ++slot)
    written = write_slot(handle, slot, make_record({}, {}));
  if (written && ::fsync(handle) != 0)
    written = os_failure("syncing " + file.string());
  ::close(handle);
  return written;
}

result<void> sync_folder(const std::filesystem::path& folder) {
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0)
    return os_failure("opening " + folder.string());
  result<void> synced;
  if (::fsync(handle) != 0)
    synced = os_failure("syncing " + folder.string());
  ::close(handle);
  return synced;
}

} // namespace

result<void> high_water_mark::create(const std::filesystem::path& file) {
  std::filesystem::path unfinished = file;
  unfinished += ".new";
  if (result<void> written = write_new_file(unfinished); !written)
    return written;
  if (::rename(unfinished.c_str(), file.c_str()) != 0)
    return os_failure("renaming " + unfinished.string());
  return sync_folder(file.parent_path());
}

result<high_water_mark> high_water_mark::open(const std::filesystem::path& file, bool read_only) {
  high_water_mark mark;
  mark.file_ = ::open(file.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  if (mark.file_ < 0 && errno == ENOENT)
    return failure{failure_code::missing, "there is no " + file.string()};
  if (mark.file_ < 0)
    return os_failure("opening " + file.string());
  bool found = false;
  for (std::size_t slot = 0; slot < slot_count; ++slot) {
    const std::optional<record> content = read_slot(mark.file_, slot);
    if (content && content->version != mark_format_version)
      return other_format(file.string(), content->version, mark_format_version);
    if (!content || (found && seq_t{content->seq} < mark.newest_))
      continue;
    found = true;
    mark.newest_slot_ = slot;
    mark.newest_ = {content->seq};
    mark.hash_ = content->hash;
  }
  if (!found)
    return failure{failure_code::corrupt, file.string() + ": no record of the high-water mark verifies"};
  return mark;
}

high_water_mark::high_water_mark(high_water_mark&& other) noexcept { *this = std::move(other); }

high_water_mark& high_water_mark::operator=(high_water_mark&& other) noexcept {
  std::swap(file_, other.file_);
  newest_slot_ = other.newest_slot_;
  newest_ = other.newest_;
  hash_ = other.hash_;
  return *this;
}

high_water_mark::~high_water_mark() {
  if (file_ >= 0)
    ::close(file_);
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

result<void> high_water_mark::sync() {
  if (::fdatasync(file_) != 0)
    return os_failure("syncing the high-water mark");
  return {};
}

} // namespace tally::wal
