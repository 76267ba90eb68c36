#include "actors/liability.hpp"

#include "engine/decide.hpp"
#include "engine/hash.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <limits>
#include <map>

namespace tally::actors {

namespace {

constexpr std::uint64_t entries_per_step = 16'384;

// As if unbounded; what leaves 64 bits is noticed at the end.
struct wide_sums {
  int128 available = 0, debt = 0, pending = 0, reserved = 0;
  std::map<std::chrono::year_month, int128> by_month;
  int128 never = 0; // expires
};

std::chrono::year_month month_of(instant at) {
  const std::chrono::year_month_day day(std::chrono::sys_days(std::chrono::days(day_number(at))));
  return day.year() / day.month();
}

void add(wide_sums& sums, const account_state& state) {
  for (const lot& each : state.lots) {
    const points_t points = each.available + each.pending;
    sums.available += each.available.value;
    sums.reserved += each.reserved.value;
    sums.pending += each.pending.value;
    if (points == points_t{})
      continue;
    (each.expires_at.us == 0 ? sums.never : sums.by_month[month_of(each.expires_at)]) += points.value;
  }
  sums.debt += state.debt.value;
}

bool fits(int128 value) { return value >= std::numeric_limits<std::int64_t>::min() && value <= std::numeric_limits<std::int64_t>::max(); }

points_t points_of(int128 value) { return {static_cast<std::int64_t>(value)}; }

int128 floored(int128 value, int128 by) { return value / by - (value % by < 0 ? 1 : 0); }

std::string shown(std::chrono::year_month month) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u", static_cast<int>(month.year()), static_cast<unsigned>(month.month()));
  return text.data();
}

// The version in force at that time, of those that were there when it was asked.
const program* version_at(const read_query& query, instant at) {
  const program* version = query.active;
  while (version != nullptr && (version->applied_at > at || version->applied_seq > query.newest))
    version = version->older;
  return version;
}

} // namespace

liability_scan::liability_scan(const read_query& query) : query_(query), at_(query.asked->get().at.value_or(query.now)) {}

bool liability_scan::step(wal::journal_reader& journal) {
  const seq_t to = std::min(query_.newest, newest_.plus(entries_per_step));
  const tally::result<void> read = journal.for_each(newest_.plus(1), to, [this](const entry& each) {
    past_ = each.at > at_;
    if (!past_)
      take(each);
    return !past_;
  });
  if (!read)
    problem_ = read.error().what;
  return read.ok() && !past_ && newest_ < query_.newest;
}

void liability_scan::take(const entry& each) {
  newest_ = each.seq;
  if (query_.of == nullptr || each.merchant != query_.of->number || each.kind == entry_kind::program)
    return;
  account_state& state = member_of(each.account).state;
  apply(state, each);
  keep_balances(state);
}

liability_scan::member& liability_scan::member_of(std::string_view account) {
  const std::uint64_t hash = hash64(account, query_.of->hash);
  if (member* known = by_id_.find(hash, [&](const member& each) { return each.id.view() == account; }))
    return *known;
  member& added = members_.emplace_back(account);
  by_id_.insert(hash, &added);
  return added;
}

std::unique_ptr<document> liability_scan::result() const {
  auto shown = std::make_unique<document>();
  shown->head.kind = op::liability;
  shown->merchant = query_.asked->get().merchant;
  if (problem_.empty()) {
    sum(*shown);
  } else {
    shown->head.status = outcome_status::unavailable;
    shown->head.what = problem_;
  }
  return shown;
}

void liability_scan::sum(document& out) const {
  wide_sums sums;
  for (const member& each : members_) {
    if (each.state.next_due <= at_)
      add(sums, as_of(each.state, at_));
    else
      add(sums, each.state);
  }
  const int128 owed = sums.available + sums.pending + sums.reserved - sums.debt;
  const program* version = version_at(query_, at_);
  std::optional<int128> value;
  if (version != nullptr && version->rules.redeem && fits(owed)) // 128 bits hold the product then
    value = floored(owed * version->rules.redeem->value.units, version->rules.redeem->points.value);
  const bool all_fit =
      fits(sums.available) && fits(sums.debt) && fits(sums.pending) && fits(sums.reserved) && fits(value.value_or(0)) && fits(owed);
  if (!all_fit) {
    out.head.status = outcome_status::invalid;
    out.head.what = "a sum does not fit 64 bits";
    return;
  }
  liability_shown& shows = out.liability.emplace();
  shows.available = points_of(sums.available);
  shows.debt = points_of(sums.debt);
  shows.pending = points_of(sums.pending);
  shows.reserved = points_of(sums.reserved);
  for (const auto& [month, points] : sums.by_month)
    shows.by_month.push_back({shown(month), points_of(points)});
  if (sums.never != 0)
    shows.by_month.push_back({{}, points_of(sums.never)});
  if (value)
    shows.value = money_t{static_cast<std::int64_t>(*value)};
  out.at = at_;
  out.seq = newest_;
}

} // namespace tally::actors
