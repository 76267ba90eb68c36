#include "actors/supervisor.hpp"

#include "actors/liability_actor.hpp"
#include "actors/merchants.hpp"
#include "actors/parts.hpp"
#include "actors/program_actor.hpp"
#include "actors/reader_actor.hpp"
#include "actors/registrar_actor.hpp"

#include <caf/system_messages.hpp>

#include <algorithm>
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

caf::actor start_liability(supervisor_actor* self, ledger_parts* parts) { return self->spawn<caf::monitored>(liability_actor, parts); }

std::vector<caf::actor> all_readers(const supervisor_state& state) {
  std::vector<caf::actor> all = state.readers;
  all.push_back(state.tail_reader);
  all.push_back(state.liability);
  return all;
}

void watch(supervisor_actor* self, ledger_parts* parts, const caf::down_msg& down) {
  supervisor_state& state = self->state;
  const auto ended = [&](const caf::actor& reader) { return reader.address() == down.source; };
  if (std::ranges::none_of(all_readers(state), ended))
    end_process(down.source == state.registrar.address() ? "the registrar" : "a program's actor", down.reason);
  std::fprintf(stderr, "tally: a reader of the journal ended (%s) and is started again\n", to_string(down.reason).c_str());
  if (ended(state.liability))
    state.liability = start_liability(self, parts);
  else if (ended(state.tail_reader))
    state.tail_reader = start_reader(self, parts);
  else
    *std::ranges::find_if(state.readers, ended) = start_reader(self, parts);
}

const caf::actor& reader_for(supervisor_state& state, op kind) {
  if (kind == op::liability)
    return state.liability;
  if (kind == op::tail)
    return state.tail_reader;
  return state.readers[state.next_reader++ % state.readers.size()];
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
  self->state.tail_reader = start_reader(self, parts);
  self->state.liability = start_liability(self, parts);
  self->state.registrar = self->spawn<caf::monitored>(registrar_actor, parts);
  self->set_down_handler([self, parts](const caf::down_msg& down) { watch(self, parts, down); });
  self->set_exit_handler([self](const caf::exit_msg& end) { // the ledger closes
    self->set_down_handler([](const caf::down_msg&) {});
    for (const caf::actor& reader : all_readers(self->state))
      self->send_exit(reader, end.reason);
    self->send_exit(self->state.registrar, end.reason);
    for (const auto& [merchant, program] : self->state.programs)
      self->send_exit(program, end.reason);
    self->quit(end.reason);
  });
  return {
      [self](read_message& read) {
        const caf::actor& reader = reader_for(self->state, read.job->query.asked->get().kind);
        self->send(reader, std::move(read));
      },
      [self, parts](put_program_message& put) {
        const caf::actor program = program_of(self, parts, put.job->asked->get().merchant);
        self->send(program, std::move(put));
      },
      [self](registrar_message& message) { self->send(self->state.registrar, std::move(message)); },
      [self](caf::get_atom) { return self->state.readers; },
  };
}

} // namespace tally::actors
