#include "wal/commit_loop.hpp"
#include "wal/process_end.hpp"

#include <pthread.h>

namespace tally::wal {
namespace {

constexpr std::size_t commit_bytes_max = 1ull << 20;     // a synced megabyte takes 2 ms; more would only add to the latency
constexpr std::uint64_t space_check_bytes = 64ull << 20; // the free space is looked at this often
constexpr std::chrono::seconds housekeeping_interval{1};

void add_to(std::atomic<std::uint64_t>& counter, std::uint64_t amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed); // one writer
}

std::uint64_t ns_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(to - from).count());
}

} // namespace

commit_loop::commit_loop(const journal_options& options, block_store& store, high_water_mark& mark, const digest& newest,
                         std::uint32_t shard_count, std::function<void(seq_t durable)> on_durable)
    : options_(options), store_(store), mark_(mark), on_durable_(std::move(on_durable)), may_spin_(std::thread::hardware_concurrency() > 1),
      merger_(shard_count, newest.newest.plus(1)), newest_(newest), durable_(newest.newest), durable_digest_(newest) {
  space_checked_at_ = mark_synced_at_ = clock::now();
  thread_ = std::thread([this] { run(); });
}

commit_loop::~commit_loop() { stop(); }

void commit_loop::append(std::uint32_t shard, const batch& ready) {
  TALLY_ASSERT(shard < merger_.shard_count(), shard);
  if (ready.empty())
    return;
  while (!merger_.hand_over(shard, &ready))
    std::this_thread::yield(); // 65,536 turns behind the disk
  sleeper_.wake();
}

void commit_loop::stop() {
  if (!thread_.joinable())
    return;
  stopping_.store(true, std::memory_order_seq_cst);
  sleeper_.wake();
  thread_.join();
}

digest commit_loop::newest_digest() const {
  const std::lock_guard held(digest_mutex_);
  return durable_digest_;
}

journal_timings commit_loop::timings() const {
  return {spent_.blocks, spent_.entries, spent_.commits, spent_.bytes, spent_.build_ns, spent_.hash_ns, spent_.write_ns};
}

// ---- the journal thread ----

void commit_loop::run() {
  pthread_setname_np(pthread_self(), "journal");
  while (true) {
    const bool stopping = stopping_.load(std::memory_order_seq_cst); // what was handed over before it is seen below
    if (commit_what_is_ready())
      continue;
    if (stopping)
      break;
    wait_for_work();
  }
  TALLY_ASSERT(merger_.empty(), static_cast<long long>(merger_.next().value)); // a seq was taken and never handed over
  sync_mark();
}

bool commit_loop::commit_what_is_ready() {
  gather();
  if (commit_bytes_ == 0)
    return false;
  write();
  publish();
  const clock::time_point now = clock::now();
  if (bytes_unchecked_ >= space_check_bytes || now - space_checked_at_ >= housekeeping_interval)
    check_free_space();
  if (now - mark_synced_at_ >= housekeeping_interval)
    sync_mark();
  return true;
}

// A commit ends between two runs, never inside one: a group lies in one run, and is on disk whole or not at all.
void commit_loop::gather() {
  commit_bytes_ = 0;
  if (!merger_.ready())
    return;
  const clock::time_point begin = clock::now();
  const std::uint64_t hash_ns_before = spent_.hash_ns.load(std::memory_order_relaxed);
  builder_.start(newest_.newest.plus(1), newest_.hash);
  run_merger::piece piece;
  while (commit_bytes_ + builder_.size() < commit_bytes_max && merger_.take(piece))
    add_to_blocks(piece);
  if (!builder_.empty())
    finish_block();
  merger_.release(); // once this commit is durable its shard uses the last run's batch again
  const std::uint64_t hash_ns = spent_.hash_ns.load(std::memory_order_relaxed) - hash_ns_before;
  add_to(spent_.build_ns, ns_between(begin, clock::now()) - hash_ns);
}

void commit_loop::add_to_blocks(const run_merger::piece& piece) {
  wal::run left = piece.run;
  std::span<const std::byte> records = piece.records;
  while (left.count > 0) {
    wal::run part = left;
    std::size_t length = records.size();
    if (builder_.size() + length > block_bytes_target) {
      const std::size_t room = block_bytes_target - std::min(builder_.size(), block_bytes_target);
      const record_count fitting = records_within(records, room);
      part.count = fitting.count;
      length = fitting.length;
    }
    builder_.add(part, records.first(length));
    records = records.subspan(length);
    left.first = left.first.plus(part.count);
    left.count -= part.count;
    if (builder_.size() >= block_bytes_target || left.count > 0) {
      finish_block();
      builder_.start(left.first, newest_.hash);
    }
  }
}

void commit_loop::finish_block() {
  const clock::time_point begin = clock::now();
  const seq_t first = newest_.newest.plus(1);
  const std::span<const std::byte> block = builder_.finish(newest_.hash);
  add_to(spent_.hash_ns, ns_between(begin, clock::now()));
  newest_.newest = builder_.last_seq();
  store_.add(first, block);
  commit_bytes_ += block.size();
  add_to(spent_.blocks, 1);
  add_to(spent_.entries, newest_.newest.value - first.value + 1);
}

void commit_loop::write() {
  const clock::time_point begin = clock::now();
  if (const result<void> written = store_.commit(options_.sync); !written)
    stop_the_process(written.error());
  if (const result<void> advanced = mark_.advance(newest_.newest, newest_.hash); !advanced)
    stop_the_process(advanced.error());
  mark_is_synced_ = false;
  bytes_unchecked_ += commit_bytes_;
  add_to(spent_.write_ns, ns_between(begin, clock::now()));
  add_to(spent_.commits, 1);
  add_to(spent_.bytes, commit_bytes_);
}

void commit_loop::publish() {
  {
    const std::lock_guard held(digest_mutex_);
    durable_digest_ = newest_;
  }
  durable_.store(newest_.newest, std::memory_order_release);
  if (on_durable_)
    on_durable_(newest_.newest);
}

void commit_loop::check_free_space() {
  bytes_unchecked_ = 0;
  space_checked_at_ = clock::now();
  const result<std::uint64_t> left = disk(options_.env).free_bytes(options_.folder);
  if (!left)
    stop_the_process(left.error());
  if (*left < options_.free_bytes_min)
    stop_the_process({failure_code::io, "the disk of " + options_.folder.string() + " is nearly full: " + std::to_string(*left >> 20) +
                                            " MB are left and " + std::to_string(options_.free_bytes_min >> 20) + " MB must be"});
}

void commit_loop::sync_mark() {
  mark_synced_at_ = clock::now();
  if (mark_is_synced_ || !options_.sync)
    return;
  if (const result<void> synced = mark_.sync(); !synced)
    stop_the_process(synced.error());
  mark_is_synced_ = true;
}

void commit_loop::wait_for_work() {
  const auto has_work = [this] { return merger_.ready() || stopping_.load(std::memory_order_seq_cst); };
  if (may_spin_) {
    const clock::time_point until = clock::now() + std::chrono::microseconds(options_.spin_us);
    while (clock::now() < until) {
      for (int i = 0; i < 8; ++i) {
        if (has_work())
          return;
        __builtin_ia32_pause();
      }
    }
  }
  if (!mark_is_synced_ && clock::now() - mark_synced_at_ >= housekeeping_interval)
    sync_mark();
  sleeper_.sleep(housekeeping_interval, has_work);
}

void commit_loop::stop_the_process(const failure& why) const { end_the_process(options_, durable_seq(), why); }

} // namespace tally::wal
