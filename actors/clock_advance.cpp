#include "actors/clock_advance.hpp"

#include "actors/shard_core.hpp"
#include "actors/stop_server.hpp"

#include <algorithm>

namespace tally::actors {

namespace {

constexpr std::size_t open_bytes_max = 256 * 1024;

// One account at one instant, with what it has due then.
struct due_account {
  shard_core* owner;
  account_actor* account;
  const merchant* of;
};

// Entries of one account that come together: what a time-out gave back to a lot that had expired before expires at once, with
// the lot's own, earlier instant.
struct due_run {
  due_account* at;
  std::size_t begin; // of the list of entries
  std::size_t count;
};

shard_core* earliest_shard(ledger_parts& parts, instant& due) {
  shard_core* earliest = nullptr;
  due = instant::end_of_time();
  for (std::uint32_t i = 0; i < parts.shards.size(); ++i) {
    const instant its = parts.core(i).timers().earliest();
    if (its < due) {
      due = its;
      earliest = &parts.core(i);
    }
  }
  return earliest;
}

int rank_of(entry_kind kind) { return kind == entry_kind::release ? 0 : kind == entry_kind::expire ? 2 : 1; }

// The contract's order: by instant; then release, time-out, expire; then the lower account id, then the lowest lot or
// reservation, which is the order `decide_due` gave.
bool comes_first(const entry& a, const due_account& at_a, const entry& b, const due_account& at_b) {
  const instant due_a = a.due.value_or(a.at), due_b = b.due.value_or(b.at);
  if (due_a != due_b)
    return due_a < due_b;
  if (rank_of(a.kind) != rank_of(b.kind))
    return rank_of(a.kind) < rank_of(b.kind);
  if (const int ids = at_a.account->id().compare(at_b.account->id()); ids != 0)
    return ids < 0;
  return at_a.of->id < at_b.of->id;
}

// What the accounts have due, numbered as if each were the only one; in the order in which it is to be journalled.
std::vector<due_run> find_due(std::vector<due_account>& accounts, const shard_core& home, entry_list& entries) {
  std::vector<due_run> runs;
  decision found;
  for (due_account& each : accounts) {
    const decision_context context = each.owner->context_for(each.of, home.now());
    decide_due(each.account->state(), context, found);
    for (const entry& made : found.entries) {
      const bool joins = !runs.empty() && runs.back().at == &each && comes_first(made, each, entries.entries()[runs.back().begin], each);
      if (!joins)
        runs.push_back({&each, entries.entries().size(), 0});
      ++runs.back().count;
      entries.add(made);
    }
  }
  std::ranges::stable_sort(runs, [&](const due_run& a, const due_run& b) {
    return comes_first(entries.entries()[a.begin], *a.at, entries.entries()[b.begin], *b.at);
  });
  return runs;
}

// Everything that is due now. Each entry is journalled by its account's shard, which can read it back from there.
std::uint64_t fire(shard_core& home) {
  ledger_parts& parts = home.parts();
  std::vector<due_account> accounts;
  instant due;
  for (shard_core* owner = earliest_shard(parts, due); owner != nullptr && due <= home.now(); owner = earliest_shard(parts, due)) {
    account_actor& account = owner->timers().pop();
    owner->images().have_expiring_lots(account);
    accounts.push_back({owner, &account, parts.merchants.at(account.state().merchant)});
  }
  entry_list entries;
  for (const due_run& each : find_due(accounts, home, entries)) { // one by one: those of two accounts may alternate
    const std::optional<seq_t> first = parts.stamps.take(static_cast<std::uint32_t>(each.count), home.now());
    TALLY_ASSERT(first.has_value(), home.now().us);
    account_state& state = each.at->account->state();
    for (std::size_t i = 0; i < each.count; ++i) {
      entry& made = entries.entries()[each.begin + i];
      made.seq = made.group = first->plus(i);
      made.prev_seq = state.last_seq;
      made.merchant = each.at->of->number;
      apply(state, made);
      each.at->owner->add_entry(made, *each.at->of, each.at->account->id());
    }
  }
  for (due_account& each : accounts) {
    each.owner->changed(*each.account);
    if (each.owner->open_bytes() > open_bytes_max)
      each.owner->hand_over();
  }
  return entries.entries().size();
}

// Accounts on disk that have something due by then.
void bring_back_due(ledger_parts& parts, instant to) {
  if (!parts.images)
    return;
  for (std::uint32_t i = 0; i < parts.shards.size(); ++i)
    parts.core(i).images().bring_back_tail();
  const auto bring_back = [&](merchant_number number, std::string_view account, instant) {
    const merchant& of = *parts.merchants.at(number);
    const std::uint64_t hash = parts.merchants.account_hash(of.hash, account);
    parts.core(parts.shard_of(hash)).find(of, hash, account);
    return true;
  };
  if (parts.due_brought_back_until >= to)
    return;
  must(parts.images->for_each_due(parts.due_brought_back_until, to, bring_back), "account images cannot be read");
  parts.due_brought_back_until = to;
}

void advance(shard_core& home, instant to, const origin& who) {
  ledger_parts& parts = home.parts();
  if (who.shard == home.index())
    home.settled_elsewhere();
  home.refreshed_now();
  if (to < home.now()) {
    outcome refused;
    refused.kind = op::advance_clock;
    refused.status = outcome_status::invalid;
    refused.what = "is before the clock's time";
    refused.where = "to";
    return home.answer(who, refused, {});
  }
  bring_back_due(parts, to);
  std::uint64_t fired = 0;
  instant due;
  while (earliest_shard(parts, due) != nullptr && due <= to) {
    parts.clock.advance_to(std::max(due, home.now()));
    home.refreshed_now();
    fired += fire(home);
  }
  parts.clock.advance_to(to);
  home.refreshed_now();
  auto moved = std::make_unique<document>();
  moved->head.kind = op::advance_clock;
  moved->now = to;
  moved->fired = fired;
  home.answer(who, std::move(moved), fired > 0 ? parts.newest_taken() : seq_t{});
}

} // namespace

void advance_clock(shard_core& here, const staged& operation) {
  outcome refused;
  refused.kind = op::advance_clock;
  if (!here.parts().clock.is_test()) {
    refused.status = outcome_status::forbidden;
    refused.what = "the server does not run on a test clock";
    return here.answer(operation.who, refused, {});
  }
  if (!operation.asked->until) {
    refused.status = outcome_status::invalid;
    refused.what = "is missing";
    refused.where = "to";
    return here.answer(operation.who, refused, {});
  }
  here.expect_answer();
  standstill::ask(here, [to = *operation.asked->until, who = operation.who](shard_core& home) { advance(home, to, who); });
}

} // namespace tally::actors
