// `tally repair`: first shown read-only what would be kept, and only if that is everything that was ever acknowledged, done.
#include "wal/chain_check.hpp"
#include "wal/journal_folder.hpp"
#include "wal/log_file.hpp"
#include "wal/rocksdb_journal.hpp"

#include <optional>
#include <string_view>

namespace tally::wal {
namespace {

// Checks the whole journal; tells the newest entry.
result<seq_t> verify_all(const block_store& store, const high_water_mark& mark) {
  chain_check chain(seq_t{1});
  bool mark_was_passed = !mark.newest();
  const auto visit = [&](const block_store::block& block) -> result<bool> {
    const result<block_header> header = chain.pass(block);
    if (!header)
      return header.error();
    mark_was_passed = mark_was_passed || (header->last_seq() == mark.newest() && header->hash == mark.hash());
    return true;
  };
  if (result<void> walked = store.walk(seq_t{1}, visit); !walked)
    return walked.error();
  if (!mark_was_passed)
    return failure{failure_code::corrupt, "entries up to " + std::to_string(mark.newest().value) +
                                              " were acknowledged, and only those up to " + std::to_string(chain.newest().value) +
                                              " can be kept: nothing was changed, restore a backup"};
  return chain.newest();
}

// What the store could read is in tables by now. A log in which it could read nothing it leaves as it is, and the server would refuse it
// for ever.
result<void> cut_what_is_left(const journal_folder& folder) {
  const result<log_damage> left = find_log_damage(folder);
  if (!left)
    return left.error();
  for (const log_damage::file& each : left->files)
    if (result<void> cut = folder.with.on.cut(each.path, each.sound_bytes); !cut)
      return cut;
  return {};
}

// The store's list of its tables, where the power went in the middle of a record. RocksDB does not open then in any mode, so that what
// would be kept can only be seen with the end cut off: it is put aside before, and put back if that is not everything acknowledged.
class torn_manifest {
public:
  explicit torn_manifest(const journal_folder& folder) : disk_(folder.with.on), blocks_(folder.blocks()) {}

  // How many bytes were cut off.
  result<std::uint64_t> cut() {
    const result<std::vector<std::byte>> current = disk_.read_all(blocks_ / "CURRENT");
    if (!current)
      return current.error();
    std::string_view name(reinterpret_cast<const char*>(current->data()), current->size());
    name = name.substr(0, name.find('\n'));
    if (!name.starts_with("MANIFEST-"))
      return std::uint64_t{0}; // the store says so
    file_ = blocks_ / name;
    aside_ = file_;
    aside_ += ".damaged";
    if (result<void> begun = put_back(); !begun) // of a repair that did not come to its end
      return begun.error();
    const result<log_file_state> state = inspect_log_file(file_, disk_);
    if (!state)
      return state.error();
    if (!state->damaged())
      return std::uint64_t{0};
    const result<std::vector<std::byte>> content = disk_.read_all(file_);
    if (!content)
      return content.error();
    if (result<void> kept = disk_.put(aside_, *content); !kept)
      return kept.error();
    if (result<void> done = disk_.cut(file_, state->sound_bytes); !done)
      return done.error();
    problem_ = file_.string() + " is damaged from byte " + std::to_string(state->sound_bytes) + " of " + std::to_string(state->bytes) +
               " on; it stays as it was, for without its end: ";
    return state->bytes - state->sound_bytes;
  }

  // What to say before why that cannot be kept; empty if nothing was cut.
  const std::string& problem() const { return problem_; }

  // As it was.
  result<void> put_back() {
    const result<bool> is_there = disk_.exists(aside_);
    if (!is_there || !*is_there)
      return is_there ? result<void>() : is_there.error();
    const result<std::vector<std::byte>> content = disk_.read_all(aside_);
    if (!content)
      return content.error();
    if (result<void> put = disk_.put(file_, *content); !put)
      return put;
    return forget();
  }

  result<void> forget() {
    const result<bool> is_there = disk_.exists(aside_);
    if (!is_there || !*is_there)
      return is_there ? result<void>() : is_there.error();
    if (result<void> removed = disk_.remove(aside_); !removed)
      return removed;
    return disk_.sync_folder(blocks_);
  }

private:
  const disk disk_;
  const std::filesystem::path blocks_;
  std::filesystem::path file_, aside_;
  std::string problem_;
};

// What would be kept, seen without a change.
result<seq_t> show(const journal_folder& folder, const high_water_mark& mark) {
  const auto shown = block_store::open(folder.blocks(), block_store::mode::repair_read_only, folder.with);
  if (!shown)
    return shown.error();
  return verify_all(**shown, mark);
}

result<repair_report> repair_checked(const journal_folder& folder) {
  {
    // nobody may write meanwhile; opening for serving would refuse for the damage first
    const result<void> free = block_store::check_unlocked(folder.blocks(), folder.with.on);
    if (!free)
      return free.error();
  }
  const auto mark = high_water_mark::open(folder.mark(), true, folder.with.on);
  if (!mark)
    return mark.error();
  repair_report report;
  report.acknowledged = mark->newest();
  const result<log_damage> damage = find_log_damage(folder);
  if (!damage)
    return damage.error();
  report.bytes_dropped = damage->bytes;
  torn_manifest manifest(folder);
  const result<std::uint64_t> cut = manifest.cut();
  const result<seq_t> kept = cut ? show(folder, *mark) : cut.error();
  if (!kept) {
    const result<void> restored = manifest.put_back();
    return restored ? failure{kept.error().code, manifest.problem() + kept.error().what} : restored.error();
  }
  report.kept = *kept;
  report.bytes_dropped += *cut;
  {
    const auto repaired = block_store::open(folder.blocks(), block_store::mode::repair, folder.with);
    if (!repaired)
      return repaired.error();
    const result<seq_t> left = verify_all(**repaired, *mark);
    if (!left)
      return left.error();
    TALLY_ASSERT(*left == report.kept, static_cast<long long>(left->value), static_cast<long long>(report.kept.value));
  }
  if (result<void> done = cut_what_is_left(folder); !done)
    return done.error();
  if (result<void> done = manifest.forget(); !done)
    return done.error();
  return report;
}

} // namespace

result<repair_report> repair_journal(const std::filesystem::path& folder, rocksdb::Env* env) {
  auto report = repair_checked({folder, {disk(env)}});
  if (!report)
    return failure{report.error().code, "journal " + folder.string() + ": " + report.error().what};
  return report;
}

} // namespace tally::wal
