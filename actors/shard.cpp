#include "actors/shard.hpp"

#include "actors/shard_core.hpp"

namespace tally::actors {

shard::shard(ledger_parts& parts, std::uint32_t index) : core_(std::make_unique<shard_core>(parts, *this, index)), index_(index) {}

shard::~shard() = default;

void shard::submit(std::span<const request> requests) { core_->submit(requests); }

bool shard::goes_alone(const command& asked) {
  switch (asked.kind) {
  case op::enroll: // the phone's account is found, or made, by whoever keeps personal data
    return !asked.phone.empty() || !asked.name.empty();
  case op::transfer: // of two accounts
  case op::approve:  // of the review's account
  case op::reject:
  case op::reviews:
  case op::program:
  case op::programs:
  case op::put_program:
  case op::profile:
  case op::erase:
  case op::liability:
  case op::digest:
  case op::tail:
  case op::advance_clock:
    return true;
  default:
    return false;
  }
}

bool shard::is_full() const { return core_->images().is_full(); }

void shard::follow(bool follows) { core_->follow(follows); }

void shard::run(port& world) { core_->run(world); }

void shard::turn(port& world, std::chrono::steady_clock::time_point sleep_until) { core_->turn(world, sleep_until); }

void shard::stop() { core_->stop(); }

} // namespace tally::actors
