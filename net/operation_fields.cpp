#include "net/operation_fields.hpp"

#include "engine/assert.hpp"

namespace tally::net {

namespace {

using enum presence;

constexpr operation_field merchant{"merchant", &command::merchant, required, "the merchant it is about"};

constexpr operation_field on_change[] = {
    {"terminal", &command::terminal, optional, "the till that asks", true},
    {"cashier", &command::cashier, optional, "the person at the till", true},
    {"note", &command::note, optional, "a remark kept with the entry", true},
};

constexpr operation_field member{"account", &command::account, required_positional, "the member's id"};
constexpr operation_field maybe_member{"account", &command::account, positional, "the member's id"};
constexpr operation_field maybe_phone{"phone", &command::phone, optional, "the member's phone number instead of the id"};
constexpr operation_field some_points{"points", &command::amount_points, required, "how many points"};
constexpr operation_field sale_order{"order", &command::order, required, "the merchant's reference of the sale"};
constexpr operation_field maybe_total{"total", &command::total, optional, "what the sale comes to: the discount is never more"};
constexpr operation_field why{"reason", &command::reason, required, "why, for the record", true};
constexpr operation_field of_kinds{"kinds", &command::kinds, optional, "only entries of these kinds"};

constexpr operation_field enroll_fields[] = {
    maybe_member,
    {"phone", &command::phone, optional, "the member's phone number; without an account the ledger makes the id"},
    {"name", &command::name, optional, "the member's name", true},
};
constexpr operation_field earn_fields[] = {
    maybe_member,
    maybe_phone,
    sale_order,
    {"total", &command::total, required, "what was paid"},
    {"lines", &command::lines, optional, "a line of the receipt: sku=S,quantity=N,amount=M[,category=C]; repeat for more"},
    {"at", &command::at, optional, "the time of purchase, from a till that was offline"},
};
constexpr operation_field preview_fields[] = {member, some_points, maybe_total};
constexpr operation_field redeem_fields[] = {
    member, some_points, sale_order, maybe_total, {"exact", &command::exact, optional, "all of the points or none of them"},
};
constexpr operation_field claim_fields[] = {member, {"reward", &command::reference, required, "a reward of the program"}, sale_order};
constexpr operation_field authorize_fields[] = {
    member,
    some_points,
    {"reservation", &command::reference, required, "the merchant's reference of the reservation"},
    {"minutes", &command::minutes, optional, "how long it holds (at most 10080); absent: as the rules say"},
};
constexpr operation_field capture_fields[] = {
    member,
    {"reservation", &command::reference, required, "the reservation"},
    {"points", &command::amount_points, optional, "how many of the reserved points; absent: all"},
    {"order", &command::order, optional, "the merchant's reference of the sale"},
};
constexpr operation_field void_fields[] = {member, {"reservation", &command::reference, required, "the reservation"}};
constexpr operation_field reverse_fields[] = {
    member,
    sale_order,
    {"refund", &command::reference, required, "the merchant's reference of the refund"},
    {"amount", &command::amount, optional, "a partial refund; absent: the whole order is cancelled"},
    {"restore", &command::restore, optional, "give back points redeemed on the order in proportion"},
};
constexpr operation_field adjust_fields[] = {
    member,
    {"points", &command::amount_points, required, "how many points to add, or with a minus to take"},
    {"adjustment", &command::reference, required, "the merchant's reference of the adjustment"},
    why,
    {"expire_days", &command::expire_days, optional, "days until added points expire; 0: never"},
    {"force", &command::force, optional, "even if it ends below zero"},
};
constexpr operation_field transfer_fields[] = {
    member,
    {"to", &command::to, required, "the account that receives"},
    some_points,
    {"transfer", &command::reference, required, "the merchant's reference of the transfer"},
};
constexpr operation_field status_fields[] = {member, why};
constexpr operation_field account_fields[] = {maybe_member, maybe_phone};
constexpr operation_field history_fields[] = {
    member,
    {"before_seq", &command::before_seq, optional, "only entries before this number"},
    {"limit", &command::limit, optional, "at most so many (50; at most 1000)"},
    of_kinds,
    {"from", &command::from, optional, "only entries at or after this time"},
    {"until", &command::until, optional, "only entries before this time"},
};
constexpr operation_field entry_fields[] = {
    {"seq", &command::seq, positional, "the number of the entry"},
    {"account", &command::account, optional, "the member's id, to look an order up"},
    {"order", &command::order, optional, "the first entry of this sale"},
    {"kind", &command::kinds, optional, "the first one of this kind", false, true},
};
constexpr operation_field count_fields[] = {member, of_kinds};
constexpr operation_field balance_at_fields[] = {
    member,
    {"at", &command::at, optional, "the time to look back to"},
    {"seq", &command::seq, optional, "or the entry to look back to"},
};
constexpr operation_field reviews_fields[] = {
    maybe_member,
    {"limit", &command::limit, optional, "at most so many (50; at most 1000)"},
    {"after", &command::after, optional, "only reviews after this number"},
};
constexpr operation_field decide_fields[] = {
    {"review", &command::seq, required_positional, "the number of the review"},
    why,
};
constexpr operation_field program_fields[] = {{"version", &command::version, optional, "an older version"}};
constexpr operation_field put_program_fields[] = {{"toml", &command::toml, required, "the rules document", true}};
constexpr operation_field profile_fields[] = {
    member,
    {"phone", &command::phone, optional, "the phone number"},
    {"name", &command::name, optional, "the name", true},
};
constexpr operation_field erase_fields[] = {member};
constexpr operation_field statement_fields[] = {
    member,
    {"from", &command::from, required, "from this time"},
    {"until", &command::until, required, "until before this time"},
};
constexpr operation_field liability_fields[] = {{"at", &command::at, optional, "the time to look back to"}};
constexpr operation_field tail_fields[] = {
    {"from_seq", &command::seq, positional, "the first entry; 1 if absent"},
    of_kinds,
};
constexpr operation_field advance_clock_fields[] = {{"to", &command::until, required_positional, "the time it shall be"}};

constexpr operation_shape shapes[] = {
    {op::enroll, true, "Opens an account", "m-1 --name Ada", enroll_fields},
    {op::earn, true, "Adds the points of a sale",
     "m-1 --order o-1 --total 42.50 --line sku=BEAN-1KG,category=beans,quantity=1,amount=30.00", earn_fields},
    {op::preview, false, "Says what a redemption would give now", "m-1 --points 100 --total 3.20", preview_fields},
    {op::redeem, true, "Spends points for a discount", "m-1 --points 100 --order o-2 --total 3.20", redeem_fields},
    {op::claim, true, "Redeems a reward at its price", "m-1 --reward 'Free coffee' --order o-3", claim_fields},
    {op::authorize, true, "Reserves points", "m-1 --points 100 --reservation r-1", authorize_fields},
    {op::capture, true, "Spends reserved points", "m-1 --reservation r-1", capture_fields},
    {op::void_, true, "Gives reserved points back", "m-1 --reservation r-1", void_fields},
    {op::reverse, true, "Takes back the points of a refunded sale", "m-1 --order o-1 --refund f-1 --amount 12.50", reverse_fields},
    {op::adjust, true, "Corrects a balance by hand", "m-1 --points -20 --adjustment a-1 --reason 'double scan'", adjust_fields},
    {op::transfer, true, "Moves points to another account of the merchant", "m-1 --to m-2 --points 50 --transfer t-1", transfer_fields},
    {op::suspend, true, "Suspends an account", "m-1 --reason 'card reported lost'", status_fields},
    {op::reactivate, true, "Ends a suspension", "m-1 --reason 'card found'", status_fields},
    {op::close, true, "Closes an account and forfeits its points", "m-1 --reason 'asked to leave'", status_fields},
    {op::account, false, "Shows an account's balances and state", "m-1", account_fields},
    {op::history, false, "Lists an account's entries, newest first", "m-1 --limit 10 --kinds earn,redeem", history_fields},
    {op::entry, false, "Shows one entry of the ledger", "7", entry_fields},
    {op::count, false, "Counts an account's entries", "m-1 --kinds earn", count_fields},
    {op::balance_at, false, "Shows the balances as they stood then", "m-1 --at 2026-03-01T00:00:00Z", balance_at_fields},
    {op::reviews, false, "Lists what waits for a person to decide", "", reviews_fields},
    {op::approve, true, "Approves a review: what was parked is carried out", "12 --reason 'known customer'", decide_fields},
    {op::reject, true, "Rejects a review: what was parked is dropped", "12 --reason 'stolen card'", decide_fields},
    {op::program, false, "Shows the rules in force, or applies new ones", "--version 1", program_fields},
    {op::programs, false, "Lists the versions of the rules", "", {}},
    {op::put_program, true, "Makes a rules document the next version", "", put_program_fields},
    {op::profile, true, "Shows or changes a member's phone number and name", "m-1 --name Ada", profile_fields},
    {op::erase, true, "Removes a member's personal data for good", "m-1", erase_fields},
    {op::statement, false, "Shows a period of an account: balances, entries, what expires next",
     "m-1 --from 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z", statement_fields},
    {op::liability, false, "Shows the points outstanding and what they are worth", "", liability_fields},
    {op::digest, false, "Shows the newest entry's number and chain hash", "", {}},
    {op::tail, false, "Streams entries as they are written", "1", tail_fields},
    {op::advance_clock, false, "Moves a test clock", "2026-01-05T00:00:00Z", advance_clock_fields},
};

} // namespace

const operation_field& merchant_field() { return merchant; }
std::span<const operation_field> change_fields() { return on_change; }
std::span<const operation_shape> operation_shapes() { return shapes; }

const operation_shape& shape_of(op kind) {
  const auto index = static_cast<std::size_t>(kind);
  TALLY_ASSERT(index > 0 && index < op_count, static_cast<long long>(index));
  return shapes[index - 1];
}

const operation_field* find_field(const operation_shape& shape, std::string_view name) {
  for (const auto& field : shape.fields)
    if (field.name == name)
      return &field;
  if (name == merchant.name)
    return &merchant;
  if (shape.changes)
    for (const auto& field : on_change)
      if (field.name == name)
        return &field;
  return nullptr;
}

} // namespace tally::net
