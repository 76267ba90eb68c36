#include "wal/segment_file.hpp"
#include "wal/chain_check.hpp"
#include "wal/crc32c.hpp"

#include <algorithm>
#include <cstring>

namespace tally::wal {
namespace {

// docs/formats/segment.md
constexpr std::uint32_t head_magic = 0x47455354;    // "TSEG"
constexpr std::uint32_t trailer_magic = 0x444e4554; // "TEND"
constexpr std::uint16_t segment_format_version = 1;
constexpr std::size_t digits = 20;
constexpr std::string_view suffix = ".segment";

struct head_record {
  std::uint32_t magic = head_magic;
  std::uint16_t version = segment_format_version;
  std::uint16_t reserved = 0;
  std::uint64_t first = 0;
  block_hash prev_hash{};
  std::array<std::byte, 12> padding{};
  std::uint32_t crc = 0; // of what is before it
};
static_assert(sizeof(head_record) == 64 && offsetof(head_record, crc) == 60);

struct trailer_record {
  std::uint32_t magic = trailer_magic;
  std::uint16_t version = segment_format_version;
  std::uint16_t reserved = 0;
  std::uint64_t first = 0, last = 0;
  std::int64_t first_at = 0, last_at = 0;
  std::uint64_t blocks = 0;
  std::uint64_t index_offset = 0;
  block_hash hash{};
  std::uint32_t index_crc = 0;
  std::uint32_t crc = 0; // of what is before it
};
static_assert(sizeof(trailer_record) == 96 && offsetof(trailer_record, crc) == 92);

constexpr std::uint64_t index_entry_bytes = 16;

template <class Record>
std::uint32_t crc_of(const Record& record) {
  return crc32c(std::as_bytes(std::span(&record, 1)).first(offsetof(Record, crc)));
}

template <class Record>
std::span<std::byte> bytes_of(Record& record) {
  return std::as_writable_bytes(std::span(&record, 1));
}

// Whether it is what it should be, but for its numbers.
template <class Record>
const char* problem_of(const Record& record, std::uint32_t magic) {
  if (record.magic != magic)
    return "does not look like one";
  if (record.version != segment_format_version)
    return "is of a format version that this program does not know";
  if (record.crc != crc_of(record))
    return "does not match its checksum";
  return nullptr;
}

failure damaged(const std::filesystem::path& file, const std::string& what) {
  return {failure_code::corrupt, "segment " + file.string() + ": " + what};
}

} // namespace

std::string segment_name(seq_t first, seq_t last) {
  const auto padded = [](std::uint64_t number) {
    const std::string text = std::to_string(number);
    return std::string(digits - text.size(), '0') + text;
  };
  return padded(first.value) + "-" + padded(last.value) + std::string(suffix);
}

std::optional<segment_range> read_segment_name(const std::string& name) {
  const auto number_at = [&name](std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + digits; ++i) {
      if (name[i] < '0' || name[i] > '9')
        return std::uint64_t{0};
      value = value * 10 + static_cast<std::uint64_t>(name[i] - '0');
    }
    return value;
  };
  if (name.size() != 2 * digits + 1 + suffix.size() || !name.ends_with(suffix))
    return std::nullopt;
  const segment_range range{{number_at(0)}, {number_at(digits + 1)}};
  return range.first && range.first <= range.last && name == segment_name(range.first, range.last) ? std::optional(range) : std::nullopt;
}

// ---- writing ----

segment_writer::segment_writer(new_file file, std::filesystem::path folder) : file_(std::move(file)), folder_(std::move(folder)) {}

result<segment_writer> segment_writer::begin(const std::filesystem::path& folder, seq_t first, const block_hash& prev_hash, pacer& pace,
                                             std::uint64_t bytes_target) {
  result<new_file> file = new_file::begin(folder / "segment", pace);
  if (!file)
    return file.error();
  segment_writer made(std::move(*file), folder);
  made.bytes_target_ = bytes_target;
  made.info_.first = first;
  made.info_.prev_hash = prev_hash;
  head_record head;
  head.first = first.value;
  head.prev_hash = prev_hash;
  head.crc = crc_of(head);
  if (result<void> written = made.file_.append(bytes_of(head)); !written)
    return written.error();
  return made;
}

result<void> segment_writer::add(const block_header& header, std::span<const std::byte> block) {
  const seq_t expected = empty() ? info_.first : info_.last.plus(1);
  TALLY_ASSERT(header.first_seq == expected, static_cast<long long>(header.first_seq.value), static_cast<long long>(expected.value));
  TALLY_ASSERT(header.prev_hash == (empty() ? info_.prev_hash : info_.hash), static_cast<long long>(header.first_seq.value));
  if (empty())
    info_.first_at = header.first_at;
  index_.push_back({header.first_seq.value, file_.size()});
  info_.last = header.last_seq();
  info_.last_at = header.last_at;
  info_.hash = header.hash;
  return file_.append(block);
}

result<segment_info> segment_writer::finish() {
  TALLY_ASSERT(!empty());
  static_assert(sizeof(index_entry) == index_entry_bytes);
  const std::span<const std::byte> index = std::as_bytes(std::span(index_));
  trailer_record trailer;
  trailer.first = info_.first.value;
  trailer.last = info_.last.value;
  trailer.first_at = info_.first_at.us;
  trailer.last_at = info_.last_at.us;
  trailer.blocks = info_.blocks = index_.size();
  trailer.index_offset = file_.size();
  trailer.hash = info_.hash;
  trailer.index_crc = crc32c(index);
  trailer.crc = crc_of(trailer);
  if (result<void> written = file_.append(index); !written)
    return written.error();
  if (result<void> written = file_.append(bytes_of(trailer)); !written)
    return written.error();
  info_.bytes = file_.size();
  if (result<void> finished = file_.finish_as(folder_ / segment_name(info_.first, info_.last)); !finished)
    return finished.error();
  return info_;
}

// ---- reading ----

result<segment_reader> segment_reader::open(const std::filesystem::path& file) {
  segment_reader made;
  made.file_ = file;
  result<file_handle> handle = open_to_read(file);
  if (!handle)
    return failure{handle.error().code, "segment " + file.string() + ": " + handle.error().what};
  made.handle_ = std::move(*handle);
  const result<std::uint64_t> size = size_of(made.handle_, file);
  if (!size)
    return size.error();
  if (*size < sizeof(head_record) + sizeof(trailer_record))
    return damaged(file, "is cut off");

  head_record head;
  trailer_record trailer;
  if (result<void> read = read_exactly(made.handle_, file, 0, bytes_of(head)); !read)
    return read.error();
  if (result<void> read = read_exactly(made.handle_, file, *size - sizeof trailer, bytes_of(trailer)); !read)
    return read.error();
  if (const char* problem = problem_of(head, head_magic); problem != nullptr)
    return damaged(file, std::string("its head ") + problem);
  if (const char* problem = problem_of(trailer, trailer_magic); problem != nullptr)
    return damaged(file, std::string("its end ") + problem + ": it is damaged or cut off");
  const std::uint64_t index_bytes = *size - sizeof trailer - std::min(trailer.index_offset, *size - sizeof trailer);
  const bool numbers_fit = trailer.first == head.first && trailer.first > 0 && trailer.first <= trailer.last && trailer.blocks > 0 &&
                           trailer.blocks <= segment_blocks_max && trailer.blocks * index_entry_bytes == index_bytes &&
                           trailer.index_offset >= sizeof head && trailer.first_at <= trailer.last_at;
  if (!numbers_fit)
    return damaged(file, "its end does not fit the rest: it is damaged or cut off");

  std::vector<std::uint64_t> index(trailer.blocks * 2);
  if (result<void> read = read_exactly(made.handle_, file, trailer.index_offset, std::as_writable_bytes(std::span(index))); !read)
    return read.error();
  if (crc32c(std::as_bytes(std::span(index))) != trailer.index_crc)
    return damaged(file, "its index does not match its checksum");
  made.firsts_.reserve(trailer.blocks);
  made.offsets_.reserve(trailer.blocks + 1);
  for (std::size_t i = 0; i < trailer.blocks; ++i) {
    made.firsts_.push_back(index[2 * i]);
    made.offsets_.push_back(index[2 * i + 1]);
  }
  made.offsets_.push_back(trailer.index_offset);
  const bool index_fits = made.firsts_.front() == trailer.first && made.firsts_.back() <= trailer.last &&
                          made.offsets_.front() == sizeof head && std::ranges::is_sorted(made.firsts_) &&
                          std::ranges::is_sorted(made.offsets_);
  if (!index_fits)
    return damaged(file, "its index cannot be");

  made.info_ = {{trailer.first},           {trailer.last},           head.prev_hash, trailer.hash,
                instant{trailer.first_at}, instant{trailer.last_at}, trailer.blocks, *size};
  if (const auto named = read_segment_name(file.filename().string());
      !named || named->first != made.info_.first || named->last != made.info_.last)
    return damaged(file, "holds entries " + std::to_string(trailer.first) + " to " + std::to_string(trailer.last) +
                             ", which is not what its name says");
  return made;
}

// The last block that does not begin after it.
std::size_t segment_reader::place_of(seq_t number) const {
  const auto after = std::ranges::upper_bound(firsts_, number.value);
  return after == firsts_.begin() ? 0 : static_cast<std::size_t>(after - firsts_.begin()) - 1;
}

result<void> segment_reader::read_block(std::size_t place, std::string& out) const {
  out.resize(offsets_[place + 1] - offsets_[place]);
  return read_exactly(handle_, file_, offsets_[place], std::as_writable_bytes(std::span(out)));
}

result<seq_t> segment_reader::find(seq_t number, std::string& out) const {
  const std::size_t place = place_of(number);
  if (result<void> read = read_block(place, out); !read)
    return read.error();
  return seq_t{firsts_[place]};
}

result<bool> segment_reader::walk(seq_t from, const std::function<result<bool>(const block_store::block&)>& visit) const {
  std::string block;
  for (std::size_t place = place_of(from); place < firsts_.size(); ++place) {
    if (result<void> read = read_block(place, block); !read)
      return read.error();
    const result<bool> go_on = visit({{firsts_[place]}, std::as_bytes(std::span(block))});
    if (!go_on)
      return go_on.error().code == failure_code::corrupt ? damaged(file_, go_on.error().what) : go_on.error();
    if (!*go_on)
      return false;
  }
  return true;
}

result<void> segment_reader::verify() const {
  const result<bool> verified = verify([](std::uint64_t) { return true; });
  return verified ? result<void>() : verified.error();
}

result<bool> segment_reader::verify(const std::function<bool(std::uint64_t block_bytes)>& go_on) const {
  chain_check chain(info_.first);
  bool first = true;
  segment_info found{
      .first = info_.first, .last = {}, .prev_hash = {}, .hash = {}, .first_at = {}, .last_at = {}, .blocks = 0, .bytes = info_.bytes};
  const auto visit = [&](const block_store::block& block) -> result<bool> {
    const result<block_header> header = chain.pass(block);
    if (!header)
      return header.error();
    if (std::exchange(first, false)) {
      found.prev_hash = header->prev_hash;
      found.first_at = header->first_at;
    }
    ++found.blocks;
    return go_on(block.bytes.size());
  };
  if (const result<bool> walked = walk(info_.first, visit); !walked || !*walked)
    return walked;
  found.last = chain.newest();
  found.hash = chain.hash();
  found.last_at = chain.newest_at();
  if (found != info_)
    return damaged(file_, "its blocks are not the ones that its head and end speak of");
  return true;
}

} // namespace tally::wal
