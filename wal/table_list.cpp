#include "wal/table_list.hpp"

#include "engine/varint.hpp"
#include "wal/log_file.hpp"

namespace tally::wal {

namespace {

// What a version edit is made of; db/version_edit.h names them.
enum edit_tag : std::uint64_t {
  tag_comparator = 1,
  tag_log_number = 2,
  tag_next_file = 3,
  tag_last_sequence = 4,
  tag_compact_cursor = 5,
  tag_deleted_file = 6,
  tag_prev_log_number = 9,
  tag_min_log_to_keep = 10,
  tag_new_file = 103,
  tag_column_family = 200,
  tag_column_family_add = 201,
  tag_column_family_drop = 202,
  tag_max_column_family = 203,
  tag_in_atomic_group = 300,
  tag_safe_to_ignore = 1 << 13, // and above: a text follows
};
constexpr std::uint64_t last_field_of_new_file = 1;

class edit_reader {
public:
  edit_reader(std::span<const std::byte> edit, std::set<std::uint64_t>& tables)
      : in_(edit.data(), edit.data() + edit.size()), tables_(tables) {}

  // False: there is something in it that is not known here.
  bool read() {
    while (in_.left() > 0 && !in_.bad())
      if (!field(in_.varint()))
        return false;
    return !in_.bad();
  }

private:
  bool field(std::uint64_t tag) {
    switch (tag) {
    case tag_comparator:
    case tag_column_family_add: // its name
      return text();
    case tag_column_family_drop:
      return true;
    case tag_log_number:
    case tag_next_file:
    case tag_last_sequence:
    case tag_prev_log_number:
    case tag_min_log_to_keep:
    case tag_column_family:
    case tag_max_column_family:
    case tag_in_atomic_group: // how many edits of it follow
      in_.varint();
      return true;
    case tag_compact_cursor:
      in_.varint();
      return text();
    case tag_deleted_file:
      in_.varint(); // its level
      tables_.erase(in_.varint());
      return true;
    case tag_new_file:
      return new_file();
    default:
      return tag >= tag_safe_to_ignore && text();
    }
  }

  bool new_file() {
    in_.varint(); // its level
    const std::uint64_t number = in_.varint();
    in_.varint(); // bytes
    text();       // the first key
    text();       // the last
    in_.varint(); // the sequence numbers in it
    in_.varint();
    for (std::uint64_t field = in_.varint(); field != last_field_of_new_file && !in_.bad(); field = in_.varint())
      text();
    tables_.insert(number);
    return true;
  }

  bool text() {
    in_.text(in_.varint());
    return !in_.bad();
  }

  byte_cursor in_;
  std::set<std::uint64_t>& tables_;
};

std::optional<std::filesystem::path> manifest_of(const std::filesystem::path& folder, const disk& on) {
  const auto current = on.read_all(folder / "CURRENT");
  if (!current || current->empty())
    return std::nullopt;
  std::string name(reinterpret_cast<const char*>(current->data()), current->size());
  if (name.back() != '\n' || !name.starts_with("MANIFEST-"))
    return std::nullopt;
  name.pop_back();
  return folder / name;
}

} // namespace

std::optional<std::set<std::uint64_t>> tables_listed_in(const std::filesystem::path& folder, const disk& on) {
  const auto manifest = manifest_of(folder, on);
  if (!manifest)
    return std::nullopt;
  std::set<std::uint64_t> tables;
  bool is_known = true;
  const auto take = [&](std::span<const std::byte> edit) { is_known = is_known && edit_reader(edit, tables).read(); };
  const result<log_file_state> read = inspect_log_file(*manifest, on, take);
  if (!read || read->damaged() || !is_known)
    return std::nullopt;
  return tables;
}

} // namespace tally::wal
