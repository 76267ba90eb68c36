// The references that counted, as 128-bit hashes in flat tables: most operations bring one, so that nodes would cost more than deciding the
// operation again. 21 to 43 bytes a reference. One thread's.
#pragma once

#include "engine/hash.hpp"
#include "wal/huge_allocator.hpp"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace tally::wal {

struct reference_hash {
  std::uint64_t first = 0, second = 0;
  bool operator==(const reference_hash&) const = default;
};

class reference_set {
public:
  // Whether it is new.
  bool insert(reference_hash hash) {
    if (hash == reference_hash{}) // an empty slot
      hash.second = 1;
    table& in = table_of(hash);
    if ((in.count + 1) * 4 > in.slots.size() * 3)
      grow(in);
    reference_hash& slot = slot_of(in, hash);
    if (slot == hash)
      return false;
    slot = hash;
    ++in.count;
    return true;
  }
  void prefetch(const reference_hash& hash) const {
    const table& in = tables_[hash.second % table_count];
    if (!in.slots.empty())
      __builtin_prefetch(&in.slots[hash.first & (in.slots.size() - 1)], 1);
  }

private:
  // Many, so that what is copied while one grows is a small part of all.
  static constexpr std::size_t table_count = 16;
  static constexpr std::size_t slots_min = 64;
  using slots_t = std::vector<reference_hash, huge_allocator<reference_hash>>;
  struct table {
    slots_t slots; // a power of two
    std::size_t count = 0;
  };

  table& table_of(const reference_hash& hash) { return tables_[hash.second % table_count]; }
  // Where it is or belongs.
  static reference_hash& slot_of(table& in, const reference_hash& hash) {
    const std::size_t mask = in.slots.size() - 1;
    std::size_t at = hash.first & mask;
    while (in.slots[at] != reference_hash{} && in.slots[at] != hash)
      at = (at + 1) & mask;
    return in.slots[at];
  }
  static void grow(table& in) {
    const slots_t old = std::exchange(in.slots, slots_t(in.slots.empty() ? slots_min : in.slots.size() * 2));
    for (const reference_hash& hash : old)
      if (hash != reference_hash{})
        slot_of(in, hash) = hash;
  }

  std::array<table, table_count> tables_;
};

} // namespace tally::wal
