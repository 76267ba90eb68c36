#include "wal/journal_folder.hpp"
#include "wal/log_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace tally::wal {
namespace {

result<bool> has_store(const journal_folder& folder) { return folder.with.on.exists(folder.blocks() / "CURRENT"); }

// The folders are on disk before what is in them: the store makes its own and does not sync the one above.
result<void> make_folder(const journal_folder& folder) {
  if (result<void> made = folder.with.on.make_folder(folder.blocks()); !made)
    return made;
  return high_water_mark::create(folder.mark(), folder.with.on);
}

result<opened_journal> create_store(const journal_folder& folder) {
  auto store = block_store::open(folder.blocks(), block_store::mode::create, folder.with);
  if (!store)
    return store.error();
  auto mark = high_water_mark::open(folder.mark(), false, folder.with.on);
  if (!mark)
    return mark.error();
  return opened_journal{std::move(*mark), std::move(*store)};
}

result<opened_journal> open_to_serve(const journal_folder& folder) {
  const result<log_damage> damage = find_log_damage(folder);
  if (!damage)
    return damage.error();
  if (!damage->text.empty())
    return failure{failure_code::corrupt, damage->text};
  auto store = block_store::open(folder.blocks(), block_store::mode::serve, folder.with);
  if (!store)
    return store.error();
  auto mark = high_water_mark::open(folder.mark(), false, folder.with.on); // now that nobody else writes it
  if (!mark)
    return mark.error();
  return opened_journal{std::move(*mark), std::move(*store)};
}

// The mark first: a server that writes meanwhile only makes the store newer than it.
result<opened_journal> open_to_read(const journal_folder& folder) {
  auto mark = high_water_mark::open(folder.mark(), true, folder.with.on);
  if (!mark)
    return mark.error();
  auto store = block_store::open(folder.blocks(), block_store::mode::read_only, folder.with);
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
  const result<bool> is_unfinished = folder.with.on.exists(folder.unfinished_restore());
  if (!is_unfinished)
    return is_unfinished.error();
  if (*is_unfinished)
    return failure{failure_code::missing,
                   "a restore was not finished: " + folder.unfinished_restore().string() + " is there; run `tally restore` again"};
  const result<bool> has_mark = folder.with.on.exists(folder.mark());
  if (!has_mark)
    return has_mark.error();
  const result<bool> is_store = has_store(folder);
  if (!is_store)
    return is_store.error();
  if (!*has_mark) {
    if (*is_store)
      return failure{failure_code::corrupt, "its blocks are there and " + folder.mark().string() + " is missing"};
    if (read_only)
      return failure{failure_code::missing, "there is no journal"};
    if (result<void> made = make_folder(folder); !made)
      return made.error();
  }
  if (*is_store)
    return read_only ? open_to_read(folder) : open_to_serve(folder);

  const auto mark = high_water_mark::open(folder.mark(), true, folder.with.on);
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

bool has_block(const block_store& store, const digest& end) {
  std::string block;
  const auto first = store.find(end.newest, block);
  if (!first || !*first)
    return false;
  const auto header = read_block_header(std::as_bytes(std::span(block)));
  return header.ok() && header->last_seq() == end.newest && header->hash == end.hash;
}

result<opened_journal> open_acknowledged(const journal_folder& folder) {
  const auto open_whole = [&]() -> result<opened_journal> {
    result<opened_journal> opened = open_journal_folder(folder, true);
    if (!opened)
      return opened;
    const high_water_mark& mark = opened->mark;
    if (mark.newest() && !has_block(*opened->store, {mark.newest(), mark.hash()}))
      return failure{failure_code::corrupt, "the block that ends with entry " + std::to_string(mark.newest().value) +
                                                ", the newest that was acknowledged, is missing"};
    return opened;
  };
  return read_beside_server(folder, open_whole);
}

std::vector<std::string> log_names(const journal_folder& folder) {
  std::vector<std::string> names;
  if (const auto files = folder.with.on.files_in(folder.blocks(), ".log"))
    for (const std::filesystem::path& each : *files)
      names.push_back(each.filename().string());
  return names;
}

result<log_damage> find_log_damage(const journal_folder& folder) {
  const auto files = folder.with.on.files_in(folder.blocks(), ".log"); // in order: their numbers have leading zeros
  if (!files)
    return files.error();

  log_damage damage;
  for (const std::filesystem::path& file : *files) {
    const result<log_file_state> state = inspect_log_file(file, folder.with.on);
    if (!state)
      return state.error();
    if (state->damaged())
      damage.files.push_back({file, state->sound_bytes});
    if (state->damaged())
      damage.text += (damage.text.empty() ? "" : "; ") + file.string() + " is damaged from byte " + std::to_string(state->sound_bytes) +
                     " of " + std::to_string(state->bytes) + " on";
    if (!damage.text.empty())
      damage.bytes += state->damaged() ? state->bytes - state->sound_bytes : state->bytes;
  }
  return damage;
}

} // namespace tally::wal
