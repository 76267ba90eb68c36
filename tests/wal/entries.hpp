// Entries to test with, and their comparison field by field.
#pragma once

#include "engine/entry.hpp"

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace tally {

// The first field in which two entries differ; empty if there is none.
std::string first_difference(const entry& a, const entry& b);

} // namespace tally

namespace tally::wal::testing {

// The seed of a random test: TALLY_TEST_SEED, or a new one. Prints it.
std::uint64_t test_seed();

// An entry that owns what its views point to.
struct owned_entry {
  entry value;
  std::deque<std::string> texts;
  std::vector<sale_line> lines;
  std::vector<std::int64_t> offsets;

  owned_entry() = default;
  explicit owned_entry(const entry& copied);
  owned_entry(owned_entry&&) = default;
  owned_entry& operator=(owned_entry&&) = default;

  std::string_view keep(std::string text) { return texts.emplace_back(std::move(text)); }
};

// An earn as a till sends it: no lines, one lot on hold.
owned_entry make_earn(std::uint64_t number, instant at);

// Any fields at all, extreme values often.
owned_entry make_random(std::mt19937_64& random, seq_t number, instant at);

} // namespace tally::wal::testing
