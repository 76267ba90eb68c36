// Reads of the journal, off the shards: an ordinary CAF actor with a journal reader of its own. What each read means is in
// actors/journal_reads.hpp; who restarts a reader that dies, in actors/supervisor.hpp.
#pragma once

#include "actors/journal_reads.hpp"
#include "actors/pending_answer.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>

#include <memory>

namespace tally::actors {

// A read, sent once everything it may show is durable.
struct read_job {
  read_job(ledger_parts& parts, const origin& who, read_query its_query)
      : query(std::move(its_query)), reply(parts, query.asked->get().kind, who) {}

  read_query query;
  pending_answer reply;
};

struct read_message {
  std::shared_ptr<read_job> job;
};

caf::behavior reader_actor(caf::event_based_actor* self, ledger_parts* parts);

} // namespace tally::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tally::actors::read_message)
