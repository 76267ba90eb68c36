// What history, entry, count, balance_at, statement, reviews and a piece of a tail show, read from the journal (SPEC sections 4,
// 11 "As of", 12). liability is a scan of the whole journal: actors/liability.hpp.
#pragma once

#include "actors/document.hpp"
#include "actors/merchants.hpp"
#include "actors/owned_command.hpp"
#include "wal/journal.hpp"

#include <memory>
#include <string>

namespace tally::actors {

// One read, and how the account stood when it was asked: later entries are not shown.
struct read_query {
  std::shared_ptr<const owned_command> asked;
  const merchant* of = nullptr;
  std::string account; // empty: `entry` by seq without an account
  seq_t newest;        // the account's newest entry; tail: the newest that is durable; liability: the newest of all
  const program* active = nullptr;
  instant now;
  std::vector<seq_t> reviews; // reviews: those to be listed; more come after `next_after`
  std::optional<seq_t> next_after;
};

// What can be said about the fields of a read without reading anything; empty `what`: nothing wrong.
struct field_problem {
  std::string what;
  std::string where;
};
field_problem check_read(const command& asked, instant now);

inline constexpr std::uint32_t history_limit_default = 50;
inline constexpr std::uint32_t history_limit_max = 1000;
inline constexpr std::size_t statement_entries_max = 10'000;

// Never throws; a journal that cannot be read answers `unavailable`.
std::unique_ptr<document> read_journal(const read_query& query, wal::journal_reader& journal);

} // namespace tally::actors
