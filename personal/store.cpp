#include "personal/store.hpp"
#include "database/folder.hpp"
#include "personal/acknowledged_mark.hpp"
#include "personal/store_options.hpp"

#include <openssl/rand.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <set>

namespace tally::personal {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t former_phones_max = 32; // of an account, before what is left of them is purged
constexpr int compactions_max = 8;
constexpr std::int64_t purge_patience_us = 30'000'000, purge_pause_max_us = 100'000;

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

failure failed(const fs::path& folder, const std::string& doing, const rocksdb::Status& status) {
  return {status.IsCorruption() ? failure_code::corrupt : failure_code::io,
          "personal data " + folder.string() + ": " + doing + ": " + status.ToString()};
}

failure open_failure(const fs::path& folder, const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("LOCK") != std::string::npos)
    return {failure_code::locked, "another server has " + folder.string() + " (" + text + ")"};
  const bool is_damage = status.IsCorruption() || status.IsInvalidArgument() || status.IsNotFound() || status.IsPathNotFound();
  return {is_damage ? failure_code::corrupt : failure_code::io, "personal data " + folder.string() + " does not open: " + text};
}

// Where RocksDB keeps data: tables, logs, the list of tables.
bool holds_keys(const std::string& name) {
  return name.ends_with(".sst") || name.ends_with(".log") || name.ends_with(".dbtmp") || name.starts_with("MANIFEST");
}

result<std::set<std::string>> files_in(rocksdb::Env& env, const fs::path& folder) {
  std::vector<std::string> all;
  if (const rocksdb::Status status = env.GetChildren(folder.string(), &all); !status.ok())
    return failed(folder, "listing", status);
  std::set<std::string> names;
  std::ranges::copy_if(all, std::inserter(names, names.end()), holds_keys);
  return names;
}

// Whether there is no database yet. One without its CURRENT file would be made again, and lost.
result<bool> has_no_database(rocksdb::Env& env, const fs::path& folder) {
  if (env.FileExists((folder / "CURRENT").string()).ok())
    return false;
  const auto names = files_in(env, folder);
  if (!names)
    return names.error();
  for (const std::string& name : *names)
    if (name.ends_with(".sst") || name.ends_with(".log"))
      return failure{failure_code::corrupt, "personal data " + folder.string() + ": " + name + " is there and CURRENT is missing"};
  return true;
}

void fill_randomly(unsigned char* bytes, std::size_t count) {
  const int done = RAND_bytes(bytes, static_cast<int>(count));
  TALLY_ASSERT(done == 1);
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  while (number == 0)
    fill_randomly(reinterpret_cast<unsigned char*>(&number), sizeof number);
  return number;
}

} // namespace

struct store::impl {
  fs::path folder;
  rocksdb::Env* env = nullptr;
  std::unique_ptr<rocksdb::DB> db;
  std::mutex mark_mutex;
  std::optional<acknowledged_mark> mark;
  salt secret{};
  std::uint64_t purges = 0;

  result<void> open(bool is_new) {
    auto found = acknowledged_mark::open(*env, folder / "acknowledged");
    if (!found)
      return found.error();
    mark = std::move(*found);
    rocksdb::Options options = store_options(is_new, env);
    const bool is_known = mark->newest().has_value();
    if (!is_new && is_known) {
      options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
      if (result<void> there = all_acknowledged(options); !there)
        return there;
    }
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options, folder.string(), &opened);
    db.reset(opened);
    if (!status.ok())
      return open_failure(folder, status);
    if (is_known)
      return {};
    const result<void> raised = mark->raise(db->GetLatestSequenceNumber());
    return raised ? mark->sync() : raised;
  }

  // Looks without changing anything: opening drops what is behind the first bad record of the log, which must be nothing but what was being
  // written when the power went.
  result<void> all_acknowledged(const rocksdb::Options& options) const {
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, folder.string(), &opened);
    const std::unique_ptr<rocksdb::DB> seen(opened);
    if (!status.ok())
      return open_failure(folder, status);
    if (const std::uint64_t there = seen->GetLatestSequenceNumber(); there < *mark->newest())
      return failure{failure_code::corrupt, "personal data " + folder.string() +
                                                ": a log is damaged or gone, and acknowledged changes with it: there are " +
                                                std::to_string(there) + " of " + std::to_string(*mark->newest())};
    return {};
  }

  result<void> read_format(bool is_new) {
    const result<std::optional<std::string>> found = read(format_key);
    if (!found)
      return found.error();
    if (*found) {
      const result<salt> decoded = decode_format(**found);
      if (!decoded)
        return explain(decoded.error());
      secret = *decoded;
      return {};
    }
    if (!is_new && !has_nothing())
      return failure{failure_code::corrupt, "personal data " + folder.string() + ": the format record is missing"};
    fill_randomly(secret.data(), secret.size());
    rocksdb::WriteBatch batch;
    put(batch, format_key, encode_format(secret));
    return write(batch, true, "writing the format");
  }

  // A server that was killed while it made the folder left no records.
  bool has_nothing() const {
    const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(rocksdb::ReadOptions()));
    at->SeekToFirst();
    return !at->Valid() && at->status().ok();
  }

  failure explain(const failure& why) const { return {why.code, "personal data " + folder.string() + ": " + why.what}; }

  result<std::optional<std::string>> read(std::string_view key) const {
    std::string value;
    const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), slice(key), &value);
    if (status.IsNotFound())
      return std::optional<std::string>();
    if (!status.ok())
      return failed(folder, "reading", status);
    return std::optional<std::string>(std::move(value));
  }

  result<std::optional<account_record>> record_of(std::string_view merchant, std::string_view account) const {
    const result<std::optional<std::string>> found = read(account_key(merchant, account));
    if (!found)
      return found.error();
    if (!*found)
      return std::optional<account_record>();
    result<account_record> decoded = decode_account(**found);
    if (!decoded)
      return explain(decoded.error());
    return std::optional<account_record>(std::move(*decoded));
  }

  static void put(rocksdb::WriteBatch& batch, std::string_view key, std::string_view value) {
    const rocksdb::Status status = batch.Put(slice(key), slice(value));
    TALLY_ASSERT(status.ok(), static_cast<long long>(value.size()));
  }
  static void remove(rocksdb::WriteBatch& batch, std::string_view key) {
    const rocksdb::Status status = batch.Delete(slice(key));
    TALLY_ASSERT(status.ok());
  }

  result<void> write(rocksdb::WriteBatch& batch, bool sync, const char* doing) {
    rocksdb::WriteOptions options;
    options.sync = sync;
    const rocksdb::Status status = db->Write(options, &batch);
    if (!status.ok())
      return failed(folder, doing, status);
    return sync ? acknowledge(db->GetLatestSequenceNumber()) : result<void>();
  }

  // Everything up to there is synced.
  result<void> acknowledge(rocksdb::SequenceNumber sequence) {
    const std::lock_guard held(mark_mutex);
    return mark->raise(sequence);
  }

  result<void> begin(const intent& begun) {
    rocksdb::WriteBatch batch;
    put(batch, intent_key(begun.number), encode(begun));
    return write(batch, true, "beginning a change");
  }

  // The account has this data from now on, and a phone that it had before is free.
  result<void> put_profile(rocksdb::WriteBatch& batch, std::string_view merchant, std::string_view account, const profile& data) {
    const auto before = record_of(merchant, account);
    if (!before)
      return before.error();
    account_record record{data, {}};
    if (*before) {
      record.former_phone_keys = (*before)->former_phone_keys;
      if (result<void> few = purge_many(record.former_phone_keys); !few)
        return few;
      const std::string& phone = (*before)->data.phone;
      if (!phone.empty() && phone != data.phone) {
        record.former_phone_keys.push_back(phone_key(secret, merchant, phone));
        remove(batch, record.former_phone_keys.back());
      }
    }
    if (!data.phone.empty())
      put(batch, phone_key(secret, merchant, data.phone), account);
    put(batch, account_key(merchant, account), encode(record));
    return {};
  }

  result<void> purge_many(std::vector<std::string>& former_keys) {
    if (former_keys.size() < former_phones_max)
      return {};
    if (result<void> gone = rewrite(former_keys); !gone)
      return gone;
    former_keys.clear();
    return leave_old_files();
  }

  result<void> settle_keep(const intent& begun, std::string_view account) {
    rocksdb::WriteBatch batch;
    if (result<void> stored = put_profile(batch, begun.merchant, account, begun.data); !stored)
      return stored;
    remove(batch, intent_key(begun.number));
    return write(batch, false, "settling a change"); // were it lost, the intent would be settled again
  }

  // The intent stays until nothing is left.
  result<void> settle_erase(const intent& begun) {
    if (result<void> removed = delete_account(begun); !removed)
      return removed;
    std::vector<std::string> keys = begun.phone_keys;
    keys.push_back(account_key(begun.merchant, begun.account));
    if (result<void> gone = rewrite(keys); !gone)
      return gone;
    return close(begun);
  }

  // What the intent says goes from it before it goes itself: killed on the way, the next start sees that there is something to do.
  result<void> close(const intent& begun) {
    intent bare = begun;
    bare.data = {};
    bare.phone_keys.clear();
    if (result<void> kept = begin(bare); !kept)
      return kept;
    if (result<void> gone = rewrite({}); !gone)
      return gone;
    rocksdb::WriteBatch batch;
    remove(batch, intent_key(begun.number));
    if (result<void> closed = write(batch, true, "closing a change"); !closed)
      return closed;
    return leave_old_files();
  }

  result<void> delete_account(const intent& begun) {
    rocksdb::WriteBatch batch;
    remove(batch, account_key(begun.merchant, begun.account));
    for (const std::string& key : begun.phone_keys) {
      const result<std::optional<std::string>> owner = read(key);
      if (!owner)
        return owner.error();
      if (*owner && **owner == begun.account) // it may be another's by now
        remove(batch, key);
    }
    return write(batch, true, "erasing");
  }

  // Every table that has something at these places, or an intent, is written again without what was deleted or replaced there.
  result<void> rewrite(const std::vector<std::string>& keys) {
    const rocksdb::Status flushed = db->Flush(rocksdb::FlushOptions());
    if (!flushed.ok())
      return failed(folder, "flushing", flushed);
    for (const std::string& key : keys)
      if (result<void> gone = compact(key, key); !gone)
        return gone;
    return compact(first_intent_key, after_intent_keys);
  }

  // Again where RocksDB's own compaction comes between: it may move tables to the next level without a look into them, and they are
  // passed over then.
  result<void> compact(std::string_view first, std::string_view last) {
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    options.exclusive_manual_compaction = true;
    const rocksdb::Slice from = slice(first), to = slice(last);
    for (int tries = 0; tries < compactions_max; ++tries) {
      const std::map<std::string, int> before = levels();
      const rocksdb::Status status = db->CompactRange(options, &from, &to);
      if (!status.ok())
        return failed(folder, "compacting", status);
      const auto has_moved = [&](const auto& table) { return before.contains(table.first) && before.at(table.first) != table.second; };
      if (std::ranges::none_of(levels(), has_moved))
        return {};
    }
    return failure{failure_code::io, "personal data " + folder.string() + ": tables with erased data move and are not written again"};
  }

  // Of each table.
  std::map<std::string, int> levels() const {
    std::map<std::string, int> levels;
    for (const rocksdb::LiveFileMetaData& each : tables())
      levels.emplace(each.relative_filename, each.level);
    return levels;
  }

  std::vector<rocksdb::LiveFileMetaData> tables() const {
    std::vector<rocksdb::LiveFileMetaData> tables;
    db->GetLiveFilesMetaData(&tables);
    return tables;
  }

  // One more flush: a new log and a new manifest, which knows nothing of the tables that were written again. Then what RocksDB no
  // longer uses goes.
  result<void> leave_old_files() {
    rocksdb::WriteBatch batch;
    put(batch, purges_key, std::to_string(++purges));
    if (result<void> written = write(batch, true, "closing a log"); !written)
      return written;
    const rocksdb::Status flushed = db->Flush(rocksdb::FlushOptions());
    if (!flushed.ok())
      return failed(folder, "flushing", flushed);
    std::int64_t waited_us = 0;
    for (std::int64_t pause_us = 1'000;; pause_us = std::min(2 * pause_us, purge_pause_max_us)) {
      const result<std::string> old = oldest_unused_file();
      if (!old)
        return old.error();
      if (old->empty())
        return sync_folder();
      if (waited_us > purge_patience_us)
        return failure{failure_code::io, "personal data " + folder.string() + ": " + *old + " holds erased data and is not deleted"};
      // A look through the whole folder, here and now; a read that has just ended may have kept a table.
      rocksdb::Status deleted = db->DisableFileDeletions();
      if (deleted.ok())
        deleted = db->EnableFileDeletions();
      if (!deleted.ok())
        return failed(folder, "deleting files", deleted);
      env->SleepForMicroseconds(static_cast<int>(pause_us));
      waited_us += pause_us;
    }
  }

  // Else a power loss could bring deleted files back.
  result<void> sync_folder() const {
    if (const rocksdb::Status synced = database::sync_folder(*env, folder); !synced.ok())
      return failed(folder, "syncing it", synced);
    return {};
  }

  // What a killed process had begun to write and not named yet: RocksDB leaves it where its number is a newer one than any it knows. Before
  // RocksDB is there, which gives that number to files of its own, and while nobody else can be.
  result<void> drop_unfinished_files() const {
    rocksdb::FileLock* lock = nullptr;
    if (!env->LockFile((folder / "LOCK").string(), &lock).ok())
      return {}; // somebody else has it, which opening it says
    const result<void> dropped = drop_temporary_files("");
    const rocksdb::Status unlocked = env->UnlockFile(lock);
    return dropped.ok() && !unlocked.ok() ? result<void>(failed(folder, "unlocking it", unlocked)) : dropped;
  }

  // Its options, where opening could not write them; no other thread writes such a file. A purge would wait for it to go.
  result<void> drop_unfinished_options() const { return drop_temporary_files("OPTIONS-"); }

  result<void> drop_temporary_files(std::string_view beginning) const {
    const auto names = files_in(*env, folder);
    if (!names)
      return names.error();
    for (const std::string& name : *names)
      if (name.starts_with(beginning) && name.ends_with(".dbtmp"))
        if (const rocksdb::Status gone = env->DeleteFile((folder / name).string()); !gone.ok() && !gone.IsPathNotFound())
          return failed(folder, "deleting " + name, gone);
    return {};
  }

  // Empty: there are only tables in use, one log and one manifest.
  result<std::string> oldest_unused_file() const {
    const auto names = files_in(*env, folder);
    if (!names)
      return names.error();
    std::set<std::string> used;
    for (const rocksdb::LiveFileMetaData& table : tables())
      used.insert(table.relative_filename);
    std::string log, manifest;
    for (const std::string& name : *names) { // in the order of their numbers
      if (name.ends_with(".sst") ? !used.contains(name) : name.ends_with(".dbtmp"))
        return name;
      std::string* const only = name.ends_with(".log") ? &log : name.starts_with("MANIFEST") ? &manifest : nullptr;
      if (only != nullptr && !only->empty())
        return *only;
      if (only != nullptr)
        *only = name;
    }
    return std::string();
  }
};

store::store(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
store::~store() = default;

result<std::unique_ptr<store>> store::open(const std::filesystem::path& folder, rocksdb::Env* env) {
  auto state = std::make_unique<impl>();
  state->folder = folder;
  state->env = env != nullptr ? env : rocksdb::Env::Default();
  if (const rocksdb::Status made = database::make_folder(*state->env, folder); !made.ok())
    return failed(folder, "making it", made);
  const result<bool> is_new = has_no_database(*state->env, folder);
  if (!is_new)
    return is_new.error();
  if (result<void> dropped = state->drop_unfinished_files(); !dropped)
    return dropped.error();
  if (result<void> opened = state->open(*is_new); !opened)
    return opened.error();
  if (result<void> known = state->read_format(*is_new); !known)
    return known.error();
  if (result<void> dropped = state->drop_unfinished_options(); !dropped)
    return dropped.error();
  return std::unique_ptr<store>(new store(std::move(state)));
}

result<std::string> store::account_of(std::string_view merchant, std::string_view phone) const {
  const result<std::optional<std::string>> account = impl_->read(phone_key(impl_->secret, merchant, phone));
  if (!account)
    return account.error();
  if (!*account)
    return std::string();
  const auto record = impl_->record_of(merchant, **account); // another's by now, or an equal hash
  if (!record)
    return record.error();
  return *record && (*record)->data.phone == phone ? **account : std::string();
}

result<std::optional<profile>> store::profile_of(std::string_view merchant, std::string_view account) const {
  const auto record = impl_->record_of(merchant, account);
  if (!record)
    return record.error();
  return *record ? std::optional<profile>((*record)->data) : std::nullopt;
}

result<intent> store::begin_keep(std::string_view merchant, std::string_view account, const profile& data) {
  intent begun{intent::kind::keep, random_number(), std::string(merchant), std::string(account), data, {}};
  if (const result<void> done = impl_->begin(begun); !done)
    return done.error();
  return begun;
}

result<intent> store::begin_erase(std::string_view merchant, std::string_view account) {
  intent begun{intent::kind::erase, random_number(), std::string(merchant), std::string(account), {}, {}};
  const auto record = impl_->record_of(merchant, account);
  if (!record)
    return record.error();
  if (*record) {
    begun.phone_keys = (*record)->former_phone_keys;
    if (!(*record)->data.phone.empty())
      begun.phone_keys.push_back(phone_key(impl_->secret, merchant, (*record)->data.phone));
  }
  if (const result<void> done = impl_->begin(begun); !done)
    return done.error();
  return begun;
}

result<std::vector<intent>> store::open_intents() const {
  std::vector<intent> found;
  const std::unique_ptr<rocksdb::Iterator> at(impl_->db->NewIterator(rocksdb::ReadOptions()));
  for (at->Seek(slice(first_intent_key)); at->Valid() && view(at->key()) < after_intent_keys; at->Next()) {
    result<intent> decoded = decode_intent(view(at->key()), view(at->value()));
    if (!decoded)
      return impl_->explain(decoded.error());
    found.push_back(std::move(*decoded));
  }
  if (!at->status().ok())
    return failed(impl_->folder, "reading", at->status());
  return found;
}

result<void> store::settle(const intent& begun, std::string_view account) {
  return begun.what == intent::kind::keep ? impl_->settle_keep(begun, account) : impl_->settle_erase(begun);
}

result<void> store::sync() {
  const rocksdb::SequenceNumber written = impl_->db->GetLatestSequenceNumber();
  if (const rocksdb::Status status = impl_->db->SyncWAL(); !status.ok())
    return failed(impl_->folder, "syncing", status);
  return impl_->acknowledge(written);
}

result<void> store::drop(const intent& begun) {
  if (begun.what == intent::kind::keep)
    return impl_->close(begun); // what was refused leaves nothing
  rocksdb::WriteBatch batch;
  impl::remove(batch, intent_key(begun.number));
  return impl_->write(batch, true, "dropping a change");
}

result<void> store::keep(std::string_view merchant, std::string_view account, const profile& data) {
  rocksdb::WriteBatch batch;
  if (result<void> stored = impl_->put_profile(batch, merchant, account, data); !stored)
    return stored;
  return impl_->write(batch, true, "storing");
}

result<void> store::purge(std::string_view merchant, std::string_view account) {
  if (result<void> gone = impl_->rewrite({account_key(merchant, account)}); !gone)
    return gone;
  return impl_->leave_old_files();
}

} // namespace tally::personal
