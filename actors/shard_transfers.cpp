// Transfers: two accounts, decided together and journalled as one group. Where both are one shard's, it decides there and then;
// else shard 0 does while everybody stands still.
#include "actors/shard_core.hpp"

namespace tally::actors {

namespace {

const account_state not_enrolled;

} // namespace

// False: both accounts are one shard's, which decides by itself.
bool shard_core::ask_standstill(const staged& operation) {
  const command& asked = *operation.asked;
  const std::uint64_t merchant_hash = parts_.merchants.hash_of(asked.merchant);
  const auto home_of = [&](std::string_view account) { return parts_.shard_of(parts_.merchants.account_hash(merchant_hash, account)); };
  if (home_of(asked.account) == home_of(asked.to))
    return false;
  expect_answer();
  standstill::ask(*this, [owned = std::make_shared<const owned_command>(asked), who = operation.who](shard_core& home) {
    if (who.shard == home.index())
      home.settled_elsewhere();
    staged standing;
    standing.asked = &owned->get();
    standing.who = who;
    home.locate(standing);
    home.transfer(standing);
  });
  return true;
}

// Here are both accounts, or every shard stands still and this is shard 0.
void shard_core::transfer(staged operation) {
  const command& asked = *operation.asked;
  const merchant* of = operation.of;
  const std::uint64_t to_hash = parts_.merchants.account_hash(operation.merchant_hash, asked.to);
  shard_core &sending = parts_.core(parts_.shard_of(operation.hash)), &receiving = parts_.core(parts_.shard_of(to_hash));
  account_actor* from = of != nullptr ? sending.find(*of, operation.hash, asked.account) : nullptr;
  account_actor* to = of != nullptr ? receiving.find(*of, to_hash, asked.to) : nullptr;

  decision_context context = sending.context_for(of, now_);
  do
    decide_transfer(from != nullptr ? from->state() : not_enrolled, to != nullptr ? to->state() : not_enrolled, asked, context, decision_);
  while (!stamp(context));
  commit_transfer(operation, from, to);

  seq_t release_at = context.active != nullptr ? context.active->applied_seq : seq_t{};
  for (const account_actor* each : {from, to})
    if (each != nullptr)
      release_at = std::max(release_at, each->state().last_seq);
  answer_decided(operation, decision_.outcome, release_at);
}

// A group is journalled by one shard, so that it is on disk whole or not at all: by that of its first entry's account, which
// is where the group is looked for again.
void shard_core::commit_transfer(const staged& operation, account_actor* from, account_actor* to) {
  shard_core* journals = nullptr;
  for (entry& each : decision_.entries) { // of the sender alone where there is no receiver
    account_actor* account = to != nullptr && each.account == to->id() ? to : from;
    TALLY_ASSERT(account != nullptr && each.account == account->id(), static_cast<long long>(each.seq.value));
    if (each.seq == each.group)
      journals = &account->owner();
    journals->add_entry(each, *operation.of, account->id());
    account->owner().images().have_lots_of(each, account->state());
    apply(account->state(), each);
  }
  for (account_actor* each : {from, to})
    if (each != nullptr)
      each->owner().changed(*each);
}

} // namespace tally::actors
