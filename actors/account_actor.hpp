// One member account as a CAF actor, lean: no mailbox of its own, it lives on its shard. What it decides is engine/'s;
// stamping, journal and answers are the shard's (actors/shard_core.hpp).
#pragma once

#include "actors/account_slab.hpp"
#include "actors/member_id.hpp"
#include "engine/account.hpp"

#include <caf/actor.hpp>
#include <caf/monitorable_actor.hpp>

namespace tally::actors {

class shard_core;

// Lifecycle: made by its shard when the enrolment is decided or replayed, or when its image is brought back; ends when the ledger closes,
// or when it is passivated: what it knows is on disk then, nobody holds a handle to it, and the next operation makes another actor of it
// (actors/shard_images.hpp). Its memory stays until the last handle is gone. Thread: `enqueue` from any; on the shard's it is handled at
// once, else through the shard's inbox. Everything else on the shard's.
class account_actor final : public caf::monitorable_actor {
public:
  // With one reference, the directory's.
  static account_actor* make(account_slabs& slabs, caf::actor_system& system, shard_core& owner, std::string_view id);
  static std::size_t block_bytes();
  // Tells monitors and links that it is over, and gives the directory's reference back.
  void retire();
  // Nobody but the directory knows it: no handle, no message on its way, no monitor, no link.
  bool is_alone() const;

  using caf::monitorable_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  const char* name() const override { return "account"; }

  shard_core& owner() const { return *owner_; }
  std::string_view id() const { return id_.view(); }
  const account_state& state() const { return state_; }
  account_state& state() { return state_; }
  instant next_due() const { return state_.next_due; }
  caf::actor handle();
  std::size_t heap_bytes() const { return state_.heap_bytes() + id_.heap_bytes(); }
  // Fetches what a decision will look at; then, once that is here, what has spilled to the heap.
  void prefetch() const;
  void prefetch_spilled(op kind) const;

  account_actor(caf::actor_config& config, shard_core& owner, std::string_view id);

private:
  // A message of some other actor. Throws nothing: a broken account must not go on.
  void handle(caf::mailbox_element& what, caf::execution_unit* host) noexcept;

  // From here on what a decision looks at, in four cache lines of its own.
  alignas(CAF_CACHE_LINE_SIZE) shard_core* const owner_;
  const member_id id_;

public:
  instant queued_due = instant::end_of_time(); // the timer queue's
  std::uint16_t queue_places = 0;              // the same
  // For the shard's images (actors/shard_images.hpp).
  std::uint16_t images_on_their_way = 0; // taken and not stored yet
  std::uint32_t listed_at : 31 = 0;      // it changed, and waits for its image to be taken: its place in the list, from 1; 0: it does not
  std::uint32_t was_touched : 1 = 1;     // since the sweep came by

private:
  account_state state_;
};

} // namespace tally::actors
