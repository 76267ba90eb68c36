// The auditor: reads a data folder without a server and proves, from entry 1, how every balance came to be.
//
// For every entry it checks that the journal is whole (checksum, hash chain, no gap, time), that the entry follows from the account's
// state before it by the rules it names (the decision is made again and must give the same bytes), that balances are the
// sums of their entries, that debits equal credits and that no reference counts twice.
#pragma once

#include "engine/account.hpp"
#include "engine/rules.hpp"
#include "wal/journal.hpp"

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace tally::wal {

// One thing that is wrong. `number` 0: not about one entry.
struct finding {
  seq_t number;
  std::string merchant;
  std::string account;
  std::string what;
};

struct audit_report {
  std::uint64_t entries = 0;
  std::uint64_t accounts = 0;
  std::uint64_t decisions = 0; // made again
  std::uint64_t findings = 0;
  digest newest;
  seq_t acknowledged; // the high-water mark
  // What every side of the double entry holds, points received less points given; they sum to 0.
  std::map<std::string, std::array<int128, side_count>> trial_balance; // by merchant
};

struct audit_options {
  std::filesystem::path folder; // the data folder, as given to tallyd
  std::function<void(const finding&)> report;
  std::function<void(seq_t reached)> progress; // may be empty
};

// Reads the whole journal. A folder that cannot be read at all is a failure; bytes that do not verify are a finding.
result<audit_report> audit_verify(const audit_options& options);

struct replay_options {
  std::filesystem::path folder;
  std::optional<seq_t> until_seq;     // inclusive
  std::optional<instant> until_time;  // inclusive; what is due by then is counted as done
  std::optional<std::string> account; // only this member id
};

// Replays and hands out each account's state as it stood then, ordered by merchant and account.
using replayed_account = std::function<void(std::string_view merchant, std::string_view account, const account_state& state)>;
// Each entry on the way, where wanted.
result<seq_t> audit_replay(const replay_options& options, const journal_reader::visitor& each_entry, const replayed_account& each_account);

} // namespace tally::wal
