#include "tests/fault/simulated_ledger.hpp"

#include "engine/assert.hpp"

#include <caf/actor_system.hpp>

#include <algorithm>
#include <chrono>
#include <thread>

namespace tally::fault {

result<std::unique_ptr<simulated_ledger>> simulated_ledger::open(const options& with, const disk_content& content, std::uint64_t seed) {
  std::unique_ptr<simulated_ledger> made(new simulated_ledger);
  made->random_.seed(seed);
  made->disk_ = std::make_unique<fault_disk>(content);
  auto journal = held_journal::open(*made->disk_);
  if (!journal)
    return journal.error();
  made->journal_ = journal->get();
  actors::ledger_options ledger_options;
  ledger_options.folder = with.personal_folder;
  ledger_options.shards = with.shards;
  ledger_options.test_clock = with.test_clock;
  ledger_options.stepped_actors = true;
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
  auto& jobs = actors_of_caf().jobs;
  const std::uint64_t choice = random_() % 8;
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

void simulated_ledger::close() {
  run_actors();
  ledger_->close();
  run_actors(); // they end
  ledger_.reset();
}

} // namespace tally::fault
