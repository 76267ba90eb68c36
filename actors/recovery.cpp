#include "actors/recovery.hpp"

#include "actors/shard_core.hpp"
#include "engine/rules_toml.hpp"

#include <unordered_map>

namespace tally::actors {

namespace {

class replayer {
public:
  // `point`: the images hold everything up to there, and accounts stay on disk; 0: there are none.
  replayer(ledger_parts& parts, const std::vector<personal::intent>& open_intents, seq_t point) : parts_(parts), point_(point) {
    for (const personal::intent& each : open_intents)
      accounts_of_intents_.try_emplace(each.number);
  }

  // False ends the replay; `problem` says why.
  bool take(const entry& each) {
    newest_ = each.seq;
    newest_at_ = each.at;
    if (each.personal != 0)
      note_personal(each);
    if (each.kind == entry_kind::program)
      return take_program(each);
    if (point_)
      return leave_on_disk(each);
    return each.kind == entry_kind::enroll ? take_enroll(each) : take_change(each);
  }

  const std::string& problem() const { return problem_; }
  seq_t newest() const { return newest_; }
  instant newest_at() const { return newest_at_; }
  // Whose entry carries the intent's number; empty: nobody's.
  const std::string& account_of(const personal::intent& intent) const { return accounts_of_intents_.at(intent.number); }

  // The newest entry that the images hold.
  void begin_after(const entry& each) {
    newest_ = each.seq;
    newest_at_ = each.at;
  }

  bool take_program(const entry& each) {
    merchant* of = merchant_of(each);
    if (of == nullptr)
      return false;
    auto read = read_rules(each.text, each.offsets);
    if (const auto* problems = std::get_if<std::vector<rules_problem>>(&read))
      return fail(each, "its rules document is not valid: " + problems->front().key + ": " + problems->front().what);
    const program* active = of->active.load(std::memory_order_relaxed);
    if (each.version != (active != nullptr ? active->version + 1 : 1))
      return fail(each, "its version does not follow the one before");
    auto next = std::make_unique<program>();
    next->version = each.version;
    next->applied_at = each.at;
    next->applied_seq = each.seq;
    next->toml = each.text;
    next->rules = std::move(std::get<ruleset>(read));
    of->activate(std::move(next));
    return true;
  }

private:
  void note_personal(const entry& each) {
    if (const auto found = accounts_of_intents_.find(each.personal); found != accounts_of_intents_.end())
      found->second = each.account;
  }

  bool take_enroll(const entry& each) {
    merchant* of = merchant_of(each);
    if (of == nullptr)
      return false;
    if (each.account.empty() || each.account.size() > id_bytes_max)
      return fail(each, "its account's id has no or too many bytes");
    const std::uint64_t hash = parts_.merchants.account_hash(of->hash, each.account);
    shard_core& owner = parts_.core(parts_.shard_of(hash));
    if (owner.find_resident(*of, hash, each.account) != nullptr || each.prev_seq)
      return fail(each, "its account was enrolled before");
    account_actor& account = owner.add_account(*of, hash, each.account);
    apply(account.state(), each);
    owner.images().changed(account);
    return true;
  }

  bool take_change(const entry& each) {
    const merchant* of =
        each.merchant != 0 && each.merchant <= merchant_table::merchants_max ? parts_.merchants.at(each.merchant) : nullptr;
    if (of == nullptr)
      return fail(each, "its merchant never appeared");
    const std::uint64_t hash = parts_.merchants.account_hash(of->hash, each.account);
    shard_core& owner = parts_.core(parts_.shard_of(hash));
    account_actor* account = owner.find_resident(*of, hash, each.account);
    if (account == nullptr)
      return fail(each, "its account was never enrolled");
    if (each.prev_seq != account->state().last_seq)
      return fail(each, "it does not follow the account's entry " + std::to_string(account->state().last_seq.value));
    apply(account->state(), each);
    owner.images().changed(*account);
    return true;
  }

  // Only where the account's newest entry is, and what every read of the ledger's own lists needs.
  bool leave_on_disk(const entry& each) {
    const merchant* of = merchant_of(each);
    if (of == nullptr)
      return false;
    if (each.account.empty() || each.account.size() > id_bytes_max)
      return fail(each, "its account's id has no or too many bytes");
    const std::uint64_t hash = parts_.merchants.account_hash(of->hash, each.account);
    shard_core& owner = parts_.core(parts_.shard_of(hash));
    if (!owner.images().expect(hash, each, point_))
      return fail(each, "it does not follow the account's entry before it");
    owner.reviews().note(each);
    return true;
  }

  merchant* merchant_of(const entry& each) {
    if (each.merchant == 0 || each.merchant > merchant_table::merchants_max || each.merchant_id.empty())
      return fail(each, "it names no merchant"), nullptr;
    if (merchant* known = parts_.merchants.at(each.merchant); known != nullptr)
      return known->id == each.merchant_id ? known : (fail(each, "its merchant's number is another one's"), nullptr);
    if (parts_.merchants.find(each.merchant_id, parts_.merchants.hash_of(each.merchant_id)) != nullptr)
      return fail(each, "its merchant has another number"), nullptr;
    return &parts_.merchants.add(each.merchant_id, each.merchant);
  }

  bool fail(const entry& each, std::string_view what) {
    problem_ = "entry " + std::to_string(each.seq.value) + ": " + std::string(what);
    return false;
  }

  ledger_parts& parts_;
  const seq_t point_;
  std::unordered_map<std::uint64_t, std::string> accounts_of_intents_; // by number, of those that are open
  std::string problem_;
  seq_t newest_;
  instant newest_at_;
};

// The changes of personal data that a crash cut short are done where their entry is in the journal, and forgotten where not.
result<void> finish_intents(personal::store& store, const std::vector<personal::intent>& open_intents, const replayer& replayed) {
  for (const personal::intent& each : open_intents) {
    const std::string& account = replayed.account_of(each);
    if (result<void> done = account.empty() ? store.drop(each) : store.settle(each, account); !done)
      return done;
  }
  return {};
}

// The shard of the review's account lists it.
result<void> list_review(ledger_parts& parts, wal::journal_reader& reader, const snapshot::review_record& open) {
  const result<const entry*> read = reader.read(open.review);
  if (!read)
    return read.error();
  const merchant* of = parts.merchants.at(open.merchant);
  if ((*read)->kind != entry_kind::review_hold || of == nullptr || (*read)->merchant != open.merchant)
    return failure{failure_code::corrupt,
                   "entry " + std::to_string(open.review.value) + " is not the review that the recovery point names"};
  parts.core(parts.shard_of(parts.merchants.account_hash(of->hash, (*read)->account))).reviews().add(open.merchant, open.review);
  return {};
}

// What the recovery point says: merchants, their rules, open reviews.
result<void> take_point(ledger_parts& parts, const snapshot::recovery_point& point, replayer& replayed) {
  if (result<void> held = parts.journal->must_hold({point.seq, point.hash}); !held)
    return failure{held.error().code, "the account images go on where the journal ends, or are of another one: " + held.error().what};
  const auto reader = parts.journal->make_reader();
  for (const snapshot::merchant_record& each : point.merchants) {
    parts.merchants.add(each.id, each.number);
    parts.journal->learn_merchant(each.number, each.id);
    for (const seq_t version : each.programs) {
      const result<const entry*> read = reader->read(version);
      if (!read)
        return read.error();
      if ((*read)->kind != entry_kind::program || (*read)->merchant != each.number || !replayed.take_program(**read))
        return failure{failure_code::corrupt, "entry " + std::to_string(version.value) + " is not the rules that the recovery point names"};
    }
  }
  for (const snapshot::review_record& each : point.reviews)
    if (result<void> listed = list_review(parts, *reader, each); !listed)
      return listed;
  const result<const entry*> newest = reader->read(point.seq);
  if (!newest)
    return newest.error();
  replayed.begin_after(**newest);
  return {};
}

} // namespace

result<void> recover(ledger_parts& parts, const std::function<void(seq_t)>& progress) {
  const result<std::vector<personal::intent>> open_intents = parts.personal->open_intents();
  if (!open_intents)
    return open_intents.error();
  const std::optional<snapshot::recovery_point> point = parts.images ? parts.images->point() : std::nullopt;
  replayer replayed(parts, *open_intents, point ? point->seq : seq_t{});
  if (point)
    if (result<void> taken = take_point(parts, *point, replayed); !taken)
      return taken;
  const result<void> read = parts.journal->replay(
      replayed.newest().plus(1), [&](const entry& each) { return replayed.take(each); }, progress ? progress : [](seq_t) {});
  if (!replayed.problem().empty())
    return failure{failure_code::corrupt, replayed.problem()};
  if (!read)
    return read;
  if (result<void> finished = finish_intents(*parts.personal, *open_intents, replayed); !finished)
    return finished;
  parts.stamps.reset(replayed.newest(), replayed.newest_at());
  if (parts.clock.is_test() && parts.clock.now() < replayed.newest_at())
    parts.clock.advance_to(replayed.newest_at());
  for (std::uint32_t i = 0; i < parts.shards.size(); ++i) {
    parts.core(i).queue_timers();
    if (!point)
      parts.core(i).index_reviews();
  }
  return {};
}

} // namespace tally::actors
