// A disk in memory: what is on it, what of that is only in the system's cache, and what a power loss leaves of it.
//
// The promises are those of POSIX and no more: the bytes of a file are there after its fsync, a name after the fsync of its folder. What
// was not synced may be there, or be there in part: any sector of 512 bytes in any of its states since the last sync.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace tally::fault {

// Files and folders by their full names.
struct disk_content {
  std::map<std::string, std::string> files;
  std::set<std::string> folders;

  std::uint64_t fingerprint() const;
};

// A disk with nothing on it but the folder that an administrator made.
disk_content empty_disk();

// One call that changes the disk, or promises something about it.
struct disk_call {
  enum class kind : std::uint8_t {
    create,        // of a file; one that exists is emptied
    write,         // of `bytes` at `offset`
    truncate,      // to `offset` bytes
    sync,          // of a file
    lost_sync,     // one that failed: what was to be synced never gets there, and is read back all the same
    rename,        // to `to`
    remove,        // of a file
    make_folder,   //
    remove_folder, //
    sync_folder,   // of the names in it
    read,          // changes nothing: here to be made to fail
  };
  static constexpr std::size_t kinds = 11;

  kind what = kind::create;
  std::string name = {};
  std::string to = {};
  std::uint64_t file = 0; // its number: a name may go to another
  std::uint64_t offset = 0;
  std::string bytes = {};

  std::string text() const; // "write /disk/a +17 at 40"
};
const char* name_of(disk_call::kind what);
// The calls from `end - 12` to `end`, for a message.
std::string last_calls(const std::vector<disk_call>& calls, std::size_t end);

// What a power loss does with what was not synced.
struct power_loss {
  enum class bytes : std::uint8_t {
    none,    // is lost
    all,     // is there
    prefix,  // is there up to some byte, in the order it was written
    sectors, // is there or not sector by sector; what is not there is zeros, or as it was
    garbage, // the same, and sectors that were never written hold anything
  };
  enum class names : std::uint8_t {
    none,
    all,
    prefix, // as by a file system that journals them
    any,    // the same, and what comes then up to the next rename is kept or not one by one
  };
  bytes of_files = bytes::none;
  names of_folders = names::none;
};

class disk_state {
public:
  struct file {
    std::string now;    // what is read back
    std::string synced; // what a power loss leaves for certain
    struct change {
      std::uint64_t offset = 0;
      std::string bytes = {};
      bool is_truncation = false;
    };
    std::vector<change> unsynced; // in order
  };

  // Everything in `content` is synced.
  explicit disk_state(const disk_content& content);

  void apply(const disk_call& call);

  // 0 if there is no such file.
  std::uint64_t number_of(const std::string& name) const;
  const file& at(std::uint64_t number) const { return files_.at(number); }
  bool is_folder(const std::string& name) const { return names_.folders.contains(name); }
  std::vector<std::string> names_in(const std::string& folder) const;
  std::uint64_t bytes() const; // of all files that have a name
  std::uint64_t next_number() const { return next_number_; }

  disk_content as_it_is() const;
  disk_content after(power_loss how, std::mt19937_64& random) const;

private:
  struct name_table {
    std::map<std::string, std::uint64_t> files;
    std::set<std::string> folders;

    void apply(const disk_call& change);
  };

  std::map<std::uint64_t, file> files_; // also those that have no name any more
  name_table names_, synced_names_;
  std::vector<disk_call> unsynced_names_;
  std::uint64_t next_number_ = 1;
};

std::string folder_of(const std::string& name);

} // namespace tally::fault
