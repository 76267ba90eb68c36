// Makes random histories: few accounts, few orders, many collisions, times that fall on the very microsecond where
// something is due. Deterministic in its seed. Also says what an outcome or an entry is, in words that two sides can compare.
#pragma once

#include "engine/entry.hpp"
#include "engine/outcome.hpp"
#include "tests/model/slow_model.hpp"

#include <deque>
#include <random>
#include <string>

namespace tally::model {

class history_generator {
public:
  explicit history_generator(std::uint64_t seed) : random_(seed) {}

  // Asked once a step, in this order.
  bool wants_new_rules();
  model_rules rules(std::uint32_t version);
  std::int64_t now_us(); // moves time
  command operation();   // views live until the next call but one
  bool wants_only_settling() { return below(20) == 0; }

private:
  std::int64_t below(std::int64_t limit) { return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random_); }
  std::string_view keep(std::string text);

  std::mt19937_64 random_;
  std::int64_t now_us_ = 1'767'225'600'000'000; // 2026-01-01T00:00:00Z
  std::int64_t operations_ = 0;
  bool first_ = true;
  std::deque<std::string> texts_;
  std::deque<std::vector<sale_line>> lines_;
  std::deque<command> sent_;          // some are sent again
  std::deque<std::int64_t> instants_; // when something may fall due
  model_rules current_;
};

// What the engine answered, by the contract's names; the version's rules name the rewards.
model_outcome shown(const outcome& outcome, const std::map<std::uint32_t, model_rules>& versions);
model_entry shown(const entry& entry);

std::string describe(const command& command);
std::string describe(const model_outcome& outcome);
std::string describe(const model_entry& entry);

} // namespace tally::model
