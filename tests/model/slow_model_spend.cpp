// Redemptions: redeem and its preview, claim, authorize with capture, void and time-out.
#include "tests/model/slow_model.hpp"

#include <algorithm>

namespace tally::model {

namespace {

model_outcome rejected(const std::string& code) { return {"rejected", code, {}, {}, {}}; }

bool spends_before(const model_spent& a, const model_spent& b) {
  const std::int64_t ea = a.expires_at == 0 ? INT64_MAX : a.expires_at;
  const std::int64_t eb = b.expires_at == 0 ? INT64_MAX : b.expires_at;
  return ea != eb ? ea < eb : a.lot < b.lot;
}

} // namespace

bool slow_model::over_limit(const model_account& account, std::int64_t points, std::int64_t now) const {
  const model_rules& rules = *active();
  const std::int64_t spent = model_account::points_today(account.redemptions, now);
  const std::int64_t times = model_account::count_today(account.redemptions, now);
  return (rules.redeem_points_per_day > 0 && spent + points > rules.redeem_points_per_day) ||
         (rules.redemptions_per_day > 0 && times + 1 > rules.redemptions_per_day);
}

slow_model::spending slow_model::check_spending(const model_account& account, const command& asked, std::int64_t now) const {
  const model_rules* rules = active();
  if (rules == nullptr || !rules->active || !rules->can_redeem)
    return {"program_inactive"};
  if (account.suspended)
    return {"account_suspended"};
  std::int64_t points = asked.amount_points->value;
  if (points <= 0 || points < rules->min_points)
    return {"below_min_points"};
  if (account.available() < rules->min_balance)
    return {"below_min_balance"};
  if (account.available() < points)
    return {"insufficient_points"};
  std::int64_t discount = rules->worth_units(points);
  if (discount == 0)
    return {"below_min_points"};
  const auto cap = rules->cap_units(asked.total);
  if (cap && *cap < discount) {
    if (asked.exact || *cap == 0)
      return {"over_cap"};
    discount = *cap;
    while (points > 1 && rules->worth_units(points - 1) >= discount) // the fewest points that give it
      --points;
  }
  if (over_limit(account, points, now))
    return {"over_limit"};
  return {"", points, discount};
}

model_outcome slow_model::preview(model_account& account, const command& asked, std::int64_t now) {
  if (account.closed)
    return rejected("account_closed");
  const spending would = check_spending(account, asked, now);
  if (!would.refusal.empty())
    return rejected(would.refusal);
  model_outcome outcome{"ok", "", {{"points_used", would.points}, {"discount", would.discount}, {"version", active()->version}}, {}, {}};
  show_balances(account, tier_name(account, now), now, outcome);
  return outcome;
}

model_outcome slow_model::redeem(model_account& account, const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const spending allowed = check_spending(account, asked, now);
  if (!allowed.refusal.empty())
    return rejected(allowed.refusal);
  model_outcome outcome{
      "ok",
      "",
      {{"seq", next_seq}, {"points_used", allowed.points}, {"discount", allowed.discount}, {"version", active()->version}},
      {},
      {}};
  const auto total = asked.total ? std::optional(asked.total->units) : std::nullopt;
  account.orders[std::string(asked.order)].redemptions.push_back({"redeem", allowed.points, total, account.debit(allowed.points)});
  account.redemptions.push_back({now, allowed.points});
  account.last_deed_us = now;
  model_entry& entry = write(account, "redeem", "member", "redemption", written);
  entry.order = asked.order;
  entry.discount = allowed.discount;
  show_balances(account, tier_name(account, now), now, outcome);
  return outcome;
}

model_outcome slow_model::claim(model_account& account, const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const model_rules* rules = active();
  if (rules == nullptr || !rules->active)
    return rejected("program_inactive");
  if (account.suspended)
    return rejected("account_suspended");
  const auto reward = std::find_if(rules->rewards.begin(), rules->rewards.end(), [&](const model_reward& each) {
    return each.name == asked.reference && (each.from_us == 0 || each.from_us <= now) && (each.until_us == 0 || now < each.until_us);
  });
  if (reward == rules->rewards.end())
    return rejected("unknown_reward");
  if (rules->can_redeem && account.available() < rules->min_balance)
    return rejected("below_min_balance");
  if (account.available() < reward->price)
    return rejected("insufficient_points");
  if (over_limit(account, reward->price, now))
    return rejected("over_limit");
  model_outcome outcome{
      "ok", "", {{"seq", next_seq}, {"points_used", reward->price}, {"version", rules->version}}, {{"reward", reward->name}}, {}};
  account.orders[std::string(asked.order)].redemptions.push_back({"claim", reward->price, std::nullopt, account.debit(reward->price)});
  account.redemptions.push_back({now, reward->price});
  account.last_deed_us = now;
  model_entry& entry = write(account, "claim", "member", "redemption", written);
  entry.order = asked.order;
  entry.reference = asked.reference;
  show_balances(account, tier_name(account, now), now, outcome);
  return outcome;
}

model_outcome slow_model::authorize(model_account& account, const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const spending allowed = check_spending(account, asked, now);
  if (!allowed.refusal.empty())
    return rejected(allowed.refusal);
  const std::int64_t minutes = asked.minutes ? *asked.minutes : active()->reservation_minutes;
  model_reservation reservation;
  reservation.seq = next_seq;
  reservation.expires_at = now + minutes * 60'000'000;
  reservation.points = allowed.points;
  reservation.discount = allowed.discount;
  reservation.version = active()->version;
  reservation.taken = account.debit(allowed.points);
  for (const model_spent& part : reservation.taken)
    account.find_lot(part.lot)->reserved += part.points;
  account.redemptions.push_back({now, allowed.points});
  account.reservations[std::string(asked.reference)] = reservation;
  write(account, "authorize", "member", "reserved", written).reference = asked.reference;
  model_outcome outcome{
      "ok",
      "",
      {{"seq", reservation.seq}, {"points_used", allowed.points}, {"expires_at", reservation.expires_at}, {"version", reservation.version}},
      {{"reservation", std::string(asked.reference)}},
      {}};
  show_balances(account, tier_name(account, now), now, outcome);
  return outcome;
}

// Out of `reserved`, into the lots they came from.
void slow_model::give_back(model_account& account, std::vector<model_spent> parts, const std::string& reservation,
                           std::vector<model_entry>& written) {
  std::sort(parts.begin(), parts.end(), spends_before); // debt is paid by what expires soonest
  for (const model_spent& part : parts) {
    account.find_lot(part.lot)->reserved -= part.points;
    account.credit({part.lot, 0, 0, 0, part.available_at, part.expires_at}, part.points);
  }
  write(account, "void", "reserved", "member", written).reference = reservation;
}

model_outcome slow_model::capture(model_account& account, const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const auto found = account.reservations.find(std::string(asked.reference));
  if (found == account.reservations.end())
    return rejected("unknown_reservation");
  model_reservation& reservation = found->second;
  if (!reservation.open)
    return rejected("reservation_closed");
  const std::int64_t points = asked.amount_points ? asked.amount_points->value : reservation.points;
  if (points > reservation.points)
    return rejected("insufficient_points");
  const std::int64_t discount = std::min(versions.at(reservation.version).worth_units(points), reservation.discount);
  model_outcome outcome{"ok",
                        "",
                        {{"seq", next_seq},
                         {"points_used", points},
                         {"points_returned", reservation.points - points},
                         {"discount", discount},
                         {"version", reservation.version}},
                        {{"reservation", found->first}},
                        {}};
  std::sort(reservation.taken.begin(), reservation.taken.end(), spends_before);
  std::vector<model_spent> spent, rest;
  std::int64_t left = points;
  for (const model_spent& part : reservation.taken) {
    model_spent now_spent = part, not_spent = part;
    now_spent.points = std::min(left, part.points);
    not_spent.points = part.points - now_spent.points;
    left -= now_spent.points;
    account.find_lot(part.lot)->reserved -= now_spent.points;
    if (now_spent.points > 0)
      spent.push_back(now_spent);
    if (not_spent.points > 0)
      rest.push_back(not_spent);
  }
  reservation.open = false;
  account.last_deed_us = now;
  if (!asked.order.empty())
    account.orders[std::string(asked.order)].redemptions.push_back({"capture", points, std::nullopt, spent});
  model_entry& entry = write(account, "capture", "reserved", "redemption", written);
  entry.reference = asked.reference;
  entry.discount = discount;
  if (!rest.empty())
    give_back(account, rest, found->first, written);
  for (const model_spent& part : rest)
    if (expire_if_dead(account, part.lot, now, written))
      written.back().reference = asked.reference;
  for (std::size_t i = group_begins_; i < written.size(); ++i)
    written[i].order = asked.order;
  show_balances(account, tier_name(account, now), now, outcome);
  return outcome;
}

model_outcome slow_model::void_reservation(model_account& account, const command& asked, std::int64_t now,
                                           std::vector<model_entry>& written) {
  const auto found = account.reservations.find(std::string(asked.reference));
  if (found == account.reservations.end())
    return rejected("unknown_reservation");
  model_reservation& reservation = found->second;
  if (!reservation.open)
    return rejected("reservation_closed");
  reservation.open = false;
  model_outcome outcome{"ok",
                        "",
                        {{"seq", next_seq}, {"points_returned", reservation.points}, {"version", reservation.version}},
                        {{"reservation", found->first}},
                        {}};
  std::sort(reservation.taken.begin(), reservation.taken.end(), spends_before);
  give_back(account, reservation.taken, found->first, written);
  for (const model_spent& part : reservation.taken)
    if (expire_if_dead(account, part.lot, now, written))
      written.back().reference = asked.reference;
  show_balances(account, tier_name(account, now), now, outcome);
  return outcome;
}

} // namespace tally::model
