#include "tests/model/answer_words.hpp"

#include "engine/decimal.hpp"
#include "net/client.hpp"
#include "tests/model/history_words.hpp"
#include "tests/model/slow_journal.hpp"

#include "net/tally_generated.h"

namespace tally::model {

namespace {

std::string text_of(const flatbuffers::String* string) { return string == nullptr ? std::string() : string->str(); }

std::int64_t seq_of(const wire::seq_value* seq) { return seq == nullptr ? 0 : static_cast<std::int64_t>(seq->value()); }

std::int64_t points_of(const wire::points_value* points) { return points == nullptr ? 0 : points->value(); }

std::string time_of(const wire::instant_value* at) { return at == nullptr ? "" : rfc3339(at->us()); }

void add_rewards(const wire::outcome_document& document, model_outcome& to) {
  if (document.rewards() != nullptr)
    for (const auto* reward : *document.rewards())
      to.rewards.push_back(reward->str());
}

// Its own names of tiers and rewards.
std::string outcome(bool asked_account, const net::answer& answer) {
  model_outcome out = shown(answer.head, {});
  out.rewards.clear();
  if (answer.head.status == outcome_status::forbidden)
    out.code.clear(); // a sentence for people
  if (answer.document != nullptr) {
    add_rewards(*answer.document, out);
    if (!asked_account && answer.document->account() != nullptr && answer.head.status != outcome_status::invalid)
      out.texts["account"] = answer.document->account()->str();
  }
  if (out.texts.contains("tier"))
    out.texts["tier"] = answer.document == nullptr ? "" : text_of(answer.document->tier());
  return describe(out);
}

std::string view(const net::answer& answer) {
  model_outcome out{"ok", "", {}, {}, {}};
  const wire::outcome_document& document = *answer.document;
  auto& fields = out.fields;
  fields["available"] = answer.head.available.value;
  fields["pending"] = answer.head.pending.value;
  fields["reserved"] = answer.head.reserved.value;
  fields["lifetime"] = answer.head.lifetime.value;
  fields["version"] = answer.head.version;
  fields["last_seq"] = seq_of(document.last_seq());
  const auto points = [&](const char* name, const wire::points_value* value) {
    if (value != nullptr)
      fields[name] = value->value();
  };
  points("tier_points", document.tier_points());
  points("points_to_next_tier", document.points_to_next_tier());
  points("expiring_30d", document.expiring_30d());
  fields["next_expiry_points"] = points_of(document.next_expiry_points());
  if (document.next_expiry_at() != nullptr)
    fields["next_expiry_at"] = document.next_expiry_at()->us();
  out.texts["account"] = text_of(document.account());
  out.texts["tier"] = text_of(document.tier());
  if (document.next_tier() != nullptr)
    out.texts["next_tier"] = text_of(document.next_tier());
  out.texts["state"] = text_of(document.state());
  add_rewards(document, out);
  return describe(out);
}

std::string profile(const wire::outcome_document& document) {
  return describe(
      model_outcome{"ok",
                    "",
                    {},
                    {{"account", text_of(document.account())}, {"phone", text_of(document.phone())}, {"name", text_of(document.name())}},
                    {}});
}

std::string entry(const wire::ledger_entry& one) {
  model_entry out;
  out.account = text_of(one.account());
  out.kind = text_of(one.kind());
  out.seq = seq_of(one.seq());
  out.group = seq_of(one.group());
  if (one.due() != nullptr)
    out.due = one.due()->us();
  out.points = points_of(one.points());
  out.pending = points_of(one.pending());
  out.reserved = points_of(one.reserved());
  out.debt = points_of(one.debt());
  out.available_after = points_of(one.available_after());
  out.pending_after = points_of(one.pending_after());
  out.reserved_after = points_of(one.reserved_after());
  out.from = text_of(one.from());
  out.to = text_of(one.to());
  out.order = text_of(one.order());
  for (const auto* reference : {one.refund(), one.reservation(), one.transfer(), one.adjustment(), one.reward()})
    out.reference += text_of(reference);
  out.review = seq_of(one.review());
  out.peer = text_of(one.peer());
  out.discount = one.discount() == nullptr ? 0 : one.discount()->units();
  if (names_version(out.kind) && one.version())
    out.version = static_cast<std::uint32_t>(*one.version());
  if (out.kind == "earn" && one.rates() != nullptr)
    out.tier_multiplier_micros = parse_rate(text_of(one.rates()->tier_multiplier())).value_or(rate_t{}).micros;
  std::map<std::int64_t, model_lot_change> lots;
  if (one.lots() != nullptr)
    for (const auto* lot : *one.lots()) {
      model_lot_change& sum = lots[seq_of(lot->lot())];
      sum.lot = seq_of(lot->lot());
      sum.available += points_of(lot->available());
      sum.pending += points_of(lot->pending());
      sum.reserved += points_of(lot->reserved());
    }
  for (const auto& [number, change] : lots)
    if (change.available != 0 || change.pending != 0 || change.reserved != 0)
      out.lots.push_back(change);
  return describe_shown(one.at()->us(), seq_of(one.prev_seq()), out);
}

std::string entries(const wire::outcome_document& document) {
  std::string text;
  if (document.entries() != nullptr)
    for (const auto* one : *document.entries())
      text += entry(*one);
  return text;
}

std::string balances(const wire::balances& shown) {
  return describe_balances(points_of(shown.available()), points_of(shown.pending()), points_of(shown.reserved()),
                           points_of(shown.lifetime()), text_of(shown.tier()));
}

std::string statement(const wire::outcome_document& document) {
  std::string text = time_of(document.from()) + " " + time_of(document.until()) + "\n" + balances(*document.opening()) +
                     balances(*document.closing()) + entries(document);
  if (document.expiring() != nullptr)
    for (const auto* one : *document.expiring())
      text += time_of(one->at()) + " " + std::to_string(points_of(one->points())) + "\n";
  return text;
}

std::string liability(const wire::outcome_document& document) {
  const wire::liability_sum& sum = *document.liability();
  std::string text = time_of(document.at()) + " " + std::to_string(seq_of(document.seq())) + " available " +
                     std::to_string(points_of(sum.available())) + " debt " + std::to_string(points_of(sum.debt())) + " pending " +
                     std::to_string(points_of(sum.pending())) + " reserved " + std::to_string(points_of(sum.reserved()));
  if (sum.by_month() != nullptr)
    for (const auto* month : *sum.by_month())
      text += " [" + text_of(month->month()) + " " + std::to_string(points_of(month->points())) + "]";
  return sum.value() == nullptr ? text : text + " value " + std::to_string(sum.value()->units());
}

std::string reviews(const wire::outcome_document& document) {
  std::string text;
  if (document.reviews() != nullptr)
    for (const auto* one : *document.reviews()) {
      text += std::to_string(seq_of(one->review())) + " " + text_of(one->account()) + " " + text_of(one->op()) + " " +
              text_of(one->order()) + " " + text_of(one->refund()) + " " + std::to_string(points_of(one->points())) + " ";
      if (one->reasons() != nullptr)
        for (const auto* reason : *one->reasons())
          text += reason->str() + " ";
      text += "\n";
    }
  return document.next_after() == nullptr ? text : text + "next " + std::to_string(seq_of(document.next_after()));
}

std::string programs(const wire::outcome_document& document) {
  std::string text;
  if (document.programs() != nullptr)
    for (const auto* one : *document.programs())
      text += std::to_string(one->version()) + " " + time_of(one->applied_at()) + " " + std::to_string(seq_of(one->seq())) + "\n";
  return text;
}

} // namespace

std::string said(op kind, bool asked_account, const net::answer& answer) {
  const bool is_done = answer.head.status == outcome_status::ok && answer.document != nullptr;
  if (!is_done && kind != op::put_program)
    return outcome(asked_account, answer);
  switch (kind) {
  case op::account:
    return view(answer);
  case op::profile:
    return profile(*answer.document);
  case op::history:
    return entries(*answer.document) +
           (answer.document->next_before_seq() == nullptr ? "" : "next " + std::to_string(seq_of(answer.document->next_before_seq())));
  case op::tail:
    return entries(*answer.document);
  case op::entry:
    return entry(*answer.document->entry());
  case op::count:
    return std::to_string(answer.document->count().value_or(-1));
  case op::balance_at:
    return time_of(answer.document->at()) + " " + std::to_string(seq_of(answer.document->seq())) + " " +
           describe_balances(answer.head.available.value, answer.head.pending.value, answer.head.reserved.value, answer.head.lifetime.value,
                             text_of(answer.document->tier()));
  case op::statement:
    return statement(*answer.document);
  case op::liability:
    return liability(*answer.document);
  case op::reviews:
    return reviews(*answer.document);
  case op::program:
    return std::to_string(answer.head.version) + " " + time_of(answer.document->applied_at()) + "\n" + text_of(answer.document->toml());
  case op::programs:
    return programs(*answer.document);
  case op::put_program:
    return std::string(name_of(answer.head.status)) + " " + std::to_string(answer.head.seq.value) + " " +
           std::to_string(answer.head.version);
  case op::digest:
    return std::to_string(seq_of(answer.document->seq()));
  case op::advance_clock:
    return time_of(answer.document->now()) + " " + std::to_string(answer.document->fired().value_or(-1));
  default:
    return outcome(asked_account, answer);
  }
}

} // namespace tally::model
