// Reads a log file of RocksDB only as far as to say where it is damaged: RocksDB itself says "checksum mismatch" and no more.
// Its format: https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format.
#pragma once

#include "wal/disk.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

namespace tally::wal {

struct log_file_state {
  std::uint64_t bytes = 0;       // of the file, without zeros that were only reserved at its end
  std::uint64_t sound_bytes = 0; // up to the end of the last record before the first damage

  bool damaged() const { return sound_bytes < bytes; }
};

// Shows each sound record on the way, where wanted.
using log_record_visitor = std::function<void(std::span<const std::byte>)>;
result<log_file_state> inspect_log_file(const std::filesystem::path& file, const disk& on = {}, const log_record_visitor& visit = {});

} // namespace tally::wal
