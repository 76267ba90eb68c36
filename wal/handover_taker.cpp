#include "wal/handover_taker.hpp"
#include "wal/process_end.hpp"

#include <pthread.h>

#include <cstdio>

namespace tally::wal {
namespace {

constexpr std::chrono::milliseconds look_interval{200}; // a stat
constexpr std::chrono::milliseconds readers_interval{1000};
constexpr std::uint64_t verified_bytes_per_second = 64ull << 20; // a tenth of a processor

} // namespace

handover_taker::handover_taker(const journal_options& options, block_store& store, std::function<seq_t()> durable)
    : options_(options), store_(store), durable_(std::move(durable)), where_{options.folder}, request_(where_),
      pace_(verified_bytes_per_second) {
  thread_ = std::thread([this] { run(); });
}

handover_taker::~handover_taker() { stop(); }

void handover_taker::stop() {
  if (!thread_.joinable())
    return;
  {
    const std::lock_guard held(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  store_.interrupt_drops();
  thread_.join();
}

void handover_taker::run() {
  pthread_setname_np(pthread_self(), "handover");
  while (const auto pause = look()) {
    std::unique_lock held(mutex_);
    if (wake_.wait_for(held, *pause, [this] { return stopping_.load(); }))
      return;
  }
}

std::optional<std::chrono::milliseconds> handover_taker::look() {
  const result<bool> is_there = request_.is_there();
  if (!is_there || !*is_there)
    return look_interval;
  if (store_.is_being_read())
    return readers_interval;
  const auto go_on = [this](std::uint64_t block_bytes) {
    pace_.spend(block_bytes);
    return !stopping_.load();
  };
  const auto kept = check_handover(where_, store_, durable_(), go_on);
  if (kept && !*kept)
    return std::nullopt;
  if (!kept) {
    std::fprintf(stderr, "tally: a request of `tally archive` is refused: %s\n", kept.error().what.c_str());
    if (const result<void> resumed = store_.resume_compactions(); !resumed)
      end_the_process(options_, durable_(), resumed.error());
    return answer(request_.refuse(kept.error().what)) ? std::optional(look_interval) : std::nullopt;
  }
  const auto dropped = store_.drop_before(**kept, stopping_);
  if (!dropped)
    end_the_process(options_, durable_(), dropped.error());
  switch (*dropped) {
  case block_store::dropped::all:
    return answer(request_.remove()) ? std::optional(look_interval) : std::nullopt;
  case block_store::dropped::nothing:
    return readers_interval;
  case block_store::dropped::interrupted:
    break;
  }
  return std::nullopt;
}

// The store is well, so the server goes on; whoever asked finds his request as it was.
bool handover_taker::answer(const result<void>& given) const {
  if (!given)
    std::fprintf(stderr, "tally: a request of `tally archive` cannot be answered, and none is taken up until the next start: %s\n",
                 given.error().what.c_str());
  return given.ok();
}

} // namespace tally::wal
