#include "wal/block.hpp"
#include "engine/format_version.hpp"
#include "engine/varint.hpp"
#include "wal/blake2b.hpp"
#include "wal/crc32c.hpp"

#include <string>

namespace tally::wal {
namespace {

// docs/formats/block.md
constexpr std::uint32_t block_magic = 0x4b4c4254; // "TBLK"
constexpr std::size_t at_magic = 0;
constexpr std::size_t at_version = 4;
constexpr std::size_t at_reserved = 6;
constexpr std::size_t at_first_seq = 8;
constexpr std::size_t at_first_at = 16;
constexpr std::size_t at_last_at = 24;
constexpr std::size_t at_count = 32;
constexpr std::size_t at_body_bytes = 36;
constexpr std::size_t at_prev_hash = 40;
constexpr std::size_t at_hash = 72;
constexpr std::size_t at_crc = 104;
static_assert(at_crc + sizeof(std::uint32_t) == block_header_bytes);

static_assert(at_prev_hash + hash_bytes == block_link_bytes);

constexpr std::size_t run_head_bytes_max = 2 * varint_bytes_max + 8;

template <class T>
void store(std::byte* block, std::size_t offset, const T& value) {
  std::memcpy(block + offset, &value, sizeof value);
}

template <class T>
T load(std::span<const std::byte> block, std::size_t offset) {
  T value;
  std::memcpy(&value, block.data() + offset, sizeof value);
  return value;
}

std::span<const std::byte> body_of(std::span<const std::byte> block) { return block.subspan(block_header_bytes); }

// Over the body's hash, not the body: then the chain can be followed without the bodies (docs/formats/block.md).
block_hash hash_of(std::span<const std::byte> header, const block_hash& body_hash) { return blake2b_32(header.first(at_hash), body_hash); }

block_hash hash_of(std::span<const std::byte> block) { return hash_of(block, blake2b_32(body_of(block))); }

std::uint32_t crc_of(std::span<const std::byte> block) { return crc32c(body_of(block), crc32c(block.first(at_crc))); }

failure corrupt_block(seq_t first, const char* what) {
  return {failure_code::corrupt, "block " + std::to_string(first.value) + ": " + what};
}

} // namespace

// ---- building ----

void block_builder::start(seq_t first, const block_hash& prev_hash) {
  block_.resize(block_header_bytes);
  first_ = first;
  count_ = 0;
  prev_hash_ = prev_hash;
}

void block_builder::add(const run& run, std::span<const std::byte> records) {
  TALLY_ASSERT(run.count > 0 && run.first == first_.plus(count_), static_cast<long long>(run.first.value),
               static_cast<long long>(first_.value), count_);
  if (count_ == 0)
    first_at_ = last_at_ = run.at;
  TALLY_ASSERT(run.at >= last_at_, static_cast<long long>(run.first.value), run.at.us, last_at_.us);

  std::byte head[run_head_bytes_max];
  std::byte* end = put_varint(head, run.count);
  end = put_varint(end, static_cast<std::uint64_t>(run.at.us - last_at_.us));
  block_.insert(block_.end(), head, end);
  block_.insert(block_.end(), records.begin(), records.end());
  count_ += run.count;
  last_at_ = run.at;
}

std::span<const std::byte> block_builder::finish(block_hash& hash) {
  TALLY_ASSERT(count_ > 0);
  const std::size_t body_bytes = block_.size() - block_header_bytes;
  TALLY_ASSERT(body_bytes <= UINT32_MAX, static_cast<long long>(body_bytes));
  std::byte* const block = block_.data();
  store(block, at_magic, block_magic);
  store(block, at_version, block_format_version);
  store(block, at_reserved, std::uint16_t{0});
  store(block, at_first_seq, first_.value);
  store(block, at_first_at, first_at_.us);
  store(block, at_last_at, last_at_.us);
  store(block, at_count, count_);
  store(block, at_body_bytes, static_cast<std::uint32_t>(body_bytes));
  store(block, at_prev_hash, prev_hash_);
  hash = hash_of(block_);
  store(block, at_hash, hash);
  store(block, at_crc, crc_of(block_));
  return block_;
}

// ---- reading ----

namespace {

// Everything in a header but what it says of bytes that are not there.
result<block_header> read_header_fields(std::span<const std::byte> block) {
  block_header header;
  header.first_seq = {load<std::uint64_t>(block, at_first_seq)};
  if (load<std::uint32_t>(block, at_magic) != block_magic)
    return failure{failure_code::corrupt, "does not begin as a block does"};
  const auto version = load<std::uint16_t>(block, at_version);
  if (version != block_format_version)
    return other_format("it", version, block_format_version);
  if (load<std::uint16_t>(block, at_reserved) != 0)
    return failure{failure_code::corrupt, "has a header that cannot be"};
  header.first_at = {load<std::int64_t>(block, at_first_at)};
  header.last_at = {load<std::int64_t>(block, at_last_at)};
  header.count = load<std::uint32_t>(block, at_count);
  header.body_bytes = load<std::uint32_t>(block, at_body_bytes);
  header.prev_hash = load<block_hash>(block, at_prev_hash);
  header.hash = load<block_hash>(block, at_hash);
  header.crc = load<std::uint32_t>(block, at_crc);
  return header;
}

result<void> check_numbers(const block_header& header) {
  const bool numbers_fit = header.first_seq && header.count > 0 && header.first_seq.value + header.count > header.first_seq.value;
  if (!numbers_fit || header.last_at < header.first_at)
    return failure{failure_code::corrupt, "has a header that cannot be"};
  return {};
}

} // namespace

result<block_header> read_block_header(std::span<const std::byte> block) {
  if (block.size() < block_header_bytes)
    return failure{failure_code::corrupt, "is shorter than a block's header"};
  result<block_header> header = read_header_fields(block);
  if (!header)
    return header;
  if (header->body_bytes != block.size() - block_header_bytes)
    return failure{failure_code::corrupt, "is not as long as its header says"};
  if (result<void> fit = check_numbers(*header); !fit)
    return fit.error();
  return header;
}

result<block_header> verify_block(std::span<const std::byte> block, seq_t expected_first) {
  result<block_header> header = verify_checksum(block, expected_first);
  if (header && header->hash != hash_of(block))
    return corrupt_block(expected_first, "its hash does not match");
  return header;
}

result<block_header> verify_checksum(std::span<const std::byte> block, seq_t expected_first) {
  result<block_header> header = read_block_header(block);
  // magic, version and checksum have stood where they stand in every version
  if (!header && header.error().code == failure_code::other_format && load<std::uint32_t>(block, at_crc) != crc_of(block))
    return corrupt_block(expected_first, "its checksum does not match");
  if (!header)
    return failure{header.error().code, "block " + std::to_string(expected_first.value) + ": " + header.error().what};
  if (header->crc != crc_of(block))
    return corrupt_block(expected_first, "its checksum does not match");
  if (header->first_seq != expected_first)
    return corrupt_block(expected_first, ("begins with entry " + std::to_string(header->first_seq.value) + " instead").c_str());
  return header;
}

namespace {

// Walks the runs of a block's body. Each step stands at the first record of a run.
class run_walk {
public:
  run_walk(std::span<const std::byte> block, const block_header& header)
      : body_(body_of(block)), header_(header), next_(header.first_seq), left_(header.count), at_(header.first_at) {}

  bool done() const { return left_ == 0; }
  seq_t first() const { return next_; }
  instant at() const { return at_; }
  std::span<const std::byte>& records() { return body_; } // moved forward by who reads them
  failure corrupt(const char* what) const { return corrupt_block(header_.first_seq, what); }

  // Reads the head of the next run; tells its count. The records of the run before must have been passed.
  result<std::uint32_t> next_run() {
    byte_cursor in(body_.data(), body_.data() + body_.size());
    const std::uint64_t count = in.varint();
    const std::uint64_t later_us = in.varint();
    const auto room_us = static_cast<std::uint64_t>(header_.last_at.us) - static_cast<std::uint64_t>(at_.us);
    if (in.bad() || count == 0 || count > left_ || later_us > room_us)
      return corrupt("has a run of entries that cannot be");
    at_.us = static_cast<std::int64_t>(static_cast<std::uint64_t>(at_.us) + later_us);
    body_ = body_.last(in.left());
    return static_cast<std::uint32_t>(count);
  }
  void passed(std::uint32_t count) {
    next_ = next_.plus(count);
    left_ -= count;
  }
  result<void> check_end() const {
    if (!body_.empty() || at_ != header_.last_at)
      return corrupt("goes on after its last entry");
    return {};
  }

private:
  std::span<const std::byte> body_;
  const block_header& header_;
  seq_t next_;
  std::uint32_t left_;
  instant at_;
};

// Passes one record without looking into it; false if it is longer than what there is.
bool skip_record(std::span<const std::byte>& records) {
  byte_cursor in(records.data(), records.data() + records.size());
  const std::uint64_t size = in.varint();
  if (in.bad() || size > in.left())
    return false;
  records = records.last(in.left() - size);
  return true;
}

} // namespace

result<void> for_each_entry(std::span<const std::byte> block, decode_buffer& buffer, const std::function<bool(entry&)>& visit) {
  const result<block_header> header = read_block_header(block);
  if (!header)
    return header.error();
  entry decoded;
  run_walk walk(block, *header);
  while (!walk.done()) {
    const result<std::uint32_t> count = walk.next_run();
    if (!count)
      return count.error();
    for (std::uint32_t i = 0; i < *count; ++i) {
      if (result<void> read = decode(walk.records(), walk.first().plus(i), walk.at(), buffer, decoded); !read)
        return walk.corrupt(read.error().what.c_str());
      if (!visit(decoded))
        return {};
    }
    walk.passed(*count);
  }
  return walk.check_end();
}

result<void> for_each_record(std::span<const std::byte> block, const std::function<bool(const block_record&)>& visit) {
  const result<block_header> header = read_block_header(block);
  if (!header)
    return header.error();
  block_record record;
  run_walk walk(block, *header);
  while (!walk.done()) {
    const result<std::uint32_t> count = walk.next_run();
    if (!count)
      return count.error();
    record.at = walk.at();
    for (std::uint32_t i = 0; i < *count; ++i) {
      const std::span<const std::byte> from = walk.records();
      record.number = walk.first().plus(i);
      if (result<void> read = read_head(walk.records(), record.number, record.head); !read)
        return walk.corrupt(read.error().what.c_str());
      record.bytes = from.first(from.size() - walk.records().size());
      if (!visit(record))
        return {};
    }
    walk.passed(*count);
  }
  return walk.check_end();
}

result<void> read_entry(std::span<const std::byte> block, seq_t number, decode_buffer& buffer, entry& out) {
  const result<block_header> header = read_block_header(block);
  if (!header)
    return header.error();
  TALLY_ASSERT(number >= header->first_seq && number <= header->last_seq(), static_cast<long long>(number.value),
               static_cast<long long>(header->first_seq.value), header->count);
  run_walk walk(block, *header);
  while (!walk.done()) {
    const result<std::uint32_t> count = walk.next_run();
    if (!count)
      return count.error();
    const bool here = number < walk.first().plus(*count);
    const std::uint64_t skipped = here ? number.value - walk.first().value : *count;
    for (std::uint64_t i = 0; i < skipped; ++i) {
      if (!skip_record(walk.records()))
        return walk.corrupt("has an entry that is longer than the block");
    }
    if (here)
      return decode(walk.records(), number, walk.at(), buffer, out);
    walk.passed(*count);
  }
  return walk.corrupt("has fewer entries than its header says");
}

result<std::vector<run>> runs_of(std::span<const std::byte> block) {
  const result<block_header> header = read_block_header(block);
  if (!header)
    return header.error();
  std::vector<run> runs;
  run_walk walk(block, *header);
  while (!walk.done()) {
    const result<std::uint32_t> count = walk.next_run();
    if (!count)
      return count.error();
    run& made = runs.emplace_back();
    made.first = walk.first();
    made.count = *count;
    made.at = walk.at();
    made.offset = static_cast<std::uint32_t>(block.size() - walk.records().size());
    for (std::uint32_t i = 0; i < *count; ++i) {
      if (!skip_record(walk.records()))
        return walk.corrupt("has an entry that is longer than the block");
    }
    walk.passed(*count);
  }
  if (result<void> ended = walk.check_end(); !ended)
    return ended.error();
  return runs;
}

std::span<const std::byte> first_records(std::span<const std::byte> records, std::uint32_t count) {
  std::span<const std::byte> rest = records;
  for (std::uint32_t i = 0; i < count; ++i)
    TALLY_ASSERT(skip_record(rest), i);
  return records.first(records.size() - rest.size());
}

block_link link_of(std::span<const std::byte> block) {
  TALLY_ASSERT(block.size() >= block_header_bytes);
  block_link link;
  const block_hash body_hash = blake2b_32(body_of(block));
  std::memcpy(link.data(), block.data(), at_prev_hash);
  std::memcpy(link.data() + at_prev_hash, body_hash.data(), body_hash.size());
  return link;
}

result<block_header> follow(const block_hash& prev_hash, const block_link& link) {
  std::array<std::byte, block_header_bytes> bytes{};
  block_hash body_hash;
  std::memcpy(bytes.data(), link.data(), at_prev_hash);
  std::memcpy(body_hash.data(), link.data() + at_prev_hash, body_hash.size());
  store(bytes.data(), at_prev_hash, prev_hash);
  store(bytes.data(), at_hash, hash_of(bytes, body_hash));
  result<block_header> header = read_header_fields(bytes);
  if (!header)
    return header;
  if (result<void> fit = check_numbers(*header); !fit)
    return fit.error();
  return header;
}

record_count records_within(std::span<const std::byte> run_of_records, std::size_t bytes_max) {
  record_count fitting;
  std::span<const std::byte> rest = run_of_records;
  while (!rest.empty()) {
    TALLY_ASSERT(skip_record(rest), fitting.count);
    const std::size_t length = run_of_records.size() - rest.size();
    if (length > bytes_max && fitting.count > 0)
      break;
    ++fitting.count;
    fitting.length = length;
  }
  return fitting;
}

} // namespace tally::wal
