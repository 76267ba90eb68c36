// One merchant's rules documents: validated here, off the shards, one after another; the home shard makes them versions
// (shard_core::publish_program).
#pragma once

#include "actors/pending_answer.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>

#include <memory>

namespace tally::actors {

struct put_program_job {
  put_program_job(ledger_parts& parts, const origin& who, const command& put)
      : asked(std::make_shared<const owned_command>(put)), reply(parts, op::put_program, who) {}

  std::shared_ptr<const owned_command> asked;
  pending_answer reply;
};

struct put_program_message {
  std::shared_ptr<put_program_job> job;
};

caf::behavior program_actor(caf::event_based_actor* self, ledger_parts* parts);

} // namespace tally::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tally::actors::put_program_message)
