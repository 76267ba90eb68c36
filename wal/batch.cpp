#include "wal/batch.hpp"

namespace tally::wal {

void batch::clear() {
  records.clear();
  runs.clear();
  last_seq = {};
}

void batch::add(const entry& entry) {
  TALLY_ASSERT(entry.seq > last_seq, static_cast<long long>(entry.seq.value), static_cast<long long>(last_seq.value));
  const bool follows = !runs.empty() && entry.seq == last_seq.plus(1) && entry.at == runs.back().at;
  // What makes a group one synced write: no commit ends inside a run.
  const bool is_whole = entry.group == entry.seq || (follows && entry.group >= runs.back().first);
  TALLY_ASSERT(is_whole, static_cast<long long>(entry.seq.value), static_cast<long long>(entry.group.value));
  if (follows) {
    ++runs.back().count;
  } else {
    TALLY_ASSERT(records.size() <= UINT32_MAX, static_cast<long long>(records.size()));
    runs.push_back({entry.seq, 1, static_cast<std::uint32_t>(records.size()), entry.at});
  }
  encode(entry, records);
  last_seq = entry.seq;
}

} // namespace tally::wal
