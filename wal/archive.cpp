#include "wal/archive.hpp"
#include "wal/chain_check.hpp"
#include "wal/journal_folder.hpp"
#include "wal/os_failure.hpp"
#include "wal/segment_archive.hpp"

#include <algorithm>
#include <limits>

namespace tally::wal {
namespace {

namespace fs = std::filesystem;

// What is written before the store is told to give the space back: each time it looks through its files.
constexpr std::uint64_t segments_per_round = 16;

class archive_run {
public:
  archive_run(const archive_options& options, block_store& store, const high_water_mark& mark)
      : options_(options), store_(store), mark_(mark), pace_(options.bytes_per_second) {}

  result<archive_report> run() {
    if (result<void> ready = find_begin(); !ready)
      return ready.error();
    if (result<void> ready = find_place(); !ready)
      return ready.error();
    report_.folder = folder_;
    report_.newest = mark_.newest();
    if (begin_.first > seq_t{1}) // what a run left that was killed before the store had given all of it back
      if (result<void> dropped = store_.drop_before(begin_.first); !dropped)
        return dropped.error();
    for (bool more = static_cast<bool>(begin_.first); more;) {
      const result<bool> moved = move_some();
      if (!moved)
        return moved.error();
      more = *moved;
    }
    report_.archived = begin_.first ? seq_t{begin_.first.value - 1} : seq_t{};
    return report_;
  }

private:
  // Where the store begins now.
  result<void> find_begin() {
    const auto first = store_.first();
    if (!first)
      return first.error();
    if (!*first)
      return {};
    std::string block;
    const auto found = store_.find(**first, block);
    if (!found)
      return found.error();
    const auto header = verify_block(std::as_bytes(std::span(block)), **first);
    if (!header)
      return header.error();
    begin_ = {**first, header->prev_hash};
    return {};
  }

  // Where the archive lies, or is to lie.
  result<void> find_place() {
    const archive_location location{options_.folder / "journal"};
    std::error_code error;
    const auto plain = [&error](const fs::path& path) { return fs::absolute(path, error).lexically_normal(); };
    const auto now = location.find();
    if (!now && options_.to.empty())
      return now.error();
    const fs::path old = now ? *now : location.own();
    folder_ = options_.to.empty() ? old : plain(options_.to / ""); // with or without a slash at its end
    folder_ = folder_.has_filename() ? folder_ : folder_.parent_path();
    if (folder_ == plain(location.own()))
      folder_ = location.own();
    const bool stays = plain(folder_) == plain(old);
    if (result<void> whole = check_archive(folder_); !whole) {
      if (stays)
        return whole;
      return failure{failure_code::bad_argument, "the archive of " + options_.folder.string() + " lies in " + old.string() + ", and " +
                                                     folder_.string() + " does not have all of it: " + whole.error().what +
                                                     "; move its segments there first"};
    }
    if (result<void> made = make_folders(folder_); !made)
      return made;
    return now && stays ? result<void>() : location.move_to(folder_);
  }

  // Has it every segment that the store no longer has, and do they follow each other?
  result<void> check_archive(const fs::path& folder) const {
    const auto segments = segments_in(folder);
    if (!segments)
      return segments.error();
    seq_t next{1};
    block_hash hash{};
    for (const segment_range& range : *segments) {
      if (!begin_.first || range.first >= begin_.first)
        break;
      const fs::path file = folder / segment_name(range.first, range.last);
      if (range.first != next)
        return failure{failure_code::io, "entries " + std::to_string(next.value) + " to " + std::to_string(range.first.value - 1) +
                                             " are missing before " + file.string()};
      const auto segment = segment_reader::open(file);
      if (!segment)
        return segment.error();
      if (segment->info().prev_hash != hash)
        return failure{failure_code::corrupt, "segment " + file.string() + " does not follow the one before it"};
      next = range.last.plus(1);
      hash = segment->info().hash;
    }
    if (begin_.first && (next != begin_.first || hash != begin_.prev_hash))
      return failure{failure_code::io,
                     "entries up to " + std::to_string(begin_.first.value - 1) + " were archived, and " + folder.string() +
                         (next == begin_.first ? " ends with others" : " ends with entry " + std::to_string(next.value - 1))};
    return {};
  }

  bool may_go(const block_header& header) const {
    if (header.last_seq() >= mark_.newest())
      return false;
    if (options_.before_seq)
      return header.last_seq() < *options_.before_seq;
    return !options_.before_time || header.last_at < *options_.before_time;
  }
  bool only_whole_segments() const { return !options_.before_seq && !options_.before_time; }

  // A round: writes segments, then lets the store forget them. Tells whether there may be more.
  result<bool> move_some() {
    segment_archive::boundary reached = begin_;
    std::uint64_t written = 0;
    bool more = false;
    std::optional<segment_writer> writer;
    const auto finish = [&]() -> result<void> {
      const result<segment_info> made = writer->finish();
      writer.reset();
      if (!made)
        return made.error();
      reached = {made->last.plus(1), made->hash};
      ++report_.segments;
      report_.bytes += made->bytes;
      report_.entries += made->last.value - made->first.value + 1;
      if (options_.progress)
        options_.progress(made->last);
      return {};
    };
    if (result<void> taken = take_leftovers(reached); !taken)
      return taken.error();
    chain_check chain(reached.first);
    const auto copy = [&](const block_store::block& block) -> result<bool> {
      const result<block_header> header = chain.pass(block);
      if (!header)
        return header.error();
      if (!may_go(*header))
        return false;
      if (!writer) {
        if (header->prev_hash != reached.prev_hash)
          return failure{failure_code::corrupt,
                         "block " + std::to_string(header->first_seq.value) + ": does not carry the hash of the block before it"};
        result<segment_writer> begun = segment_writer::begin(folder_, header->first_seq, header->prev_hash, pace_, options_.segment_bytes);
        if (!begun)
          return begun.error();
        writer.emplace(std::move(*begun));
      }
      if (result<void> added = writer->add(*header, block.bytes); !added)
        return added.error();
      if (!writer->is_full())
        return true;
      if (result<void> finished = finish(); !finished)
        return finished.error();
      more = ++written == segments_per_round;
      return !more;
    };
    if (result<void> walked = store_.walk(reached.first, copy); !walked)
      return walked.error();
    if (writer && !only_whole_segments())
      if (result<void> finished = finish(); !finished)
        return finished.error();
    writer.reset();
    if (reached.first == begin_.first)
      return false;
    begin_ = reached;
    if (result<void> dropped = store_.drop_before(begin_.first); !dropped)
      return dropped.error();
    return more;
  }

  // Segments of a run that was killed before the store forgot them; what is not whole goes.
  result<void> take_leftovers(segment_archive::boundary& reached) {
    std::error_code error;
    if (fs::exists(folder_ / "segment.new", error))
      if (result<void> removed = remove_in_steps(folder_ / "segment.new"); !removed)
        return removed;
    const auto segments = segments_in(folder_);
    if (!segments)
      return segments.error();
    for (const segment_range& range : *segments) {
      if (range.first < reached.first)
        continue;
      const fs::path file = folder_ / segment_name(range.first, range.last);
      const auto segment = segment_reader::open(file);
      const bool follows = segment && range.first == reached.first && segment->info().prev_hash == reached.prev_hash;
      if (!follows || !is_in_store(segment->info()))
        return failure{failure_code::bad_argument, "segment " + file.string() + " is not of this journal, or damaged: move it away"};
      if (result<void> whole = segment->verify(); !whole)
        return whole;
      reached = {range.last.plus(1), segment->info().hash};
      ++report_.segments;
      report_.bytes += segment->info().bytes;
      report_.entries += range.last.value - range.first.value + 1;
    }
    return {};
  }

  bool is_in_store(const segment_info& segment) const {
    if (segment.last >= mark_.newest())
      return false;
    std::string block;
    const auto first = store_.find(segment.last, block);
    if (!first || !*first)
      return false;
    const auto header = read_block_header(std::as_bytes(std::span(block)));
    return header.ok() && header->last_seq() == segment.last && header->hash == segment.hash;
  }

  const archive_options& options_;
  block_store& store_;
  const high_water_mark& mark_;
  pacer pace_;
  fs::path folder_;
  segment_archive::boundary begin_; // where the store begins
  archive_report report_;
};

} // namespace

result<archive_report> archive_journal(const archive_options& options) {
  std::error_code ignored;
  const journal_folder folder{options.folder / "journal"};
  if (!fs::is_directory(folder.root, ignored))
    return failure{failure_code::missing, options.folder.string() + " is not a data folder: it has no journal"};
  result<opened_journal> opened = open_journal_folder(folder, false);
  if (!opened)
    return folder.explain(opened.error());
  result<archive_report> done = archive_run(options, *opened->store, opened->mark).run();
  if (!done)
    return folder.explain(done.error());
  return done;
}

} // namespace tally::wal
