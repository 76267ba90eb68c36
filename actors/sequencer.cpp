#include "actors/sequencer.hpp"

#include "engine/assert.hpp"

#include <bit>

namespace tally::actors {

namespace {

// The two halves as one word, for cmpxchg16b (-mcx16): gcc and clang inline the __sync builtin, while std::atomic of 16
// bytes would call into libatomic.
using word __attribute__((may_alias)) = uint128;

uint128 packed(std::uint64_t next, std::int64_t at_us) { return (static_cast<uint128>(static_cast<std::uint64_t>(at_us)) << 64) | next; }

} // namespace

void sequencer::reset(seq_t newest, instant newest_at) {
  newest_.next = newest.value + 1;
  newest_.at_us = newest_at.us;
}

seq_t sequencer::next() const { return {__atomic_load_n(&newest_.next, __ATOMIC_ACQUIRE)}; }

instant sequencer::newest_at() const { return {__atomic_load_n(&newest_.at_us, __ATOMIC_ACQUIRE)}; }

std::optional<seq_t> sequencer::take(std::uint32_t count, instant at) {
  static_assert(std::endian::native == std::endian::little && sizeof(stamp) == sizeof(uint128));
  TALLY_ASSERT(count > 0);
  // The two loads may tear; a torn pair never equals the word, so the exchange fails and brings the true one.
  stamp seen = load();
  while (true) {
    if (seen.at_us > at.us)
      return std::nullopt;
    const uint128 expected = packed(seen.next, seen.at_us);
    const uint128 found = __sync_val_compare_and_swap(reinterpret_cast<word*>(&newest_), expected, packed(seen.next + count, at.us));
    if (found == expected)
      return seq_t{seen.next};
    seen.next = static_cast<std::uint64_t>(found);
    seen.at_us = static_cast<std::int64_t>(static_cast<std::uint64_t>(found >> 64));
  }
}

bool sequencer::take_exactly(seq_t first, std::uint32_t count, instant at) {
  TALLY_ASSERT(count > 0);
  const stamp seen = load();
  return seen.at_us <= at.us && __sync_bool_compare_and_swap(reinterpret_cast<word*>(&newest_), packed(first.value, seen.at_us),
                                                             packed(first.value + count, at.us));
}

sequencer::stamp sequencer::load() const {
  stamp seen;
  seen.next = __atomic_load_n(&newest_.next, __ATOMIC_ACQUIRE);
  seen.at_us = __atomic_load_n(&newest_.at_us, __ATOMIC_ACQUIRE);
  return seen;
}

} // namespace tally::actors
