// Every disk that a loss of power leaves after any call of a history.
#pragma once

#include "tests/fault/disk_state.hpp"

#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

namespace tally::fault {

struct loss_kind {
  power_loss how;
  const char* name;
  int draws = 1; // of what a disk keeps
};
extern const std::span<const loss_kind> loss_kinds;

// Looks at each different disk once, until so many were looked at; counts them in the totals.
class power_cuts {
public:
  // `of_what`: for the totals, behind what was lost.
  power_cuts(std::uint64_t seed, std::uint64_t wanted, std::string of_what = {});

  bool is_done() const; // or something failed
  std::size_t seen() const { return seen_.size(); }
  std::uint64_t points() const { return points_; } // the same disk again among them
  std::uint32_t any_of(std::size_t count) { return static_cast<std::uint32_t>(random_() % count); }

  // What was promised by the first `calls` calls, as a number: the same disk is another one when more was promised.
  using promise = std::function<std::uint64_t(std::size_t calls)>;
  using look = std::function<void(const disk_content& left, std::size_t cut, const loss_kind& kind)>;
  // After none, one, two … of the calls, and everything that may be lost then.
  void after_every_call(const disk_content& before, const std::vector<disk_call>& calls, const promise& promised, const look& at);
  // After any of the calls, and one of what may be lost.
  disk_content after_some_call(const disk_content& before, const std::vector<disk_call>& calls, std::size_t cut);
  disk_content after_some_loss(const disk_state& state) { return state.after(loss_kinds[any_of(loss_kinds.size())].how, random_); }
  // One that nobody looked at yet, and is looked at now.
  bool is_new(const disk_content& left, std::uint64_t promised);

private:
  std::mt19937_64 random_;
  const std::uint64_t wanted_;
  const std::string of_what_;
  std::unordered_set<std::uint64_t> seen_;
  std::uint64_t points_ = 0;
};

// "power loss: … after call 7 of 9", and the calls up to there.
std::string story(const std::vector<disk_call>& calls, std::size_t cut, const char* what);

} // namespace tally::fault
