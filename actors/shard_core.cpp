#include "actors/shard_core.hpp"

#include "actors/account_messages.hpp"
#include "actors/replies.hpp"

#include <algorithm>
#include <thread>

namespace tally::actors {

namespace {

constexpr std::size_t open_bytes_max = 256 * 1024; // of a batch, before the journal gets it in the middle of a turn
constexpr int timers_per_turn = 256;

const account_state not_enrolled;

// A short answer of the shard's own.
outcome say(op kind, outcome_status status, const char* what = "", const char* where = "") {
  outcome said;
  said.kind = kind;
  said.status = status;
  said.what = what;
  said.where = where;
  return said;
}

bool is_id(std::string_view text) { return !text.empty() && text.size() <= id_bytes_max; }

bool is_merchant_id(std::string_view text) {
  return is_id(text) && std::ranges::all_of(text, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
         });
}

// The operations that an account decides for a CAF actor that writes to it: those of one account that need nobody else.
bool is_by_mail(op kind) {
  switch (kind) {
  case op::earn:
  case op::preview:
  case op::redeem:
  case op::claim:
  case op::authorize:
  case op::capture:
  case op::void_:
  case op::reverse:
  case op::adjust:
  case op::suspend:
  case op::reactivate:
  case op::close:
  case op::approve:
  case op::reject:
    return true;
  default:
    return false;
  }
}

// Fixed replies hold numbers, and no names.
bool fits_reply(const origin& who, const outcome& value) {
  return (value.tier | value.rewards | value.to_seq.value | value.review.value) == 0 && !value.expires_at && value.name.empty() &&
         !who.names_account;
}

// Who named a review gets to know the account with what was done, who named a phone always.
bool shows_account(const outcome& value) {
  const bool by_review = value.kind == op::approve || value.kind == op::reject;
  return value.status == outcome_status::ok || value.status == outcome_status::duplicate || !by_review;
}

const program* active_of(const merchant* of) { return of != nullptr ? of->active.load(std::memory_order_acquire) : nullptr; }

} // namespace

// ---- life -----------------------------------------------------------------------------------------------------------

class shard_core::turn_scope {
public:
  explicit turn_scope(shard_core* owner) : before_(std::exchange(current_, owner)) {}
  ~turn_scope() { current_ = before_; }

private:
  shard_core* const before_;
};

shard_core::shard_core(ledger_parts& parts, shard& face, std::uint32_t index)
    : parts_(parts), face_(face), index_(index), images_(*this), slabs_(account_actor::block_bytes()),
      read_group_([this](seq_t first) { return read_group(first); }),
      find_spilled_([this](const account_state& state, spilled_kind kind, std::uint64_t hash, const spilled_visitor& visit) {
        images_.find_spilled(state, kind, hash, visit);
      }),
      read_lots_([this](const account_state& state, const lot_piece& piece) { return images_.read_lots(state, piece); }) {}

shard_core::~shard_core() {
  inbox::discard(stash_);
  TALLY_ASSERT(accounts_.size() == 0, static_cast<long long>(accounts_.size())); // retired by `ledger::close`
}

void shard_core::run(port& world) {
  using namespace std::chrono_literals;
  running_.store(true, std::memory_order_release);
  while (true) {
    const bool stopping = stopping_.load(std::memory_order_acquire);
    turn(world, std::chrono::steady_clock::now() + (stopping ? 1ms : 1000ms));
    if (!stopping)
      continue;
    // A shard at rest still answers the others until all of them are.
    if (!quiet_ && at_rest()) {
      quiet_ = true;
      parts_.quiet_shards.fetch_add(1, std::memory_order_acq_rel);
    }
    if (quiet_ && parts_.quiet_shards.load(std::memory_order_acquire) == parts_.shards.size())
      break;
  }
  running_.store(false, std::memory_order_release);
}

void shard_core::stop() {
  parts_.giving_up.store(true, std::memory_order_relaxed);
  stopping_.store(true, std::memory_order_release);
  if (sleeping_.exchange(false))
    parts_.ports[index_]->wake();
}

void shard_core::turn(port& world, std::chrono::steady_clock::time_point sleep_until) {
  const turn_scope here(this);
  world_ = &world;
  poll(world, sleep_until);
  drain_inbox();
  fire_due();
  if (!parked_) {
    hand_over();
    images_.work();
  }
  send_outgoing();
  if (!parked_)
    let_go();
}

void shard_core::poll(port& world, std::chrono::steady_clock::time_point sleep_until) {
  if (parked_) { // nothing may be decided meanwhile
    if (inbox_.empty() && sleep_until > std::chrono::steady_clock::now())
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    return;
  }
  const instant due = timers_.earliest();
  const instant now = parts_.now();
  if (images_.is_busy())
    sleep_until = std::min(sleep_until, std::chrono::steady_clock::now() + std::chrono::milliseconds(1));
  if (due <= now)
    sleep_until = {};
  else if (due < instant::end_of_time() && !parts_.clock.is_test() && due.us - now.us < 1'000'000)
    sleep_until = std::min(sleep_until, std::chrono::steady_clock::now() + std::chrono::microseconds(due.us - now.us));
  const bool waits = follows_ || last_release_ > told_durable_ || !deferred_.empty();
  awaited_.store(waits ? told_durable_.value + 1 : UINT64_MAX, std::memory_order_relaxed);
  sleeping_.store(true, std::memory_order_seq_cst);
  // Whoever posts or writes looks at `sleeping_` afterwards; what they did before is seen here.
  if (!inbox_.empty() || (waits && parts_.journal->durable_seq() > told_durable_))
    sleep_until = {};
  world.poll(face_, sleep_until);
  sleeping_.store(false, std::memory_order_relaxed);
  polled_ = true;
}

void shard_core::post(std::unique_ptr<inbox_message> message) {
  inbox_.push(std::move(message));
  if (sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false))
    parts_.ports[index_]->wake();
}

void shard_core::wake_for(seq_t durable) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst) && durable.value >= awaited_.load(std::memory_order_relaxed) && sleeping_.exchange(false))
    parts_.ports[index_]->wake();
}

void shard_core::drain_inbox() {
  inbox_message* next = inbox_.take_all();
  if (next == nullptr)
    return;
  refreshed_now();
  while (next != nullptr) {
    std::unique_ptr<inbox_message> message(next);
    next = message->next;
    take(std::move(message));
  }
}

void shard_core::take(std::unique_ptr<inbox_message> message) {
  if (!parked_ || message->while_parked())
    return message->deliver(*this);
  message->next = nullptr;
  (stash_ == nullptr ? stash_ : stash_last_->next) = message.get();
  stash_last_ = message.release();
}

// From the notice on, what is this shard's is shard 0's.
void shard_core::park() {
  if (!polled_) // one standstill after the other: this shard's own connections come between
    return post(std::make_unique<park_request>());
  polled_ = false;
  hand_over();
  parked_ = true;
  parts_.core(0).post(std::make_unique<parked_notice>());
}

void shard_core::unpark() {
  parked_ = false;
  refreshed_now();
  while (stash_ != nullptr && !parked_) {
    const std::unique_ptr<inbox_message> message(stash_);
    stash_ = message->next;
    message->deliver(*this);
  }
}

void shard_core::fire_due() {
  if (parked_ || timers_.earliest() == instant::end_of_time())
    return;
  refreshed_now();
  for (int fired = 0; fired < timers_per_turn && timers_.earliest() <= now_; ++fired) {
    account_actor& account = timers_.pop();
    settle_due(account);
    timers_.update(account);
  }
}

void shard_core::changed(account_actor& account) {
  timers_.update(account);
  images_.changed(account);
}

void shard_core::send_outgoing() {
  for (std::size_t to = 0; to < outgoing_requests_.size(); ++to) {
    if (outgoing_requests_[to])
      parts_.core(static_cast<std::uint32_t>(to)).post(std::move(outgoing_requests_[to]));
    if (outgoing_answers_[to])
      parts_.core(static_cast<std::uint32_t>(to)).post(std::move(outgoing_answers_[to]));
  }
}

void shard_core::let_go() {
  const seq_t durable = parts_.journal->durable_seq();
  if (durable == told_durable_)
    return;
  told_durable_ = durable;
  batches_.recycle(durable);
  while (!deferred_.empty() && deferred_.front().seq <= durable) {
    const std::function<void()> act = std::move(deferred_.front().act);
    deferred_.pop_front();
    act();
  }
  world_->durable(durable);
}

bool shard_core::at_rest() const {
  if (parked_) // what is this shard's is shard 0's now
    return false;
  const auto none = [](const auto& list) { return std::ranges::all_of(list, [](const auto& each) { return each == nullptr; }); };
  return batches_.all_durable() && deferred_.empty() && outstanding_ == 0 && told_durable_ >= last_release_ && inbox_.empty() &&
         stash_ == nullptr && none(outgoing_requests_) && none(outgoing_answers_);
}

// ---- the stages of a batch ------------------------------------------------------------------------------------------

void shard_core::submit(std::span<const request> requests) {
  TALLY_ASSERT(requests.size() <= stage_.size() && !parked_, static_cast<long long>(requests.size()));
  refreshed_now();
  found_.clear();
  std::size_t ours = 0;
  for (const request& each : requests) {
    staged& operation = stage_[ours];
    operation = {};
    operation.asked = &each.command;
    operation.who = {index_, each.from, nullptr};
    if (!accept(operation))
      continue;
    locate(operation);
    if (parts_.shard_of(operation.hash) != index_) {
      forward(operation);
    } else {
      accounts_.prefetch(operation.hash);
      ++ours;
    }
  }
  decide_all(std::span(stage_).first(ours));
}

void shard_core::submit_forwarded(std::span<staged> operations) {
  for (staged& operation : operations) {
    locate(operation);
    accounts_.prefetch(operation.hash);
  }
  decide_all(operations);
}

// False: answered here, or somebody else's from now on.
bool shard_core::accept(staged& operation) {
  const command& asked = *operation.asked;
  const auto refuse = [&](outcome_status status, const char* what, const char* where) {
    answer(operation.who, say(asked.kind, status, what, where), {});
    return false;
  };
  if (quiet_)
    return refuse(outcome_status::unavailable, "the server is shutting down", "");
  switch (asked.kind) {
  case op::put_program:
  case op::program:
  case op::programs:
  case op::digest:
  case op::liability:
  case op::tail:
  case op::advance_clock:
    for_ledger(operation);
    return false;
  case op::enroll:
  case op::earn:
  case op::preview:
  case op::redeem:
  case op::claim:
  case op::authorize:
  case op::capture:
  case op::void_:
  case op::reverse:
  case op::adjust:
  case op::transfer:
  case op::suspend:
  case op::reactivate:
  case op::close:
  case op::profile:
  case op::erase:
  case op::account:
  case op::history:
  case op::entry:
  case op::count:
  case op::balance_at:
  case op::statement:
  case op::reviews:
  case op::approve:
  case op::reject:
    break;
  default:
    return refuse(outcome_status::invalid, "not supported yet", "op");
  }
  if (!is_id(asked.merchant))
    return refuse(outcome_status::invalid, asked.merchant.empty() ? "is missing" : "is longer than 64 bytes", "merchant");
  if (asked.account.size() > id_bytes_max)
    return refuse(outcome_status::invalid, "is longer than 64 bytes", "account");
  const bool is_registrars =
      asked.kind == op::profile || asked.kind == op::erase || (asked.kind == op::enroll && !(asked.phone.empty() && asked.name.empty()));
  if (is_registrars)
    return ask_registrar(operation), false;
  if (!asked.phone.empty() && !find_by_phone(operation))
    return false;
  switch (asked.kind) {
  case op::transfer:
    if (asked.to.size() > id_bytes_max)
      return refuse(outcome_status::invalid, "is longer than 64 bytes", "to");
    return !ask_standstill(operation);
  case op::reviews:
    list_reviews(operation);
    return false;
  case op::approve:
  case op::reject:
    find_review(operation);
    return false;
  default:
    return true;
  }
}

void shard_core::locate(staged& operation) {
  operation.merchant_hash = parts_.merchants.hash_of(operation.asked->merchant);
  operation.of = parts_.merchants.find(operation.asked->merchant, operation.merchant_hash);
  operation.hash = parts_.merchants.account_hash(operation.merchant_hash, operation.asked->account);
}

void shard_core::forward(const staged& operation) {
  const std::uint32_t to = parts_.shard_of(operation.hash);
  outgoing_requests_.resize(parts_.shards.size());
  outgoing_answers_.resize(parts_.shards.size());
  if (!outgoing_requests_[to])
    outgoing_requests_[to] = std::make_unique<forwarded_requests>();
  outgoing_requests_[to]->add(*operation.asked, operation.who);
  ++outstanding_;
}

void shard_core::decide_all(std::span<staged> operations) {
  for (staged& operation : operations) {
    operation.account = accounts_.candidate(operation.hash);
    if (operation.account != nullptr)
      operation.account->prefetch();
  }
  for (const staged& operation : operations)
    if (operation.account != nullptr)
      operation.account->prefetch_spilled(operation.asked->kind);
  for (staged& operation : operations)
    deliver(operation);
  if (batches_.open_bytes() > open_bytes_max)
    hand_over();
}

void shard_core::deliver(staged& operation) {
  const bool is_it = operation.account != nullptr && operation.of != nullptr &&
                     operation.account->state().merchant == operation.of->number && operation.account->id() == operation.asked->account;
  if (!is_it) { // enrolled a moment ago, or an equal hash, or nobody
    if (operation.of == nullptr)
      operation.of = parts_.merchants.find(operation.asked->merchant, operation.merchant_hash);
    operation.account = operation.of != nullptr ? find(*operation.of, operation.hash, operation.asked->account) : nullptr;
  } else {
    images_.prepare(*operation.account);
  }
  switch (operation.asked->kind) {
  case op::account:
  case op::history:
  case op::entry:
  case op::count:
  case op::balance_at:
  case op::statement:
    return read(operation);
  case op::transfer:
    return transfer(operation);
  default:
    break;
  }
  if (operation.account == nullptr)
    return decide_unknown(operation);
  current_request_ = &operation;
  operation.account->enqueue(caf::mailbox_element_ptr(&request_), nullptr);
}

account_actor* shard_core::find(const merchant& of, std::uint64_t hash, std::string_view account) {
  account_actor* found = find_resident(of, hash, account);
  if (found == nullptr && parts_.images)
    found = images_.bring_back(of, hash, account);
  if (found != nullptr)
    images_.prepare(*found);
  return found;
}

account_actor* shard_core::find_resident(const merchant& of, std::uint64_t hash, std::string_view account) const {
  return accounts_.find(hash, [&](const account_actor& each) { return each.state().merchant == of.number && each.id() == account; });
}

// ---- one decision ---------------------------------------------------------------------------------------------------

void shard_core::decide_on(account_actor& account) {
  const staged& operation = *current_request_;
  const seq_t release_at = decide_for(account, operation);
  answer_decided(operation, decision_.outcome, release_at);
}

seq_t shard_core::decide_for(account_actor& account, const staged& operation) {
  decision_context context = context_for(operation.of, now_);
  context.personal = operation.personal;
  do
    decide(account.state(), *operation.asked, context, decision_);
  while (!stamp(context));
  commit(account, *operation.of);
  return release_of(account, context.active);
}

void shard_core::decide_mail(account_actor& account, caf::mailbox_element& what, const command& asked) {
  images_.prepare(account);
  merchant* of = parts_.merchants.at(account.state().merchant);
  command own = asked;
  own.merchant = of->id;
  own.account = account.id();
  staged operation;
  operation.asked = &own;
  operation.of = of;
  operation.account = &account;
  operation.who.mail = &what;
  current_request_ = &operation;
  if (!own.phone.empty())
    return answer(operation.who, say(own.kind, outcome_status::invalid, "either account or phone", "phone"), {});
  if (!is_by_mail(own.kind))
    return answer(operation.who, say(own.kind, outcome_status::invalid, "is not for one account to decide", "op"), {});
  decide_on(account);
}

// Of an account that is not enrolled.
void shard_core::decide_unknown(const staged& operation) {
  if (operation.asked->kind == op::enroll)
    return enroll(operation);
  const decision_context context = context_for(operation.of, now_);
  decide(not_enrolled, *operation.asked, context, decision_);
  TALLY_ASSERT(decision_.entries.empty(), static_cast<int>(operation.asked->kind));
  answer_decided(operation, decision_.outcome, context.active != nullptr ? context.active->applied_seq : seq_t{});
}

void shard_core::enroll(const staged& operation) {
  staged enrolled = operation;
  const seq_t release_at = decide_enrolment(enrolled);
  answer_decided(enrolled, decision_.outcome, release_at);
}

seq_t shard_core::decide_enrolment(staged& operation) {
  const command& asked = *operation.asked;
  const auto refuse = [&](outcome_status status, const char* what, const char* where) {
    decision_.clear();
    decision_.outcome = say(asked.kind, status, what, where);
    return seq_t{};
  };
  if (asked.account.empty())
    return refuse(outcome_status::invalid, "is missing", "account");
  std::unique_lock<std::mutex> first_entry; // held while a merchant gets its number and its first seq
  if (operation.of == nullptr) {
    if (!is_merchant_id(asked.merchant))
      return refuse(outcome_status::invalid, "is not of the form [A-Za-z0-9._-]", "merchant");
    first_entry = parts_.merchants.lock();
    operation.of = parts_.merchants.find(asked.merchant, operation.merchant_hash);
    if (operation.of == nullptr && parts_.merchants.full())
      return refuse(outcome_status::overloaded, "this ledger has 65535 merchants already", "");
  }
  decision_context context = context_for(operation.of, now_);
  context.personal = operation.personal;
  do
    decide(not_enrolled, asked, context, decision_);
  while (!stamp(context));
  if (decision_.entries.empty())
    return context.active != nullptr ? context.active->applied_seq : seq_t{};
  if (operation.of == nullptr)
    operation.of = &parts_.add_merchant(asked.merchant);
  if (first_entry.owns_lock())
    first_entry.unlock();
  return commit_enrolment(operation, context.active);
}

seq_t shard_core::commit_enrolment(const staged& operation, const program* active) {
  account_actor& account = add_account(*operation.of, operation.hash, operation.asked->account);
  commit(account, *operation.of);
  return release_of(account, active);
}

decision_context shard_core::context_for(const merchant* of, instant now) {
  images_.forget_read();
  decision_context context;
  context.active = active_of(of);
  context.now = now;
  context.next_seq = parts_.stamps.next();
  context.read_group = &read_group_;
  context.find_spilled = &find_spilled_;
  context.read_lots = &read_lots_;
  return context;
}

// Gives the decision its seqs. False: somebody was stamped later than `context.now` meanwhile; decide again.
bool shard_core::stamp(decision_context& context) {
  if (decision_.entries.empty())
    return true;
  const std::optional<seq_t> first = parts_.stamps.take(static_cast<std::uint32_t>(decision_.entries.size()), context.now);
  if (!first) {
    context.now = refreshed_now();
    context.next_seq = parts_.stamps.next();
    return false;
  }
  if (*first != context.next_seq)
    rebase(decision_, context.next_seq, *first);
  return true;
}

void shard_core::commit(account_actor& account, const merchant& of) {
  for (entry& each : decision_.entries) {
    each.merchant = of.number;
    each.merchant_id = of.id;
    each.account = account.id();
    images_.have_lots_of(each, account.state());
    apply(account.state(), each);
    batches_.add(each);
    reviews_.note(each);
  }
  if (!decision_.entries.empty())
    changed(account);
}

void shard_core::add_entry(entry& made, const merchant& of, std::string_view account) {
  made.merchant = of.number;
  made.merchant_id = of.id;
  made.account = account;
  batches_.add(made);
}

void shard_core::settle_due(account_actor& account) {
  const merchant& of = *parts_.merchants.at(account.state().merchant);
  images_.have_expiring_lots(account);
  decision_context context = context_for(&of, now_);
  do
    decide_due(account.state(), context, decision_);
  while (!stamp(context));
  commit(account, of);
}

// Rare: duplicates, conflicts, what a reversal gives back. From memory while it is not durable, else from the journal, here
// and now.
std::span<const entry> shard_core::read_group(seq_t first) {
  if (const std::span<const entry> found = batches_.find_group(first); !found.empty())
    return found;
  const result<std::span<const entry>> read = reader().read_group(first);
  return read.ok() ? *read : std::span<const entry>{}; // answered `unavailable`
}

wal::journal_reader& shard_core::reader() {
  if (!reader_)
    reader_ = parts_.journal->make_reader();
  return *reader_;
}

account_actor& shard_core::add_account(merchant& of, std::uint64_t hash, std::string_view account) {
  account_actor* added = account_actor::make(slabs_, *parts_.system, *this, account);
  added->state().merchant = of.number; // what the directory compares; `apply` says the same
  accounts_.insert(hash, added);
  return *added;
}

// ---- answers --------------------------------------------------------------------------------------------------------

// Nothing leaves that a crash could take back: not the account's own entries, not the rules it went by.
seq_t shard_core::release_of(const account_actor& account, const program* active) const {
  return active != nullptr ? std::max(account.state().last_seq, active->applied_seq) : account.state().last_seq;
}

void shard_core::answer_decided(const staged& operation, const outcome& value, seq_t release_at) {
  const origin& who = operation.who;
  if (who.mail != nullptr || fits_reply(who, value))
    return answer(who, value, release_at);
  auto named = std::make_unique<document>();
  named->head = value;
  named->active = active_of(operation.of);
  named->merchant = operation.asked->merchant;
  named->account = operation.asked->account;
  named->names_account = who.names_account && shows_account(value);
  answer(who, std::move(named), release_at);
}

void shard_core::answer(const origin& who, const outcome& value, seq_t release_at) {
  if (who.mail != nullptr) {
    auto* account = current_request_->account;
    when_durable(release_at, [reply = reply_slot(*account, *who.mail), answer = account_outcome{value}]() mutable {
      reply.send(caf::make_message(std::move(answer)));
    });
  } else if (who.shard == index_) {
    answer_here(who.to, value, release_at);
  } else {
    outgoing_requests_.resize(parts_.shards.size());
    outgoing_answers_.resize(parts_.shards.size());
    if (!outgoing_answers_[who.shard])
      outgoing_answers_[who.shard] = std::make_unique<forwarded_answers>();
    outgoing_answers_[who.shard]->add(who.to, value, release_at);
  }
}

void shard_core::answer(const origin& who, std::unique_ptr<document> value, seq_t release_at) {
  TALLY_ASSERT(who.mail == nullptr);
  if (who.shard == index_)
    return answer_here(who.to, std::move(value), release_at);
  outgoing_requests_.resize(parts_.shards.size());
  outgoing_answers_.resize(parts_.shards.size());
  if (!outgoing_answers_[who.shard])
    outgoing_answers_[who.shard] = std::make_unique<forwarded_answers>();
  outgoing_answers_[who.shard]->add(who.to, std::move(value), release_at);
}

void shard_core::answer_here(const reply_to& to, const outcome& value, seq_t release_at) {
  last_release_ = std::max(last_release_, release_at);
  world_->answer(to, value, release_at);
}

void shard_core::answer_here(const reply_to& to, std::unique_ptr<document> value, seq_t release_at) {
  last_release_ = std::max(last_release_, release_at);
  world_->answer(to, std::move(value), release_at);
}

void shard_core::when_durable(seq_t seq, std::function<void()> act) {
  if (deferred_.empty() && seq <= told_durable_)
    return act();
  deferred_.push_back({deferred_.empty() ? seq : std::max(seq, deferred_.back().seq), std::move(act)});
}

// ---- recovery and accounting ----------------------------------------------------------------------------------------

void shard_core::queue_timers() {
  if (parts_.snapshots)
    timers_.set_horizon(parts_.snapshots->timer_horizon(parts_.now()));
  accounts_.for_each([this](account_actor& each) { timers_.update(each); });
}

void shard_core::index_reviews() {
  accounts_.for_each([this](const account_actor& each) {
    for (const open_review& open : open_reviews(each.state()))
      reviews_.add(each.state().merchant, open.review);
  });
}

// The heap of every 64th account stands for all where there are many: this may be asked of a shard at work.
std::size_t shard_core::memory_bytes() const {
  const std::size_t step = accounts_.size() > 100'000 ? 64 : 1;
  std::size_t seen = 0, heap = 0;
  accounts_.for_each([&](const account_actor& each) { heap += seen++ % step == 0 ? each.heap_bytes() : 0; });
  return slabs_.bytes() + accounts_.bytes() + heap * step;
}

void shard_core::forget_mail() {
  inbox::discard(inbox_.take_all());
  inbox::discard(std::exchange(stash_, nullptr));
  deferred_.clear();
}

void shard_core::retire_accounts() {
  const turn_scope here(this);
  accounts_.for_each([](account_actor& each) { each.retire(); });
  accounts_ = directory<account_actor>();
  timers_ = {};
}

} // namespace tally::actors
