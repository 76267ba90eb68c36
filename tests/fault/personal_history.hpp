// A short life of the personal data on a disk in memory, and the check of what a fault leaves of it.
//
// Profiles that are kept and replaced, enrolments and erasures that are begun, settled and dropped, purges. After a fault the store must
// hold what it held after one of its steps, none before the newest that was promised to stay; and what was to be gone by then is in no byte
// of any file.
#pragma once

#include "personal/store.hpp"
#include "tests/fault/fault_file_system.hpp"
#include "tests/fault/recorded_life.hpp"

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace tally::fault {

inline const std::string personal_name = "/disk/personal";

// What was stored, and everything that was to be forgotten.
struct expected_people {
  struct person {
    personal::profile data;
    std::set<std::string> former; // texts that were replaced
  };
  std::map<std::string, person> people; // by account
  std::vector<personal::intent> open;
  std::set<std::string> gone;   // texts that are in no file
  std::set<std::string> phones; // that anybody ever had
  std::uint64_t made = 0;       // profiles: no text comes twice

  personal::profile make_profile();
  void forget(const std::string& account);
  std::string text() const;
};

using recorded_people = recorded_life<expected_people>;

// Lifecycle: open, play, then recorded.
class living_people {
public:
  explicit living_people(const disk_content& before, expected_people begin = {});

  fault_disk& disk() { return disk_; }
  result<void> open();
  // So many changes; ends with the first that fails.
  result<void> play(std::uint32_t changes, std::mt19937_64& random);
  result<void> keep(const std::string& account);
  result<void> purge(const std::string& account);
  // As a server that starts does: settles what has an entry, drops what has none.
  result<void> settle_all(bool have_entries);
  result<std::string> text() const;
  void lose_power();
  recorded_people recorded() const { return {before_, disk_.files->history(), steps_}; }

private:
  result<void> play_one(std::mt19937_64& random);
  result<void> settle(const personal::intent& begun);
  result<void> drop(const personal::intent& begun);
  recorded_people::step& next_step() {
    return steps_.emplace_back(recorded_people::step{disk_.files->calls(), SIZE_MAX, steps_.back().after});
  }
  // The newest step stays, if it was done.
  result<void> kept(result<void> done);

  const disk_content before_;
  fault_disk disk_;
  std::vector<recorded_people::step> steps_;
  std::unique_ptr<personal::store> store_;
};

// The first of the texts that some file holds, with the file; empty: none.
std::string first_found(const std::set<std::string>& texts, const disk_content& content);

struct found_people {
  std::string problem; // empty: as promised
  std::string refusal; // what opening it said, if it did not open
  std::size_t step = 0;
};
// Opens the store on that disk; it must be as after one of the steps from `kept` to `begun`. With `and_goes_on` what is open is settled or
// dropped, and one more profile is kept.
found_people check_people(const disk_content& content, const recorded_people& life, std::size_t kept, std::size_t begun, bool and_goes_on);

} // namespace tally::fault
