// The long answers: reads that show more than an outcome's fixed numbers. Owns everything it shows.
// net/ turns it into the wire's outcome_document.
#pragma once

#include "engine/account_view.hpp"
#include "engine/entry.hpp"
#include "engine/outcome.hpp"
#include "engine/rules.hpp"
#include "engine/rules_toml.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tally::actors {

// Entries that outlive the journal block they were read from.
class entry_list {
public:
  void add(const entry& entry); // copies everything it points to
  const std::vector<entry>& entries() const { return entries_; }
  std::vector<entry>& entries() { return entries_; }

private:
  std::string_view keep(std::string_view text);

  std::vector<entry> entries_;
  std::deque<std::string> texts_;
  std::deque<std::vector<sale_line>> lines_;
  std::deque<std::vector<std::int64_t>> offsets_;
};

struct version_line {
  std::uint32_t version = 0;
  instant applied_at;
  seq_t seq;
};

// Fields of SPEC section 12 by name; what an operation does not answer stays empty.
struct document {
  outcome head;
  const program* active = nullptr; // of the merchant: names of tiers and rewards, rates of entries
  std::string merchant;
  std::string account;
  std::optional<account_view> view; // account
  entry_list entries;               // history, entry
  std::optional<seq_t> next_before_seq;
  std::optional<std::uint64_t> count;
  std::optional<instant> at; // balance_at
  std::optional<seq_t> seq;
  const program* shown = nullptr; // program
  std::vector<version_line> programs;
  std::vector<rules_problem> problems;
  std::optional<std::string> hash; // digest: lower-case hex
  std::optional<instant> now;      // advance_clock
  std::optional<std::uint64_t> fired;
};

} // namespace tally::actors
