// A file system for RocksDB and the journal that lies in memory, keeps a history of its calls, and fails as it is told to.
#pragma once

#include "tests/fault/disk_state.hpp"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace tally::fault {

// What goes wrong, once or from then on.
struct call_fault {
  enum class effect : std::uint8_t {
    io_error,     // nothing was done
    no_space,     // the same, as by a full disk
    half_written, // of a write: some of it was done
    lost_sync,    // of a sync: see disk_call::kind::lost_sync
  };
  std::uint64_t nth = 1;               // from now on
  std::optional<disk_call::kind> only; // counts only these; absent: all that change something
  effect what = effect::io_error;
  bool for_ever = false; // everything after it fails, too
};

// Thread-safe. Any number of files may be open; locks end with it.
class fault_file_system final : public rocksdb::FileSystemWrapper {
public:
  explicit fault_file_system(const disk_content& content = {});

  // ---- what is wrong with it
  void set_fault(const call_fault& fault);
  bool has_failed() const;       // the fault has come
  disk_call failed_call() const; // the first one, without its bytes
  // Every call fails from now on, and nothing changes any more: as for a process that has ended.
  void die();
  // Writes past it are cut short and fail, until there is space again.
  void set_capacity(std::uint64_t bytes);

  // ---- what became of it
  std::size_t calls() const; // in the history so far
  std::vector<disk_call> history() const;
  disk_content content() const; // as a process finds it that comes after
  std::uint64_t bytes() const;
  std::uint64_t count_of(disk_call::kind what) const; // of the calls so far, failed ones, too

  // ---- commits one by one: the writer of the log in that folder waits before each of them
  void hold_commits(const std::string& folder);
  bool is_holding() const; // somebody waits
  void let_one_go();
  void let_all_go();

  const char* Name() const override { return "fault_file_system"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSSequentialFile>*,
                                      rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSRandomAccessFile>*,
                                        rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>*,
                                    rocksdb::IODebugContext*) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>*,
                                       rocksdb::IODebugContext*) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old, const rocksdb::FileOptions&,
                                      std::unique_ptr<rocksdb::FSWritableFile>*, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSRandomRWFile>*,
                                    rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewMemoryMappedFileBuffer(const std::string& name, std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions&, std::unique_ptr<rocksdb::FSDirectory>*,
                                 rocksdb::IODebugContext*) override;
  rocksdb::IOStatus FileExists(const std::string& name, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetChildren(const std::string& folder, const rocksdb::IOOptions&, std::vector<std::string>* names,
                                rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetChildrenFileAttributes(const std::string& folder, const rocksdb::IOOptions&,
                                              std::vector<rocksdb::FileAttributes>* found, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus Truncate(const std::string& name, size_t size, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus CreateDir(const std::string& name, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& name, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus DeleteDir(const std::string& name, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions&, uint64_t* size, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetFileModificationTime(const std::string& name, const rocksdb::IOOptions&, uint64_t* at,
                                            rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetAbsolutePath(const std::string& name, const rocksdb::IOOptions&, std::string* full,
                                    rocksdb::IODebugContext*) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions&,
                               rocksdb::IODebugContext*) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NumFileLinks(const std::string& name, const rocksdb::IOOptions&, uint64_t* links, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus AreFilesSame(const std::string& first, const std::string& second, const rocksdb::IOOptions&, bool* same,
                                 rocksdb::IODebugContext*) override;
  rocksdb::IOStatus LockFile(const std::string& name, const rocksdb::IOOptions&, rocksdb::FileLock** lock,
                             rocksdb::IODebugContext*) override;
  rocksdb::IOStatus UnlockFile(rocksdb::FileLock* lock, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& name, const rocksdb::IOOptions&, uint64_t* bytes, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus IsDirectory(const std::string& name, const rocksdb::IOOptions&, bool* is, rocksdb::IODebugContext*) override;

private:
  class open_file;
  class sequential_file;
  class random_file;
  class writable_file;
  class random_rw_file;
  class folder;
  struct lock;

  // With mutex_ held.
  rocksdb::IOStatus make(disk_call call);
  bool is_the_one(const disk_call& call);
  rocksdb::IOStatus fail(disk_call& call, call_fault::effect what);
  rocksdb::IOStatus read(std::uint64_t file, const std::string& name, std::uint64_t offset, std::size_t size, char* to,
                         rocksdb::Slice* found);
  bool is_held_log(const std::string& name) const;
  void wait_for_leave(std::unique_lock<std::mutex>& held, const std::string& name);

  mutable std::mutex mutex_;
  disk_state state_;
  std::vector<disk_call> history_;
  std::array<std::uint64_t, disk_call::kinds> counts_{};
  std::set<std::string> locks_;
  std::optional<call_fault> fault_;
  bool has_failed_ = false;
  disk_call failed_;
  bool is_dead_ = false;
  std::uint64_t capacity_ = UINT64_MAX;

  std::condition_variable changed_;
  bool holds_ = false;
  std::string held_folder_;
  bool is_waited_for_ = false;
  bool is_committing_ = false; // let go, not synced yet
  bool may_go_ = false;
};

// One with its Env, on which nobody sleeps: RocksDB does for a second after a flush that failed.
struct fault_disk {
  explicit fault_disk(const disk_content& content = {});

  std::shared_ptr<fault_file_system> files;
  std::unique_ptr<rocksdb::Env> threads; // the machine's
  std::unique_ptr<rocksdb::Env> env;
};

} // namespace tally::fault
