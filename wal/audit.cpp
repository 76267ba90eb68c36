// Puts an audit together: the journal's blocks, the router that cuts them into groups, the workers that judge them, and what only shows
// when all of them are done.
#include "wal/audit.hpp"

#include "wal/audit_judge.hpp"
#include "wal/audit_router.hpp"
#include "wal/journal_folder.hpp"
#include "wal/rocksdb_journal.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tally::wal {

namespace {

class audit {
public:
  audit(const audit_options& options, rocksdb_journal& journal)
      : options_(options), judges_(make_judges(options, journal)), newest_(journal.newest_digest().newest),
        crew_(workers_of(judges_), [this](audit_round& round) { tell(round); }), router_(crew_, routing(journal)) {}

  result<void> block(const block_header& header, std::span<const std::byte> block) { return router_.block(block, header.last_seq()); }

  // `is_whole`: the journal was read to its end. Of one that was not, images may be newer than what was read.
  audit_report finish(bool is_whole) {
    router_.finish();
    report_.entries = router_.entries();
    std::vector<finding> about_accounts;
    for (const auto& judge : judges_) {
      report_.accounts += judge->accounts().size();
      report_.decisions += judge->decisions();
      about_accounts.insert(about_accounts.end(), judge->findings_at_end().begin(), judge->findings_at_end().end());
    }
    if (options_.images != nullptr && is_whole)
      find_strange_images(about_accounts);
    const auto place = [](const finding& one) { return std::tie(one.merchant, one.account); };
    std::ranges::stable_sort(about_accounts, {}, place);
    for (const finding& one : about_accounts)
      tell(one);
    std::map<std::string, const audited_merchant*> by_name;
    for (const audited_merchant& merchant : router_.merchants())
      by_name.emplace(merchant.id, &merchant);
    for (const auto& [name, merchant] : by_name)
      balance(*merchant);
    return std::move(report_);
  }

  void tell(const finding& one) {
    ++report_.findings;
    options_.report(one);
  }

private:
  using judges = std::vector<std::unique_ptr<audit_judge>>;

  static judges make_judges(const audit_options& options, rocksdb_journal& journal) {
    judges made;
    for (std::size_t i = 0; i < worker_count(options.workers); ++i)
      made.push_back(std::make_unique<audit_judge>(journal.make_reader(), options.images));
    return made;
  }
  static std::vector<audit_worker*> workers_of(const judges& all) {
    std::vector<audit_worker*> workers;
    for (const auto& each : all)
      workers.push_back(each.get());
    return workers;
  }
  static audit_router::options routing(rocksdb_journal& journal) {
    audit_router::options how;
    how.learned = [&journal](merchant_number number, std::string_view name) { journal.learn_merchant(number, name); };
    return how;
  }

  // A round that is done: what was found in it goes out in the order of its entries.
  void tell(audit_round& round) {
    std::vector<finding> found;
    for (auto& of_one : round.findings)
      std::ranges::move(of_one, std::back_inserter(found));
    std::ranges::stable_sort(found, {}, &finding::number);
    for (const finding& one : found)
      tell(one);
    if (options_.progress && round.reached)
      options_.progress(round.reached, newest_);
  }

  void find_strange_images(std::vector<finding>& found) {
    const auto visited = options_.images->for_each([&](merchant_number number, std::string_view account) {
      const audited_merchant* merchant = router_.merchant_of(number);
      if (merchant == nullptr) {
        found.push_back({{}, "", std::string(account), "there is an image of it and no merchant " + std::to_string(number)});
        return;
      }
      const std::uint64_t hash = account_hash(*merchant, account);
      if (judges_[router_.worker_of(hash)]->accounts().find(*merchant, account, hash) == nullptr)
        found.push_back({{}, merchant->id, std::string(account), "there is an image of it and no entry"});
    });
    if (!visited)
      found.push_back({{}, "", "", "the images do not read: " + visited.error().what});
  }

  void balance(const audited_merchant& merchant) {
    audited_book all;
    for (const auto& judge : judges_) {
      if (judge->books().size() <= merchant.index)
        continue;
      const audited_book& part = judge->books()[merchant.index];
      for (std::size_t i = 0; i < side_count; ++i) {
        all.sides[i] += part.sides[i];
        all.held[i] += part.held[i];
      }
      all.broken = all.broken || part.broken;
    }
    int128 sum = 0;
    for (const int128 received : all.sides)
      sum += received;
    if (sum != 0)
      tell({{}, merchant.id, "", "debits and credits do not cancel out"});
    if (all.sides[static_cast<std::size_t>(side::transfer)] != 0)
      tell({{}, merchant.id, "", "what transfers took and what they gave do not cancel out"});
    for (const side which : {side::member, side::pending, side::reserved})
      if (!all.broken && all.sides[static_cast<std::size_t>(which)] != all.held[static_cast<std::size_t>(which)])
        tell({{}, merchant.id, "", "the side " + std::string(name_of(which)) + " is not what its members have together"});
    report_.trial_balance.emplace(merchant.id, all.sides);
  }

  const audit_options& options_;
  audit_report report_;
  const judges judges_;
  const seq_t newest_;
  audit_crew crew_;
  audit_router router_;
};

} // namespace

result<audit_report> audit_verify(const audit_options& options) {
  auto journal = open_journal_read_only(options.folder);
  if (!journal)
    return journal.error();
  audit auditing(options, **journal);
  std::optional<seal_check> sealed;
  if (options.sealed != nullptr)
    sealed.emplace(*options.sealed);
  result<void> cut;
  const auto each_block = [&](const block_header& header, std::span<const std::byte> block) {
    if (sealed)
      sealed->pass(header);
    cut = auditing.block(header, block);
    return cut.ok();
  };
  result<void> replayed = (*journal)->replay_blocks(seq_t{1}, each_block, {}, {});
  if (replayed && !cut)
    replayed = journal_folder{options.folder / "journal"}.explain(cut.error());
  audit_report report = auditing.finish(replayed.ok());
  const auto tell = [&](const finding& one) {
    ++report.findings;
    options.report(one);
  };
  if (sealed)
    if (const auto disagreement = sealed->end())
      tell({disagreement->from, "", "", disagreement->what});
  if (!replayed)
    tell({{}, "", "", replayed.error().what});
  report.newest = (*journal)->newest_digest();
  if (const auto mark = high_water_mark::open(journal_folder{options.folder / "journal"}.mark(), true))
    report.acknowledged = mark->newest();
  return report;
}

} // namespace tally::wal
