// What every account must look like, kept from the acknowledged outcomes alone: the newest balance any outcome showed, and
// the lifetime that the acknowledged earns add up to. 24 bytes an account, so that a million of them stay cheap.
#pragma once

#include "bench/generator.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tally::bench {

class expected_accounts {
public:
  explicit expected_accounts(std::uint32_t accounts) : accounts_(accounts), touched_(accounts) {}

  std::uint32_t count() const { return static_cast<std::uint32_t>(accounts_.size()); }
  void prefetch(std::uint32_t account) const { __builtin_prefetch(&accounts_[account], 1); }

  // Takes an account as it is, before the benchmark changes it.
  void start_from(std::uint32_t account, const answer_numbers& shown);
  // An acknowledged earn, redeem or reverse.
  void acknowledged(const operation& asked, const answer_numbers& answer);
  bool touched(std::uint32_t account) const { return touched_[account]; }

  // Compares with what the server shows now; empty if it is the same, else what differs.
  std::string difference(std::uint32_t account, const answer_numbers& shown) const;

private:
  struct expected {
    seq_t newest_seq; // of the outcome `available` is from
    std::int64_t available = 0;
    std::int64_t lifetime = 0;
  };
  std::vector<expected> accounts_;
  std::vector<bool> touched_;
};

} // namespace tally::bench
