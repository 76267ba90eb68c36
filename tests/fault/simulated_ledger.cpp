#include "tests/fault/simulated_ledger.hpp"

#include "actors/snapshotter.hpp"
#include "engine/assert.hpp"

#include <caf/actor_system.hpp>

#include <algorithm>
#include <chrono>
#include <thread>

namespace tally::fault {

namespace fs = std::filesystem;

actors::ledger_options ledger_options_on(const fault_disk& disk) {
  actors::ledger_options options;
  options.folder = fs::path(journal_name).parent_path();
  options.shards = 3;
  options.snapshot_every = std::chrono::hours(1);
  options.stepped_actors = true;
  options.env = disk.env.get();
  return options;
}

result<std::unique_ptr<simulated_ledger>> simulated_ledger::open(const options& with, const disk_content& content, std::uint64_t seed) {
  std::unique_ptr<simulated_ledger> made(new simulated_ledger);
  made->random_.seed(seed);
  made->disk_ = std::make_unique<fault_disk>(content);
  auto journal = held_journal::open(*made->disk_);
  if (!journal)
    return journal.error();
  made->journal_ = journal->get();
  made->has_images_ = with.with_images;
  actors::ledger_options ledger_options = ledger_options_on(*made->disk_);
  if (with.with_images)
    ledger_options.resident_accounts = with.shards; // one each
  else
    ledger_options.snapshot_every = {};
  ledger_options.shards = with.shards;
  ledger_options.test_clock = with.test_clock;
  auto ledger = actors::ledger::open(ledger_options, std::move(*journal));
  if (!ledger)
    return ledger.error();
  made->ledger_ = std::move(*ledger);
  made->wait_for_deletions();
  std::vector<actors::port*> ports;
  for (std::uint32_t i = 0; i < with.shards; ++i)
    ports.push_back(made->ports_.emplace_back(std::make_unique<actors::scripted_port>()).get());
  made->ledger_->start(ports);
  return made;
}

// The store deletes old logs on a thread of its own: the history is to be the same every time.
void simulated_ledger::wait_for_deletions() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  const auto has_trash = [this] {
    std::vector<std::string> names;
    disk_->files->GetChildren(journal_name + "/blocks", {}, &names, nullptr).PermitUncheckedError();
    return std::ranges::any_of(names, [](const std::string& name) { return name.ends_with(".trash"); });
  };
  while (has_trash() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::microseconds(100));
}

simulated_ledger::~simulated_ledger() {
  if (ledger_)
    close();
}

caf::scheduler::test_coordinator& simulated_ledger::actors_of_caf() {
  return dynamic_cast<caf::scheduler::test_coordinator&>(ledger_->system().scheduler());
}

void simulated_ledger::step() {
  if (has_images_ && random_() % 4 == 0) {
    if (random_() % 4 == 0)
      ledger_->stepped_snapshots().ask();
    return ledger_->stepped_snapshots().turn();
  }
  auto& jobs = actors_of_caf().jobs;
  const std::uint64_t choice = random_() % (has_images_ ? 24 : 8); // images wait for commits: a while
  if (choice == 0 && journal_->has_something()) {
    journal_->commit();
  } else if (choice < 3 && !jobs.empty()) {
    std::swap(jobs.front(), jobs[random_() % jobs.size()]);
    actors_of_caf().run_once();
  } else {
    const auto shard = static_cast<std::uint32_t>(random_() % ports_.size());
    ledger_->shard_at(shard).turn(*ports_[shard], {});
  }
}

actors::scripted_answer simulated_ledger::wait(std::size_t port, std::uint64_t id) {
  for (int steps = 0; !ports_[port]->has_left(id); ++steps) {
    TALLY_ASSERT(steps < 1'000'000, static_cast<long long>(id));
    step();
  }
  return ports_[port]->wait(id);
}

void simulated_ledger::run_actors() {
  while (actors_of_caf().try_run_once())
    continue;
}

std::vector<disk_call> simulated_ledger::lose_power() {
  std::vector<disk_call> calls = disk_->files->history();
  close();
  return calls;
}

void simulated_ledger::close() {
  run_actors();
  ledger_->close();
  run_actors(); // they end
  ledger_.reset();
}

} // namespace tally::fault
