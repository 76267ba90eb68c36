// A whole ledger on one thread and on a disk in memory: shards, CAF's ordinary actors and the journal's commits take their turns in an
// order that a seed chooses. Nothing in it is a stand-in but the disk, the ports and the order.
#pragma once

#include "actors/ledger.hpp"
#include "tests/actors/scripted_port.hpp"
#include "tests/fault/held_journal.hpp"

#include <caf/scheduler/test_coordinator.hpp>

#include <memory>
#include <random>
#include <vector>

namespace tally::fault {

// A ledger whose account images and personal data are beside the journal, with snapshots when they are asked for.
actors::ledger_options ledger_options_on(const fault_disk& disk);

class simulated_ledger {
public:
  struct options {
    std::uint32_t shards = 3;
    std::optional<instant> test_clock;
    bool with_images = false; // account images, and hardly anybody in memory
  };
  static result<std::unique_ptr<simulated_ledger>> open(const options& with, const disk_content& content, std::uint64_t seed);
  ~simulated_ledger();

  actors::scripted_port& port(std::size_t index) { return *ports_[index]; }
  std::size_t port_count() const { return ports_.size(); }
  fault_disk& disk() { return *disk_; }
  actors::ledger& operator*() { return *ledger_; }

  // A shard's turn, a job of an ordinary actor, a commit, or what the snapshotter has to do.
  void step();
  // Steps until that port has let the answer go.
  actors::scripted_answer wait(std::size_t port, std::uint64_t id);
  actors::scripted_answer call(std::size_t port, const command& asked) { return wait(port, ports_[port]->send(asked)); }
  // Between two turns: everything that the disk was told by now. The ledger is closed after it, in peace, which nobody looks at.
  std::vector<disk_call> lose_power();
  // Everything decided is written.
  void close();

private:
  simulated_ledger() = default;
  caf::scheduler::test_coordinator& actors_of_caf();
  void run_actors();
  void wait_for_deletions();

  std::mt19937_64 random_;
  bool has_images_ = false;
  std::unique_ptr<fault_disk> disk_;
  std::vector<std::unique_ptr<actors::scripted_port>> ports_;
  held_journal* journal_ = nullptr; // the ledger's
  std::unique_ptr<actors::ledger> ledger_;
};

} // namespace tally::fault
