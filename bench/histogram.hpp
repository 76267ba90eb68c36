// Latencies in logarithmic buckets: 128 to each power of two, so a percentile is within 0.8 % of the truth and
// recording costs an increment. Values are whole microseconds (or whatever the caller counts).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tally::bench {

class histogram {
public:
  histogram() : buckets_(bucket_count) {}

  void record(std::uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
    max_ = std::max(max_, value);
  }
  void add(const histogram& other);
  void clear();

  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  // The smallest value that at least `share` (0 to 1) of all values do not exceed, rounded up to its bucket's end and
  // never above max; 0 when empty.
  [[nodiscard]] std::uint64_t percentile(double share) const;

private:
  static constexpr unsigned sub_bits = 7;
  static constexpr unsigned exponents = 40; // up to 2^40 µs, 12 days; what is longer counts as that
  static constexpr std::size_t bucket_count = (exponents - sub_bits + 1) << sub_bits;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value >> exponents)
      return bucket_count - 1;
    const unsigned width = static_cast<unsigned>(std::bit_width(value));
    const unsigned shift = width > sub_bits + 1 ? width - sub_bits - 1 : 0;
    return (std::size_t{shift} << sub_bits) + (value >> shift);
  }
  static std::uint64_t last_value_of(std::size_t bucket);

  std::vector<std::uint32_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

} // namespace tally::bench
