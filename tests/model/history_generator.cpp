#include "tests/model/history_generator.hpp"

#include <algorithm>

namespace tally::model {

namespace {

constexpr std::int64_t second_us = 1'000'000, hour_us = 3'600 * second_us;

// Years begin at the same offset in each of them, summer time or not.
struct zone {
  const char* name;
  std::int64_t new_year_offset_us;
};
constexpr zone zones[] = {
    {"UTC", 0}, {"Europe/Berlin", hour_us}, {"America/New_York", -5 * hour_us}, {"Asia/Kolkata", 5 * hour_us + hour_us / 2}};

} // namespace

history_generator::history_generator(std::uint64_t seed, std::string merchant, people people)
    : random_(seed), merchant_(std::move(merchant)), people_(people), now_us_(midnight({2026, 1, 1})) {
  if (seed % 3 == 1) { // a day that is not there a year before
    leap_day_ = true;
    now_us_ = midnight({2027, 2, 26});
  }
}

bool history_generator::wants_new_rules() {
  if (first_) {
    first_ = false;
    return !one_in(4); // sometimes a merchant starts without a program
  }
  return one_in(150);
}

std::int64_t history_generator::some_window_end() {
  if (one_in(3)) // a date
    return (now_us_ / day_us + below(6)) * day_us - versions_.back().new_year_offset_us;
  return (now_us_ / second_us + below(5 * 86'400)) * second_us;
}

model_rules history_generator::rules(std::uint32_t version) {
  model_rules& rules = versions_.emplace_back();
  if (versions_.size() > 20)
    versions_.pop_front();
  rules.version = version;
  rules.applied_us = now_us_;
  rules.active = !one_in(25);
  rules.currency_digits = static_cast<int>(below(5));
  const zone& where = zones[below(4)];
  rules.timezone = where.name;
  rules.new_year_offset_us = where.new_year_offset_us;
  rules.inline_enrollment = people_ == people::with_phones && !one_in(6);
  rules.opening_points = one_in(2) ? 0 : below(200);
  const std::int64_t rates[] = {1'000'000, 10'000'000, 1'500'000, 333'333, 0, -1'000'000};
  rules.earn_micros = rates[below(one_in(20) ? 6 : 4)];
  const std::int64_t pers[] = {10'000, 100, 30'000, 10'000'000};
  rules.per_units = pers[below(one_in(4) ? 4 : 3)];
  rules.whole_units = one_in(3);
  rules.highest = one_in(2);
  rules.hold_days = one_in(2) ? 0 : below(4);
  rules.expire_days = one_in(3) ? 0 : 1 + below(one_in(2) ? 60 : 6); // may expire while pending, or on the microsecond of its release
  rules.late_days = one_in(3) ? 30 : below(8);
  const std::int64_t multipliers[] = {1'000'000, 2'000'000, 1'500'000, 500'000, 1'250'000};
  for (std::int64_t i = below(4); i > 0; --i) {
    model_bonus bonus;
    const std::int64_t what = below(4);
    if (what == 0 || what == 3)
      bonus.category = one_in(2) ? "beans" : "cups";
    if (what == 1 || what == 3)
      bonus.sku = one_in(2) ? "BEAN-1KG" : "CUP";
    bonus.multiplier_micros = multipliers[below(5)];
    if (what != 2 && one_in(2))
      bonus.points_per_unit = 1 + below(10);
    if (one_in(3))
      bonus.from_us = some_window_end();
    if (one_in(3))
      bonus.until_us = std::max(some_window_end(), bonus.from_us) + day_us;
    rules.bonuses.push_back(bonus);
  }
  for (std::int64_t i = below(5); i > 0; --i) {
    model_reward reward{"r" + std::to_string(i), 1 + below(one_in(3) ? 2000 : 300)};
    if (one_in(4))
      reward.from_us = some_window_end();
    if (one_in(4))
      reward.until_us = std::max(some_window_end(), reward.from_us) + day_us;
    rules.rewards.push_back(reward);
  }
  rules.can_redeem = !one_in(20);
  const std::int64_t prices[] = {1, 100, 7, 250};
  rules.redeem_points = prices[below(4)];
  const std::int64_t values[] = {10'000, 100, 5'000, 123'456};
  rules.redeem_units = values[below(4)];
  rules.min_points = below(one_in(3) ? 20 : 2);
  rules.min_balance = one_in(4) ? below(100) : 0;
  if (one_in(3))
    rules.max_discount_units = 10'000 * (1 + below(20));
  rules.reservation_minutes = one_in(3) ? 15 : 1 + below(5 * 1440);
  rules.restore_grace_days = !rules.can_redeem || one_in(2) ? 0 : 1 + below(3); // a key of [redeem]
  const char* bases[] = {"", "lifetime", "calendar_year", "rolling_12_months"};
  rules.tier_basis = bases[leap_day_ && !one_in(3) ? 3 : below(4)];
  rules.net_of_reversals = one_in(2);
  if (!rules.tier_basis.empty()) {
    std::int64_t threshold = one_in(3) ? 0 : 1 + below(400);
    for (std::int64_t i = below(4); i > 0; --i) {
      rules.tiers.push_back({"t" + std::to_string(i), threshold, one_in(3) ? 1'000'000 : multipliers[1 + below(4)]});
      threshold += 1 + below(one_in(2) ? 400 : 4000);
    }
  }
  if (one_in(2)) {
    rules.max_points_per_order = one_in(2) ? 0 : 20 + below(3000);
    rules.max_order_ratio_micros = one_in(2) ? 0 : 1'000'000 + below(4'000'000);
    rules.min_orders = below(4);
    rules.negative_reversal_held = one_in(2);
  }
  if (one_in(2)) {
    rules.earn_points_per_day = one_in(2) ? 0 : 100 + below(3000);
    rules.redeem_points_per_day = one_in(2) ? 0 : 20 + below(300);
    rules.redemptions_per_day = one_in(2) ? 0 : 1 + below(4);
  }
  rules.lapse_days = one_in(2) ? 0 : 1 + below(20);
  for (const std::int64_t years : {0, 1, 2})
    fall_due(midnight({date_of(now_us_).year + years, 1, 1}) - rules.new_year_offset_us);
  return rules;
}

std::int64_t history_generator::now_us() {
  if (leap_day_ && now_us_ > midnight({2027, 3, 2})) { // nobody comes for a year
    leap_day_ = false;
    now_us_ = std::max(now_us_, midnight({2028, 2, 28}) + below(2 * day_us));
    fall_due(midnight({2028, 2, 29}));
    fall_due(midnight({2028, 3, 1}));
  }
  const std::int64_t how = below(20);
  instants_.erase(instants_.begin(), instants_.upper_bound(now_us_));
  if (how < 10)
    return now_us_;
  if (how < 14 && !instants_.empty()) { // the very microsecond, or the one beside it
    auto next = instants_.begin();
    std::advance(next, below(std::min<std::int64_t>(3, static_cast<std::int64_t>(instants_.size()))));
    const std::int64_t at = *next + below(3) - 1;
    if (at > now_us_ && at < now_us_ + (one_in(4) ? 5 * day_us : day_us / 2))
      now_us_ = at;
  } else if (how < 19) {
    now_us_ += below(3 * hour_us);
  } else {
    now_us_ += below(one_in(30) ? 100 * day_us : day_us); // now and then nobody comes for months
  }
  if (one_in(4))
    fall_due((now_us_ / day_us + 1) * day_us); // the limits of another day
  if (versions_.empty())
    return now_us_;
  const model_rules& rules = versions_.back();
  for (const std::int64_t days : {rules.hold_days, rules.expire_days, rules.restore_grace_days, rules.lapse_days})
    if (days > 0 && one_in(2))
      fall_due(now_us_ + days * day_us);
  if (one_in(20)) { // twelve months after what is earned now
    calendar_date date = date_of(now_us_);
    const std::int64_t in_day = now_us_ - midnight(date);
    ++date.year;
    fall_due(midnight(date) + in_day);
  }
  while (instants_.size() > 500)
    instants_.erase(std::prev(instants_.end()));
  return now_us_;
}

void history_generator::remember(std::deque<known>& all, known one, std::size_t most) {
  all.push_back(std::move(one));
  if (all.size() > most)
    all.pop_front();
}

void history_generator::told(const command& asked, const model_outcome& outcome) {
  std::string account(asked.account);
  if (account.empty() && outcome.texts.contains("account"))
    account = outcome.texts.at("account");
  if (outcome.status == "ok" && outcome.fields.contains("seq"))
    newest_seq_ = outcome.fields.at("seq");
  if (outcome.status == "ok" && asked.kind == op::enroll && people_ == people::with_phones) {
    enrolled_by_phone_.push_back(account);
    if (enrolled_by_phone_.size() > 12)
      enrolled_by_phone_.pop_front();
  }
  if (asked.kind == op::enroll)
    unknown_.erase(account);
  else if (!account.empty() && ((outcome.code == "unknown_account" && asked.kind != op::transfer) || outcome.code == "no_member"))
    unknown_.insert(account);
  if (outcome.status == "held")
    remember(reviews_, {account, "", outcome.fields.at("review")}, 8);
  if (outcome.status == "held" && asked.kind == op::earn && one_in(2)) // may be reversed before it is decided
    remember(orders_, {account, std::string(asked.order), 0}, 30);
  const auto forget = [&](std::deque<known>& all, std::string_view name) { // mostly
    std::erase_if(all, [&](const known& one) { return one.account == account && one.name == name && !one_in(5); });
  };
  if (outcome.code == "over_refund" || (outcome.status == "ok" && asked.kind == op::reverse && !asked.amount) ||
      outcome.code == "unknown_order")
    forget(orders_, asked.order);
  if (outcome.code == "reservation_closed" || (outcome.status == "ok" && (asked.kind == op::capture || asked.kind == op::void_)))
    forget(reservations_, asked.reference);
  if (outcome.status != "ok")
    return;
  switch (asked.kind) {
  case op::earn:
  case op::redeem:
  case op::claim:
    remember(orders_, {account, std::string(asked.order), 0}, 30);
    break;
  case op::authorize:
    remember(reservations_, {account, std::string(asked.reference), 0}, 6);
    break;
  case op::suspend:
    suspended_.insert(account);
    break;
  case op::reactivate:
    suspended_.erase(account);
    break;
  case op::close:
    suspended_.erase(account);
    closed_.insert(account);
    for (auto* all : {&orders_, &reservations_, &reviews_})
      std::erase_if(*all, [&](const known& one) { return one.account == account && !one_in(4); });
    break;
  default:
    break;
  }
}

std::string_view history_generator::keep(std::string text) { return texts_.emplace_back(std::move(text)); }

// Members come and go, one of them more often than the others; some were closed, which are not asked for as much.
std::string_view history_generator::some_account() {
  std::string name;
  if (!enrolled_by_phone_.empty() && one_in(5))
    return keep(one_of(enrolled_by_phone_));
  do
    name = "a-" + std::to_string(operations_ / 400 + (one_in(2) ? operations_ / 60 % 6 : below(6)));
  while ((closed_.contains(name) && !one_in(8)) || (suspended_.contains(name) && !one_in(4)));
  return keep(name);
}

command history_generator::operation() {
  if (texts_.size() > 18'000) {
    texts_.clear();
    lines_.clear();
    sent_.clear();
  }
  if (!sent_.empty() && one_in(12)) { // the same again, sometimes changed
    command again = one_of(sent_);
    if (one_in(4)) {
      if (again.total)
        again.total->units += 1;
      else if (again.amount_points && again.amount_points->value > 0)
        again.amount_points->value += 1;
      else if (again.amount)
        again.amount->units += 1;
      else if (again.minutes)
        *again.minutes += 1;
      else if (again.kind == op::claim)
        again.reference = keep("r4");
      else if (again.kind == op::transfer)
        again.to = some_account();
    }
    if (!again.cashier.empty())
      again.cashier = "another"; // who asked does not make it another operation
    if (again.at && one_in(2) && again.at->us > 0)
      again.at->us -= 1; // nor does when it was bought
    return again;
  }
  ++operations_;
  if (people_ == people::with_phones && one_in(6))
    return remembered(personal_operation());
  command c;
  c.merchant = merchant_;
  c.account = some_account();
  c.cashier = keep("c-" + std::to_string(below(3)));
  const std::int64_t what = below(1000);
  if (!unknown_.empty() && one_in(4)) {
    c.kind = op::enroll;
    c.account = keep(one_of(unknown_));
  } else if (!suspended_.empty() && one_in(20)) {
    c.kind = op::reactivate;
    c.account = keep(one_of(suspended_));
    c.reason = "because";
  } else if (what < 15) {
    c.kind = op::enroll;
  } else if (what < 350) {
    fill_earn(c);
  } else if (what < 510) {
    fill_redemption(c);
  } else if (what < 690) {
    fill_reservation(c);
  } else if (what < 830) {
    fill_reverse(c);
  } else if (what < 880) {
    c.kind = op::adjust;
    c.reference = keep("j-" + std::to_string(below(2000)));
    c.amount_points = points_t{one_in(2) ? 1 + below(80) : -1 - below(one_in(3) ? 2000 : 80)};
    c.reason = "because";
    c.force = one_in(2);
    if (one_in(3))
      c.expire_days = static_cast<std::int32_t>(below(4));
  } else if (what < 930) {
    c.kind = op::transfer;
    c.reference = keep("t-" + std::to_string(below(1000)));
    for (int tries = 0; tries < 3 && (c.to.empty() || c.to == c.account); ++tries)
      c.to = some_account();
    c.amount_points = points_t{one_in(20) ? below(2) - 1 : 1 + below(one_in(4) ? 600 : 100)};
  } else if (what < 965) {
    fill_review(c);
  } else {
    fill_status(c);
  }
  return remembered(c);
}

const command& history_generator::remembered(const command& c) {
  sent_.push_back(c);
  if (sent_.size() > 200)
    sent_.pop_front();
  return sent_.back();
}

// A dozen numbers, each written in several ways, and now and then something that is none.
std::string_view history_generator::some_phone() {
  if (one_in(25)) {
    const char* wrong[] = {"12 34", "call me", "+", "0049 30 123 456 789 012", "+49+30", "(.)"};
    return wrong[below(6)];
  }
  const std::string number = std::to_string(10 + below(12));
  const std::string written[] = {"+4930" + number + "567", "0049 (30) " + number + "-567", "+49.30." + number + " 567",
                                 "030 " + number + " 567", "03" + number + "0567"}; // the last one is somebody else's
  return keep(written[below(5)]);
}

// An id as the ledger makes them, before it does.
std::string_view history_generator::some_id_to_be() { return keep("i-" + std::to_string(newest_seq_ + 1 + below(6))); }

command history_generator::personal_operation() {
  const char* names[] = {"Ada Lovelace", "Bob", "\xd0\x97\xd0\xbe\xd1\x8f"};
  command c;
  c.merchant = merchant_;
  const std::int64_t what = below(20);
  if (what < 6) {
    c.kind = op::enroll;
    if (what < 3)
      c.account = one_in(3) ? some_id_to_be() : one_in(2) ? keep("p-" + std::to_string(below(60))) : some_account();
    if (what > 0 || one_in(3))
      c.phone = some_phone();
    if (one_in(2))
      c.name = names[below(3)];
  } else if (what < 10) {
    c.kind = op::profile;
    c.account = some_account();
    if (one_in(2))
      c.phone = some_phone();
    if (one_in(3))
      c.name = names[below(3)];
  } else if (what < 12) {
    c.kind = op::erase;
    c.account = some_account();
  } else if (what < 14) {
    c.kind = op::account;
    one_in(4) ? c.account = some_account() : c.phone = some_phone();
  } else {
    c.kind = op::earn;
    fill_earn(c);
    c.account = one_in(30) ? some_account() : std::string_view();
    c.phone = some_phone();
    if (one_in(2) || !c.account.empty())
      c.at.reset(); // which of two wrong fields is named, nobody says
  }
  return c;
}

void history_generator::fill_earn(command& c) {
  c.kind = op::earn;
  if (one_in(60))
    c.account = {};
  c.order = keep("o-" + std::to_string(below(1500)));
  c.total = money_t{one_in(30) ? 0 : below(one_in(12) ? 40 : 600'000)};
  if (one_in(2)) {
    auto& lines = lines_.emplace_back();
    for (std::int64_t i = below(4); i > 0; --i)
      lines.push_back(
          {one_in(2) ? "BEAN-1KG" : "CUP", one_in(3) ? "" : (one_in(2) ? "beans" : "cups"), 1 + below(3), money_t{below(200'000)}});
    c.lines = lines;
  }
  if (!one_in(4))
    return;
  std::int64_t at = now_us_ - below(one_in(4) ? 9 * day_us : day_us);
  const std::int64_t edge = below(6);
  if (edge == 0)
    at = now_us_ + below(3) - 1; // a microsecond ahead is the future
  if (edge == 1 && !versions_.empty())
    at = one_of(versions_).applied_us + below(3) - 1;
  if (edge == 2 && !versions_.empty())
    at = now_us_ - versions_.back().late_days * day_us + below(3) - 1;
  if (edge == 3 && !versions_.empty()) {
    const model_rules& rules = one_of(versions_);
    at = now_us_ - (one_in(2) ? rules.hold_days : rules.expire_days) * day_us + below(3) - 1;
  }
  c.at = instant{at};
}

void history_generator::fill_redemption(command& c) {
  const std::int64_t what = below(16);
  c.kind = what < 10 ? op::redeem : what < 12 ? op::preview : op::claim;
  c.order = keep("o-" + std::to_string(below(1500)));
  if (c.kind == op::claim) {
    if (!orders_.empty() && one_in(2)) {
      const known& before = one_of(orders_);
      c.order = keep(before.name);
      c.account = keep(before.account);
    }
    c.reference = keep("r" + std::to_string(1 + below(4)));
    if (!versions_.empty() && !versions_.back().rewards.empty() && !one_in(8))
      c.reference = keep(one_of(versions_.back().rewards).name);
    return;
  }
  c.amount_points = points_t{one_in(10) ? below(3) - 1 : 1 + below(one_in(4) ? 600 : 60)};
  if (one_in(2))
    c.total = money_t{one_in(8) ? 0 : below(60'000)};
  if (c.kind == op::preview) {
    c.cashier = c.order = {}; // a read takes none
    return;
  }
  c.exact = one_in(5);
}

void history_generator::fill_reservation(command& c) {
  const std::int64_t what = below(18);
  c.kind = what < 8 || (reservations_.empty() && !one_in(4)) ? op::authorize : what < 15 ? op::capture : op::void_;
  c.reference = keep("v-" + std::to_string(below(800)));
  if (c.kind == op::authorize) {
    c.amount_points = points_t{one_in(20) ? below(2) - 1 : 1 + below(one_in(4) ? 600 : 60)};
    if (!one_in(3))
      c.minutes = static_cast<std::int32_t>(1 + below(one_in(3) ? 60 : 10'080));
    const std::int64_t otherwise = versions_.empty() ? 15 : versions_.back().reservation_minutes;
    fall_due(now_us_ + (c.minutes ? *c.minutes : otherwise) * 60 * second_us);
    return;
  }
  if (!reservations_.empty() && !one_in(20)) {
    const known& before = one_of(reservations_);
    c.account = keep(before.account);
    c.reference = keep(before.name);
  }
  if (c.kind == op::void_)
    return;
  if (one_in(2))
    c.amount_points = points_t{one_in(15) ? 0 : 1 + below(40)};
  if (!one_in(3))
    c.order = keep("o-" + std::to_string(below(1500)));
  for (const known& before : orders_)
    if (before.account == c.account && one_in(8))
      c.order = keep(before.name);
}

void history_generator::fill_reverse(command& c) {
  c.kind = op::reverse;
  c.reference = keep("f-" + std::to_string(below(2000)));
  c.order = keep("o-" + std::to_string(below(1500)));
  if (!orders_.empty() && !one_in(10)) { // mostly an order that was earned or redeemed on
    const known& before = one_of(orders_);
    c.order = keep(before.name);
    c.account = keep(before.account);
  }
  if (!one_in(3))
    c.amount = money_t{one_in(20) ? 0 : below(one_in(3) ? 600'000 : 200'000)};
  c.restore = one_in(2); // ignored without an amount, but not the same operation
}

void history_generator::fill_review(command& c) {
  c.kind = one_in(3) ? op::reject : op::approve;
  c.reason = "because";
  if (reviews_.empty() || one_in(15)) {
    c.seq = seq_t{static_cast<std::uint64_t>(1 + below(1000))}; // most likely no review
    return;
  }
  const known& review = one_of(reviews_);
  c.seq = seq_t{static_cast<std::uint64_t>(review.review)};
  c.account = keep(review.account);
}

void history_generator::fill_status(command& c) {
  const std::int64_t what = below(40);
  c.kind = what < 20 ? op::suspend : what < 32 ? op::reactivate : what < 35 ? op::close : op::erase;
  if (what < 34 && c.kind == op::close)
    c.account = keep("a-" + std::to_string(below(operations_ / 400 + 6))); // closing is for ever
  if (c.kind != op::erase)
    c.reason = "because";
}

} // namespace tally::model
