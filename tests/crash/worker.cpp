#include "tests/crash/worker.hpp"

#include "tests/crash/rules_changer.hpp"

#include "net/tally_generated.h"

#include <algorithm>
#include <chrono>

namespace tally::crash {

totals& totals::operator+=(const totals& more) {
  acknowledged += more.acknowledged;
  ok += more.ok;
  duplicate += more.duplicate;
  refused += more.refused;
  found_done += more.found_done;
  sent_again += more.sent_again;
  transfers += more.transfers;
  transfers_found_done += more.transfers_found_done;
  captures += more.captures;
  decided_reviews += more.decided_reviews;
  return *this;
}

worker::worker(int number, std::uint64_t seed, const std::atomic<std::uint32_t>& rules_acknowledged)
    : rules_acknowledged_(rules_acknowledged), random_(seed * 1000 + static_cast<std::uint64_t>(number)) {
  for (int i = 0; i < 40; ++i)
    accounts_.emplace_back().id = "w" + std::to_string(number) + "-" + std::to_string(i);
  prefix_ = std::to_string(number) + "-";
}

bool worker::run(std::uint16_t port, const std::atomic<bool>& enough) {
  net::client_options options;
  options.port = port;
  options.in_flight_max = 256;
  options.operations_per_frame = 8;
  options.reconnect_for = std::chrono::milliseconds(0);
  auto connected = net::client::connect(options);
  if (!connected)
    return true; // killed before we came
  net::client& client = **connected;
  // what is unknown first, in its order
  std::deque<sent> again;
  again.swap(unanswered_);
  seen.sent_again += again.size();
  for (std::size_t i = 0; i < again.size(); ++i) {
    unanswered_.push_back(again[i]);
    if (!send(client, again[i])) { // killed again: the rest is still unknown
      unanswered_.insert(unanswered_.end(), again.begin() + static_cast<std::ptrdiff_t>(i) + 1, again.end());
      return true;
    }
  }
  resent_ = unanswered_.size();
  while (problem.empty()) {
    const bool more = !enough;
    if (!more && unanswered_.empty())
      return true;
    if (more && unanswered_.size() < 200) {
      unanswered_.push_back(next());
      unanswered_.back().version_floor = rules_acknowledged_.load();
      if (!send(client, unanswered_.back()))
        return true;
      if (!client.has_answer())
        continue;
    }
    if (!take(client))
      return problem.empty();
  }
  return false;
}

std::size_t worker::other_than(std::size_t account) {
  const auto count = static_cast<std::int64_t>(accounts_.size());
  return other_ = (account + 1 + static_cast<std::size_t>(below(count - 1))) % accounts_.size();
}

sent worker::next() {
  // One of them comes so often that most of its lots, orders and references are on disk.
  const bool is_regular = below(4) == 0;
  const auto account = is_regular ? 0 : static_cast<std::size_t>(below(static_cast<std::int64_t>(accounts_.size())));
  expected_account& member = accounts_[account];
  sent one;
  one.account = account;
  if (member.last_seq == 0 && !enrolling_.contains(account)) {
    enrolling_.insert(account);
    one.kind = op::enroll;
    return one;
  }
  const std::int64_t what = below(100);
  if (what < 8 && !member.earns.empty()) { // sent twice
    one = any_of(member.earns);
  } else if (what < 16 && !member.earns.empty()) {
    const sent& earn = any_of(member.earns);
    one.kind = op::reverse;
    one.order = earn.order;
    one.reference = next_reference("f");
    one.whole = below(2) == 0;
    one.total = money_t{1 + below(earn.total.units)};
  } else if (what < 26) {
    one.kind = op::redeem;
    one.order = next_reference("r");
    one.points = 1 + below(150);
  } else if (what < 32) {
    one.kind = op::adjust;
    one.reference = next_reference("j");
    one.points = below(2) == 0 ? 1 + below(50) : -1 - below(50);
  } else if (what < 40) {
    one.kind = op::authorize;
    one.reference = next_reference("v");
    one.points = 1 + below(150);
    one.whole = below(2) == 0;
  } else if (what < 48 && !member.reserving.empty()) {
    const waiting& reserved = any_of(member.reserving);
    one.kind = below(3) == 0 ? op::void_ : op::capture;
    one.reference = reserved.what.reference;
    if (!reserved.what.whole) // captured the same way whenever it is tried
      one.points = (reserved.what.points + 1) / 2;
  } else if (what < 52 && !member.held.empty()) {
    one.kind = below(3) == 0 ? op::reject : op::approve;
    one.review = any_of(member.held).seq;
  } else if (what < 62 && accounts_[other_than(account)].last_seq != 0) {
    one.kind = op::transfer;
    one.to = other_;
    one.reference = next_reference("t");
    one.points = 1 + below(150);
  } else {
    one.kind = op::earn;
    one.order = next_reference("o");
    one.total = money_t{10'000 + below(2'000'000)};
  }
  return one;
}

bool worker::send(net::client& client, const sent& one) {
  command c;
  c.kind = one.kind;
  c.merchant = "crash";
  if (one.review)
    c.seq = one.review;
  else
    c.account = accounts_[one.account].id;
  c.order = one.order;
  c.reference = one.reference;
  if (one.kind == op::earn)
    c.total = one.total;
  if (one.kind == op::reverse && !one.whole)
    c.amount = one.total;
  if (one.points != 0)
    c.amount_points = points_t{one.points};
  if (one.kind == op::void_)
    c.amount_points.reset();
  if (one.kind == op::transfer)
    c.to = accounts_[one.to].id;
  if (one.kind == op::redeem)
    c.exact = true;
  if (one.kind == op::adjust || one.review)
    c.reason = "crash test";
  return client.send(c).ok();
}

bool worker::take(net::client& client) {
  auto received = client.receive();
  if (!received)
    return false;
  const sent one = unanswered_.front();
  unanswered_.pop_front();
  const bool was_resent = resent_ > 0;
  if (was_resent)
    --resent_;
  outcome head = received->head;
  if (const auto* shown = received->document; shown != nullptr && shown->to_seq() != nullptr)
    head.to_seq = seq_t{shown->to_seq()->value()};
  check(one, head, was_resent);
  if (was_resent && resent_ == 0)
    for (expected_account& member : accounts_)
      settle_resent(member);
  return problem.empty();
}

void worker::settle_resent(expected_account& member) {
  std::sort(member.resent.begin(), member.resent.end(), [](const done& a, const done& b) { return a.seq() < b.seq(); });
  for (const done& each : member.resent)
    continue_with(member, each);
  member.resent.clear();
}

void worker::check(const sent& one, const outcome& answer, bool was_resent) {
  ++seen.acknowledged;
  expected_account& member = accounts_[one.account];
  const auto wrong = [&](const std::string& what) { complain(member, one, answer, what); };
  const auto counted = member.counted.find(one.key());
  if (answer.status == outcome_status::rejected) {
    ++seen.refused;
    if (counted != member.counted.end())
      wrong("rejected although it was acknowledged before");
    if (!may_be_refused(one, answer.code))
      wrong("an unexpected code");
    return;
  }
  if (answer.status != outcome_status::ok && answer.status != outcome_status::duplicate && answer.status != outcome_status::held) {
    wrong("an unexpected status: " + answer.what);
    return;
  }
  if (counted != member.counted.end()) { // acknowledged before: the first answer again
    ++seen.duplicate;
    if (answer.status != outcome_status::duplicate)
      wrong("counted twice");
    else if (answer.seq.value != counted->second)
      wrong("a duplicate of another seq than " + std::to_string(counted->second));
    return;
  }
  if (answer.status == outcome_status::duplicate) {
    ++seen.found_done;
    if (!was_resent)
      wrong("a duplicate of what was never sent");
  } else {
    ++seen.ok;
    if (one.kind == op::earn && answer.status == outcome_status::ok && answer.version < one.version_floor)
      wrong("decided by rules " + std::to_string(answer.version) + " although " + std::to_string(one.version_floor) + " were in force");
  }
  member.counted.emplace(one.key(), answer.seq.value);
  seen.transfers += one.kind == op::transfer ? 1 : 0;
  seen.transfers_found_done += one.kind == op::transfer && answer.status == outcome_status::duplicate ? 1 : 0;
  seen.captures += one.kind == op::capture ? 1 : 0;
  seen.decided_reviews += one.review ? 1 : 0;
  take_done(member, {one, answer, false}, was_resent);
  if (one.kind == op::transfer)
    take_done(accounts_[one.to], {one, answer, true}, was_resent);
}

void worker::take_done(expected_account& member, const done& each, bool was_resent) {
  if (was_resent)
    member.resent.push_back(each);
  else
    continue_with(member, each);
}

bool worker::may_be_refused(const sent& one, outcome_code code) {
  switch (one.kind) {
  case op::capture:
  case op::void_:
    return code == outcome_code::reservation_closed;
  case op::redeem:
  case op::authorize:
    return code == outcome_code::insufficient_points || code == outcome_code::below_min_balance;
  case op::approve:
  case op::reject:
    return code == outcome_code::reference_conflict;
  case op::reverse:
    return code == outcome_code::over_refund || code == outcome_code::unknown_order;
  default:
    return code == outcome_code::insufficient_points;
  }
}

void worker::continue_with(expected_account& member, const done& each) {
  const sent& one = each.what;
  const outcome& answer = each.answer;
  const auto wrong = [&](const std::string& what) { complain(member, one, answer, what); };
  const bool is_held = answer.status == outcome_status::held || answer.first == outcome_status::held;
  if (each.seq().value <= member.last_seq)
    wrong("out of order");
  member.last_seq = each.seq().value;
  if (each.is_receiver) { // the sender's balances are shown, the receiver's come with its next answer
    if (answer.to_seq != each.seq())
      wrong("the receiver's half is not beside the sender's");
    member.available += one.points;
    member.entries.emplace("transfer_in/" + one.reference, answer.seq.value);
    return;
  }
  if (is_held) {
    if (one.kind != op::earn || one.total.units / 10'000 <= review_above)
      wrong("held");
    member.entries.emplace("review_hold/" + one.order, answer.seq.value);
    member.held.push_back({one, answer.seq});
    member.open.emplace(answer.seq.value, one);
    return;
  }
  std::int64_t change = 0, reserved = 0;
  switch (one.kind) {
  case op::enroll:
  case op::earn:
  case op::approve:
    member.lifetime += answer.points.value;
    [[fallthrough]];
  case op::adjust:
    change = answer.points.value;
    break;
  case op::redeem:
  case op::transfer:
    change = -answer.points.value;
    break;
  case op::authorize:
    change = -answer.points.value;
    reserved = answer.points.value;
    member.reserving.push_back({one, answer.seq});
    break;
  case op::capture:
  case op::void_:
    change = answer.points_2.value;
    reserved = -answer.points.value - answer.points_2.value;
    break;
  case op::reverse:
    change = answer.points_2.value - answer.points_3.value - answer.points.value;
    break;
  default:
    break;
  }
  member.available += change;
  member.reserved += reserved;
  if (one.kind != op::reject && (member.available != answer.available.value || member.reserved != answer.reserved.value))
    wrong("does not continue where the last answer left the account");
  if (one.kind != op::reject && member.lifetime != answer.lifetime.value)
    wrong("lifetime");
  if (one.kind == op::earn && answer.points.value != one.total.units / 10'000)
    wrong("earned " + std::to_string(answer.points.value));
  if (one.kind == op::transfer && answer.points.value != one.points)
    wrong("transferred " + std::to_string(answer.points.value));
  add_entries(member, one, answer);
  if (one.kind == op::earn)
    member.earns.push_back(one);
}

void worker::add_entries(expected_account& member, const sent& one, const outcome& answer) {
  const std::uint64_t group = answer.seq.value;
  if (one.review) {
    const auto parked = member.open.find(one.review.value);
    if (parked == member.open.end())
      return complain(member, one, answer, "a review is decided twice");
    member.entries.emplace((one.kind == op::approve ? "review_approve/" : "review_reject/") + std::to_string(one.review.value), group);
    if (one.kind == op::approve) {
      member.entries.emplace("earn/" + parked->second.order, group);
      member.earns.push_back(parked->second);
    }
    member.open.erase(parked);
    return;
  }
  if (one.kind == op::transfer)
    member.entries.emplace("transfer_out/" + one.reference, group);
  else
    member.entries.emplace(one.key(), group);
  if (one.kind == op::capture && answer.points_2.value > 0)
    member.entries.emplace("void/" + one.reference, group); // of the rest
}

void worker::complain(const expected_account& member, const sent& one, const outcome& answer, const std::string& what) {
  if (problem.empty())
    problem = member.id + " " + one.key() + ": " + what + " (status " + std::string(name_of(answer.status)) + " " +
              std::string(name_of(answer.code)) + ", seq " + std::to_string(answer.seq.value) + ", available " +
              std::to_string(answer.available.value) + ", expected before it " + std::to_string(member.available) + ")";
}

} // namespace tally::crash
