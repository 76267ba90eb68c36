#include "tests/fault/held_journal.hpp"

#include "engine/assert.hpp"

#include <pthread.h>

#include <chrono>
#include <thread>

namespace tally::fault {

wal::journal_options journal_options_on(const fault_disk& disk, std::size_t memtable_bytes) {
  wal::journal_options options;
  options.folder = journal_name;
  options.free_bytes_min = 0;
  options.spin_us = 0;
  options.env = disk.env.get();
  options.memtable_bytes = memtable_bytes;
  return options;
}

result<std::unique_ptr<held_journal>> held_journal::open(fault_disk& disk, std::size_t memtable_bytes) {
  std::unique_ptr<held_journal> made(new held_journal(disk));
  wal::journal_options options = journal_options_on(disk, memtable_bytes);
  options.instead_of_stopping = [journal = made.get()](const failure& why) {
    journal->disk_.files->die(); // whatever the destructors do now, a process that ended would not
    journal->why_ = why.what;
    journal->stopped_ = true;
    ::pthread_exit(nullptr);
  };
  auto opened = wal::rocksdb_journal::open(options);
  if (!opened)
    return opened.error();
  made->inner_ = std::move(*opened);
  made->told_ = made->inner_->durable_seq().value;
  made->next_ = made->told_ + 1;
  return made;
}

bool held_journal::commit() {
  if (disk_.files->is_holding())
    disk_.files->let_one_go();
  let_settle();
  return !stopped_;
}

void held_journal::lose_power() {
  disk_.files->die();
  stop();
}

result<void> held_journal::replay(seq_t from, const wal::journal_reader::visitor& visit, const std::function<void(seq_t)>& progress) {
  return inner_->replay(from, visit, progress);
}

void held_journal::start(std::uint32_t shard_count, std::function<void(seq_t durable)> on_durable) {
  is_started_ = true;
  disk_.files->hold_commits(journal_name);
  inner_->start(shard_count, [this, on_durable = std::move(on_durable)](seq_t durable) {
    acknowledged_.push_back({disk_.files->calls(), durable.value});
    if (on_durable)
      on_durable(durable);
    told_ = durable.value;
  });
}

void held_journal::append(std::uint32_t shard, const wal::batch& ready) {
  for (const wal::run& each : ready.runs)
    after_a_gap_[each.first.value] = each.count;
  while (!after_a_gap_.empty() && after_a_gap_.begin()->first == next_) {
    next_ += after_a_gap_.begin()->second;
    after_a_gap_.erase(after_a_gap_.begin());
  }
  inner_->append(shard, ready);
  let_settle();
}

void held_journal::let_settle() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!stopped_ && !disk_.files->is_holding() && told_ + 1 < next_) {
    TALLY_ASSERT(std::chrono::steady_clock::now() < deadline, static_cast<long long>(told_.load()));
    std::this_thread::yield();
  }
}

void held_journal::stop() {
  if (!inner_ || !is_started_)
    return;
  disk_.files->let_all_go();
  inner_->stop();
}

void held_journal::close() {
  stop();
  inner_.reset();
}

} // namespace tally::fault
