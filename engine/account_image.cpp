// docs/formats/image.md has the layout; the writer and the reader below follow it from top to bottom.
#include "engine/account_image.hpp"

#include "engine/account_rare.hpp"
#include "engine/varint.hpp"

namespace tally {

namespace {

enum image_flag : std::uint8_t { in_spending_order = 1 << 0, has_rare = 1 << 1, has_due = 1 << 2, has_on_disk = 1 << 3 };

// Lists that can be long lie in the image as they do in memory.
static_assert(sizeof(order_record) == 32 && sizeof(reference_record) == 16);

class writer {
public:
  explicit writer(std::string& out) : out_(out) {}

  void number(std::uint64_t value) {
    std::byte room[varint_bytes_max + 8];
    const std::byte* end = put_varint(room, value);
    out_.append(reinterpret_cast<const char*>(room), static_cast<std::size_t>(end - room));
  }
  void signed_number(std::int64_t value) { number(zigzag(value)); }
  void points(points_t value) { signed_number(value.value); }
  void seq(seq_t value) { number(value.value); }
  // Times of an account lie near its enrolment; 0 stands for itself.
  void time(instant value, instant near) {
    if (value.us == 0)
      return number(0);
    const std::int64_t delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(value.us) - static_cast<std::uint64_t>(near.us));
    number(1);
    signed_number(delta);
  }
  void fixed(std::uint64_t value) { out_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void text(std::string_view value) {
    number(value.size());
    out_.append(value);
  }
  template <class List>
  void as_it_lies(const List& list) {
    number(list.size());
    out_.append(reinterpret_cast<const char*>(list.data()), list.size() * sizeof(*list.data()));
  }

private:
  std::string& out_;
};

class reader {
public:
  explicit reader(std::string_view image)
      : in_(reinterpret_cast<const std::byte*>(image.data()), reinterpret_cast<const std::byte*>(image.data() + image.size())) {}

  bool is_whole() const { return !in_.bad() && in_.left() == 0; }
  void fail() { in_.fail(); }

  std::uint64_t number() { return in_.varint(); }
  template <class Small>
  Small small() {
    const std::uint64_t value = in_.varint();
    if (value > std::numeric_limits<Small>::max())
      in_.fail();
    return static_cast<Small>(value);
  }
  std::int64_t signed_number() { return in_.zigzag_varint(); }
  points_t points() { return {in_.zigzag_varint()}; }
  seq_t seq() { return {in_.varint()}; }
  instant time(instant near) {
    if (in_.varint() == 0)
      return {};
    return {static_cast<std::int64_t>(static_cast<std::uint64_t>(near.us) + static_cast<std::uint64_t>(in_.zigzag_varint()))};
  }
  std::uint64_t fixed() { return in_.fixed64(); }
  std::string_view text() { return in_.text(in_.varint()); }
  // No more than there can be: each of them takes a byte at least.
  std::uint64_t count() {
    const std::uint64_t count = in_.varint();
    if (count > in_.left())
      in_.fail();
    return in_.bad() ? 0 : count;
  }
  // As `writer::as_it_lies`, one at a time.
  template <class T, class Take>
  void as_they_lie(const Take& take) {
    const std::uint64_t count = in_.varint();
    if (count > in_.left() / sizeof(T))
      return in_.fail();
    const std::string_view bytes = in_.text(count * sizeof(T));
    for (std::uint64_t i = 0; i < count; ++i) {
      T one;
      std::memcpy(static_cast<void*>(&one), bytes.data() + i * sizeof(T), sizeof(T));
      take(one);
    }
  }

private:
  byte_cursor in_;
};

void write_rare(const account_rare& rare, instant near, writer& out) {
  out.seq(rare.status_seq);
  out.seq(rare.erased_seq);
  out.points(rare.taken_back);
  out.number(rare.reservations.size());
  for (const reservation& each : rare.reservations) {
    out.seq(each.seq);
    out.time(each.until, near);
    out.number(each.version);
    out.text(each.name);
    out.number(each.shares.size());
    for (const lot_share& share : each.shares) {
      out.seq(share.lot);
      out.points(share.points);
      out.time(share.available_at, near);
      out.time(share.expires_at, near);
    }
  }
  out.number(rare.reviews.size());
  for (const review_record& each : rare.reviews) {
    out.seq(each.review);
    out.seq(each.decided);
    out.fixed(each.order_hash);
    out.number(static_cast<std::uint8_t>(each.parked));
    out.number(each.approved ? 1 : 0);
  }
  out.number(rare.captured_orders.size());
  for (const captured_order& each : rare.captured_orders) {
    out.fixed(each.hash);
    out.seq(each.seq);
  }
  out.number(rare.spilled.orders);
  out.number(rare.spilled.references);
  out.fixed(static_cast<std::uint64_t>(rare.spilled.total_units));
  out.fixed(static_cast<std::uint64_t>(rare.spilled.total_units >> 64));
  out.points(rare.spilled.earned);
  out.time(rare.spilled.newest_dated, near);
  out.number(rare.wide_orders.size());
  for (const order_facts& each : rare.wide_orders) {
    out.seq(each.seq);
    out.points(each.earned);
    out.signed_number(each.total.units);
    out.time(each.dated, near);
  }
  out.number(rare.refunds.size());
  for (const refunded_order& each : rare.refunds) {
    out.fixed(each.hash);
    out.signed_number(each.refunded.units);
    out.signed_number(each.restoring.units);
    out.points(each.taken);
    out.points(each.expired_counted);
    out.seq(each.newest);
    out.number(each.cancelled ? 1 : 0);
  }
  out.number(rare.undone.size());
  for (const undone_share& each : rare.undone) {
    out.seq(each.redemption);
    out.points(each.points);
  }
  out.number(rare.expired.size());
  for (const expired_lot& each : rare.expired) {
    out.seq(each.lot);
    out.points(each.points);
  }
}

// Calls `visit(range)` for each, in the order in which they lie in an image.
template <class Sums, class Visitor>
void for_each_range(Sums& sums, Visitor&& visit) {
  visit(sums.refunds);
  visit(sums.undone);
  visit(sums.expired);
  visit(sums.captured);
}

void write_on_disk(const account_rare& rare, instant near, writer& out) {
  for_each_range(rare.spilled, [&](const spilled_range& each) {
    out.number(each.begin);
    out.number(each.size());
  });
  out.number(rare.lot_pieces.size());
  for (const lot_piece& each : rare.lot_pieces) {
    out.number(each.number);
    out.number(each.count);
    out.points(each.available);
    out.seq(each.first);
    out.seq(each.last);
    out.time(each.expires_at, near);
    out.points(each.expiring);
    out.seq(each.first_expiring);
  }
}

void read_on_disk(reader& in, instant near, account_rare& rare) {
  for_each_range(rare.spilled, [&](spilled_range& each) {
    each.begin = in.number();
    each.end = each.begin + in.number();
  });
  for (std::uint64_t left = in.count(); left > 0; --left) {
    lot_piece& each = rare.lot_pieces.emplace_back();
    each.number = in.small<std::uint32_t>();
    each.count = in.small<std::uint32_t>();
    each.available = in.points();
    each.first = in.seq();
    each.last = in.seq();
    each.expires_at = in.time(near);
    each.expiring = in.points();
    each.first_expiring = in.seq();
  }
}

void read_rare(reader& in, instant near, account_rare& rare) {
  rare.status_seq = in.seq();
  rare.erased_seq = in.seq();
  rare.taken_back = in.points();
  for (std::uint64_t left = in.count(); left > 0; --left) {
    reservation& each = rare.reservations.emplace_back();
    each.seq = in.seq();
    each.until = in.time(near);
    each.version = in.small<std::uint32_t>();
    each.name = in.text();
    for (std::uint64_t shares = in.count(); shares > 0; --shares) {
      lot_share& share = each.shares.emplace_back();
      share.lot = in.seq();
      share.points = in.points();
      share.available_at = in.time(near);
      share.expires_at = in.time(near);
    }
  }
  for (std::uint64_t left = in.count(); left > 0; --left) {
    review_record each{};
    each.review = in.seq();
    each.decided = in.seq();
    each.order_hash = in.fixed();
    each.parked = static_cast<op>(in.small<std::uint8_t>());
    each.approved = in.number() != 0;
    rare.reviews.push_back(each);
  }
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const std::uint64_t hash = in.fixed();
    rare.captured_orders.push_back({hash, in.seq()});
    rare.by_captured_order.added(rare.captured_orders);
  }
  rare.spilled.orders = in.number();
  rare.spilled.references = in.number();
  const std::uint64_t low = in.fixed();
  rare.spilled.total_units = static_cast<int128>(uint128{in.fixed()} << 64 | low);
  rare.spilled.earned = in.points();
  rare.spilled.newest_dated = in.time(near);
  for (std::uint64_t left = in.count(); left > 0; --left) {
    order_facts& each = rare.wide_orders.emplace_back();
    each.seq = in.seq();
    each.earned = in.points();
    each.total = {in.signed_number()};
    each.dated = in.time(near);
  }
  for (std::uint64_t left = in.count(); left > 0; --left) {
    refunded_order each;
    each.hash = in.fixed();
    each.refunded = {in.signed_number()};
    each.restoring = {in.signed_number()};
    each.taken = in.points();
    each.expired_counted = in.points();
    each.newest = in.seq();
    each.cancelled = in.number() != 0;
    rare.refunds.push_back(each);
    rare.by_refund.added(rare.refunds);
  }
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const seq_t redemption = in.seq();
    rare.undone.push_back({redemption, in.points()});
    rare.by_undone.added(rare.undone);
  }
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const seq_t lot = in.seq();
    rare.expired.push_back({lot, in.points()});
    rare.by_expired.added(rare.expired);
  }
}

} // namespace

std::uint8_t image_version_of(const account_state& state) {
  bool has_some = state.has_spilled_lots;
  if (state.rare)
    for_each_range(state.rare->spilled, [&](const spilled_range& each) { has_some = has_some || each.end != 0; });
  return has_some ? 2 : 1;
}

void write_image(const account_state& state, std::string& out) {
  writer write(out);
  const instant near = state.enrolled_at;
  write.number(static_cast<std::uint8_t>(state.status));
  const bool is_due_once = state.next_due != instant::end_of_time();
  write.number(static_cast<std::uint64_t>((state.lots_in_spending_order ? in_spending_order : 0) | (state.rare ? has_rare : 0) |
                                          (is_due_once ? has_due : 0) | (image_version_of(state) > 1 ? has_on_disk : 0)));
  write.number(state.entry_count);
  write.number(state.merchant);
  write.fixed(static_cast<std::uint64_t>(near.us));
  write.seq(state.enrolled_seq);
  write.seq(state.last_seq);
  if (is_due_once)
    write.time(state.next_due, near);
  write.time(state.active_at, near);
  write.points(state.available);
  write.points(state.pending);
  write.points(state.reserved);
  write.points(state.debt);
  write.points(state.lifetime);
  write.signed_number(state.day);
  write.points(state.earned_that_day);
  write.points(state.redeemed_that_day);
  write.number(state.redemptions_that_day);
  write.number(state.lots.size());
  for (const lot& each : state.lots) {
    write.seq(each.id);
    write.points(each.available);
    write.points(each.pending);
    write.points(each.reserved);
    write.time(each.available_at, near);
    write.time(each.expires_at, near);
  }
  write.as_it_lies(state.orders);
  write.as_it_lies(state.references);
  if (state.rare)
    write_rare(*state.rare, near, write);
  if (image_version_of(state) > 1)
    write_on_disk(*state.rare, near, write);
}

bool read_image(std::string_view image, account_state& state) {
  TALLY_ASSERT(state.status == account_status::none && state.lots.empty() && !state.rare);
  reader read(image);
  state.status = static_cast<account_status>(read.small<std::uint8_t>());
  const auto flags = read.small<std::uint8_t>();
  state.lots_in_spending_order = (flags & in_spending_order) != 0;
  state.entry_count = read.small<std::uint32_t>();
  state.merchant = read.small<std::uint32_t>();
  const instant near{static_cast<std::int64_t>(read.fixed())};
  state.enrolled_at = near;
  state.enrolled_seq = read.seq();
  state.last_seq = read.seq();
  state.next_due = (flags & has_due) != 0 ? read.time(near) : instant::end_of_time();
  state.active_at = read.time(near);
  state.available = read.points();
  state.pending = read.points();
  state.reserved = read.points();
  state.debt = read.points();
  state.lifetime = read.points();
  state.day = static_cast<std::int32_t>(read.signed_number());
  state.earned_that_day = read.points();
  state.redeemed_that_day = read.points();
  state.redemptions_that_day = read.small<std::uint16_t>();
  for (std::uint64_t left = read.count(); left > 0; --left) {
    lot each{};
    each.id = read.seq();
    each.available = read.points();
    each.pending = read.points();
    each.reserved = read.points();
    each.available_at = read.time(near);
    each.expires_at = read.time(near);
    state.lots.push_back(each);
  }
  if ((flags & has_rare) != 0)
    state.rare = std::make_unique<account_rare>();
  const auto index_from = reference_index::scanned_max; // longer lists are found through an index, which is built again
  read.as_they_lie<order_record>([&](const order_record& each) {
    state.orders.push_back(each);
    if (state.orders.size() > index_from && state.rare)
      state.rare->by_order.added(state.orders);
  });
  read.as_they_lie<reference_record>([&](const reference_record& each) {
    state.references.push_back(each);
    if (state.references.size() > index_from && state.rare)
      state.rare->by_reference.added(state.references);
  });
  const bool has_index = state.rare != nullptr || (state.orders.size() <= index_from && state.references.size() <= index_from);
  if (!has_index || state.status == account_status::none || state.status > account_status::closed)
    read.fail();
  if (state.rare)
    read_rare(read, near, *state.rare);
  if ((flags & has_on_disk) != 0 && !state.rare)
    read.fail();
  else if ((flags & has_on_disk) != 0)
    read_on_disk(read, near, *state.rare);
  note_rare(state);
  return read.is_whole();
}

void write_lots(std::span<const lot> lots, std::string& out) {
  writer write(out);
  write.number(lots.size());
  seq_t before;
  const instant near = lots.empty() ? instant{} : lots.front().available_at;
  write.fixed(static_cast<std::uint64_t>(near.us));
  for (const lot& each : lots) {
    TALLY_ASSERT(each.id > before && each.pending == points_t{} && each.reserved == points_t{}, each.id.value);
    write.number(each.id.value - before.value);
    write.points(each.available);
    write.time(each.available_at, near);
    write.time(each.expires_at, near);
    before = each.id;
  }
}

bool read_lots(std::string_view bytes, std::vector<lot>& lots) {
  reader read(bytes);
  const std::uint64_t count = read.count();
  const instant near{static_cast<std::int64_t>(read.fixed())};
  seq_t before;
  for (std::uint64_t left = count; left > 0; --left) {
    lot each{};
    before = each.id = before.plus(read.number());
    each.available = read.points();
    each.available_at = read.time(near);
    each.expires_at = read.time(near);
    lots.push_back(each);
  }
  return read.is_whole();
}

seq_t last_seq_of_image(std::string_view image) {
  reader read(image);
  for (int before = 0; before < 4; ++before) // status, flags, entry count, merchant
    read.number();
  read.fixed(); // enrolled_at
  read.seq();   // enrolled_seq
  return read.seq();
}

} // namespace tally
