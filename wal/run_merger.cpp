#include "wal/run_merger.hpp"

namespace tally::wal {

run_merger::run_merger(std::uint32_t shard_count, seq_t next) : next_(next) {
  TALLY_ASSERT(shard_count > 0);
  for (std::uint32_t i = 0; i < shard_count; ++i)
    inlets_.push_back(std::make_unique<inlet>());
}

bool run_merger::ready() {
  pass_taken();
  for (std::size_t looked_at = 0; looked_at < inlets_.size(); ++looked_at) {
    if (stands_at_next(*inlets_[current_]))
      return true;
    current_ = current_ + 1 == inlets_.size() ? 0 : current_ + 1;
  }
  return false;
}

bool run_merger::take(piece& out) {
  if (!ready())
    return false;
  const inlet& from = *inlets_[current_];
  const batch& front = *from.ring.front();
  const run& taken = front.runs[from.next_run];
  const bool is_last = from.next_run + 1 == front.runs.size();
  const std::size_t end = is_last ? front.records.size() : front.runs[from.next_run + 1].offset;
  TALLY_ASSERT(taken.count > 0 && taken.offset < end && end <= front.records.size(), taken.count, taken.offset,
               static_cast<long long>(end));
  out.run = taken;
  out.records = std::span(front.records).subspan(taken.offset, end - taken.offset);
  next_ = next_.plus(taken.count);
  taken_ = true;
  return true;
}

bool run_merger::empty() const {
  for (std::size_t i = 0; i < inlets_.size(); ++i) {
    const batch* front = inlets_[i]->ring.front();
    const std::size_t passed = inlets_[i]->next_run + (taken_ && i == current_ ? 1 : 0);
    if (front != nullptr && passed < front->runs.size())
      return false;
  }
  return true;
}

bool run_merger::stands_at_next(inlet& from) {
  const batch* front = from.ring.front();
  if (front == nullptr)
    return false;
  const seq_t first = front->runs[from.next_run].first;
  TALLY_ASSERT(first >= next_, static_cast<long long>(first.value), static_cast<long long>(next_.value)); // a seq was given out twice
  return first == next_;
}

// The caller of `take` is done with the run: only now may its batch be let go.
void run_merger::pass_taken() {
  if (!taken_)
    return;
  taken_ = false;
  inlet& from = *inlets_[current_];
  if (++from.next_run == from.ring.front()->runs.size()) {
    from.ring.pop();
    from.next_run = 0;
  }
}

} // namespace tally::wal
