#include "database/folder.hpp"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <memory>

namespace tally::database {

using rocksdb::IOStatus;

namespace {

const rocksdb::IOOptions no_options;

} // namespace

IOStatus make_folder(rocksdb::Env& env, const std::filesystem::path& folder) {
  rocksdb::FileSystem& files = *env.GetFileSystem();
  const IOStatus there = files.FileExists(folder.string(), no_options, nullptr);
  if (!there.IsNotFound() && !there.IsPathNotFound())
    return there;
  const std::filesystem::path parent = folder.parent_path();
  if (!parent.empty() && parent != folder)
    if (IOStatus made = make_folder(env, parent); !made.ok())
      return made;
  if (IOStatus made = files.CreateDirIfMissing(folder.string(), no_options, nullptr); !made.ok())
    return made;
  return sync_folder(env, parent.empty() ? "." : parent);
}

IOStatus sync_folder(rocksdb::Env& env, const std::filesystem::path& folder) {
  std::unique_ptr<rocksdb::FSDirectory> opened;
  IOStatus status = env.GetFileSystem()->NewDirectory(folder.string(), no_options, &opened, nullptr);
  return status.ok() ? opened->Fsync(no_options, nullptr) : status;
}

} // namespace tally::database
