#include "tests/fault/disk_state.hpp"

#include "engine/assert.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

namespace tally::fault {
namespace {

constexpr std::size_t sector_bytes = 512;

void change(std::string& content, const disk_state::file::change& made) {
  if (made.is_truncation) {
    content.resize(made.offset);
    return;
  }
  if (content.size() < made.offset + made.bytes.size())
    content.resize(made.offset + made.bytes.size());
  std::ranges::copy(made.bytes, content.begin() + static_cast<std::ptrdiff_t>(made.offset));
}

std::string up_to_some_byte(const disk_state::file& of, std::mt19937_64& random) {
  std::string content = of.synced;
  std::size_t whole = random() % (of.unsynced.size() + 1);
  for (std::size_t i = 0; i < whole; ++i)
    change(content, of.unsynced[i]);
  if (whole < of.unsynced.size() && !of.unsynced[whole].is_truncation) {
    disk_state::file::change part = of.unsynced[whole];
    part.bytes.resize(random() % (part.bytes.size() + 1));
    change(content, part);
  }
  return content;
}

// Every sector as it was after some change of its own, and the size as it was after some other.
std::string sector_by_sector(const disk_state::file& of, bool garbage, std::mt19937_64& random) {
  const std::size_t states = of.unsynced.size() + 1;
  std::size_t largest = of.synced.size();
  for (const auto& each : of.unsynced)
    largest = std::max(largest, each.is_truncation ? each.offset : each.offset + each.bytes.size());
  std::vector<std::size_t> state_of((largest + sector_bytes - 1) / sector_bytes);
  for (std::size_t& each : state_of)
    each = random() % 3 == 0 ? 0 : random() % 3 == 0 ? random() % states : states - 1;
  const std::size_t size_state = random() % 2 == 0 ? states - 1 : random() % states;

  std::string content(largest, '\0'), at_state = of.synced;
  std::size_t size = 0;
  for (std::size_t state = 0; state < states; ++state) {
    if (state > 0)
      change(at_state, of.unsynced[state - 1]);
    if (state == size_state)
      size = at_state.size();
    for (std::size_t i = 0; i < state_of.size(); ++i) {
      const std::size_t begin = i * sector_bytes;
      if (state_of[i] != state)
        continue;
      const std::size_t there = begin < at_state.size() ? std::min(sector_bytes, at_state.size() - begin) : 0;
      std::copy_n(at_state.begin() + static_cast<std::ptrdiff_t>(std::min(begin, at_state.size())), there,
                  content.begin() + static_cast<std::ptrdiff_t>(begin));
      for (std::size_t j = begin + there; garbage && there == 0 && j < std::min(begin + sector_bytes, largest); ++j)
        content[j] = static_cast<char>(random());
    }
  }
  content.resize(size);
  return content;
}

std::string what_is_left(const disk_state::file& of, power_loss::bytes how, std::mt19937_64& random) {
  if (of.unsynced.empty())
    return of.synced;
  switch (how) {
  case power_loss::bytes::none:
    return of.synced;
  case power_loss::bytes::all: {
    std::string content = of.synced;
    for (const auto& each : of.unsynced)
      change(content, each);
    return content;
  }
  case power_loss::bytes::prefix:
    return up_to_some_byte(of, random);
  case power_loss::bytes::sectors:
    return sector_by_sector(of, false, random);
  case power_loss::bytes::garbage:
    return sector_by_sector(of, true, random);
  }
  return {};
}

} // namespace

std::string folder_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : name.substr(0, slash);
}

const char* name_of(disk_call::kind what) {
  static constexpr const char* names[disk_call::kinds] = {"create", "write",       "truncate",      "sync",        "lost sync", "rename",
                                                          "remove", "make folder", "remove folder", "sync folder", "read"};
  return names[static_cast<std::size_t>(what)];
}

std::string disk_call::text() const {
  std::string line = std::string(name_of(what)) + " " + name;
  if (what == kind::write)
    line += " +" + std::to_string(bytes.size()) + " at " + std::to_string(offset);
  if (what == kind::truncate)
    line += " to " + std::to_string(offset);
  if (what == kind::rename)
    line += " to " + to;
  return line;
}

disk_content empty_disk() { return {{}, {"/disk"}}; }

std::string last_calls(const std::vector<disk_call>& calls, std::size_t end) {
  std::string text;
  for (std::size_t i = end > 12 ? end - 12 : 0; i < end; ++i)
    text += "  " + std::to_string(i) + " " + calls[i].text() + "\n";
  return text;
}

std::uint64_t disk_content::fingerprint() const {
  std::uint64_t sum = folders.size();
  const auto add = [&sum](std::string_view text) { sum = (sum ^ std::hash<std::string_view>()(text)) * 0x9e3779b97f4a7c15ull + 1; };
  for (const std::string& each : folders)
    add(each);
  for (const auto& [name, bytes] : files) {
    add(name);
    add(bytes);
  }
  return sum;
}

void disk_state::name_table::apply(const disk_call& call) {
  switch (call.what) {
  case disk_call::kind::create:
    files[call.name] = call.file;
    break;
  case disk_call::kind::rename:
    if (files.erase(call.name) != 0) // else: it never got its first name
      files[call.to] = call.file;
    break;
  case disk_call::kind::remove:
    files.erase(call.name);
    break;
  case disk_call::kind::make_folder:
    folders.insert(call.name);
    break;
  case disk_call::kind::remove_folder:
    folders.erase(call.name);
    break;
  default:
    break;
  }
}

disk_state::disk_state(const disk_content& content) {
  for (const auto& [name, bytes] : content.files) {
    names_.files[name] = next_number_;
    files_[next_number_++] = {bytes, bytes, {}};
  }
  names_.folders = content.folders;
  synced_names_ = names_;
}

void disk_state::apply(const disk_call& call) {
  switch (call.what) {
  case disk_call::kind::create:
  case disk_call::kind::rename:
  case disk_call::kind::remove:
  case disk_call::kind::make_folder:
  case disk_call::kind::remove_folder:
    if (call.what == disk_call::kind::create) {
      files_[call.file]; // empty
      next_number_ = std::max(next_number_, call.file + 1);
    }
    names_.apply(call);
    unsynced_names_.push_back(call);
    break;
  case disk_call::kind::write:
  case disk_call::kind::truncate: {
    file& changed = files_.at(call.file);
    changed.unsynced.push_back({call.offset, call.bytes, call.what == disk_call::kind::truncate});
    change(changed.now, changed.unsynced.back());
    break;
  }
  case disk_call::kind::sync: {
    file& synced = files_.at(call.file);
    for (const file::change& each : synced.unsynced)
      change(synced.synced, each);
    synced.unsynced.clear();
    break;
  }
  case disk_call::kind::lost_sync:
    files_.at(call.file).unsynced.clear();
    break;
  case disk_call::kind::sync_folder:
    std::erase_if(unsynced_names_, [&](const disk_call& each) {
      if (folder_of(each.name) != call.name)
        return false;
      synced_names_.apply(each);
      return true;
    });
    break;
  case disk_call::kind::read:
    break;
  }
}

std::uint64_t disk_state::number_of(const std::string& name) const {
  const auto found = names_.files.find(name);
  return found == names_.files.end() ? 0 : found->second;
}

std::vector<std::string> disk_state::names_in(const std::string& folder) const {
  std::vector<std::string> names;
  const auto note = [&](const std::string& name) {
    if (name != folder && folder_of(name) == folder)
      names.push_back(name.substr(folder.size() + (folder == "/" ? 0 : 1)));
  };
  for (const auto& each : names_.files)
    note(each.first);
  for (const std::string& each : names_.folders)
    note(each);
  return names;
}

std::uint64_t disk_state::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& each : names_.files)
    sum += files_.at(each.second).now.size();
  return sum;
}

disk_content disk_state::as_it_is() const {
  disk_content content;
  content.folders = names_.folders;
  for (const auto& [name, number] : names_.files)
    content.files[name] = files_.at(number).now;
  return content;
}

disk_content disk_state::after(power_loss how, std::mt19937_64& random) const {
  name_table names = synced_names_;
  std::size_t kept = how.of_folders == power_loss::names::none ? 0 : unsynced_names_.size();
  if (how.of_folders == power_loss::names::prefix || how.of_folders == power_loss::names::any)
    kept = random() % (unsynced_names_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i)
    names.apply(unsynced_names_[i]);
  if (how.of_folders == power_loss::names::any)
    for (std::size_t i = kept; i < unsynced_names_.size() && unsynced_names_[i].what != disk_call::kind::rename; ++i)
      if (random() % 2 == 0)
        names.apply(unsynced_names_[i]);

  disk_content left;
  const std::function<bool(const std::string&)> is_reached = [&](const std::string& folder) {
    return folder == "/" || (names.folders.contains(folder) && is_reached(folder_of(folder)));
  };
  for (const std::string& each : names.folders)
    if (is_reached(each))
      left.folders.insert(each);
  for (const auto& [name, number] : names.files)
    if (is_reached(folder_of(name)))
      left.files[name] = what_is_left(files_.at(number), how.of_files, random);
  return left;
}

} // namespace tally::fault
