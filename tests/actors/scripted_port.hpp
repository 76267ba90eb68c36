// A port for tests: commands are put in from any thread, answers are waited for by id, and it is checked that none leaves
// before it may.
#pragma once

#include "actors/owned_command.hpp"
#include "actors/port.hpp"
#include "actors/shard.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <vector>

namespace tally::actors {

struct scripted_answer {
  outcome head;
  std::shared_ptr<const document> shown; // null: a short answer
  seq_t release_at;
};

// One connection per port.
class scripted_port final : public port {
public:
  // From any thread. Commands are submitted in this order.
  std::uint64_t send(const command& asked);
  // Sends several at once: they reach the shard in one batch.
  std::vector<std::uint64_t> send_all(std::span<const command> asked);
  // Waits until the answer has left; ends the test program after 20 s.
  scripted_answer wait(std::uint64_t id);
  bool has_left(std::uint64_t id);
  // Answered by the shard, durable or not.
  bool is_answered(std::uint64_t id);
  std::vector<std::uint64_t> order_of_answers();

  void poll(shard& owner, std::chrono::steady_clock::time_point wait_until) override;
  void wake() override;
  void answer(const reply_to& to, const outcome& answer, seq_t release_at) override;
  void answer(const reply_to& to, std::unique_ptr<document> answer, seq_t release_at) override;
  void durable(seq_t durable) override;

private:
  struct waiting {
    std::uint64_t id;
    std::unique_ptr<owned_command> asked;
  };
  void keep(const reply_to& to, scripted_answer answer);
  void let_go();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<waiting> queued_;
  std::map<std::uint64_t, scripted_answer> held_;
  std::map<std::uint64_t, scripted_answer> left_;
  std::vector<std::uint64_t> order_;
  std::uint64_t last_id_ = 0;
  std::size_t in_flight_ = 0;
  seq_t durable_;
  bool woken_ = false;
};

} // namespace tally::actors
