#include "wal/journal_folder.hpp"
#include "wal/log_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace tally::wal {
namespace {

namespace fs = std::filesystem;

bool has_store(const journal_folder& folder) {
  std::error_code ignored;
  return fs::exists(folder.blocks() / "CURRENT", ignored);
}

bool has_mark(const journal_folder& folder) {
  std::error_code ignored;
  return fs::exists(folder.mark(), ignored);
}

result<void> make_folder(const journal_folder& folder) {
  std::error_code error;
  fs::create_directories(folder.root, error);
  if (error)
    return failure{failure_code::io, "making " + folder.root.string() + ": " + error.message()};
  return high_water_mark::create(folder.mark());
}

result<opened_journal> create_store(const journal_folder& folder) {
  auto store = block_store::open(folder.blocks(), block_store::mode::create);
  if (!store)
    return store.error();
  auto mark = high_water_mark::open(folder.mark(), false);
  if (!mark)
    return mark.error();
  return opened_journal{std::move(*mark), std::move(*store)};
}

result<opened_journal> open_to_serve(const journal_folder& folder) {
  const result<log_damage> damage = find_log_damage(folder.blocks());
  if (!damage)
    return damage.error();
  if (!damage->text.empty())
    return failure{failure_code::corrupt, damage->text};
  auto store = block_store::open(folder.blocks(), block_store::mode::serve);
  if (!store)
    return store.error();
  auto mark = high_water_mark::open(folder.mark(), false); // now that nobody else writes it
  if (!mark)
    return mark.error();
  return opened_journal{std::move(*mark), std::move(*store)};
}

// The mark first: a server that writes meanwhile only makes the store newer than it.
result<opened_journal> open_to_read(const journal_folder& folder) {
  auto mark = high_water_mark::open(folder.mark(), true);
  if (!mark)
    return mark.error();
  auto store = block_store::open(folder.blocks(), block_store::mode::read_only);
  if (!store)
    return store.error();
  return opened_journal{std::move(*mark), std::move(*store)};
}

} // namespace

failure journal_folder::explain(const failure& why) const {
  std::string text = "journal " + root.string() + ": " + why.what;
  if (why.code == failure_code::corrupt)
    text += ". `tally repair " + root.parent_path().string() +
            "` drops a torn end that was never acknowledged; it changes nothing if anything acknowledged would be lost";
  return {why.code, text};
}

result<opened_journal> open_journal_folder(const journal_folder& folder, bool read_only) {
  std::error_code ignored;
  if (fs::exists(folder.unfinished_restore(), ignored))
    return failure{failure_code::missing,
                   "a restore was not finished: " + folder.unfinished_restore().string() + " is there; run `tally restore` again"};
  if (!has_mark(folder)) {
    if (has_store(folder))
      return failure{failure_code::corrupt, "its blocks are there and " + folder.mark().string() + " is missing"};
    if (read_only)
      return failure{failure_code::missing, "there is no journal"};
    if (result<void> made = make_folder(folder); !made)
      return made.error();
  }
  if (has_store(folder))
    return read_only ? open_to_read(folder) : open_to_serve(folder);

  const auto mark = high_water_mark::open(folder.mark(), true);
  if (!mark)
    return mark.error();
  if (mark->newest())
    return failure{failure_code::corrupt, folder.mark().string() + " says that entries up to " + std::to_string(mark->newest().value) +
                                              " were acknowledged, and " + folder.blocks().string() + " is not a store"};
  if (read_only)
    return failure{failure_code::missing, "there is no journal yet"};
  return create_store(folder);
}

bool is_served(const journal_folder& folder) {
  const int file = ::open((folder.blocks() / "LOCK").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool is_held = ::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(file);
  return is_held;
}

std::vector<std::string> log_names(const journal_folder& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder.blocks(), error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".log")
      names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

result<log_damage> find_log_damage(const std::filesystem::path& blocks) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator at(blocks, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".log")
      files.push_back(at->path());
  }
  if (error)
    return failure{failure_code::io, "listing " + blocks.string() + ": " + error.message()};
  std::sort(files.begin(), files.end()); // by their numbers, which have leading zeros

  log_damage damage;
  for (const fs::path& file : files) {
    const result<log_file_state> state = inspect_log_file(file);
    if (!state)
      return state.error();
    if (state->damaged())
      damage.text += (damage.text.empty() ? "" : "; ") + file.string() + " is damaged from byte " + std::to_string(state->sound_bytes) +
                     " of " + std::to_string(state->bytes) + " on";
    if (!damage.text.empty())
      damage.bytes += state->damaged() ? state->bytes - state->sound_bytes : state->bytes;
  }
  return damage;
}

} // namespace tally::wal
