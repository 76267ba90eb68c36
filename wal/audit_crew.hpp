// The threads of an audit or a replay: each takes its list of every round (wal/audit_round.hpp), round after round.
#pragma once

#include "wal/audit_round.hpp"

#include <array>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace tally::wal {

inline constexpr std::size_t workers_max = 64;
// One a processor if 0 are wanted.
std::size_t worker_count(std::size_t wanted);

// What one worker does. Its own thread's, from the first round until `end` has returned.
class audit_worker {
public:
  virtual ~audit_worker() = default;
  virtual void work(audit_round& round, std::size_t own) = 0;
  // After the last round.
  virtual void end() = 0;
};

// Lifecycle: make; next, fill, publish, again and again; finish. From one thread. A crew of one has no thread: `publish` does the work.
class audit_crew {
public:
  // `workers` live longer. `done` is called on the caller's thread with every round that is done, in order.
  audit_crew(std::vector<audit_worker*> workers, std::function<void(audit_round&)> done);
  ~audit_crew();
  audit_crew(const audit_crew&) = delete;
  audit_crew& operator=(const audit_crew&) = delete;

  std::size_t size() const { return workers_.size(); }
  // An empty round; waits for the oldest one if all are under way.
  audit_round& next();
  // The round that `next` gave goes to the workers.
  void publish();
  // Waits until everything published is done and the workers have ended.
  void finish();

private:
  // Enough to keep the workers busy while the router is held up, few enough to stay in the processor's cache.
  static constexpr std::size_t round_count = 8;

  void run(std::size_t own);
  void retire(audit_round& round);

  std::vector<audit_worker*> workers_;
  std::function<void(audit_round&)> done_;
  std::array<audit_round, round_count> rounds_;
  std::uint32_t made_ = 0;    // rounds that `next` gave
  std::uint32_t retired_ = 0; // rounds that `done` was told of
  std::atomic<std::uint32_t> published_ = 0;
  std::vector<std::thread> threads_;
};

} // namespace tally::wal
