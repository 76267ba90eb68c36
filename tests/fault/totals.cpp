#include "tests/fault/totals.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>

namespace tally::fault {
namespace {

constexpr std::uint64_t points_by_default = 12'000;

std::mutex mutex;
std::map<std::string, std::uint64_t> totals;

class totals_at_the_end : public ::testing::Environment {
public:
  void TearDown() override {
    const std::lock_guard held(mutex);
    std::uint64_t cut_points = 0;
    for (const auto& [kind, count] : totals) {
      std::printf("%9llu  %s\n", static_cast<unsigned long long>(count), kind.c_str());
      if (kind.starts_with("power loss") || kind.starts_with("kill") || kind.starts_with("schedule"))
        cut_points += count;
    }
    if (!totals.empty())
      std::printf("%9llu cut points\n", static_cast<unsigned long long>(cut_points));
  }
};

const auto* const registered = ::testing::AddGlobalTestEnvironment(new totals_at_the_end);

} // namespace

void count_fault(const std::string& kind, std::uint64_t how_many) {
  const std::lock_guard held(mutex);
  totals[kind] += how_many;
}

std::uint64_t points_for(std::uint64_t share) {
  const char* const given = std::getenv("TALLY_FAULT_POINTS");
  const std::uint64_t all = given != nullptr ? std::strtoull(given, nullptr, 10) : points_by_default;
  return all * share / 100 + 1;
}

} // namespace tally::fault
