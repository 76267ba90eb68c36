#include "actors/program_actor.hpp"

#include "actors/parts.hpp"
#include "actors/shard_core.hpp"
#include "actors/time_zone.hpp"

namespace tally::actors {

namespace {

void answer_problems(put_program_job& job, std::vector<rules_problem> problems) {
  auto refused = std::make_unique<document>();
  refused->head.kind = op::put_program;
  refused->head.status = outcome_status::invalid;
  refused->head.what = "the rules document has problems";
  refused->head.where = "toml";
  refused->merchant = job.asked->get().merchant;
  refused->problems = std::move(problems);
  job.reply.answer(std::move(refused));
}

void put(ledger_parts& parts, put_program_job& job) {
  const command& asked = job.asked->get();
  auto read = read_rules(asked.toml, system_time_zones());
  if (auto* problems = std::get_if<std::vector<rules_problem>>(&read))
    return answer_problems(job, std::move(*problems));
  ruleset& rules = std::get<ruleset>(read);
  if (!asked.merchant.empty() && asked.merchant != rules.merchant)
    return job.reply.answer(outcome_status::invalid, "the document is another merchant's", "merchant");
  shard_core& home = parts.core(parts.shard_of(parts.merchants.hash_of(rules.merchant)));
  home.post(std::make_unique<program_publication>(job.asked, std::move(rules), job.reply.hand_on()));
}

} // namespace

caf::behavior program_actor(caf::event_based_actor*, ledger_parts* parts) {
  return {
      [parts](const put_program_message& message) { put(*parts, *message.job); },
  };
}

} // namespace tally::actors
