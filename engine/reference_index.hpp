// Finds records by their 64-bit hash in a list that only grows. Short lists are scanned, newest first; a long one
// (an account with 100,000 orders) gets an open-addressing table of positions beside it, which is derived from the
// list and no part of the state that is compared or stored.
#pragma once

#include "engine/assert.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

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
      slots_.assign(std::bit_ceil(records.size() * 4), 0);
      for (std::size_t i = 0; i < records.size(); ++i)
        place(records[i].hash, i);
    } else {
      place(records.back().hash, records.size() - 1);
    }
  }

  // Calls `visit(record)` for every record with this hash until it returns true; says whether it did.
  template <class Records, class Visitor>
  bool find(const Records& records, std::uint64_t hash, Visitor&& visit) const {
    if (slots_.empty()) {
      TALLY_ASSERT(records.size() <= scanned_max, records.size());
      for (std::size_t i = records.size(); i-- > 0;)
        if (records[i].hash == hash && visit(records[i]))
          return true;
      return false;
    }
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask; slots_[at] != 0; at = (at + 1) & mask) {
      const auto& record = records[slots_[at] - 1];
      if (record.hash == hash && visit(record))
        return true;
    }
    return false;
  }

  std::size_t heap_bytes() const { return slots_.capacity() * sizeof(std::uint32_t); }

private:
  void place(std::uint64_t hash, std::size_t position) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    while (slots_[at] != 0)
      at = (at + 1) & mask;
    slots_[at] = static_cast<std::uint32_t>(position + 1);
  }

  std::vector<std::uint32_t> slots_; // position + 1, 0: free; at most half of them taken
};

} // namespace tally
