// The open review list of a merchant: each shard knows its accounts' open reviews, the `reviews` operation gathers them.
#pragma once

#include "actors/journal_reads.hpp"
#include "snapshot/recovery_point.hpp"

#include <set>
#include <utility>
#include <vector>

namespace tally::actors {

// The open reviews of one shard's accounts, by merchant and number. Derived from their entries.
// Thread: its shard's.
class review_index {
public:
  void add(merchant_number of, seq_t review) { open_.emplace(of, review); }
  // Of every entry that is decided.
  void note(const entry& made) {
    if (made.kind == entry_kind::review_hold)
      add(made.merchant, made.seq);
    else if (made.kind == entry_kind::review_approve || made.kind == entry_kind::review_reject)
      open_.erase({made.merchant, made.review});
  }
  // Of every merchant.
  std::vector<snapshot::review_record> all() const;
  // The first `count` after `after`, in order.
  std::vector<seq_t> find(merchant_number of, seq_t after, std::size_t count) const;

private:
  std::set<std::pair<merchant_number, seq_t>> open_;
};

// Fills in the list's lines; `query.reviews` says which.
void read_reviews(const read_query& query, wal::journal_reader& journal, document& shown);

} // namespace tally::actors
