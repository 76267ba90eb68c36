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
  const earn_rates used = rates_for_sale(rules, from.lines, from.occurred_at.value_or(from.at), from.tier_multiplier);
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
  if (!rules.redeem)
    return {};
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
  const auto rates = add_rates(builder, from, version_of(document, from.version));

  const wire::seq_value seq(from.seq.value), group(from.group.value), prev_seq(from.prev_seq.value);
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
  table.add_reward(reward);
  table.add_peer(peer);
  table.add_reason(reason);
  if (from.amount)
    table.add_amount(&amount);
  if (from.total)
    table.add_total(&total);
  if (discounts)
    table.add_discount(&discount);
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

// The balances that an account read shows are its head's.
wire::reply make_head(std::uint64_t id, const actors::document& from) {
  if (!from.view)
    return make_reply(id, from.head);
  outcome head = from.head;
  head.available = from.view->available;
  head.pending = from.view->pending;
  head.reserved = from.view->reserved;
  head.lifetime = from.view->lifetime;
  head.tier = from.view->tier.value_or(0);
  head.state = from.view->state;
  head.version = from.view->version;
  return make_reply(id, head);
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
  const auto what = text(builder, answer.what), where = text(builder, answer.where);
  const wire::reply head = make_reply(id, answer);
  const wire::seq_value to_seq(answer.to_seq.value);
  wire::outcome_documentBuilder table(builder);
  table.add_head(&head);
  table.add_what(what);
  table.add_where(where);
  if (answer.to_seq)
    table.add_to_seq(&to_seq);
  return finish_answer(builder, table.Finish());
}

frame_bytes build_answer(FlatBufferBuilder& builder, std::uint64_t id, const actors::document& from) {
  begin_frame(builder);
  std::vector<Offset<wire::ledger_entry>> entries;
  for (const entry& line : from.entries.entries())
    entries.push_back(add_entry(builder, line, from));
  const bool lists_entries = from.head.kind == op::history && from.head.status == outcome_status::ok;
  const auto entry_list = lists_entries ? builder.CreateVector(entries) : Offset<flatbuffers::Vector<Offset<wire::ledger_entry>>>{};
  const auto problems = add_problems(builder, from.problems);
  const auto programs = add_programs(builder, from);
  const auto what = text(builder, from.head.what), where = text(builder, from.head.where);
  const auto account = text(builder, from.account);
  const auto hash = text(builder, from.hash.value_or(""));
  const auto toml = from.shown == nullptr ? text_offset{} : possibly_empty_text(builder, from.shown->toml);

  const wire::reply head = make_head(id, from);
  const program* version = version_of(from, head.version());
  const auto tier = text(builder, tier_name(version, head.tier()));
  const auto rewards = reward_names(builder, version, from.view ? from.view->rewards : from.head.rewards);
  const auto next_tier = from.view ? text(builder, tier_name(version, from.view->next_tier.value_or(0))) : text_offset{};
  const auto state = text(builder, name_of_state(static_cast<outcome::account_status_shown>(head.state())));

  const wire::seq_value next_before_seq(from.next_before_seq.value_or(seq_t{}).value), seq(from.seq.value_or(seq_t{}).value),
      to_seq(from.head.to_seq.value);
  const wire::instant_value at(from.at.value_or(instant{}).us), now(from.now.value_or(instant{}).us),
      applied_at(from.shown == nullptr ? 0 : from.shown->applied_at.us);

  wire::outcome_documentBuilder table(builder);
  table.add_head(&head);
  table.add_what(what);
  table.add_where(where);
  table.add_problems(problems);
  table.add_account(account);
  table.add_tier(tier);
  table.add_rewards(rewards);
  table.add_next_tier(next_tier);
  table.add_state(state);
  if (from.view)
    add_view(table, *from.view);
  table.add_entries(entry_list);
  if (from.next_before_seq)
    table.add_next_before_seq(&next_before_seq);
  if (!lists_entries && !entries.empty())
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
  if (from.head.to_seq)
    table.add_to_seq(&to_seq);
  return finish_answer(builder, table.Finish());
}

} // namespace tally::net
