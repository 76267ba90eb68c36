// What the tills of the benchmark do: which operation, on which account, for how much. Cheap enough (a few ns) to not
// be what is measured; the same seed gives the same operations. Knows nothing of sockets or frames.
#pragma once

#include "engine/hash.hpp"
#include "engine/names.hpp"
#include "engine/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tally::bench {

// One operation before it is written as a frame. References and ids are numbers here; bench/request_writer.hpp spells them.
struct operation {
  op kind = op::none;
  std::uint32_t account = 0;
  std::uint64_t number = 0; // its own reference: order of an earn or redeem, refund of a reverse
  std::uint64_t order = 0;  // reverse: the order it cancels
  std::int64_t value = 0;   // earn: total in money units; redeem: points
};

// The share of each operation, as "earn=80,redeem=12,reverse=3,account=5".
struct operation_mix {
  std::uint32_t earn = 80, redeem = 12, reverse = 3, account = 5;
};
result<operation_mix> parse_mix(std::string_view text);

// Random numbers at 1 ns each (wyrand's step).
class random_source {
public:
  explicit random_source(std::uint64_t seed) : state_(mix64(seed ^ 0xa0761d6478bd642f, 0xe7037ed1a0b428db)) {}

  std::uint64_t next() {
    state_ += 0xa0761d6478bd642f;
    return mix64(state_, state_ ^ 0xe7037ed1a0b428db);
  }
  // Evenly from 0 to bound - 1.
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32); }

private:
  std::uint64_t state_;
};

struct workload_options {
  std::uint32_t accounts = 1'000'000;
  operation_mix mix;
  double skew = 0; // Zipf's exponent; 0: every account as likely as the other
  std::uint64_t seed = 1;
  std::uint64_t first_number = 1; // references are numbered from here; must be new to the server
};

class workload {
public:
  explicit workload(const workload_options& options);

  // A reverse takes an order that `earned` told of, each at most once, and is an earn while there is none.
  operation next();
  void earned(const operation& earn);

private:
  std::uint32_t pick_account();
  void draw_skewed_accounts(double skew);

  struct earned_order {
    std::uint32_t account;
    std::uint64_t number;
  };

  std::uint32_t accounts_;
  random_source random_;
  std::vector<op> kinds_;            // one for each part of the mix
  std::vector<std::uint32_t> drawn_; // skewed: accounts drawn beforehand, walked round and round
  std::size_t drawn_at_ = 0;
  std::vector<earned_order> orders_; // ring of the newest acknowledged earns
  std::uint64_t orders_in_ = 0, orders_out_ = 0;
  std::uint64_t number_;
};

} // namespace tally::bench
