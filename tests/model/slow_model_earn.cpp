// Sales: earn, what is held for review and what becomes of it, and reverse.
#include "tests/model/slow_model.hpp"

#include <algorithm>

namespace tally::model {

namespace {

model_outcome rejected(const char* code) { return {"rejected", code, {}, {}, {}}; }
model_outcome skipped(const char* reason) { return {"skipped", reason, {}, {}, {}}; }

} // namespace

model_outcome slow_model::earn(model_account& account, const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const std::int64_t dated = asked.at ? asked.at->us : now;
  const model_rules* then = nullptr; // the rules in force at the time of purchase
  for (const auto& [version, rules] : versions)
    if (!asked.at || rules.applied_us <= dated)
      then = &rules;
  if (then == nullptr)
    return skipped("no_program");
  if (now - dated > active()->late_days * day_us)
    return rejected("too_late");
  if (!then->active)
    return skipped("program_inactive");
  if (account.suspended)
    return skipped("account_suspended");
  const model_tier* tier = then->tier_of(account.tier_points(*then, now));
  const std::int64_t total = asked.total->units;
  const std::int64_t multiplier = tier == nullptr ? 1'000'000 : tier->multiplier_micros;
  const std::int64_t points = then->points_for_sale(total, asked.lines, dated, multiplier);
  if (points <= 0)
    return skipped("zero_points");

  std::string reasons; // strictly greater triggers
  if (then->max_points_per_order > 0 && points > then->max_points_per_order)
    reasons += "max_points_per_order ";
  wide sum = 0, count = 0;
  for (const std::int64_t each : account.earn_totals) {
    sum += each;
    ++count;
  }
  if (then->max_order_ratio_micros > 0 && count > 0 && count >= then->min_orders &&
      static_cast<wide>(total) * count * 1'000'000 > then->max_order_ratio_micros * sum)
    reasons += "max_order_ratio ";
  const std::int64_t most = active()->earn_points_per_day;
  if (most > 0 && model_account::points_today(account.earns, now) + points > most)
    reasons += "earn_points_per_day ";
  if (!reasons.empty()) {
    model_review review;
    review.parked = op::earn;
    review.order = asked.order;
    review.total = total;
    review.points = points;
    review.dated_us = dated;
    review.tier_multiplier_micros = multiplier;
    review.version = then->version;
    return hold(account, review, reasons, written);
  }
  const std::size_t place = written.size();
  const model_outcome outcome = add_earn(account, *then, std::string(asked.order), total, points, dated, now, written);
  written[place].tier_multiplier_micros = multiplier;
  return outcome;
}

model_outcome slow_model::add_earn(model_account& account, const model_rules& then, const std::string& name, std::int64_t total,
                                   std::int64_t points, std::int64_t dated, std::int64_t now, std::vector<model_entry>& written) {
  const std::int64_t seq = next_seq, before = account.available() + account.pending();
  const std::string tier_before = tier_name(account, now);
  const model_lot lot{seq, 0, 0, 0, dated + then.hold_days * day_us, then.expire_days == 0 ? 0 : dated + then.expire_days * day_us};
  const bool held = lot.available_at > now;
  account.lifetime += points;
  account.gains.push_back({dated, points, 0});
  account.earn_totals.push_back(total);
  account.earns.push_back({now, points});
  account.last_deed_us = now;
  model_order& order = account.orders[name];
  order.earned = true;
  order.points = points;
  order.total = total;
  order.lot = seq;
  order.gain = account.gains.size() - 1;
  if (held) {
    account.lots.push_back(lot);
    account.lots.back().pending = points;
  } else {
    account.credit(lot, points);
  }
  write(account, "earn", "issuance", held ? "pending" : "member", written).order = name;
  expire_if_dead(account, seq, now, written); // a receipt that comes after its points' life
  written.back().order = name;
  model_outcome outcome{"ok", "", {{"seq", seq}, {"points", points}, {"version", then.version}}, {}, {}};
  const std::int64_t after = account.available() + account.pending();
  for (const model_reward& reward : active()->rewards)
    if (before < reward.price && reward.price <= after && (reward.from_us == 0 || reward.from_us <= now) &&
        (reward.until_us == 0 || now < reward.until_us))
      outcome.rewards.push_back(reward.name);
  show_balances(account, tier_before, now, outcome);
  return outcome;
}

// ---- reviews -----------------------------------------------------------------------------------------------------------

model_outcome slow_model::hold(model_account& account, model_review review, const std::string& reasons, std::vector<model_entry>& written) {
  const std::int64_t seq = next_seq;
  model_entry& entry = write(account, "review_hold", "", "", written);
  entry.order = review.order;
  entry.reference = review.refund;
  entry.review = seq;
  model_outcome outcome{
      "held", "", {{"seq", seq}, {"review", seq}, {"points", review.points}, {"version", review.version}}, {{"reasons", reasons}}, {}};
  review.reasons = reasons;
  account.reviews[seq] = std::move(review);
  return outcome;
}

void slow_model::reject_review(model_account& account, std::int64_t number, std::vector<model_entry>& written) {
  model_review& review = account.reviews.at(number);
  review.state = "rejected";
  review.decided = {"ok", "", {{"seq", next_seq}, {"review", number}}, {}, {}};
  write(account, "review_reject", "", "", written).review = number;
}

model_outcome slow_model::approve(model_account& account, const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const auto number = static_cast<std::int64_t>(asked.seq->value);
  const auto found = account.reviews.find(number);
  if (found == account.reviews.end())
    return rejected("unknown_review");
  if (found->second.state != "open") {
    model_outcome again = found->second.decided;
    again.texts["first"] = again.status;
    again.status = "duplicate";
    return found->second.state == "approved" ? again : rejected("reference_conflict");
  }
  const model_review review = found->second;
  if (review.parked == op::earn && account.suspended)
    return skipped("account_suspended");

  const model_account saved = account; // the review stays open where the outcome is not ok
  const std::int64_t seq = next_seq;
  const std::size_t size = written.size();
  write(account, "review_approve", "", "", written);
  model_outcome outcome;
  if (review.parked == op::earn) {
    outcome = add_earn(account, versions.at(review.version), review.order, review.total, review.points, review.dated_us, now, written);
    written[size + 1].tier_multiplier_micros = review.tier_multiplier_micros;
  } else {
    outcome = reverse_now(account, &versions.at(review.version), review.order, review.refund, review.amount, review.restore, now, written);
  }
  if (outcome.status != "ok") {
    account = saved;
    next_seq = seq;
    written.resize(size);
    return outcome;
  }
  for (std::size_t i = size; i < written.size(); ++i)
    written[i].review = number;
  outcome.fields["seq"] = seq;
  outcome.fields["review"] = number;
  account.reviews.at(number).state = "approved";
  account.reviews.at(number).decided = outcome;
  return outcome;
}

model_outcome slow_model::reject(model_account& account, const command& asked, std::int64_t, std::vector<model_entry>& written) {
  const auto number = static_cast<std::int64_t>(asked.seq->value);
  const auto found = account.reviews.find(number);
  if (found == account.reviews.end())
    return rejected("unknown_review");
  const model_review& review = found->second;
  if (review.state == "approved")
    return rejected("reference_conflict");
  if (review.state == "open") {
    reject_review(account, number, written);
    return review.decided;
  }
  model_outcome again = review.decided;
  again.texts["first"] = "ok";
  again.status = "duplicate";
  return again;
}

// ---- reverse -----------------------------------------------------------------------------------------------------------

model_outcome slow_model::reverse(model_account& account, const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const std::string name(asked.order), refund(asked.reference);
  for (const auto& [number, review] : account.reviews)
    if (review.state == "open" && review.parked == op::earn && review.order == name) { // it rejects the review, and that is all
      const auto order = account.orders.find(name);
      model_outcome outcome{"ok", "", {{"seq", next_seq}, {"points_taken", 0}, {"points_restored", 0}, {"points_expired", 0}}, {}, {}};
      outcome.fields["refunded"] = order == account.orders.end() ? 0 : order->second.refunded;
      outcome.fields["version"] = active()->version;
      reject_review(account, number, written);
      written.back().order = name;
      model_entry& entry = write(account, "reverse", "", "", written);
      entry.order = name;
      entry.reference = refund;
      entry.review = number;
      show_balances(account, tier_name(account, now), now, outcome);
      return outcome;
    }
  const bool may_be_held = active() != nullptr && active()->negative_reversal_held;
  if (!may_be_held)
    return reverse_now(account, active(), name, refund, asked.amount, asked.restore, now, written);

  const model_account saved = account;
  const std::int64_t seq = next_seq;
  const std::size_t size = written.size();
  const model_outcome outcome = reverse_now(account, active(), name, refund, asked.amount, asked.restore, now, written);
  if (outcome.status != "ok" || account.available() >= 0 || account.available() >= saved.available())
    return outcome;
  account = saved;
  next_seq = seq;
  written.resize(size);
  model_review review;
  review.parked = op::reverse;
  review.order = name;
  review.refund = refund;
  review.points = outcome.fields.at("points_taken");
  review.amount = asked.amount;
  review.restore = asked.restore;
  review.version = active()->version;
  return hold(account, review, "negative_reversal ", written);
}

model_outcome slow_model::reverse_now(model_account& account, const model_rules* rules, const std::string& name, const std::string& refund,
                                      const std::optional<money_t>& amount, bool restore, std::int64_t now,
                                      std::vector<model_entry>& written) {
  const auto known = account.orders.find(name);
  if (known == account.orders.end())
    return rejected("unknown_order");
  model_order& order = known->second;
  std::int64_t total = 0, redeemed = 0, given_back = 0;
  for (const model_redemption& redemption : order.redemptions) {
    redeemed += redemption.points;
    total = redemption.total ? *redemption.total : total; // an order has one redeem
    for (const model_spent& spent : redemption.spent)
      given_back += spent.given_back;
  }
  if (order.earned)
    total = order.total;
  if (order.cancelled || (order.refunded == total && total > 0))
    return rejected("over_refund");
  const bool whole = !amount;
  if (!whole && order.refunded + amount->units > total)
    return rejected("over_refund");

  const std::string tier_before = tier_name(account, now);
  std::int64_t take = 0, give = 0;
  if (whole) {
    order.cancelled = true;
    order.refunded = total;
    take = order.points - order.taken;
    give = redeemed - given_back;
  } else {
    order.refunded += amount->units;
    // all of nothing is all of it
    const auto share = [&](std::int64_t points, std::int64_t refunds) {
      return refunds == total ? points : floored(static_cast<wide>(points) * refunds, total);
    };
    // the order may have been earned on, with a larger total, after a refund that went by its redemption's: then it has had more already
    take = std::max<std::int64_t>(share(order.points, order.refunded) - order.taken, 0);
    if (restore) {
      order.restoring_refunds += amount->units;
      give = std::max<std::int64_t>(share(redeemed, order.restoring_refunds) - given_back, 0);
    }
  }
  const std::int64_t first_seq = next_seq;
  std::int64_t expired_at_once = 0;
  const auto name_it = [&](model_entry& entry) {
    entry.order = name;
    entry.reference = refund;
  };
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
          back.push_back({spent->lot, part, 0, 0, spent->available_at, spent->expires_at});
      }
    const std::int64_t grace_days = rules == nullptr ? 0 : rules->restore_grace_days;
    if (dead > 0)
      back.push_back({restore_seq, dead, 0, 0, now, now + grace_days * day_us});
    sort_as_spent(back); // debt is paid by what expires soonest
    for (const model_lot& lot : back)
      account.credit(lot, lot.available);
    name_it(write(account, "restore", "redemption", "member", written));
    const std::int64_t available = account.available();
    if (expire_if_dead(account, restore_seq, now, written))
      name_it(written.back());
    expired_at_once = available - account.available();
  }
  // expired points of the order's own lot first, then the lot itself, then the others, then debt
  const std::int64_t counted = std::min(take, order.expired - order.expired_counted);
  order.expired_counted += counted;
  order.taken += take;
  if (order.earned)
    account.gains[order.gain].taken_back += take;
  std::int64_t left = take - counted;
  bool took_pending = false;
  if (model_lot* own = account.find_lot(order.lot); own != nullptr && order.earned && own->pending > 0 && left > 0) {
    const std::int64_t part = std::min(left, own->pending);
    own->pending -= part;
    left -= part;
    took_pending = true;
    name_it(write(account, "reverse", "pending", "issuance", written));
  }
  if (left > 0 || !took_pending) { // one entry at least
    if (model_lot* own = account.find_lot(order.lot); own != nullptr && order.earned) {
      const std::int64_t part = std::min(left, own->available);
      own->available -= part;
      left -= part;
    }
    account.debit(left);
    name_it(write(account, "reverse", "member", "issuance", written));
  }
  model_outcome outcome{"ok",
                        "",
                        {{"seq", first_seq},
                         {"points_taken", take},
                         {"points_restored", give},
                         {"points_expired", expired_at_once},
                         {"refunded", order.refunded},
                         {"version", rules == nullptr ? 0 : rules->version}},
                        {},
                        {}};
  show_balances(account, tier_before, now, outcome);
  return outcome;
}

} // namespace tally::model
