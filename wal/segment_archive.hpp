// The old part of a journal, moved out of the store into segments (wal/archive.hpp moves it): where it lies, and its blocks in one order
// with the store's. The segments are looked at when something in them is asked for, and not before; and again when there may be more.
#pragma once

#include "wal/segment_file.hpp"

#include <list>
#include <memory>
#include <mutex>

namespace tally::wal {

// Where the archive of a journal lies: DIR/journal/archive, or the folder that DIR/journal/archive/location names.
struct archive_location {
  std::filesystem::path journal; // DIR/journal

  std::filesystem::path own() const { return journal / "archive"; }
  std::filesystem::path pointer() const { return own() / "location"; }
  // `corrupt`: the file is there and cannot be what it was.
  result<std::filesystem::path> find() const;
  // From now on it lies there (an absolute path), or in the own folder again.
  result<void> move_to(const std::filesystem::path& folder) const;
};

// The segments of a folder as their names say, in order; none where there is no such folder.
result<std::vector<segment_range>> segments_in(const std::filesystem::path& folder);

// From any thread.
class segment_archive {
public:
  explicit segment_archive(archive_location where) : where_(std::move(where)) {}

  // The store's first block: what comes before it is archived. `first` 0: the store has none.
  struct boundary {
    seq_t first;
    block_hash prev_hash{};
  };
  // As block_store::find; `number` lies before `end`. The failure names the segment that is missing or damaged.
  result<std::optional<seq_t>> find(seq_t number, const boundary& end, std::string& out) const;
  // As block_store::walk, up to `end`; tells whether the visitor wants more.
  result<bool> walk(seq_t from, const boundary& end, const std::function<result<bool>(const block_store::block&)>& visit) const;

private:
  static constexpr std::size_t open_segments_max = 16;
  using reader_ptr = std::shared_ptr<const segment_reader>;

  result<void> list() const;
  // Of the segment that holds `number`; null if the archive is empty and `end` says that nothing is missing.
  result<reader_ptr> segment_of(seq_t number, const boundary& end) const;
  result<reader_ptr> segment_listed(seq_t number, const boundary& end) const;
  result<reader_ptr> open(std::size_t place, const boundary& end) const;
  failure missing(seq_t number, const boundary& end) const;

  const archive_location where_;
  mutable std::mutex mutex_; // over what follows
  mutable bool is_listed_ = false;
  mutable std::filesystem::path folder_;
  mutable std::vector<segment_range> segments_;
  mutable std::list<reader_ptr> open_; // used last in front
};

// Whether the folder has every entry before `end`, in segments that follow each other from entry 1 on. Their blocks are not read.
result<void> check_archive(const std::filesystem::path& folder, const segment_archive::boundary& end);

} // namespace tally::wal
