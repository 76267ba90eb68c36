// Phones at a shard: whose one is, and what the registrar (actors/registrar_actor.hpp) needs of an account.
#include "actors/registrar_actor.hpp"
#include "actors/shard_core.hpp"
#include "engine/phone.hpp"

#include <caf/send.hpp>

namespace tally::actors {

namespace {

constexpr std::size_t name_bytes_max = 256;
const account_state not_enrolled;

outcome refused(op kind, outcome_status status, std::string what, const char* where) {
  outcome said;
  said.kind = kind;
  said.status = status;
  said.what = std::move(what);
  said.where = where;
  return said;
}

// Of an account whose enrolment will be entry `seq`. Somebody may have chosen that very id for a member of theirs.
std::string id_made_of(seq_t seq, int taken) {
  std::string id = "i-" + std::to_string(seq.value);
  if (taken > 0)
    id += "." + std::to_string(taken);
  return id;
}

// Once everything up to `seq` is on disk, the registrar goes on.
void give_back(shard_core& here, std::shared_ptr<registrar_job> job, registrar_message::step done, seq_t seq) {
  here.when_durable(seq, [supervisor = here.parts().supervisor, job = std::move(job), done] {
    caf::anon_send(supervisor, registrar_message{job, done});
  });
}

} // namespace

// earn and account with a phone: goes on under the account that has it; under none where nobody has. False: answered here.
bool shard_core::find_by_phone(staged& operation) {
  const command& asked = *operation.asked;
  const auto refuse = [&](outcome_status status, std::string what) {
    answer(operation.who, refused(asked.kind, status, std::move(what), status == outcome_status::invalid ? "phone" : ""), {});
    return false;
  };
  if (asked.kind != op::earn && asked.kind != op::account)
    return refuse(outcome_status::invalid, "not a field of this operation");
  if (!asked.account.empty())
    return refuse(outcome_status::invalid, "either account or phone");
  const std::optional<phone_number> phone = normal_phone(asked.phone);
  if (!phone)
    return refuse(outcome_status::invalid, "is not a phone number");
  const result<std::string> owner = parts_.personal->account_of(asked.merchant, phone->view());
  if (!owner)
    return refuse(outcome_status::unavailable, owner.error().what);
  found_command& found = found_.emplace_back(*owner, asked);
  found.asked.account = found.account;
  operation.asked = &found.asked;
  operation.who.names_account = !found.account.empty();
  return true;
}

// profile, erase, and enroll with a phone or a name.
void shard_core::ask_registrar(const staged& operation) {
  command asked = *operation.asked;
  const auto refuse = [&](const char* what, const char* where) {
    answer(operation.who, refused(asked.kind, outcome_status::invalid, what, where), {});
  };
  if (asked.name.size() > name_bytes_max)
    return refuse("is longer than 256 bytes", "name");
  if (asked.account.empty() && (asked.kind != op::enroll || asked.phone.empty()))
    return refuse("is missing", "account");
  const std::optional<phone_number> phone = normal_phone(asked.phone);
  if (!asked.phone.empty() && !phone)
    return refuse("is not a phone number", "phone");
  if (phone)
    asked.phone = phone->view();
  expect_answer();
  auto job = std::make_shared<registrar_job>(parts_, operation.who, asked);
  caf::anon_send(parts_.supervisor, registrar_message{std::move(job), registrar_message::step::asked});
}

// Nothing is said of an account that a crash could take back.
void shard_core::look_up(std::shared_ptr<registrar_job> job) {
  staged operation;
  const command named = job->named();
  operation.asked = &named;
  locate(operation);
  const account_actor* account = operation.of != nullptr ? find(*operation.of, operation.hash, named.account) : nullptr;
  job->is_enrolled = account != nullptr;
  job->is_closed = account != nullptr && account->state().status == account_status::closed;
  const seq_t seen = account != nullptr ? account->state().last_seq : seq_t{};
  give_back(*this, std::move(job), registrar_message::step::looked_up, seen);
}

// Decides it on the account; where that has no id yet, on the one that is made.
void shard_core::decide_registered(std::shared_ptr<registrar_job> job) {
  if (job->account.empty())
    return make_account(std::move(job), {}, 0);
  staged operation;
  const command named = job->named();
  operation.asked = &named;
  operation.personal = job->begun ? job->begun->number : 0;
  locate(operation);
  operation.account = operation.of != nullptr ? find(*operation.of, operation.hash, named.account) : nullptr;
  const seq_t release_at = operation.account != nullptr ? decide_for(*operation.account, operation) : decide_enrolment(operation);
  give_back_decided(std::move(job), operation, release_at);
}

// The id is made of the entry's seq and says which shard owns the account: the shard that owns the id of the next free seq takes
// that seq, unless somebody else has by then. Goes from shard to shard until one of them succeeds. `taken` ids of seq `of` exist.
void shard_core::make_account(std::shared_ptr<registrar_job> job, seq_t of, int taken) {
  while (true) {
    refreshed_now();
    const seq_t next = parts_.stamps.next();
    taken = next == of ? taken : 0;
    of = next;
    job->account = id_made_of(next, taken);
    staged operation;
    const command named = job->named();
    operation.asked = &named;
    operation.personal = job->begun->number;
    locate(operation);
    if (const std::uint32_t home = parts_.shard_of(operation.hash); home != index_)
      return parts_.core(home).post(std::make_unique<errand>([job, of, taken](shard_core& there) { there.make_account(job, of, taken); }));
    if (find(*operation.of, operation.hash, named.account) != nullptr) {
      ++taken;
      continue;
    }
    decision_context context = context_for(operation.of, now_);
    context.next_seq = next;
    context.personal = operation.personal;
    decide(not_enrolled, named, context, decision_);
    if (!decision_.entries.empty() && !parts_.stamps.take_exactly(next, static_cast<std::uint32_t>(decision_.entries.size()), now_))
      continue;
    const seq_t release_at = decision_.entries.empty() ? seq_t{} : commit_enrolment(operation, context.active);
    return give_back_decided(std::move(job), operation, release_at);
  }
}

void shard_core::give_back_decided(std::shared_ptr<registrar_job> job, const staged& operation, seq_t release_at) {
  job->decided = decision_.outcome;
  job->active = operation.of != nullptr ? operation.of->active.load(std::memory_order_acquire) : nullptr;
  give_back(*this, std::move(job), registrar_message::step::decided, release_at);
}

} // namespace tally::actors
