// Finds records by their 64-bit hash, `hash_of(record)`, in a list that only grows. Short lists are scanned, newest first; a long one
// (an account with 100,000 orders) gets an open-addressing table of positions beside it, which is derived from the
// list and no part of the state that is compared or stored.
#pragma once

#include "engine/assert.hpp"
#include "engine/small_vector.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace tally {

class reference_index {
public:
  static constexpr std::size_t scanned_max = 64; // records up to which a scan is as good

  // To be called after each record that was added at the end of `records`.
  template <class Records>
  void added(const Records& records) {
    if (records.size() <= scanned_max)
      return;
    if (records.size() * 2 > slots_.size()) {
      slots_.assign(std::bit_ceil(std::size_t{records.size()} * 4), 0);
      for (std::size_t i = 0; i < records.size(); ++i)
        place(hash_of(records[i]), i);
    } else {
      place(hash_of(records.back()), records.size() - 1);
    }
  }

  // Calls `visit(record)` for every record with this hash until it returns true; says whether it did.
  template <class Records, class Visitor>
  bool find(const Records& records, std::uint64_t hash, Visitor&& visit) const {
    if (slots_.empty()) {
      TALLY_ASSERT(records.size() <= scanned_max, records.size());
      for (std::size_t i = records.size(); i-- > 0;)
        if (hash_of(records[i]) == hash && visit(records[i]))
          return true;
      return false;
    }
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask; slots_[at] != 0; at = (at + 1) & mask) {
      const auto& record = records[slots_[at] - 1];
      if (hash_of(record) == hash && visit(record))
        return true;
    }
    return false;
  }

  // Where the newest record with this hash is; the number of records: there is none. For lists that have one of each.
  template <class Records>
  std::size_t position_of(const Records& records, std::uint64_t hash) const {
    std::size_t found = records.size();
    find(records, hash, [&](const auto& record) {
      found = static_cast<std::size_t>(&record - records.data());
      return true;
    });
    return found;
  }

  std::size_t heap_bytes() const { return slots_.heap_bytes(); }

private:
  void place(std::uint64_t hash, std::size_t position) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    while (slots_[at] != 0)
      at = (at + 1) & mask;
    slots_[at] = static_cast<std::uint32_t>(position + 1);
  }

  small_vector<std::uint32_t, 0, 4 * scanned_max> slots_; // position + 1, 0: free; at most half of them taken
};

} // namespace tally
