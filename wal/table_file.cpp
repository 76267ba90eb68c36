#include "wal/table_file.hpp"
#include "wal/table_list.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace tally::wal {

namespace {

// Block-based tables, format version 5 (RocksDB 7.8, table/format.cc): checksum type, two block handles as varints, zeros up to
// byte 41, then version and magic number, little-endian.
constexpr std::size_t footer_bytes = 53;
constexpr std::size_t version_at = 41;
constexpr std::size_t magic_at = 45;
constexpr unsigned char checksum_xxh3 = 4;
constexpr std::uint32_t format_version = 5;
constexpr std::uint64_t table_magic = 0x88e241b785f4cff7;
constexpr std::uint64_t block_trailer_bytes = 5;
constexpr std::uint64_t meta_bytes_max = 1 << 20;

using bytes = std::vector<unsigned char>;

struct block_handle {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// Takes numbers from the front of a piece of a file.
class piece {
public:
  piece(const bytes& content, std::size_t at, std::size_t end) : content_(content), at_(at), end_(std::min(end, content.size())) {}

  std::size_t at() const { return at_; }
  // False: there is no varint, or not in its shortest form.
  bool varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; at_ < end_ && shift < 64; shift += 7) {
      const unsigned char byte = content_[at_++];
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80)
        return byte != 0 || shift == 0;
    }
    return false;
  }
  bool handle(block_handle& read) { return varint(read.offset) && varint(read.size); }
  bool text(std::uint64_t size, std::string& read) {
    if (size > end_ - at_)
      return false;
    read.assign(content_.begin() + static_cast<std::ptrdiff_t>(at_), content_.begin() + static_cast<std::ptrdiff_t>(at_ + size));
    at_ += size;
    return true;
  }

private:
  const bytes& content_;
  std::size_t at_;
  const std::size_t end_;
};

class table_file {
public:
  table_file(const std::filesystem::path& path, const disk& on) : path_(path), disk_(on) {}

  result<void> check() {
    const result<void> checked = check_opened();
    return !checked && checked.error().code == failure_code::missing ? result<void>() : checked; // a server beside us is done with it
  }

private:
  result<void> check_opened() {
    const result<std::uint64_t> size = disk_.size(path_);
    if (!size)
      return size.error();
    size_ = *size;
    if (size_ < footer_bytes)
      return {}; // a crash leaves tables that were not finished; RocksDB drops them
    result<disk_file> opened = disk_.open(path_, true);
    if (!opened)
      return opened.error();
    in_ = std::move(*opened);
    const bytes footer = read({size_ - footer_bytes, footer_bytes});
    if (!failed_)
      return failed_;
    std::uint64_t magic = 0;
    if (footer.size() == footer_bytes)
      std::memcpy(&magic, &footer[magic_at], sizeof magic);
    if (magic != table_magic)
      return {}; // not finished either, or RocksDB refuses it
    block_handle meta;
    if (const char* problem = problem_with_footer(footer, meta))
      return damaged("its footer", problem);
    const bool plain = properties_are_plain(read(meta));
    if (!failed_)
      return failed_;
    if (!plain)
      return damaged("its properties", "their block is of another kind");
    return {};
  }

  failure damaged(const char* where, const char* what) const {
    return {failure_code::corrupt, path_.string() + " is damaged in " + where + ": " + what};
  }

  bytes read(block_handle place) {
    bytes content(place.size);
    const result<std::size_t> got = in_.read(place.offset, std::as_writable_bytes(std::span(content)));
    if (!got)
      failed_ = got.error();
    if (!got || *got < content.size())
      content.clear();
    return content;
  }

  bool is_inside(block_handle block) const {
    const std::uint64_t blocks_end = size_ - footer_bytes;
    return block.offset <= blocks_end && block.size <= blocks_end - block.offset &&
           blocks_end - block.offset - block.size >= block_trailer_bytes;
  }

  const char* problem_with_footer(const bytes& footer, block_handle& meta) const {
    std::uint32_t version = 0;
    std::memcpy(&version, &footer[version_at], sizeof version);
    if (version != format_version)
      return "the format version is another";
    if (footer[0] != checksum_xxh3)
      return "the kind of checksum is another";
    piece handles(footer, 1, version_at);
    block_handle index;
    if (!handles.handle(meta) || !handles.handle(index))
      return "it does not say where the index is";
    if (!is_inside(meta) || !is_inside(index) || meta.size > meta_bytes_max)
      return "it points outside of the file";
    const bool is_padded = std::all_of(footer.begin() + static_cast<std::ptrdiff_t>(handles.at()), footer.begin() + version_at,
                                       [](unsigned char byte) { return byte == 0; });
    return is_padded ? nullptr : "bytes that must be zero are not";
  }

  // The block that lists the others has entries of: bytes shared with the key before, further bytes of the key, bytes of the value.
  // What does not read as that is left to RocksDB, which verifies this block before it uses it.
  bool properties_are_plain(const bytes& meta) {
    piece entries(meta, 0, meta.size());
    std::string key, value;
    for (std::uint64_t shared = 0, more = 0, value_bytes = 0;
         entries.varint(shared) && entries.varint(more) && entries.varint(value_bytes);) {
      std::string rest;
      if (shared > key.size() || !entries.text(more, rest) || !entries.text(value_bytes, value))
        break;
      key = key.substr(0, shared) + rest;
      if (key != "rocksdb.properties")
        continue;
      const bytes encoded(value.begin(), value.end());
      block_handle block;
      if (!piece(encoded, 0, encoded.size()).handle(block) || !is_inside(block) || block.size < sizeof(std::uint32_t))
        break;
      // its last four bytes: a count, and in the top bit whether a hash index lies before it, which properties never have
      const bytes count = read({block.offset + block.size - sizeof(std::uint32_t), sizeof(std::uint32_t)});
      return count.empty() || count.back() < 0x80;
    }
    return true;
  }

  const std::filesystem::path path_;
  const disk disk_;
  disk_file in_;
  result<void> failed_; // the first read that did
  std::uint64_t size_ = 0;
};

} // namespace

result<void> check_tables(const std::filesystem::path& folder, const disk& on) {
  const auto tables = on.files_in(folder, ".sst");
  if (!tables)
    return tables.error();
  const std::optional<std::set<std::uint64_t>> listed = tables_listed_in(folder, on);
  for (const std::filesystem::path& table : *tables) {
    const bool is_the_stores = !listed || listed->contains(std::strtoull(table.stem().c_str(), nullptr, 10));
    if (!is_the_stores)
      continue;
    if (result<void> checked = table_file(table, on).check(); !checked)
      return checked;
  }
  return {};
}

} // namespace tally::wal
