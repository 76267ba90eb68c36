#include "wal/disk.hpp"

#include "database/folder.hpp"
#include "wal/os_failure.hpp"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <sys/statvfs.h>

#include <algorithm>

namespace tally::wal {
namespace {

namespace fs = std::filesystem;

const rocksdb::IOOptions no_options;
const rocksdb::FileOptions as_it_is;

rocksdb::FileSystem& files_of(rocksdb::Env* env) { return *env->GetFileSystem(); }

rocksdb::Slice slice_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

bool is_absent(const rocksdb::IOStatus& status) { return status.IsNotFound() || status.IsPathNotFound(); }

// "<doing> <file>: IO error: No space left on device: ..."
failure failed(const char* doing, const fs::path& file, const rocksdb::IOStatus& status) {
  return {is_absent(status) ? failure_code::missing : failure_code::io,
          std::string(doing) + " " + file.string() + ": " + status.ToString()};
}

result<void> to_result(const char* doing, const fs::path& file, const rocksdb::IOStatus& status) {
  if (status.ok())
    return {};
  return failed(doing, file, status);
}

} // namespace

disk_file::disk_file() = default;
disk_file::disk_file(disk_file&&) noexcept = default;
disk_file& disk_file::operator=(disk_file&&) noexcept = default;
disk_file::~disk_file() = default;

result<std::size_t> disk_file::read(std::uint64_t offset, std::span<std::byte> into) const {
  rocksdb::Slice found;
  char* const place = reinterpret_cast<char*>(into.data());
  const rocksdb::IOStatus status = writes_ ? writes_->Read(offset, into.size(), no_options, &found, place, nullptr)
                                           : reads_->Read(offset, into.size(), no_options, &found, place, nullptr);
  if (!status.ok())
    return failed("reading", path_, status);
  if (found.data() != place)
    std::copy_n(found.data(), found.size(), place);
  return found.size();
}

result<void> disk_file::write(std::uint64_t offset, std::span<const std::byte> content) {
  return to_result("writing", path_, writes_->Write(offset, slice_of(content), no_options, nullptr));
}

result<void> disk_file::sync() { return to_result("syncing", path_, writes_->Sync(no_options, nullptr)); }

disk::disk(rocksdb::Env* env) : env_(env != nullptr ? env : rocksdb::Env::Default()) {}

bool disk::is_the_machines() const { return env_ == rocksdb::Env::Default(); }

result<bool> disk::exists(const fs::path& file) const {
  const rocksdb::IOStatus status = files_of(env_).FileExists(file.string(), no_options, nullptr);
  if (!status.ok() && !is_absent(status))
    return failed("looking for", file, status);
  return status.ok();
}

result<std::vector<fs::path>> disk::files_in(const fs::path& folder, const char* extension) const {
  std::vector<std::string> names;
  const rocksdb::IOStatus status = files_of(env_).GetChildren(folder.string(), no_options, &names, nullptr);
  if (!status.ok() && !is_absent(status))
    return failed("listing", folder, status);
  std::vector<fs::path> files;
  for (const std::string& name : names)
    if (fs::path(name).extension() == extension)
      files.push_back(folder / name);
  std::ranges::sort(files);
  return files;
}

result<void> disk::make_folder(const fs::path& folder) const { return to_result("making", folder, database::make_folder(*env_, folder)); }

result<void> disk::put(const fs::path& file, std::span<const std::byte> content) const {
  fs::path unfinished = file;
  unfinished += ".new";
  std::unique_ptr<rocksdb::FSWritableFile> written;
  rocksdb::IOStatus status = files_of(env_).NewWritableFile(unfinished.string(), as_it_is, &written, nullptr);
  if (status.ok())
    status = written->Append(slice_of(content), no_options, nullptr);
  if (status.ok())
    status = written->Fsync(no_options, nullptr);
  if (status.ok())
    status = written->Close(no_options, nullptr);
  if (!status.ok())
    return failed("writing", unfinished, status);
  status = files_of(env_).RenameFile(unfinished.string(), file.string(), no_options, nullptr);
  if (!status.ok())
    return failed("renaming", unfinished, status);
  return sync_folder(file.parent_path());
}

result<std::vector<std::byte>> disk::read_all(const fs::path& file) const {
  const result<std::uint64_t> bytes = size(file);
  if (!bytes)
    return bytes.error();
  const result<disk_file> opened = open(file, true);
  if (!opened)
    return opened.error();
  std::vector<std::byte> content(*bytes);
  const result<std::size_t> got = opened->read(0, content);
  if (!got)
    return got.error();
  content.resize(*got);
  return content;
}

result<void> disk::remove(const fs::path& file) const {
  return to_result("removing", file, files_of(env_).DeleteFile(file.string(), no_options, nullptr));
}

result<void> disk::sync_folder(const fs::path& folder) const { return to_result("syncing", folder, database::sync_folder(*env_, folder)); }

result<disk_file> disk::open(const fs::path& file, bool read_only) const {
  disk_file opened;
  opened.path_ = file;
  const rocksdb::IOStatus status = read_only ? files_of(env_).NewRandomAccessFile(file.string(), as_it_is, &opened.reads_, nullptr)
                                             : files_of(env_).NewRandomRWFile(file.string(), as_it_is, &opened.writes_, nullptr);
  if (is_absent(status))
    return failure{failure_code::missing, "there is no " + file.string()};
  if (!status.ok())
    return failed("opening", file, status);
  return opened;
}

result<void> disk::cut(const fs::path& file, std::uint64_t bytes) const {
  const rocksdb::IOStatus status = files_of(env_).Truncate(file.string(), bytes, no_options, nullptr);
  if (!status.ok())
    return failed("cutting off", file, status);
  result<disk_file> opened = open(file, false);
  return opened ? opened->sync() : opened.error();
}

result<std::uint64_t> disk::size(const fs::path& file) const {
  std::uint64_t bytes = 0;
  const rocksdb::IOStatus status = files_of(env_).GetFileSize(file.string(), no_options, &bytes, nullptr);
  if (!status.ok())
    return failed("asking for the size of", file, status);
  return bytes;
}

// Of the machine's it asks the machine: RocksDB counts what is kept for root as free, too, when root asks.
result<std::uint64_t> disk::free_bytes(const fs::path& folder) const {
  if (is_the_machines()) {
    struct statvfs state {};
    if (::statvfs(folder.c_str(), &state) != 0)
      return os_failure("asking for the free space of " + folder.string());
    return std::uint64_t{state.f_bavail} * state.f_frsize;
  }
  std::uint64_t bytes = 0;
  const rocksdb::IOStatus status = files_of(env_).GetFreeSpace(folder.string(), no_options, &bytes, nullptr);
  if (!status.ok())
    return failed("asking for the free space of", folder, status);
  return bytes;
}

} // namespace tally::wal
