// Assertions that stay on in every build: a bug in a ledger must stop it, with the values that show it.
// Business outcomes and operating errors never come here.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace tally {

// Prints what was expected, where, and up to three numbers, then aborts.
[[noreturn, gnu::cold, gnu::noinline]] inline void assertion_failed(const char* expression, std::source_location where, long long a = 0,
                                                                    long long b = 0, long long c = 0) {
  std::fprintf(stderr, "tally: bug: %s:%u: %s: expected %s (values %lld, %lld, %lld)\n", where.file_name(), where.line(),
               where.function_name(), expression, a, b, c);
  std::abort();
}

} // namespace tally

// TALLY_ASSERT(condition [, value [, value [, value]]])
#define TALLY_ASSERT(condition, ...)                                                                                                       \
  (static_cast<bool>(condition) ? static_cast<void>(0)                                                                                     \
                                : ::tally::assertion_failed(#condition, std::source_location::current() __VA_OPT__(, ) __VA_ARGS__))
