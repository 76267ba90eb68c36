// The past of one merchant as the slow model wrote it: every entry in a list, and what the reads of the past must show of it, in the
// words of history_words.hpp and answer_words.hpp.
#pragma once

#include "tests/model/slow_model.hpp"

#include <string>
#include <vector>

namespace tally::model {

// What an account held at the end of an instant.
struct held_then {
  std::string account;
  std::int64_t at_us = 0, seq = 0; // of the merchant's newest entry
  std::int64_t available = 0, pending = 0, reserved = 0, lifetime = 0;
  std::string tier;
  std::map<std::int64_t, std::int64_t> expiring; // points by the time of their expiry
};
held_then held_now(const slow_model& model, const std::string& account, std::int64_t now_us, std::int64_t newest_seq);

// What `liability` must show of the end of this instant; `seq` is the newest entry of all merchants.
std::string owed_now(const slow_model& model, std::int64_t now_us, std::int64_t seq);

class slow_journal {
public:
  struct kept {
    std::int64_t at_us = 0, prev_seq = 0;
    model_entry entry;
  };

  void add(std::int64_t at_us, const std::vector<model_entry>& entries);
  const std::vector<kept>& entries() const { return entries_; }

  // Each takes the fields of the operation of that name.
  std::string history(const command& asked) const;
  std::string count(const command& asked) const;
  std::string entry(const command& asked) const;
  std::string tail(const command& asked) const;
  // By a time or a seq; `tier` is the caller's to know.
  std::string balance_at(const command& asked, const std::string& tier) const;
  // Between the ends of two instants; the later one may be now.
  std::string statement(const command& asked, const held_then& opening, const held_then& closing) const;

private:
  std::vector<kept> entries_;
};

// An entry as reads show it: `lifetime` is not shown.
std::string describe_shown(std::int64_t at_us, std::int64_t prev_seq, const model_entry& entry);
std::string describe_balances(std::int64_t available, std::int64_t pending, std::int64_t reserved, std::int64_t lifetime,
                              const std::string& tier);

} // namespace tally::model
