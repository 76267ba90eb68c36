// `tally repair`: first shown read-only what would be kept, and only if that is everything that was ever acknowledged, done.
#include "wal/chain_check.hpp"
#include "wal/journal_folder.hpp"
#include "wal/rocksdb_journal.hpp"

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
  {
    const auto shown = block_store::open(folder.blocks(), block_store::mode::repair_read_only, folder.with);
    if (!shown)
      return shown.error();
    const result<seq_t> kept = verify_all(**shown, *mark);
    if (!kept)
      return kept.error();
    report.kept = *kept;
  }
  {
    const auto repaired = block_store::open(folder.blocks(), block_store::mode::repair, folder.with);
    if (!repaired)
      return repaired.error();
    const result<seq_t> kept = verify_all(**repaired, *mark);
    if (!kept)
      return kept.error();
    TALLY_ASSERT(*kept == report.kept, static_cast<long long>(kept->value), static_cast<long long>(report.kept.value));
  }
  if (result<void> cut = cut_what_is_left(folder); !cut)
    return cut.error();
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
