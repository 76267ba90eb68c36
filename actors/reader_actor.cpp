#include "actors/reader_actor.hpp"

#include "actors/parts.hpp"

namespace tally::actors {

caf::behavior reader_actor(caf::event_based_actor*, ledger_parts* parts) {
  const std::shared_ptr<wal::journal_reader> journal = parts->journal->make_reader();
  return {
      [journal](const read_message& message) {
        read_job& job = *message.job;
        std::unique_ptr<document> shown = read_journal(job.query, *journal);
        job.reply.answer(std::move(shown));
      },
  };
}

} // namespace tally::actors
