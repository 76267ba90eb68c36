// The newest entries of accounts that are still on disk: what recovery read behind the recovery point and nobody has applied yet. It keeps
// no entries, only where the newest of each account is; the others are found from there along prev_seq.
#pragma once

#include "engine/entry.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>

namespace tally::actors {

// Thread: recovery's, then its shard's.
class tail_index {
public:
  // An entry behind the point, in order. False: it does not follow from the account's entry before it.
  bool note(std::uint64_t hash, const entry& each, seq_t point);

  // The newest entry under that hash of which `is_wanted` says that it is the account's; it is forgotten then.
  template <class IsWanted>
  std::optional<seq_t> take(std::uint64_t hash, const IsWanted& is_wanted) {
    const auto [begin, end] = newest_.equal_range(hash);
    for (auto at = begin; at != end; ++at)
      if (is_wanted(at->second)) {
        const seq_t newest = at->second;
        newest_.erase(at);
        return newest;
      }
    return std::nullopt;
  }

  // The newest entry of any of the accounts.
  std::optional<seq_t> any() const { return newest_.empty() ? std::nullopt : std::optional(newest_.begin()->second); }
  bool empty() const { return newest_.empty(); }
  std::size_t size() const { return newest_.size(); }

private:
  std::unordered_multimap<std::uint64_t, seq_t> newest_; // by the hash of the account; equal hashes of two are told apart by their entries
};

} // namespace tally::actors
