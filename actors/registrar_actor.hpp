// Whoever changes personal data: enrolments with a phone or a name, `profile`, `erase`. An ordinary CAF actor that works on one
// operation at a time, off the shards. Where the data lies, and why an entry and its change of data are never one without the
// other: personal/store.hpp. Looking a phone up is each shard's own (actors/shard_personal.cpp).
#pragma once

#include "actors/pending_answer.hpp"
#include "personal/store.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <deque>
#include <memory>
#include <optional>

namespace tally::actors {

// One operation on its way between the registrar and the shards; who has it works on it alone.
struct registrar_job {
  registrar_job(ledger_parts& parts, const origin& who, const command& its_command)
      : asked(std::make_shared<const owned_command>(its_command)), reply(parts, its_command.kind, who) {}

  // What was asked, of the account that is known by now. Valid while the job is, and its account stays.
  command named() const {
    command of_account = asked->get();
    of_account.account = account;
    return of_account;
  }

  std::shared_ptr<const owned_command> asked; // its phone in normal form
  pending_answer reply;
  std::string account; // as asked, found by the phone, or made
  std::optional<personal::intent> begun;

  // What the account's shard says.
  bool is_enrolled = false, is_closed = false; // looked up
  outcome decided;
  const program* active = nullptr; // when it was decided
};

struct registrar_message {
  enum class step { asked, looked_up, decided };

  std::shared_ptr<registrar_job> job;
  step done;
};

struct registrar_state {
  std::deque<std::shared_ptr<registrar_job>> jobs; // the first one is being worked on
  static inline const char* name = "registrar";
};

// Takes registrar_message. A change that cannot be written ends the process, as a failed write of the journal does.
caf::behavior registrar_actor(caf::stateful_actor<registrar_state>* self, ledger_parts* parts);

} // namespace tally::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tally::actors::registrar_message)
