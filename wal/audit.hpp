// The auditor: reads a data folder without a server and proves, from entry 1, how every balance came to be.
//
// For every entry it checks that the journal is whole (checksum, hash chain, no gap, time), that the entry follows from the account's
// state before it by the rules it names (the decision is made again and must give the same bytes), that balances are the
// sums of their entries, that debits equal credits and that no reference counts twice.
#pragma once

#include "engine/account.hpp"
#include "engine/rules.hpp"
#include "wal/journal.hpp"
#include "wal/sealed_digest.hpp"

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

// The account images of a snapshot, for comparing them with what the entries come to. Whoever implements it opens them before the journal
// is, so that no image is newer than what is read of it, and keeps them as they were then. From any thread.
class image_source {
public:
  virtual ~image_source() = default;
  struct mark {
    seq_t seq;                  // the entry at which the account's image was taken; 0: there is no image of it
    std::uint64_t checksum = 0; // of the image; 0 where that is not known beforehand
  };
  // Asked once of each account.
  virtual result<mark> mark_of(merchant_number merchant, std::string_view account) = 0;
  // The checksum that an image of that state has. An account may have images of other bytes that hold the same.
  virtual std::uint64_t checksum_of(const account_state& state) const = 0;
  // `fingerprint` (engine/account.hpp) of the state that the image holds. Asked where the account stands at that entry and its image would
  // have another checksum.
  virtual result<std::string> fingerprint_of(merchant_number merchant, std::string_view account) = 0;
  // Every account that has an image, but perhaps for those that `mark_of` was asked about.
  using visitor = std::function<void(merchant_number merchant, std::string_view account)>;
  virtual result<void> for_each(const visitor& visit) = 0;
};

struct audit_options {
  std::filesystem::path folder;                              // the data folder, as given to tallyd
  std::function<void(const finding&)> report;                // in the order of their entries; those about no entry last
  std::function<void(seq_t reached, seq_t newest)> progress; // may be empty
  image_source* images = nullptr;                            // null: there are none to compare
  const sealed_digest* sealed = nullptr;                     // the journal must begin with what it sealed
  std::size_t workers = 0;                                   // threads that judge, beside the one that reads; 0: one a processor
};

// Reads the whole journal. A folder that cannot be read at all is a failure; bytes that do not verify are a finding. Memory: some 350
// bytes and the heap of its state an account, 21 to 43 bytes a reference.
result<audit_report> audit_verify(const audit_options& options);

struct replay_options {
  std::filesystem::path folder;
  std::optional<seq_t> until_seq;     // inclusive
  std::optional<instant> until_time;  // inclusive; what is due by then is counted as done
  std::optional<std::string> account; // only this member id
  std::size_t workers = 0;            // as in audit_options
};

// Replays and hands out each account's state as it stood then, ordered by merchant and account.
using replayed_account = std::function<void(std::string_view merchant, std::string_view account, const account_state& state)>;
// Each entry on the way, where wanted.
result<seq_t> audit_replay(const replay_options& options, const journal_reader::visitor& each_entry, const replayed_account& each_account);

} // namespace tally::wal
