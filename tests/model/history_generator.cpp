#include "tests/model/history_generator.hpp"

#include <sstream>

namespace tally::model {

namespace {
constexpr std::int64_t day_us = 86'400'000'000;
}

bool history_generator::wants_new_rules() {
  if (first_) {
    first_ = false;
    return below(4) != 0; // sometimes a merchant starts without a program
  }
  return below(150) == 0;
}

model_rules history_generator::rules(std::uint32_t version) {
  model_rules rules;
  rules.version = version;
  rules.active = below(15) != 0;
  rules.currency_digits = static_cast<int>(below(5));
  rules.opening_points = below(2) == 0 ? 0 : below(200);
  const std::int64_t rates[] = {1'000'000, 10'000'000, 1'500'000, 333'333, 0, -1'000'000};
  rules.earn_micros = rates[below(below(8) == 0 ? 6 : 4)];
  const std::int64_t pers[] = {10'000, 10'000'000, 100, 30'000};
  rules.per_units = pers[below(4)];
  rules.whole_units = below(3) == 0;
  rules.highest = below(2) == 0;
  rules.hold_days = below(2) == 0 ? 0 : below(4);
  rules.expire_days = below(3) == 0 ? 0 : 1 + below(6); // may expire while pending, or on the microsecond of its release
  const std::int64_t multipliers[] = {1'000'000, 2'000'000, 1'500'000, 500'000, 1'250'000};
  for (std::int64_t i = below(4); i > 0; --i) {
    model_bonus bonus;
    const std::int64_t where = below(3);
    if (where == 0)
      bonus.category = below(2) == 0 ? "beans" : "cups";
    if (where == 1)
      bonus.sku = below(2) == 0 ? "BEAN-1KG" : "CUP";
    bonus.multiplier_micros = multipliers[below(5)];
    if (where != 2 && below(2) == 0)
      bonus.points_per_unit = 1 + below(10);
    if (below(3) == 0)
      bonus.from_us = (now_us_ / 1'000'000 + below(3 * 86'400)) * 1'000'000;
    if (below(3) == 0)
      bonus.until_us = (now_us_ / 1'000'000 + 3 * 86'400 + below(5 * 86'400)) * 1'000'000;
    rules.bonuses.push_back(bonus);
  }
  for (std::int64_t i = below(4); i > 0; --i)
    rules.rewards.emplace_back("r" + std::to_string(i), 1 + below(300));
  rules.can_redeem = below(10) != 0;
  const std::int64_t prices[] = {1, 100, 7, 250};
  rules.redeem_points = prices[below(4)];
  const std::int64_t values[] = {10'000, 100, 5'000, 123'456};
  rules.redeem_units = values[below(4)];
  rules.min_points = 1 + below(below(2) == 0 ? 1 : 20);
  rules.min_balance = below(3) == 0 ? below(100) : 0;
  if (below(3) == 0)
    rules.max_discount_units = 10'000 * (1 + below(20));
  rules.restore_grace_days = !rules.can_redeem || below(2) == 0 ? 0 : 1 + below(3); // a key of [redeem]
  current_ = rules;
  return rules;
}

std::int64_t history_generator::now_us() {
  const std::int64_t how = below(10);
  if (how < 4)
    return now_us_;
  if (how < 6 && !instants_.empty()) { // the very microsecond, or the one beside it
    const std::int64_t at = instants_[static_cast<std::size_t>(below(static_cast<std::int64_t>(instants_.size())))] + below(3) - 1;
    if (at > now_us_ && at < now_us_ + 5 * day_us)
      now_us_ = at;
  } else if (how < 9) {
    now_us_ += below(4 * 3'600'000'000);
  } else {
    now_us_ += below(3 * day_us);
  }
  for (const std::int64_t days : {current_.hold_days, current_.expire_days, current_.restore_grace_days})
    if (days > 0)
      instants_.push_back(now_us_ + days * day_us);
  while (instants_.size() > 60)
    instants_.pop_front();
  return now_us_;
}

std::string_view history_generator::keep(std::string text) {
  if (texts_.size() > 20'000)
    texts_.clear();
  return texts_.emplace_back(std::move(text));
}

command history_generator::operation() {
  if (texts_.size() > 18'000) {
    texts_.clear();
    lines_.clear();
    sent_.clear();
  }
  if (!sent_.empty() && below(12) == 0) { // the same again, sometimes changed
    command again = sent_[static_cast<std::size_t>(below(static_cast<std::int64_t>(sent_.size())))];
    if (below(4) == 0) {
      if (again.total)
        again.total->units += 1;
      else if (again.amount_points && again.amount_points->value > 0)
        again.amount_points->value += 1;
      else if (again.amount)
        again.amount->units += 1;
    }
    if (!again.cashier.empty())
      again.cashier = "another"; // who asked does not make it another operation
    return again;
  }
  command c;
  c.merchant = "m";
  c.account = keep("a-" + std::to_string(++operations_ / 400 + below(6))); // members come and go: some were closed
  c.cashier = keep("c-" + std::to_string(below(3)));
  const auto order = [&] { return keep("o-" + std::to_string(below(1500))); };
  const std::int64_t what = below(100);
  if (what < 8) {
    c.kind = op::enroll;
  } else if (what < 45) {
    c.kind = op::earn;
    c.order = order();
    c.total = money_t{below(below(5) == 0 ? 40 : 600'000)};
    if (below(2) == 0) {
      auto& lines = lines_.emplace_back();
      for (std::int64_t i = below(4); i > 0; --i)
        lines.push_back({below(2) == 0 ? "BEAN-1KG" : "CUP", below(3) == 0 ? "" : (below(2) == 0 ? "beans" : "cups"), 1 + below(3),
                         money_t{below(200'000)}});
      c.lines = lines;
    }
  } else if (what < 62) {
    c.kind = op::redeem;
    c.order = order();
    c.amount_points = points_t{below(10) == 0 ? below(3) - 1 : 1 + below(60)};
    if (below(2) == 0)
      c.total = money_t{below(8) == 0 ? 0 : below(60'000)};
    c.exact = below(5) == 0;
  } else if (what < 66) {
    c.kind = op::preview;
    c.cashier = {}; // a read takes none
    c.amount_points = points_t{1 + below(120)};
    if (below(2) == 0)
      c.total = money_t{below(60'000)};
  } else if (what < 86) {
    c.kind = op::reverse;
    c.reference = keep("f-" + std::to_string(below(2000)));
    // mostly an order that was earned or redeemed on
    c.order = order();
    if (!sent_.empty() && below(5) != 0) {
      const command& before = sent_[static_cast<std::size_t>(below(static_cast<std::int64_t>(sent_.size())))];
      if (before.kind == op::earn || before.kind == op::redeem) {
        c.order = before.order;
        c.account = before.account;
      }
    }
    if (below(3) != 0) {
      c.amount = money_t{1 + below(200'000)}; // zero of a zero total is 0/0: a table test has it
      c.restore = below(2) == 0;
    }
  } else if (what < 94) {
    c.kind = op::adjust;
    c.reference = keep("j-" + std::to_string(below(2000)));
    c.amount_points = points_t{below(2) == 0 ? 1 + below(80) : -1 - below(80)};
    c.reason = "because";
    c.force = below(3) == 0;
    if (below(3) == 0)
      c.expire_days = static_cast<std::int32_t>(below(4));
  } else {
    const std::int64_t status = below(12);
    c.kind = status < 5 ? op::suspend : status < 11 ? op::reactivate : op::close;
    c.account = status == 11 ? keep("a-" + std::to_string(below(operations_ / 400 + 6))) : c.account; // closing is for ever
    c.reason = "because";
  }
  sent_.push_back(c);
  if (sent_.size() > 200)
    sent_.pop_front();
  return c;
}

model_outcome shown(const outcome& outcome, const std::map<std::uint32_t, model_rules>& versions) {
  model_outcome out;
  out.status = name_of(outcome.status);
  out.code = name_of(outcome.code);
  if (outcome.status == outcome_status::invalid)
    out.code = outcome.what + " at " + outcome.where;
  if (outcome.status != outcome_status::ok && outcome.status != outcome_status::duplicate)
    return out;
  auto& fields = out.fields;
  if (outcome.kind != op::preview)
    fields["seq"] = static_cast<std::int64_t>(outcome.seq.value);
  fields["available"] = outcome.available.value;
  fields["pending"] = outcome.pending.value;
  fields["reserved"] = outcome.reserved.value;
  fields["lifetime"] = outcome.lifetime.value;
  fields["version"] = outcome.version;
  switch (outcome.kind) {
  case op::redeem:
  case op::preview:
    fields["points_used"] = outcome.points.value;
    fields["discount"] = outcome.amount.units;
    break;
  case op::reverse:
    fields["points_taken"] = outcome.points.value;
    fields["points_restored"] = outcome.points_2.value;
    fields["points_expired"] = outcome.points_3.value;
    fields["refunded"] = outcome.amount.units;
    break;
  case op::suspend:
  case op::reactivate:
  case op::close:
    fields["points_forfeited"] = outcome.points.value;
    break;
  default:
    fields["points"] = outcome.points.value;
  }
  const auto rules = versions.find(outcome.version);
  for (std::size_t i = 0; i < 64; ++i)
    if ((outcome.rewards >> i & 1) != 0)
      out.rewards.push_back(rules == versions.end() || i >= rules->second.rewards.size() ? "?" : rules->second.rewards[i].first);
  return out;
}

model_entry shown(const entry& entry) {
  return {std::string(name_of(entry.kind)), entry.points.value,        entry.pending.value,
          entry.available_after.value,      entry.pending_after.value, std::string(name_of(entry.from)),
          std::string(name_of(entry.to))};
}

std::string describe(const command& c) {
  std::ostringstream text;
  text << name_of(c.kind) << " " << c.account << " order=" << c.order << " ref=" << c.reference;
  if (c.total)
    text << " total=" << c.total->units;
  if (c.amount)
    text << " amount=" << c.amount->units;
  if (c.amount_points)
    text << " points=" << c.amount_points->value;
  if (c.expire_days)
    text << " expire_days=" << *c.expire_days;
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
  for (const std::string& reward : outcome.rewards)
    text << " reward=" << reward;
  return text.str();
}

std::string describe(const model_entry& entry) {
  std::ostringstream text;
  text << entry.kind << " " << entry.points << " pending " << entry.pending << " after " << entry.available_after << "/"
       << entry.pending_after << " " << entry.from << "->" << entry.to;
  return text.str();
}

} // namespace tally::model
