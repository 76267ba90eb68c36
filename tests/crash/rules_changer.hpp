// Changes the rules of the merchant "crash" while the others sell, in a server that keeps dying: only their name, so that every version
// earns alike. A version that was acknowledged stays, under its number; one whose answer was lost is there once or not at all.
#pragma once

#include "net/client.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tally::crash {

inline constexpr const char* merchant_name = "crash";
inline constexpr std::int64_t review_above = 180; // points, as all versions of the rules say

// Lifecycle: one for a whole run; `run` once for every start of the server. Thread: one at a time, but `acknowledged` from any.
class rules_changer {
public:
  explicit rules_changer(std::uint64_t seed) : random_(seed) {}

  std::string problem;          // the first thing that was wrong
  std::uint64_t found_done = 0; // versions that were in force although their answer was lost
  std::size_t versions() const { return seqs_.size(); }
  const std::vector<std::uint64_t>& seqs() const { return seqs_; } // of the versions, while nobody runs
  const std::atomic<std::uint32_t>& acknowledged() const { return acknowledged_; }

  // Applies the next version; what was not answered before is sent again first. False when something is wrong; a server that went
  // away is not.
  bool apply_one(net::client& client);
  // One version after the other until the server goes away or `enough` says so; what is unknown is settled first.
  void run(std::uint16_t port, const std::atomic<bool>& enough);
  // All that was acknowledged is listed, and nothing else; empty, or what is wrong.
  std::string read_back(net::client& client) const;

private:
  std::string toml_of(std::uint64_t number) const;

  std::mt19937_64 random_;
  std::vector<std::uint64_t> seqs_; // of version i + 1
  bool in_flight_ = false;          // the next one was sent
  std::atomic<std::uint32_t> acknowledged_{0};
};

} // namespace tally::crash
