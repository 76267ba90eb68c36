#include "actors/tail_index.hpp"

namespace tally::actors {

bool tail_index::note(std::uint64_t hash, const entry& each, seq_t point) {
  const auto [begin, end] = newest_.equal_range(hash);
  for (auto at = begin; at != end; ++at)
    if (at->second == each.prev_seq) {
      at->second = each.seq;
      return true;
    }
  if (each.prev_seq > point) // then the one before it was noted
    return false;
  newest_.emplace(hash, each.seq);
  return true;
}

} // namespace tally::actors
