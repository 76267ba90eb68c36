// The ceiling: the same operations on the same accounts over a bare hash table, with nothing kept and nothing sent.
// What a ledger on this machine could never pass; what lies between is log, hashes, rules and sockets.
#pragma once

#include "bench/workload.hpp"

#include <cstdint>
#include <vector>

namespace tally::bench {

// Two tables: members by hash of their id, and the references that counted by hash of all they are. One thread.
class bare_ledger {
public:
  bare_ledger(std::uint32_t accounts_max, std::size_t operations_max);

  // One operation, ids spelled out; true if it counted.
  bool run(op kind, std::string_view account, std::string_view reference, std::string_view order, std::int64_t value);

private:
  struct member {
    std::string id;
    std::int64_t available = 0, lifetime = 0;
  };
  struct member_slot {
    std::uint64_t hash = 0;
    std::uint32_t member = 0; // 1-based; 0: free
  };
  struct reference_slot {
    std::uint64_t hash = 0; // 0: free
    std::int64_t points = 0;
  };
  member& find_or_add(std::string_view account);
  reference_slot& slot_of(op kind, std::string_view account, std::string_view reference);

  std::vector<member_slot> member_slots_;
  std::vector<member> members_;
  std::vector<reference_slot> references_;
};

struct ceiling_result {
  std::uint64_t operations = 0;
  double ops_per_s = 0;
};
// Enrolls everybody, then times `operations` of the workload.
ceiling_result measure_ceiling(const workload_options& options, std::size_t operations);

} // namespace tally::bench
