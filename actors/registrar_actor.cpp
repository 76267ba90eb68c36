#include "actors/registrar_actor.hpp"

#include "actors/parts.hpp"
#include "actors/shard_core.hpp"
#include "actors/stop_server.hpp"

namespace tally::actors {

namespace {

using personal::profile;
using step = registrar_message::step;

// Nobody knows what is on disk after a change that failed: the next start finds out, by the journal.
constexpr std::string_view cannot_change = "personal data cannot be changed";

void must(const result<void>& changed) { actors::must(changed, cannot_change); }

// Works on one operation; each step says whether it is answered now, or waits for a shard.
class registrar {
public:
  enum class progress { waits, answered };

  registrar(ledger_parts& parts, const std::shared_ptr<registrar_job>& job)
      : parts_(parts), store_(*parts.personal), job_(job), asked_(job->asked->get()) {}

  progress go_on(step done) {
    switch (done) {
    case step::asked:
      return asked_.kind == op::enroll && asked_.account.empty() ? enroll_by_phone() : look_up();
    case step::looked_up:
      return asked_.kind == op::enroll ? enroll() : asked_.kind == op::profile ? show_or_store() : erase();
    case step::decided:
      return asked_.kind == op::enroll ? finish_enrolment() : finish_erasure();
    }
    return progress::answered;
  }

private:
  // ---- enroll
  progress enroll_by_phone() {
    const result<std::string> owner = store_.account_of(asked_.merchant, asked_.phone);
    if (!owner)
      return unavailable(owner.error());
    if (!owner->empty()) {
      job_->account = *owner;
      return decide();
    }
    const merchant* of = parts_.merchants.find(asked_.merchant, parts_.merchants.hash_of(asked_.merchant));
    const program* active = of != nullptr ? of->active.load(std::memory_order_acquire) : nullptr;
    if (active == nullptr || !active->rules.allow_inline_enrollment) {
      job_->reply.answer(outcome_status::forbidden, "the rules do not allow to enroll by phone alone");
      return progress::answered;
    }
    begin(store_.begin_keep(asked_.merchant, {}, data_asked()));
    return decide(); // wherever: the account has no home yet
  }

  progress enroll() {
    result<std::string> owner = std::string();
    if (!asked_.phone.empty())
      owner = store_.account_of(asked_.merchant, asked_.phone);
    if (!owner)
      return unavailable(owner.error());
    const bool is_its_own = asked_.phone.empty() || *owner == asked_.account;
    if (job_->is_enrolled && is_its_own)
      return decide(); // a duplicate
    if (job_->is_enrolled && job_->is_closed)
      return reject(outcome_code::account_closed);
    if (job_->is_enrolled || !owner->empty())
      return reject(outcome_code::account_exists);
    begin(store_.begin_keep(asked_.merchant, asked_.account, data_asked()));
    return decide();
  }

  progress finish_enrolment() {
    if (job_->begun)
      end_intent(job_->decided.status == outcome_status::ok);
    const bool came_second = job_->begun && job_->decided.status == outcome_status::duplicate; // to somebody without a phone
    if (came_second && !asked_.phone.empty())
      return reject(outcome_code::account_exists);
    return answer_decided();
  }

  // ---- profile
  progress show_or_store() {
    if (!job_->is_enrolled)
      return reject(outcome_code::unknown_account);
    const result<std::optional<profile>> found = store_.profile_of(asked_.merchant, asked_.account);
    if (!found)
      return unavailable(found.error());
    const profile before = found->value_or(profile());
    if (asked_.phone.empty() && asked_.name.empty())
      return show(before);
    if (job_->is_closed)
      return reject(outcome_code::account_closed);
    if (!asked_.phone.empty()) {
      const result<std::string> owner = store_.account_of(asked_.merchant, asked_.phone);
      if (!owner)
        return unavailable(owner.error());
      if (!owner->empty() && *owner != asked_.account)
        return reject(outcome_code::account_exists);
    }
    profile now = before;
    if (!asked_.phone.empty())
      now.phone = asked_.phone;
    if (!asked_.name.empty())
      now.name = asked_.name;
    if (now != before)
      must(store_.keep(asked_.merchant, asked_.account, now));
    return show(now);
  }

  progress show(const profile& data) {
    auto shown = std::make_unique<document>();
    shown->head.kind = op::profile;
    shown->merchant = asked_.merchant;
    shown->account = asked_.account;
    if (!data.phone.empty())
      shown->phone = data.phone;
    if (!data.name.empty())
      shown->name = data.name;
    job_->reply.answer(std::move(shown));
    return progress::answered;
  }

  // ---- erase
  progress erase() {
    if (!job_->is_enrolled)
      return reject(outcome_code::unknown_account);
    const result<std::optional<profile>> found = store_.profile_of(asked_.merchant, asked_.account);
    if (!found)
      return unavailable(found.error());
    if (*found)
      begin(store_.begin_erase(asked_.merchant, asked_.account));
    return decide();
  }

  progress finish_erasure() {
    const bool is_erased = job_->decided.status == outcome_status::ok;
    if (job_->begun)
      end_intent(is_erased);
    else if (is_erased)
      must(store_.purge(asked_.merchant, job_->account)); // an enrolment that was refused may have left something
    return answer_decided();
  }

  // ---- steps
  progress look_up() {
    job_->account = asked_.account;
    send([job = job_](shard_core& home) { home.look_up(job); });
    return progress::waits;
  }

  progress decide() {
    send([job = job_](shard_core& home) { home.decide_registered(job); });
    return progress::waits;
  }

  void send(std::function<void(shard_core&)> what) {
    const std::uint64_t hash = parts_.merchants.account_hash(parts_.merchants.hash_of(asked_.merchant), job_->account);
    parts_.core(parts_.shard_of(hash)).post(std::make_unique<errand>(std::move(what)));
  }

  void begin(result<personal::intent> begun) {
    if (!begun)
      stop_server(cannot_change, begun.error());
    parts_.open_intents.fetch_add(1, std::memory_order_seq_cst); // before its entry has a seq
    job_->begun = std::move(*begun);
  }

  void end_intent(bool is_done) {
    must(is_done ? store_.settle(*job_->begun, job_->account) : store_.drop(*job_->begun));
    parts_.open_intents.fetch_sub(1, std::memory_order_seq_cst);
  }

  profile data_asked() const { return {std::string(asked_.phone), std::string(asked_.name)}; }

  // ---- answers
  progress answer_decided() {
    auto shown = std::make_unique<document>();
    shown->head = job_->decided;
    shown->active = job_->active;
    shown->merchant = asked_.merchant;
    shown->account = job_->account;
    shown->names_account = asked_.account.empty();
    job_->reply.answer(std::move(shown));
    return progress::answered;
  }

  progress reject(outcome_code code) {
    job_->reply.answer(outcome_status::rejected, {}, {}, code);
    return progress::answered;
  }

  progress unavailable(const failure& why) {
    job_->reply.answer(outcome_status::unavailable, why.what);
    return progress::answered;
  }

  ledger_parts& parts_;
  personal::store& store_;
  const std::shared_ptr<registrar_job> job_;
  const command& asked_;
};

} // namespace

caf::behavior registrar_actor(caf::stateful_actor<registrar_state>* self, ledger_parts* parts) {
  return {
      [self, parts](const registrar_message& message) {
        auto& jobs = self->state.jobs;
        if (message.done == step::asked) {
          jobs.push_back(message.job);
          if (jobs.size() > 1)
            return; // the ones before it first
        }
        auto progress = registrar(*parts, jobs.front()).go_on(message.done);
        while (progress == registrar::progress::answered) {
          jobs.pop_front();
          if (jobs.empty())
            return;
          progress = registrar(*parts, jobs.front()).go_on(step::asked);
        }
      },
  };
}

} // namespace tally::actors
