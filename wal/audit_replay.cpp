// Replays a journal: applies every entry to its account and decides nothing. What the audit checks is wal/audit.cpp's.
#include "wal/audit.hpp"

#include "engine/decide.hpp"
#include "wal/audit_router.hpp"
#include "wal/journal_folder.hpp"
#include "wal/rocksdb_journal.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tally::wal {

namespace {

// A worker of the replay. What does not decode ends its part; the first such entry is told.
class replay_worker final : public audit_worker {
public:
  void work(audit_round& round, std::size_t own) override {
    const std::vector<audit_item>& items = round.items[own];
    constexpr std::size_t ahead = 8;
    for (std::size_t i = 0; i < items.size() && !failed_; ++i) {
      if (i + 2 * ahead < items.size())
        accounts_.prefetch_place(items[i + 2 * ahead].hash);
      if (i + ahead < items.size())
        accounts_.prefetch(items[i + ahead].hash);
      if (items[i].what == audit_item::entry)
        take(items[i]);
    }
  }
  void end() override {}

  audited_accounts& accounts() { return accounts_; }
  // The entry that did not decode, and why; 0: all did.
  seq_t failed_at() const { return failed_at_; }
  const failure& why() const { return *failed_; }

private:
  void take(const audit_item& item) {
    std::span<const std::byte> in = item.bytes();
    if (result<void> read = decode(in, item.number, item.at, buffer_, entry_); !read) {
      failed_at_ = item.number;
      failed_ = read.error();
      return;
    }
    bool made = false;
    apply(accounts_.find_or_make(*item.merchant, item.account_id(), item.hash, made).state, entry_);
  }

  audited_accounts accounts_;
  entry entry_;
  decode_buffer buffer_;
  seq_t failed_at_;
  std::optional<failure> failed_;
};

bool is_wanted(const replay_options& options, seq_t number, instant at) {
  return (!options.until_seq || number <= *options.until_seq) && (!options.until_time || at <= *options.until_time);
}

} // namespace

result<seq_t> audit_replay(const replay_options& options, const journal_reader::visitor& each_entry, const replayed_account& each_account) {
  auto journal = open_journal_read_only(options.folder);
  if (!journal)
    return journal.error();
  // one account is no work to share, and entries that are shown are shown in order
  std::vector<replay_worker> workers(options.account || each_entry ? 1 : worker_count(options.workers));
  std::vector<audit_worker*> pointers;
  for (replay_worker& each : workers)
    pointers.push_back(&each);
  audit_crew crew(pointers, [](audit_round&) {});

  seq_t reached;
  bool go_on = true;
  result<void> cut;
  audit_router::options how;
  how.in_groups = false;
  how.wanted = [&](const block_record& record) {
    go_on = go_on && is_wanted(options, record.number, record.at);
    if (go_on)
      reached = record.number;
    return go_on && record.head.kind != entry_kind::program && (!options.account || record.head.account == *options.account);
  };
  how.learned = [&](merchant_number number, std::string_view name) { (*journal)->learn_merchant(number, name); };
  audit_router router(crew, how);

  entry shown;
  decode_buffer buffer;
  const auto show = [&](const block_record& record) {
    std::span<const std::byte> in = record.bytes;
    if (cut = decode(in, record.number, record.at, buffer, shown); !cut)
      return false;
    if (const audited_merchant* merchant = router.merchant_of(record.head.merchant))
      shown.merchant_id = merchant->id;
    go_on = each_entry(shown);
    return go_on;
  };
  const auto each_block = [&](const block_header& header, std::span<const std::byte> block) {
    cut = router.block(block, header.last_seq());
    if (cut && each_entry) {
      const auto passed = for_each_record(block, [&](const block_record& record) {
        const bool is_shown = record.number <= reached && record.head.kind != entry_kind::program &&
                              (!options.account || record.head.account == *options.account);
        return !is_shown || show(record);
      });
      cut = cut ? passed : cut;
    }
    return cut && go_on;
  };
  result<void> replayed = (*journal)->replay_blocks(seq_t{1}, each_block, {}, {});
  router.finish();
  if (!replayed)
    return replayed.error();
  const replay_worker* failed = nullptr;
  for (const replay_worker& each : workers)
    if (each.failed_at() && (failed == nullptr || each.failed_at() < failed->failed_at()))
      failed = &each;
  if (failed != nullptr || !cut)
    return journal_folder{options.folder / "journal"}.explain(failed != nullptr ? failed->why() : cut.error());

  std::vector<const audited_account*> accounts;
  for (replay_worker& each : workers)
    each.accounts().for_each([&](const audited_account& account) { accounts.push_back(&account); });
  const auto place = [](const audited_account* one) { return std::tie(one->merchant->id, one->id); };
  std::ranges::sort(accounts, {}, place);
  for (const audited_account* one : accounts)
    each_account(one->merchant->id, one->id, options.until_time ? as_of(one->state, *options.until_time) : one->state);
  return reached;
}

} // namespace tally::wal
