#include "wal/block_store.hpp"

#include "database/strict_options.hpp"
#include "wal/compaction_pace.hpp"
#include "wal/handover.hpp"
#include "wal/segment_archive.hpp"
#include "wal/table_file.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace tally::wal {
namespace {

constexpr std::size_t commit_bytes_expected = 2ull << 20;
constexpr std::size_t read_cache_bytes = 32ull << 20;
constexpr std::size_t walk_readahead_bytes = 2ull << 20;
// Log files go in steps while the ledger runs: unlinking one of 64 MB at once blocks every sync for about 100 ms. The rate lies
// above that at which a flood fills them.
constexpr std::int64_t delete_bytes_per_second = 128ll << 20;
constexpr std::uint64_t delete_step_bytes = 1ull << 20;
constexpr double trash_without_bound = 1e9;
// What a deletion leaves to be written again: 3 tables a round or so, beside the server's own flushes.
constexpr std::uint64_t compacted_bytes_per_second = 32ull << 20;
constexpr std::chrono::milliseconds lock_interval{50}, trash_interval{10};
constexpr std::chrono::seconds patience{2}; // then somebody who waits at a terminal is told why

// RocksDB's own log of what it does. Never a file: on a full disk it aborts inside it. Warnings are kept in memory because they say
// more than its statuses do.
class warning_keeper : public rocksdb::Logger {
public:
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override { Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments); }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level == rocksdb::InfoLogLevel::HEADER_LEVEL)
      return;
    std::array<char, 512> line;
    std::vsnprintf(line.data(), line.size(), format, arguments);
    const std::lock_guard held(mutex_);
    lines_.emplace_back(line.data());
    if (lines_.size() > lines_max)
      lines_.pop_front();
  }
  std::string all() const {
    const std::lock_guard held(mutex_);
    std::string text;
    for (const std::string& line : lines_)
      text += "; " + line;
    return text;
  }

private:
  static constexpr std::size_t lines_max = 4;
  mutable std::mutex mutex_;
  std::deque<std::string> lines_;
};

// Big endian, so that the order of keys is the order of seqs.
struct block_key {
  std::array<char, 8> text;

  explicit block_key(seq_t first) {
    for (std::size_t i = 0; i < text.size(); ++i)
      text[i] = static_cast<char>(first.value >> (56 - 8 * i));
  }
  rocksdb::Slice slice() const { return {text.data(), text.size()}; }
};

// 0, which no block begins with, if it is not a block's key.
seq_t seq_of(const rocksdb::Slice& key) {
  if (key.size() != 8)
    return {};
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i)
    value = value << 8 | static_cast<unsigned char>(key[i]);
  return {value};
}

std::span<const std::byte> bytes_of(const rocksdb::Slice& slice) { return std::as_bytes(std::span(slice.data(), slice.size())); }

// Whether the file system of `folder` takes direct writes.
bool direct_io_works(const std::filesystem::path& folder) {
  const int probe = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
  if (probe < 0)
    return false;
  ::close(probe);
  return true;
}

bool writes(block_store::mode how) { return how != block_store::mode::read_only && how != block_store::mode::repair_read_only; }
bool repairs(block_store::mode how) { return how == block_store::mode::repair || how == block_store::mode::repair_read_only; }

rocksdb::Options store_options(const std::filesystem::path& folder, block_store::mode how, const block_store::options& with,
                               std::shared_ptr<rocksdb::Logger> log) {
  rocksdb::Options options;
  options.env = with.on.env();
  options.create_if_missing = how == block_store::mode::create;
  options.error_if_exists = how == block_store::mode::create;
  // The default mode opens with half of the acknowledged records after one flipped bit.
  options.wal_recovery_mode =
      repairs(how) ? rocksdb::WALRecoveryMode::kPointInTimeRecovery : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.avoid_flush_during_recovery = false;
  options.avoid_flush_during_shutdown = true;
  options.track_and_verify_wals_in_manifest = false; // false alarms in 7.8
  options.recycle_log_file_num = 0;
  database::make_strict(options);
  options.info_log = std::move(log);
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;

  options.write_buffer_size = with.memtable_bytes;
  options.max_write_buffer_number = 4;
  options.allow_concurrent_memtable_write = false; // there is one writer
  options.use_direct_io_for_flush_and_compaction = writes(how) && with.on.is_the_machines() && direct_io_works(folder);
  options.bytes_per_sync = 1ull << 20; // where direct writes do not work
  // Keys only ever rise: files move down the levels as they are, and nothing is ever merged or held up.
  options.compression = rocksdb::kNoCompression;
  options.target_file_size_base = 2 * with.memtable_bytes;
  options.level0_slowdown_writes_trigger = 1000;
  options.level0_stop_writes_trigger = 2000;
  options.soft_pending_compaction_bytes_limit = 0;
  options.hard_pending_compaction_bytes_limit = 0;

  rocksdb::BlockBasedTableOptions table;
  table.checksum = rocksdb::kXXH3;
  table.block_cache = rocksdb::NewLRUCache(read_cache_bytes);
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  if (writes(how) && with.on.is_the_machines())
    options.rate_limiter = make_compaction_pace(compacted_bytes_per_second);
  if (writes(how)) {
    rocksdb::Status status;
    options.sst_file_manager.reset(rocksdb::NewSstFileManager(options.env, nullptr, "", delete_bytes_per_second, true, &status,
                                                              trash_without_bound, delete_step_bytes));
  }
  return options;
}

// For who only reads: nobody deletes tables while it lives. Where the file system has no locks it holds nobody up.
std::optional<file_handle> lock_to_read(const std::filesystem::path& folder) {
  const auto begun = std::chrono::steady_clock::now();
  for (bool was_told = false;;) {
    result<file_handle> lock = lock_folder(folder, folder_use::read);
    if (lock)
      return std::move(*lock);
    if (lock.error().code != failure_code::locked)
      return std::nullopt; // the store says what is wrong with the folder
    if (!was_told && std::chrono::steady_clock::now() - begun > patience && ::isatty(STDERR_FILENO) != 0) {
      std::fprintf(stderr, "tally: entries are leaving the store for the archive; waiting until they are gone\n");
      was_told = true;
    }
    std::this_thread::sleep_for(lock_interval);
  }
}

// What RocksDB says of each table that does not open by itself: of the database it names the list of tables only, its manifest.
std::string table_problems(const rocksdb::Options& options, const std::filesystem::path& folder) {
  const auto tables = disk(options.env).files_in(folder, ".sst");
  if (!tables)
    return {};
  std::string problems;
  for (const std::filesystem::path& table : *tables)
    if (const rocksdb::Status status = rocksdb::SstFileReader(options).Open(table.string()); !status.ok())
      problems += "; " + table.string() + ": " + status.ToString();
  return problems;
}

failure open_failure(const rocksdb::Status& status, const std::filesystem::path& folder, const std::string& warnings) {
  const std::string text = status.ToString();
  const bool is_locked = status.IsIOError() && text.find("LOCK") != std::string::npos;
  if (is_locked)
    return {failure_code::locked, "another server has " + folder.string() + " (" + text + ")"};
  const bool is_damage = status.IsCorruption() || status.IsInvalidArgument() || status.IsNotFound() || status.IsPathNotFound();
  return {is_damage ? failure_code::corrupt : failure_code::io, folder.string() + " does not open: " + text + warnings};
}

} // namespace

struct block_store::impl {
  std::filesystem::path folder;
  disk on;
  std::optional<file_handle> lock; // while it reads only; where a drop was interrupted, until it is closed
  std::shared_ptr<warning_keeper> warnings = std::make_shared<warning_keeper>();
  std::unique_ptr<rocksdb::DB> db;
  std::unique_ptr<const segment_archive> archive;
  rocksdb::WriteBatch pending{commit_bytes_expected};
  bool compacts = true;

  // Where the archive ends and the store begins, in the state that the iterator shows: blocks may leave the store meanwhile. Moves it
  // there.
  result<segment_archive::boundary> boundary_of(rocksdb::Iterator& at) const {
    at.SeekToFirst();
    if (!at.status().ok())
      return failed("reading", at.status());
    if (!at.Valid())
      return segment_archive::boundary{};
    const result<block_header> header = read_block_header(bytes_of(at.value()));
    if (!header)
      return failure{failure_code::corrupt, "block " + std::to_string(seq_of(at.key()).value) + " " + header.error().what};
    return segment_archive::boundary{seq_of(at.key()), header->prev_hash};
  }

  failure failed(const char* doing, const rocksdb::Status& status) const {
    const failure_code code = status.IsCorruption() ? failure_code::corrupt : failure_code::io;
    return {code, std::string(doing) + " in " + folder.string() + ": " + status.ToString() + warnings->all()};
  }
};

block_store::block_store(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
block_store::~block_store() = default;

result<std::unique_ptr<block_store>> block_store::open(const std::filesystem::path& folder, mode how, const options& with) {
  auto state = std::make_unique<impl>();
  state->folder = folder;
  state->on = with.on;
  if (!writes(how) && with.on.is_the_machines())
    state->lock = lock_to_read(folder);
  if (how != mode::create)
    if (result<void> checked = check_tables(folder, with.on); !checked)
      return checked.error();
  state->archive = std::make_unique<const segment_archive>(archive_location{folder.parent_path()});
  rocksdb::Options options = store_options(folder, how, with, state->warnings);
  if (writes(how) && with.on.is_the_machines()) {
    const result<bool> is_asked = handover_file({folder.parent_path()}).is_there();
    options.disable_auto_compactions = !is_asked || *is_asked;
    state->compacts = !options.disable_auto_compactions;
  }
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      writes(how) ? rocksdb::DB::Open(options, folder.string(), &db) : rocksdb::DB::OpenForReadOnly(options, folder.string(), &db);
  state->db.reset(db);
  if (!status.ok()) {
    const std::string warnings = state->warnings->all();
    return open_failure(status, folder, (status.IsCorruption() ? table_problems(options, folder) : "") + warnings);
  }
  return std::unique_ptr<block_store>(new block_store(std::move(state)));
}

result<void> block_store::check_unlocked(const std::filesystem::path& folder, const disk& on) {
  rocksdb::Env* const env = on.env();
  rocksdb::FileLock* lock = nullptr;
  const rocksdb::Status status = env->LockFile((folder / "LOCK").string(), &lock);
  if (!status.ok())
    return open_failure(status, folder, "");
  const rocksdb::Status unlocked = env->UnlockFile(lock);
  if (!unlocked.ok())
    return open_failure(unlocked, folder, "");
  return {};
}

void block_store::add(seq_t first, std::span<const std::byte> block) {
  const rocksdb::Slice value(reinterpret_cast<const char*>(block.data()), block.size());
  const rocksdb::Status status = impl_->pending.Put(block_key(first).slice(), value);
  TALLY_ASSERT(status.ok(), static_cast<long long>(first.value), static_cast<long long>(block.size()));
}

result<void> block_store::commit(bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  const rocksdb::Status status = impl_->db->Write(options, &impl_->pending);
  impl_->pending.Clear();
  if (!status.ok())
    return impl_->failed("writing", status);
  return {};
}

result<std::optional<seq_t>> block_store::find(seq_t number, std::string& out) const {
  const std::unique_ptr<rocksdb::Iterator> at(impl_->db->NewIterator(rocksdb::ReadOptions()));
  at->SeekForPrev(block_key(number).slice());
  if (!at->status().ok())
    return impl_->failed("reading", at->status());
  if (!at->Valid()) {
    const auto end = impl_->boundary_of(*at);
    if (!end)
      return end.error();
    return impl_->archive->find(number, *end, out);
  }
  out.assign(at->value().data(), at->value().size());
  return std::optional<seq_t>(seq_of(at->key()));
}

result<void> block_store::walk(seq_t from, const std::function<result<bool>(const block&)>& visit) const {
  rocksdb::ReadOptions options;
  options.readahead_size = walk_readahead_bytes;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(impl_->db->NewIterator(options));
  at->SeekForPrev(block_key(from).slice());
  if (at->status().ok() && !at->Valid()) {
    const auto end = impl_->boundary_of(*at);
    if (!end)
      return end.error();
    const result<bool> go_on = impl_->archive->walk(from, *end, visit);
    if (!go_on)
      return go_on.error();
    if (!*go_on)
      return {};
  }
  for (; at->Valid(); at->Next()) {
    const result<bool> go_on = visit({seq_of(at->key()), bytes_of(at->value())});
    if (!go_on)
      return go_on.error();
    if (!*go_on)
      return {};
  }
  if (!at->status().ok())
    return impl_->failed("reading", at->status());
  return {};
}

result<std::optional<seq_t>> block_store::first() const {
  const std::unique_ptr<rocksdb::Iterator> at(impl_->db->NewIterator(rocksdb::ReadOptions()));
  const auto begin = impl_->boundary_of(*at);
  if (!begin)
    return begin.error();
  return begin->first ? std::optional(begin->first) : std::optional<seq_t>();
}

// First all of it at once, so that there is never a gap; then the space comes back.
result<block_store::dropped> block_store::drop_before(seq_t kept, std::atomic<bool>& stopping) {
  if (!impl_->lock) {
    result<file_handle> alone = lock_folder(impl_->folder, folder_use::write);
    if (!alone) // or too many files are open, say: no reason to end anything
      return dropped::nothing;
    impl_->lock = std::move(*alone);
  }
  const auto begins = first();
  if (!begins)
    return begins.error();
  rocksdb::DB& db = *impl_->db;
  const block_key from(seq_t{0}), to(kept);
  const rocksdb::Slice begin = from.slice(), end = to.slice();
  rocksdb::Status status;
  if (*begins && **begins < kept) { // not of an interrupted one
    rocksdb::WriteOptions synced;
    synced.sync = true;
    status = db.DeleteRange(synced, db.DefaultColumnFamily(), begin, end);
  }
  if (status.ok() && !stopping)
    status = db.Flush(rocksdb::FlushOptions());
  if (status.ok() && !stopping)
    status = rocksdb::DeleteFilesInRange(&db, db.DefaultColumnFamily(), &begin, &end, false);
  if (status.ok() && !stopping) {
    rocksdb::CompactRangeOptions rest; // what lay in a file with newer blocks
    rest.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    rest.exclusive_manual_compaction = false; // the server's own go on
    rest.canceled = &stopping;
    status = db.CompactRange(rest, &begin, &end);
  }
  if (stopping && (status.ok() || status.IsManualCompactionPaused()))
    return dropped::interrupted;
  if (!status.ok())
    return impl_->failed("deleting", status);
  impl_->lock.reset();
  if (result<void> resumed = resume_compactions(); !resumed)
    return resumed.error();
  // Not until its deleter has nothing more to do: that counts what somebody else deleted, who opened a store that he may not have, for
  // ever.
  while (!stopping) {
    const auto trash = impl_->on.files_in(impl_->folder, ".trash");
    if (!trash || trash->empty())
      break;
    std::this_thread::sleep_for(trash_interval);
  }
  return dropped::all;
}

void block_store::interrupt_drops() { impl_->db->DisableManualCompaction(); }

bool block_store::is_being_read() const {
  if (impl_->lock)
    return false;
  const result<file_handle> alone = lock_folder(impl_->folder, folder_use::write);
  return !alone && alone.error().code == failure_code::locked;
}

result<void> block_store::resume_compactions() {
  if (std::exchange(impl_->compacts, true))
    return {};
  const rocksdb::Status status = impl_->db->SetOptions({{"disable_auto_compactions", "false"}});
  if (!status.ok())
    return impl_->failed("going on", status);
  return {};
}

} // namespace tally::wal
