#include "wal/backup.hpp"
#include "wal/chain_check.hpp"
#include "wal/journal_folder.hpp"
#include "wal/os_failure.hpp"
#include "wal/segment_archive.hpp"

#include <algorithm>
#include <set>

namespace tally::wal {
namespace {

namespace fs = std::filesystem;

// A smaller last segment is written again together with what is new, so that many small runs do not leave many small files.
constexpr std::uint64_t kept_part = 4; // a quarter of a whole one stays
constexpr std::string_view personal_prefix = "personal-";

bool is_own_file(const std::string& name) {
  return name == "manifest" || name.ends_with(".new") || name.starts_with(personal_prefix) || read_segment_name(name);
}

// The journal as far as it was acknowledged when it was opened.
struct source {
  std::unique_ptr<block_store> store;
  digest acknowledged;
};

result<source> open_source(const fs::path& data_folder) {
  std::error_code ignored;
  if (!fs::is_directory(data_folder / "journal", ignored))
    return failure{failure_code::missing, data_folder.string() + " is not a data folder: it has no journal"};
  const journal_folder folder{data_folder / "journal"};
  result<opened_journal> opened = open_acknowledged(folder);
  if (!opened)
    return folder.explain(opened.error());
  return source{std::move(opened->store), {opened->mark.newest(), opened->mark.hash()}};
}

class backup_run {
public:
  backup_run(const backup_options& options, source from) : options_(options), from_(std::move(from)), pace_(options.bytes_per_second) {}

  result<backup_report> run() {
    if (result<void> known = read_what_is_there(); !known)
      return known.error();
    if (result<void> fits = check_it_is_ours(); !fits)
      return fits.error();
    if (result<void> copied = copy_journal(); !copied)
      return copied.error();
    if (result<void> copied = copy_personal(); !copied)
      return copied.error();
    made_.made_at = options_.now;
    made_.sealed = from_.acknowledged;
    if (result<void> sealed = replace_file(backup_manifest_file(options_.destination), encode(made_)); !sealed)
      return sealed.error();
    if (result<void> tidied = remove_what_is_not_listed(); !tidied)
      return tidied.error();
    report_.sealed = made_.sealed;
    report_.segments = made_.segments.size();
    for (const segment_info& segment : made_.segments)
      report_.bytes += segment.bytes;
    report_.entries_added = made_.sealed.newest.value - before_.sealed.newest.value;
    return report_;
  }

private:
  failure refused(const std::string& what) const { return {failure_code::bad_argument, options_.destination.string() + " " + what}; }
  fs::path path_of(const segment_info& segment) const { return options_.destination / segment_name(segment.first, segment.last); }

  result<std::vector<std::string>> names_there() const {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(options_.destination, error), end; !error && at != end; at.increment(error))
      names.push_back(at->path().filename().string());
    if (error)
      return os_failure("listing " + options_.destination.string(), error.value());
    return names;
  }

  // What the last run left, whole or not.
  result<void> read_what_is_there() {
    result<backup_manifest> found = read_backup_manifest(options_.destination);
    if (!found && found.error().code != failure_code::missing)
      return found.error();
    if (!found) {
      const auto names = names_there();
      if (!names)
        return names.error();
      for (const std::string& name : *names)
        if (!is_own_file(name))
          return refused("is not empty and holds no backup (there is " + name + ")");
      return {};
    }
    before_ = std::move(*found);
    for (const segment_info& segment : before_.segments) {
      std::error_code error;
      const std::uintmax_t bytes = fs::file_size(path_of(segment), error);
      if (error || bytes != segment.bytes)
        return failure{failure_code::corrupt, "backup " + options_.destination.string() + ": its segment " + path_of(segment).string() +
                                                  (error ? " is missing" : " is not as long as it was") +
                                                  "; bring it back, or begin a new backup in another folder"};
    }
    return {};
  }

  // The journal has the block that the backup ends with.
  result<void> check_it_is_ours() const {
    const digest& ends = before_.sealed;
    if (!ends.newest)
      return {};
    const std::string at = "entry " + std::to_string(ends.newest.value);
    if (ends.newest > from_.acknowledged.newest)
      return refused("is the backup of another journal: it goes up to " + at + ", and the one in " + options_.folder.string() +
                     " up to entry " + std::to_string(from_.acknowledged.newest.value) + " (or that is an older state of it)");
    if (!has_block(*from_.store, ends))
      return refused("is the backup of another journal: its " + at + " is not the one in " + options_.folder.string() +
                     ", the hash of the chain is another there");
    return {};
  }

  result<void> copy_journal() {
    made_.segments = before_.segments;
    if (!made_.segments.empty() && made_.segments.back().bytes < options_.segment_bytes / kept_part &&
        made_.segments.back().last < from_.acknowledged.newest)
      made_.segments.pop_back();
    digest reached = made_.segments.empty() ? digest{} : digest{made_.segments.back().last, made_.segments.back().hash};
    if (result<void> taken = take_unlisted(reached); !taken)
      return taken;
    if (reached.newest == from_.acknowledged.newest)
      return {};

    std::optional<segment_writer> writer;
    chain_check chain(reached.newest.plus(1));
    const auto copy = [&](const block_store::block& block) -> result<bool> {
      const result<block_header> header = chain.pass(block);
      if (!header)
        return header.error();
      if (!writer) {
        if (header->prev_hash != reached.hash)
          return refused("is the backup of another journal: it does not go on after entry " + std::to_string(reached.newest.value));
        result<segment_writer> begun =
            segment_writer::begin(options_.destination, header->first_seq, header->prev_hash, pace_, options_.segment_bytes);
        if (!begun)
          return begun.error();
        writer.emplace(std::move(*begun));
      }
      if (result<void> added = writer->add(*header, block.bytes); !added)
        return added.error();
      reached = {header->last_seq(), header->hash};
      const bool is_last = reached.newest >= from_.acknowledged.newest;
      if (is_last || writer->is_full()) {
        const result<segment_info> made = writer->finish();
        if (!made)
          return made.error();
        made_.segments.push_back(*made);
        report_.bytes_written += made->bytes;
        writer.reset();
        if (options_.progress)
          options_.progress(reached.newest);
      }
      return !is_last;
    };
    if (result<void> walked = from_.store->walk(reached.newest.plus(1), copy); !walked)
      return journal_folder{options_.folder / "journal"}.explain(walked.error());
    if (reached.newest != from_.acknowledged.newest || reached.hash != from_.acknowledged.hash)
      return failure{failure_code::corrupt, "journal " + (options_.folder / "journal").string() + ": entry " +
                                                std::to_string(from_.acknowledged.newest.value) +
                                                ", the newest that was acknowledged, does not end a block as it did then"};
    return {};
  }

  // Segments that a run wrote and was killed before its manifest.
  result<void> take_unlisted(digest& reached) {
    const auto there = segments_in(options_.destination);
    if (!there)
      return there.error();
    const auto is_listed = [this](const segment_range& range) {
      return std::ranges::any_of(before_.segments,
                                 [&](const segment_info& old) { return old.first == range.first && old.last == range.last; });
    };
    for (const segment_range& range : *there) {
      if (is_listed(range) || range.first != reached.newest.plus(1) || range.last > from_.acknowledged.newest)
        continue;
      const auto segment = segment_reader::open(options_.destination / segment_name(range.first, range.last));
      if (!segment || segment->info().prev_hash != reached.hash || !segment->verify() ||
          !has_block(*from_.store, {segment->info().last, segment->info().hash}))
        continue; // written anew
      made_.segments.push_back(segment->info());
      reached = {segment->info().last, segment->info().hash};
    }
    return {};
  }

  result<void> copy_personal() {
    made_.number = before_.number + 1;
    const fs::path file = options_.destination / (std::string(personal_prefix) + std::to_string(made_.number));
    const result<bool> is_there = options_.copy_personal(file);
    if (!is_there)
      return is_there.error();
    if (!*is_there)
      return {};
    result<backup_manifest::other_file> described = describe_file(file);
    if (!described)
      return described.error();
    made_.personal = std::move(*described);
    return {};
  }

  result<void> remove_what_is_not_listed() const {
    std::set<std::string> listed{"manifest"};
    for (const segment_info& segment : made_.segments)
      listed.insert(segment_name(segment.first, segment.last));
    if (made_.personal)
      listed.insert(made_.personal->name);
    const auto names = names_there();
    if (!names)
      return names.error();
    for (const std::string& name : *names)
      if (is_own_file(name) && !listed.contains(name))
        if (result<void> removed = remove_in_steps(options_.destination / name); !removed)
          return removed;
    return sync_folder(options_.destination);
  }

  const backup_options& options_;
  const source from_;
  pacer pace_;
  backup_manifest before_, made_;
  backup_report report_;
};

} // namespace

result<backup_report> back_up(const backup_options& options) {
  result<source> from = open_source(options.folder);
  if (!from)
    return from.error();
  if (result<void> made = make_folders(options.destination); !made)
    return made.error();
  const result<file_handle> lock = lock_folder(options.destination, folder_use::write);
  if (!lock)
    return lock.error();
  return backup_run(options, std::move(*from)).run();
}

} // namespace tally::wal
