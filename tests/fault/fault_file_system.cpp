#include "tests/fault/fault_file_system.hpp"

#include "engine/assert.hpp"

#include <rocksdb/system_clock.h>

#include <algorithm>
#include <cstring>
#include <thread>

namespace tally::fault {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using call = disk_call::kind;

namespace {

// Names as they are kept: without a slash at the end or twice.
std::string plain(const std::string& name) {
  std::string kept;
  for (const char c : name)
    if (c != '/' || kept.empty() || kept.back() != '/')
      kept += c;
  if (kept.size() > 1 && kept.back() == '/')
    kept.pop_back();
  return kept;
}

IOStatus absent(const std::string& name) { return IOStatus::PathNotFound("no such file or directory", name); }

// As the machine's file system says it: space may come back.
IOStatus no_space(const std::string& doing) {
  IOStatus full = IOStatus::NoSpace("No space left on device", doing);
  full.SetRetryable(true);
  return full;
}

class sleepless_clock final : public rocksdb::SystemClockWrapper {
public:
  sleepless_clock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "sleepless_clock"; }
  void SleepForMicroseconds(int) override { std::this_thread::yield(); }
};

class fault_env final : public rocksdb::EnvWrapper {
public:
  fault_env(rocksdb::Env& threads, std::shared_ptr<rocksdb::FileSystem> files) : EnvWrapper(&threads) {
    file_system_ = std::move(files);
    system_clock_ = std::make_shared<sleepless_clock>();
  }
  const char* Name() const override { return "fault_env"; }
  void SleepForMicroseconds(int) override { std::this_thread::yield(); }
};

} // namespace

// ---- open files -------------------------------------------------------------------------------------------------------

class fault_file_system::open_file {
public:
  open_file(fault_file_system& owner, std::string name, std::uint64_t number) : owner_(owner), name_(std::move(name)), number_(number) {}

protected:
  IOStatus read(std::uint64_t offset, std::size_t size, char* to, Slice* found) const {
    const std::lock_guard held(owner_.mutex_);
    return owner_.read(number_, name_, offset, size, to, found);
  }
  IOStatus write(std::uint64_t offset, const Slice& bytes) {
    std::unique_lock held(owner_.mutex_);
    owner_.wait_for_leave(held, name_);
    return owner_.make({call::write, name_, {}, number_, offset, bytes.ToString()});
  }
  IOStatus append(const Slice& bytes) {
    std::unique_lock held(owner_.mutex_);
    owner_.wait_for_leave(held, name_);
    return owner_.make({call::write, name_, {}, number_, owner_.state_.at(number_).now.size(), bytes.ToString()});
  }
  IOStatus truncate(std::uint64_t size) {
    const std::lock_guard held(owner_.mutex_);
    if (owner_.state_.at(number_).now.size() == size)
      return IOStatus::OK();
    return owner_.make({call::truncate, name_, {}, number_, size, {}});
  }
  IOStatus sync() {
    const std::lock_guard held(owner_.mutex_);
    const IOStatus done = owner_.make({call::sync, name_, {}, number_, 0, {}});
    if (owner_.is_held_log(name_))
      owner_.is_committing_ = false;
    return done;
  }
  std::uint64_t size() const {
    const std::lock_guard held(owner_.mutex_);
    return owner_.state_.at(number_).now.size();
  }

  fault_file_system& owner_;
  const std::string name_;
  const std::uint64_t number_;
};

class fault_file_system::sequential_file final : public rocksdb::FSSequentialFile, open_file {
public:
  using open_file::open_file;
  IOStatus Read(size_t size, const IOOptions&, Slice* found, char* scratch, IODebugContext*) override {
    const IOStatus done = read(at_, size, scratch, found);
    at_ += done.ok() ? found->size() : 0;
    return done;
  }
  IOStatus Skip(uint64_t size) override {
    at_ += size;
    return IOStatus::OK();
  }

private:
  std::uint64_t at_ = 0;
};

class fault_file_system::random_file final : public rocksdb::FSRandomAccessFile, open_file {
public:
  using open_file::open_file;
  IOStatus Read(uint64_t offset, size_t size, const IOOptions&, Slice* found, char* scratch, IODebugContext*) const override {
    return read(offset, size, scratch, found);
  }
};

class fault_file_system::writable_file final : public rocksdb::FSWritableFile, open_file {
public:
  using FSWritableFile::Append;
  using open_file::open_file;
  IOStatus Append(const Slice& bytes, const IOOptions&, IODebugContext*) override { return append(bytes); }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override { return truncate(size); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); } // promises nothing
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size(); }
};

class fault_file_system::random_rw_file final : public rocksdb::FSRandomRWFile, open_file {
public:
  using open_file::open_file;
  IOStatus Write(uint64_t offset, const Slice& bytes, const IOOptions&, IODebugContext*) override { return write(offset, bytes); }
  IOStatus Read(uint64_t offset, size_t size, const IOOptions&, Slice* found, char* scratch, IODebugContext*) const override {
    return read(offset, size, scratch, found);
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
};

class fault_file_system::folder final : public rocksdb::FSDirectory {
public:
  folder(fault_file_system& owner, std::string name) : owner_(owner), name_(std::move(name)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    const std::lock_guard held(owner_.mutex_);
    return owner_.make({call::sync_folder, name_});
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

private:
  fault_file_system& owner_;
  const std::string name_;
};

struct fault_file_system::lock final : rocksdb::FileLock {
  explicit lock(std::string of) : name(std::move(of)) {}
  const std::string name;
};

fault_disk::fault_disk(const disk_content& content)
    : files(std::make_shared<fault_file_system>(content)), threads(rocksdb::NewCompositeEnv(files)),
      env(std::make_unique<fault_env>(*threads, files)) {}

// ---- faults -----------------------------------------------------------------------------------------------------------

fault_file_system::fault_file_system(const disk_content& content) : FileSystemWrapper(rocksdb::FileSystem::Default()), state_(content) {}

void fault_file_system::set_fault(const call_fault& fault) {
  const std::lock_guard held(mutex_);
  TALLY_ASSERT(fault.nth > 0);
  fault_ = fault;
  has_failed_ = false;
}

bool fault_file_system::has_failed() const {
  const std::lock_guard held(mutex_);
  return has_failed_;
}

void fault_file_system::die() {
  const std::lock_guard held(mutex_);
  is_dead_ = true;
  changed_.notify_all();
}

void fault_file_system::set_capacity(std::uint64_t bytes) {
  const std::lock_guard held(mutex_);
  capacity_ = bytes;
}

disk_call fault_file_system::failed_call() const {
  const std::lock_guard held(mutex_);
  return failed_;
}

std::size_t fault_file_system::calls() const {
  const std::lock_guard held(mutex_);
  return history_.size();
}

std::vector<disk_call> fault_file_system::history() const {
  const std::lock_guard held(mutex_);
  return history_;
}

disk_content fault_file_system::content() const {
  const std::lock_guard held(mutex_);
  return state_.as_it_is();
}

std::uint64_t fault_file_system::bytes() const {
  const std::lock_guard held(mutex_);
  return state_.bytes();
}

std::uint64_t fault_file_system::count_of(call what) const {
  const std::lock_guard held(mutex_);
  return counts_[static_cast<std::size_t>(what)];
}

// Whether the fault comes with this call.
bool fault_file_system::is_the_one(const disk_call& made) {
  if (!fault_ || (has_failed_ && !fault_->for_ever))
    return false;
  if (has_failed_)
    return true;
  const bool counts = fault_->only ? made.what == *fault_->only : made.what != call::read;
  if (!counts || --fault_->nth > 0)
    return false;
  has_failed_ = true;
  failed_ = {made.what, made.name, made.to, made.file, made.offset, {}};
  return true;
}

IOStatus fault_file_system::fail(disk_call& made, call_fault::effect what) {
  const std::string doing = made.text();
  if (what == call_fault::effect::half_written && made.what == call::write) {
    made.bytes.resize(made.bytes.size() / 2);
    state_.apply(made);
    history_.push_back(std::move(made));
  } else if (what == call_fault::effect::lost_sync && made.what == call::sync) {
    made.what = call::lost_sync;
    state_.apply(made);
    history_.push_back(std::move(made));
  }
  return what == call_fault::effect::no_space ? no_space(doing) : IOStatus::IOError("Input/output error", doing);
}

IOStatus fault_file_system::make(disk_call made) {
  ++counts_[static_cast<std::size_t>(made.what)];
  if (is_dead_)
    return IOStatus::IOError("the power is off", made.text());
  if (is_the_one(made))
    return fail(made, fault_->what);
  if (made.what == call::read)
    return IOStatus::OK();
  if (made.what == call::write) {
    const std::uint64_t used = state_.bytes(), size = state_.at(made.file).now.size();
    const std::uint64_t end = made.offset + made.bytes.size();
    if (end > size && used + (end - size) > capacity_) {
      const std::uint64_t room = used < capacity_ ? capacity_ - used : 0;
      made.bytes.resize(size + room > made.offset ? std::min<std::uint64_t>(made.bytes.size(), size + room - made.offset) : 0);
      const std::string doing = made.text();
      if (!made.bytes.empty()) {
        state_.apply(made);
        history_.push_back(std::move(made));
      }
      return no_space(doing);
    }
  }
  state_.apply(made);
  history_.push_back(std::move(made));
  return IOStatus::OK();
}

IOStatus fault_file_system::read(std::uint64_t file, const std::string& name, std::uint64_t offset, std::size_t size, char* to,
                                 Slice* found) {
  if (const IOStatus done = make({call::read, name, {}, file, 0, {}}); !done.ok())
    return done;
  const std::string& now = state_.at(file).now;
  const std::size_t there = offset < now.size() ? std::min<std::size_t>(size, now.size() - offset) : 0;
  std::memcpy(to, now.data() + std::min<std::size_t>(offset, now.size()), there);
  *found = Slice(to, there);
  return IOStatus::OK();
}

// ---- commits one by one -----------------------------------------------------------------------------------------------

void fault_file_system::wait_for_leave(std::unique_lock<std::mutex>& held, const std::string& name) {
  if (!holds_ || is_committing_ || !is_held_log(name))
    return;
  is_waited_for_ = true;
  changed_.notify_all();
  changed_.wait(held, [this] { return may_go_ || !holds_ || is_dead_; });
  is_waited_for_ = may_go_ = false;
  is_committing_ = true;
}

bool fault_file_system::is_held_log(const std::string& name) const { return name.ends_with(".log") && name.starts_with(held_folder_); }

void fault_file_system::hold_commits(const std::string& folder) {
  const std::lock_guard held(mutex_);
  holds_ = true;
  held_folder_ = folder + "/";
}

bool fault_file_system::is_holding() const {
  const std::lock_guard held(mutex_);
  return is_waited_for_;
}

void fault_file_system::let_one_go() {
  const std::lock_guard held(mutex_);
  TALLY_ASSERT(is_waited_for_);
  may_go_ = true;
  is_waited_for_ = false;
  changed_.notify_all();
}

void fault_file_system::let_all_go() {
  const std::lock_guard held(mutex_);
  holds_ = false;
  changed_.notify_all();
}

// ---- the file system --------------------------------------------------------------------------------------------------

IOStatus fault_file_system::NewSequentialFile(const std::string& name, const rocksdb::FileOptions&,
                                              std::unique_ptr<rocksdb::FSSequentialFile>* made, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::uint64_t number = state_.number_of(plain(name));
  if (number == 0)
    return absent(name);
  *made = std::make_unique<sequential_file>(*this, plain(name), number);
  return IOStatus::OK();
}

IOStatus fault_file_system::NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions&,
                                                std::unique_ptr<rocksdb::FSRandomAccessFile>* made, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::uint64_t number = state_.number_of(plain(name));
  if (number == 0)
    return absent(name);
  *made = std::make_unique<random_file>(*this, plain(name), number);
  return IOStatus::OK();
}

IOStatus fault_file_system::NewWritableFile(const std::string& full, const rocksdb::FileOptions&,
                                            std::unique_ptr<rocksdb::FSWritableFile>* made, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::string name = plain(full);
  if (!state_.is_folder(folder_of(name)))
    return absent(name);
  std::uint64_t number = state_.number_of(name);
  IOStatus done;
  if (number != 0) {
    done = make({call::truncate, name, {}, number, 0, {}});
  } else {
    number = state_.next_number();
    done = make({call::create, name, {}, number, 0, {}});
  }
  if (done.ok())
    *made = std::make_unique<writable_file>(*this, name, number);
  return done;
}

IOStatus fault_file_system::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions&,
                                               std::unique_ptr<rocksdb::FSWritableFile>* made, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::uint64_t number = state_.number_of(plain(name));
  if (number == 0)
    return absent(name);
  *made = std::make_unique<writable_file>(*this, plain(name), number);
  return IOStatus::OK();
}

IOStatus fault_file_system::ReuseWritableFile(const std::string&, const std::string&, const rocksdb::FileOptions&,
                                              std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) {
  return IOStatus::NotSupported("ReuseWritableFile"); // log files are not recycled
}

IOStatus fault_file_system::NewRandomRWFile(const std::string& name, const rocksdb::FileOptions&,
                                            std::unique_ptr<rocksdb::FSRandomRWFile>* made, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::uint64_t number = state_.number_of(plain(name));
  if (number == 0)
    return absent(name);
  *made = std::make_unique<random_rw_file>(*this, plain(name), number);
  return IOStatus::OK();
}

IOStatus fault_file_system::NewMemoryMappedFileBuffer(const std::string&, std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) {
  return IOStatus::NotSupported("NewMemoryMappedFileBuffer");
}

IOStatus fault_file_system::NewDirectory(const std::string& name, const IOOptions&, std::unique_ptr<rocksdb::FSDirectory>* made,
                                         IODebugContext*) {
  const std::lock_guard held(mutex_);
  if (!state_.is_folder(plain(name)))
    return absent(name);
  *made = std::make_unique<folder>(*this, plain(name));
  return IOStatus::OK();
}

IOStatus fault_file_system::FileExists(const std::string& name, const IOOptions&, IODebugContext*) {
  const std::lock_guard held(mutex_);
  return state_.number_of(plain(name)) != 0 || state_.is_folder(plain(name)) ? IOStatus::OK() : IOStatus::NotFound();
}

IOStatus fault_file_system::GetChildren(const std::string& name, const IOOptions&, std::vector<std::string>* names, IODebugContext*) {
  const std::lock_guard held(mutex_);
  names->clear();
  if (!state_.is_folder(plain(name)))
    return IOStatus::NotFound(name); // as the machine's says
  *names = state_.names_in(plain(name));
  return IOStatus::OK();
}

IOStatus fault_file_system::GetChildrenFileAttributes(const std::string& name, const IOOptions& options,
                                                      std::vector<rocksdb::FileAttributes>* found, IODebugContext* debug) {
  std::vector<std::string> names;
  if (const IOStatus done = GetChildren(name, options, &names, debug); !done.ok())
    return done;
  const std::lock_guard held(mutex_);
  found->clear();
  for (const std::string& each : names)
    if (const std::uint64_t number = state_.number_of(plain(name + "/" + each)); number != 0)
      found->push_back({each, state_.at(number).now.size()});
  return IOStatus::OK();
}

IOStatus fault_file_system::DeleteFile(const std::string& full, const IOOptions&, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::string name = plain(full);
  const std::uint64_t number = state_.number_of(name);
  return number == 0 ? absent(name) : make({call::remove, name, {}, number, 0, {}});
}

IOStatus fault_file_system::Truncate(const std::string& full, size_t size, const IOOptions&, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::string name = plain(full);
  const std::uint64_t number = state_.number_of(name);
  return number == 0 ? absent(name) : make({call::truncate, name, {}, number, size, {}});
}

IOStatus fault_file_system::CreateDir(const std::string& full, const IOOptions&, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::string name = plain(full);
  if (state_.is_folder(name))
    return IOStatus::IOError("File exists", name);
  if (folder_of(name) != "/" && !state_.is_folder(folder_of(name)))
    return absent(name);
  return make({call::make_folder, name});
}

IOStatus fault_file_system::CreateDirIfMissing(const std::string& name, const IOOptions& options, IODebugContext* debug) {
  {
    const std::lock_guard held(mutex_);
    if (state_.is_folder(plain(name)))
      return IOStatus::OK();
  }
  return CreateDir(name, options, debug);
}

IOStatus fault_file_system::DeleteDir(const std::string& full, const IOOptions&, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::string name = plain(full);
  return state_.is_folder(name) ? make({call::remove_folder, name}) : absent(name);
}

IOStatus fault_file_system::GetFileSize(const std::string& name, const IOOptions&, uint64_t* size, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::uint64_t number = state_.number_of(plain(name));
  if (number == 0)
    return absent(name);
  *size = state_.at(number).now.size();
  return IOStatus::OK();
}

IOStatus fault_file_system::GetFileModificationTime(const std::string& name, const IOOptions&, uint64_t* at, IODebugContext*) {
  const std::lock_guard held(mutex_);
  *at = 0;
  return state_.number_of(plain(name)) == 0 ? absent(name) : IOStatus::OK();
}

IOStatus fault_file_system::GetAbsolutePath(const std::string& name, const IOOptions&, std::string* full, IODebugContext*) {
  *full = plain(name);
  return IOStatus::OK();
}

IOStatus fault_file_system::RenameFile(const std::string& full, const std::string& to, const IOOptions&, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::string name = plain(full);
  const std::uint64_t number = state_.number_of(name);
  TALLY_ASSERT(folder_of(name) == folder_of(plain(to))); // what is between two folders is not modelled
  return number == 0 ? absent(name) : make({call::rename, name, plain(to), number, 0, {}});
}

IOStatus fault_file_system::LinkFile(const std::string&, const std::string&, const IOOptions&, IODebugContext*) {
  return IOStatus::NotSupported("LinkFile");
}

IOStatus fault_file_system::NumFileLinks(const std::string&, const IOOptions&, uint64_t* links, IODebugContext*) {
  *links = 1;
  return IOStatus::OK();
}

IOStatus fault_file_system::AreFilesSame(const std::string& first, const std::string& second, const IOOptions&, bool* same,
                                         IODebugContext*) {
  *same = plain(first) == plain(second);
  return IOStatus::OK();
}

IOStatus fault_file_system::LockFile(const std::string& full, const IOOptions&, rocksdb::FileLock** taken, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::string name = plain(full);
  if (!state_.is_folder(folder_of(name)))
    return absent(name);
  if (state_.number_of(name) == 0)
    if (const IOStatus done = make({call::create, name, {}, state_.next_number(), 0, {}}); !done.ok())
      return done;
  if (!locks_.insert(name).second)
    return IOStatus::IOError("lock " + name, "is held already");
  *taken = new lock(name);
  return IOStatus::OK();
}

IOStatus fault_file_system::UnlockFile(rocksdb::FileLock* taken, const IOOptions&, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::unique_ptr<lock> ours(static_cast<lock*>(taken));
  locks_.erase(ours->name);
  return IOStatus::OK();
}

IOStatus fault_file_system::GetFreeSpace(const std::string&, const IOOptions&, uint64_t* bytes, IODebugContext*) {
  const std::lock_guard held(mutex_);
  const std::uint64_t used = state_.bytes();
  *bytes = capacity_ > used ? capacity_ - used : 0;
  return IOStatus::OK();
}

IOStatus fault_file_system::IsDirectory(const std::string& name, const IOOptions&, bool* is, IODebugContext*) {
  const std::lock_guard held(mutex_);
  *is = state_.is_folder(plain(name));
  return IOStatus::OK();
}

} // namespace tally::fault
