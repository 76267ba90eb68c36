#include "tests/model/history_words.hpp"

#include <algorithm>
#include <map>
#include <sstream>

namespace tally::model {

namespace {

std::string tier_named(std::uint8_t place, std::uint32_t version, const rules_history& versions) {
  if (place == 0)
    return "";
  const auto rules = versions.find(version);
  return rules == versions.end() || place > rules->second.tiers.size() ? "?" : rules->second.tiers[place - 1u].name;
}

std::vector<std::string> rewards_named(std::uint64_t rewards, std::uint32_t version, const rules_history& versions) {
  std::vector<std::string> names;
  const auto rules = versions.find(version);
  for (std::size_t i = 0; i < 64; ++i)
    if ((rewards >> i & 1) != 0)
      names.push_back(rules == versions.end() || i >= rules->second.rewards.size() ? "?" : rules->second.rewards[i].name);
  return names;
}

const char* state_named(outcome::account_status_shown state) {
  const char* names[] = {"none", "active", "lapsing", "suspended", "closed"};
  return names[state];
}

} // namespace

std::string reasons_of(review_reasons reasons) {
  std::string text;
  text += (reasons & over_points_per_order) != 0 ? "max_points_per_order " : "";
  text += (reasons & over_order_ratio) != 0 ? "max_order_ratio " : "";
  text += (reasons & over_points_per_day) != 0 ? "earn_points_per_day " : "";
  text += (reasons & reversal_below_zero) != 0 ? "negative_reversal " : "";
  return text;
}

model_outcome shown(const outcome& outcome, const rules_history& versions) {
  model_outcome out;
  out.status = name_of(outcome.status);
  out.code = name_of(outcome.code);
  auto& fields = out.fields;
  switch (outcome.status) {
  case outcome_status::ok:
  case outcome_status::held:
    break;
  case outcome_status::duplicate:
    out.texts["first"] = name_of(outcome.first);
    break;
  case outcome_status::invalid:
    out.code = outcome.where;
    return out;
  default:
    if (!outcome.what.empty())
      out.code = outcome.what;
    return out;
  }
  if (outcome.kind != op::preview)
    fields["seq"] = static_cast<std::int64_t>(outcome.seq.value);
  if (outcome.kind == op::erase)
    return out;
  if (outcome.kind == op::approve || outcome.kind == op::reject || outcome.first == outcome_status::held ||
      outcome.status == outcome_status::held)
    fields["review"] = static_cast<std::int64_t>(outcome.review.value);
  if (outcome.kind == op::reject)
    return out;
  fields["version"] = outcome.version;
  if (outcome.first == outcome_status::held || outcome.status == outcome_status::held) {
    fields["points"] = outcome.points.value;
    out.texts["reasons"] = reasons_of(outcome.reasons);
    return out;
  }
  fields["available"] = outcome.available.value;
  fields["pending"] = outcome.pending.value;
  fields["reserved"] = outcome.reserved.value;
  fields["lifetime"] = outcome.lifetime.value;
  out.texts["tier"] = tier_named(outcome.tier, outcome.active_version, versions);
  if (outcome.tier_changed)
    fields["tier_changed"] = 1;
  out.rewards = rewards_named(outcome.rewards, outcome.active_version, versions);
  switch (outcome.kind == op::approve ? outcome.parked : outcome.kind) {
  case op::redeem:
  case op::preview:
    fields["points_used"] = outcome.points.value;
    fields["discount"] = outcome.amount.units;
    break;
  case op::claim:
    fields["points_used"] = outcome.points.value;
    out.texts["reward"] = outcome.name;
    break;
  case op::authorize:
    fields["points_used"] = outcome.points.value;
    fields["expires_at"] = outcome.expires_at ? outcome.expires_at->us : 0;
    out.texts["reservation"] = outcome.name;
    break;
  case op::capture:
    fields["points_used"] = outcome.points.value;
    fields["discount"] = outcome.amount.units;
    [[fallthrough]];
  case op::void_:
    fields["points_returned"] = outcome.points_2.value;
    out.texts["reservation"] = outcome.name;
    break;
  case op::reverse:
    fields["points_taken"] = outcome.points.value;
    fields["points_restored"] = outcome.points_2.value;
    fields["points_expired"] = outcome.points_3.value;
    fields["refunded"] = outcome.amount.units;
    break;
  case op::transfer:
    fields["points"] = outcome.points.value;
    fields["to_seq"] = static_cast<std::int64_t>(outcome.to_seq.value);
    break;
  case op::suspend:
  case op::reactivate:
  case op::close:
    fields["points_forfeited"] = outcome.points.value;
    out.texts["state"] = state_named(outcome.state);
    break;
  default:
    fields["points"] = outcome.points.value;
  }
  return out;
}

model_outcome shown(const account_view& view, const rules_history& versions) {
  model_outcome out{"ok", "", {}, {}, {}};
  auto& fields = out.fields;
  fields["available"] = view.available.value;
  fields["pending"] = view.pending.value;
  fields["reserved"] = view.reserved.value;
  fields["lifetime"] = view.lifetime.value;
  fields["last_seq"] = static_cast<std::int64_t>(view.last_seq.value);
  fields["version"] = view.version;
  fields["expiring_30d"] = view.expiring_30d.value;
  fields["next_expiry_points"] = view.next_expiry_points.value;
  if (view.next_expiry_at)
    fields["next_expiry_at"] = view.next_expiry_at->us;
  out.texts["tier"] = tier_named(view.tier.value_or(0), view.version, versions);
  if (view.tier_points)
    fields["tier_points"] = view.tier_points->value;
  if (view.next_tier)
    out.texts["next_tier"] = tier_named(*view.next_tier, view.version, versions);
  if (view.points_to_next_tier)
    fields["points_to_next_tier"] = view.points_to_next_tier->value;
  out.texts["state"] = state_named(view.state);
  out.rewards = rewards_named(view.rewards, view.version, versions);
  return out;
}

model_entry shown(const entry& entry) {
  model_entry out;
  out.account = entry.account;
  out.kind = name_of(entry.kind);
  out.seq = static_cast<std::int64_t>(entry.seq.value);
  out.group = static_cast<std::int64_t>(entry.group.value);
  if (entry.due)
    out.due = entry.due->us;
  out.points = entry.points.value;
  out.pending = entry.pending.value;
  out.reserved = entry.reserved.value;
  out.debt = entry.debt.value;
  out.lifetime = entry.lifetime.value;
  out.available_after = entry.available_after.value;
  out.pending_after = entry.pending_after.value;
  out.reserved_after = entry.reserved_after.value;
  out.lifetime_after = entry.lifetime_after.value;
  out.from = name_of(entry.from);
  out.to = name_of(entry.to);
  out.order = entry.order;
  for (const std::string_view reference : {entry.refund, entry.reservation, entry.transfer, entry.adjustment, entry.reward})
    out.reference += reference; // an entry has one of them
  out.review = static_cast<std::int64_t>(entry.review.value);
  if (entry.kind != entry_kind::authorize) // what it will be worth is not shown
    out.discount = entry.discount.units;
  if (names_version(out.kind))
    out.version = entry.version;
  if (entry.kind == entry_kind::earn)
    out.tier_multiplier_micros = entry.tier_multiplier.micros;
  out.peer = entry.peer;
  std::map<std::int64_t, model_lot_change> lots;
  for (const lot_change& change : entry.lots) {
    model_lot_change& sum = lots[static_cast<std::int64_t>(change.lot.value)];
    sum.lot = static_cast<std::int64_t>(change.lot.value);
    sum.available += change.available.value;
    sum.pending += change.pending.value;
    sum.reserved += change.reserved.value;
  }
  for (const auto& [lot, change] : lots)
    if (change.available != 0 || change.pending != 0 || change.reserved != 0)
      out.lots.push_back(change);
  return out;
}

std::string describe(const command& c) {
  std::ostringstream text;
  text << name_of(c.kind) << " " << c.account << " order=" << c.order << " ref=" << c.reference;
  if (!c.to.empty())
    text << " to=" << c.to;
  if (c.total)
    text << " total=" << c.total->units;
  if (c.amount)
    text << " amount=" << c.amount->units;
  if (c.amount_points)
    text << " points=" << c.amount_points->value;
  if (c.expire_days)
    text << " expire_days=" << *c.expire_days;
  if (c.minutes)
    text << " minutes=" << *c.minutes;
  if (c.seq)
    text << " seq=" << c.seq->value;
  if (c.at)
    text << " at=" << rfc3339(c.at->us);
  text << (c.exact ? " exact" : "") << (c.restore ? " restore" : "") << (c.force ? " force" : "");
  for (const sale_line& line : c.lines)
    text << " [" << line.sku << "," << line.category << "," << line.quantity << "," << line.amount.units << "]";
  return text.str();
}

std::string describe(const model_outcome& outcome) {
  std::ostringstream text;
  text << outcome.status << " " << outcome.code;
  for (const auto& [name, value] : outcome.fields)
    text << " " << name << "=" << value;
  for (const auto& [name, value] : outcome.texts)
    text << " " << name << "=" << value;
  for (const std::string& reward : outcome.rewards)
    text << " reward=" << reward;
  return text.str();
}

std::string describe(const model_entry& entry) {
  std::ostringstream text;
  text << entry.seq << " in " << entry.group << " " << entry.account << " " << entry.kind << " " << entry.points << " pending "
       << entry.pending << " reserved " << entry.reserved << " debt " << entry.debt << " lifetime " << entry.lifetime << " after "
       << entry.available_after << "/" << entry.pending_after << "/" << entry.reserved_after << "/" << entry.lifetime_after << " "
       << entry.from << "->" << entry.to;
  if (entry.due)
    text << " due " << rfc3339(*entry.due);
  text << " order=" << entry.order << " ref=" << entry.reference << " review=" << entry.review << " peer=" << entry.peer
       << " discount=" << entry.discount << " v" << entry.version << " x" << entry.tier_multiplier_micros;
  for (const model_lot_change& lot : entry.lots)
    text << " [" << lot.lot << " " << lot.available << "/" << lot.pending << "/" << lot.reserved << "]";
  return text.str();
}

} // namespace tally::model
