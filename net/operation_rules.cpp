// See operation_rules.hpp. One table says which fields an operation has; the checks of a field are the same wherever it occurs.
#include "net/operation_rules.hpp"

#include "engine/phone.hpp"
#include "engine/rules_toml.hpp"
#include "net/limits.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace tally::net {
namespace {

using field_set = std::uint32_t;

// One bit a field of `command`, in the order in which problems are reported.
enum field : field_set {
  token = 1u << 0, // nothing is taken from a token yet
  merchant = 1u << 1,
  account = 1u << 2,
  phone = 1u << 3,
  name = 1u << 4,
  order = 1u << 5,
  reference = 1u << 6,
  points = 1u << 7,
  total = 1u << 8,
  amount = 1u << 9,
  lines = 1u << 10,
  at = 1u << 11,
  reason = 1u << 12,
  expire_days = 1u << 13,
  toml = 1u << 14,
  seq = 1u << 15,
  before_seq = 1u << 16,
  limit = 1u << 17,
  kinds = 1u << 18,
  from = 1u << 19,
  until = 1u << 20,
  version = 1u << 21,
  terminal = 1u << 22,
  cashier = 1u << 23,
  note = 1u << 24,
  to = 1u << 25,
  minutes = 1u << 26,
  after = 1u << 27,
};

constexpr field_set on_change = terminal | cashier | note;

struct shape {
  field_set required = 0;
  field_set optional = 0;
  const char* reference_name = "";
  const char* kinds_name = "kinds";
  const char* until_name = "until";
  const char* seq_name = "seq";
};

constexpr std::array<shape, op_count> make_shapes() {
  std::array<shape, op_count> shapes{};
  const auto at_op = [&](op kind) -> shape& { return shapes[static_cast<std::size_t>(kind)]; };
  at_op(op::enroll) = {merchant, account | phone | name | on_change};
  at_op(op::earn) = {merchant | order | total, account | phone | lines | at | on_change};
  at_op(op::preview) = {merchant | account | points, total};
  at_op(op::redeem) = {merchant | account | points | order, total | on_change};
  at_op(op::claim) = {merchant | account | reference | order, on_change, "reward"};
  at_op(op::authorize) = {merchant | account | points | reference, minutes | on_change, "reservation"};
  at_op(op::capture) = {merchant | account | reference, points | order | on_change, "reservation"};
  at_op(op::void_) = {merchant | account | reference, on_change, "reservation"};
  at_op(op::reverse) = {merchant | account | order | reference, amount | on_change, "refund"};
  at_op(op::adjust) = {merchant | account | points | reference | reason, expire_days | on_change, "adjustment"};
  at_op(op::transfer) = {merchant | account | to | points | reference, on_change, "transfer"};
  at_op(op::suspend) = at_op(op::reactivate) = at_op(op::close) = {merchant | account | reason, on_change};
  at_op(op::account) = {merchant, account | phone};
  at_op(op::history) = {merchant | account, before_seq | limit | kinds | from | until};
  at_op(op::entry) = {merchant, seq | account | order | kinds, "", "kind"};
  at_op(op::count) = {merchant | account, kinds};
  at_op(op::balance_at) = {merchant | account, at | seq};
  at_op(op::reviews) = {merchant, account | limit | after};
  at_op(op::approve) = at_op(op::reject) = {merchant | seq | reason, on_change, "", "kinds", "until", "review"};
  at_op(op::program) = {merchant, version};
  at_op(op::programs) = {merchant, 0};
  at_op(op::put_program) = {merchant | toml, on_change};
  at_op(op::profile) = {merchant | account, phone | name | on_change};
  at_op(op::erase) = {merchant | account, on_change};
  at_op(op::statement) = {merchant | account | from | until, 0};
  at_op(op::liability) = {merchant, at};
  at_op(op::digest) = {0, merchant};
  at_op(op::tail) = {merchant, seq | kinds, "", "kinds", "until", "from_seq"};
  at_op(op::advance_clock) = {until, merchant | on_change, "", "kinds", "to"};
  return shapes;
}
constexpr std::array<shape, op_count> shapes = make_shapes();

field_set fields_of(const command& operation) {
  const auto bit = [](bool there, field which) { return there ? static_cast<field_set>(which) : 0; };
  return bit(!operation.token.empty(), token) | bit(!operation.merchant.empty(), merchant) | bit(!operation.account.empty(), account) |
         bit(!operation.phone.empty(), phone) | bit(!operation.name.empty(), name) | bit(!operation.order.empty(), order) |
         bit(!operation.reference.empty(), reference) | bit(operation.amount_points.has_value(), points) |
         bit(operation.total.has_value(), total) | bit(operation.amount.has_value(), amount) | bit(!operation.lines.empty(), lines) |
         bit(operation.at.has_value(), at) | bit(!operation.reason.empty(), reason) | bit(operation.expire_days.has_value(), expire_days) |
         bit(!operation.toml.empty(), toml) | bit(operation.seq.has_value(), seq) | bit(operation.before_seq.has_value(), before_seq) |
         bit(operation.limit.has_value(), limit) | bit(operation.kinds.bits != 0, kinds) | bit(operation.from.has_value(), from) |
         bit(operation.until.has_value(), until) | bit(operation.version.has_value(), version) |
         bit(!operation.terminal.empty(), terminal) | bit(!operation.cashier.empty(), cashier) | bit(!operation.note.empty(), note) |
         bit(!operation.to.empty(), to) | bit(operation.minutes.has_value(), minutes) | bit(operation.after.has_value(), after);
}

const char* name_of(field which, const shape& rules) {
  switch (which) {
  case token:
    return "token";
  case merchant:
    return "merchant";
  case account:
    return "account";
  case phone:
    return "phone";
  case name:
    return "name";
  case order:
    return "order";
  case reference:
    return *rules.reference_name != '\0' ? rules.reference_name : "reference";
  case points:
    return "points";
  case total:
    return "total";
  case amount:
    return "amount";
  case lines:
    return "lines";
  case at:
    return "at";
  case reason:
    return "reason";
  case expire_days:
    return "expire_days";
  case toml:
    return "toml";
  case seq:
    return rules.seq_name;
  case before_seq:
    return "before_seq";
  case limit:
    return "limit";
  case kinds:
    return rules.kinds_name;
  case from:
    return "from";
  case until:
    return rules.until_name;
  case version:
    return "version";
  case terminal:
    return "terminal";
  case cashier:
    return "cashier";
  case note:
    return "note";
  case to:
    return "to";
  case minutes:
    return "minutes";
  case after:
    return "after";
  }
  return "op";
}

constexpr const char* bad_id = "must be 1-64 bytes of UTF-8 without control characters";
constexpr const char* bad_short_text = "must be at most 64 bytes of UTF-8 without control characters";
constexpr const char* bad_long_text = "must be at most 256 bytes of UTF-8 without control characters";
constexpr const char* bad_phone = "must be a phone number: 5 to 15 digits, spaces and -(). between them, + or 00 before them";
constexpr const char* bad_money = "must not be negative";
constexpr const char* bad_time = "must be a time of the years 1 to 9999";

bool is_id(std::string_view text) { return !text.empty() && is_plain_text(text, id_bytes_max); }

bool is_shown_time(const std::optional<instant>& time) {
  constexpr instant first{-62'135'596'800 * us_per_second}, past_last{253'402'300'800 * us_per_second};
  return !time || (*time >= first && *time < past_last);
}

const char* check_lines(std::span<const sale_line> receipt, std::string& where) {
  if (receipt.size() > lines_max) {
    where = "lines";
    return "must be at most 1000";
  }
  for (std::size_t i = 0; i < receipt.size(); ++i) {
    const sale_line& line = receipt[i];
    const auto refuse = [&](const char* member, const char* what) {
      where = "lines[" + std::to_string(i) + "]." + member;
      return what;
    };
    if (!is_id(line.sku))
      return refuse("sku", bad_id);
    if (!is_plain_text(line.category, id_bytes_max))
      return refuse("category", bad_short_text);
    if (line.quantity < 1)
      return refuse("quantity", "must be 1 or more");
    if (line.amount < money_t{})
      return refuse("amount", bad_money);
  }
  return nullptr;
}

// How many points: of an adjustment up or down, of redemptions the ledger's to say.
const char* check_points(const command& operation) {
  if (operation.kind == op::adjust)
    return *operation.amount_points != points_t{} ? nullptr : "must not be 0";
  if (operation.kind == op::transfer || operation.kind == op::capture)
    return *operation.amount_points > points_t{} ? nullptr : "must be 1 or more";
  return nullptr;
}

// One field that is there and may be there.
const char* check_field(field which, const command& operation, std::string& where) {
  switch (which) {
  case merchant:
    return is_merchant_id(operation.merchant) ? nullptr : "must be 1-64 of A-Z, a-z, 0-9, '.', '_', '-'";
  case account:
    return is_id(operation.account) ? nullptr : bad_id;
  case order:
    return is_id(operation.order) ? nullptr : bad_id;
  case reference:
    if (operation.kind == op::claim) // by its name in the rules
      return is_plain_text(operation.reference, text_bytes_max) ? nullptr : bad_long_text;
    return is_id(operation.reference) ? nullptr : bad_id;
  case to:
    return is_id(operation.to) ? nullptr : bad_id;
  case total:
    return *operation.total >= money_t{} ? nullptr : bad_money;
  case amount:
    return *operation.amount >= money_t{} ? nullptr : bad_money;
  case lines:
    return check_lines(operation.lines, where);
  case points:
    return check_points(operation);
  case at:
    return is_shown_time(operation.at) ? nullptr : bad_time;
  case from:
    return is_shown_time(operation.from) ? nullptr : bad_time;
  case until:
    return is_shown_time(operation.until) ? nullptr : bad_time;
  case expire_days:
    return *operation.expire_days >= 0 && *operation.expire_days <= expire_days_max ? nullptr : "must be 0 to 36500";
  case minutes:
    return *operation.minutes >= 1 && *operation.minutes <= minutes_max ? nullptr : "must be 1 to 10080";
  case limit:
    return *operation.limit >= 1 && *operation.limit <= history_limit_max ? nullptr : "must be 1 to 1000";
  case toml:
    return operation.toml.size() <= rules_bytes_max ? nullptr : "must be at most 64 KiB";
  case version:
    return *operation.version >= 1 ? nullptr : "must be 1 or more";
  case terminal:
    return is_plain_text(operation.terminal, id_bytes_max) ? nullptr : bad_short_text;
  case cashier:
    return is_plain_text(operation.cashier, id_bytes_max) ? nullptr : bad_short_text;
  case note:
    return is_plain_text(operation.note, text_bytes_max) ? nullptr : bad_long_text;
  case reason:
    return is_plain_text(operation.reason, text_bytes_max) ? nullptr : bad_long_text;
  case phone:
    return normal_phone(operation.phone) ? nullptr : bad_phone;
  case name:
    return is_plain_text(operation.name, text_bytes_max) ? nullptr : bad_long_text;
  case token:
  case seq:
  case before_seq:
  case after:
  case kinds:
    return nullptr;
  }
  return nullptr;
}

const char* check_entry(field_set there, std::string& where) {
  const bool by_seq = (there & seq) != 0;
  const field_set by_order = there & (account | order | kinds);
  const auto refuse = [&](const char* place, const char* what) {
    where = place;
    return what;
  };
  if (by_seq && by_order != 0)
    return refuse("seq", "either seq, or account and order");
  if (!by_seq && by_order == 0)
    return refuse("seq", "required: seq, or account and order");
  if (!by_seq && (there & (account | order)) != (account | order))
    return refuse((there & account) == 0 ? "account" : "order", "required");
  return nullptr;
}

// What one field alone cannot tell.
const char* check_together(const command& operation, field_set there, std::string& where) {
  const auto refuse = [&](const char* place, const char* what) {
    where = place;
    return what;
  };
  const field_set who = there & (account | phone);
  const bool both = who == (account | phone);
  switch (operation.kind) {
  case op::enroll:
    return who == 0 ? refuse("account", "required: account or phone") : nullptr;
  case op::account:
    if (who == 0)
      return refuse("account", "required: account or phone");
    return both ? refuse("phone", "either account or phone") : nullptr;
  case op::earn:
    return both ? refuse("phone", "either account or phone") : nullptr;
  case op::transfer:
    return operation.to == operation.account ? refuse("to", "must be another account") : nullptr;
  case op::entry:
    return check_entry(there, where);
  case op::balance_at:
    return ((there & at) != 0) == ((there & seq) != 0) ? refuse("at", "either at or seq") : nullptr;
  case op::statement:
    return *operation.from > *operation.until ? refuse("until", "must not be before from") : nullptr;
  default:
    return nullptr;
  }
}

// The first field of a set, in reporting order.
field first_of(field_set set) { return static_cast<field>(set & -set); }

} // namespace

const char* check_operation(const command& operation, std::string& where) {
  const auto number = static_cast<std::size_t>(operation.kind);
  if (number == 0 || number >= op_count) {
    where = "op";
    return "unknown operation";
  }
  const shape& rules = shapes[number];
  const field_set there = fields_of(operation);
  if (const field_set unknown = there & ~(rules.required | rules.optional | token); unknown != 0) {
    where = name_of(first_of(unknown), rules);
    return "not a field of this operation";
  }
  if (const field_set missing = rules.required & ~there; missing != 0) {
    where = name_of(first_of(missing), rules);
    return "required";
  }
  for (field_set left = there; left != 0; left &= left - 1) {
    where.clear();
    if (const char* what = check_field(first_of(left), operation, where)) {
      if (where.empty())
        where = name_of(first_of(left), rules);
      return what;
    }
  }
  if ((there & token) != 0) {
    where = name_of(token, rules);
    return "not supported yet";
  }
  return check_together(operation, there, where);
}

bool is_merchant_id(std::string_view text) {
  static constexpr auto allowed = [] {
    std::array<bool, 256> table{};
    for (char c = 'a'; c <= 'z'; ++c)
      table[static_cast<unsigned char>(c)] = table[static_cast<unsigned char>(c - 'a' + 'A')] = true;
    for (char c = '0'; c <= '9'; ++c)
      table[static_cast<unsigned char>(c)] = true;
    table['.'] = table['_'] = table['-'] = true;
    return table;
  }();
  bool all = !text.empty() && text.size() <= id_bytes_max;
  for (const char c : text)
    all &= allowed[static_cast<unsigned char>(c)];
  return all;
}

// ---- text -------------------------------------------------------------------------------------------------------------

namespace {

constexpr std::uint64_t each_byte(std::uint8_t byte) { return byte * 0x0101010101010101u; }

// Nothing but the printable characters of ASCII in these eight bytes.
bool printable_ascii(std::uint64_t word) {
  const std::uint64_t below_space = word - each_byte(0x20); // borrows only where a byte is below, which is refused anyway
  const std::uint64_t deleted = word + each_byte(0x01);     // 0x7f becomes 0x80; carries only out of 0xff, which is refused
  return ((word | below_space | deleted) & each_byte(0x80)) == 0;
}

std::uint64_t load(const char* at, std::size_t bytes) {
  std::uint64_t word = each_byte(0x20);
  std::memcpy(&word, at, bytes);
  return word;
}

bool printable_ascii(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  if (left >= 8) {
    bool all = printable_ascii(load(at + left - 8, 8));
    for (; left > 8; left -= 8, at += 8)
      all &= printable_ascii(load(at, 8));
    return all;
  }
  if (left >= 4)
    return printable_ascii(load(at, 4)) && printable_ascii(load(at + left - 4, 4));
  for (const char c : text) {
    if (c < 0x20 || c == 0x7f)
      return false;
  }
  return true;
}

// Well-formed UTF-8 (RFC 3629) without the control characters of Unicode: U+0000-1F, U+7F-9F.
bool plain_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = byte(i);
    if (lead < 0x80) {
      if (lead < 0x20 || lead == 0x7f)
        return false;
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    if (length == 0 || text.size() - i < length)
      return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80)
        return false;
    }
    const unsigned char second = byte(i + 1);
    const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool surrogate = lead == 0xed && second > 0x9f;
    const bool too_high = lead == 0xf4 && second > 0x8f;
    const bool control = lead == 0xc2 && second < 0xa0;
    if (overlong || surrogate || too_high || control)
      return false;
    i += length;
  }
  return true;
}

} // namespace

bool is_plain_text(std::string_view text, std::size_t bytes_max) {
  return text.size() <= bytes_max && (printable_ascii(text) || plain_utf8(text));
}

} // namespace tally::net
