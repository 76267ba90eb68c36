#include "bench/ceiling.hpp"

#include "bench/generator.hpp"
#include "bench/request_writer.hpp"

#include <bit>
#include <cstring>

namespace tally::bench {

namespace {

// An operation with its ids spelled, as it would come off the wire.
struct spelled_operation {
  op kind;
  std::uint8_t account_size, reference_size, order_size;
  char account[12], reference[16], order[16];
  std::int64_t value;
};

template <std::size_t N>
std::uint8_t spell(const std::string& text, char (&out)[N]) {
  std::memcpy(out, text.data(), text.size());
  return static_cast<std::uint8_t>(text.size());
}

spelled_operation spelled(const operation& from) {
  spelled_operation out{};
  out.kind = from.kind;
  out.value = from.value;
  out.account_size = spell(account_id(from.account), out.account);
  if (from.kind == op::reverse)
    out.order_size = spell(order_id(from.order), out.order);
  if (from.number != 0)
    out.reference_size = spell(from.kind == op::reverse ? refund_id(from.number) : order_id(from.number), out.reference);
  return out;
}

std::uint64_t reference_hash(op kind, std::string_view account, std::string_view reference) {
  return hash64(reference, hash64(account) + static_cast<std::uint64_t>(kind)) | 1; // 0 is a free slot
}

} // namespace

bare_ledger::bare_ledger(std::uint32_t accounts_max, std::size_t operations_max)
    : member_slots_(std::bit_ceil(std::size_t{accounts_max} * 2)), references_(std::bit_ceil(operations_max * 2)) {
  members_.reserve(accounts_max);
}

bool bare_ledger::run(op kind, std::string_view account, std::string_view reference, std::string_view order, std::int64_t value) {
  member& who = find_or_add(account);
  if (kind == op::account || kind == op::enroll)
    return true;
  reference_slot& own = slot_of(kind, account, reference);
  if (own.hash != 0)
    return false; // counted before
  std::int64_t points = 0;
  if (kind == op::earn) {
    points = value / 10'000;
    who.lifetime += points;
  } else if (kind == op::redeem) {
    if (who.available < value)
      return false;
    points = -value;
  } else {
    const reference_slot& earned = slot_of(op::earn, account, order);
    if (earned.hash == 0)
      return false;
    points = -earned.points;
  }
  who.available += points;
  own = {reference_hash(kind, account, reference), points};
  return true;
}

bare_ledger::member& bare_ledger::find_or_add(std::string_view account) {
  const std::uint64_t hash = hash64(account);
  const std::size_t mask = member_slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; member_slots_[at].member != 0; at = (at + 1) & mask)
    if (member_slots_[at].hash == hash && members_[member_slots_[at].member - 1].id == account)
      return members_[member_slots_[at].member - 1];
  members_.emplace_back().id = account;
  member_slots_[at] = {hash, static_cast<std::uint32_t>(members_.size())};
  return members_.back();
}

// Its slot, or the free one it would get.
bare_ledger::reference_slot& bare_ledger::slot_of(op kind, std::string_view account, std::string_view reference) {
  const std::uint64_t hash = reference_hash(kind, account, reference);
  const std::size_t mask = references_.size() - 1;
  std::size_t at = hash & mask;
  while (references_[at].hash != 0 && references_[at].hash != hash)
    at = (at + 1) & mask;
  return references_[at];
}

ceiling_result measure_ceiling(const workload_options& options, std::size_t operations) {
  bare_ledger ledger(options.accounts, operations);
  for (std::uint32_t i = 0; i < options.accounts; ++i)
    ledger.run(op::enroll, account_id(i), {}, {}, 0);

  workload work(options);
  std::vector<spelled_operation> asked;
  asked.reserve(operations);
  for (std::size_t i = 0; i < operations; ++i) {
    const operation next = work.next();
    if (next.kind == op::earn)
      work.earned(next);
    asked.push_back(spelled(next));
  }

  const std::int64_t started = steady_now_ns();
  std::uint64_t counted = 0;
  for (const spelled_operation& one : asked)
    counted +=
        ledger.run(one.kind, {one.account, one.account_size}, {one.reference, one.reference_size}, {one.order, one.order_size}, one.value);
  const double taken_s = static_cast<double>(steady_now_ns() - started) * 1e-9;
  return {counted, static_cast<double>(operations) / taken_s};
}

} // namespace tally::bench
