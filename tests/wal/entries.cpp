#include "tests/wal/entries.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace tally {

std::string first_difference(const entry& a, const entry& b) {
#define TALLY_COMPARE(field)                                                                                                               \
  if (!(a.field == b.field))                                                                                                               \
  return #field
  TALLY_COMPARE(seq);
  TALLY_COMPARE(group);
  TALLY_COMPARE(prev_seq);
  TALLY_COMPARE(at);
  TALLY_COMPARE(due);
  TALLY_COMPARE(occurred_at);
  TALLY_COMPARE(kind);
  TALLY_COMPARE(from);
  TALLY_COMPARE(to);
  TALLY_COMPARE(exact);
  TALLY_COMPARE(restore);
  TALLY_COMPARE(force);
  TALLY_COMPARE(cancel);
  TALLY_COMPARE(tier_changed);
  TALLY_COMPARE(merchant);
  TALLY_COMPARE(merchant_id);
  TALLY_COMPARE(account);
  TALLY_COMPARE(points);
  TALLY_COMPARE(pending);
  TALLY_COMPARE(reserved);
  TALLY_COMPARE(debt);
  TALLY_COMPARE(lifetime);
  TALLY_COMPARE(available_after);
  TALLY_COMPARE(pending_after);
  TALLY_COMPARE(reserved_after);
  TALLY_COMPARE(lifetime_after);
  TALLY_COMPARE(order);
  TALLY_COMPARE(refund);
  TALLY_COMPARE(reservation);
  TALLY_COMPARE(transfer);
  TALLY_COMPARE(adjustment);
  TALLY_COMPARE(reward);
  TALLY_COMPARE(peer);
  TALLY_COMPARE(reason);
  TALLY_COMPARE(asked_points);
  TALLY_COMPARE(total);
  TALLY_COMPARE(amount);
  TALLY_COMPARE(expire_days);
  TALLY_COMPARE(discount);
  TALLY_COMPARE(refunded);
  TALLY_COMPARE(expired_counted);
  TALLY_COMPARE(rewards);
  TALLY_COMPARE(version);
  TALLY_COMPARE(tier);
  TALLY_COMPARE(tier_multiplier);
  TALLY_COMPARE(lots);
  TALLY_COMPARE(undone);
  TALLY_COMPARE(active_version);
  TALLY_COMPARE(parked_at);
  TALLY_COMPARE(review);
  TALLY_COMPARE(parked);
  TALLY_COMPARE(reasons);
  TALLY_COMPARE(parked_points);
  TALLY_COMPARE(minutes);
  TALLY_COMPARE(reserved_until);
  TALLY_COMPARE(reserved_by);
  TALLY_COMPARE(personal);
  TALLY_COMPARE(token);
  TALLY_COMPARE(terminal);
  TALLY_COMPARE(cashier);
  TALLY_COMPARE(note);
  TALLY_COMPARE(text);
#undef TALLY_COMPARE
  if (!std::equal(a.lines.begin(), a.lines.end(), b.lines.begin(), b.lines.end()))
    return "lines";
  if (!std::equal(a.offsets.begin(), a.offsets.end(), b.offsets.begin(), b.offsets.end()))
    return "offsets";
  return {};
}

} // namespace tally

namespace tally::wal::testing {
namespace {

using random_t = std::mt19937_64;

bool one_in(random_t& random, unsigned n) { return random() % n == 0; }

// Small numbers mostly, and the ends of the range.
std::int64_t any_int(random_t& random) {
  switch (random() % 8) {
  case 0:
    return std::numeric_limits<std::int64_t>::min();
  case 1:
    return std::numeric_limits<std::int64_t>::max();
  case 2:
    return static_cast<std::int64_t>(random());
  case 3:
    return 0;
  default:
    return static_cast<std::int64_t>(random() >> (random() % 64)) * (one_in(random, 2) ? 1 : -1);
  }
}

std::uint64_t up_to(random_t& random, std::uint64_t most) {
  const std::uint64_t near = random() % 300;
  return one_in(random, 2) && near <= most ? near : random() % (most + 1);
}

// Wraps where it leaves the range.
instant shifted(instant at, std::int64_t delta_us) {
  return {static_cast<std::int64_t>(static_cast<std::uint64_t>(at.us) + static_cast<std::uint64_t>(delta_us))};
}

instant any_instant(random_t& random, instant at) {
  switch (random() % 6) {
  case 0:
    return {any_int(random)};
  case 1:
    return at;
  case 2:
    return shifted(at, (static_cast<std::int64_t>(random() % 4000) - 2000) * us_per_day);
  case 3:
    return instant::end_of_time();
  default:
    return shifted(at, static_cast<std::int64_t>(random() % (400 * static_cast<std::uint64_t>(us_per_day))) - 200 * us_per_day);
  }
}

std::string any_text(random_t& random) {
  const std::size_t size = one_in(random, 10) ? random() % 5000 : random() % 40;
  std::string text(size, '\0');
  for (char& c : text)
    c = static_cast<char>(random());
  return text;
}

} // namespace

std::uint64_t test_seed() {
  const char* given = std::getenv("TALLY_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("seed %llu (TALLY_TEST_SEED repeats it)\n", static_cast<unsigned long long>(seed));
  return seed;
}

owned_entry::owned_entry(const entry& copied)
    : value(copied), lines(copied.lines.begin(), copied.lines.end()), offsets(copied.offsets.begin(), copied.offsets.end()) {
  for (std::string_view* view :
       {&value.merchant_id, &value.account, &value.order, &value.refund, &value.reservation, &value.transfer, &value.adjustment,
        &value.reward, &value.peer, &value.reason, &value.token, &value.terminal, &value.cashier, &value.note, &value.text})
    *view = keep(std::string(*view));
  for (sale_line& line : lines) {
    line.sku = keep(std::string(line.sku));
    line.category = keep(std::string(line.category));
  }
  value.lines = lines;
  value.offsets = offsets;
}

owned_entry make_earn(std::uint64_t number, instant at) {
  owned_entry made;
  entry& e = made.value;
  e.seq = e.group = {number};
  e.at = at;
  e.kind = entry_kind::earn;
  e.from = side::issuance;
  e.to = side::pending;
  e.merchant = 1;
  e.account = made.keep("m-" + std::to_string(number % 97));
  e.prev_seq = {number > 97 ? number - 97 : 0};
  e.order = made.keep("o-" + std::to_string(number));
  e.terminal = made.keep("till-" + std::to_string(number % 7));
  e.pending = e.lifetime = {static_cast<std::int64_t>(number % 500 + 1)};
  e.pending_after = e.lifetime_after = {static_cast<std::int64_t>(number % 5000 + 1)};
  e.available_after = {50};
  e.total = money_t{static_cast<std::int64_t>(number % 500 + 1) * money_t::units_per_one};
  e.version = e.active_version = 1;
  e.lots.push_back({e.seq, {}, e.pending, {}, at.plus_days(3), at.plus_days(365)});
  return made;
}

owned_entry make_random(std::mt19937_64& random, seq_t number, instant at) {
  owned_entry made;
  entry& e = made.value;
  const unsigned sparse = 1 + static_cast<unsigned>(random() % 6);
  const auto there = [&] { return one_in(random, sparse); };
  const auto text = [&](std::string_view& field) {
    if (there())
      field = made.keep(any_text(random));
  };
  const auto points = [&](points_t& field) {
    if (there())
      field = {any_int(random)};
  };

  e.seq = number;
  e.group = there() ? seq_t{number.value - up_to(random, number.value - 1)} : number;
  e.prev_seq = there() ? seq_t{number.value - 1 - up_to(random, number.value - 1)} : seq_t{};
  e.at = at;
  if (there())
    e.due = any_instant(random, at);
  if (there())
    e.occurred_at = any_instant(random, at);
  e.kind = static_cast<entry_kind>(1 + random() % (entry_kind_count - 1));
  e.from = static_cast<side>(random() % side_count);
  e.to = static_cast<side>(random() % side_count);
  for (bool* flag : {&e.exact, &e.restore, &e.force, &e.cancel, &e.tier_changed})
    *flag = there();
  e.merchant = static_cast<merchant_number>(one_in(random, 4) ? random() : 1 + random() % 300);
  if (e.kind == entry_kind::enroll || e.kind == entry_kind::program)
    e.merchant_id = made.keep(any_text(random));
  for (std::string_view* field : {&e.account, &e.order, &e.refund, &e.reservation, &e.transfer, &e.adjustment, &e.reward, &e.peer,
                                  &e.reason, &e.token, &e.terminal, &e.cashier, &e.note, &e.text})
    text(*field);
  for (points_t* field : {&e.points, &e.pending, &e.reserved, &e.debt, &e.lifetime, &e.available_after, &e.pending_after, &e.reserved_after,
                          &e.lifetime_after, &e.expired_counted})
    points(*field);
  if (one_in(random, 3))
    e.lifetime = {static_cast<std::int64_t>(static_cast<std::uint64_t>(e.points.value) + static_cast<std::uint64_t>(e.pending.value))};
  if (there())
    e.asked_points = points_t{any_int(random)};
  if (there())
    e.total = money_t{any_int(random)};
  if (there())
    e.amount = money_t{any_int(random)};
  if (there())
    e.expire_days = static_cast<std::int32_t>(any_int(random));
  e.discount = {there() ? any_int(random) : 0};
  e.refunded = {there() ? any_int(random) : 0};
  e.rewards = there() ? random() : 0;
  e.version = static_cast<std::uint32_t>(there() ? random() : 0);
  e.active_version = there() ? static_cast<std::uint32_t>(random()) : e.version;
  e.tier = static_cast<std::uint8_t>(there() ? random() : 0);
  if (there())
    e.parked_at = any_instant(random, at);
  if (there())
    e.review = {number.value - up_to(random, number.value - 1)};
  if (there()) {
    e.parked = static_cast<op>(1 + random() % (op_count - 1));
    e.reasons = static_cast<review_reasons>(random());
    points(e.parked_points);
  }
  if (there())
    e.minutes = static_cast<std::int32_t>(any_int(random));
  if (there())
    e.reserved_until = any_instant(random, at);
  if (there() && number.value > 1)
    e.reserved_by = {1 + up_to(random, number.value - 2)};
  if (there())
    e.personal = random();
  if (number.value > 1)
    for (std::uint64_t count = there() ? random() % 4 : 0; count > 0; --count)
      e.undone.push_back({{1 + up_to(random, number.value - 2)}, {static_cast<std::int64_t>(1 + random() % 1'000)}});
  if (there())
    e.tier_multiplier = {any_int(random)};

  for (std::uint64_t count = there() ? random() % 7 : 0; count > 0; --count) {
    lot_change change;
    change.lot = {number.value - up_to(random, number.value)};
    points(change.available);
    points(change.pending);
    points(change.reserved);
    if (one_in(random, 3))
      change.available = e.points;
    if (one_in(random, 3))
      change.pending = e.pending;
    change.available_at = any_instant(random, at);
    change.expires_at = one_in(random, 3) ? instant{} : any_instant(random, change.available_at);
    e.lots.push_back(change);
  }
  for (std::uint64_t count = there() ? random() % 20 : 0; count > 0; --count) {
    sale_line line;
    line.sku = made.keep(any_text(random));
    line.category = made.keep(any_text(random));
    line.quantity = any_int(random);
    line.amount = {any_int(random)};
    made.lines.push_back(line);
  }
  for (std::uint64_t count = there() ? random() % 20 : 0; count > 0; --count)
    made.offsets.push_back(any_int(random));
  e.lines = made.lines;
  e.offsets = made.offsets;
  return made;
}

} // namespace tally::wal::testing
