// A worker of the audit: judges the groups of its accounts one after the other. For each it makes the decision again from the account's
// state before it, by the rules it names, and expects the same bytes; applies it; adds up what it moved; and remembers its reference.
#pragma once

#include "engine/decide.hpp"
#include "wal/audit_crew.hpp"
#include "wal/journal.hpp"
#include "wal/reference_set.hpp"

#include <array>
#include <functional>
#include <memory>
#include <vector>

namespace tally::wal {

// One merchant as one worker sees it.
struct audited_book {
  const program* newest = nullptr; // rules, older ones behind them
  std::array<int128, side_count> sides{};
  std::array<int128, side_count> held{}; // by the members together
  bool broken = false;                   // one of them is
};

class audit_judge final : public audit_worker {
public:
  // `reader` is for what a decision looks back at: the redemptions of an order that is reversed. `images` may be null.
  audit_judge(std::unique_ptr<journal_reader> reader, image_source* images);

  void work(audit_round& round, std::size_t own) override;
  // Checks the sums of every account.
  void end() override;

  audited_accounts& accounts() { return accounts_; }
  const std::vector<audited_book>& books() const { return books_; }       // by merchant index
  const std::vector<finding>& findings_at_end() const { return at_end_; } // in no order
  std::uint64_t decisions() const { return decisions_; }

private:
  // Groups that are looked at together: what one of them needs from memory is on its way while the others are judged.
  struct window_group {
    std::size_t item = 0;  // of the round's list
    std::size_t first = 0; // of entries_
    std::size_t count = 0;
    audited_account* account = nullptr;
    command asked;
    reference_hash reference;
    bool reads = false;
  };

  std::size_t gather(std::size_t from);
  void find_accounts();
  void decode_groups();
  bool decode_group(window_group& group);
  void prefetch_spilled(const account_state& state) const;
  void take(const window_group& group);
  void lend(const audit_item& item);
  void judge(const window_group& group);
  void judge(const window_group& group, audited_account& account, audited_account* receiver);

  audited_account& account_of(const audited_merchant& merchant, std::string_view id, std::uint64_t hash);
  audited_book& book_of(const audited_merchant& merchant);
  bool find_rules(const audited_book& book, const audited_account& account, const entry& first, const program*& active);
  bool decided_alike(const window_group& group, const audited_account& account, const audited_account* receiver);
  void explain(const audited_account& account, const entry& one);
  void post(const audited_merchant& merchant, audited_book& book, const entry& one);
  void compare_image(audited_account& account);
  void check_sums(const audited_account& account);
  std::span<const entry> entries_of(const window_group& group) const {
    return std::span<const entry>(entries_).subspan(group.first, group.count);
  }
  void find(seq_t number, const audited_merchant& merchant, std::string_view account, std::string what);

  std::unique_ptr<journal_reader> reader_;
  image_source* const images_;
  audited_accounts accounts_;
  std::vector<audited_book> books_;
  reference_set references_;
  std::uint64_t decisions_ = 0;
  std::vector<finding> at_end_;

  const std::vector<audit_item>* items_ = nullptr; // of the round at hand
  std::vector<finding>* findings_ = nullptr;       // where they go now
  std::vector<window_group> window_;
  std::size_t window_size_ = 0;
  std::vector<entry> entries_;
  std::vector<decode_buffer> buffers_;
  std::size_t entry_count_ = 0;
  decision again_;
  bytes expected_;
  const std::function<std::span<const entry>(seq_t)> read_group_ = [this](seq_t first) {
    const auto group = reader_->read_group(first);
    return group ? *group : std::span<const entry>{};
  };
};

} // namespace tally::wal
