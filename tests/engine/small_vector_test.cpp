// The lists of an account against std::vector.
#include "engine/small_vector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tally {
namespace {

template <class Small>
void expect_same(const Small& seen, const std::vector<int>& expected) {
  ASSERT_EQ(seen.size(), expected.size());
  ASSERT_TRUE(std::equal(seen.begin(), seen.end(), expected.begin()));
}

template <class Small>
void play(unsigned seed, int grows_in_64) {
  std::mt19937 random(seed);
  Small seen;
  std::vector<int> expected;
  for (int step = 0; step < 20'000; ++step) {
    const int value = static_cast<int>(random());
    const std::size_t at = expected.empty() ? 0 : random() % expected.size();
    if (static_cast<int>(random() % 64) < grows_in_64) {
      const bool is_last = random() % 4 != 0;
      if (is_last)
        seen.push_back(value);
      else
        seen.insert(seen.begin() + at, value);
      expected.insert(is_last ? expected.end() : expected.begin() + static_cast<std::ptrdiff_t>(at), value);
    } else if (!expected.empty()) {
      const std::size_t gone = random() % 4 != 0 ? 0 : at;
      seen.erase(seen.begin() + gone);
      expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(gone));
    }
    if (random() % 512 == 0) {
      const std::vector<int> several(1 + random() % 40, value);
      seen.insert(seen.begin() + (expected.empty() ? 0 : at % expected.size()), several.data(), several.size());
      expected.insert(expected.begin() + static_cast<std::ptrdiff_t>(expected.empty() ? 0 : at % expected.size()), several.begin(),
                      several.end());
    }
    if (step % 1000 == 0) {
      const Small copy = seen;
      expect_same(copy, expected);
      Small moved = std::move(seen);
      seen = std::move(moved);
    }
    if (step % 16 == 0)
      expect_same(seen, expected);
  }
}

TEST(small_vector, is_a_vector_whatever_leaves_it) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    play<small_vector<int, 1>>(seed, 33);
    play<small_vector<int, 0, 4>>(seed, 40);
    play<small_vector<int, 2>>(seed, 31);
  }
}

[[gnu::noinline]] void drop_first(small_vector<int, 1>& list) { list.erase(list.begin()); }

TEST(small_vector, gives_memory_back_when_most_of_it_is_gone) {
  small_vector<int, 1> list;
  for (int i = 0; i < 100'000; ++i)
    list.push_back(i);
  const std::size_t at_most = list.heap_bytes();
  while (list.size() > 10)
    drop_first(list);
  EXPECT_EQ(list.front(), 99'990);
  EXPECT_LT(list.heap_bytes(), at_most / 1000);
}

} // namespace
} // namespace tally
