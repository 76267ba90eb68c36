#include "net/outcome_json.hpp"

#include "engine/decimal.hpp"
#include "engine/rfc3339.hpp"
#include "net/tally_generated.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace tally::net {

namespace {

using text = const flatbuffers::String*;

// Writes one object, key by key, at the end of a string.
class object_writer {
public:
  explicit object_writer(std::string& out) : out_(out) { out_ += '{'; }
  object_writer(const object_writer&) = delete;
  object_writer& operator=(const object_writer&) = delete;
  ~object_writer() { out_ += '}'; }

  // Keys are our own and need no escaping.
  std::string& key(std::string_view name) {
    if (!first_)
      out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }
  void null(std::string_view name) { key(name) += "null"; }
  void string(std::string_view name, std::string_view value) { append_json_text(key(name), value); }
  void string(std::string_view name, text value) { value == nullptr ? null(name) : string(name, value->string_view()); }
  template <class Integer>
  void number(std::string_view name, Integer value) {
    char digits[24];
    const auto written = std::to_chars(digits, digits + sizeof digits, value);
    key(name).append(digits, written.ptr);
  }
  void points(std::string_view name, points_t value) { number(name, value.value); }
  void points(std::string_view name, const wire::points_value* value) { value == nullptr ? null(name) : number(name, value->value()); }
  void money(std::string_view name, money_t value, int places = 4) { string(name, format_money(value, places)); }
  void money(std::string_view name, const wire::money_value* value, int places = 4) {
    value == nullptr ? null(name) : money(name, money_t{value->units()}, places);
  }
  void time(std::string_view name, const wire::instant_value* value) {
    value == nullptr ? null(name) : string(name, format_rfc3339(instant{value->us()}));
  }
  void seq(std::string_view name, seq_t value) { value ? number(name, value.value) : null(name); }
  void seq(std::string_view name, const wire::seq_value* value) { value == nullptr ? null(name) : number(name, value->value()); }
  template <class Integer>
  void number(std::string_view name, const flatbuffers::Optional<Integer>& value) {
    value ? number(name, *value) : null(name);
  }
  void version(std::uint32_t value) { value == 0 ? null("version") : number("version", value); }

  void strings(std::string_view name, const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* values) {
    list(name, values, [&](const flatbuffers::String* value) { append_json_text(out_, value->string_view()); });
  }
  template <class Table, class Write>
  void objects(std::string_view name, const flatbuffers::Vector<flatbuffers::Offset<Table>>* values, Write write) {
    list(name, values, [&](const Table* value) {
      object_writer object{out_};
      write(object, *value);
    });
  }
  template <class Vector, class Write>
  void list(std::string_view name, const Vector* values, Write write) {
    key(name) += '[';
    if (values != nullptr) {
      for (flatbuffers::uoffset_t i = 0; i < values->size(); ++i) {
        if (i != 0)
          out_ += ',';
        write(values->Get(i));
      }
    }
    out_ += ']';
  }

private:
  std::string& out_;
  bool first_ = true;
};

// What an answer without a document reads as: every field absent.
const wire::outcome_document& absent() {
  static const flatbuffers::DetachedBuffer bytes = [] {
    flatbuffers::FlatBufferBuilder builder;
    const wire::reply head{};
    builder.Finish(wire::Createoutcome_document(builder, &head));
    return builder.Release();
  }();
  return *flatbuffers::GetRoot<wire::outcome_document>(bytes.data());
}

std::string_view name_of(outcome::account_status_shown state) {
  switch (state) {
  case outcome::active:
    return "active";
  case outcome::lapsing:
    return "lapsing";
  case outcome::suspended:
    return "suspended";
  case outcome::closed:
    return "closed";
  case outcome::none:
    break;
  }
  return {};
}

// Money that is shown with the currency's places, but never with fewer than it has.
int places_of(std::int64_t units, int currency_digits) {
  int needed = 4;
  while (needed > 0 && units % 10 == 0) {
    units /= 10;
    --needed;
  }
  return std::max(needed, currency_digits);
}

void write_entry(object_writer& json, const wire::ledger_entry& entry) {
  json.seq("seq", entry.seq());
  json.time("at", entry.at());
  json.time("due", entry.due());
  json.time("occurred_at", entry.occurred_at());
  json.seq("group", entry.group());
  json.string("merchant", entry.merchant());
  json.string("account", entry.account());
  json.string("kind", entry.kind());
  json.points("points", entry.points());
  json.points("pending", entry.pending());
  json.points("reserved", entry.reserved());
  json.points("debt", entry.debt());
  json.points("available_after", entry.available_after());
  json.points("pending_after", entry.pending_after());
  json.points("reserved_after", entry.reserved_after());
  json.string("from", entry.from());
  json.string("to", entry.to());
  json.string("order", entry.order());
  json.string("refund", entry.refund());
  json.string("reservation", entry.reservation());
  json.string("transfer", entry.transfer());
  json.string("adjustment", entry.adjustment());
  json.seq("review", entry.review());
  json.string("reward", entry.reward());
  json.string("peer", entry.peer());
  json.string("reason", entry.reason());
  json.money("amount", entry.amount());
  json.money("total", entry.total());
  json.money("discount", entry.discount(), entry.discount() == nullptr ? 0 : places_of(entry.discount()->units(), entry.discount_digits()));
  json.objects("lots", entry.lots(), [](object_writer& lot, const wire::sides_lot& value) {
    lot.seq("lot", value.lot());
    lot.points("available", value.available());
    lot.points("pending", value.pending());
    lot.points("reserved", value.reserved());
    lot.time("available_at", value.available_at());
    lot.time("expires_at", value.expires_at());
  });
  json.number("version", entry.version());
  if (const wire::rates_used* used = entry.rates()) {
    object_writer rates{json.key("rates")};
    rates.string("points", used->points());
    rates.money("per", used->per());
    rates.string("rounding", used->rounding());
    rates.string("order_multiplier", used->order_multiplier());
    rates.string("tier_multiplier", used->tier_multiplier());
    rates.strings("line_multipliers", used->line_multipliers());
    rates.money("value", used->value());
  } else {
    json.null("rates");
  }
  json.string("token", entry.token());
  json.string("terminal", entry.terminal());
  json.string("cashier", entry.cashier());
  json.string("note", entry.note());
  json.seq("prev_seq", entry.prev_seq());
}

// Writes the fields of one answer after its status.
class outcome_writer {
public:
  outcome_writer(object_writer& json, op kind, std::string_view asked, const answer& answer)
      : json_(json), kind_(kind), asked_(asked), head_(answer.head), rest_(answer.document == nullptr ? absent() : *answer.document) {}

  void write() {
    json_.string("status", name_of(head_.status));
    switch (head_.status) {
    case outcome_status::ok:
      write_done(head_.status);
      break;
    case outcome_status::duplicate:
      json_.string("first", name_of(head_.first));
      write_done(head_.first);
      break;
    case outcome_status::held:
      write_done(head_.status);
      break;
    case outcome_status::skipped:
      json_.string("reason", name_of(head_.code));
      break;
    case outcome_status::rejected:
      json_.string("code", name_of(head_.code));
      break;
    case outcome_status::invalid:
      write_invalid();
      break;
    case outcome_status::forbidden:
    case outcome_status::overloaded:
    case outcome_status::unavailable:
      json_.string("what", what());
      break;
    }
    // the account of a phone number, and of an inline enrolment
    if (asked_.empty() && rest_.account() != nullptr && !shows_account_)
      json_.string("account", rest_.account());
  }

private:
  void write_done(outcome_status status) { status == outcome_status::held ? write_held() : write_fields_of(kind_); }

  // The fields of an `ok` outcome.
  void write_fields_of(op kind) {
    switch (kind) {
    case op::enroll:
      return write_enroll();
    case op::earn:
      return write_earn();
    case op::preview:
      return write_redemption();
    case op::redeem:
      json_.seq("seq", head_.seq);
      return write_redemption();
    case op::claim:
      return write_claim();
    case op::authorize:
      return write_authorize();
    case op::capture:
      return write_capture();
    case op::void_:
      return write_void();
    case op::reverse:
      return write_reverse();
    case op::adjust:
      return write_adjust();
    case op::transfer:
      return write_transfer();
    case op::suspend:
    case op::reactivate:
    case op::close:
      return write_status_change();
    case op::account:
      return write_account();
    case op::history:
      return write_history();
    case op::entry:
    case op::tail: // whose lines are written by append_outcome
      return write_one_entry(rest_.entry());
    case op::count:
      return json_.number("count", rest_.count());
    case op::balance_at:
      return write_balance_at();
    case op::approve:
      return write_approve();
    case op::reject:
      json_.seq("seq", head_.seq);
      return write_review();
    case op::program:
      return write_program();
    case op::programs:
      return write_programs();
    case op::put_program:
      json_.seq("seq", head_.seq);
      return json_.version(head_.version);
    case op::profile:
      return write_profile();
    case op::erase:
      return json_.seq("seq", head_.seq);
    case op::statement:
      return write_statement();
    case op::digest:
      write_seq_shown();
      return json_.string("hash", rest_.hash());
    case op::advance_clock:
      json_.time("now", rest_.now());
      return json_.number("fired", rest_.fired());
    case op::reviews:
      return write_reviews();
    case op::liability:
      return write_liability();
    case op::none:
      return;
    }
  }

  void write_held() {
    json_.seq("seq", head_.seq);
    write_review();
    json_.strings("reasons", rest_.reasons());
    json_.points("points", head_.points);
    json_.version(head_.version);
  }

  void write_invalid() {
    json_.string("what", what());
    const std::string_view where = !head_.where.empty() ? std::string_view{head_.where} : view(rest_.where());
    where.empty() ? json_.null("where") : json_.string("where", where);
    if (kind_ == op::put_program && rest_.problems() != nullptr)
      json_.objects("problems", rest_.problems(), [](object_writer& problem, const wire::problem& value) {
        problem.string("key", value.key());
        problem.string("what", value.what());
      });
  }

  void write_enroll() {
    json_.seq("seq", head_.seq);
    write_account_name();
    json_.points("points", head_.points);
    write_balances_and_version();
  }

  void write_earn() {
    json_.seq("seq", head_.seq);
    json_.points("points", head_.points);
    write_balances();
    json_.strings("rewards", rest_.rewards());
    json_.version(head_.version);
  }

  void write_redemption() {
    json_.points("points_used", head_.points);
    write_discount();
    write_balances_and_version();
  }

  void write_claim() {
    json_.seq("seq", head_.seq);
    json_.string("reward", rest_.reward());
    json_.points("points_used", head_.points);
    write_balances_and_version();
  }

  void write_authorize() {
    json_.seq("seq", head_.seq);
    json_.string("reservation", rest_.reservation());
    json_.points("points_used", head_.points);
    json_.time("expires_at", rest_.expires_at());
    write_balances_and_version();
  }

  void write_capture() {
    json_.seq("seq", head_.seq);
    json_.string("reservation", rest_.reservation());
    json_.points("points_used", head_.points);
    json_.points("points_returned", head_.points_2);
    write_discount();
    write_balances_and_version();
  }

  void write_void() {
    json_.seq("seq", head_.seq);
    json_.string("reservation", rest_.reservation());
    json_.points("points_returned", head_.points_2);
    write_balances_and_version();
  }

  void write_reverse() {
    json_.seq("seq", head_.seq);
    json_.points("points_taken", head_.points);
    json_.points("points_restored", head_.points_2);
    json_.points("points_expired", head_.points_3);
    json_.money("refunded", head_.amount);
    write_balances_and_version();
  }

  void write_adjust() {
    json_.seq("seq", head_.seq);
    json_.points("points", head_.points);
    write_balances_and_version();
  }

  void write_transfer() {
    json_.seq("seq", head_.seq);
    json_.seq("to_seq", rest_.to_seq());
    json_.points("points", head_.points);
    write_balances_and_version();
  }

  void write_status_change() {
    json_.seq("seq", head_.seq);
    write_state();
    json_.points("points_forfeited", head_.points);
    write_balances_and_version();
  }

  void write_account() {
    write_account_name();
    write_balances();
    json_.points("tier_points", rest_.tier_points());
    json_.string("next_tier", rest_.next_tier());
    json_.points("points_to_next_tier", rest_.points_to_next_tier());
    json_.points("expiring_30d", rest_.expiring_30d());
    json_.time("next_expiry_at", rest_.next_expiry_at());
    json_.points("next_expiry_points", rest_.next_expiry_points());
    write_state();
    json_.strings("rewards", rest_.rewards());
    json_.seq("last_seq", rest_.last_seq());
    json_.version(head_.version);
  }

  void write_history() {
    write_entries();
    json_.seq("next_before_seq", rest_.next_before_seq());
  }

  void write_one_entry(const wire::ledger_entry* shown) {
    if (shown == nullptr)
      return json_.null("entry");
    object_writer entry{json_.key("entry")};
    write_entry(entry, *shown);
  }

  void write_balance_at() {
    write_account_name();
    json_.time("at", rest_.at());
    write_seq_shown();
    write_balances();
  }

  // What the parked operation answers now that it is done; its seq is the approval's.
  void write_approve() {
    write_fields_of(head_.parked == op::reverse ? op::reverse : op::earn);
    write_review();
  }

  void write_reviews() {
    json_.objects("reviews", rest_.reviews(), [](object_writer& review, const wire::open_review& value) {
      review.seq("review", value.review());
      review.string("account", value.account());
      review.string("op", value.op());
      review.string("order", value.order());
      review.string("refund", value.refund());
      review.strings("reasons", value.reasons());
      review.points("points", value.points());
      review.money("total", value.total());
      review.time("at", value.at());
    });
    json_.seq("next_after", rest_.next_after());
  }

  void write_program() {
    json_.version(head_.version);
    json_.time("applied_at", rest_.applied_at());
    json_.string("toml", rest_.toml());
  }

  void write_programs() {
    json_.objects("programs", rest_.programs(), [](object_writer& program, const wire::program_version& value) {
      program.number("version", value.version());
      program.time("applied_at", value.applied_at());
      program.seq("seq", value.seq());
    });
  }

  void write_profile() {
    write_account_name();
    json_.string("phone", rest_.phone());
    json_.string("name", rest_.name());
  }

  void write_statement() {
    write_account_name();
    json_.time("from", rest_.from());
    json_.time("until", rest_.until());
    write_balances_of("opening", rest_.opening());
    write_balances_of("closing", rest_.closing());
    write_entries();
    json_.objects("expiring", rest_.expiring(), [](object_writer& lot, const wire::expiring_points& value) {
      lot.time("at", value.at());
      lot.points("points", value.points());
    });
  }

  void write_balances_of(std::string_view name, const wire::balances* value) {
    if (value == nullptr)
      return json_.null(name);
    object_writer balances{json_.key(name)};
    balances.points("available", value->available());
    balances.points("pending", value->pending());
    balances.points("reserved", value->reserved());
    balances.points("lifetime", value->lifetime());
    balances.string("tier", value->tier());
  }

  void write_liability() {
    json_.time("at", rest_.at());
    write_seq_shown();
    const wire::liability_sum* sum = rest_.liability();
    json_.points("available", sum == nullptr ? nullptr : sum->available());
    json_.points("debt", sum == nullptr ? nullptr : sum->debt());
    json_.points("pending", sum == nullptr ? nullptr : sum->pending());
    json_.points("reserved", sum == nullptr ? nullptr : sum->reserved());
    json_.objects("by_month", sum == nullptr ? nullptr : sum->by_month(), [](object_writer& month, const wire::month_points& value) {
      month.string("month", value.month());
      month.points("points", value.points());
    });
    json_.money("value", sum == nullptr ? nullptr : sum->value());
  }

  void write_entries() {
    json_.objects("entries", rest_.entries(), [](object_writer& entry, const wire::ledger_entry& value) { write_entry(entry, value); });
  }

  void write_review() { rest_.review() != nullptr ? json_.seq("review", rest_.review()) : json_.seq("review", head_.seq); }

  // 0 where nothing was counted yet: that is a number, too.
  void write_seq_shown() { rest_.seq() != nullptr ? json_.seq("seq", rest_.seq()) : json_.number("seq", head_.seq.value); }

  void write_account_name() {
    shows_account_ = true;
    rest_.account() != nullptr ? json_.string("account", rest_.account()) : json_.string("account", asked_);
  }

  void write_state() {
    const std::string_view state = rest_.state() != nullptr ? view(rest_.state()) : name_of(head_.state);
    state.empty() ? json_.null("state") : json_.string("state", state);
  }

  void write_discount() { json_.money("discount", head_.amount, head_.currency_digits); }

  void write_balances_and_version() {
    write_balances();
    json_.version(head_.version);
  }

  void write_balances() {
    json_.points("available", head_.available);
    json_.points("pending", head_.pending);
    json_.points("reserved", head_.reserved);
    json_.points("lifetime", head_.lifetime);
    json_.string("tier", rest_.tier());
    if (head_.tier_changed)
      json_.key("tier_changed") += "true";
  }

  std::string_view what() const { return !head_.what.empty() ? std::string_view{head_.what} : view(rest_.what()); }

  static std::string_view view(text value) { return value == nullptr ? std::string_view{} : value->string_view(); }
  static std::string_view name_of(outcome_status status) { return tally::name_of(status); }
  static std::string_view name_of(outcome_code code) { return tally::name_of(code); }
  static std::string_view name_of(outcome::account_status_shown state) { return net::name_of(state); }

  object_writer& json_;
  op kind_;
  std::string_view asked_;
  const outcome& head_;
  const wire::outcome_document& rest_;
  bool shows_account_ = false;
};

// How many bytes the UTF-8 sequence at the start of `text` has; 0 if it is none.
std::size_t sequence_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes)
    return 0;
  for (std::size_t i = 1; i < bytes; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  const unsigned char second = byte(1);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool beyond = (lead == 0xed && second >= 0xa0) || (lead == 0xf4 && second >= 0x90);
  return overlong || beyond ? 0 : bytes;
}

} // namespace

void append_outcome(std::string& out, op kind, std::string_view asked, const answer& answer) {
  if (kind == op::tail && answer.document != nullptr && answer.document->entries() != nullptr) {
    bool first = true;
    for (const wire::ledger_entry* each : *answer.document->entries()) {
      if (!std::exchange(first, false))
        out += '\n';
      append_entry_line(out, *each);
    }
    return;
  }
  object_writer json{out};
  outcome_writer{json, kind, asked, answer}.write();
}

void append_entry_line(std::string& out, const wire::ledger_entry& shown) {
  object_writer json{out};
  json.string("status", name_of(outcome_status::ok));
  object_writer entry{json.key("entry")};
  write_entry(entry, shown);
}

void append_invalid(std::string& out, const operation_problem& problem) {
  object_writer json{out};
  json.string("status", name_of(outcome_status::invalid));
  json.string("what", problem.what);
  problem.where.empty() ? json.null("where") : json.string("where", problem.where);
}

void append_entry(std::string& out, const wire::ledger_entry& entry) {
  object_writer json{out};
  write_entry(json, entry);
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80) {
      const std::size_t bytes = sequence_bytes(text.substr(i));
      out += bytes == 0 ? std::string_view{"\xef\xbf\xbd"} : text.substr(i, bytes);
      i += std::max<std::size_t>(bytes, 1);
      continue;
    }
    ++i;
    switch (byte) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (byte >= 0x20 && byte != 0x7f) {
        out += static_cast<char>(byte);
      } else {
        constexpr char hex[] = "0123456789abcdef";
        out += "\\u00";
        out += hex[byte >> 4];
        out += hex[byte & 15];
      }
    }
  }
  out += '"';
}

} // namespace tally::net
