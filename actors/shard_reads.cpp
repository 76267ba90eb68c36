// The operations of a shard that change no account: reads, and what concerns the ledger as a whole.
#include "actors/clock_advance.hpp"
#include "actors/program_actor.hpp"
#include "actors/reader_actor.hpp"
#include "actors/shard_core.hpp"

#include <caf/send.hpp>

namespace tally::actors {

namespace {

std::unique_ptr<document> document_for(const staged& operation) {
  auto shown = std::make_unique<document>();
  shown->head.kind = operation.asked->kind;
  shown->active = operation.of != nullptr ? operation.of->active.load(std::memory_order_acquire) : nullptr;
  shown->merchant = operation.asked->merchant;
  shown->account = operation.asked->account;
  return shown;
}

std::unique_ptr<document> refusal(const staged& operation, std::string what, std::string where,
                                  outcome_status status = outcome_status::invalid) {
  auto shown = document_for(operation);
  shown->head.status = status;
  shown->head.what = std::move(what);
  shown->head.where = std::move(where);
  return shown;
}

std::string to_hex(const wal::block_hash& hash) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * hash.size());
  for (const std::byte each : hash) {
    text += digits[std::to_integer<unsigned>(each) >> 4];
    text += digits[std::to_integer<unsigned>(each) & 15];
  }
  return text;
}

void find_merchant(const ledger_parts& parts, read_query& query) {
  const std::string_view id = query.asked->get().merchant;
  query.of = parts.merchants.find(id, parts.merchants.hash_of(id));
  query.active = query.of != nullptr ? query.of->active.load(std::memory_order_acquire) : nullptr;
}

} // namespace

// ---- of an account --------------------------------------------------------------------------------------------------

void shard_core::read(const staged& operation) {
  const command& asked = *operation.asked;
  if (field_problem problem = check_read(asked, now_); !problem.what.empty())
    return answer(operation.who, refusal(operation, std::move(problem.what), std::move(problem.where)), {});
  const bool by_seq_alone = asked.kind == op::entry && asked.account.empty();
  if (operation.account == nullptr && !by_seq_alone) {
    outcome unknown;
    unknown.kind = asked.kind;
    unknown.status = outcome_status::rejected;
    unknown.code = outcome_code::unknown_account;
    return answer(operation.who, unknown, {});
  }
  if (asked.kind == op::account)
    return read_account(operation);
  const seq_t newest = operation.account != nullptr ? operation.account->state().last_seq : seq_t{};
  if (asked.kind == op::count && asked.kinds.bits == 0) {
    auto shown = document_for(operation);
    shown->count = operation.account->state().entry_count;
    return answer(operation.who, std::move(shown), newest);
  }
  // Nothing is shown that is not on disk: neither the account's newest entry nor the one that was named.
  send_to_reader(operation, std::max(newest, std::min(asked.seq.value_or(seq_t{}), parts_.newest_taken())));
}

void shard_core::read_account(const staged& operation) {
  auto shown = document_for(operation);
  shown->view = view_of(operation.account->state(), shown->active, now_);
  shown->head.available = shown->view->available;
  shown->head.pending = shown->view->pending;
  shown->head.reserved = shown->view->reserved;
  shown->head.lifetime = shown->view->lifetime;
  shown->head.tier = shown->view->tier.value_or(0);
  shown->head.state = shown->view->state;
  shown->head.version = shown->view->version;
  if (shown->active != nullptr)
    shown->head.currency_digits = static_cast<std::uint8_t>(shown->active->rules.currency_digits);
  const seq_t release_at = release_of(*operation.account, shown->active);
  answer(operation.who, std::move(shown), release_at);
}

account_view shard_core::view_of_account(const account_actor& account) {
  const merchant& of = *parts_.merchants.at(account.state().merchant);
  return view_of(account.state(), of.active.load(std::memory_order_acquire), refreshed_now());
}

void shard_core::send_to_reader(const staged& operation, seq_t after) {
  read_query query;
  query.asked = std::make_shared<const owned_command>(*operation.asked);
  query.of = operation.of;
  query.account = operation.asked->account;
  query.newest = operation.account != nullptr ? operation.account->state().last_seq : seq_t{};
  query.active = operation.of != nullptr ? operation.of->active.load(std::memory_order_acquire) : nullptr;
  query.now = now_;
  if (operation.who.shard == index_)
    ++outstanding_;
  auto job = std::make_shared<read_job>(parts_, operation.who, std::move(query));
  when_durable(after, [supervisor = parts_.supervisor, job = std::move(job)] { caf::anon_send(supervisor, read_message{job}); });
}

// ---- of the ledger --------------------------------------------------------------------------------------------------

void shard_core::for_ledger(const staged& located) {
  staged operation = located;
  const command& asked = *operation.asked;
  switch (asked.kind) {
  case op::put_program: {
    if (asked.toml.empty() || asked.toml.size() > rules_bytes_max)
      return answer(operation.who, refusal(operation, asked.toml.empty() ? "is missing" : "is longer than 64 KiB", "toml"), {});
    ++outstanding_;
    caf::anon_send(parts_.supervisor, put_program_message{std::make_shared<put_program_job>(parts_, operation.who, asked)});
    return;
  }
  case op::digest:
    return show_digest(operation);
  case op::advance_clock:
    return advance_clock(*this, operation);
  default:
    break;
  }
  if (asked.merchant.empty() || asked.merchant.size() > id_bytes_max)
    return answer(operation.who, refusal(operation, asked.merchant.empty() ? "is missing" : "is longer than 64 bytes", "merchant"), {});
  locate(operation);
  switch (asked.kind) {
  case op::program:
    return show_program(operation);
  case op::programs:
    return show_programs(operation);
  case op::liability:
    return show_liability(operation);
  default:
    return show_tail_piece(operation);
  }
}

void shard_core::show_program(const staged& operation) {
  auto shown = document_for(operation);
  if (shown->active == nullptr)
    return answer(operation.who, refusal(operation, "has no program", "merchant"), {});
  shown->shown = shown->active->find(operation.asked->version.value_or(shown->active->version));
  if (shown->shown == nullptr)
    return answer(operation.who, refusal(operation, "no such version", "version"), {});
  shown->head.version = shown->shown->version;
  const seq_t release_at = shown->shown->applied_seq;
  answer(operation.who, std::move(shown), release_at);
}

// Oldest first.
void shard_core::show_programs(const staged& operation) {
  auto shown = document_for(operation);
  for (const program* version = shown->active; version != nullptr; version = version->older)
    shown->programs.insert(shown->programs.begin(), {version->version, version->applied_at, version->applied_seq});
  const seq_t release_at = shown->active != nullptr ? shown->active->applied_seq : seq_t{};
  answer(operation.who, std::move(shown), release_at);
}

// Of everything that was decided before it was asked.
void shard_core::show_digest(const staged& operation) {
  ++outstanding_;
  when_durable(parts_.newest_taken(), [this, who = operation.who] {
    --outstanding_;
    const wal::digest newest = parts_.journal->newest_digest();
    auto shown = std::make_unique<document>();
    shown->head.kind = op::digest;
    shown->seq = newest.newest;
    shown->head.seq = newest.newest;
    shown->hash = to_hex(newest.hash);
    answer(who, std::move(shown), {});
  });
}

// Of everything that was decided before it was asked; not even the merchant needs to be known yet.
void shard_core::show_liability(const staged& operation) {
  const command& asked = *operation.asked;
  if (field_problem problem = check_read(asked, now_); !problem.what.empty())
    return answer(operation.who, refusal(operation, std::move(problem.what), std::move(problem.where)), {});
  read_query query;
  query.asked = std::make_shared<const owned_command>(asked);
  query.newest = parts_.newest_taken();
  query.now = now_;
  ++outstanding_;
  auto job = std::make_shared<read_job>(parts_, operation.who, std::move(query));
  when_durable(job->query.newest, [this, job] {
    find_merchant(parts_, job->query);
    caf::anon_send(parts_.supervisor, read_message{job});
  });
}

// What is durable when it is asked for, and the merchant and its rules as those entries know them: looked up afterwards.
void shard_core::show_tail_piece(const staged& operation) {
  read_query query;
  query.asked = std::make_shared<const owned_command>(*operation.asked);
  query.newest = parts_.journal->durable_seq();
  query.now = now_;
  find_merchant(parts_, query);
  ++outstanding_;
  caf::anon_send(parts_.supervisor, read_message{std::make_shared<read_job>(parts_, operation.who, std::move(query))});
}

// On the merchant's home shard: the next version, unless it is the same document again.
void shard_core::publish_program(program_publication& publication) {
  const command& asked = publication.asked->get();
  const std::string& id = publication.read.merchant;
  const origin& who = publication.who;
  if (who.shard == index_)
    settled_elsewhere();
  outcome done;
  done.kind = op::put_program;
  merchant* of = parts_.merchants.find(id, parts_.merchants.hash_of(id));
  std::unique_lock<std::mutex> first_entry;
  if (of == nullptr) {
    first_entry = parts_.merchants.lock();
    of = parts_.merchants.find(id, parts_.merchants.hash_of(id));
  }
  const program* active = of != nullptr ? of->active.load(std::memory_order_relaxed) : nullptr;
  if (active != nullptr && active->toml == asked.toml) {
    done.status = outcome_status::duplicate;
    done.seq = active->applied_seq;
    done.version = active->version;
    return answer(who, done, active->applied_seq);
  }
  if (of == nullptr && parts_.merchants.full()) {
    done.status = outcome_status::overloaded;
    done.what = "this ledger has 65535 merchants already";
    return answer(who, done, {});
  }
  auto next = std::make_unique<program>();
  next->version = active != nullptr ? active->version + 1 : 1;
  next->toml = asked.toml;
  next->rules = std::move(publication.read);
  std::optional<seq_t> seq;
  do
    next->applied_at = refreshed_now();
  while (!(seq = parts_.stamps.take(1, next->applied_at)));
  next->applied_seq = *seq;
  if (of == nullptr)
    of = &parts_.add_merchant(next->rules.merchant);
  if (first_entry.owns_lock())
    first_entry.unlock();

  entry made;
  made.kind = entry_kind::program;
  made.seq = made.group = *seq;
  made.prev_seq = active != nullptr ? active->applied_seq : seq_t{};
  made.at = next->applied_at;
  made.version = made.active_version = next->version;
  made.text = next->toml;
  made.offsets = next->rules.offsets_us;
  made.token = asked.token;
  made.terminal = asked.terminal;
  made.cashier = asked.cashier;
  made.note = asked.note;
  add_entry(made, *of, {});
  done.seq = *seq;
  done.version = next->version;
  of->activate(std::move(next));
  answer(who, done, *seq);
}

} // namespace tally::actors
