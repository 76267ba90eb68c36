#include "personal/acknowledged_mark.hpp"

#include "database/folder.hpp"
#include "engine/hash.hpp"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <array>
#include <cstring>

namespace tally::personal {

namespace {

constexpr std::size_t slots = 2, slot_bytes = 16, slot_distance = 4096; // in turn: one that is torn leaves the other
constexpr std::uint64_t checksum_seed = 1;
const rocksdb::IOOptions no_options;

using slot = std::array<char, slot_bytes>;

slot slot_of(std::uint64_t sequence) {
  slot bytes{};
  std::memcpy(bytes.data(), &sequence, sizeof sequence);
  const std::uint64_t checksum = hash64({bytes.data(), sizeof sequence}, checksum_seed);
  std::memcpy(bytes.data() + sizeof sequence, &checksum, sizeof checksum);
  return bytes;
}

rocksdb::IOStatus make(rocksdb::Env& env, const std::filesystem::path& file) {
  std::unique_ptr<rocksdb::FSWritableFile> made;
  rocksdb::IOStatus status = env.GetFileSystem()->NewWritableFile(file.string(), {}, &made, nullptr);
  if (status.ok())
    status = made->Append(std::string(slot_distance + slot_bytes, '\0'), no_options, nullptr);
  if (status.ok())
    status = made->Fsync(no_options, nullptr);
  if (status.ok())
    status = made->Close(no_options, nullptr);
  return status.ok() ? database::sync_folder(env, file.parent_path()) : status;
}

std::optional<std::uint64_t> read_slot(rocksdb::FSRandomRWFile& file, std::size_t index, rocksdb::IOStatus& status) {
  slot room{};
  rocksdb::Slice found;
  status = file.Read(index * slot_distance, room.size(), no_options, &found, room.data(), nullptr);
  std::uint64_t sequence = 0;
  if (!status.ok() || found.size() != slot_bytes)
    return std::nullopt;
  std::memcpy(&sequence, found.data(), sizeof sequence);
  return std::memcmp(slot_of(sequence).data(), found.data(), slot_bytes) == 0 ? std::optional(sequence) : std::nullopt;
}

failure failed(const std::filesystem::path& file, const rocksdb::Status& status) {
  return {failure_code::io, "personal data " + file.string() + ": " + status.ToString()};
}

} // namespace

acknowledged_mark::acknowledged_mark() = default;
acknowledged_mark::acknowledged_mark(acknowledged_mark&&) noexcept = default;
acknowledged_mark& acknowledged_mark::operator=(acknowledged_mark&&) noexcept = default;
acknowledged_mark::~acknowledged_mark() = default;

result<acknowledged_mark> acknowledged_mark::open(rocksdb::Env& env, const std::filesystem::path& file) {
  acknowledged_mark opened;
  opened.path_ = file;
  rocksdb::IOStatus status = env.GetFileSystem()->FileExists(file.string(), no_options, nullptr);
  if (status.IsNotFound() || status.IsPathNotFound())
    status = make(env, file);
  if (status.ok())
    status = env.GetFileSystem()->NewRandomRWFile(file.string(), {}, &opened.file_, nullptr);
  for (std::size_t i = 0; status.ok() && i < slots; ++i)
    if (const auto found = read_slot(*opened.file_, i, status); found > opened.newest_) {
      opened.newest_ = found;
      opened.turn_ = (i + 1) % slots;
    }
  if (!status.ok())
    return failed(file, status);
  return opened;
}

result<void> acknowledged_mark::raise(std::uint64_t sequence) {
  if (newest_ && sequence <= *newest_)
    return {};
  const slot bytes = slot_of(sequence);
  const rocksdb::IOStatus status = file_->Write(turn_ * slot_distance, {bytes.data(), bytes.size()}, no_options, nullptr);
  if (!status.ok())
    return failed(path_, status);
  turn_ = (turn_ + 1) % slots;
  newest_ = sequence;
  return {};
}

result<void> acknowledged_mark::sync() {
  const rocksdb::IOStatus status = file_->Sync(no_options, nullptr);
  return status.ok() ? result<void>() : failed(path_, status);
}

} // namespace tally::personal
