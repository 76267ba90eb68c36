// Assertions that stay on in every build: a bug in a ledger must stop it, with the values that show it.
// Business outcomes and operating errors never come here.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace tally {

// Prints what was expected, where, and up to three numbers, then aborts.
[[noreturn, gnu::cold, gnu::noinline]] inline void assertion_failed(const char* expression, const char* file, int line,
                                                                    const char* function, long long a = 0, long long b = 0,
                                                                    long long c = 0) {
  std::fprintf(stderr, "tally: bug: %s:%d: %s: expected %s (values %lld, %lld, %lld)\n", file, line, function, expression, a, b, c);
  std::abort();
}

} // namespace tally

// TALLY_ASSERT(condition [, value [, value [, value]]]); no std::source_location, which clang 14 has not.
#define TALLY_ASSERT(condition, ...)                                                                                                       \
  (static_cast<bool>(condition) ? static_cast<void>(0)                                                                                     \
                                : ::tally::assertion_failed(#condition, __FILE__, __LINE__, __func__ __VA_OPT__(, ) __VA_ARGS__))
