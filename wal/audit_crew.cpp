#include "wal/audit_crew.hpp"

#include <algorithm>
#include <utility>

namespace tally::wal {

std::size_t worker_count(std::size_t wanted) {
  const std::size_t processors = std::max(1u, std::thread::hardware_concurrency());
  return std::clamp<std::size_t>(wanted == 0 ? processors : wanted, 1, workers_max);
}

audit_crew::audit_crew(std::vector<audit_worker*> workers, std::function<void(audit_round&)> done)
    : workers_(std::move(workers)), done_(std::move(done)) {
  TALLY_ASSERT(!workers_.empty());
  for (audit_round& round : rounds_) {
    round.items.resize(workers_.size());
    round.findings.resize(workers_.size() + 1);
  }
  if (workers_.size() > 1)
    for (std::size_t own = 0; own < workers_.size(); ++own)
      threads_.emplace_back([this, own] { run(own); });
}

audit_crew::~audit_crew() {
  if (!threads_.empty())
    finish();
}

audit_round& audit_crew::next() {
  TALLY_ASSERT(made_ == published_.load(std::memory_order_relaxed), made_);
  if (made_ - retired_ == round_count)
    retire(rounds_[retired_ % round_count]);
  audit_round& round = rounds_[made_++ % round_count];
  round.arena.clear();
  for (auto& items : round.items)
    items.clear();
  for (auto& findings : round.findings)
    findings.clear();
  round.meetings.clear();
  round.last = false;
  round.pending.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
  return round;
}

void audit_crew::publish() {
  TALLY_ASSERT(made_ == published_.load(std::memory_order_relaxed) + 1, made_);
  published_.fetch_add(1, std::memory_order_release);
  if (threads_.empty()) {
    audit_round& round = rounds_[(made_ - 1) % round_count];
    workers_.front()->work(round, 0);
    round.pending.store(0, std::memory_order_relaxed);
    retire(round);
    return;
  }
  published_.notify_all();
}

void audit_crew::finish() {
  next().last = true;
  publish();
  while (retired_ != made_)
    retire(rounds_[retired_ % round_count]);
  for (std::thread& each : threads_)
    each.join();
  threads_.clear();
  if (workers_.size() == 1)
    workers_.front()->end();
}

void audit_crew::run(std::size_t own) {
  for (std::uint32_t taken = 0;; ++taken) {
    std::uint32_t there = published_.load(std::memory_order_acquire);
    while (there == taken) {
      published_.wait(there, std::memory_order_acquire);
      there = published_.load(std::memory_order_acquire);
    }
    audit_round& round = rounds_[taken % round_count];
    workers_[own]->work(round, own);
    const bool was_last = round.last;
    if (was_last)
      workers_[own]->end();
    if (round.pending.fetch_sub(1, std::memory_order_acq_rel) == 1)
      round.pending.notify_all();
    if (was_last)
      return;
  }
}

void audit_crew::retire(audit_round& round) {
  for (std::uint32_t left = round.pending.load(std::memory_order_acquire); left != 0; left = round.pending.load(std::memory_order_acquire))
    round.pending.wait(left, std::memory_order_acquire);
  ++retired_;
  done_(round);
}

} // namespace tally::wal
