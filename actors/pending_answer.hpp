// One operation of a port that an ordinary actor works on (a reader, a program): exactly one answer goes back, whatever
// becomes of the actor.
#pragma once

#include "actors/shard_messages.hpp"

#include <memory>
#include <string>

namespace tally::actors {

struct ledger_parts;

// Thread: any. Destroyed without an answer, it answers `unavailable`: its actor died, and the mailbox with it.
class pending_answer {
public:
  pending_answer(ledger_parts& parts, op kind, const origin& who) : parts_(&parts), kind_(kind), who_(who) {}
  pending_answer(const pending_answer&) = delete;
  pending_answer& operator=(const pending_answer&) = delete;
  ~pending_answer();

  void answer(std::unique_ptr<document> value);
  // A short answer: status, and what was wrong where.
  void answer(outcome_status status, std::string what, std::string where = {}, outcome_code code = outcome_code::none);
  // Somebody else answers from now on.
  const origin& hand_on() {
    answered_ = true;
    return who_;
  }

private:
  ledger_parts* parts_;
  op kind_;
  origin who_;
  bool answered_ = false;
};

} // namespace tally::actors
