// Where personal data lies: a RocksDB database in the data folder's personal/, outside the journal, so that it can be erased for good while
// the ledger's entries stay. What is stored of whom: personal/records.hpp; who may change it when: actors/registrar_actor.hpp.
#pragma once

#include "personal/records.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rocksdb {
class Env;
}

namespace tally::personal {

// Lifecycle: open; settle or drop the intents that are still open, by what the journal says; then use.
// Thread: reads from any, at any time; changes from one. A change that fails leaves unknown what is on disk: the caller must not go on.
class store {
public:
  // Makes the folder if it is missing. `locked`: somebody else has it; `corrupt` says what is damaged. No `env`: the system's.
  static result<std::unique_ptr<store>> open(const std::filesystem::path& folder, rocksdb::Env* env = nullptr);
  ~store();
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  // ---- reads
  // The merchant's account that has the phone; empty: nobody. One merchant's phones are nothing to another.
  result<std::string> account_of(std::string_view merchant, std::string_view phone) const;
  // nullopt: nothing is stored of the account.
  result<std::optional<profile>> profile_of(std::string_view merchant, std::string_view account) const;

  // ---- changes that go with an entry of the journal
  // On disk when it returns. The data of an account to be; no account: its id is told to `settle`.
  result<intent> begin_keep(std::string_view merchant, std::string_view account, const profile& data);
  result<intent> begin_erase(std::string_view merchant, std::string_view account);
  // What was begun and is neither settled nor dropped.
  result<std::vector<intent>> open_intents() const;
  // The entry is in the journal: does what was begun. `account` is the entry's. Doing it again changes nothing.
  result<void> settle(const intent& begun, std::string_view account);
  // The entry will never be: forgets what was begun.
  result<void> drop(const intent& begun);
  // What was settled or dropped so far will not be open again after a crash. From any thread.
  result<void> sync();

  // ---- changes by themselves
  // On disk when it returns. The phone must be nobody else's.
  result<void> keep(std::string_view merchant, std::string_view account, const profile& data);
  // Nothing that was deleted or replaced under the account, or begun and not done, is in any file after this.
  result<void> purge(std::string_view merchant, std::string_view account);

private:
  struct impl;
  explicit store(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace tally::personal
