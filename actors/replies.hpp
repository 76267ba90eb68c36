// The way back to the sender of a CAF message, kept until the answer may leave. Does what caf::response_promise does, which
// belongs to local actors and their threads.
#pragma once

#include "actors/account_actor.hpp"

#include <caf/error.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/message.hpp>

namespace tally::actors {

// Copyable, because what waits for the journal is a std::function. Answers at most once.
class reply_slot {
public:
  // Takes sender and stages out of `what`.
  reply_slot(account_actor& from, caf::mailbox_element& what)
      : from_(from.ctrl()), to_(std::move(what.sender)), id_(what.mid), stages_(std::move(what.stages)) {}

  void send(caf::message answer) {
    if (!stages_.empty()) { // a forwarding chain: the next one gets it as the original sender's request
      const caf::strong_actor_ptr next = std::move(stages_.back());
      stages_.pop_back();
      next->enqueue(caf::make_mailbox_element(std::move(to_), id_, std::move(stages_), std::move(answer)), nullptr);
    } else if (to_) {
      to_->enqueue(from_, id_.response_id(), std::move(answer), nullptr);
    }
  }

  // Errors go to the sender, past the stages; without a request nobody waits for one.
  void send_error(caf::error why) {
    if (to_ && id_.is_request())
      to_->enqueue(from_, id_.response_id(), caf::make_message(std::move(why)), nullptr);
  }

private:
  caf::strong_actor_ptr from_;
  caf::strong_actor_ptr to_;
  caf::message_id id_;
  caf::mailbox_element::forwarding_stack stages_;
};

} // namespace tally::actors
