// A data folder with a journal made without a server: decides what it is asked, and writes the entries, changed or not.
#pragma once

#include "engine/decide.hpp"
#include "wal/batch.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::testing {

// Lifecycle: make (the folder is emptied), apply rules, ask; write once, or again with other changes. The folder goes with it.
class scripted_journal {
public:
  explicit scripted_journal(const std::string& name);
  ~scripted_journal();

  const std::filesystem::path& folder() const { return folder_; }
  void apply_rules(const std::string& merchant, merchant_number number, const std::string& toml);
  // Decides now and remembers the entries. `asked` may point to texts that end.
  outcome_status ask(const command& asked);
  void let_pass(std::int64_t us) { now_ = now_.plus_us(us); }

  std::uint64_t newest() const { return entries_.size(); }
  const entry& at(std::uint64_t seq) const { return entries_[seq - 1]; }
  // The state of the account after each of its entries.
  const std::map<std::uint64_t, account_state>& states_of(const std::string& merchant, const std::string& account) const {
    return states_.at({merchant, account});
  }
  using account_key = std::pair<std::string, std::string>;
  const std::map<account_key, std::map<std::uint64_t, account_state>>& states() const { return states_; }

  // Writes all entries into a new journal, each as `forge` leaves it; the deciding side knows nothing of that.
  void write(const std::function<void(entry&)>& forge = {}) const;

private:
  std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }
  account_state& state_of(std::string_view account);
  void remember(entry one);

  const std::filesystem::path folder_;
  instant now_{1'767'225'600'000'000}; // 2026-01-01
  std::string merchant_;
  std::map<std::string, std::pair<merchant_number, std::deque<program>>> merchants_;
  std::map<account_key, std::map<std::uint64_t, account_state>> states_;
  account_state unknown_;
  std::deque<std::string> texts_;
  std::deque<std::vector<sale_line>> lines_;
  std::vector<entry> entries_;
  decision decided_;
  std::vector<entry> group_;
};

} // namespace tally::testing
