#include "tests/fault/flipped_bits.hpp"

#include "tests/fault/totals.hpp"

#include <gtest/gtest.h>

namespace tally::fault {
namespace {

constexpr std::uint64_t long_run_points = 100'000;

// A mark of what was acknowledged has a slot at each end.
bool is_between_slots(const std::string& file, std::size_t at) { return file.ends_with("/acknowledged") && at >= 16 && at < 4096; }

} // namespace

bool is_told_apart_from_nothing(const std::string& file) {
  return file.find("/OPTIONS") != std::string::npos || file.ends_with("/IDENTITY") || file.ends_with("/LOCK");
}

std::uint64_t flip_bits(const disk_content& good, const damage_look& look) {
  const std::size_t bits = points_for(100) > long_run_points ? 8 : 1;
  std::uint64_t flipped = 0;
  for (const auto& [file, bytes] : good.files) {
    disk_content damaged = good;
    for (std::size_t at = 0; at < bytes.size() && !is_told_apart_from_nothing(file); ++at)
      for (std::size_t bit = 0; bit < bits && !is_between_slots(file, at) && !::testing::Test::HasFailure(); ++bit, ++flipped) {
        char& byte = damaged.files.at(file)[at];
        byte = static_cast<char>(bytes[at] ^ 1 << (at + bit) % 8);
        look(damaged, file, at);
        byte = bytes[at];
      }
  }
  return flipped;
}

} // namespace tally::fault
