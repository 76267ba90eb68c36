#include "wal/restore.hpp"
#include "wal/chain_check.hpp"
#include "wal/journal_folder.hpp"
#include "wal/merchant_names.hpp"
#include "wal/os_failure.hpp"
#include "wal/rocksdb_journal.hpp"

#include <algorithm>
#include <limits>

namespace tally::wal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t commit_bytes = 1ull << 20;

// The journal's part of a backup: its segments, as the manifest has them.
class backup_journal {
public:
  backup_journal(fs::path folder, const backup_manifest& manifest) : folder_(std::move(folder)), manifest_(manifest) {}

  // Blocks in order, all verified; `visit` says whether to go on.
  result<void> walk(const std::function<result<bool>(const block_header&, std::span<const std::byte>)>& visit) const {
    chain_check chain(seq_t{1});
    for (const segment_info& listed : manifest_.segments) {
      const result<segment_reader> segment = open(listed);
      if (!segment)
        return segment.error();
      const auto pass = [&](const block_store::block& block) -> result<bool> {
        const result<block_header> header = chain.pass(block);
        if (!header)
          return header.error();
        return visit(*header, block.bytes);
      };
      const result<bool> go_on = segment->walk(listed.first, pass);
      if (!go_on)
        return go_on.error();
      if (!*go_on)
        return {};
      if (chain.newest() != listed.last || chain.hash() != listed.hash)
        return failure{failure_code::corrupt,
                       "segment " + segment->file().string() + ": its blocks do not lead to the hash that the manifest has"};
    }
    return {};
  }

  // The entry, which must be there.
  struct found_entry {
    seq_t group;
  };
  result<found_entry> read(seq_t number) const {
    const auto listed = std::ranges::lower_bound(manifest_.segments, number, {}, &segment_info::last);
    TALLY_ASSERT(listed != manifest_.segments.end(), static_cast<long long>(number.value));
    const result<segment_reader> segment = open(*listed);
    if (!segment)
      return segment.error();
    std::string block;
    const result<seq_t> first = segment->find(number, block);
    if (!first)
      return first.error();
    const std::span<const std::byte> bytes = std::as_bytes(std::span(block));
    const result<block_header> header = verify_block(bytes, *first);
    if (!header)
      return explain(*segment, header.error());
    if (number < header->first_seq || number > header->last_seq())
      return explain(*segment, {failure_code::corrupt, "entry " + std::to_string(number.value) + " is not in its block"});
    entry decoded;
    if (result<void> read = read_entry(bytes, number, buffer_, decoded); !read)
      return explain(*segment, read.error());
    return found_entry{decoded.group};
  }

  // The last entry that was stamped at `time` or before; 0: none.
  result<seq_t> newest_at(instant time) const {
    const auto after = std::ranges::upper_bound(manifest_.segments, time, {}, &segment_info::first_at);
    if (after == manifest_.segments.begin())
      return seq_t{};
    const result<segment_reader> segment = open(*(after - 1));
    if (!segment)
      return segment.error();
    seq_t newest;
    const auto look = [&](const block_store::block& block) -> result<bool> {
      const result<block_header> header = verify_checksum(block.bytes, block.first);
      if (!header)
        return header.error();
      if (header->first_at > time)
        return false;
      if (header->last_at <= time) {
        newest = header->last_seq();
        return true;
      }
      const auto runs = runs_of(block.bytes);
      if (!runs)
        return runs.error();
      for (const run& each : *runs)
        if (each.at <= time)
          newest = each.first.plus(each.count - 1);
      return false;
    };
    if (const result<bool> walked = segment->walk(segment->info().first, look); !walked)
      return walked.error();
    return newest;
  }

private:
  static failure explain(const segment_reader& segment, const failure& why) {
    return {why.code, "segment " + segment.file().string() + ": " + why.what};
  }
  result<segment_reader> open(const segment_info& listed) const {
    result<segment_reader> segment = segment_reader::open(folder_ / segment_name(listed.first, listed.last));
    if (!segment && segment.error().code == failure_code::missing)
      return failure{failure_code::corrupt, "backup " + folder_.string() + " is not whole: " + segment.error().what};
    if (segment && segment->info() != listed)
      return failure{failure_code::corrupt, "segment " + segment->file().string() + " is not the one that the manifest of the backup has"};
    return segment;
  }

  const fs::path folder_;
  const backup_manifest& manifest_;
  mutable decode_buffer buffer_;
};

// The same block up to its entry `last`, chained to the same block before it.
result<bytes> cut_block(const block_header& header, std::span<const std::byte> block, seq_t last) {
  const auto runs = runs_of(block);
  if (!runs)
    return runs.error();
  block_builder builder;
  builder.start(header.first_seq, header.prev_hash);
  for (run part : *runs) {
    if (part.first > last)
      break;
    part.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(part.count, last.value - part.first.value + 1));
    builder.add(part, first_records(block.subspan(part.offset), part.count));
  }
  block_hash hash;
  const std::span<const std::byte> cut = builder.finish(hash);
  return bytes(cut.begin(), cut.end());
}

result<void> check_personal(const fs::path& backup, const backup_manifest::other_file& listed) {
  const auto found = describe_file(backup / listed.name);
  if (!found)
    return failure{found.error().code == failure_code::missing ? failure_code::corrupt : found.error().code,
                   "backup " + backup.string() + ": " + found.error().what};
  if (found->bytes != listed.bytes || found->hash != listed.hash)
    return failure{failure_code::corrupt, "backup " + backup.string() + ": the copy of the personal data, " +
                                              (backup / listed.name).string() +
                                              ", is damaged: it does not match its checksum in the manifest"};
  return {};
}

// Writes blocks into a new journal.
class journal_maker {
public:
  static result<journal_maker> begin(const fs::path& root) {
    result<opened_journal> made = open_journal_folder({root}, false);
    if (!made)
      return made.error();
    return journal_maker(std::move(*made));
  }

  result<void> add(const block_header& header, std::span<const std::byte> block) {
    if (waiting_ >= commit_bytes) // one is always left for the last commit, which syncs them all
      if (result<void> written = commit(false); !written)
        return written;
    made_.store->add(header.first_seq, block);
    waiting_ += block.size();
    newest_ = {header.last_seq(), header.hash};
    return {};
  }
  result<void> finish() {
    if (!newest_.newest)
      return {};
    if (result<void> written = commit(true); !written)
      return written;
    if (result<void> marked = made_.mark.advance(newest_.newest, newest_.hash); !marked)
      return marked;
    return made_.mark.sync();
  }

private:
  explicit journal_maker(opened_journal made) : made_(std::move(made)) {}
  result<void> commit(bool sync) {
    waiting_ = 0;
    return made_.store->commit(sync);
  }

  opened_journal made_;
  std::size_t waiting_ = 0;
  digest newest_;
};

class restore_run {
public:
  restore_run(const restore_options& options, const backup_manifest& manifest)
      : options_(options), manifest_(manifest), from_(options.backup, manifest) {}

  result<restore_report> run() {
    report_.sealed = manifest_.sealed;
    const result<seq_t> last = find_end();
    if (!last)
      return last.error();
    if (result<void> begun = begin_folder(); !begun)
      return begun.error();
    if (manifest_.personal) {
      if (result<void> sound = check_personal(options_.backup, *manifest_.personal); !sound)
        return sound.error();
      if (result<void> prepared = options_.prepare_personal(options_.backup / manifest_.personal->name); !prepared)
        return prepared.error();
    }
    if (result<void> made = make_journal(*last); !made)
      return made.error();
    if (result<void> made = make_personal(); !made)
      return made.error();
    if (result<void> shown = show_folder(); !shown)
      return shown.error();
    return report_;
  }

private:
  fs::path unfinished() const { return journal_folder{options_.folder / "journal"}.unfinished_restore(); }

  result<seq_t> find_end() {
    const seq_t sealed = manifest_.sealed.newest;
    seq_t last = sealed;
    if (options_.until_seq) {
      if (*options_.until_seq > sealed)
        return failure{failure_code::bad_argument, "the backup " + options_.backup.string() + " ends with entry " +
                                                       std::to_string(sealed.value) + ", before " +
                                                       std::to_string(options_.until_seq->value)};
      last = *options_.until_seq;
    } else if (options_.until_time) {
      const result<seq_t> newest = from_.newest_at(*options_.until_time);
      if (!newest)
        return newest.error();
      last = *newest;
    }
    const seq_t asked = last;
    if (last && last < sealed) {
      const auto next = from_.read(last.plus(1));
      if (!next)
        return next.error();
      last = {std::min(last.value, next->group.value - 1)}; // all of a group or nothing
    }
    if (!last && sealed)
      return failure{failure_code::bad_argument, "the backup " + options_.backup.string() + " has nothing before that point"};
    report_.entries_left_out = asked.value - last.value;
    report_.is_prefix = last < sealed;
    return last;
  }

  // Empty but for what an interrupted restore left, which goes.
  result<void> begin_folder() {
    if (result<void> made = make_folders(options_.folder); !made)
      return made;
    result<file_handle> lock = lock_folder(options_.folder, folder_use::write);
    if (!lock)
      return lock.error();
    lock_ = std::move(*lock);
    std::error_code error;
    const bool was_interrupted = fs::exists(unfinished(), error);
    for (fs::directory_iterator at(options_.folder, error), end; !error && at != end; at.increment(error)) {
      const std::string name = at->path().filename().string();
      if (!was_interrupted || (name != "restoring" && name != "personal" && name != "journal"))
        return failure{failure_code::bad_argument,
                       options_.folder.string() + " is not empty (there is " + name + "): restore into a new folder"};
    }
    if (error)
      return os_failure("listing " + options_.folder.string(), error.value());
    for (const fs::path& left : {options_.folder / "journal", options_.folder / "personal", unfinished()})
      if (result<void> removed = remove_tree(left); !removed) // what says that it is unfinished goes last
        return removed;
    fs::create_directory(unfinished(), error);
    if (error)
      return os_failure("making " + unfinished().string(), error.value());
    return sync_folder(options_.folder);
  }

  static result<void> remove_tree(const fs::path& folder) {
    std::error_code error;
    if (!fs::exists(folder, error))
      return {};
    for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
      if (at->is_regular_file())
        if (result<void> removed = remove_in_steps(at->path()); !removed)
          return removed;
    if (fs::remove_all(folder, error); error)
      return os_failure("removing " + folder.string(), error.value());
    return {};
  }

  result<void> make_journal(seq_t last) {
    auto to = journal_maker::begin(unfinished() / "journal");
    if (!to)
      return to.error();
    const auto take = [&](const block_header& header, std::span<const std::byte> block) -> result<bool> {
      if (last < header.last_seq()) {
        if (last < header.first_seq)
          return false;
        const result<bytes> cut = cut_block(header, block, last);
        if (!cut)
          return cut.error();
        const result<block_header> cut_header = read_block_header(*cut);
        if (!cut_header)
          return cut_header.error();
        if (result<void> taken = take_block(*to, *cut_header, *cut); !taken)
          return taken.error();
        return false;
      }
      if (result<void> taken = take_block(*to, header, block); !taken)
        return taken.error();
      return header.last_seq() < last;
    };
    if (result<void> walked = from_.walk(take); !walked)
      return walked;
    TALLY_ASSERT(report_.newest.newest == last, static_cast<long long>(report_.newest.newest.value), static_cast<long long>(last.value));
    return to->finish();
  }

  result<void> take_block(journal_maker& to, const block_header& header, std::span<const std::byte> block) {
    if (result<void> seen = see_entries(block); !seen)
      return seen;
    if (result<void> added = to.add(header, block); !added)
      return added;
    report_.newest = {header.last_seq(), header.hash};
    report_.newest_at = header.last_at;
    if (options_.progress && header.last_seq().value - progress_at_.value >= 1u << 16) {
      progress_at_ = header.last_seq();
      options_.progress(progress_at_);
    }
    return {};
  }

  // Each must decode; those that open an account are told.
  result<void> see_entries(std::span<const std::byte> block) {
    result<void> named;
    result<void> decoded = for_each_entry(block, buffer_, [&](entry& one) {
      if (one.merchant_id.empty())
        one.merchant_id = known_names_.find(one.merchant);
      else if (!names_.learn(one.merchant, one.merchant_id))
        named = failure{failure_code::corrupt,
                        "entry " + std::to_string(one.seq.value) + " gives merchant " + std::to_string(one.merchant) + " another name"};
      if (one.kind == entry_kind::enroll)
        options_.each_enrolment(one);
      return named.ok();
    });
    return decoded ? named : decoded;
  }

  result<void> make_personal() {
    if (!manifest_.personal)
      return {};
    return options_.make_personal(options_.backup / manifest_.personal->name, unfinished());
  }

  // The journal last: from then on it is a data folder as soon as `restoring` is gone.
  result<void> show_folder() {
    if (report_.newest.newest) {
      journal_options reading;
      reading.folder = unfinished() / "journal";
      reading.read_only = true;
      const auto opened = rocksdb_journal::open(reading);
      if (!opened)
        return opened.error();
      const digest found = (*opened)->newest_digest();
      if (found.newest != report_.newest.newest || found.hash != report_.newest.hash)
        return failure{failure_code::corrupt, "what was written to " + reading.folder.string() + " does not read back"};
    }
    for (const fs::path& inside : {unfinished() / "journal", unfinished()})
      if (result<void> synced = sync_folder(inside); !synced)
        return synced;
    std::error_code error;
    for (const char* part : {"personal", "journal"})
      if (fs::exists(unfinished() / part, error)) {
        if (fs::rename(unfinished() / part, options_.folder / part, error); error)
          return os_failure("renaming " + (unfinished() / part).string(), error.value());
      }
    if (result<void> synced = sync_folder(options_.folder); !synced)
      return synced;
    if (fs::remove(unfinished(), error); error)
      return os_failure("removing " + unfinished().string(), error.value());
    return sync_folder(options_.folder);
  }

  const restore_options& options_;
  const backup_manifest& manifest_;
  const backup_journal from_;
  file_handle lock_;
  merchant_names names_;
  merchant_name_cache known_names_{names_};
  decode_buffer buffer_;
  restore_report report_;
  seq_t progress_at_;
};

} // namespace

result<restore_report> restore(const restore_options& options) {
  const result<file_handle> lock = lock_folder(options.backup, folder_use::read);
  if (!lock)
    return lock.error();
  const result<backup_manifest> manifest = read_backup_manifest(options.backup);
  if (!manifest)
    return manifest.error();
  return restore_run(options, *manifest).run();
}

result<backup_manifest> verify_backup(const fs::path& backup, const std::function<void(seq_t)>& progress) {
  const result<file_handle> lock = lock_folder(backup, folder_use::read);
  if (!lock)
    return lock.error();
  result<backup_manifest> manifest = read_backup_manifest(backup);
  if (!manifest)
    return manifest;
  decode_buffer buffer;
  seq_t progress_at;
  const auto pass = [&](const block_header& header, std::span<const std::byte> block) -> result<bool> {
    if (result<void> decoded = for_each_entry(block, buffer, [](entry&) { return true; }); !decoded)
      return decoded.error();
    if (progress && header.last_seq().value - progress_at.value >= 1u << 16)
      progress(progress_at = header.last_seq());
    return true;
  };
  if (result<void> walked = backup_journal(backup, *manifest).walk(pass); !walked)
    return walked.error();
  if (manifest->personal)
    if (result<void> sound = check_personal(backup, *manifest->personal); !sound)
      return sound.error();
  return manifest;
}

} // namespace tally::wal
