#include "actors/snapshotter.hpp"

#include "actors/parts.hpp"
#include "actors/shard_core.hpp"
#include "actors/stop_server.hpp"

#include <pthread.h>

#include <algorithm>
#include <optional>

namespace tally::actors {

namespace {

constexpr std::chrono::milliseconds remind_interval{250};
constexpr std::chrono::milliseconds finish_retry{1};
constexpr std::size_t batches_behind = 4; // a shard waits for room then, and the disk is the images' first
constexpr std::int64_t remind_ahead_us = 2 * us_per_second;
constexpr std::size_t reminders_max = 4096;                 // before the shards must have said that they know
constexpr std::int64_t timers_kept_us = 10 * us_per_minute; // at least; far more than an image waits to be stored
constexpr std::string_view cannot_write = "account images cannot be written";

// An account that will have something due soon.
struct reminder {
  const merchant* of;
  std::uint64_t hash;
  std::string account;
};

} // namespace

snapshotter::snapshotter(ledger_parts& parts, std::chrono::milliseconds every)
    : parts_(parts), every_(every), next_round_(clock::now() + every), next_reminder_(clock::now()) {}

snapshotter::~snapshotter() { stop(); }

void snapshotter::start() {
  thread_ = std::thread([this] { run(); });
}

void snapshotter::stop() {
  if (!thread_.joinable())
    return;
  {
    const std::lock_guard held(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

instant snapshotter::timer_horizon(instant now) const {
  if (parts_.clock.is_test()) // it may leap over anything
    return instant::end_of_time();
  return now.plus_us(std::max(timers_kept_us, 4 * 1000 * std::int64_t{every_.count()}));
}

snapshot_figures snapshotter::figures() const {
  const std::lock_guard held(mutex_);
  return figures_;
}

// ---- from the shards ------------------------------------------------------------------------------------------------

void snapshotter::ask() {
  const std::lock_guard held(mutex_);
  asked_ = true;
  changed_.notify_all();
}

void snapshotter::snapshot_now() {
  std::unique_lock held(mutex_);
  const std::uint64_t wanted = rounds_begun_ + 1;
  asked_ = true;
  changed_.notify_all();
  changed_.wait(held, [&] { return rounds_finished_ >= wanted || stopping_; });
}

void snapshotter::take(std::uint32_t shard, snapshot::image_batch images, std::vector<shard_images::pictured> accounts) {
  {
    const std::lock_guard held(mutex_);
    queue_.push_back({shard, std::move(images), std::move(accounts)});
    ++batches_taken_;
  }
  changed_.notify_all();
}

void snapshotter::shard_is_done(shard_round_end end) {
  {
    const std::lock_guard held(mutex_);
    --shards_left_;
    round_ends_with_ = batches_taken_;
    due_done_ = std::min(due_done_, end.earliest_due);
    reviews_.insert(reviews_.end(), end.open_reviews.begin(), end.open_reviews.end());
  }
  changed_.notify_all();
}

void snapshotter::shard_knows(std::size_t reminders) {
  {
    const std::lock_guard held(mutex_);
    reminders_left_ -= reminders;
  }
  changed_.notify_all();
}

// ---- its own thread -------------------------------------------------------------------------------------------------

void snapshotter::run() {
  pthread_setname_np(pthread_self(), "snapshotter");
  std::unique_lock held(mutex_);
  while (!stopping_) {
    if (queue_.empty() && !has_finished())
      changed_.wait_until(held, wakes_at());
    turn(held);
  }
  held.unlock();
  if (finishing_.valid())
    end_round();
}

void snapshotter::turn() {
  std::unique_lock held(mutex_);
  turn(held);
}

bool snapshotter::may_finish() const {
  return in_round_ && shards_left_ == 0 && batches_written_ >= round_ends_with_ && !finishing_.valid();
}

bool snapshotter::has_finished() const { return is_finished_ || (parts_.stepped && finishing_.valid()); }

snapshotter::clock::time_point snapshotter::wakes_at() const {
  if (in_round_)
    return may_finish() ? clock::now() + finish_retry : next_reminder_;
  return std::min(next_reminder_, asked_ ? clock::now() + finish_retry : next_round_);
}

void snapshotter::turn(std::unique_lock<std::mutex>& held) {
  std::optional<handed_over> batch;
  if (!queue_.empty()) {
    batch = std::move(queue_.front());
    queue_.pop_front();
  }
  const bool is_behind = queue_.size() >= batches_behind;
  const clock::time_point now = clock::now();
  const bool finishes = may_finish();
  const bool ends = has_finished();
  const bool begins = !in_round_ && (asked_ || now >= next_round_);
  held.unlock();
  if (batch) {
    parts_.images->hurry(is_behind);
    write(std::move(*batch));
  }
  if (finishes)
    finish_round();
  if (ends)
    end_round();
  if (begins) {
    begin_round();
    next_round_ = now + every_;
  }
  if (now >= next_reminder_) {
    remind();
    next_reminder_ = now + remind_interval;
  }
  held.lock();
  batches_written_ += batch ? 1 : 0;
}

void snapshotter::write(handed_over batch) {
  must(parts_.images->write(batch.images), cannot_write);
  {
    const std::lock_guard held(mutex_);
    figures_.images += batch.images.count();
    figures_.image_bytes += batch.images.bytes();
  }
  parts_.core(batch.shard)
      .post(std::make_unique<errand>([accounts = std::move(batch.accounts), bytes = batch.images.bytes()](shard_core& owner) {
        owner.images().stored(accounts, bytes);
      }));
}

// What the point will say is read before the point itself: a merchant that is listed has its first entry behind it, perhaps, but
// by the end of the round it is on disk.
void snapshotter::begin_round() {
  round_ = {};
  const wal::digest at = parts_.journal->newest_digest();
  // A change of personal data that is begun needs its entry to be read again after a crash.
  if (parts_.open_intents.load(std::memory_order_seq_cst) != 0)
    return;
  if (const auto& newest = parts_.images->point(); newest ? newest->seq == at.newest : !at.newest)
    return skip_round();
  round_.point.seq = at.newest;
  round_.point.hash = at.hash;
  round_.point.merchants = merchants_until(at.newest);
  round_.known_until = parts_.newest_taken();
  std::chrono::milliseconds within = every_ / 2;
  {
    const std::lock_guard held(mutex_);
    if (asked_)
      within = std::chrono::milliseconds(0);
    asked_ = false;
    in_round_ = true;
    ++rounds_begun_;
    shards_left_ = parts_.shards.size();
    due_done_ = reminders_left_ == 0 ? reminded_until_ : instant{std::numeric_limits<std::int64_t>::min()};
    reviews_.clear();
  }
  for (std::uint32_t i = 0; i < parts_.shards.size(); ++i)
    parts_.core(i).post(std::make_unique<errand>([within](shard_core& owner) { owner.images().begin_round(within); }));
}

// Nothing has happened since the last one.
void snapshotter::skip_round() {
  {
    const std::lock_guard held(mutex_);
    asked_ = false;
    rounds_finished_ = ++rounds_begun_;
  }
  changed_.notify_all();
}

// On a thread of its own: accounts that are to leave memory do not wait until all images are on disk.
void snapshotter::finish_round() {
  if (parts_.journal->durable_seq() < round_.known_until)
    return; // soon
  instant due_done;
  {
    const std::lock_guard held(mutex_);
    round_.point.reviews = reviews_;
    due_done = due_done_;
  }
  finishing_ = std::async(parts_.stepped ? std::launch::deferred : std::launch::async, [this, due_done] {
    must(parts_.personal->sync(), "personal data cannot be synced");
    must(parts_.images->finish(round_.point), cannot_write);
    if (!parts_.clock.is_test() && due_done > instant{})
      must(parts_.images->drop_due_before(due_done), cannot_write);
    {
      const std::lock_guard held(mutex_);
      is_finished_ = true;
    }
    changed_.notify_all();
  });
}

void snapshotter::end_round() {
  finishing_.get();
  {
    const std::lock_guard held(mutex_);
    is_finished_ = in_round_ = false;
    rounds_finished_ = rounds_begun_;
    ++figures_.rounds;
    figures_.point = round_.point.seq;
  }
  changed_.notify_all();
}

void snapshotter::finish() {
  stop();
  parts_.images->hurry(true);
  for (const handed_over& batch : queue_)
    must(parts_.images->write(batch.images), cannot_write);
  queue_.clear();
  const wal::digest at = parts_.journal->newest_digest();
  const auto& newest = parts_.images->point();
  const bool has_news = std::ranges::any_of(parts_.shards, [](const auto& each) { return each->core().images().has_changes(); });
  if (parts_.open_intents.load() != 0 || (!has_news && (newest ? newest->seq == at.newest : !at.newest)))
    return;
  snapshot::recovery_point point;
  point.seq = at.newest;
  point.hash = at.hash;
  point.merchants = merchants_until(at.newest);
  for (std::uint32_t i = 0; i < parts_.shards.size(); ++i) {
    shard_core& owner = parts_.core(i);
    owner.images().bring_back_tail(); // stopped before all of it was applied: the point would skip it for ever
    snapshot::image_batch rest = owner.images().take_pending();
    const auto store = [&] {
      must(parts_.images->write(rest), cannot_write);
      rest = {};
    };
    owner.images().take_rest([&](account_actor& account) {
      rest.add(account.state().merchant, account.id(), account.state());
      if (rest.bytes() > (1u << 20))
        store();
    });
    store();
    const auto open = owner.reviews().all();
    point.reviews.insert(point.reviews.end(), open.begin(), open.end());
  }
  must(parts_.personal->sync(), "personal data cannot be synced");
  must(parts_.images->finish(point), cannot_write);
}

// Merchants whose first entry is on disk once everything is that was taken by now, with the versions of their rules up to the point.
std::vector<snapshot::merchant_record> snapshotter::merchants_until(seq_t point) const {
  std::vector<snapshot::merchant_record> all;
  for (merchant_number number = 1; number <= merchant_table::merchants_max; ++number) {
    const merchant* each = parts_.merchants.at(number);
    if (each == nullptr)
      break; // numbers have no gaps
    snapshot::merchant_record& record = all.emplace_back(snapshot::merchant_record{number, each->id, {}});
    for (const program* version = each->active.load(std::memory_order_acquire); version != nullptr; version = version->older)
      if (version->applied_seq <= point)
        record.programs.push_back(version->applied_seq);
    std::ranges::reverse(record.programs);
  }
  return all;
}

// Accounts on disk that have something due soon come back into memory, where their timers fire.
void snapshotter::remind() {
  if (parts_.clock.is_test())
    return;
  {
    const std::lock_guard held(mutex_);
    if (reminders_left_ != 0)
      return;
  }
  const instant until = parts_.now().plus_us(remind_ahead_us);
  if (until <= reminded_until_)
    return;
  std::vector<std::vector<reminder>> by_shard(parts_.shards.size());
  std::size_t count = 0;
  instant reached = until;
  const auto note = [&](merchant_number number, std::string_view account, instant due) {
    if (count >= reminders_max && due > reached) // all of one time together
      return false;
    reached = count >= reminders_max - 1 ? due : until;
    const merchant* of = number <= merchant_table::merchants_max ? parts_.merchants.at(number) : nullptr;
    TALLY_ASSERT(of != nullptr, number);
    const std::uint64_t hash = parts_.merchants.account_hash(of->hash, account);
    by_shard[parts_.shard_of(hash)].push_back({of, hash, std::string(account)});
    ++count;
    return true;
  };
  must(parts_.images->for_each_due(reminded_until_.plus_us(1), until, note), "account images cannot be read");
  reminded_until_ = reached;
  if (count == 0)
    return;
  {
    const std::lock_guard held(mutex_);
    reminders_left_ = count;
  }
  for (std::uint32_t i = 0; i < parts_.shards.size(); ++i) {
    if (by_shard[i].empty())
      continue;
    parts_.core(i).post(std::make_unique<errand>([this, reminders = std::move(by_shard[i])](shard_core& owner) {
      for (const reminder& each : reminders)
        if (account_actor* account = owner.find(*each.of, each.hash, each.account))
          owner.timers().update(*account);
      shard_knows(reminders.size());
    }));
  }
}

} // namespace tally::actors
