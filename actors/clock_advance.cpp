#include "actors/clock_advance.hpp"

#include "actors/shard_core.hpp"

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

struct due_entry {
  entry made;
  due_account* at;
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

// The contract's order: by instant; then release, time-out, expire; then the lower account id, then the lowest lot, which is
// the order `decide_due` gave.
bool comes_first(const due_entry& a, const due_entry& b) {
  const instant due_a = a.made.due.value_or(a.made.at), due_b = b.made.due.value_or(b.made.at);
  if (due_a != due_b)
    return due_a < due_b;
  if (rank_of(a.made.kind) != rank_of(b.made.kind))
    return rank_of(a.made.kind) < rank_of(b.made.kind);
  if (const int ids = a.at->account->id().compare(b.at->account->id()); ids != 0)
    return ids < 0;
  return a.at->of->id < b.at->of->id;
}

// Everything that is due now, journalled as shard `home`'s.
std::uint64_t fire(shard_core& home) {
  ledger_parts& parts = home.parts();
  std::vector<due_account> accounts;
  instant due;
  for (shard_core* owner = earliest_shard(parts, due); owner != nullptr && due <= home.now(); owner = earliest_shard(parts, due)) {
    account_actor& account = owner->timers().pop();
    accounts.push_back({owner, &account, parts.merchants.at(account.state().merchant)});
  }
  std::vector<due_entry> entries;
  decision found;
  for (due_account& each : accounts) {
    decision_context context;
    context.now = home.now();
    context.next_seq = parts.stamps.next();
    decide_due(each.account->state(), context, found);
    for (const entry& made : found.entries)
      entries.push_back({made, &each});
  }
  std::ranges::stable_sort(entries, comes_first);
  for (due_entry& each : entries) { // one by one: entries of two accounts may alternate
    const std::optional<seq_t> seq = parts.stamps.take(1, home.now());
    TALLY_ASSERT(seq.has_value(), home.now().us);
    each.made.seq = each.made.group = *seq;
    each.made.prev_seq = each.at->account->state().last_seq;
    each.made.merchant = each.at->of->number;
    apply(each.at->account->state(), each.made);
    home.add_entry(each.made, *each.at->of, each.at->account->id());
  }
  for (due_account& each : accounts)
    each.owner->timers().update(*each.account);
  if (home.open_bytes() > open_bytes_max)
    home.hand_over();
  return entries.size();
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
  here.parts().core(0).post(std::make_unique<advance_request>(*operation.asked->until, operation.who));
}

void clock_advancer::ask(shard_core& home, instant to, const origin& who) {
  jobs_.push_back({to, who});
  if (!moving_)
    begin(home);
}

void clock_advancer::begin(shard_core& home) {
  moving_ = true;
  parked_ = 0;
  const std::size_t others = home.parts().shards.size() - 1;
  for (std::uint32_t i = 1; i <= others; ++i)
    home.parts().core(i).post(std::make_unique<park_request>());
  if (others == 0)
    finish(home);
}

void clock_advancer::parked(shard_core& home) {
  if (++parked_ == home.parts().shards.size() - 1)
    finish(home);
}

void clock_advancer::finish(shard_core& home) {
  for (const job& each : jobs_)
    advance(home, each);
  jobs_.clear();
  moving_ = false;
  for (std::uint32_t i = 1; i < home.parts().shards.size(); ++i)
    home.parts().core(i).post(std::make_unique<unpark_request>());
}

void clock_advancer::advance(shard_core& home, const job& asked) {
  ledger_parts& parts = home.parts();
  if (asked.who.shard == home.index())
    home.settled_elsewhere();
  home.refreshed_now();
  if (asked.to < home.now()) {
    outcome refused;
    refused.kind = op::advance_clock;
    refused.status = outcome_status::invalid;
    refused.what = "is before the clock's time";
    refused.where = "to";
    return home.answer(asked.who, refused, {});
  }
  std::uint64_t fired = 0;
  instant due;
  while (earliest_shard(parts, due) != nullptr && due <= asked.to) {
    parts.clock.advance_to(std::max(due, home.now()));
    home.refreshed_now();
    fired += fire(home);
  }
  parts.clock.advance_to(asked.to);
  home.refreshed_now();
  auto moved = std::make_unique<document>();
  moved->head.kind = op::advance_clock;
  moved->now = asked.to;
  moved->fired = fired;
  home.answer(asked.who, std::move(moved), fired > 0 ? parts.newest_taken() : seq_t{});
}

} // namespace tally::actors
