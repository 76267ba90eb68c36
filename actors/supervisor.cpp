#include "actors/supervisor.hpp"

#include "actors/merchants.hpp"
#include "actors/parts.hpp"
#include "actors/program_actor.hpp"
#include "actors/reader_actor.hpp"

#include <caf/system_messages.hpp>

#include <cstdio>
#include <cstdlib>

namespace tally::actors {

namespace {

using supervisor_actor = caf::stateful_actor<supervisor_state>;

[[noreturn]] void end_process(const char* who, const caf::error& why) {
  std::fprintf(stderr, "tally: bug: %s ended: %s\n", who, to_string(why).c_str());
  std::abort();
}

caf::actor start_reader(supervisor_actor* self, ledger_parts* parts) { return self->spawn<caf::monitored>(reader_actor, parts); }

void watch(supervisor_actor* self, ledger_parts* parts, const caf::down_msg& down) {
  for (caf::actor& reader : self->state.readers) {
    if (reader.address() != down.source)
      continue;
    std::fprintf(stderr, "tally: a reader of the journal ended (%s) and is started again\n", to_string(down.reason).c_str());
    reader = start_reader(self, parts);
    return;
  }
  end_process("a program's actor", down.reason);
}

// Rules of one merchant are handled one after another. Without a merchant in the operation it is in the document only: those
// share an actor.
caf::actor program_of(supervisor_actor* self, ledger_parts* parts, std::string_view merchant) {
  auto& programs = self->state.programs;
  const bool has_own = merchant.size() <= 64 && programs.size() < merchant_table::merchants_max;
  auto [place, is_new] = programs.try_emplace(has_own ? std::string(merchant) : std::string());
  if (is_new)
    place->second = self->spawn<caf::monitored>(program_actor, parts);
  return place->second;
}

} // namespace

caf::behavior supervisor(supervisor_actor* self, ledger_parts* parts) {
  for (std::size_t i = 0; i < reader_count; ++i)
    self->state.readers.push_back(start_reader(self, parts));
  self->set_down_handler([self, parts](const caf::down_msg& down) { watch(self, parts, down); });
  self->set_exit_handler([self](const caf::exit_msg& end) { // the ledger closes
    self->set_down_handler([](const caf::down_msg&) {});
    for (const caf::actor& reader : self->state.readers)
      self->send_exit(reader, end.reason);
    for (const auto& [merchant, program] : self->state.programs)
      self->send_exit(program, end.reason);
    self->quit(end.reason);
  });
  return {
      [self](read_message& read) {
        auto& state = self->state;
        self->send(state.readers[state.next_reader++ % state.readers.size()], std::move(read));
      },
      [self, parts](put_program_message& put) {
        const caf::actor program = program_of(self, parts, put.job->asked->get().merchant);
        self->send(program, std::move(put));
      },
      [self](caf::get_atom) { return self->state.readers; },
  };
}

} // namespace tally::actors
