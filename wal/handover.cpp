#include "wal/handover.hpp"
#include "wal/backup_manifest.hpp"
#include "wal/blake2b.hpp"
#include "wal/os_failure.hpp"

#include <unistd.h>

namespace tally::wal {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view first_line = "tallystick handover 1";
constexpr std::size_t text_bytes_max = 4096;

std::string encode(const segment_archive::boundary& kept) {
  std::string text(first_line);
  text += "\nkeep " + std::to_string(kept.first.value) + " " + hex_of_hash(kept.prev_hash) + "\n";
  return text + "checksum " + hex_of_hash(blake2b_32(std::as_bytes(std::span(text)))) + "\n";
}

unsigned digit_of(char letter) { return static_cast<unsigned>(letter <= '9' ? letter - '0' : letter - 'a' + 10); }

// What a text would be the request for if it is one, taken without care: who reads it compares.
segment_archive::boundary guess(std::string_view text) {
  segment_archive::boundary kept;
  std::size_t at = std::min(first_line.size() + std::string_view("\nkeep ").size(), text.size());
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    kept.first.value = kept.first.value * 10 + static_cast<std::uint64_t>(text[at] - '0');
  text.remove_prefix(std::min(at + 1, text.size()));
  for (std::size_t i = 0; i < kept.prev_hash.size() && 2 * i + 1 < text.size(); ++i)
    kept.prev_hash[i] = static_cast<std::byte>((digit_of(text[2 * i]) << 4 | digit_of(text[2 * i + 1])) & 0xff);
  return kept;
}

result<void> unlink_file(const fs::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT)
    return os_failure("removing " + file.string());
  return sync_folder(file.parent_path());
}

} // namespace

result<bool> handover_file::is_there() const {
  std::error_code error;
  const bool found = fs::exists(request(), error);
  if (error)
    return os_failure("looking for " + request().string(), error.value());
  return found;
}

result<segment_archive::boundary> handover_file::read() const {
  const result<std::string> text = read_text(request(), text_bytes_max);
  if (!text)
    return text.error();
  const segment_archive::boundary kept = guess(*text);
  if (!kept.first || *text != encode(kept))
    return failure{failure_code::corrupt, request().string() + " is not a request of this version, or damaged"};
  return kept;
}

result<void> handover_file::write(const segment_archive::boundary& kept) const {
  if (result<void> removed = unlink_file(refusal()); !removed)
    return removed;
  return replace_file(request(), encode(kept));
}

result<void> handover_file::remove() const { return unlink_file(request()); }

result<void> handover_file::refuse(const std::string& why) const {
  if (result<void> written = replace_file(refusal(), why.substr(0, text_bytes_max - 1) + "\n"); !written)
    return written;
  return remove();
}

result<std::optional<std::string>> handover_file::take_refusal() const {
  result<std::string> text = read_text(refusal(), text_bytes_max);
  if (!text && text.error().code == failure_code::missing)
    return std::optional<std::string>();
  if (!text)
    return text.error();
  if (result<void> removed = unlink_file(refusal()); !removed)
    return removed.error();
  return std::optional(text->substr(0, text->find('\n')));
}

result<std::optional<seq_t>> check_handover(const archive_location& where, const block_store& store, seq_t durable,
                                            const std::function<bool(std::uint64_t block_bytes)>& go_on) {
  const result<segment_archive::boundary> asked = handover_file(where).read();
  if (!asked)
    return asked.error();
  const std::string number = std::to_string(asked->first.value);
  const auto begins = store.first();
  if (!begins)
    return begins.error();
  if (*begins && asked->first < **begins) // nothing to do any more
    return std::optional(asked->first);

  if (asked->first > durable)
    return failure{failure_code::bad_argument, "the journal ends with entry " + std::to_string(durable.value) + ", before entry " + number};
  std::string block;
  const auto found = store.find(asked->first, block);
  if (!found)
    return found.error();
  if (!*found || **found != asked->first)
    return failure{failure_code::bad_argument, "no block begins with entry " + number};
  const auto header = verify_block(std::as_bytes(std::span(block)), asked->first);
  if (!header)
    return header.error();
  if (header->last_seq() > durable)
    return failure{failure_code::bad_argument, "the block of entry " + number + " is not on disk yet"};
  if (header->prev_hash != asked->prev_hash)
    return failure{failure_code::bad_argument, "the hash before entry " + number + " is another in this journal"};

  const auto folder = where.find();
  if (!folder)
    return folder.error();
  if (result<void> whole = check_archive(*folder, *asked); !whole)
    return whole.error();
  const auto segments = segments_in(*folder);
  if (!segments)
    return segments.error();
  for (const segment_range& range : *segments) {
    if (range.last < **begins || range.first >= asked->first)
      continue;
    const auto segment = segment_reader::open(*folder / segment_name(range.first, range.last));
    if (!segment)
      return segment.error();
    const result<bool> verified = segment->verify(go_on);
    if (!verified)
      return verified.error();
    if (!*verified)
      return std::optional<seq_t>();
  }
  // their names may have been given by somebody who was killed before he synced them
  if (result<void> synced = sync_folder(*folder); !synced)
    return synced.error();
  return std::optional(asked->first);
}

} // namespace tally::wal
