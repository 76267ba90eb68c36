#include "tests/model/slow_model.hpp"

#include "engine/quantities.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>

namespace tally::model {

namespace {

constexpr std::int64_t day_us = 86'400'000'000;

std::int64_t floored(int128 a, int128 b) {
  int128 q = a / b;
  if (a % b != 0 && (a < 0) != (b < 0))
    --q;
  return static_cast<std::int64_t>(q);
}

std::string decimal(std::int64_t value, std::int64_t one, int places) {
  char text[64];
  const bool negative = value < 0;
  const std::int64_t size = negative ? -value : value;
  std::snprintf(text, sizeof text, "%s%lld.%0*lld", negative ? "-" : "", static_cast<long long>(size / one), places,
                static_cast<long long>(size % one));
  return text;
}

std::string rfc(std::int64_t us) {
  const std::int64_t days = floored(us, day_us);
  std::int64_t z = days + 719468;
  const std::int64_t era = floored(z, 146097);
  const std::int64_t doe = z - era * 146097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const std::int64_t mp = (5 * doy + 2) / 153;
  const std::int64_t d = doy - (153 * mp + 2) / 5 + 1;
  const std::int64_t m = mp < 10 ? mp + 3 : mp - 9;
  const std::int64_t y = yoe + era * 400 + (m <= 2 ? 1 : 0);
  const std::int64_t s = (us - days * day_us) / 1'000'000;
  char text[64];
  std::snprintf(text, sizeof text, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lldZ", static_cast<long long>(y), static_cast<long long>(m),
                static_cast<long long>(d), static_cast<long long>(s / 3600), static_cast<long long>(s / 60 % 60),
                static_cast<long long>(s % 60));
  return text;
}

// What makes a resent operation the same one.
std::string contents_of(const command& c) {
  std::string text;
  const auto add = [&](std::string_view part) { text.append(part).push_back('\x1f'); };
  add(c.order);
  add(c.total ? std::to_string(c.total->units) : "-");
  add(c.amount ? std::to_string(c.amount->units) : "-");
  add(c.amount_points ? std::to_string(c.amount_points->value) : "-");
  add(c.expire_days ? std::to_string(*c.expire_days) : "-");
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

std::string key_of(const command& c) {
  const bool by_order = c.kind == op::earn || c.kind == op::redeem;
  return std::to_string(static_cast<int>(c.kind)) + "/" + std::string(by_order ? c.order : c.reference);
}

model_outcome rejected(const char* code) { return {"rejected", code, {}, {}}; }
model_outcome skipped(const char* reason) { return {"skipped", reason, {}, {}}; }

model_outcome as_duplicate(model_outcome first) {
  first.status = "duplicate";
  return first;
}

bool spends_before(const model_lot& a, const model_lot& b) {
  const std::int64_t ea = a.expires_at == 0 ? INT64_MAX : a.expires_at;
  const std::int64_t eb = b.expires_at == 0 ? INT64_MAX : b.expires_at;
  return ea != eb ? ea < eb : a.id < b.id;
}

std::vector<std::size_t> spending_order(const model_account& account) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < account.lots.size(); ++i)
    order.push_back(i);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return spends_before(account.lots[a], account.lots[b]); });
  return order;
}

// Adds available points to a lot, paying debt first.
void credit(model_account& account, const model_lot& lot, std::int64_t points) {
  const std::int64_t paid = std::min(points, account.debt);
  account.debt -= paid;
  for (model_lot& there : account.lots)
    if (there.id == lot.id) {
      there.available += points - paid;
      return;
    }
  model_lot fresh = lot;
  fresh.available = points - paid;
  fresh.pending = 0;
  account.lots.push_back(fresh);
}

// Takes available points in spending order; what is not there becomes debt. Tells which lots gave how much.
std::vector<model_spent> debit(model_account& account, std::int64_t points) {
  std::vector<model_spent> spent;
  for (const std::size_t i : spending_order(account)) {
    model_lot& lot = account.lots[i];
    const std::int64_t part = std::min(points, lot.available);
    if (part == 0)
      continue;
    lot.available -= part;
    points -= part;
    spent.push_back({lot.id, part, 0, lot.available_at, lot.expires_at});
  }
  account.debt += points;
  return spent;
}

} // namespace

std::int64_t model_account::available() const {
  std::int64_t sum = -debt;
  for (const model_lot& lot : lots)
    sum += lot.available;
  return sum;
}

std::int64_t model_account::pending() const {
  std::int64_t sum = 0;
  for (const model_lot& lot : lots)
    sum += lot.pending;
  return sum;
}

std::string model_rules::toml(const std::string& merchant) const {
  std::string text = "merchant = \"" + merchant + "\"\nactive = " + (active ? "true" : "false") +
                     "\ncurrency_digits = " + std::to_string(currency_digits) + "\n";
  text += "[enroll]\nopening_points = " + std::to_string(opening_points) + "\n";
  text += "[earn]\npoints = \"" + decimal(earn_micros, 1'000'000, 6) + "\"\nper = \"" + decimal(per_units, 10'000, 4) + "\"\n";
  text += std::string("rounding = \"") + (whole_units ? "whole_units" : "floor") + "\"\nhold_days = " + std::to_string(hold_days) +
          "\nexpire_days = " + std::to_string(expire_days) + "\nstacking = \"" + (highest ? "highest" : "multiply") + "\"\n";
  int number = 0;
  for (const model_bonus& bonus : bonuses) {
    text += "[[bonus]]\nname = \"b" + std::to_string(number++) + "\"\n";
    if (!bonus.category.empty())
      text += "categories = [\"" + bonus.category + "\"]\n";
    if (!bonus.sku.empty())
      text += "skus = [\"" + bonus.sku + "\"]\n";
    if (!bonus.only_flat())
      text += "multiplier = \"" + decimal(bonus.multiplier_micros, 1'000'000, 6) + "\"\n";
    if (bonus.points_per_unit != 0)
      text += "points_per_unit = " + std::to_string(bonus.points_per_unit) + "\n";
    if (bonus.from_us != 0)
      text += "from = \"" + rfc(bonus.from_us) + "\"\n";
    if (bonus.until_us != 0)
      text += "until = \"" + rfc(bonus.until_us) + "\"\n";
  }
  for (const auto& [name, price] : rewards)
    text += "[[reward]]\nname = \"" + name + "\"\npoints = " + std::to_string(price) + "\n";
  if (can_redeem) {
    text += "[redeem]\npoints = " + std::to_string(redeem_points) + "\nvalue = \"" + decimal(redeem_units, 10'000, 4) +
            "\"\nmin_points = " + std::to_string(min_points) + "\nmin_balance = " + std::to_string(min_balance) +
            "\nrestore_grace_days = " + std::to_string(restore_grace_days) + "\n";
    if (max_discount_units)
      text += "max_discount = \"" + decimal(*max_discount_units, 10'000, 4) + "\"\n";
  }
  return text;
}

void slow_model::write(const model_account& account, const char* kind, std::int64_t points, std::int64_t pending, const char* from,
                       const char* to, std::vector<model_entry>& written) {
  const bool moved = points != 0 || pending != 0;
  written.push_back({kind, points, pending, account.available(), account.pending(), moved ? from : "", moved ? to : ""});
  ++next_seq;
}

void slow_model::show_balances(const model_account& account, model_outcome& outcome) const {
  outcome.fields["available"] = account.available();
  outcome.fields["pending"] = account.pending();
  outcome.fields["reserved"] = 0;
  outcome.fields["lifetime"] = account.lifetime;
}

// By instant, then release before expiry, then the lowest lot.
slow_model::due_event slow_model::next_due(model_account& account, std::int64_t now) {
  due_event next;
  for (model_lot& lot : account.lots) {
    if (lot.pending == 0 && lot.available == 0)
      continue;
    for (const bool release : {true, false}) {
      if (release ? lot.pending == 0 : lot.expires_at == 0)
        continue;
      const std::int64_t at = release ? lot.available_at : lot.expires_at;
      if (at > now)
        continue;
      const bool sooner = next.lot == nullptr || at < next.at || (at == next.at && release && !next.release) ||
                          (at == next.at && release == next.release && lot.id < next.lot->id);
      if (sooner)
        next = {&lot, release, at};
    }
  }
  return next;
}

void slow_model::fire(model_account& account, const due_event& due, std::vector<model_entry>& written) {
  if (due.release) {
    const std::int64_t points = due.lot->pending;
    due.lot->pending = 0;
    const model_lot lot = *due.lot;
    credit(account, lot, points);
    write(account, "release", points, -points, "pending", "member", written);
    return;
  }
  const std::int64_t available = due.lot->available, pending = due.lot->pending;
  due.lot->available = due.lot->pending = 0;
  for (auto& [id, order] : account.orders)
    if (order.earned && order.lot == due.lot->id)
      order.expired += available + pending;
  write(account, "expire", -available, -pending, pending != 0 ? "pending" : "member", "expiry", written);
}

void slow_model::settle(const std::string& name, std::int64_t now, std::vector<model_entry>& written) {
  const auto found = accounts.find(name);
  if (found == accounts.end())
    return;
  for (due_event due = next_due(found->second, now); due.lot != nullptr; due = next_due(found->second, now))
    fire(found->second, due, written);
}

void slow_model::settle_all(std::int64_t now, std::vector<written_entry>& written) {
  for (;;) {
    due_event first;
    std::map<std::string, model_account>::iterator whose;
    for (auto account = accounts.begin(); account != accounts.end(); ++account) { // by id, so the lower one wins a tie
      const due_event due = next_due(account->second, now);
      if (due.lot != nullptr && (first.lot == nullptr || due.at < first.at || (due.at == first.at && due.release && !first.release))) {
        first = due;
        whose = account;
      }
    }
    if (first.lot == nullptr)
      return;
    std::vector<model_entry> one;
    fire(whose->second, first, one);
    written.emplace_back(whose->first, one.front());
  }
}

model_outcome slow_model::decide(const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const std::string name(asked.account);
  if (asked.kind == op::preview) { // changes nothing: look at a copy
    slow_model copy = *this;
    std::vector<model_entry> nothing;
    copy.settle(name, now, nothing);
    return copy.redeem(asked, now, nothing, true);
  }
  settle(name, now, written);
  const auto found = accounts.find(name);
  const bool has_reference = asked.kind == op::earn || asked.kind == op::redeem || asked.kind == op::reverse || asked.kind == op::adjust;
  if (found != accounts.end() && has_reference) {
    const auto before = found->second.references.find(key_of(asked));
    if (before != found->second.references.end()) {
      if (before->second.contents != contents_of(asked))
        return rejected("reference_conflict");
      return as_duplicate(before->second.first);
    }
  }
  model_outcome outcome;
  switch (asked.kind) {
  case op::enroll:
    return enroll(asked, now, written);
  case op::earn:
    outcome = earn(asked, now, written);
    break;
  case op::redeem:
    outcome = redeem(asked, now, written, false);
    break;
  case op::reverse:
    outcome = reverse(asked, now, written);
    break;
  case op::adjust:
    outcome = adjust(asked, now, written);
    break;
  default:
    return change_status(asked, now, written);
  }
  if (outcome.status == "ok")
    accounts[name].references[key_of(asked)] = {contents_of(asked), outcome};
  return outcome;
}

model_outcome slow_model::enroll(const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const std::string name(asked.account);
  const auto found = accounts.find(name);
  if (found != accounts.end())
    return as_duplicate(found->second.references.at("enroll").first);
  model_account& account = accounts[name];
  account.enrolled = true;
  const std::int64_t points = rules.version == 0 ? 0 : rules.opening_points;
  const std::int64_t seq = next_seq;
  if (points > 0)
    account.lots.push_back({seq, points, 0, now, rules.expire_days == 0 ? 0 : now + rules.expire_days * day_us});
  account.lifetime = points;
  write(account, "enroll", points, 0, "issuance", "member", written);
  model_outcome outcome{"ok", "", {{"seq", seq}, {"points", points}, {"version", rules.version}}, {}};
  show_balances(account, outcome);
  account.references["enroll"] = {"", outcome};
  account.reactivate_outcome = outcome; // what a reactivation of a never suspended account answers is its enrolment's seq
  account.reactivate_outcome.fields.erase("points");
  account.reactivate_outcome.fields["points_forfeited"] = 0;
  return outcome;
}

model_outcome slow_model::earn(const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const auto found = accounts.find(std::string(asked.account));
  if (found == accounts.end())
    return skipped("no_member");
  model_account& account = found->second;
  if (account.closed)
    return rejected("account_closed");
  if (rules.version == 0)
    return skipped("no_program");
  if (!rules.active)
    return skipped("program_inactive");
  if (account.suspended)
    return skipped("account_suspended");

  // points = floor(earn.points * (u(total) + sum of u(amount) * (m - 1)) * M) + sum of quantity * points_per_unit, over the
  // common denominator per * 10^6 * 10^6 * 10^6 (rate, line multiplier, order multiplier)
  const std::int64_t total = asked.total->units;
  const auto in_window = [&](const model_bonus& bonus) {
    return (bonus.from_us == 0 || bonus.from_us <= now) && (bonus.until_us == 0 || now < bonus.until_us);
  };
  const auto units = [&](std::int64_t amount) -> int128 { // times per
    return rules.whole_units ? static_cast<int128>(floored(amount, rules.per_units)) * rules.per_units : amount;
  };
  int128 base = units(total) * 1'000'000;
  std::int64_t flat = 0;
  for (const sale_line& line : asked.lines) {
    int128 multiplier = 1'000'000;
    std::int64_t best = 1'000'000;
    bool any = false;
    for (const model_bonus& bonus : rules.bonuses) {
      const bool matches = (!bonus.category.empty() && bonus.category == line.category) || (!bonus.sku.empty() && bonus.sku == line.sku);
      if (!matches || !in_window(bonus))
        continue;
      multiplier = multiplier * bonus.multiplier_micros / 1'000'000; // the test's multipliers divide evenly
      if (!bonus.only_flat()) {
        best = any ? std::max(best, bonus.multiplier_micros) : bonus.multiplier_micros;
        any = true;
      }
      flat += bonus.points_per_unit * line.quantity;
    }
    if (rules.highest)
      multiplier = best;
    base += units(line.amount.units) * (multiplier - 1'000'000);
  }
  int128 order_multiplier = 1'000'000;
  for (const model_bonus& bonus : rules.bonuses)
    if (bonus.category.empty() && bonus.sku.empty() && in_window(bonus))
      order_multiplier = order_multiplier * bonus.multiplier_micros / 1'000'000;
  std::int64_t points = 0;
  if (rules.earn_micros > 0)
    points =
        floored(base * rules.earn_micros * order_multiplier, static_cast<int128>(rules.per_units) * 1'000'000 * 1'000'000 * 1'000'000) +
        flat;
  if (points <= 0)
    return skipped("zero_points");

  const std::int64_t seq = next_seq;
  const std::int64_t before = account.available() + account.pending();
  const model_lot lot{seq, 0, 0, now + rules.hold_days * day_us, rules.expire_days == 0 ? 0 : now + rules.expire_days * day_us};
  if (rules.hold_days > 0) {
    account.lots.push_back(lot);
    account.lots.back().pending = points;
  } else {
    credit(account, lot, points);
  }
  account.lifetime += points;
  model_order& order = account.orders[std::string(asked.order)];
  order.earned = true;
  order.points = points;
  order.total = total;
  order.lot = seq;
  if (rules.hold_days > 0)
    write(account, "earn", 0, points, "issuance", "pending", written);
  else
    write(account, "earn", points, 0, "issuance", "member", written);
  model_outcome outcome{"ok", "", {{"seq", seq}, {"points", points}, {"version", rules.version}}, {}};
  for (const auto& [name, price] : rules.rewards)
    if (before < price && price <= account.available() + account.pending())
      outcome.rewards.push_back(name);
  show_balances(account, outcome);
  return outcome;
}

model_outcome slow_model::redeem(const command& asked, std::int64_t, std::vector<model_entry>& written, bool preview) {
  const auto found = accounts.find(std::string(asked.account));
  if (found == accounts.end())
    return rejected("unknown_account");
  model_account& account = found->second;
  if (account.closed)
    return rejected("account_closed");
  if (rules.version == 0 || !rules.active || !rules.can_redeem)
    return rejected("program_inactive");
  if (account.suspended)
    return rejected("account_suspended");
  std::int64_t points = asked.amount_points->value;
  if (points <= 0 || points < rules.min_points)
    return rejected("below_min_points");
  if (account.available() < rules.min_balance)
    return rejected("below_min_balance");
  if (account.available() < points)
    return rejected("insufficient_points");
  std::int64_t grain = 10'000;
  for (int i = 0; i < rules.currency_digits; ++i)
    grain /= 10;
  const auto worth = [&](std::int64_t n) {
    return floored(static_cast<int128>(n) * rules.redeem_units, static_cast<int128>(rules.redeem_points) * grain) * grain;
  };
  std::int64_t discount = worth(points);
  if (discount == 0)
    return rejected("below_min_points");
  std::int64_t cap = discount;
  if (rules.max_discount_units)
    cap = std::min(cap, *rules.max_discount_units);
  if (asked.total)
    cap = std::min(cap, asked.total->units);
  cap -= cap % grain; // a discount has currency_digits places
  if (cap < discount) {
    if (asked.exact || cap == 0)
      return rejected("over_cap");
    discount = cap;
    while (points > 1 && worth(points - 1) >= cap) // the fewest points that give it
      --points;
  }
  model_outcome outcome{"ok", "", {{"points_used", points}, {"discount", discount}, {"version", rules.version}}, {}};
  if (!preview) {
    outcome.fields["seq"] = next_seq;
    model_redemption redemption{points, asked.total ? std::optional(asked.total->units) : std::nullopt, debit(account, points)};
    account.orders[std::string(asked.order)].redemptions.push_back(redemption);
    write(account, "redeem", -points, 0, "member", "redemption", written);
  }
  show_balances(account, outcome);
  return outcome;
}

model_outcome slow_model::reverse(const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const auto found = accounts.find(std::string(asked.account));
  if (found == accounts.end())
    return rejected("unknown_account");
  model_account& account = found->second;
  if (account.closed)
    return rejected("account_closed");
  const auto known = account.orders.find(std::string(asked.order));
  if (known == account.orders.end())
    return rejected("unknown_order");
  model_order& order = known->second;
  std::int64_t total = 0, redeemed = 0, given_back = 0;
  if (order.earned)
    total = order.total;
  else if (!order.redemptions.empty() && order.redemptions.front().total)
    total = *order.redemptions.front().total;
  for (const model_redemption& redemption : order.redemptions) {
    redeemed += redemption.points;
    for (const model_spent& spent : redemption.spent)
      given_back += spent.given_back;
  }
  if (order.cancelled || (order.refunded == total && total > 0))
    return rejected("over_refund");
  const bool whole = !asked.amount;
  if (!whole && order.refunded + asked.amount->units > total)
    return rejected("over_refund");

  std::int64_t take = 0, give = 0;
  if (whole) {
    order.cancelled = true;
    order.refunded = total;
    take = order.points - order.taken;
    give = redeemed - given_back;
  } else {
    order.refunded += asked.amount->units;
    const std::int64_t target = order.refunded == total ? order.points : floored(static_cast<int128>(order.points) * order.refunded, total);
    take = target - order.taken;
    if (asked.restore) {
      order.restoring_refunds += asked.amount->units;
      give = floored(static_cast<int128>(redeemed) * order.restoring_refunds, total) - given_back;
    }
  }
  const std::int64_t first_seq = next_seq;
  std::int64_t expired_at_once = 0;
  if (give > 0) {
    // undo the last-spent lot first, the latest redemption first; what has expired forms one new lot
    const std::int64_t restore_seq = next_seq;
    std::int64_t left = give, dead = 0;
    std::vector<model_lot> back; // available: how much
    for (auto redemption = order.redemptions.rbegin(); redemption != order.redemptions.rend(); ++redemption)
      for (auto spent = redemption->spent.rbegin(); spent != redemption->spent.rend(); ++spent) {
        const std::int64_t part = std::min(left, spent->points - spent->given_back);
        if (part == 0)
          continue;
        spent->given_back += part;
        left -= part;
        if (spent->expires_at != 0 && spent->expires_at <= now) {
          dead += part;
          continue;
        }
        const auto same = std::find_if(back.begin(), back.end(), [&](const model_lot& lot) { return lot.id == spent->lot; });
        if (same != back.end())
          same->available += part;
        else
          back.push_back({spent->lot, part, 0, spent->available_at, spent->expires_at});
      }
    const std::int64_t grace_end = now + rules.restore_grace_days * day_us;
    if (dead > 0)
      back.push_back({restore_seq, dead, 0, now, grace_end});
    std::sort(back.begin(), back.end(), spends_before); // debt is paid by what expires soonest
    for (const model_lot& lot : back)
      credit(account, lot, lot.available);
    write(account, "restore", give, 0, "redemption", "member", written);
    if (dead > 0 && rules.restore_grace_days == 0)
      for (model_lot& lot : account.lots)
        if (lot.id == restore_seq && lot.available > 0) {
          expired_at_once = lot.available;
          lot.available = 0;
          write(account, "expire", -expired_at_once, 0, "member", "expiry", written);
        }
  }
  // expired points of the order's own lot first, then the lot itself, then the others, then debt
  const std::int64_t counted = std::min(take, order.expired - order.expired_counted);
  order.expired_counted += counted;
  order.taken += take;
  std::int64_t left = take - counted, from_pending = 0, from_member = 0;
  for (model_lot& lot : account.lots)
    if (order.earned && lot.id == order.lot) {
      const std::int64_t p = std::min(left, lot.pending);
      lot.pending -= p;
      left -= p;
      from_pending += p;
      const std::int64_t a = std::min(left, lot.available);
      lot.available -= a;
      left -= a;
      from_member += a;
    }
  from_member += left;
  debit(account, left);
  const std::int64_t pending_after = account.pending();
  const std::int64_t available_after = account.available();
  if (from_pending > 0) {
    written.push_back({"reverse", 0, -from_pending, available_after + from_member, pending_after, "pending", "issuance"});
    ++next_seq;
  }
  if (from_member > 0 || from_pending == 0)
    write(account, "reverse", -from_member, 0, "member", "issuance", written);
  model_outcome outcome{"ok",
                        "",
                        {{"seq", first_seq},
                         {"points_taken", take},
                         {"points_restored", give},
                         {"points_expired", expired_at_once},
                         {"refunded", order.refunded},
                         {"version", rules.version}},
                        {}};
  show_balances(account, outcome);
  return outcome;
}

model_outcome slow_model::adjust(const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const auto found = accounts.find(std::string(asked.account));
  if (found == accounts.end())
    return rejected("unknown_account");
  model_account& account = found->second;
  if (account.closed)
    return rejected("account_closed");
  const std::int64_t points = asked.amount_points->value;
  if (points < 0 && account.available() + points < 0 && !asked.force)
    return rejected("insufficient_points");
  const std::int64_t seq = next_seq;
  if (points > 0) {
    const std::int64_t days = asked.expire_days ? *asked.expire_days : (rules.version == 0 ? 0 : rules.expire_days);
    credit(account, {seq, 0, 0, now, days == 0 ? 0 : now + days * day_us}, points);
    write(account, "adjust", points, 0, "adjustment", "member", written);
  } else {
    debit(account, -points);
    write(account, "adjust", points, 0, "member", "adjustment", written);
  }
  model_outcome outcome{"ok", "", {{"seq", seq}, {"points", points}, {"version", rules.version}}, {}};
  show_balances(account, outcome);
  return outcome;
}

model_outcome slow_model::change_status(const command& asked, std::int64_t, std::vector<model_entry>& written) {
  const auto found = accounts.find(std::string(asked.account));
  if (found == accounts.end())
    return rejected("unknown_account");
  model_account& account = found->second;
  if (asked.kind == op::close && account.closed)
    return as_duplicate(account.close_outcome);
  if (account.closed)
    return rejected("account_closed");
  if (asked.kind == op::suspend && account.suspended)
    return as_duplicate(account.suspend_outcome);
  if (asked.kind == op::reactivate && !account.suspended)
    return as_duplicate(account.reactivate_outcome);
  model_outcome outcome{"ok", "", {{"seq", next_seq}, {"points_forfeited", 0}, {"version", rules.version}}, {}};
  if (asked.kind == op::suspend) {
    account.suspended = true;
    write(account, "suspend", 0, 0, "", "", written);
    show_balances(account, outcome);
    account.suspend_outcome = outcome;
    return outcome;
  }
  if (asked.kind == op::reactivate) {
    account.suspended = false;
    write(account, "reactivate", 0, 0, "", "", written);
    show_balances(account, outcome);
    account.reactivate_outcome = outcome;
    return outcome;
  }
  const std::int64_t available = account.available(), pending = account.pending();
  outcome.fields["points_forfeited"] = std::max<std::int64_t>(available, 0) + pending;
  account.closed = true;
  std::vector<model_entry> group;
  if (available > 0) {
    for (model_lot& lot : account.lots)
      lot.available = 0;
    write(account, "close", -available, 0, "member", "forfeiture", written);
  }
  if (pending > 0) {
    for (model_lot& lot : account.lots)
      lot.pending = 0;
    write(account, "close", 0, -pending, "pending", "forfeiture", written);
  }
  if (available < 0) {
    account.debt = 0;
    write(account, "close", -available, 0, "forfeiture", "member", written);
  }
  if (available == 0 && pending == 0)
    write(account, "close", 0, 0, "", "", written);
  show_balances(account, outcome);
  account.close_outcome = outcome;
  return outcome;
}

} // namespace tally::model
