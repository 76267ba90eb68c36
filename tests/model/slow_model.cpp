// What all operations have in common, what falls due, what the account shows, and the operations that are neither a sale nor a
// redemption: enrolment, status, adjustment, transfer, erasure.
#include "tests/model/slow_model.hpp"

#include <algorithm>
#include <set>

namespace tally::model {

namespace {

// What makes a resent operation the same one.
std::string contents_of(const command& c) {
  std::string text;
  const auto add = [&](std::string_view part) { text.append(part).push_back('\x1f'); };
  const auto number = [&](const auto& value) { add(value ? std::to_string(*value) : "-"); };
  add(c.order);
  add(c.reference);
  add(c.to);
  add(c.total ? std::to_string(c.total->units) : "-");
  add(c.amount ? std::to_string(c.amount->units) : "-");
  add(c.amount_points ? std::to_string(c.amount_points->value) : "-");
  number(c.expire_days);
  number(c.minutes);
  add(c.exact ? "exact" : "");
  add(c.restore ? "restore" : "");
  add(c.force ? "force" : "");
  for (const sale_line& line : c.lines) {
    add(line.sku);
    add(line.category);
    add(std::to_string(line.quantity));
    add(std::to_string(line.amount.units));
  }
  return text;
}

// Empty: an operation without a reference of its own.
std::string key_of(const command& c) {
  switch (c.kind) {
  case op::earn:
  case op::redeem:
  case op::claim:
    return std::string(name_of(c.kind)) + "/" + std::string(c.order);
  case op::authorize:
  case op::capture:
  case op::void_:
  case op::reverse:
  case op::adjust:
  case op::transfer:
    return std::string(name_of(c.kind)) + "/" + std::string(c.reference);
  default:
    return {};
  }
}

model_outcome rejected(const char* code) { return {"rejected", code, {}, {}, {}}; }

model_outcome as_duplicate(model_outcome first) {
  first.texts["first"] = first.status;
  first.status = "duplicate";
  return first;
}

// The field that makes it invalid whatever the account is like.
const char* wrong_field(const command& asked, std::int64_t now) {
  const auto points = [&] { return asked.amount_points ? asked.amount_points->value : 1; };
  if (asked.kind == op::earn && asked.at && asked.at->us > now)
    return "at";
  if ((asked.kind == op::transfer || asked.kind == op::capture) && points() <= 0)
    return "points";
  if (asked.kind == op::adjust && points() == 0)
    return "points";
  if (asked.kind == op::transfer && asked.to == asked.account)
    return "to";
  return nullptr;
}

} // namespace

// Of an account that is known by its id.
model_outcome slow_model::decide_named(const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  if (const char* where = wrong_field(asked, now))
    return {"invalid", where, {}, {}, {}};
  const auto found = accounts.find(std::string(asked.account));
  if (asked.kind == op::preview) { // changes nothing: look at a copy
    if (found == accounts.end())
      return rejected("unknown_account");
    model_account copy = found->second;
    const std::int64_t seq = next_seq;
    std::vector<model_entry> nothing;
    settle(copy, now, nothing);
    next_seq = seq;
    return preview(copy, asked, now);
  }
  settle(std::string(asked.account), now, written);
  if (asked.kind == op::transfer && found != accounts.end())
    settle(std::string(asked.to), now, written);
  group_begins_ = written.size();

  const std::string key = key_of(asked);
  if (found != accounts.end() && !key.empty()) {
    const auto before = found->second.references.find(key);
    if (before != found->second.references.end())
      return before->second.contents == contents_of(asked) ? as_duplicate(before->second.first) : rejected("reference_conflict");
  }
  model_outcome outcome = decide_settled(asked, now, written);
  if (outcome.fields.contains("version") && (outcome.status == "ok" || outcome.status == "held"))
    for (std::size_t i = group_begins_; i < written.size(); ++i)
      if (names_version(written[i].kind))
        written[i].version = static_cast<std::uint32_t>(outcome.fields.at("version"));
  if (!key.empty() && (outcome.status == "ok" || outcome.status == "held"))
    accounts.at(std::string(asked.account)).references[key] = {contents_of(asked), outcome};
  return outcome;
}

model_outcome slow_model::decide_settled(const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  if (asked.kind == op::enroll)
    return enroll(asked, now, written);
  const auto found = accounts.find(std::string(asked.account));
  if (found == accounts.end() && asked.kind == op::earn)
    return {"skipped", "no_member", {}, {}, {}};
  if (found == accounts.end())
    return rejected("unknown_account");
  model_account& account = found->second;
  switch (asked.kind) { // these know by themselves what a closed account answers
  case op::transfer:
    return transfer(asked, now, written);
  case op::approve:
    return approve(account, asked, now, written);
  case op::reject:
    return reject(account, asked, now, written);
  case op::erase:
    return erase(account, written);
  case op::close:
    return account.closed ? as_duplicate(account.close_outcome) : close(account, now, written);
  default:
    break;
  }
  if (account.closed)
    return rejected("account_closed");
  switch (asked.kind) {
  case op::earn:
    return earn(account, asked, now, written);
  case op::redeem:
    return redeem(account, asked, now, written);
  case op::claim:
    return claim(account, asked, now, written);
  case op::authorize:
    return authorize(account, asked, now, written);
  case op::capture:
    return capture(account, asked, now, written);
  case op::void_:
    return void_reservation(account, asked, now, written);
  case op::reverse:
    return reverse(account, asked, now, written);
  case op::adjust:
    return adjust(account, asked, now, written);
  default:
    return change_status(account, asked, now, written);
  }
}

// ---- entries and what outcomes have in common --------------------------------------------------------------------------

model_entry& slow_model::write(model_account& account, const char* kind, const char* from, const char* to,
                               std::vector<model_entry>& written) {
  model_entry entry;
  entry.account = account.name;
  entry.kind = kind;
  entry.seq = next_seq++;
  entry.group = written.size() > group_begins_ ? written[group_begins_].seq : entry.seq;
  std::set<std::int64_t> ids;
  for (const model_lot& lot : account.lots)
    ids.insert(lot.id);
  for (const model_lot& lot : account.written_lots)
    ids.insert(lot.id);
  const auto lot_in = [](const std::vector<model_lot>& lots, std::int64_t id) {
    for (const model_lot& lot : lots)
      if (lot.id == id)
        return lot;
    return model_lot{};
  };
  for (const std::int64_t id : ids) {
    const model_lot before = lot_in(account.written_lots, id), after = lot_in(account.lots, id);
    const model_lot_change change{id, after.available - before.available, after.pending - before.pending, after.reserved - before.reserved};
    entry.points += change.available;
    entry.pending += change.pending;
    entry.reserved += change.reserved;
    if (change.available != 0 || change.pending != 0 || change.reserved != 0)
      entry.lots.push_back(change);
  }
  entry.debt = account.debt - account.written_debt;
  entry.points -= entry.debt;
  entry.lifetime = account.lifetime - account.written_lifetime;
  entry.available_after = account.available();
  entry.pending_after = account.pending();
  entry.reserved_after = account.reserved();
  entry.lifetime_after = account.lifetime;
  if (entry.points != 0 || entry.pending != 0 || entry.reserved != 0) {
    entry.from = from;
    entry.to = to;
  }
  std::erase_if(account.lots, [](const model_lot& lot) { return lot.available == 0 && lot.pending == 0 && lot.reserved == 0; });
  account.written_lots = account.lots;
  account.written_debt = account.debt;
  account.written_lifetime = account.lifetime;
  account.last_seq = entry.seq;
  written.push_back(entry);
  return written.back();
}

std::string slow_model::tier_name(const model_account& account, std::int64_t now) const {
  const model_tier* tier = active() == nullptr ? nullptr : active()->tier_of(account.tier_points(*active(), now));
  return tier == nullptr ? "" : tier->name;
}

void slow_model::show_balances(const model_account& account, const std::string& tier_before, std::int64_t now,
                               model_outcome& outcome) const {
  outcome.fields["available"] = account.available();
  outcome.fields["pending"] = account.pending();
  outcome.fields["reserved"] = account.reserved();
  outcome.fields["lifetime"] = account.lifetime;
  outcome.texts["tier"] = tier_name(account, now);
  if (outcome.texts["tier"] != tier_before)
    outcome.fields["tier_changed"] = 1;
}

std::string slow_model::account_of_review(std::int64_t review) const {
  for (const auto& [name, account] : accounts)
    if (account.reviews.contains(review))
      return name;
  return {};
}

model_outcome slow_model::view(const std::string& name, std::int64_t now) const {
  const auto found = accounts.find(name);
  if (found == accounts.end())
    return rejected("unknown_account");
  slow_model other; // has what is due written somewhere else
  model_account account = found->second;
  std::vector<model_entry> nothing;
  other.settle(account, now, nothing);

  model_outcome view{"ok", "", {}, {}, {}};
  show_balances(account, tier_name(account, now), now, view);
  auto& fields = view.fields;
  fields["last_seq"] = found->second.last_seq;
  fields["version"] = active() == nullptr ? 0 : active()->version;
  fields["expiring_30d"] = fields["next_expiry_points"] = 0;
  for (const model_lot& lot : account.lots) {
    const std::int64_t points = lot.available + lot.pending;
    if (points == 0 || lot.expires_at == 0)
      continue;
    if (lot.expires_at <= now + 30 * day_us)
      fields["expiring_30d"] += points;
    if (!fields.contains("next_expiry_at") || lot.expires_at < fields["next_expiry_at"]) {
      fields["next_expiry_at"] = lot.expires_at;
      fields["next_expiry_points"] = 0;
    }
    if (lot.expires_at == fields["next_expiry_at"])
      fields["next_expiry_points"] += points;
  }
  const std::int64_t lapse_days = active() == nullptr ? 0 : active()->lapse_days;
  const bool lapsing = lapse_days > 0 && now - account.last_deed_us >= lapse_days * day_us;
  view.texts["state"] = account.closed ? "closed" : account.suspended ? "suspended" : lapsing ? "lapsing" : "active";
  if (active() == nullptr)
    return view;
  if (!active()->tier_basis.empty()) {
    const std::int64_t tier_points = account.tier_points(*active(), now);
    fields["tier_points"] = tier_points;
    for (const model_tier& tier : active()->tiers)
      if (tier.threshold > tier_points) {
        view.texts["next_tier"] = tier.name;
        fields["points_to_next_tier"] = tier.threshold - tier_points;
        break;
      }
  }
  for (const model_reward& reward : active()->rewards)
    if (reward.price <= account.available() && (reward.from_us == 0 || reward.from_us <= now) &&
        (reward.until_us == 0 || now < reward.until_us))
      view.rewards.push_back(reward.name);
  return view;
}

// ---- what falls due ----------------------------------------------------------------------------------------------------

// By instant; then release, time-out, expire; then the lowest lot or reservation.
bool slow_model::due_event::before(const due_event& other) const {
  if (other.what == 0)
    return what != 0;
  return at != other.at ? at < other.at : what != other.what ? what < other.what : place < other.place;
}

slow_model::due_event slow_model::next_due(const model_account& account, std::int64_t now) {
  due_event next;
  const auto consider = [&](due_event event) {
    if (event.at <= now && event.before(next))
      next = std::move(event);
  };
  for (const model_lot& lot : account.lots) {
    if (lot.pending != 0)
      consider({1, lot.available_at, lot.id, {}});
    if (lot.expires_at != 0 && (lot.available != 0 || lot.pending != 0)) // reserved points do not expire
      consider({3, lot.expires_at, lot.id, {}});
  }
  for (const auto& [name, reservation] : account.reservations)
    if (reservation.open)
      consider({2, reservation.expires_at, reservation.seq, name});
  return next;
}

void slow_model::fire(model_account& account, const due_event& due, std::vector<model_entry>& written) {
  group_begins_ = written.size();
  if (due.what == 2) {
    give_back(account, account.reservations.at(due.reservation).taken, due.reservation, written);
    account.reservations.at(due.reservation).open = false;
    written.back().due = due.at;
    written.back().version = account.reservations.at(due.reservation).version;
    return;
  }
  model_lot& lot = *account.find_lot(due.place);
  if (due.what == 1) {
    const std::int64_t points = lot.pending;
    lot.pending = 0;
    account.credit(model_lot(lot), points);
    write(account, "release", "pending", "member", written).due = due.at;
    return;
  }
  expire_if_dead(account, due.place, due.at, written);
}

// The lot expires where its time has come, which is told.
bool slow_model::expire_if_dead(model_account& account, std::int64_t id, std::int64_t now, std::vector<model_entry>& written) {
  model_lot* lot = account.find_lot(id);
  if (lot == nullptr || lot->expires_at == 0 || lot->expires_at > now || (lot->available == 0 && lot->pending == 0))
    return false;
  for (auto& [name, order] : account.orders)
    if (order.earned && order.lot == id)
      order.expired += lot->available + lot->pending;
  const char* from = lot->pending != 0 ? "pending" : "member";
  const std::int64_t due = lot->expires_at;
  lot->available = lot->pending = 0;
  write(account, "expire", from, "expiry", written).due = due;
  return true;
}

void slow_model::settle(model_account& account, std::int64_t now, std::vector<model_entry>& written) {
  for (due_event due = next_due(account, now); due.what != 0; due = next_due(account, now))
    fire(account, due, written);
}

void slow_model::settle(const std::string& name, std::int64_t now, std::vector<model_entry>& written) {
  const auto found = accounts.find(name);
  if (found != accounts.end())
    settle(found->second, now, written);
}

// Ties of two accounts: the lower id first.
void slow_model::settle_all(std::int64_t now, std::vector<model_entry>& written) {
  for (;;) {
    due_event first;
    model_account* whose = nullptr;
    for (auto& [name, account] : accounts) {
      due_event due = next_due(account, now);
      if (due.what == 0)
        continue;
      if (whose == nullptr || due.at < first.at || (due.at == first.at && due.what < first.what)) {
        first = due;
        whose = &account;
      }
    }
    if (whose == nullptr)
      return;
    fire(*whose, first, written);
  }
}

// ---- enrolment, status, adjustment, transfer, erasure ------------------------------------------------------------------

model_outcome slow_model::enroll(const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const std::string name(asked.account);
  const auto found = accounts.find(name);
  if (found != accounts.end())
    return as_duplicate(found->second.references.at("enroll").first);
  model_account& account = accounts[name];
  account.name = name;
  account.last_deed_us = now;
  const model_rules* rules = active();
  const std::int64_t points = rules == nullptr ? 0 : rules->opening_points, seq = next_seq;
  if (points > 0)
    account.credit({seq, 0, 0, 0, now, rules->expire_days == 0 ? 0 : now + rules->expire_days * day_us}, points);
  account.lifetime = points;
  account.gains.push_back({now, points, 0});
  write(account, "enroll", "issuance", "member", written);
  model_outcome outcome{"ok", "", {{"seq", seq}, {"points", points}, {"version", rules == nullptr ? 0 : rules->version}}, {}, {}};
  const model_tier* of_nothing = rules == nullptr ? nullptr : rules->tier_of(0); // what a member without any points has
  show_balances(account, of_nothing == nullptr ? "" : of_nothing->name, now, outcome);
  account.references["enroll"] = {"", outcome};
  account.reactivate_outcome = outcome; // what a reactivation of a never suspended account answers is its enrolment's seq
  account.reactivate_outcome.fields.erase("points");
  account.reactivate_outcome.fields["points_forfeited"] = 0;
  account.reactivate_outcome.texts["state"] = "active";
  return outcome;
}

model_outcome slow_model::change_status(model_account& account, const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const bool suspend = asked.kind == op::suspend;
  model_outcome& remembered = suspend ? account.suspend_outcome : account.reactivate_outcome;
  if (account.suspended == suspend)
    return as_duplicate(remembered);
  account.suspended = suspend;
  remembered = {"ok", "", {{"seq", next_seq}, {"points_forfeited", 0}, {"version", active() == nullptr ? 0 : active()->version}}, {}, {}};
  remembered.texts["state"] = suspend ? "suspended" : "active";
  write(account, suspend ? "suspend" : "reactivate", "", "", written);
  show_balances(account, tier_name(account, now), now, remembered);
  return remembered;
}

model_outcome slow_model::close(model_account& account, std::int64_t now, std::vector<model_entry>& written) {
  if (account.reserved() > 0)
    return rejected("points_reserved");
  const std::int64_t available = account.available(), pending = account.pending();
  model_outcome outcome{"ok", "", {{"seq", next_seq}, {"version", active() == nullptr ? 0 : active()->version}}, {}, {}};
  outcome.fields["points_forfeited"] = std::max<std::int64_t>(available, 0) + pending;
  outcome.texts["state"] = "closed";
  for (const auto& [number, review] : account.reviews)
    if (review.state == "open")
      reject_review(account, number, written);
  account.closed = true;
  if (available > 0) {
    for (model_lot& lot : account.lots)
      lot.available = 0;
    write(account, "close", "member", "forfeiture", written);
  }
  if (pending > 0) {
    for (model_lot& lot : account.lots)
      lot.pending = 0;
    write(account, "close", "pending", "forfeiture", written);
  }
  if (available < 0) {
    account.debt = 0;
    write(account, "close", "forfeiture", "member", written);
  }
  if (available == 0 && pending == 0)
    write(account, "close", "", "", written);
  show_balances(account, tier_name(account, now), now, outcome);
  account.close_outcome = outcome;
  return outcome;
}

model_outcome slow_model::adjust(model_account& account, const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const std::int64_t points = asked.amount_points->value, seq = next_seq;
  if (points < 0 && account.available() + points < 0 && !asked.force)
    return rejected("insufficient_points");
  if (points > 0) {
    const std::int64_t days = asked.expire_days ? *asked.expire_days : (active() == nullptr ? 0 : active()->expire_days);
    account.credit({seq, 0, 0, 0, now, days == 0 ? 0 : now + days * day_us}, points);
    write(account, "adjust", "adjustment", "member", written);
  } else {
    account.debit(-points);
    write(account, "adjust", "member", "adjustment", written);
  }
  written.back().reference = asked.reference;
  model_outcome outcome{"ok", "", {{"seq", seq}, {"points", points}, {"version", active() == nullptr ? 0 : active()->version}}, {}, {}};
  show_balances(account, tier_name(account, now), now, outcome);
  return outcome;
}

// Lots keep their number and their expiry wherever they move; the receiver's debt is paid first.
model_outcome slow_model::transfer(const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const auto receiver = accounts.find(std::string(asked.to));
  model_account& from = accounts.at(std::string(asked.account));
  if (receiver == accounts.end())
    return rejected("unknown_account");
  model_account& to = receiver->second;
  if (from.closed || to.closed)
    return rejected("account_closed");
  if (from.suspended || to.suspended)
    return rejected("account_suspended");
  const std::int64_t points = asked.amount_points->value, seq = next_seq;
  if (from.available() < points)
    return rejected("insufficient_points");
  const std::vector<model_spent> moved = from.debit(points);
  model_entry& out = write(from, "transfer_out", "member", "transfer", written);
  out.reference = asked.reference;
  out.peer = to.name;
  for (const model_spent& part : moved)
    to.credit({part.lot, 0, 0, 0, part.available_at, part.expires_at}, part.points);
  model_entry& in = write(to, "transfer_in", "transfer", "member", written);
  in.reference = asked.reference;
  in.peer = from.name;
  model_outcome outcome{
      "ok", "", {{"seq", seq}, {"to_seq", seq + 1}, {"points", points}, {"version", active() == nullptr ? 0 : active()->version}}, {}, {}};
  show_balances(from, tier_name(from, now), now, outcome);
  return outcome;
}

model_outcome slow_model::erase(model_account& account, std::vector<model_entry>& written) {
  if (account.erased && !profiles.contains(account.name)) // what was kept since is erased again
    return as_duplicate(*account.erased);
  profiles.erase(account.name);
  account.erased = model_outcome{"ok", "", {{"seq", next_seq}}, {}, {}};
  write(account, "erase", "", "", written);
  return *account.erased;
}

} // namespace tally::model
