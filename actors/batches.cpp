#include "actors/batches.hpp"

#include <algorithm>

namespace tally::actors {

void batches::hand_over(wal::journal& journal, std::uint32_t shard) {
  if (open_->empty())
    return;
  journal.append(shard, *open_);
  handed_over_.push_back(std::move(open_));
  if (free_.empty()) {
    open_ = std::make_unique<wal::batch>();
  } else {
    open_ = std::move(free_.back());
    free_.pop_back();
  }
}

void batches::recycle(seq_t durable) {
  while (!handed_over_.empty() && handed_over_.front()->last_seq <= durable) {
    handed_over_.front()->clear();
    free_.push_back(std::move(handed_over_.front()));
    handed_over_.pop_front();
  }
}

std::span<const entry> batches::find_group(seq_t first) {
  const wal::batch* batch = batch_of(first);
  if (batch == nullptr)
    return {};
  const auto after = std::ranges::upper_bound(batch->runs, first, {}, &wal::run::first);
  if (after == batch->runs.begin())
    return {};
  const wal::run& run = after[-1]; // a group is stamped together, so it is inside one run
  if (first >= run.first.plus(run.count))
    return {};
  group_.clear();
  group_buffers_.clear();
  std::span<const std::byte> records = std::span(batch->records).subspan(run.offset);
  for (seq_t number = run.first; number < run.first.plus(run.count); number = number.plus(1)) {
    entry& decoded = group_.emplace_back();
    const result<void> done = wal::decode(records, number, run.at, group_buffers_.emplace_back(), decoded);
    TALLY_ASSERT(done.ok(), static_cast<long long>(number.value));
    if (number >= first && decoded.group == first)
      continue;
    group_.pop_back();
    group_buffers_.pop_back();
    if (number >= first)
      break;
  }
  return group_;
}

const wal::batch* batches::batch_of(seq_t number) const {
  if (!open_->empty() && open_->runs.front().first <= number)
    return number <= open_->last_seq ? open_.get() : nullptr;
  const auto found = std::ranges::find_if(handed_over_, [&](const auto& each) { return number <= each->last_seq; });
  return found != handed_over_.end() ? found->get() : nullptr;
}

} // namespace tally::actors
