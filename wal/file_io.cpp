#include "wal/file_io.hpp"
#include "wal/os_failure.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace tally::wal {
namespace {

constexpr std::size_t write_step_bytes = 1ull << 20;
constexpr std::uint64_t sync_step_bytes = 4ull << 20; // one large sync would hold up the smaller ones of others
constexpr std::uint64_t remove_step_bytes = 1ull << 20;
constexpr std::chrono::milliseconds remove_step_pause{8}; // as the journal deletes its logs: 128 MB/s at most

result<void> write_all(int file, std::span<const char> bytes, const std::filesystem::path& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return os_failure("writing " + name.string(), written < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

} // namespace

file_handle::~file_handle() {
  if (number_ >= 0)
    ::close(number_);
}

result<file_handle> open_to_read(const std::filesystem::path& file) {
  const int number = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (number < 0 && errno == ENOENT)
    return failure{failure_code::missing, "there is no " + file.string()};
  if (number < 0)
    return os_failure("opening " + file.string());
  return file_handle(number);
}

result<std::uint64_t> size_of(const file_handle& file, const std::filesystem::path& name) {
  struct stat state {};
  if (::fstat(file.number(), &state) != 0)
    return os_failure("looking at " + name.string());
  return static_cast<std::uint64_t>(state.st_size);
}

result<void> read_exactly(const file_handle& file, const std::filesystem::path& name, std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::pread(file.number(), out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return os_failure("reading " + name.string());
    if (got == 0)
      return failure{failure_code::corrupt, name.string() + " ends before byte " + std::to_string(offset + out.size())};
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

result<std::string> read_text(const std::filesystem::path& file, std::size_t bytes_max) {
  const result<file_handle> opened = open_to_read(file);
  if (!opened)
    return opened.error();
  const result<std::uint64_t> size = size_of(*opened, file);
  if (!size)
    return size.error();
  if (*size > bytes_max)
    return failure{failure_code::corrupt, file.string() + " is larger than it can be"};
  std::string text(*size, '\0');
  if (result<void> read = read_exactly(*opened, file, 0, std::as_writable_bytes(std::span(text))); !read)
    return read.error();
  return text;
}

result<void> sync_folder(const std::filesystem::path& folder) {
  const file_handle opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number() < 0)
    return os_failure("opening " + folder.string());
  if (::fsync(opened.number()) != 0)
    return os_failure("syncing " + folder.string());
  return {};
}

result<void> make_folders(const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(folder, error).lexically_normal();
  std::filesystem::path made;
  for (const std::filesystem::path& part : whole) {
    const std::filesystem::path above = made;
    made /= part;
    if (std::filesystem::is_directory(made, error))
      continue;
    if (::mkdir(made.c_str(), 0755) != 0 && errno != EEXIST)
      return os_failure("making " + made.string());
    if (!std::filesystem::is_directory(made, error))
      return failure{failure_code::bad_argument, made.string() + " is not a folder"};
    if (result<void> synced = sync_folder(above); !synced)
      return synced;
  }
  return {};
}

result<void> replace_file(const std::filesystem::path& file, std::string_view text) {
  pacer at_once;
  result<new_file> made = new_file::begin(file, at_once);
  if (!made)
    return made.error();
  if (result<void> written = made->append(text); !written)
    return written;
  return made->finish_as(file);
}

result<void> remove_in_steps(const std::filesystem::path& file) {
  {
    const file_handle opened(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (opened.number() < 0)
      return os_failure("opening " + file.string());
    result<std::uint64_t> left = size_of(opened, file);
    if (!left)
      return left.error();
    while (*left > remove_step_bytes) {
      *left -= remove_step_bytes;
      if (::ftruncate(opened.number(), static_cast<off_t>(*left)) != 0)
        return os_failure("shortening " + file.string());
      std::this_thread::sleep_for(remove_step_pause);
    }
  }
  if (::unlink(file.c_str()) != 0)
    return os_failure("removing " + file.string());
  return {};
}

result<file_handle> lock_folder(const std::filesystem::path& folder, folder_use use) {
  file_handle opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number() < 0 && errno == ENOENT)
    return failure{failure_code::missing, "there is no folder " + folder.string()};
  if (opened.number() < 0)
    return os_failure("opening " + folder.string());
  // some file systems of other machines cannot lock a folder: there it is the operator who sees to it
  if (::flock(opened.number(), (use == folder_use::write ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return failure{failure_code::locked, "another process is at work in " + folder.string()};
  return opened;
}

void pacer::spend(std::uint64_t bytes) {
  if (bytes_per_second_ == 0)
    return;
  const auto now = std::chrono::steady_clock::now();
  const auto cost =
      std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(bytes_per_second_)));
  free_at_ = std::max(free_at_, now) + cost;
  std::this_thread::sleep_until(free_at_);
}

// ---- new files ----

new_file::new_file(file_handle handle, std::filesystem::path unfinished, pacer& pace)
    : handle_(std::move(handle)), unfinished_(std::move(unfinished)), pace_(&pace) {}

new_file::new_file(new_file&& other) noexcept
    : handle_(std::move(other.handle_)), unfinished_(std::exchange(other.unfinished_, {})), pace_(other.pace_),
      buffer_(std::move(other.buffer_)), size_(other.size_), synced_(other.synced_) {}

new_file::~new_file() {
  if (!unfinished_.empty())
    ::unlink(unfinished_.c_str());
}

result<new_file> new_file::begin(const std::filesystem::path& file, pacer& pace, bool is_public) {
  std::filesystem::path unfinished = file;
  unfinished += ".new";
  file_handle handle(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, is_public ? 0644 : 0600));
  if (handle.number() < 0)
    return os_failure("making " + unfinished.string());
  return new_file(std::move(handle), std::move(unfinished), pace);
}

result<void> new_file::append(std::span<const std::byte> bytes) {
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  size_ += bytes.size();
  return buffer_.size() < write_step_bytes ? result<void>() : write_buffer();
}

result<void> new_file::write_buffer() {
  pace_->spend(buffer_.size());
  if (result<void> written = write_all(handle_.number(), buffer_, unfinished_); !written)
    return written;
  buffer_.clear();
  if (size_ - synced_ < sync_step_bytes)
    return {};
  if (::fdatasync(handle_.number()) != 0)
    return os_failure("syncing " + unfinished_.string());
  // nobody will read it soon, and the ledger's own pages may stay
  ::posix_fadvise(handle_.number(), static_cast<off_t>(synced_), static_cast<off_t>(size_ - synced_), POSIX_FADV_DONTNEED);
  synced_ = size_;
  return {};
}

result<void> new_file::finish_as(const std::filesystem::path& file) {
  if (result<void> written = write_buffer(); !written)
    return written;
  if (::fsync(handle_.number()) != 0)
    return os_failure("syncing " + unfinished_.string());
  if (::rename(unfinished_.c_str(), file.c_str()) != 0)
    return os_failure("renaming " + unfinished_.string());
  unfinished_.clear();
  return sync_folder(file.parent_path());
}

} // namespace tally::wal
