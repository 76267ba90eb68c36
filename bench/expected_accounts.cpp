#include "bench/expected_accounts.hpp"

namespace tally::bench {

void expected_accounts::start_from(std::uint32_t account, const answer_numbers& shown) {
  expected& mine = accounts_[account];
  mine.newest_seq = shown.seq;
  mine.available = shown.available.value;
  mine.lifetime = shown.lifetime.value;
}

void expected_accounts::acknowledged(const operation& asked, const answer_numbers& answer) {
  expected& mine = accounts_[asked.account];
  touched_[asked.account] = true;
  if (asked.kind == op::earn)
    mine.lifetime += answer.points.value;
  // Outcomes of one account may come over several connections in any order; the newest is the one with the highest seq.
  if (answer.seq > mine.newest_seq) {
    mine.newest_seq = answer.seq;
    mine.available = answer.available.value;
  }
}

std::string expected_accounts::difference(std::uint32_t account, const answer_numbers& shown) const {
  const expected& mine = accounts_[account];
  std::string text;
  const auto compare = [&](const char* name, std::int64_t want, std::int64_t have) {
    if (want != have)
      text += std::string(text.empty() ? "" : ", ") + name + " " + std::to_string(have) + " instead of " + std::to_string(want);
  };
  if (shown.status != outcome_status::ok)
    return "cannot be read: " + std::string(name_of(shown.status)) + " " + std::string(name_of(shown.code));
  compare("available", mine.available, shown.available.value);
  compare("pending", 0, shown.pending.value);
  compare("reserved", 0, shown.reserved.value);
  compare("lifetime", mine.lifetime, shown.lifetime.value);
  return text;
}

} // namespace tally::bench
