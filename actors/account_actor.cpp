#include "actors/account_actor.hpp"

#include "actors/account_messages.hpp"
#include "actors/parts.hpp"
#include "actors/replies.hpp"
#include "actors/shard_core.hpp"

#include <caf/actor_config.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>

#include <cstdio>
#include <cstdlib>

namespace tally::actors {

namespace {

// As caf::actor_storage has it: the control block, and the actor exactly one cache line behind it. Not
// caf::make_actor, because that takes every account from the heap.
constexpr std::size_t actor_offset = CAF_CACHE_LINE_SIZE;
static_assert(sizeof(caf::actor_control_block) <= actor_offset);
static_assert(sizeof(account_actor) % CAF_CACHE_LINE_SIZE == 0, "so that every account begins at a cache line");

void destroy_actor(caf::abstract_actor* actor) {
  actor->on_destroy();
  static_cast<account_actor*>(actor)->~account_actor();
}

void release_block(caf::actor_control_block* block) {
  block->~actor_control_block();
  account_slabs::release(block);
}

} // namespace

account_actor* account_actor::make(account_slabs& slabs, caf::actor_system& system, shard_core& owner, std::string_view id) {
  auto* memory = static_cast<std::byte*>(slabs.allocate());
  caf::node_id node = system.node();
  new (memory) caf::actor_control_block(system.next_actor_id(), node, &system, destroy_actor, release_block);
  caf::actor_config config;
  return new (memory + actor_offset) account_actor(config, owner, id);
}

std::size_t account_actor::block_bytes() { return actor_offset + sizeof(account_actor); }

account_actor::account_actor(caf::actor_config& config, shard_core& owner, std::string_view id)
    : caf::monitorable_actor(config), owner_(&owner), id_(id) {}

void account_actor::retire() {
  const caf::strong_actor_ptr last(ctrl(), false);
  cleanup(caf::make_error(caf::exit_reason::user_shutdown), nullptr);
}

bool account_actor::is_alone() const {
  return ctrl()->strong_refs.load(std::memory_order_acquire) == 1 && ctrl()->weak_refs.load(std::memory_order_acquire) == 1 &&
         !attachables_head_;
}

caf::actor account_actor::handle() { return caf::actor_cast<caf::actor>(caf::strong_actor_ptr(ctrl())); }

void account_actor::prefetch() const {
  const auto* from = reinterpret_cast<const char*>(&owner_);
  for (const char* line = from; line < reinterpret_cast<const char*>(this + 1); line += CAF_CACHE_LINE_SIZE)
    __builtin_prefetch(line);
}

// Inlined by force: the compiler drops calls of functions that do nothing but prefetch.
template <class List>
[[gnu::always_inline]] static inline void prefetch_newest(const List& list, std::uint32_t count) {
  const auto* from = reinterpret_cast<const char*>(list.end() - std::min(list.size(), count));
  const auto* until = reinterpret_cast<const char*>(list.end() + 1); // where the next one goes
  for (const char* line = from; line < until; line += CAF_CACHE_LINE_SIZE)
    __builtin_prefetch(line);
}

void account_actor::prefetch_spilled(op kind) const {
  constexpr std::uint32_t searched = 8; // of a list that is looked through: 4 lines of orders
  if (kind != op::redeem)
    prefetch_newest(state_.orders, searched);
  if (kind != op::earn)
    prefetch_newest(state_.references, searched);
  prefetch_newest(state_.lots, kind == op::earn ? 1 : searched);
}

void account_actor::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) {
  if (shard_core::current() == owner_) {
    if (owner_->is_request(what.get()))
      owner_->decide_on(*this);
    else
      handle(*what, host);
  } else if (getf(is_cleaned_up_flag)) {
    bounce(what);
  } else {
    owner_->post(std::make_unique<account_mail>(caf::strong_actor_ptr(ctrl()), std::move(what)));
  }
}

void account_actor::handle(caf::mailbox_element& what, caf::execution_unit* host) noexcept {
  const caf::type_erased_tuple& content = what.content();
  if (content.match_elements<account_query>()) {
    owner_->images().prepare(*this);
    const merchant& of = *owner_->parts().merchants.at(state_.merchant);
    const seq_t seen = owner_->release_of(*this, of.active.load(std::memory_order_acquire));
    account_balances answer{of.id, std::string(id()), owner_->view_of_account(*this)};
    owner_->when_durable(seen, [reply = reply_slot(*this, what), answer = std::move(answer)]() mutable {
      reply.send(caf::make_message(std::move(answer)));
    });
  } else if (content.match_elements<account_command>()) {
    owner_->decide_mail(*this, what, content.get_as<account_command>(0).get());
  } else if (content.match_elements<caf::exit_msg>()) {
    if (content.get_as<caf::exit_msg>(0).reason != caf::exit_reason::kill)
      return; // a link that died, or somebody who thinks an account ends: the balance stays
    std::fprintf(stderr, "tally: bug: somebody kills the actor of account %.*s\n", static_cast<int>(id().size()), id().data());
    std::abort();
  } else if (!handle_system_message(what, host, true)) {
    reply_slot(*this, what).send_error(caf::make_error(caf::sec::unexpected_message));
  }
}

} // namespace tally::actors
