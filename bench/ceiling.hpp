// The ceiling: the same operations on the same accounts over a bare hash table, with nothing kept and nothing sent.
// What a ledger on this machine could never pass; what lies between is log, hashes, rules and sockets.
#pragma once

#include "bench/workload.hpp"

#include <cstdint>
#include <vector>

namespace tally::bench {

// Members by hash of their id: balances and the references that counted. One thread.
class bare_ledger {
public:
  explicit bare_ledger(std::uint32_t accounts_expected);

  // One operation, ids spelled out; true if it counted.
  bool run(op kind, std::string_view account, std::string_view reference, std::string_view order, std::int64_t value);

private:
  struct known_reference {
    std::uint64_t hash;
    std::int64_t points;
  };
  struct member {
    std::string id;
    std::int64_t available = 0, lifetime = 0;
    std::vector<known_reference> references;
  };
  struct slot {
    std::uint64_t hash = 0;
    std::uint32_t member = 0; // 1-based; 0: free
  };
  member& find_or_add(std::string_view account);

  std::vector<slot> slots_;
  std::vector<member> members_;
};

struct ceiling_result {
  std::uint64_t operations = 0;
  double ops_per_s = 0;
};
// Enrolls everybody, then times `operations` of the workload.
ceiling_result measure_ceiling(const workload_options& options, std::size_t operations);

} // namespace tally::bench
