// See operation_codec.hpp. One encoder and one decoder an operation; the first six fields are the same in every table, at
// the same places, and are read and written once for all.
#include "net/operation_codec.hpp"

#include "engine/assert.hpp"
#include "net/tally_generated.h"

#include <limits>

namespace tally::net {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::String;
using text_offset = Offset<String>;

// ---- encode -----------------------------------------------------------------------------------------------------------

text_offset text(FlatBufferBuilder& builder, std::string_view value) {
  return value.empty() ? text_offset{} : builder.CreateString(value.data(), value.size());
}

// The optional structs of a table: null where there is no value.
struct money_field {
  explicit money_field(const std::optional<money_t>& value) : there(value), wire(value ? value->units : 0) {}
  const wire::money_value* get() const { return there ? &wire : nullptr; }
  bool there;
  wire::money_value wire;
};
struct points_field {
  explicit points_field(const std::optional<points_t>& value) : there(value), wire(value ? value->value : 0) {}
  const wire::points_value* get() const { return there ? &wire : nullptr; }
  bool there;
  wire::points_value wire;
};
struct instant_field {
  explicit instant_field(const std::optional<instant>& value) : there(value), wire(value ? value->us : 0) {}
  const wire::instant_value* get() const { return there ? &wire : nullptr; }
  bool there;
  wire::instant_value wire;
};
struct seq_field {
  explicit seq_field(const std::optional<seq_t>& value) : there(value), wire(value ? value->value : 0) {}
  const wire::seq_value* get() const { return there ? &wire : nullptr; }
  bool there;
  wire::seq_value wire;
};

struct common_texts {
  text_offset merchant, account, terminal, cashier, note, token;
};

common_texts add_common_texts(FlatBufferBuilder& builder, const command& from) {
  return {text(builder, from.merchant), text(builder, from.account), text(builder, from.terminal),
          text(builder, from.cashier),  text(builder, from.note),    text(builder, from.token)};
}

// Begins the table and puts the six common fields; the caller adds its own and finishes.
template <class Builder>
Builder begin_table(FlatBufferBuilder& builder, const common_texts& common) {
  Builder table(builder);
  table.add_merchant(common.merchant);
  table.add_account(common.account);
  table.add_terminal(common.terminal);
  table.add_cashier(common.cashier);
  table.add_note(common.note);
  table.add_token(common.token);
  return table;
}

Offset<flatbuffers::Vector<Offset<wire::receipt_line>>> add_lines(FlatBufferBuilder& builder, std::span<const sale_line> lines) {
  if (lines.empty())
    return {};
  std::vector<Offset<wire::receipt_line>> tables;
  tables.reserve(lines.size());
  for (const sale_line& line : lines) {
    const auto sku = builder.CreateString(line.sku.data(), line.sku.size()); // required: empty ones too
    const auto category = text(builder, line.category);
    const wire::money_value amount(line.amount.units);
    wire::receipt_lineBuilder table(builder);
    table.add_quantity(line.quantity);
    table.add_amount(&amount);
    table.add_category(category);
    table.add_sku(sku);
    tables.push_back(table.Finish());
  }
  return builder.CreateVector(tables);
}

Offset<flatbuffers::Vector<text_offset>> add_kinds(FlatBufferBuilder& builder, kind_set kinds) {
  if (kinds.bits == 0)
    return {};
  std::vector<text_offset> names;
  for (std::uint8_t number = 1; number < entry_kind_count; ++number) {
    if (((kinds.bits >> number) & 1) != 0)
      names.push_back(text(builder, name_of(static_cast<entry_kind>(number))));
  }
  return builder.CreateVector(names);
}

// The one kind of an `entry` read.
text_offset add_kind(FlatBufferBuilder& builder, kind_set kinds) {
  for (std::uint8_t number = 1; number < entry_kind_count; ++number) {
    if (kinds.bits == 1u << number)
      return text(builder, name_of(static_cast<entry_kind>(number)));
  }
  return {};
}

template <class Builder>
Offset<void> finish(Builder& table) {
  return table.Finish().Union();
}

// ---- decode -----------------------------------------------------------------------------------------------------------

std::string_view view(const String* value) {
  return value == nullptr ? std::string_view{} : std::string_view(value->c_str(), value->size());
}

std::optional<money_t> value_of(const wire::money_value* value) {
  return value == nullptr ? std::nullopt : std::optional(money_t{value->units()});
}
std::optional<points_t> value_of(const wire::points_value* value) {
  return value == nullptr ? std::nullopt : std::optional(points_t{value->value()});
}
std::optional<instant> value_of(const wire::instant_value* value) {
  return value == nullptr ? std::nullopt : std::optional(instant{value->us()});
}
std::optional<seq_t> value_of(const wire::seq_value* value) {
  return value == nullptr ? std::nullopt : std::optional(seq_t{value->value()});
}

// False: does not fit.
template <class Number>
bool narrow(const flatbuffers::Optional<std::int64_t>& from, std::optional<Number>& to) {
  if (!from.has_value())
    return true;
  if (*from < std::numeric_limits<Number>::min() || *from > std::numeric_limits<Number>::max())
    return false;
  to = static_cast<Number>(*from);
  return true;
}

bool read_kinds(const flatbuffers::Vector<text_offset>* names, kind_set& kinds) {
  if (names == nullptr)
    return true;
  for (const String* name : *names) {
    const auto kind = entry_kind_named(view(name));
    if (!kind)
      return false;
    kinds.insert(*kind);
  }
  return true;
}

void read_common(const void* table, command& out) {
  const auto* common = static_cast<const wire::programs_op*>(table); // has nothing but the six
  out.merchant = view(common->merchant());
  out.account = view(common->account());
  out.terminal = view(common->terminal());
  out.cashier = view(common->cashier());
  out.note = view(common->note());
  out.token = view(common->token());
}

void read_lines(const wire::earn_op& table, operation_buffer& buffer, command& out) {
  const auto* lines = table.lines();
  if (lines == nullptr || lines->size() == 0)
    return;
  buffer.lines.clear();
  buffer.lines.reserve(lines->size());
  for (const wire::receipt_line* line : *lines)
    buffer.lines.push_back({view(line->sku()), view(line->category()), line->quantity(), money_t{line->amount()->units()}});
  out.lines = buffer.lines;
}

} // namespace

Offset<void> encode_operation(FlatBufferBuilder& builder, const command& from) {
  const common_texts common = add_common_texts(builder, from);
  switch (from.kind) {
  case op::enroll: {
    const auto phone = text(builder, from.phone), name = text(builder, from.name);
    auto table = begin_table<wire::enroll_opBuilder>(builder, common);
    table.add_phone(phone);
    table.add_name(name);
    return finish(table);
  }
  case op::earn: {
    const auto order = text(builder, from.order), phone = text(builder, from.phone);
    const auto lines = add_lines(builder, from.lines);
    const money_field total(from.total);
    const instant_field at(from.at);
    auto table = begin_table<wire::earn_opBuilder>(builder, common);
    table.add_order(order);
    table.add_total(total.get());
    table.add_phone(phone);
    table.add_lines(lines);
    table.add_at(at.get());
    return finish(table);
  }
  case op::preview: {
    const points_field points(from.amount_points);
    const money_field total(from.total);
    auto table = begin_table<wire::preview_opBuilder>(builder, common);
    table.add_points(points.get());
    table.add_total(total.get());
    return finish(table);
  }
  case op::redeem: {
    const auto order = text(builder, from.order);
    const points_field points(from.amount_points);
    const money_field total(from.total);
    auto table = begin_table<wire::redeem_opBuilder>(builder, common);
    table.add_points(points.get());
    table.add_order(order);
    table.add_total(total.get());
    table.add_exact(from.exact);
    return finish(table);
  }
  case op::claim: {
    const auto reward = text(builder, from.reference), order = text(builder, from.order);
    auto table = begin_table<wire::claim_opBuilder>(builder, common);
    table.add_reward(reward);
    table.add_order(order);
    return finish(table);
  }
  case op::authorize: {
    const auto reservation = text(builder, from.reference);
    const points_field points(from.amount_points);
    auto table = begin_table<wire::authorize_opBuilder>(builder, common);
    table.add_points(points.get());
    table.add_reservation(reservation);
    if (from.minutes)
      table.add_minutes(*from.minutes);
    return finish(table);
  }
  case op::capture: {
    const auto reservation = text(builder, from.reference), order = text(builder, from.order);
    const points_field points(from.amount_points);
    auto table = begin_table<wire::capture_opBuilder>(builder, common);
    table.add_reservation(reservation);
    table.add_points(points.get());
    table.add_order(order);
    return finish(table);
  }
  case op::void_: {
    const auto reservation = text(builder, from.reference);
    auto table = begin_table<wire::void_opBuilder>(builder, common);
    table.add_reservation(reservation);
    return finish(table);
  }
  case op::reverse: {
    const auto order = text(builder, from.order), refund = text(builder, from.reference);
    const money_field amount(from.amount);
    auto table = begin_table<wire::reverse_opBuilder>(builder, common);
    table.add_order(order);
    table.add_refund(refund);
    table.add_amount(amount.get());
    table.add_restore(from.restore);
    return finish(table);
  }
  case op::adjust: {
    const auto adjustment = text(builder, from.reference), reason = text(builder, from.reason);
    const points_field points(from.amount_points);
    auto table = begin_table<wire::adjust_opBuilder>(builder, common);
    table.add_points(points.get());
    table.add_adjustment(adjustment);
    table.add_reason(reason);
    if (from.expire_days)
      table.add_expire_days(*from.expire_days);
    table.add_force(from.force);
    return finish(table);
  }
  case op::transfer: {
    const auto to = text(builder, from.to), transfer = text(builder, from.reference);
    const points_field points(from.amount_points);
    auto table = begin_table<wire::transfer_opBuilder>(builder, common);
    table.add_to(to);
    table.add_points(points.get());
    table.add_transfer(transfer);
    return finish(table);
  }
  case op::suspend: {
    const auto reason = text(builder, from.reason);
    auto table = begin_table<wire::suspend_opBuilder>(builder, common);
    table.add_reason(reason);
    return finish(table);
  }
  case op::reactivate: {
    const auto reason = text(builder, from.reason);
    auto table = begin_table<wire::reactivate_opBuilder>(builder, common);
    table.add_reason(reason);
    return finish(table);
  }
  case op::close: {
    const auto reason = text(builder, from.reason);
    auto table = begin_table<wire::close_opBuilder>(builder, common);
    table.add_reason(reason);
    return finish(table);
  }
  case op::account: {
    const auto phone = text(builder, from.phone);
    auto table = begin_table<wire::account_opBuilder>(builder, common);
    table.add_phone(phone);
    return finish(table);
  }
  case op::history: {
    const auto kinds = add_kinds(builder, from.kinds);
    const seq_field before_seq(from.before_seq);
    const instant_field begin(from.from), end(from.until);
    auto table = begin_table<wire::history_opBuilder>(builder, common);
    table.add_before_seq(before_seq.get());
    if (from.limit)
      table.add_limit(*from.limit);
    table.add_kinds(kinds);
    table.add_from(begin.get());
    table.add_until(end.get());
    return finish(table);
  }
  case op::entry: {
    const auto order = text(builder, from.order), kind = add_kind(builder, from.kinds);
    const seq_field seq(from.seq);
    auto table = begin_table<wire::entry_opBuilder>(builder, common);
    table.add_seq(seq.get());
    table.add_order(order);
    table.add_kind(kind);
    return finish(table);
  }
  case op::count: {
    const auto kinds = add_kinds(builder, from.kinds);
    auto table = begin_table<wire::count_opBuilder>(builder, common);
    table.add_kinds(kinds);
    return finish(table);
  }
  case op::balance_at: {
    const instant_field at(from.at);
    const seq_field seq(from.seq);
    auto table = begin_table<wire::balance_at_opBuilder>(builder, common);
    table.add_at(at.get());
    table.add_seq(seq.get());
    return finish(table);
  }
  case op::reviews: {
    const seq_field after(from.after);
    auto table = begin_table<wire::reviews_opBuilder>(builder, common);
    if (from.limit)
      table.add_limit(*from.limit);
    table.add_after(after.get());
    return finish(table);
  }
  case op::approve: {
    const auto reason = text(builder, from.reason);
    const seq_field review(from.seq);
    auto table = begin_table<wire::approve_opBuilder>(builder, common);
    table.add_review(review.get());
    table.add_reason(reason);
    return finish(table);
  }
  case op::reject: {
    const auto reason = text(builder, from.reason);
    const seq_field review(from.seq);
    auto table = begin_table<wire::reject_opBuilder>(builder, common);
    table.add_review(review.get());
    table.add_reason(reason);
    return finish(table);
  }
  case op::program: {
    auto table = begin_table<wire::program_opBuilder>(builder, common);
    if (from.version)
      table.add_version(*from.version);
    return finish(table);
  }
  case op::programs: {
    auto table = begin_table<wire::programs_opBuilder>(builder, common);
    return finish(table);
  }
  case op::put_program: {
    const auto toml = text(builder, from.toml);
    auto table = begin_table<wire::put_program_opBuilder>(builder, common);
    table.add_toml(toml);
    return finish(table);
  }
  case op::profile: {
    const auto phone = text(builder, from.phone), name = text(builder, from.name);
    auto table = begin_table<wire::profile_opBuilder>(builder, common);
    table.add_phone(phone);
    table.add_name(name);
    return finish(table);
  }
  case op::erase: {
    auto table = begin_table<wire::erase_opBuilder>(builder, common);
    return finish(table);
  }
  case op::statement: {
    const instant_field begin(from.from), end(from.until);
    auto table = begin_table<wire::statement_opBuilder>(builder, common);
    table.add_from(begin.get());
    table.add_until(end.get());
    return finish(table);
  }
  case op::liability: {
    const instant_field at(from.at);
    auto table = begin_table<wire::liability_opBuilder>(builder, common);
    table.add_at(at.get());
    return finish(table);
  }
  case op::digest: {
    auto table = begin_table<wire::digest_opBuilder>(builder, common);
    return finish(table);
  }
  case op::tail: {
    const auto kinds = add_kinds(builder, from.kinds);
    const seq_field from_seq(from.seq);
    auto table = begin_table<wire::tail_opBuilder>(builder, common);
    table.add_from_seq(from_seq.get());
    table.add_kinds(kinds);
    return finish(table);
  }
  case op::advance_clock: {
    const instant_field to(from.until);
    auto table = begin_table<wire::advance_clock_opBuilder>(builder, common);
    table.add_to(to.get());
    return finish(table);
  }
  case op::none:
    break;
  }
  TALLY_ASSERT(false, static_cast<long long>(from.kind));
  return {};
}

const char* decode_operation(op kind, const void* table, operation_buffer& buffer, command& out) {
  out = command{};
  out.kind = kind;
  read_common(table, out);
  switch (kind) {
  case op::enroll: {
    const auto& from = *static_cast<const wire::enroll_op*>(table);
    out.phone = view(from.phone());
    out.name = view(from.name());
    return nullptr;
  }
  case op::earn: {
    const auto& from = *static_cast<const wire::earn_op*>(table);
    out.order = view(from.order());
    out.total = value_of(from.total());
    out.phone = view(from.phone());
    out.at = value_of(from.at());
    read_lines(from, buffer, out);
    return nullptr;
  }
  case op::preview: {
    const auto& from = *static_cast<const wire::preview_op*>(table);
    out.amount_points = value_of(from.points());
    out.total = value_of(from.total());
    return nullptr;
  }
  case op::redeem: {
    const auto& from = *static_cast<const wire::redeem_op*>(table);
    out.amount_points = value_of(from.points());
    out.order = view(from.order());
    out.total = value_of(from.total());
    out.exact = from.exact();
    return nullptr;
  }
  case op::claim: {
    const auto& from = *static_cast<const wire::claim_op*>(table);
    out.reference = view(from.reward());
    out.order = view(from.order());
    return nullptr;
  }
  case op::authorize: {
    const auto& from = *static_cast<const wire::authorize_op*>(table);
    out.amount_points = value_of(from.points());
    out.reference = view(from.reservation());
    return narrow(from.minutes(), out.minutes) ? nullptr : "minutes";
  }
  case op::capture: {
    const auto& from = *static_cast<const wire::capture_op*>(table);
    out.reference = view(from.reservation());
    out.amount_points = value_of(from.points());
    out.order = view(from.order());
    return nullptr;
  }
  case op::void_:
    out.reference = view(static_cast<const wire::void_op*>(table)->reservation());
    return nullptr;
  case op::reverse: {
    const auto& from = *static_cast<const wire::reverse_op*>(table);
    out.order = view(from.order());
    out.reference = view(from.refund());
    out.amount = value_of(from.amount());
    out.restore = from.restore();
    return nullptr;
  }
  case op::adjust: {
    const auto& from = *static_cast<const wire::adjust_op*>(table);
    out.amount_points = value_of(from.points());
    out.reference = view(from.adjustment());
    out.reason = view(from.reason());
    out.force = from.force();
    return narrow(from.expire_days(), out.expire_days) ? nullptr : "expire_days";
  }
  case op::transfer: {
    const auto& from = *static_cast<const wire::transfer_op*>(table);
    out.to = view(from.to());
    out.amount_points = value_of(from.points());
    out.reference = view(from.transfer());
    return nullptr;
  }
  case op::suspend:
    out.reason = view(static_cast<const wire::suspend_op*>(table)->reason());
    return nullptr;
  case op::reactivate:
    out.reason = view(static_cast<const wire::reactivate_op*>(table)->reason());
    return nullptr;
  case op::close:
    out.reason = view(static_cast<const wire::close_op*>(table)->reason());
    return nullptr;
  case op::account:
    out.phone = view(static_cast<const wire::account_op*>(table)->phone());
    return nullptr;
  case op::history: {
    const auto& from = *static_cast<const wire::history_op*>(table);
    out.before_seq = value_of(from.before_seq());
    out.from = value_of(from.from());
    out.until = value_of(from.until());
    if (!narrow(from.limit(), out.limit))
      return "limit";
    return read_kinds(from.kinds(), out.kinds) ? nullptr : "kinds";
  }
  case op::entry: {
    const auto& from = *static_cast<const wire::entry_op*>(table);
    out.seq = value_of(from.seq());
    out.order = view(from.order());
    const std::string_view name = view(from.kind());
    if (name.empty())
      return nullptr;
    const auto named = entry_kind_named(name);
    if (!named)
      return "kind";
    out.kinds.insert(*named);
    return nullptr;
  }
  case op::count:
    return read_kinds(static_cast<const wire::count_op*>(table)->kinds(), out.kinds) ? nullptr : "kinds";
  case op::balance_at: {
    const auto& from = *static_cast<const wire::balance_at_op*>(table);
    out.at = value_of(from.at());
    out.seq = value_of(from.seq());
    return nullptr;
  }
  case op::reviews: {
    const auto& from = *static_cast<const wire::reviews_op*>(table);
    out.after = value_of(from.after());
    return narrow(from.limit(), out.limit) ? nullptr : "limit";
  }
  case op::approve: {
    const auto& from = *static_cast<const wire::approve_op*>(table);
    out.seq = value_of(from.review());
    out.reason = view(from.reason());
    return nullptr;
  }
  case op::reject: {
    const auto& from = *static_cast<const wire::reject_op*>(table);
    out.seq = value_of(from.review());
    out.reason = view(from.reason());
    return nullptr;
  }
  case op::program:
    return narrow(static_cast<const wire::program_op*>(table)->version(), out.version) ? nullptr : "version";
  case op::put_program:
    out.toml = view(static_cast<const wire::put_program_op*>(table)->toml());
    return nullptr;
  case op::profile: {
    const auto& from = *static_cast<const wire::profile_op*>(table);
    out.phone = view(from.phone());
    out.name = view(from.name());
    return nullptr;
  }
  case op::statement: {
    const auto& from = *static_cast<const wire::statement_op*>(table);
    out.from = value_of(from.from());
    out.until = value_of(from.until());
    return nullptr;
  }
  case op::liability:
    out.at = value_of(static_cast<const wire::liability_op*>(table)->at());
    return nullptr;
  case op::tail: {
    const auto& from = *static_cast<const wire::tail_op*>(table);
    out.seq = value_of(from.from_seq());
    return read_kinds(from.kinds(), out.kinds) ? nullptr : "kinds";
  }
  case op::advance_clock:
    out.until = value_of(static_cast<const wire::advance_clock_op*>(table)->to());
    return nullptr;
  case op::programs:
  case op::erase:
  case op::digest:
    return nullptr;
  case op::none:
    break;
  }
  TALLY_ASSERT(false, static_cast<long long>(kind));
  return nullptr;
}

} // namespace tally::net
