#include "wal/archive.hpp"
#include "wal/chain_check.hpp"
#include "wal/handover.hpp"
#include "wal/journal_folder.hpp"
#include "wal/os_failure.hpp"
#include "wal/segment_archive.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

namespace tally::wal {
namespace {

namespace fs = std::filesystem;

// What is written before the store is told to give the space back: each time it looks through its files.
constexpr std::uint64_t segments_per_round = 16;

constexpr std::chrono::milliseconds answer_interval{50};
constexpr std::chrono::milliseconds readers_interval{1000};
constexpr std::chrono::seconds patience{2};       // then it says what it waits for
constexpr std::chrono::seconds server_is_away{3}; // a server that ended is given this long to come back before the store is taken

using clock = std::chrono::steady_clock;

// One run. Each round opens the store to read and closes it again: nothing is deleted while somebody reads.
class archive_run {
public:
  archive_run(const archive_options& options, const journal_folder& journal)
      : options_(options), journal_(journal), location_{journal.root}, request_(location_), pace_(options.bytes_per_second) {}

  result<archive_report> run() {
    const result<bool> is_asked = request_.is_there();
    if (!is_asked)
      return is_asked.error();
    if (*is_asked) // by a run that was killed; whatever the answer is, this one finds out for itself
      if (const result<std::optional<std::string>> refused = wait_for_answer(); !refused)
        return refused.error();
    for (bool more = true; more;) {
      const result<bool> moved = move_some();
      if (!moved)
        return moved.error();
      more = *moved;
      if (result<void> given_up = hand_over(); !given_up)
        return given_up.error();
    }
    report_.archived = begin_.first ? seq_t{begin_.first.value - 1} : seq_t{};
    return report_;
  }

private:
  // ---- segments ----

  // A round: writes segments as the store has them now. Tells whether there may be more.
  result<bool> move_some() {
    was_served_ = was_served_ || is_served(journal_);
    result<opened_journal> opened = open_acknowledged(journal_);
    if (!opened)
      return opened.error();
    store_ = opened->store.get();
    newest_ = opened->mark.newest();
    report_.newest = newest_;
    if (result<void> ready = find_begin(); !ready)
      return ready.error();
    if (report_.folder.empty())
      if (result<void> ready = find_place(); !ready)
        return ready.error();
    const seq_t began = begin_.first;
    const result<bool> more = began ? write_segments() : result<bool>(false);
    was_moved_ = begin_.first != began;
    store_ = nullptr;
    return more;
  }

  // Where the store begins now.
  result<void> find_begin() {
    const auto first = store_->first();
    if (!first)
      return first.error();
    if (!*first)
      return {};
    std::string block;
    const auto found = store_->find(**first, block);
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
    std::error_code error;
    const auto plain = [&error](const fs::path& path) { return fs::absolute(path, error).lexically_normal(); };
    const auto now = location_.find();
    if (!now && options_.to.empty())
      return now.error();
    const fs::path old = now ? *now : location_.own();
    folder_ = options_.to.empty() ? old : plain(options_.to / ""); // with or without a slash at its end
    folder_ = folder_.has_filename() ? folder_ : folder_.parent_path();
    if (folder_ == plain(location_.own()))
      folder_ = location_.own();
    const bool stays = plain(folder_) == plain(old);
    if (result<void> whole = check_archive(folder_, begin_); !whole) {
      if (stays)
        return whole;
      return failure{failure_code::bad_argument, "the archive of " + options_.folder.string() + " lies in " + old.string() + ", and " +
                                                     folder_.string() + " does not have all of it: " + whole.error().what +
                                                     "; move its segments there first"};
    }
    if (result<void> made = make_folders(folder_); !made)
      return made;
    if (folder_ != location_.own()) { // whose lock it has
      result<file_handle> lock = lock_folder(folder_, folder_use::write);
      if (!lock)
        return lock.error();
      lock_ = std::move(*lock);
    }
    if (result<void> named = now && stays ? result<void>() : location_.move_to(folder_); !named)
      return named;
    report_.folder = folder_;
    return {};
  }

  bool may_go(const block_header& header) const {
    if (header.last_seq() >= newest_)
      return false;
    if (options_.before_seq)
      return header.last_seq() < *options_.before_seq;
    return !options_.before_time || header.last_at < *options_.before_time;
  }
  bool only_whole_segments() const { return !options_.before_seq && !options_.before_time; }

  result<bool> write_segments() {
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
    if (result<void> walked = store_->walk(reached.first, copy); !walked)
      return walked.error();
    if (writer && !only_whole_segments())
      if (result<void> finished = finish(); !finished)
        return finished.error();
    writer.reset();
    begin_ = reached;
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
    if (segment.last >= newest_)
      return false;
    std::string block;
    const auto first = store_->find(segment.last, block);
    if (!first || !*first)
      return false;
    const auto header = read_block_header(std::as_bytes(std::span(block)));
    return header.ok() && header->last_seq() == segment.last && header->hash == segment.hash;
  }

  // ---- the store lets go of them ----

  // Until the store begins where the archive ends now.
  result<void> hand_over() {
    if (!was_moved_)
      return {};
    if (result<void> asked = request_.write(begin_); !asked)
      return asked;
    const result<std::optional<std::string>> refused = wait_for_answer();
    if (!refused)
      return refused.error();
    if (*refused)
      return failure{failure_code::io, "the store keeps the entries that were archived: " + **refused};
    return {};
  }

  // Of a server, or of nobody: then it is taken up here. Why it was refused, if it was.
  result<std::optional<std::string>> wait_for_answer() {
    const clock::time_point begun = clock::now();
    clock::time_point seen_at = begun; // a server, or nobody for the first time
    for (bool was_told = false;;) {
      const result<bool> is_there = request_.is_there();
      if (!is_there)
        return is_there.error();
      if (!*is_there)
        return request_.take_refusal();
      const bool is_away = !is_served(journal_);
      if (!is_away) {
        was_served_ = true;
        seen_at = clock::now();
      }
      clock::duration pause = answer_interval;
      if (is_away && (!was_served_ || clock::now() - seen_at > server_is_away)) {
        const result<taken> how = take_up();
        if (!how)
          return how.error();
        if (*how == taken::answered)
          continue;
        if (*how == taken::by_a_server) {
          was_served_ = true;
          seen_at = clock::now();
        } else {
          pause = readers_interval;
        }
      }
      if (!was_told && clock::now() - begun > patience && options_.waiting) {
        options_.waiting(!is_away);
        was_told = true;
      }
      std::this_thread::sleep_for(pause);
    }
  }

  // As a server would.
  enum class taken { answered, by_a_server, not_while_somebody_reads };
  result<taken> take_up() {
    result<opened_journal> opened = open_journal_folder(journal_, false);
    if (!opened && opened.error().code == failure_code::locked)
      return taken::by_a_server; // which came just now
    if (!opened)
      return opened.error();
    if (opened->store->is_being_read())
      return taken::not_while_somebody_reads;
    const auto kept = check_handover(location_, *opened->store, opened->mark.newest(), [](std::uint64_t) { return true; });
    if (!kept) {
      const result<void> refused = request_.refuse(kept.error().what);
      return refused ? result<taken>(taken::answered) : refused.error();
    }
    std::atomic<bool> stopping = false;
    const auto dropped = opened->store->drop_before(**kept, stopping);
    if (!dropped)
      return dropped.error();
    if (*dropped != block_store::dropped::all)
      return taken::not_while_somebody_reads;
    const result<void> answered = request_.remove();
    return answered ? result<taken>(taken::answered) : answered.error();
  }

  const archive_options& options_;
  const journal_folder& journal_;
  const archive_location location_;
  const handover_file request_;
  pacer pace_;
  fs::path folder_;
  file_handle lock_;                // of that folder, where it lies elsewhere
  segment_archive::boundary begin_; // where the store begins, or will
  bool was_served_ = false;         // at some time in this run
  archive_report report_;

  // this round's
  const block_store* store_ = nullptr;
  seq_t newest_;
  bool was_moved_ = false;
};

} // namespace

result<archive_report> archive_journal(const archive_options& options) {
  std::error_code ignored;
  const journal_folder folder{options.folder / "journal"};
  if (!fs::is_directory(folder.root, ignored))
    return failure{failure_code::missing, options.folder.string() + " is not a data folder: it has no journal"};
  const archive_location location{folder.root};
  if (result<void> made = make_folders(location.own()); !made)
    return made.error();
  const result<file_handle> lock = lock_folder(location.own(), folder_use::write);
  if (!lock && lock.error().code == failure_code::locked)
    return failure{failure_code::locked, "another `tally archive` is at work on " + options.folder.string()};
  if (!lock)
    return lock.error();
  result<archive_report> done = archive_run(options, folder).run();
  if (!done)
    return folder.explain(done.error());
  return done;
}

} // namespace tally::wal
