#include "actors/tail_piece.hpp"

#include "actors/journal_reads.hpp"

#include <algorithm>

namespace tally::actors {

namespace {

// What an entry takes in an answer, near enough to keep pieces small.
std::size_t shown_bytes(const entry& each) {
  constexpr std::size_t fixed = 480, lot = 80, line = 4;
  std::size_t bytes = fixed + lot * each.lots.size() + line * each.lines.size() + each.account.size();
  for (const std::string_view text : {each.order, each.refund, each.reservation, each.transfer, each.adjustment, each.reward, each.peer,
                                      each.reason, each.token, each.terminal, each.cashier, each.note})
    bytes += text.size();
  return bytes;
}

} // namespace

void tail_piece(const read_query& query, wal::journal_reader& journal, document& shown) {
  const command& asked = query.asked->get();
  const seq_t from = std::max(asked.seq.value_or(seq_t{1}), seq_t{1});
  seq_t last{from.value - 1};
  std::size_t bytes = 0;
  const seq_t to = std::min(query.newest, last.plus(tail_scan_max));
  const result<void> read = journal.for_each(from, to, [&](const entry& each) {
    if (query.of != nullptr && each.merchant == query.of->number && asked.kinds.contains(each.kind)) {
      const std::size_t more = shown_bytes(each);
      const bool is_full = shown.entries.entries().size() == tail_entries_max || (bytes > 0 && bytes + more > tail_bytes_max);
      if (is_full) {
        shown.more = true;
        return false;
      }
      shown.entries.add(each);
      bytes += more;
    }
    last = each.seq;
    return true;
  });
  if (!read) {
    shown.entries = {};
    shown.head.status = outcome_status::unavailable;
    shown.head.what = read.error().what;
    return;
  }
  shown.seq = last;
  shown.more |= last < query.newest;
}

} // namespace tally::actors
