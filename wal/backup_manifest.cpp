#include "wal/backup_manifest.hpp"
#include "engine/rfc3339.hpp"
#include "wal/blake2b.hpp"

#include <charconv>

namespace tally::wal {
namespace {

constexpr std::string_view first_line = "tallystick backup 1";
constexpr std::size_t manifest_bytes_max = 64ull << 20; // some 300,000 segments
constexpr std::size_t read_step_bytes = 1ull << 20;

failure damaged(std::size_t line, const std::string& what) { return {failure_code::corrupt, "line " + std::to_string(line) + " " + what}; }

// Takes a line apart, word by word.
class line_words {
public:
  explicit line_words(std::string_view line) : left_(line) {}

  std::string_view word() {
    const std::size_t end = std::min(left_.find(' '), left_.size());
    const std::string_view taken = left_.substr(0, end);
    left_.remove_prefix(std::min(end + 1, left_.size()));
    ok_ = ok_ && !taken.empty();
    return taken;
  }
  template <class Number>
  Number number() {
    const std::string_view text = word();
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    ok_ = ok_ && error == std::errc() && end == text.data() + text.size();
    return value;
  }
  block_hash hash() {
    const std::string_view text = word();
    block_hash value{};
    ok_ = ok_ && text.size() == 2 * value.size();
    for (std::size_t i = 0; ok_ && i < value.size(); ++i) {
      unsigned byte = 0;
      const auto [end, error] = std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, byte, 16);
      ok_ = error == std::errc() && end == text.data() + 2 * i + 2;
      value[i] = static_cast<std::byte>(byte);
    }
    return value;
  }
  void expect(bool fits) { ok_ = ok_ && fits; }
  bool all_taken() const { return ok_ && left_.empty(); }

private:
  std::string_view left_;
  bool ok_ = true;
};

// Segments in order, from entry 1 to the digest.
bool leads_to_digest(const backup_manifest& manifest) {
  digest reached;
  for (const segment_info& segment : manifest.segments) {
    if (segment.first != reached.newest.plus(1) || segment.last < segment.first || segment.prev_hash != reached.hash)
      return false;
    reached = {segment.last, segment.hash};
  }
  return reached.newest == manifest.sealed.newest && reached.hash == manifest.sealed.hash;
}

// One line into `read`. False: it is not one of a manifest.
bool read_line(std::string_view line, backup_manifest& read) {
  line_words words(line);
  const std::string_view kind = words.word();
  if (kind == "run") {
    read.number = words.number<std::uint64_t>();
    const auto at = parse_rfc3339(words.word());
    words.expect(at.has_value());
    read.made_at = at.value_or(instant{});
  } else if (kind == "segment") {
    segment_info segment;
    segment.first = {words.number<std::uint64_t>()};
    segment.last = {words.number<std::uint64_t>()};
    segment.bytes = words.number<std::uint64_t>();
    segment.blocks = words.number<std::uint64_t>();
    segment.first_at.us = words.number<std::int64_t>();
    segment.last_at.us = words.number<std::int64_t>();
    segment.prev_hash = words.hash();
    segment.hash = words.hash();
    read.segments.push_back(segment);
  } else if (kind == "personal") {
    read.personal.emplace();
    read.personal->name = words.word();
    read.personal->bytes = words.number<std::uint64_t>();
    read.personal->hash = words.hash();
    words.expect(read.personal->name.find('/') == std::string::npos);
  } else if (kind == "digest") {
    read.sealed.newest = {words.number<std::uint64_t>()};
    read.sealed.hash = words.hash();
  } else {
    return false;
  }
  return words.all_taken();
}

} // namespace

std::string hex_of_hash(const block_hash& hash) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : hash) {
    text.push_back(digits[std::to_integer<unsigned>(byte) >> 4]);
    text.push_back(digits[std::to_integer<unsigned>(byte) & 15]);
  }
  return text;
}

std::string encode(const backup_manifest& manifest) {
  std::string text(first_line);
  text += "\nrun " + std::to_string(manifest.number) + " " + format_rfc3339(manifest.made_at) + "\n";
  for (const segment_info& segment : manifest.segments)
    text += "segment " + std::to_string(segment.first.value) + " " + std::to_string(segment.last.value) + " " +
            std::to_string(segment.bytes) + " " + std::to_string(segment.blocks) + " " + std::to_string(segment.first_at.us) + " " +
            std::to_string(segment.last_at.us) + " " + hex_of_hash(segment.prev_hash) + " " + hex_of_hash(segment.hash) + "\n";
  if (manifest.personal)
    text += "personal " + manifest.personal->name + " " + std::to_string(manifest.personal->bytes) + " " +
            hex_of_hash(manifest.personal->hash) + "\n";
  text += "digest " + std::to_string(manifest.sealed.newest.value) + " " + hex_of_hash(manifest.sealed.hash) + "\n";
  text += "checksum " + hex_of_hash(blake2b_32(std::as_bytes(std::span(text)))) + "\n";
  return text;
}

result<backup_manifest> decode_backup_manifest(std::string_view text) {
  backup_manifest read;
  if (!text.starts_with(std::string(first_line) + "\n"))
    return damaged(1, "should be '" + std::string(first_line) + "'");
  std::size_t line_begin = first_line.size() + 1;
  for (std::size_t number = 2;; ++number) {
    const std::size_t line_end = text.find('\n', line_begin);
    if (line_end == std::string_view::npos)
      return damaged(number, "is cut off");
    const std::string_view line = text.substr(line_begin, line_end - line_begin);
    if (line.starts_with("checksum ")) {
      const std::string expected = "checksum " + hex_of_hash(blake2b_32(std::as_bytes(std::span(text.substr(0, line_begin)))));
      if (line != expected)
        return damaged(number, "is not the checksum of what is above it");
      if (line_end + 1 != text.size())
        return damaged(number, "should be the last one");
      break;
    }
    if (!read_line(line, read))
      return damaged(number, "does not read");
    line_begin = line_end + 1;
  }
  if (!leads_to_digest(read))
    return failure{failure_code::corrupt, "its segments do not lead to its digest"};
  return read;
}

result<backup_manifest> read_backup_manifest(const std::filesystem::path& folder) {
  const std::filesystem::path file = backup_manifest_file(folder);
  const result<std::string> text = read_text(file, manifest_bytes_max);
  if (!text)
    return failure{text.error().code, "backup " + folder.string() + ": " + text.error().what};
  result<backup_manifest> read = decode_backup_manifest(*text);
  if (!read)
    return failure{failure_code::corrupt, "backup " + folder.string() + ": " + file.string() + " is damaged: " + read.error().what};
  return read;
}

result<backup_manifest::other_file> describe_file(const std::filesystem::path& file) {
  const result<file_handle> opened = open_to_read(file);
  if (!opened)
    return opened.error();
  const result<std::uint64_t> size = size_of(*opened, file);
  if (!size)
    return size.error();
  blake2b_stream hash;
  std::string piece;
  for (std::uint64_t at = 0; at < *size; at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(*size - at, read_step_bytes));
    if (result<void> read = read_exactly(*opened, file, at, std::as_writable_bytes(std::span(piece))); !read)
      return read.error();
    hash.add(std::as_bytes(std::span(piece)));
  }
  return backup_manifest::other_file{file.filename().string(), *size, hash.finish()};
}

} // namespace tally::wal
