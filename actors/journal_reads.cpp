#include "actors/journal_reads.hpp"

#include "actors/review_list.hpp"
#include "engine/account.hpp"
#include "engine/decide.hpp"
#include "wal/entry_codec.hpp"

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

// ---- balance_at -----------------------------------------------------------------------------------------------------

// The account's entries, found newest first and wanted oldest first: kept as their bytes, a tenth of what they are in memory.
class entries_backwards {
public:
  void add(const entry& each) {
    places_.push_back({each.seq, each.at, bytes_.size()});
    wal::encode(each, bytes_);
  }

  void apply_to(account_state& state, const read_query& query) const {
    wal::decode_buffer buffer;
    for (auto place = places_.rbegin(); place != places_.rend(); ++place) {
      std::span<const std::byte> record = std::span(bytes_).subspan(place->offset);
      entry decoded;
      const result<void> done = wal::decode(record, place->seq, place->at, buffer, decoded);
      TALLY_ASSERT(done.ok(), static_cast<long long>(place->seq.value));
      decoded.merchant = query.of->number;
      apply(state, decoded);
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

const program* version_at(const program* newest, instant at) {
  while (newest != nullptr && newest->applied_at > at)
    newest = newest->older;
  return newest;
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
  counted.apply_to(state, query);
  shown.seq = asked.seq ? *asked.seq : state.last_seq;
  if (asked.at)
    state = as_of(state, *asked.at);
  shown.head.available = state.available;
  shown.head.pending = state.pending;
  shown.head.reserved = state.reserved;
  shown.head.lifetime = state.lifetime;
  const program* version = version_at(query.active, *shown.at);
  if (version != nullptr && state.status != account_status::none) {
    shown.head.tier = view_of(state, version, *shown.at).tier.value_or(0);
    shown.head.version = version->version; // whose tier it is
  }
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
  case op::reviews:
    read_reviews(query, journal, *shown);
    break;
  default:
    TALLY_ASSERT(false && "a read of the journal", static_cast<int>(asked.kind));
  }
  return shown;
}

} // namespace tally::actors
