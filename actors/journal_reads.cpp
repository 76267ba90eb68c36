#include "actors/journal_reads.hpp"

#include "actors/review_list.hpp"
#include "actors/tail_piece.hpp"
#include "engine/account_view.hpp"
#include "engine/decide.hpp"
#include "wal/entry_codec.hpp"

#include <functional>
#include <limits>
#include <map>

namespace tally::actors {

namespace {

void fail(document& shown, outcome_status status, std::string what, std::string where = {}) {
  shown.head.status = status;
  shown.head.what = std::move(what);
  shown.head.where = std::move(where);
}

bool is_ours(const entry& found, const read_query& query) { return found.merchant == query.of->number && found.account == query.account; }

// ---- history --------------------------------------------------------------------------------------------------------

// Where the walk begins. `before_seq` is nearly always an entry of this account, and its prev_seq the place; else from the
// newest.
seq_t history_start(const read_query& query, wal::journal_reader& journal) {
  const auto& before = query.asked->get().before_seq;
  if (!before || *before > query.newest)
    return query.newest;
  const result<const entry*> found = journal.read(*before);
  return found.ok() && is_ours(**found, query) ? (*found)->prev_seq : query.newest;
}

void history(const read_query& query, wal::journal_reader& journal, document& shown) {
  const command& asked = query.asked->get();
  const std::uint32_t limit = asked.limit.value_or(history_limit_default);
  const seq_t start = history_start(query, journal);
  if (!start)
    return;
  const result<void> walked = journal.for_each_back(start, [&](const entry& each) {
    if (asked.from && each.at < *asked.from)
      return false; // all that follow are older
    if ((asked.before_seq && each.seq >= *asked.before_seq) || (asked.until && each.at >= *asked.until) || !asked.kinds.contains(each.kind))
      return true;
    if (shown.entries.entries().size() == limit) {
      shown.next_before_seq = shown.entries.entries().back().seq;
      return false;
    }
    shown.entries.add(each);
    return true;
  });
  if (!walked)
    fail(shown, outcome_status::unavailable, walked.error().what);
}

// ---- entry ----------------------------------------------------------------------------------------------------------

void entry_by_seq(const read_query& query, wal::journal_reader& journal, document& shown) {
  const result<const entry*> found = journal.read(*query.asked->get().seq);
  if (!found && found.error().code != failure_code::missing)
    return fail(shown, outcome_status::unavailable, found.error().what);
  const bool is_shown = found.ok() && query.of != nullptr && (*found)->merchant == query.of->number &&
                        (query.account.empty() || (*found)->account == query.account);
  if (!is_shown)
    return fail(shown, outcome_status::invalid, "no such entry", "seq");
  shown.entries.add(**found);
}

// The lowest seq of the order.
void entry_by_order(const read_query& query, wal::journal_reader& journal, document& shown) {
  const command& asked = query.asked->get();
  seq_t lowest;
  const result<void> walked = journal.for_each_back(query.newest, [&](const entry& each) {
    if (each.order == asked.order && asked.kinds.contains(each.kind))
      lowest = each.seq;
    return true;
  });
  if (!walked)
    return fail(shown, outcome_status::unavailable, walked.error().what);
  if (!lowest) {
    shown.head.status = outcome_status::rejected;
    shown.head.code = outcome_code::unknown_order;
    return;
  }
  const result<const entry*> found = journal.read(lowest);
  if (!found)
    return fail(shown, outcome_status::unavailable, found.error().what);
  shown.entries.add(**found);
}

// ---- count ----------------------------------------------------------------------------------------------------------

void count(const read_query& query, wal::journal_reader& journal, document& shown) {
  std::uint64_t counted = 0;
  const result<void> walked = journal.for_each_back(query.newest, [&](const entry& each) {
    counted += query.asked->get().kinds.contains(each.kind) ? 1 : 0;
    return true;
  });
  if (!walked)
    return fail(shown, outcome_status::unavailable, walked.error().what);
  shown.count = counted;
}

// ---- the account as it stood -----------------------------------------------------------------------------------------

// The account's entries, found newest first and wanted oldest first: kept as their bytes, a tenth of what they are in memory.
class entries_backwards {
public:
  void add(const entry& each) {
    places_.push_back({each.seq, each.at, bytes_.size()});
    wal::encode(each, bytes_);
  }

  // Oldest first, until `visit` says false.
  void for_each(const read_query& query, const std::function<bool(const entry&)>& visit) const {
    wal::decode_buffer buffer;
    for (auto place = places_.rbegin(); place != places_.rend(); ++place) {
      std::span<const std::byte> record = std::span(bytes_).subspan(place->offset);
      entry decoded;
      const result<void> done = wal::decode(record, place->seq, place->at, buffer, decoded);
      TALLY_ASSERT(done.ok(), static_cast<long long>(place->seq.value));
      decoded.merchant = query.of->number;
      decoded.merchant_id = query.of->id;
      if (!visit(decoded))
        return;
    }
  }

private:
  struct place {
    seq_t seq;
    instant at;
    std::size_t offset;
  };
  wal::bytes bytes_;
  std::vector<place> places_;
};

// The version in force at a time, or when the entry `seq` was written.
const program* version_at(const program* newest, instant at) {
  while (newest != nullptr && newest->applied_at > at)
    newest = newest->older;
  return newest;
}
const program* version_at(const program* newest, seq_t seq) {
  while (newest != nullptr && newest->applied_seq > seq)
    newest = newest->older;
  return newest;
}

// ---- balance_at -----------------------------------------------------------------------------------------------------

// The time of the entry `seq` names, which must be the merchant's.
std::optional<instant> time_of(seq_t seq, const read_query& query, wal::journal_reader& journal, document& shown) {
  const result<const entry*> found = journal.read(seq);
  if (found.ok() && (*found)->merchant == query.of->number)
    return (*found)->at;
  if (found.ok() || found.error().code == failure_code::missing)
    fail(shown, outcome_status::invalid, "no such entry", "seq");
  else
    fail(shown, outcome_status::unavailable, found.error().what);
  return std::nullopt;
}

void balance_at(const read_query& query, wal::journal_reader& journal, document& shown) {
  const command& asked = query.asked->get();
  shown.at = asked.seq ? time_of(*asked.seq, query, journal, shown) : asked.at;
  if (!shown.at)
    return;
  entries_backwards counted;
  const result<void> walked = journal.for_each_back(query.newest, [&](const entry& each) {
    const bool is_counted = asked.seq ? each.seq <= *asked.seq : each.at <= *asked.at;
    if (is_counted)
      counted.add(each);
    return true;
  });
  if (!walked)
    return fail(shown, outcome_status::unavailable, walked.error().what);
  account_state state;
  counted.for_each(query, [&](const entry& each) {
    apply(state, each);
    return true;
  });
  shown.seq = asked.seq ? *asked.seq : state.last_seq;
  const program* version = asked.seq ? version_at(query.active, *asked.seq) : version_at(query.active, *asked.at);
  const account_view view = view_of(state, version, *shown.at); // everything due by then is done in it
  shown.head.available = asked.seq ? state.available : view.available;
  shown.head.pending = asked.seq ? state.pending : view.pending;
  shown.head.reserved = asked.seq ? state.reserved : view.reserved;
  shown.head.lifetime = state.lifetime;
  shown.head.tier = view.tier.value_or(0);
  shown.head.version = version != nullptr ? version->version : 0; // whose tier it is
}

// ---- statement ------------------------------------------------------------------------------------------------------

instant just_before(instant at) { return at.us == std::numeric_limits<std::int64_t>::min() ? at : at.plus_us(-1); }

// When an entry counts: what fell due by itself, when it did, whenever it was written. Never before the entry before it: a lot
// that expired long ago and gets points back expires in the group that gave them.
class value_dates {
public:
  instant next(const entry& each) { return newest_ = std::max(newest_, each.due.value_or(each.at)); }

private:
  instant newest_{std::numeric_limits<std::int64_t>::min()};
};

balances_shown balances_of(const account_state& state, const read_query& query, instant at) {
  const program* version = version_at(query.active, at);
  const account_view view = view_of(state, version, at);
  balances_shown shown{view.available, view.pending, view.reserved, view.lifetime, {}};
  if (view.tier)
    shown.tier = version->rules.tiers->tiers[*view.tier - 1u].name;
  return shown;
}

std::vector<expiry_line> expiries_after(const account_state& state, instant at) {
  const account_state settled = state.next_due <= at ? as_of(state, at) : state;
  std::map<instant, points_t> by_time;
  for (const lot& each : settled.lots)
    if (each.expires_at.us != 0 && each.available + each.pending > points_t{})
      by_time[each.expires_at] += each.available + each.pending;
  std::vector<expiry_line> lines;
  for (const auto& [expires_at, points] : by_time)
    lines.push_back({expires_at, points});
  return lines;
}

// Opening + entries = closing: the opening is what stood just before `from`, the closing what stood just before `until`.
void statement(const read_query& query, wal::journal_reader& journal, document& shown) {
  const command& asked = query.asked->get();
  entries_backwards all;
  const result<void> walked = journal.for_each_back(query.newest, [&](const entry& each) {
    all.add(each);
    return true;
  });
  if (!walked)
    return fail(shown, outcome_status::unavailable, walked.error().what);
  account_state state;
  value_dates dates;
  bool too_many = false;
  const auto open = [&] { shown.opening = balances_of(state, query, std::min(just_before(*asked.from), query.now)); };
  all.for_each(query, [&](const entry& each) {
    const instant counts_at = dates.next(each);
    if (counts_at >= *asked.until)
      return false;
    if (counts_at >= *asked.from) {
      if (!shown.opening)
        open();
      too_many = shown.entries.entries().size() == statement_entries_max;
      if (too_many)
        return false;
      shown.entries.add(each);
    }
    apply(state, each);
    return true;
  });
  if (too_many) {
    shown.entries = {};
    return fail(shown, outcome_status::invalid, "more than 10000 entries lie between: ask for a shorter time", "until");
  }
  if (!shown.opening)
    open();
  const instant end = std::min(just_before(*asked.until), query.now);
  shown.closing = balances_of(state, query, end);
  shown.expiring = expiries_after(state, end);
  shown.from = asked.from;
  shown.until = asked.until;
}

} // namespace

field_problem check_read(const command& asked, instant now) {
  switch (asked.kind) {
  case op::history:
  case op::reviews:
    if (asked.limit && (*asked.limit == 0 || *asked.limit > history_limit_max))
      return {"must be 1 to 1000", "limit"};
    break;
  case op::entry:
    if (asked.seq.has_value() == !asked.order.empty())
      return {"either seq or order", asked.seq ? "order" : "seq"};
    if (asked.order.size() > 0 && asked.account.empty())
      return {"an order needs its account", "account"};
    break;
  case op::balance_at:
    if (asked.at.has_value() == asked.seq.has_value())
      return {"either at or seq", "at"};
    if (asked.at && *asked.at > now)
      return {"is in the future", "at"};
    break;
  case op::statement:
    if (!asked.from || !asked.until)
      return {"is missing", asked.from ? "until" : "from"};
    if (*asked.from > *asked.until)
      return {"must not be before from", "until"};
    break;
  case op::liability:
    if (asked.at && *asked.at > now)
      return {"is in the future", "at"};
    break;
  default:
    break;
  }
  return {};
}

std::unique_ptr<document> read_journal(const read_query& query, wal::journal_reader& journal) {
  const command& asked = query.asked->get();
  auto shown = std::make_unique<document>();
  shown->head.kind = asked.kind;
  shown->active = query.active;
  shown->merchant = query.of != nullptr ? query.of->id : std::string(asked.merchant);
  shown->account = query.account;
  switch (asked.kind) {
  case op::history:
    history(query, journal, *shown);
    break;
  case op::entry:
    if (asked.seq)
      entry_by_seq(query, journal, *shown);
    else
      entry_by_order(query, journal, *shown);
    break;
  case op::count:
    count(query, journal, *shown);
    break;
  case op::balance_at:
    balance_at(query, journal, *shown);
    break;
  case op::statement:
    statement(query, journal, *shown);
    break;
  case op::tail:
    tail_piece(query, journal, *shown);
    break;
  case op::reviews:
    read_reviews(query, journal, *shown);
    break;
  default:
    TALLY_ASSERT(false && "a read of the journal", static_cast<int>(asked.kind));
  }
  return shown;
}

} // namespace tally::actors
