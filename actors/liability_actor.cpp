#include "actors/liability_actor.hpp"

#include "actors/parts.hpp"

namespace tally::actors {

namespace {

using actor = caf::stateful_actor<liability_state>;

void end_first(actor* self) {
  self->state.scan.reset();
  self->state.jobs.pop_front();
}

void step(actor* self, const ledger_parts& parts) {
  liability_state& state = self->state;
  if (state.jobs.empty())
    return;
  read_job& job = *state.jobs.front();
  if (parts.giving_up.load(std::memory_order_relaxed)) {
    job.reply.answer(outcome_status::unavailable, "the server is shutting down");
    end_first(self);
  } else {
    if (!state.scan)
      state.scan.emplace(job.query);
    if (!state.scan->step(*state.journal)) {
      job.reply.answer(state.scan->result());
      end_first(self);
    }
  }
  if (!state.jobs.empty())
    self->send(self, caf::tick_atom_v);
}

} // namespace

caf::behavior liability_actor(actor* self, ledger_parts* parts) {
  self->state.journal = parts->journal->make_reader();
  return {
      [self](const read_message& message) {
        auto& jobs = self->state.jobs;
        if (jobs.size() > liability_jobs_max)
          return message.job->reply.answer(outcome_status::overloaded, "too many scans of the journal are waiting");
        jobs.push_back(message.job);
        if (jobs.size() == 1)
          self->send(self, caf::tick_atom_v);
      },
      [self, parts](caf::tick_atom) { step(self, *parts); },
  };
}

} // namespace tally::actors
