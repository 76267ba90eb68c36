#include "tests/model/slow_journal.hpp"

#include "tests/model/history_words.hpp"

#include <algorithm>

namespace tally::model {

namespace {

bool is_asked_for(const model_entry& entry, const command& asked) {
  const std::optional<entry_kind> kind = entry_kind_named(entry.kind);
  return kind && asked.kinds.contains(*kind);
}

} // namespace

std::string describe_shown(std::int64_t at_us, std::int64_t prev_seq, const model_entry& entry) {
  model_entry shown = entry;
  shown.lifetime = shown.lifetime_after = 0;
  return rfc3339(at_us) + " after " + std::to_string(prev_seq) + ": " + describe(shown) + "\n";
}

std::string describe_balances(std::int64_t available, std::int64_t pending, std::int64_t reserved, std::int64_t lifetime,
                              const std::string& tier) {
  return std::to_string(available) + "/" + std::to_string(pending) + "/" + std::to_string(reserved) + "/" + std::to_string(lifetime) + " " +
         tier + "\n";
}

held_then held_now(const slow_model& model, const std::string& name, std::int64_t now_us, std::int64_t newest_seq) {
  const model_account& account = model.accounts.at(name);
  held_then held{name,
                 now_us,
                 newest_seq,
                 account.available(),
                 account.pending(),
                 account.reserved(),
                 account.lifetime,
                 model.view(name, now_us).texts.at("tier"),
                 {}};
  for (const model_lot& lot : account.lots)
    if (lot.expires_at != 0 && lot.available + lot.pending != 0)
      held.expiring[lot.expires_at] += lot.available + lot.pending;
  return held;
}

std::string owed_now(const slow_model& model, std::int64_t now_us, std::int64_t seq) {
  std::int64_t available = 0, debt = 0, pending = 0, reserved = 0, never = 0;
  std::map<std::string, std::int64_t> by_month;
  for (const auto& [name, account] : model.accounts) {
    for (const model_lot& lot : account.lots) {
      available += lot.available;
      const std::int64_t points = lot.available + lot.pending;
      if (points != 0)
        (lot.expires_at == 0 ? never : by_month[rfc3339(lot.expires_at).substr(0, 7)]) += points;
    }
    debt += account.debt;
    pending += account.pending();
    reserved += account.reserved();
  }
  std::string text = rfc3339(now_us) + " " + std::to_string(seq) + " available " + std::to_string(available) + " debt " +
                     std::to_string(debt) + " pending " + std::to_string(pending) + " reserved " + std::to_string(reserved);
  for (const auto& [month, points] : by_month)
    text += " [" + month + " " + std::to_string(points) + "]";
  if (never != 0)
    text += " [ " + std::to_string(never) + "]";
  const model_rules* rules = model.active();
  if (rules != nullptr && rules->can_redeem) {
    const wide owed = static_cast<wide>(available) + pending + reserved - debt;
    text += " value " + std::to_string(floored(owed * rules->redeem_units, rules->redeem_points));
  }
  return text;
}

void slow_journal::add(std::int64_t at_us, const std::vector<model_entry>& entries) {
  for (const model_entry& entry : entries) {
    const auto before =
        std::find_if(entries_.rbegin(), entries_.rend(), [&](const kept& one) { return one.entry.account == entry.account; });
    entries_.push_back({at_us, before == entries_.rend() ? 0 : before->entry.seq, entry}); // those of the rules are chained, too
  }
}

std::string slow_journal::history(const command& asked) const {
  std::string text;
  std::uint32_t shown = 0;
  std::int64_t last = 0;
  for (auto one = entries_.rbegin(); one != entries_.rend(); ++one) {
    const bool in_window = (!asked.from || one->at_us >= asked.from->us) && (!asked.until || one->at_us < asked.until->us) &&
                           (!asked.before_seq || one->entry.seq < static_cast<std::int64_t>(asked.before_seq->value));
    if (one->entry.account != asked.account || !in_window || !is_asked_for(one->entry, asked))
      continue;
    if (shown == asked.limit.value_or(50))
      return text + "next " + std::to_string(last);
    text += describe_shown(one->at_us, one->prev_seq, one->entry);
    last = one->entry.seq;
    ++shown;
  }
  return text;
}

std::string slow_journal::count(const command& asked) const {
  return std::to_string(std::count_if(entries_.begin(), entries_.end(), [&](const kept& one) {
    return one.entry.account == asked.account && is_asked_for(one.entry, asked);
  }));
}

std::string slow_journal::entry(const command& asked) const {
  for (const kept& one : entries_) {
    const bool is_it = asked.seq ? one.entry.seq == static_cast<std::int64_t>(asked.seq->value)
                                 : one.entry.account == asked.account && one.entry.order == asked.order && is_asked_for(one.entry, asked);
    if (is_it)
      return describe_shown(one.at_us, one.prev_seq, one.entry);
  }
  return asked.seq ? "invalid seq" : "rejected unknown_order";
}

std::string slow_journal::tail(const command& asked) const {
  std::string text;
  for (const kept& one : entries_)
    if (one.entry.seq >= static_cast<std::int64_t>(asked.seq->value) && is_asked_for(one.entry, asked))
      text += describe_shown(one.at_us, one.prev_seq, one.entry);
  return text;
}

std::string slow_journal::balance_at(const command& asked, const std::string& tier) const {
  std::int64_t at_us = asked.at ? asked.at->us : 0, seq = asked.seq ? static_cast<std::int64_t>(asked.seq->value) : 0;
  bool is_there = !asked.seq;
  model_entry last;
  for (const kept& one : entries_) {
    if (asked.seq && one.entry.seq == seq) {
      at_us = one.at_us;
      is_there = true;
    }
    const bool counts = asked.seq ? one.entry.seq <= seq : one.at_us <= at_us;
    if (counts && one.entry.account == asked.account)
      last = one.entry;
  }
  if (!is_there)
    return "invalid seq";
  return rfc3339(at_us) + " " + std::to_string(asked.seq ? seq : last.seq) + " " +
         describe_balances(last.available_after, last.pending_after, last.reserved_after, last.lifetime_after, tier);
}

std::string slow_journal::statement(const command& asked, const held_then& opening, const held_then& closing) const {
  std::string text = rfc3339(asked.from->us) + " " + rfc3339(asked.until->us) + "\n" +
                     describe_balances(opening.available, opening.pending, opening.reserved, opening.lifetime, opening.tier) +
                     describe_balances(closing.available, closing.pending, closing.reserved, closing.lifetime, closing.tier);
  for (const kept& one : entries_)
    if (one.entry.account == asked.account && one.at_us >= asked.from->us && one.at_us < asked.until->us)
      text += describe_shown(one.at_us, one.prev_seq, one.entry);
  for (const auto& [at_us, points] : closing.expiring)
    text += rfc3339(at_us) + " " + std::to_string(points) + "\n";
  return text;
}

} // namespace tally::model
