#include "wal/segment_archive.hpp"
#include "wal/os_failure.hpp"

#include <algorithm>
#include <cstdio>

namespace tally::wal {
namespace {

constexpr std::string_view pointer_head = "tallystick archive 1\n";
constexpr std::size_t pointer_bytes_max = 8192;

} // namespace

// ---- where it lies ----

result<std::filesystem::path> archive_location::find() const {
  const result<std::string> text = read_text(pointer(), pointer_bytes_max);
  if (!text && text.error().code == failure_code::missing)
    return own();
  if (!text)
    return text.error();
  const std::string_view rest = std::string_view(*text).substr(std::min(pointer_head.size(), text->size()));
  const bool fits = text->starts_with(pointer_head) && rest.size() > 1 && rest.front() == '/' && rest.find('\n') == rest.size() - 1;
  if (!fits)
    return failure{failure_code::corrupt, pointer().string() + " does not say where the archive is: its second line should be the folder"};
  return std::filesystem::path(rest.substr(0, rest.size() - 1));
}

result<void> archive_location::move_to(const std::filesystem::path& folder) const {
  if (result<void> made = make_folders(own()); !made)
    return made;
  if (folder != own())
    return replace_file(pointer(), std::string(pointer_head) + folder.string() + "\n");
  std::error_code error;
  if (std::filesystem::remove(pointer(), error); error)
    return os_failure("removing " + pointer().string(), error.value());
  return sync_folder(own());
}

result<std::vector<segment_range>> segments_in(const std::filesystem::path& folder) {
  std::vector<segment_range> found;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (const auto range = read_segment_name(at->path().filename().string()); range)
      found.push_back(*range);
  if (error && error != std::errc::no_such_file_or_directory)
    return os_failure("listing " + folder.string(), error.value());
  std::ranges::sort(found, {}, [](const segment_range& range) { return std::pair(range.first, range.last); });
  return found;
}

result<void> check_archive(const std::filesystem::path& folder, const segment_archive::boundary& end) {
  const auto segments = segments_in(folder);
  if (!segments)
    return segments.error();
  seq_t next{1};
  block_hash hash{};
  for (const segment_range& range : *segments) {
    if (!end.first || range.first >= end.first)
      break;
    const std::filesystem::path file = folder / segment_name(range.first, range.last);
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
  if (end.first && (next != end.first || hash != end.prev_hash))
    return failure{failure_code::io, "entries up to " + std::to_string(end.first.value - 1) + " were archived, and " + folder.string() +
                                         (next == end.first ? " ends with others" : " ends with entry " + std::to_string(next.value - 1))};
  return {};
}

// ---- reading ----

result<std::optional<seq_t>> segment_archive::find(seq_t number, const boundary& end, std::string& out) const {
  const result<reader_ptr> segment = segment_of(number, end);
  if (!segment)
    return segment.error();
  if (*segment == nullptr)
    return std::optional<seq_t>();
  const result<seq_t> first = (*segment)->find(number, out);
  if (!first)
    return first.error();
  return std::optional<seq_t>(*first);
}

result<bool> segment_archive::walk(seq_t from, const boundary& end,
                                   const std::function<result<bool>(const block_store::block&)>& visit) const {
  for (seq_t next = from; !end.first || next < end.first;) {
    const result<reader_ptr> segment = segment_of(next, end);
    if (!segment)
      return segment.error();
    if (*segment == nullptr)
      return true;
    const result<bool> go_on = (*segment)->walk(next, visit);
    if (!go_on || !*go_on)
      return go_on;
    next = (*segment)->info().last.plus(1);
  }
  return true;
}

result<void> segment_archive::list() const {
  const auto folder = where_.find();
  if (!folder)
    return folder.error();
  auto segments = segments_in(*folder);
  if (!segments)
    return segments.error();
  folder_ = *folder;
  segments_ = std::move(*segments);
  is_listed_ = true;
  return {};
}

// `tally archive` adds segments while a server reads, and may be told that they lie elsewhere now.
result<segment_archive::reader_ptr> segment_archive::segment_of(seq_t number, const boundary& end) const {
  const std::lock_guard held(mutex_);
  if (is_listed_) {
    const result<reader_ptr> known = segment_listed(number, end);
    if (known && *known != nullptr)
      return known;
  }
  if (result<void> listed = list(); !listed)
    return listed.error();
  return segment_listed(number, end);
}

result<segment_archive::reader_ptr> segment_archive::segment_listed(seq_t number, const boundary& end) const {
  const auto holds = [number](const reader_ptr& one) { return one->info().first <= number && number <= one->info().last; };
  if (const auto opened = std::ranges::find_if(open_, holds); opened != open_.end()) {
    open_.splice(open_.begin(), open_, opened);
    return open_.front();
  }
  const auto after = std::ranges::upper_bound(segments_, number, {}, &segment_range::first);
  if (after == segments_.begin() || number > (after - 1)->last) {
    if (end.first)
      return missing(number, end);
    return reader_ptr(); // nothing says that there should be more
  }
  const result<reader_ptr> segment = open(static_cast<std::size_t>(after - segments_.begin()) - 1, end);
  if (!segment)
    return segment;
  open_.push_front(*segment);
  if (open_.size() > open_segments_max)
    open_.pop_back();
  return segment;
}

// A segment is this journal's if the next one, or the store, goes on from its hash.
result<segment_archive::reader_ptr> segment_archive::open(std::size_t place, const boundary& end) const {
  const auto file_at = [this](std::size_t at) { return folder_ / segment_name(segments_[at].first, segments_[at].last); };
  result<segment_reader> segment = segment_reader::open(file_at(place));
  if (!segment)
    return segment.error();
  const seq_t next = segments_[place].last.plus(1);
  block_hash expected = end.prev_hash;
  std::string who = "the journal's store";
  if (next != end.first && place + 1 < segments_.size() && segments_[place + 1].first == next) {
    const result<segment_reader> neighbour = segment_reader::open(file_at(place + 1));
    if (!neighbour)
      return neighbour.error();
    expected = neighbour->info().prev_hash;
    who = "the next one, " + neighbour->file().filename().string() + ",";
  } else if (next != end.first) { // the store's gap is reported when it is reached
    return std::make_shared<const segment_reader>(std::move(*segment));
  }
  if (segment->info().hash != expected)
    return failure{failure_code::corrupt, "segment " + segment->file().string() + ": " + who + " does not follow its last block (entry " +
                                              std::to_string(segment->info().last.value) + "): it is of another journal"};
  return std::make_shared<const segment_reader>(std::move(*segment));
}

failure segment_archive::missing(seq_t number, const boundary& end) const {
  seq_t first{1}, last{end.first.value - 1};
  for (const segment_range& range : segments_) {
    if (range.last < number)
      first = std::max(first, range.last.plus(1));
    else if (range.first > number)
      last = std::min(last, seq_t{range.first.value - 1});
  }
  return {failure_code::io, "entries " + std::to_string(first.value) + " to " + std::to_string(last.value) + " were archived, and " +
                                folder_.string() + " has no segment with them (" + segment_name(first, last) +
                                ", or several): bring it back, or name the folder that has it with `tally archive DIR --to FOLDER`"};
}

} // namespace tally::wal
