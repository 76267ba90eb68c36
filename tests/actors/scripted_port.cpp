#include "tests/actors/scripted_port.hpp"

namespace tally::actors {

std::uint64_t scripted_port::send(const command& asked) { return send_all({&asked, 1}).front(); }

std::vector<std::uint64_t> scripted_port::send_all(std::span<const command> asked) {
  std::vector<std::uint64_t> ids;
  const std::lock_guard lock(mutex_);
  for (const command& each : asked) {
    queued_.push_back({++last_id_, std::make_unique<owned_command>(each)});
    ids.push_back(last_id_);
  }
  woken_ = true;
  changed_.notify_all();
  return ids;
}

scripted_answer scripted_port::wait(std::uint64_t id) {
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, std::chrono::seconds(20), [&] { return left_.contains(id); });
  TALLY_ASSERT(came, static_cast<long long>(id), static_cast<long long>(held_.size()), static_cast<long long>(queued_.size()));
  return left_.at(id);
}

bool scripted_port::has_left(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  return left_.contains(id);
}

bool scripted_port::is_answered(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  return left_.contains(id) || held_.contains(id);
}

std::vector<std::uint64_t> scripted_port::order_of_answers() {
  const std::lock_guard lock(mutex_);
  return order_;
}

void scripted_port::poll(shard& owner, std::chrono::steady_clock::time_point wait_until) {
  std::vector<waiting> taken;
  {
    std::unique_lock lock(mutex_);
    if (wait_until > std::chrono::steady_clock::now())
      changed_.wait_until(lock, wait_until, [&] { return woken_; });
    woken_ = false;
    while (!owner.is_full() && !queued_.empty() && taken.size() < shard::stage_size) {
      const bool alone = shard::goes_alone(queued_.front().asked->get());
      if (alone && in_flight_ > 0)
        break;
      taken.push_back(std::move(queued_.front()));
      queued_.pop_front();
      ++in_flight_;
      if (alone)
        break;
    }
    woken_ = !queued_.empty() && in_flight_ == taken.size() && taken.size() == shard::stage_size;
  }
  std::vector<request> requests;
  for (const waiting& each : taken)
    requests.push_back({each.asked->get(), {0, each.id}});
  if (!requests.empty())
    owner.submit(requests);
}

void scripted_port::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void scripted_port::answer(const reply_to& to, const outcome& answer, seq_t release_at) { keep(to, {answer, nullptr, release_at}); }

void scripted_port::answer(const reply_to& to, std::unique_ptr<document> answer, seq_t release_at) {
  const outcome head = answer->head;
  keep(to, {head, std::move(answer), release_at});
}

void scripted_port::durable(seq_t durable) {
  const std::lock_guard lock(mutex_);
  TALLY_ASSERT(durable >= durable_, static_cast<long long>(durable.value));
  durable_ = durable;
  let_go();
}

void scripted_port::keep(const reply_to& to, scripted_answer answer) {
  const std::lock_guard lock(mutex_);
  TALLY_ASSERT(in_flight_ > 0 && !held_.contains(to.id) && !left_.contains(to.id), static_cast<long long>(to.id));
  --in_flight_;
  woken_ = woken_ || !queued_.empty();
  order_.push_back(to.id);
  held_.emplace(to.id, std::move(answer));
  let_go();
}

void scripted_port::let_go() {
  for (auto at = held_.begin(); at != held_.end();) {
    if (at->second.release_at > durable_) {
      ++at;
      continue;
    }
    left_.insert(held_.extract(at++));
    changed_.notify_all();
  }
}

} // namespace tally::actors
