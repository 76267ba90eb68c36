// See document_codec.hpp.
#include "net/document_codec.hpp"

#include "engine/decimal.hpp"
#include "engine/earning.hpp"
#include "net/reply_frame.hpp"

namespace tally::net {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using text_offset = Offset<flatbuffers::String>;
using texts_offset = Offset<flatbuffers::Vector<text_offset>>;

text_offset text(FlatBufferBuilder& builder, std::string_view value) {
  return value.empty() ? text_offset{} : builder.CreateString(value.data(), value.size());
}
// For what repeats all over a document.
text_offset shared_text(FlatBufferBuilder& builder, std::string_view value) {
  return value.empty() ? text_offset{} : builder.CreateSharedString(value.data(), value.size());
}
text_offset possibly_empty_text(FlatBufferBuilder& builder, std::string_view value) {
  return builder.CreateString(value.data(), value.size());
}

std::string_view name_of_state(outcome::account_status_shown state) {
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

std::string_view name_of_rounding(ruleset::rounding round) { return round == ruleset::rounding::floor ? "floor" : "whole_units"; }

// In the contract's order.
constexpr std::pair<review_reason, std::string_view> named_reasons[] = {{over_points_per_order, "max_points_per_order"},
                                                                        {over_order_ratio, "max_order_ratio"},
                                                                        {over_points_per_day, "earn_points_per_day"},
                                                                        {reversal_below_zero, "negative_reversal"}};

texts_offset reason_names(FlatBufferBuilder& builder, review_reasons reasons) {
  if (reasons == 0)
    return {};
  std::vector<text_offset> names;
  for (const auto& [reason, name] : named_reasons) {
    if ((reasons & reason) != 0)
      names.push_back(shared_text(builder, name));
  }
  return builder.CreateVector(names);
}

// ---- names by version ---------------------------------------------------------------------------------------------------

const program* version_of(const actors::document& from, std::uint32_t version) {
  return from.active == nullptr ? nullptr : from.active->find(version);
}

// `place` counts from 1; empty for 0 and for a version that is not there.
std::string_view tier_name(const program* version, std::uint8_t place) {
  if (place == 0 || version == nullptr || !version->rules.tiers || place > version->rules.tiers->tiers.size())
    return {};
  return version->rules.tiers->tiers[place - 1u].name;
}

texts_offset reward_names(FlatBufferBuilder& builder, const program* version, std::uint64_t rewards) {
  if (rewards == 0 || version == nullptr)
    return {};
  std::vector<text_offset> names;
  for (std::size_t i = 0; i < version->rules.rewards.size() && i < 64; ++i) {
    if (((rewards >> i) & 1) != 0)
      names.push_back(possibly_empty_text(builder, version->rules.rewards[i].name));
  }
  return builder.CreateVector(names);
}

// ---- entries ------------------------------------------------------------------------------------------------------------

Offset<wire::rates_used> add_sale_rates(FlatBufferBuilder& builder, const entry& from, const ruleset& rules) {
  if (!rules.earn)
    return {};
  const instant sold_at = from.occurred_at.value_or(from.parked_at.value_or(from.at));
  const earn_rates used = rates_for_sale(rules, from.lines, sold_at, from.tier_multiplier);
  std::vector<text_offset> multipliers;
  for (const rate_t multiplier : used.line_multipliers)
    multipliers.push_back(shared_text(builder, format_rate(multiplier)));
  const auto line_multipliers = builder.CreateVector(multipliers);
  const auto points = shared_text(builder, format_rate(used.points));
  const auto rounding = shared_text(builder, name_of_rounding(used.round));
  const auto order_multiplier = shared_text(builder, format_rate(used.order_multiplier));
  const auto tier_multiplier = shared_text(builder, format_rate(used.tier_multiplier));
  const wire::money_value per(used.per.units);
  wire::rates_usedBuilder table(builder);
  table.add_points(points);
  table.add_per(&per);
  table.add_rounding(rounding);
  table.add_order_multiplier(order_multiplier);
  table.add_tier_multiplier(tier_multiplier);
  table.add_line_multipliers(line_multipliers);
  return table.Finish();
}

Offset<wire::rates_used> add_spending_rates(FlatBufferBuilder& builder, const ruleset& rules) {
  if (!rules.redeem) // a claim needs none: its rates are there, and empty
    return wire::rates_usedBuilder(builder).Finish();
  const auto points = shared_text(builder, std::to_string(rules.redeem->points.value));
  const wire::money_value value(rules.redeem->value.units);
  wire::rates_usedBuilder table(builder);
  table.add_points(points);
  table.add_value(&value);
  return table.Finish();
}

// The rates an entry was decided with, by its own version; none for what has no rates.
Offset<wire::rates_used> add_rates(FlatBufferBuilder& builder, const entry& from, const program* version) {
  if (version == nullptr)
    return {};
  switch (from.kind) {
  case entry_kind::earn:
    return add_sale_rates(builder, from, version->rules);
  case entry_kind::redeem:
  case entry_kind::claim:
  case entry_kind::authorize:
  case entry_kind::capture:
    return add_spending_rates(builder, version->rules);
  default:
    return {};
  }
}

Offset<flatbuffers::Vector<Offset<wire::sides_lot>>> add_lots(FlatBufferBuilder& builder, const entry& from) {
  std::vector<Offset<wire::sides_lot>> tables;
  for (const lot_change& change : from.lots) {
    const wire::seq_value lot(change.lot.value);
    const wire::points_value available(change.available.value), pending(change.pending.value), reserved(change.reserved.value);
    const wire::instant_value available_at(change.available_at.us), expires_at(change.expires_at.us);
    wire::sides_lotBuilder table(builder);
    table.add_lot(&lot);
    table.add_available(&available);
    table.add_pending(&pending);
    table.add_reserved(&reserved);
    table.add_available_at(&available_at);
    if (change.expires_at != instant{})
      table.add_expires_at(&expires_at);
    tables.push_back(table.Finish());
  }
  return builder.CreateVector(tables);
}

Offset<wire::ledger_entry> add_entry(FlatBufferBuilder& builder, const entry& from, const actors::document& document) {
  const auto merchant = shared_text(builder, from.merchant_id.empty() ? std::string_view(document.merchant) : from.merchant_id);
  const auto account = shared_text(builder, from.account);
  const auto kind = shared_text(builder, name_of(from.kind));
  const auto from_side = shared_text(builder, name_of(from.from));
  const auto to_side = shared_text(builder, name_of(from.to));
  const auto order = text(builder, from.order), refund = text(builder, from.refund), reservation = text(builder, from.reservation),
             transfer = text(builder, from.transfer), adjustment = text(builder, from.adjustment), reward = text(builder, from.reward),
             peer = text(builder, from.peer), reason = text(builder, from.reason);
  const auto token = text(builder, from.token), terminal = text(builder, from.terminal), cashier = text(builder, from.cashier),
             note = text(builder, from.note);
  const auto lots = add_lots(builder, from);
  const program* version = version_of(document, from.version);
  const auto rates = add_rates(builder, from, version);

  const wire::seq_value seq(from.seq.value), group(from.group.value), prev_seq(from.prev_seq.value), review(from.review.value);
  const wire::instant_value at(from.at.us), due(from.due.value_or(instant{}).us), occurred_at(from.occurred_at.value_or(instant{}).us);
  const wire::points_value points(from.points.value), pending(from.pending.value), reserved(from.reserved.value), debt(from.debt.value),
      available_after(from.available_after.value), pending_after(from.pending_after.value), reserved_after(from.reserved_after.value);
  const wire::money_value amount(from.amount.value_or(money_t{}).units), total(from.total.value_or(money_t{}).units),
      discount(from.discount.units);
  const bool discounts = from.kind == entry_kind::redeem || from.kind == entry_kind::capture;

  wire::ledger_entryBuilder table(builder);
  table.add_seq(&seq);
  table.add_at(&at);
  if (from.due)
    table.add_due(&due);
  if (from.occurred_at)
    table.add_occurred_at(&occurred_at);
  table.add_group(&group);
  table.add_merchant(merchant);
  table.add_account(account);
  table.add_kind(kind);
  table.add_points(&points);
  table.add_pending(&pending);
  table.add_reserved(&reserved);
  table.add_debt(&debt);
  table.add_available_after(&available_after);
  table.add_pending_after(&pending_after);
  table.add_reserved_after(&reserved_after);
  table.add_from(from_side);
  table.add_to(to_side);
  table.add_order(order);
  table.add_refund(refund);
  table.add_reservation(reservation);
  table.add_transfer(transfer);
  table.add_adjustment(adjustment);
  if (from.review)
    table.add_review(&review);
  table.add_reward(reward);
  table.add_peer(peer);
  table.add_reason(reason);
  if (from.amount)
    table.add_amount(&amount);
  if (from.total)
    table.add_total(&total);
  if (discounts) {
    table.add_discount(&discount);
    if (version != nullptr)
      table.add_discount_digits(static_cast<std::uint8_t>(version->rules.currency_digits));
  }
  table.add_lots(lots);
  if (from.version != 0)
    table.add_version(from.version);
  table.add_rates(rates);
  table.add_token(token);
  table.add_terminal(terminal);
  table.add_cashier(cashier);
  table.add_note(note);
  if (from.prev_seq)
    table.add_prev_seq(&prev_seq);
  return table.Finish();
}

// ---- the rest -----------------------------------------------------------------------------------------------------------

Offset<flatbuffers::Vector<Offset<wire::problem>>> add_problems(FlatBufferBuilder& builder, const std::vector<rules_problem>& problems) {
  if (problems.empty())
    return {};
  std::vector<Offset<wire::problem>> tables;
  for (const rules_problem& problem : problems) {
    const auto key = possibly_empty_text(builder, problem.key);
    const auto what = possibly_empty_text(builder, problem.what);
    wire::problemBuilder table(builder);
    table.add_key(key);
    table.add_what(what);
    if (problem.line != 0)
      table.add_line(problem.line);
    tables.push_back(table.Finish());
  }
  return builder.CreateVector(tables);
}

Offset<flatbuffers::Vector<Offset<wire::program_version>>> add_programs(FlatBufferBuilder& builder, const actors::document& from) {
  if (from.head.kind != op::programs)
    return {};
  std::vector<Offset<wire::program_version>> tables;
  for (const actors::version_line& line : from.programs) {
    const wire::instant_value applied_at(line.applied_at.us);
    const wire::seq_value seq(line.seq.value);
    wire::program_versionBuilder table(builder);
    table.add_version(line.version);
    table.add_applied_at(&applied_at);
    table.add_seq(&seq);
    tables.push_back(table.Finish());
  }
  return builder.CreateVector(tables);
}

Offset<flatbuffers::Vector<Offset<wire::open_review>>> add_reviews(FlatBufferBuilder& builder, const actors::document& from) {
  if (from.head.kind != op::reviews)
    return {};
  std::vector<Offset<wire::open_review>> tables;
  for (const actors::review_line& line : from.reviews) {
    const auto account = text(builder, line.account), kind = shared_text(builder, name_of(line.parked)), order = text(builder, line.order),
               refund = text(builder, line.refund);
    const auto reasons = reason_names(builder, line.reasons);
    const wire::seq_value review(line.review.value);
    const wire::points_value points(line.points.value);
    const wire::money_value total(line.total.value_or(money_t{}).units);
    const wire::instant_value at(line.at.us);
    wire::open_reviewBuilder table(builder);
    table.add_review(&review);
    table.add_account(account);
    table.add_op(kind);
    table.add_order(order);
    table.add_refund(refund);
    table.add_reasons(reasons);
    table.add_points(&points);
    if (line.total)
      table.add_total(&total);
    table.add_at(&at);
    tables.push_back(table.Finish());
  }
  return builder.CreateVector(tables);
}

Offset<wire::balances> add_balances(FlatBufferBuilder& builder, const std::optional<actors::balances_shown>& from) {
  if (!from)
    return {};
  const auto tier = text(builder, from->tier);
  const wire::points_value available(from->available.value), pending(from->pending.value), reserved(from->reserved.value),
      lifetime(from->lifetime.value);
  wire::balancesBuilder table(builder);
  table.add_available(&available);
  table.add_pending(&pending);
  table.add_reserved(&reserved);
  table.add_lifetime(&lifetime);
  table.add_tier(tier);
  return table.Finish();
}

Offset<flatbuffers::Vector<Offset<wire::expiring_points>>> add_expiring(FlatBufferBuilder& builder, const actors::document& from) {
  if (from.head.kind != op::statement)
    return {};
  std::vector<Offset<wire::expiring_points>> tables;
  for (const actors::expiry_line& line : from.expiring) {
    const wire::instant_value at(line.at.us);
    const wire::points_value points(line.points.value);
    tables.push_back(wire::Createexpiring_points(builder, &at, &points));
  }
  return builder.CreateVector(tables);
}

Offset<wire::liability_sum> add_liability(FlatBufferBuilder& builder, const std::optional<actors::liability_shown>& from) {
  if (!from)
    return {};
  std::vector<Offset<wire::month_points>> months;
  for (const actors::month_line& line : from->by_month) {
    const auto month = text(builder, line.month);
    const wire::points_value points(line.points.value);
    months.push_back(wire::Createmonth_points(builder, month, &points));
  }
  const auto by_month = builder.CreateVector(months);
  const wire::points_value available(from->available.value), debt(from->debt.value), pending(from->pending.value),
      reserved(from->reserved.value);
  const wire::money_value value(from->value.value_or(money_t{}).units);
  return wire::Createliability_sum(builder, &available, &debt, &pending, &reserved, by_month, from->value ? &value : nullptr);
}

// The balances that an account read shows are its head's.
outcome head_of(const actors::document& from) {
  outcome head = from.head;
  if (const program* version = version_of(from, head.version))
    head.currency_digits = static_cast<std::uint8_t>(version->rules.currency_digits);
  if (!from.view)
    return head;
  head.available = from.view->available;
  head.pending = from.view->pending;
  head.reserved = from.view->reserved;
  head.lifetime = from.view->lifetime;
  head.tier = from.view->tier.value_or(0);
  head.state = from.view->state;
  head.version = head.active_version = from.view->version;
  return head;
}

// What a head says beyond its numbers. Texts are made before the table begins, `add_to` puts them in.
class head_fields {
public:
  head_fields(FlatBufferBuilder& builder, std::uint64_t id, const outcome& head)
      : head_(make_reply(id, head)), what_(text(builder, head.what)), where_(text(builder, head.where)), name_(text(builder, head.name)),
        names_reward_(head.kind == op::claim), reasons_(reason_names(builder, head.reasons)),
        parked_(static_cast<std::uint8_t>(head.parked)), to_seq_(head.to_seq.value), review_(head.review.value),
        expires_at_(head.expires_at.value_or(instant{}).us), expires_(head.expires_at.has_value()) {}

  void add_to(wire::outcome_documentBuilder& table) const {
    table.add_head(&head_);
    table.add_what(what_);
    table.add_where(where_);
    names_reward_ ? table.add_reward(name_) : table.add_reservation(name_);
    table.add_reasons(reasons_);
    table.add_parked(parked_);
    if (to_seq_.value() != 0)
      table.add_to_seq(&to_seq_);
    if (review_.value() != 0)
      table.add_review(&review_);
    if (expires_)
      table.add_expires_at(&expires_at_);
  }

private:
  wire::reply head_;
  text_offset what_, where_, name_;
  bool names_reward_;
  texts_offset reasons_;
  std::uint8_t parked_;
  wire::seq_value to_seq_, review_;
  wire::instant_value expires_at_;
  bool expires_;
};

// Some answers say whose they are; the others only where the request did not.
bool shows_account(const actors::document& from) {
  switch (from.head.kind) {
  case op::enroll:
  case op::account:
  case op::balance_at:
  case op::profile:
  case op::statement:
    return from.names_account || from.head.status == outcome_status::ok || from.head.status == outcome_status::duplicate;
  default:
    return from.names_account;
  }
}

// tail: several, each an answer of its own.
bool lists_entries(const outcome& head) {
  return head.status == outcome_status::ok && (head.kind == op::history || head.kind == op::statement || head.kind == op::tail);
}

void add_view(wire::outcome_documentBuilder& table, const account_view& view) {
  const wire::points_value tier_points(view.tier_points.value_or(points_t{}).value),
      to_next(view.points_to_next_tier.value_or(points_t{}).value), expiring(view.expiring_30d.value),
      next_points(view.next_expiry_points.value);
  const wire::instant_value next_at(view.next_expiry_at.value_or(instant{}).us);
  const wire::seq_value last_seq(view.last_seq.value);
  if (view.tier_points)
    table.add_tier_points(&tier_points);
  if (view.points_to_next_tier)
    table.add_points_to_next_tier(&to_next);
  table.add_expiring_30d(&expiring);
  if (view.next_expiry_at) {
    table.add_next_expiry_at(&next_at);
    table.add_next_expiry_points(&next_points);
  }
  table.add_last_seq(&last_seq);
}

frame_bytes finish_answer(FlatBufferBuilder& builder, Offset<wire::outcome_document> document) {
  wire::answerBuilder answer(builder);
  answer.add_outcome(document);
  return finish_frame(builder, wire::frame_body::answer, answer.Finish().Union());
}

} // namespace

frame_bytes build_answer(FlatBufferBuilder& builder, std::uint64_t id, const outcome& answer) {
  begin_frame(builder);
  const head_fields head(builder, id, answer);
  wire::outcome_documentBuilder table(builder);
  head.add_to(table);
  return finish_answer(builder, table.Finish());
}

frame_bytes build_answer(FlatBufferBuilder& builder, std::uint64_t id, const actors::document& from) {
  begin_frame(builder);
  const outcome said = head_of(from);
  std::vector<Offset<wire::ledger_entry>> entries;
  for (const entry& line : from.entries.entries())
    entries.push_back(add_entry(builder, line, from));
  const bool has_list = lists_entries(said);
  const auto entry_list = has_list ? builder.CreateVector(entries) : Offset<flatbuffers::Vector<Offset<wire::ledger_entry>>>{};
  const auto problems = add_problems(builder, from.problems);
  const auto programs = add_programs(builder, from);
  const auto reviews = add_reviews(builder, from);
  const auto opening = add_balances(builder, from.opening), closing = add_balances(builder, from.closing);
  const auto expiring = add_expiring(builder, from);
  const auto liability = add_liability(builder, from.liability);
  const auto account = shows_account(from) ? text(builder, from.account) : text_offset{};
  const auto phone = text(builder, from.phone.value_or("")), name = text(builder, from.name.value_or(""));
  const auto hash = text(builder, from.hash.value_or(""));
  const auto toml = from.shown == nullptr ? text_offset{} : possibly_empty_text(builder, from.shown->toml);

  const head_fields head(builder, id, said);
  const program* names = version_of(from, said.active_version != 0 ? said.active_version : said.version);
  const auto tier = text(builder, tier_name(names, said.tier));
  const auto rewards = reward_names(builder, names, from.view ? from.view->rewards : said.rewards);
  const auto next_tier = from.view ? text(builder, tier_name(names, from.view->next_tier.value_or(0))) : text_offset{};
  const auto state = text(builder, name_of_state(said.state));

  const wire::seq_value next_before_seq(from.next_before_seq.value_or(seq_t{}).value), seq(from.seq.value_or(seq_t{}).value),
      next_after(from.next_after.value_or(seq_t{}).value);
  const wire::instant_value at(from.at.value_or(instant{}).us), now(from.now.value_or(instant{}).us),
      applied_at(from.shown == nullptr ? 0 : from.shown->applied_at.us), begin(from.from.value_or(instant{}).us),
      end(from.until.value_or(instant{}).us);

  wire::outcome_documentBuilder table(builder);
  head.add_to(table);
  table.add_problems(problems);
  table.add_account(account);
  table.add_phone(phone);
  table.add_name(name);
  table.add_tier(tier);
  table.add_rewards(rewards);
  table.add_next_tier(next_tier);
  table.add_state(state);
  if (from.view)
    add_view(table, *from.view);
  table.add_entries(entry_list);
  if (from.next_before_seq)
    table.add_next_before_seq(&next_before_seq);
  if (!has_list && !entries.empty())
    table.add_entry(entries.front());
  if (from.count)
    table.add_count(static_cast<std::int64_t>(*from.count));
  if (from.at)
    table.add_at(&at);
  if (from.seq)
    table.add_seq(&seq);
  if (from.shown != nullptr)
    table.add_applied_at(&applied_at);
  table.add_toml(toml);
  table.add_programs(programs);
  table.add_hash(hash);
  if (from.now)
    table.add_now(&now);
  if (from.fired)
    table.add_fired(static_cast<std::int64_t>(*from.fired));
  table.add_opening(opening);
  table.add_closing(closing);
  if (from.from)
    table.add_from(&begin);
  if (from.until)
    table.add_until(&end);
  table.add_reviews(reviews);
  if (from.next_after)
    table.add_next_after(&next_after);
  table.add_expiring(expiring);
  table.add_liability(liability);
  return finish_answer(builder, table.Finish());
}

const wire::ledger_entry& build_entry(FlatBufferBuilder& builder, const entry& shown, const actors::document& context) {
  builder.Clear();
  builder.Finish(add_entry(builder, shown, context));
  return *flatbuffers::GetRoot<wire::ledger_entry>(builder.GetBufferPointer());
}

outcome read_head(const wire::outcome_document& document) {
  const auto text_of = [](const flatbuffers::String* value) { return value == nullptr ? std::string{} : value->str(); };
  outcome head = read_reply(*document.head());
  head.what = text_of(document.what());
  head.where = text_of(document.where());
  head.name = text_of(document.reward() != nullptr ? document.reward() : document.reservation());
  head.parked = static_cast<op>(document.parked());
  if (document.to_seq() != nullptr)
    head.to_seq = {document.to_seq()->value()};
  if (document.review() != nullptr)
    head.review = {document.review()->value()};
  if (document.expires_at() != nullptr)
    head.expires_at = instant{document.expires_at()->us()};
  if (document.reasons() != nullptr) {
    for (const flatbuffers::String* given : *document.reasons()) {
      for (const auto& [reason, name] : named_reasons)
        if (given->string_view() == name)
          head.reasons = static_cast<review_reasons>(head.reasons | reason);
    }
  }
  return head;
}

} // namespace tally::net
