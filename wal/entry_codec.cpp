// The bytes of one entry; docs/formats/entry.md has the layout, this file follows it from top to bottom, twice.
// Every value has exactly one form, and the decoder refuses the others: two records are equal where their entries are.
#include "wal/entry_codec.hpp"
#include "engine/varint.hpp"

#include <memory>
#include <string>

namespace tally::wal {
namespace {

// The presence mask, one bit a field, in the order in which the fields follow. Frozen; new ones are added at the end.
// The first 14 are what most entries have: then the mask takes two bytes.
enum field : std::uint64_t {
  f_points = 1ull << 0,
  f_pending = 1ull << 1,
  f_lifetime = 1ull << 2,
  f_lifetime_follows = 1ull << 3, // lifetime = points + pending, and not zero
  f_pending_after = 1ull << 4,
  f_lifetime_after = 1ull << 5,
  f_order = 1ull << 6,
  f_total = 1ull << 7,
  f_version = 1ull << 8,
  f_lots = 1ull << 9,
  f_terminal = 1ull << 10,
  f_token = 1ull << 11,
  f_asked_points = 1ull << 12,
  f_discount = 1ull << 13,
  f_lines = 1ull << 14,
  f_cashier = 1ull << 15,
  f_group = 1ull << 16,
  f_tier = 1ull << 17,
  f_tier_multiplier = 1ull << 18,
  f_rewards = 1ull << 19,
  f_due = 1ull << 20,
  f_occurred_at = 1ull << 21,
  f_refund = 1ull << 22,
  f_amount = 1ull << 23,
  f_refunded = 1ull << 24,
  f_expired_counted = 1ull << 25,
  f_debt = 1ull << 26,
  f_cancel = 1ull << 27,
  f_reserved = 1ull << 28,
  f_reserved_after = 1ull << 29,
  f_restore = 1ull << 30,
  f_exact = 1ull << 31,
  f_force = 1ull << 32,
  f_tier_changed = 1ull << 33,
  f_adjustment = 1ull << 34,
  f_reason = 1ull << 35,
  f_expire_days = 1ull << 36,
  f_note = 1ull << 37,
  f_reservation = 1ull << 38,
  f_transfer = 1ull << 39,
  f_reward = 1ull << 40,
  f_peer = 1ull << 41,
  f_text = 1ull << 42,
  f_offsets = 1ull << 43,
  f_undone = 1ull << 44,
  f_active_version = 1ull << 45, // another than `version`
  f_parked_at = 1ull << 46,
  f_review = 1ull << 47,
  f_parked = 1ull << 48, // what, why and how many points
  f_minutes = 1ull << 49,
  f_reserved_until = 1ull << 50,
  f_reserved_by = 1ull << 51,
  f_personal = 1ull << 52,
};
constexpr std::uint64_t all_fields = (1ull << 53) - 1;
constexpr std::uint64_t rare_fields = all_fields & ~(f_cashier | (f_cashier - 1)); // from `group` on

// The first byte of a lot change.
enum lot_flag : std::uint8_t {
  l_available = 1 << 0,
  l_available_follows = 1 << 1, // it is the entry's `points`, and not zero
  l_pending = 1 << 2,
  l_pending_follows = 1 << 3, // it is the entry's `pending`, and not zero
  l_reserved = 1 << 4,
  l_available_at = 1 << 5, // differs from the entry's time
  l_expires_at = 1 << 6,   // not "never"
};
constexpr std::uint8_t all_lot_flags = (1 << 7) - 1;

std::int64_t wrapping_sum(points_t a, points_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a.value) + static_cast<std::uint64_t>(b.value));
}

bool names_its_merchant(entry_kind kind) { return kind == entry_kind::enroll || kind == entry_kind::program; }

// ---- encoding ----

constexpr std::size_t length_bytes_max = 5;
constexpr std::size_t numbers_bytes_max = 640; // every number and every length prefix of the fixed fields at its longest
constexpr std::size_t lot_bytes_max = 64;
constexpr std::size_t line_bytes_max = 4 * varint_bytes_max; // beside its strings

// The most bytes the entry can take.
std::size_t record_bytes_bound(const entry& e) {
  std::size_t bound = numbers_bytes_max + e.merchant_id.size() + e.account.size() + e.order.size() + e.refund.size() +
                      e.reservation.size() + e.transfer.size() + e.adjustment.size() + e.reward.size() + e.peer.size() + e.reason.size() +
                      e.token.size() + e.terminal.size() + e.cashier.size() + e.note.size() + e.text.size();
  bound += e.lots.size() * lot_bytes_max + e.offsets.size() * varint_bytes_max + e.undone.size() * 2 * varint_bytes_max;
  for (const sale_line& line : e.lines)
    bound += line_bytes_max + line.sku.size() + line.category.size();
  return bound;
}

std::uint64_t fields_of(const entry& e) {
  std::uint64_t mask = 0;
  const auto mark = [&mask](bool there, field bit) { mask |= (0 - static_cast<std::uint64_t>(there)) & bit; };
  const bool lifetime_follows = e.lifetime.value == wrapping_sum(e.points, e.pending);
  mark(e.points.value != 0, f_points);
  mark(e.pending.value != 0, f_pending);
  mark(e.lifetime.value != 0 && !lifetime_follows, f_lifetime);
  mark(e.lifetime.value != 0 && lifetime_follows, f_lifetime_follows);
  mark(e.pending_after.value != 0, f_pending_after);
  mark(e.lifetime_after.value != 0, f_lifetime_after);
  mark(!e.order.empty(), f_order);
  mark(e.total.has_value(), f_total);
  mark(e.version != 0, f_version);
  mark(!e.lots.empty(), f_lots);
  mark(!e.terminal.empty(), f_terminal);
  mark(!e.token.empty(), f_token);
  mark(e.asked_points.has_value(), f_asked_points);
  mark(e.discount.units != 0, f_discount);
  mark(!e.lines.empty(), f_lines);
  mark(!e.cashier.empty(), f_cashier);
  mark(e.group != e.seq, f_group);
  mark(e.tier != 0, f_tier);
  mark(e.tier_multiplier != rate_t::one(), f_tier_multiplier);
  mark(e.rewards != 0, f_rewards);
  mark(e.due.has_value(), f_due);
  mark(e.occurred_at.has_value(), f_occurred_at);
  mark(!e.refund.empty(), f_refund);
  mark(e.amount.has_value(), f_amount);
  mark(e.refunded.units != 0, f_refunded);
  mark(e.expired_counted.value != 0, f_expired_counted);
  mark(e.debt.value != 0, f_debt);
  mark(e.cancel, f_cancel);
  mark(e.reserved.value != 0, f_reserved);
  mark(e.reserved_after.value != 0, f_reserved_after);
  mark(e.restore, f_restore);
  mark(e.exact, f_exact);
  mark(e.force, f_force);
  mark(e.tier_changed, f_tier_changed);
  mark(!e.adjustment.empty(), f_adjustment);
  mark(!e.reason.empty(), f_reason);
  mark(e.expire_days.has_value(), f_expire_days);
  mark(!e.note.empty(), f_note);
  mark(!e.reservation.empty(), f_reservation);
  mark(!e.transfer.empty(), f_transfer);
  mark(!e.reward.empty(), f_reward);
  mark(!e.peer.empty(), f_peer);
  mark(!e.text.empty(), f_text);
  mark(!e.offsets.empty(), f_offsets);
  mark(!e.undone.empty(), f_undone);
  mark(e.active_version != e.version, f_active_version);
  mark(e.parked_at.has_value(), f_parked_at);
  mark(static_cast<bool>(e.review), f_review);
  mark(e.parked != op::none, f_parked);
  mark(e.minutes.has_value(), f_minutes);
  mark(e.reserved_until.has_value(), f_reserved_until);
  mark(static_cast<bool>(e.reserved_by), f_reserved_by);
  mark(e.personal != 0, f_personal);
  return mask;
}

std::byte* put_signed(std::byte* out, std::int64_t value) { return put_varint(out, zigzag(value)); }

std::byte* put_string(std::byte* out, std::string_view text) { return put_text(put_varint(out, text.size()), text); }

// An instant as its distance from another: whole days (low bit 1), microseconds (low bit 0), or, where the distance is too
// far for that, a zero byte and the instant itself.
std::byte* put_instant(std::byte* out, instant value, instant base) {
  std::int64_t delta_us = 0;
  const bool overflows = __builtin_sub_overflow(value.us, base.us, &delta_us);
  if (!overflows && delta_us % us_per_day == 0)
    return put_varint(out, zigzag(delta_us / us_per_day) << 1 | 1);
  if (!overflows && zigzag(delta_us) < 1ull << 63)
    return put_varint(out, zigzag(delta_us) << 1);
  *out++ = std::byte{0};
  std::memcpy(out, &value.us, sizeof value.us);
  return out + sizeof value.us;
}

std::byte* put_lots(std::byte* out, const entry& e) {
  out = put_varint(out, e.lots.size());
  for (const lot_change& change : e.lots) {
    TALLY_ASSERT(change.lot <= e.seq, static_cast<long long>(change.lot.value), static_cast<long long>(e.seq.value));
    std::uint8_t flags = 0;
    if (change.available.value != 0)
      flags |= change.available == e.points ? l_available_follows : l_available;
    if (change.pending.value != 0)
      flags |= change.pending == e.pending ? l_pending_follows : l_pending;
    if (change.reserved.value != 0)
      flags |= l_reserved;
    if (change.available_at != e.at)
      flags |= l_available_at;
    if (change.expires_at.us != 0)
      flags |= l_expires_at;
    *out++ = std::byte{flags};
    out = put_varint(out, e.seq.value - change.lot.value);
    if (flags & l_available)
      out = put_signed(out, change.available.value);
    if (flags & l_pending)
      out = put_signed(out, change.pending.value);
    if (flags & l_reserved)
      out = put_signed(out, change.reserved.value);
    if (flags & l_available_at)
      out = put_instant(out, change.available_at, e.at);
    if (flags & l_expires_at)
      out = put_instant(out, change.expires_at, change.available_at);
  }
  return out;
}

std::byte* put_lines(std::byte* out, std::span<const sale_line> lines) {
  out = put_varint(out, lines.size());
  for (const sale_line& line : lines) {
    out = put_string(out, line.sku);
    out = put_string(out, line.category);
    out = put_signed(out, line.quantity);
    out = put_signed(out, line.amount.units);
  }
  return out;
}

std::byte* put_undone(std::byte* out, const entry& e) {
  out = put_varint(out, e.undone.size());
  for (const undone_share& share : e.undone) {
    TALLY_ASSERT(share.redemption < e.seq, static_cast<long long>(share.redemption.value), static_cast<long long>(e.seq.value));
    out = put_varint(out, e.seq.value - share.redemption.value);
    out = put_signed(out, share.points.value);
  }
  return out;
}

std::byte* put_rare_fields(std::byte* out, const entry& e, std::uint64_t mask) {
  if (mask & f_group)
    out = put_varint(out, e.seq.value - e.group.value);
  if (mask & f_tier)
    *out++ = std::byte{e.tier};
  if (mask & f_tier_multiplier)
    out = put_signed(out, e.tier_multiplier.micros);
  if (mask & f_rewards)
    out = put_varint(out, e.rewards);
  if (mask & f_due)
    out = put_instant(out, *e.due, e.at);
  if (mask & f_occurred_at)
    out = put_instant(out, *e.occurred_at, e.at);
  if (mask & f_refund)
    out = put_string(out, e.refund);
  if (mask & f_amount)
    out = put_signed(out, e.amount->units);
  if (mask & f_refunded)
    out = put_signed(out, e.refunded.units);
  if (mask & f_expired_counted)
    out = put_signed(out, e.expired_counted.value);
  if (mask & f_debt)
    out = put_signed(out, e.debt.value);
  if (mask & f_reserved)
    out = put_signed(out, e.reserved.value);
  if (mask & f_reserved_after)
    out = put_signed(out, e.reserved_after.value);
  if (mask & f_adjustment)
    out = put_string(out, e.adjustment);
  if (mask & f_reason)
    out = put_string(out, e.reason);
  if (mask & f_expire_days)
    out = put_signed(out, *e.expire_days);
  if (mask & f_note)
    out = put_string(out, e.note);
  if (mask & f_reservation)
    out = put_string(out, e.reservation);
  if (mask & f_transfer)
    out = put_string(out, e.transfer);
  if (mask & f_reward)
    out = put_string(out, e.reward);
  if (mask & f_peer)
    out = put_string(out, e.peer);
  if (mask & f_text)
    out = put_string(out, e.text);
  if (mask & f_offsets) {
    out = put_varint(out, e.offsets.size());
    for (const std::int64_t offset_us : e.offsets)
      out = put_signed(out, offset_us);
  }
  if (mask & f_undone)
    out = put_undone(out, e);
  if (mask & f_active_version)
    out = put_varint(out, e.active_version);
  if (mask & f_parked_at)
    out = put_instant(out, *e.parked_at, e.at);
  if (mask & f_review)
    out = put_varint(out, e.seq.value - e.review.value);
  if (mask & f_parked) {
    *out++ = static_cast<std::byte>(e.parked);
    *out++ = static_cast<std::byte>(e.reasons);
    out = put_signed(out, e.parked_points.value);
  }
  if (mask & f_minutes)
    out = put_signed(out, *e.minutes);
  if (mask & f_reserved_until)
    out = put_instant(out, *e.reserved_until, e.at);
  if (mask & f_reserved_by)
    out = put_varint(out, e.seq.value - e.reserved_by.value);
  if (mask & f_personal)
    out = put_varint(out, e.personal);
  return out;
}

// Everything after the length.
std::byte* put_record(std::byte* out, const entry& e) {
  const std::uint64_t mask = fields_of(e);
  out = put_varint(out, mask);
  *out++ = static_cast<std::byte>(e.kind);
  *out++ = static_cast<std::byte>(static_cast<unsigned>(e.from) | static_cast<unsigned>(e.to) << 4);
  out = put_varint(out, e.merchant);
  if (names_its_merchant(e.kind))
    out = put_string(out, e.merchant_id);
  out = put_string(out, e.account);
  out = put_varint(out, e.prev_seq ? e.seq.value - e.prev_seq.value : 0);
  out = put_signed(out, e.available_after.value);
  if (mask & f_points)
    out = put_signed(out, e.points.value);
  if (mask & f_pending)
    out = put_signed(out, e.pending.value);
  if (mask & f_lifetime)
    out = put_signed(out, e.lifetime.value);
  if (mask & f_pending_after)
    out = put_signed(out, e.pending_after.value);
  if (mask & f_lifetime_after)
    out = put_signed(out, e.lifetime_after.value);
  if (mask & f_order)
    out = put_string(out, e.order);
  if (mask & f_total)
    out = put_signed(out, e.total->units);
  if (mask & f_version)
    out = put_varint(out, e.version);
  if (mask & f_lots)
    out = put_lots(out, e);
  if (mask & f_terminal)
    out = put_string(out, e.terminal);
  if (mask & f_token)
    out = put_string(out, e.token);
  if (mask & f_asked_points)
    out = put_signed(out, e.asked_points->value);
  if (mask & f_discount)
    out = put_signed(out, e.discount.units);
  if (mask & f_lines)
    out = put_lines(out, e.lines);
  if (mask & f_cashier)
    out = put_string(out, e.cashier);
  if (mask & rare_fields)
    out = put_rare_fields(out, e, mask);
  return out;
}

void append_record(const entry& e, std::byte* scratch, bytes& out) {
  std::byte* const body = scratch + length_bytes_max;
  const std::byte* const end = put_record(body, e);
  const auto size = static_cast<std::uint64_t>(end - body);
  std::byte length[varint_bytes_max + 8];
  const auto length_bytes = static_cast<std::size_t>(put_varint(length, size) - length);
  std::memcpy(body - length_bytes, length, length_bytes);
  out.insert(out.end(), static_cast<const std::byte*>(body - length_bytes), end);
}

} // namespace

void encode(const entry& entry, bytes& out) {
  const auto seq = static_cast<long long>(entry.seq.value);
  TALLY_ASSERT(entry.kind != entry_kind::none && static_cast<unsigned>(entry.kind) < entry_kind_count, seq);
  TALLY_ASSERT(entry.prev_seq < entry.seq, static_cast<long long>(entry.prev_seq.value), seq);
  TALLY_ASSERT(entry.group && entry.group <= entry.seq, static_cast<long long>(entry.group.value), seq);
  TALLY_ASSERT(entry.review <= entry.seq && (!entry.reserved_by || entry.reserved_by < entry.seq), seq);

  // Written beside `out` and copied: growing a vector by the bound first would zero all of it.
  constexpr std::size_t usual_bytes = 4096;
  const std::size_t bound = record_bytes_bound(entry);
  if (bound <= usual_bytes) [[likely]] {
    std::byte scratch[usual_bytes];
    append_record(entry, scratch, out);
  } else {
    const std::unique_ptr<std::byte[]> scratch(new std::byte[bound]);
    append_record(entry, scratch.get(), out);
  }
}

// ---- decoding ----

namespace {

points_t nonzero_points(byte_cursor& in) {
  const std::int64_t value = in.zigzag_varint();
  if (value == 0)
    in.fail();
  return {value};
}

money_t nonzero_money(byte_cursor& in) { return {nonzero_points(in).value}; }

std::string_view get_string(byte_cursor& in) { return in.text(in.varint()); }

std::string_view nonempty_string(byte_cursor& in) {
  const std::string_view text = get_string(in);
  if (text.empty())
    in.fail();
  return text;
}

// A varint of at most 32 bits.
std::uint32_t get_uint32(byte_cursor& in) {
  const std::uint64_t value = in.varint();
  if (value > UINT32_MAX)
    in.fail();
  return static_cast<std::uint32_t>(value);
}

// A distance back from the entry's own seq.
seq_t get_earlier_seq(byte_cursor& in, seq_t number) {
  const std::uint64_t back = in.varint();
  if (back > number.value) {
    in.fail();
    return {};
  }
  return {number.value - back};
}

instant get_instant(byte_cursor& in, instant base) {
  const std::uint64_t code = in.varint();
  std::int64_t delta_us = 0;
  instant value;
  if (code & 1) {
    const bool overflows = __builtin_mul_overflow(unzigzag(code >> 1), us_per_day, &delta_us);
    if (overflows || __builtin_add_overflow(base.us, delta_us, &value.us))
      in.fail();
    return value;
  }
  if (code != 0) {
    delta_us = unzigzag(code >> 1);
    if (delta_us % us_per_day == 0 || __builtin_add_overflow(base.us, delta_us, &value.us))
      in.fail();
    return value;
  }
  value.us = static_cast<std::int64_t>(in.fixed64());
  const bool overflows = __builtin_sub_overflow(value.us, base.us, &delta_us);
  if (!overflows && (delta_us % us_per_day == 0 || zigzag(delta_us) < 1ull << 63))
    in.fail(); // has a shorter form
  return value;
}

void get_lots(byte_cursor& in, entry& e) {
  const std::uint64_t count = in.varint();
  if (count == 0 || count > in.left() / 2) {
    in.fail();
    return;
  }
  for (std::uint64_t i = 0; i < count && !in.bad(); ++i) {
    lot_change change;
    const std::uint8_t flags = in.byte();
    const bool contradicts = (flags & (l_available | l_available_follows)) == (l_available | l_available_follows) ||
                             (flags & (l_pending | l_pending_follows)) == (l_pending | l_pending_follows);
    const bool follows_nothing =
        ((flags & l_available_follows) && e.points.value == 0) || ((flags & l_pending_follows) && e.pending.value == 0);
    if ((flags & ~all_lot_flags) || contradicts || follows_nothing)
      in.fail();
    change.lot = get_earlier_seq(in, e.seq);
    if (flags & l_available_follows)
      change.available = e.points;
    if (flags & l_available) {
      change.available = nonzero_points(in);
      if (change.available == e.points)
        in.fail();
    }
    if (flags & l_pending_follows)
      change.pending = e.pending;
    if (flags & l_pending) {
      change.pending = nonzero_points(in);
      if (change.pending == e.pending)
        in.fail();
    }
    if (flags & l_reserved)
      change.reserved = nonzero_points(in);
    change.available_at = e.at;
    if (flags & l_available_at) {
      change.available_at = get_instant(in, e.at);
      if (change.available_at == e.at)
        in.fail();
    }
    if (flags & l_expires_at) {
      change.expires_at = get_instant(in, change.available_at);
      if (change.expires_at.us == 0)
        in.fail();
    }
    e.lots.push_back(change);
  }
}

void get_lines(byte_cursor& in, entry& e, decode_buffer& buffer) {
  const std::uint64_t count = in.varint();
  if (count == 0 || count > in.left() / 4) {
    in.fail();
    return;
  }
  buffer.lines.resize(count);
  for (sale_line& line : buffer.lines) {
    line.sku = get_string(in);
    line.category = get_string(in);
    line.quantity = in.zigzag_varint();
    line.amount = {in.zigzag_varint()};
  }
  e.lines = buffer.lines;
}

void get_offsets(byte_cursor& in, entry& e, decode_buffer& buffer) {
  const std::uint64_t count = in.varint();
  if (count == 0 || count > in.left()) {
    in.fail();
    return;
  }
  buffer.offsets.resize(count);
  for (std::int64_t& offset_us : buffer.offsets)
    offset_us = in.zigzag_varint();
  e.offsets = buffer.offsets;
}

void get_undone(byte_cursor& in, entry& e) {
  const std::uint64_t count = in.varint();
  if (count == 0 || count > in.left() / 2) {
    in.fail();
    return;
  }
  for (std::uint64_t i = 0; i < count && !in.bad(); ++i) {
    const seq_t redemption = get_earlier_seq(in, e.seq);
    if (!redemption || redemption == e.seq)
      in.fail();
    e.undone.push_back({redemption, nonzero_points(in)});
  }
}

std::int32_t get_int32(byte_cursor& in) {
  const std::int64_t value = in.zigzag_varint();
  if (value < INT32_MIN || value > INT32_MAX)
    in.fail();
  return static_cast<std::int32_t>(value);
}

void get_parked(byte_cursor& in, entry& e) {
  const std::uint8_t parked = in.byte();
  if (parked == 0 || parked >= op_count)
    in.fail();
  e.parked = static_cast<op>(parked);
  e.reasons = in.byte();
  e.parked_points = {in.zigzag_varint()};
}

void get_rare_fields(byte_cursor& in, std::uint64_t mask, decode_buffer& buffer, entry& e) {
  e.cancel = (mask & f_cancel) != 0;
  e.restore = (mask & f_restore) != 0;
  e.exact = (mask & f_exact) != 0;
  e.force = (mask & f_force) != 0;
  e.tier_changed = (mask & f_tier_changed) != 0;
  if (mask & f_group) {
    e.group = get_earlier_seq(in, e.seq);
    if (e.group == e.seq || !e.group)
      in.fail();
  }
  if (mask & f_tier) {
    e.tier = in.byte();
    if (e.tier == 0)
      in.fail();
  }
  if (mask & f_tier_multiplier) {
    e.tier_multiplier = {in.zigzag_varint()};
    if (e.tier_multiplier == rate_t::one())
      in.fail();
  }
  if (mask & f_rewards) {
    e.rewards = in.varint();
    if (e.rewards == 0)
      in.fail();
  }
  if (mask & f_due)
    e.due = get_instant(in, e.at);
  if (mask & f_occurred_at)
    e.occurred_at = get_instant(in, e.at);
  if (mask & f_refund)
    e.refund = nonempty_string(in);
  if (mask & f_amount)
    e.amount = money_t{in.zigzag_varint()};
  if (mask & f_refunded)
    e.refunded = nonzero_money(in);
  if (mask & f_expired_counted)
    e.expired_counted = nonzero_points(in);
  if (mask & f_debt)
    e.debt = nonzero_points(in);
  if (mask & f_reserved)
    e.reserved = nonzero_points(in);
  if (mask & f_reserved_after)
    e.reserved_after = nonzero_points(in);
  if (mask & f_adjustment)
    e.adjustment = nonempty_string(in);
  if (mask & f_reason)
    e.reason = nonempty_string(in);
  if (mask & f_expire_days)
    e.expire_days = get_int32(in);
  if (mask & f_note)
    e.note = nonempty_string(in);
  if (mask & f_reservation)
    e.reservation = nonempty_string(in);
  if (mask & f_transfer)
    e.transfer = nonempty_string(in);
  if (mask & f_reward)
    e.reward = nonempty_string(in);
  if (mask & f_peer)
    e.peer = nonempty_string(in);
  if (mask & f_text)
    e.text = nonempty_string(in);
  if (mask & f_offsets)
    get_offsets(in, e, buffer);
  if (mask & f_undone)
    get_undone(in, e);
  if (mask & f_active_version) {
    e.active_version = get_uint32(in);
    if (e.active_version == e.version)
      in.fail();
  }
  if (mask & f_parked_at)
    e.parked_at = get_instant(in, e.at);
  if (mask & f_review) {
    e.review = get_earlier_seq(in, e.seq);
    if (!e.review)
      in.fail();
  }
  if (mask & f_parked)
    get_parked(in, e);
  if (mask & f_minutes)
    e.minutes = get_int32(in);
  if (mask & f_reserved_until)
    e.reserved_until = get_instant(in, e.at);
  if (mask & f_reserved_by) {
    e.reserved_by = get_earlier_seq(in, e.seq);
    if (!e.reserved_by || e.reserved_by == e.seq)
      in.fail();
  }
  if (mask & f_personal) {
    e.personal = in.varint();
    if (e.personal == 0)
      in.fail();
  }
}

void get_record(byte_cursor& in, decode_buffer& buffer, entry& e) {
  const std::uint64_t mask = in.varint();
  const std::uint8_t kind = in.byte();
  const std::uint8_t sides = in.byte();
  const bool two_lifetimes = (mask & f_lifetime) && (mask & f_lifetime_follows);
  if ((mask & ~all_fields) || two_lifetimes || kind == 0 || kind >= entry_kind_count || (sides & 15) >= side_count ||
      sides >> 4 >= side_count)
    in.fail();
  e.kind = static_cast<entry_kind>(kind);
  e.from = static_cast<side>(sides & 15);
  e.to = static_cast<side>(sides >> 4);
  e.merchant = get_uint32(in);
  if (names_its_merchant(e.kind))
    e.merchant_id = get_string(in);
  e.account = get_string(in);
  const seq_t prev = get_earlier_seq(in, e.seq);
  if (!prev)
    in.fail(); // "none" is a distance of zero
  e.prev_seq = prev == e.seq ? seq_t{} : prev;
  e.available_after = {in.zigzag_varint()};
  if (mask & f_points)
    e.points = nonzero_points(in);
  if (mask & f_pending)
    e.pending = nonzero_points(in);
  if (mask & f_lifetime) {
    e.lifetime = nonzero_points(in);
    if (e.lifetime.value == wrapping_sum(e.points, e.pending))
      in.fail();
  }
  if (mask & f_lifetime_follows) {
    e.lifetime = {wrapping_sum(e.points, e.pending)};
    if (e.lifetime.value == 0)
      in.fail();
  }
  if (mask & f_pending_after)
    e.pending_after = nonzero_points(in);
  if (mask & f_lifetime_after)
    e.lifetime_after = nonzero_points(in);
  if (mask & f_order)
    e.order = nonempty_string(in);
  if (mask & f_total)
    e.total = money_t{in.zigzag_varint()};
  if (mask & f_version) {
    e.version = get_uint32(in);
    if (e.version == 0)
      in.fail();
  }
  e.active_version = e.version;
  if (mask & f_lots)
    get_lots(in, e);
  if (mask & f_terminal)
    e.terminal = nonempty_string(in);
  if (mask & f_token)
    e.token = nonempty_string(in);
  if (mask & f_asked_points)
    e.asked_points = points_t{in.zigzag_varint()};
  if (mask & f_discount)
    e.discount = nonzero_money(in);
  if (mask & f_lines)
    get_lines(in, e, buffer);
  if (mask & f_cashier)
    e.cashier = nonempty_string(in);
  if (mask & rare_fields)
    get_rare_fields(in, mask, buffer, e);
}

failure odd_record(seq_t number) {
  return {failure_code::corrupt, "entry " + std::to_string(number.value) + " does not decode: its bytes are not those of an entry"};
}

} // namespace

result<void> decode(std::span<const std::byte>& in, seq_t number, instant at, decode_buffer& buffer, entry& out) {
  byte_cursor outer(in.data(), in.data() + in.size());
  const std::uint64_t size = outer.varint();
  if (outer.bad() || size > outer.left()) [[unlikely]]
    return odd_record(number);
  out = entry{};
  out.seq = number;
  out.group = number;
  out.at = at;
  byte_cursor record(outer.at(), outer.at() + size);
  get_record(record, buffer, out);
  if (record.bad() || record.left() != 0) [[unlikely]]
    return odd_record(number);
  in = in.subspan(in.size() - outer.left() + size);
  return {};
}

result<void> read_head(std::span<const std::byte>& in, seq_t number, record_head& out) {
  byte_cursor outer(in.data(), in.data() + in.size());
  const std::uint64_t size = outer.varint();
  if (outer.bad() || size > outer.left()) [[unlikely]]
    return odd_record(number);
  byte_cursor record(outer.at(), outer.at() + size);
  const std::uint64_t mask = record.varint();
  const std::uint8_t kind = record.byte();
  (void)record.byte(); // the sides
  if ((mask & ~all_fields) || kind == 0 || kind >= entry_kind_count)
    record.fail();
  out.kind = static_cast<entry_kind>(kind);
  out.begins_group = (mask & f_group) == 0;
  out.merchant = get_uint32(record);
  out.merchant_id = names_its_merchant(out.kind) ? get_string(record) : std::string_view();
  out.account = get_string(record);
  if (record.bad()) [[unlikely]]
    return odd_record(number);
  in = in.subspan(in.size() - outer.left() + size);
  return {};
}

} // namespace tally::wal
