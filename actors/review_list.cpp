#include "actors/review_list.hpp"

namespace tally::actors {

std::vector<snapshot::review_record> review_index::all() const {
  std::vector<snapshot::review_record> all;
  for (const auto& [merchant, review] : open_)
    all.push_back({merchant, review});
  return all;
}

std::vector<seq_t> review_index::find(merchant_number of, seq_t after, std::size_t count) const {
  std::vector<seq_t> found;
  for (auto at = open_.upper_bound({of, after}); at != open_.end() && at->first == of && found.size() < count; ++at)
    found.push_back(at->second);
  return found;
}

void read_reviews(const read_query& query, wal::journal_reader& journal, document& shown) {
  for (const seq_t review : query.reviews) {
    const result<const entry*> read = journal.read(review);
    if (!read) {
      shown.reviews.clear();
      shown.head.status = outcome_status::unavailable;
      shown.head.what = read.error().what;
      return;
    }
    const entry& held = **read;
    review_line& line = shown.reviews.emplace_back();
    line.review = review;
    line.account = held.account;
    line.parked = held.parked;
    line.order = held.order;
    line.refund = held.refund;
    line.reasons = held.reasons;
    line.points = held.parked_points;
    line.total = held.total;
    line.at = held.at;
  }
  shown.next_after = query.next_after;
}

} // namespace tally::actors
