// The least that makes the engine a ledger, for tests: accounts by name, every entry kept with its texts, rules from
// TOML, and a time that the test sets. `run` takes one event as text, so that a test can be a table.
#pragma once

#include "engine/decide.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace tally {

// An entry that owns what it points to.
class kept_entry {
public:
  explicit kept_entry(const entry& original);
  const entry& get() const { return entry_; }

private:
  std::string_view keep(std::string_view text);

  entry entry_;
  std::deque<std::string> texts_;
  std::vector<sale_line> lines_;
};

class test_ledger {
public:
  static constexpr instant day_0{1'767'225'600'000'000}; // 2026-01-01T00:00:00Z

  instant now = day_0;
  std::map<std::string, account_state> accounts;
  std::deque<kept_entry> journal; // entry n at index n - 1
  decision decided;               // the newest
  int groups_read = 0;
  bool journal_unreadable = false;

  // Makes the next version of the rules.
  void put_program(const std::string& toml);
  const program* active() const { return programs_.empty() ? nullptr : programs_.back().get(); }
  decision_context context() const;

  // Decides, applies and journals.
  const outcome& decide(const command& asked);
  void settle(const std::string& account);

  // `DAY OP key=value ... flag ...`, such as `3d earn o=o-1 total=42.50 lines=BEAN:beans:1:30.00`; the account is m-1 unless
  // m= says otherwise. Days may carry -1us or +1us. Answers the outcome as text, and after a bar the entries it made.
  std::string run(const std::string& event);

  // Has on disk what the account can do without, lots only that expire later.
  void spill(const std::string& account, instant lots_expiring_until);
  // Has in memory again the pieces of which `wanted(piece)` says so; or everything.
  void bring_lots_back(account_state& state, const std::function<bool(const lot_piece&)>& wanted) const;
  void make_whole(account_state& state) const;

  // The entry numbered `seq`.
  const entry& at(std::uint64_t seq) const { return journal[seq - 1].get(); }
  // The same entries applied to a new state.
  account_state replayed(const std::string& account) const;

private:
  void take();

  std::vector<std::unique_ptr<program>> programs_;
  std::vector<entry> group_;
  std::function<std::span<const entry>(seq_t)> read_group_ = [this](seq_t first) { return read_group(first); };
  std::span<const entry> read_group(seq_t first);

  std::map<std::pair<seq_t, std::uint32_t>, std::vector<lot>> lots_; // by the account's enrolment and the number of the piece
  lots_reader read_lots_ = [this](const account_state& state, const lot_piece& piece) {
    return lots_.at({state.enrolled_seq, piece.number});
  };
  // By the account's enrolment, kind, hash, number.
  std::map<std::tuple<seq_t, spilled_kind, std::uint64_t, std::uint64_t>, spilled_record> spilled_;
  spilled_search find_spilled_ = [this](const account_state& state, spilled_kind kind, std::uint64_t hash, const spilled_visitor& visit) {
    for (auto at = spilled_.lower_bound({state.enrolled_seq, kind, hash, 0}); at != spilled_.end(); ++at)
      if (at->second.kind != kind || at->second.hash != hash || std::get<0>(at->first) != state.enrolled_seq || visit(at->second))
        break;
  };
};

// `ok #2 points=42 a=92 p=0 l=92 v1`, `rejected over_cap`, `invalid points: must not be 0`.
std::string shown(const outcome& answer, const program* active);
// `earn +42/0 issuance>member`: points, pending, sides.
std::string shown(const entry& entry);

} // namespace tally
