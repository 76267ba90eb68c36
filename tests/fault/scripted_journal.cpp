#include "tests/fault/scripted_journal.hpp"

#include "engine/rules_toml.hpp"
#include "wal/rocksdb_journal.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <thread>

namespace tally::testing {

scripted_journal::scripted_journal(const std::string& name)
    : folder_(std::filesystem::temp_directory_path() / ("tally-" + name + "-" + std::to_string(::getpid()))) {
  std::filesystem::remove_all(folder_);
}

scripted_journal::~scripted_journal() { std::filesystem::remove_all(folder_); }

void scripted_journal::apply_rules(const std::string& merchant, merchant_number number, const std::string& toml) {
  auto& [known_number, programs] = merchants_[merchant];
  known_number = number;
  auto read = read_rules(toml, std::span<const std::int64_t>{});
  ASSERT_EQ(read.index(), 0u);
  program next;
  next.rules = std::get<0>(std::move(read));
  next.version = static_cast<std::uint32_t>(programs.size()) + 1;
  next.applied_at = now_;
  next.older = programs.empty() ? nullptr : &programs.back();
  entry applied;
  applied.seq = applied.group = next.applied_seq = seq_t{newest() + 1};
  applied.at = now_;
  applied.kind = entry_kind::program;
  applied.merchant = number;
  applied.merchant_id = keep(merchant);
  applied.version = applied.active_version = next.version;
  applied.text = keep(toml);
  programs.push_back(std::move(next));
  entries_.push_back(applied);
}

account_state& scripted_journal::state_of(std::string_view account) {
  const auto found = states_.find({merchant_, std::string(account)});
  return found == states_.end() ? unknown_ : found->second.rbegin()->second;
}

outcome_status scripted_journal::ask(const command& asked) {
  merchant_ = asked.merchant;
  const auto& [number, programs] = merchants_.at(merchant_);
  decision_context context;
  context.active = &programs.back();
  context.now = now_;
  context.next_seq = seq_t{newest() + 1};
  const std::function<std::span<const entry>(seq_t)> read_group = [this](seq_t first) {
    group_.clear();
    for (std::uint64_t seq = first.value; seq <= newest() && at(seq).group == first; ++seq)
      group_.push_back(at(seq));
    return std::span<const entry>(group_);
  };
  context.read_group = &read_group;
  if (asked.kind == op::transfer)
    decide_transfer(state_of(asked.account), state_of(asked.to), asked, context, decided_);
  else
    decide(state_of(asked.account), asked, context, decided_);
  for (entry& one : decided_.entries) {
    one.merchant = number;
    one.merchant_id = merchant_;
    remember(one);
  }
  return decided_.outcome.status;
}

void scripted_journal::remember(entry one) {
  for (std::string_view entry::*field :
       {&entry::merchant_id, &entry::account, &entry::order, &entry::refund, &entry::reservation, &entry::transfer, &entry::adjustment,
        &entry::reward, &entry::peer, &entry::reason, &entry::token, &entry::terminal, &entry::cashier, &entry::note})
    one.*field = keep(one.*field);
  one.lines = lines_.emplace_back(one.lines.begin(), one.lines.end());
  account_state after = state_of(one.account);
  apply(after, one);
  states_[{merchant_, std::string(one.account)}].emplace(one.seq.value, std::move(after));
  entries_.push_back(std::move(one));
}

void scripted_journal::write(const std::function<void(entry&)>& forge) const {
  std::filesystem::remove_all(folder_);
  wal::journal_options options;
  options.folder = folder_ / "journal";
  options.free_bytes_min = 1 << 20;
  auto journal = wal::rocksdb_journal::open(options);
  ASSERT_TRUE(journal.ok()) << journal.error().what;
  (*journal)->start(1, [](seq_t) {});
  std::deque<wal::batch> batches;
  for (const entry& honest : entries_) {
    entry one = honest;
    if (forge)
      forge(one);
    if (one.group == one.seq)
      batches.emplace_back();
    batches.back().add(one);
  }
  for (const wal::batch& one : batches)
    (*journal)->append(0, one);
  while ((*journal)->durable_seq().value < newest())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  (*journal)->stop();
}

} // namespace tally::testing
