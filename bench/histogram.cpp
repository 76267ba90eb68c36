#include "bench/histogram.hpp"

#include <cmath>

namespace tally::bench {

void histogram::add(const histogram& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i)
    buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

void histogram::clear() {
  std::fill(buckets_.begin(), buckets_.end(), 0u);
  count_ = 0;
  max_ = 0;
}

std::uint64_t histogram::percentile(double share) const {
  if (count_ == 0)
    return 0;
  const double wanted = std::ceil(share * static_cast<double>(count_));
  const std::uint64_t rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank)
      return std::min(last_value_of(i), max_);
  }
  return max_;
}

std::uint64_t histogram::last_value_of(std::size_t bucket) {
  constexpr std::size_t exact = std::size_t{2} << sub_bits; // below this every value has its own bucket
  if (bucket < exact)
    return bucket;
  const std::size_t shift = (bucket >> sub_bits) - 1;
  const std::uint64_t top = bucket - (shift << sub_bits);
  return ((top + 1) << shift) - 1;
}

} // namespace tally::bench
