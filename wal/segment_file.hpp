// A segment: a file of consecutive blocks of the journal as they are, which verifies by itself and tells its neighbours.
// docs/formats/segment.md. Backups (wal/backup.hpp) and the archive (wal/segment_archive.hpp) are made of them.
#pragma once

#include "wal/block_store.hpp"
#include "wal/file_io.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tally::wal {

inline constexpr std::uint64_t segment_bytes_target = 64ull << 20;
inline constexpr std::uint64_t segment_blocks_max = 1u << 16; // so that an index is at most 1 MB

struct segment_info {
  seq_t first, last;
  block_hash prev_hash{}; // of the block before the first; zeros for seq 1
  block_hash hash{};      // of the last block
  instant first_at, last_at;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0; // of the file

  bool operator==(const segment_info&) const = default;
};

// "<first>-<last>.segment", 20 digits each, so that the order of names is that of the journal.
std::string segment_name(seq_t first, seq_t last);
// What such a name says; nullopt for every other.
struct segment_range {
  seq_t first, last;
};
std::optional<segment_range> read_segment_name(const std::string& name);

// Lifecycle: begin, add blocks in order, finish. Not finished: nothing is left. One thread.
class segment_writer {
public:
  static result<segment_writer> begin(const std::filesystem::path& folder, seq_t first, const block_hash& prev_hash, pacer& pace,
                                      std::uint64_t bytes_target = segment_bytes_target);
  // A verified block, which must follow.
  result<void> add(const block_header& header, std::span<const std::byte> block);
  bool is_full() const { return file_.size() >= bytes_target_ || index_.size() >= segment_blocks_max; }
  bool empty() const { return index_.empty(); }
  // On disk when it returns, under its name.
  result<segment_info> finish();

private:
  struct index_entry {
    std::uint64_t first, offset;
  };
  segment_writer(new_file file, std::filesystem::path folder);

  new_file file_;
  std::filesystem::path folder_;
  std::uint64_t bytes_target_ = segment_bytes_target;
  segment_info info_;
  std::vector<index_entry> index_;
};

// Reads one. `open` verifies everything but the blocks, which are their readers' to verify. From any thread.
class segment_reader {
public:
  // The failure names the file. Whether the name says what it holds is checked, too.
  static result<segment_reader> open(const std::filesystem::path& file);

  const std::filesystem::path& file() const { return file_; }
  const segment_info& info() const { return info_; }
  // Copies the block in which `number` must lie; tells its first seq. `number` lies between first and last.
  result<seq_t> find(seq_t number, std::string& out) const;
  // Blocks in order from the one in which `from` must lie; tells whether the visitor wants more.
  result<bool> walk(seq_t from, const std::function<result<bool>(const block_store::block&)>& visit) const;
  // Reads all of it: every checksum and hash, and that the blocks are what the rest of the file says.
  result<void> verify() const;
  // The same, and after each block `go_on` says whether to; whether it came to the end.
  result<bool> verify(const std::function<bool(std::uint64_t block_bytes)>& go_on) const;

private:
  segment_reader() = default;
  std::size_t place_of(seq_t number) const;
  result<void> read_block(std::size_t place, std::string& out) const;

  std::filesystem::path file_;
  file_handle handle_;
  segment_info info_;
  std::vector<std::uint64_t> firsts_;
  std::vector<std::uint64_t> offsets_; // one more: where the index begins
};

} // namespace tally::wal
