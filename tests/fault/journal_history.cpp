#include "tests/fault/journal_history.hpp"

namespace tally::fault {
namespace {

constexpr instant first_at{1'767'225'600'000'000}; // 2026-01-01

} // namespace

wal::testing::owned_entry expected_entry::made(std::uint64_t number) const {
  wal::testing::owned_entry entry = wal::testing::make_earn(number, first_at.plus_us(static_cast<std::int64_t>(group / 2)));
  entry.value.group = {group};
  entry.value.cashier = entry.keep("life " + std::to_string(life));
  if (note_bytes > 0)
    entry.value.note = entry.keep(std::string(note_bytes, static_cast<char>('a' + number % 26)));
  return entry;
}

std::uint64_t recorded_life::acknowledged_after(std::size_t count) const {
  std::uint64_t newest = 0;
  for (const acknowledgement& each : acknowledged)
    if (each.calls <= count)
      newest = each.seq;
  return newest;
}

// ---- a life -----------------------------------------------------------------------------------------------------------

living_journal::living_journal(const disk_content& before, expected_entries entries, std::uint32_t life, std::size_t memtable_bytes)
    : before_(before), entries_before_(entries.size()), disk_(before), entries_(std::move(entries)), number_(life),
      memtable_bytes_(memtable_bytes) {}

result<void> living_journal::open() {
  auto opened = held_journal::open(disk_, memtable_bytes_);
  if (!opened)
    return opened.error();
  const auto any = [](const entry&) { return true; };
  if (result<void> replayed = (*opened)->replay({1}, any, {}); !replayed)
    return replayed;
  journal_ = std::move(*opened);
  journal_->start(shards, {});
  return {};
}

void living_journal::hand_over(std::uint32_t shard, const std::vector<std::uint32_t>& groups, std::uint32_t note_bytes) {
  wal::batch& ready = batches_.emplace_back();
  for (const std::uint32_t size : groups) {
    const std::uint64_t group = entries_.size() + 1;
    for (std::uint64_t number = group; number < group + size; ++number) {
      entries_.push_back({group, number_, note_bytes});
      ready.add(entries_.back().made(number).value);
    }
  }
  journal_->append(shard, ready);
}

void living_journal::stop() {
  if (journal_)
    journal_->close();
}

void living_journal::lose_power() {
  disk_.files->die();
  stop();
}

std::uint64_t living_journal::acknowledged() const {
  return !journal_ || journal_->acknowledged().empty() ? entries_before_ : journal_->acknowledged().back().seq;
}

recorded_life living_journal::recorded() const {
  recorded_life life{before_, disk_.files->history(), {{0, entries_before_}}, entries_};
  if (journal_)
    life.acknowledged.insert(life.acknowledged.end(), journal_->acknowledged().begin(), journal_->acknowledged().end());
  return life;
}

// ---- what is left of it -----------------------------------------------------------------------------------------------

namespace {

class disk_check {
public:
  disk_check(const disk_content& content, const expected_entries& entries, std::uint64_t acknowledged)
      : disk_(content), entries_(entries), acknowledged_(acknowledged) {}

  found run(bool and_goes_on) {
    std::unique_ptr<wal::rocksdb_journal> journal = open();
    if (journal == nullptr)
      return found_;
    read_all(*journal);
    if (found_.problem.empty() && and_goes_on)
      go_on(std::move(journal));
    return found_;
  }

private:
  std::unique_ptr<wal::rocksdb_journal> open() {
    auto opened = wal::rocksdb_journal::open(journal_options_on(disk_));
    if (!opened) {
      found_.refusal = opened.error().what;
      if (opened.error().code != failure_code::corrupt || found_.refusal.find("`tally repair /disk/data`") == std::string::npos) {
        found_.problem = "refused without a way on: " + found_.refusal;
        return nullptr;
      }
      if (!repair())
        return nullptr;
      opened = wal::rocksdb_journal::open(journal_options_on(disk_));
    }
    if (!opened) {
      found_.problem = "refused after a repair: " + opened.error().what;
      return nullptr;
    }
    return std::move(*opened);
  }

  bool repair() {
    const auto repaired = wal::repair_journal(journal_name, disk_.env.get());
    if (!repaired) {
      found_.problem = found_.refusal + "; and the repair: " + repaired.error().what;
      return false;
    }
    if (repaired->kept.value < acknowledged_)
      found_.problem = "the repair kept only " + std::to_string(repaired->kept.value);
    found_.repaired = true;
    return found_.problem.empty();
  }

  void read_all(wal::rocksdb_journal& journal) {
    std::uint64_t count = 0;
    const auto compare = [&](const entry& read) {
      const std::uint64_t number = ++count;
      std::string difference = "seq";
      if (number > entries_.size())
        difference = "it was never written";
      else if (read.seq.value == number)
        difference = first_difference(read, entries_[number - 1].made(number).value);
      if (!difference.empty())
        found_.problem = "entry " + std::to_string(number) + " differs: " + difference;
      return difference.empty();
    };
    const result<void> replayed = journal.replay({1}, compare, {});
    if (!found_.problem.empty())
      return;
    if (!replayed)
      found_.problem = "does not replay: " + replayed.error().what;
    else if (count < acknowledged_)
      found_.problem = "lost: only " + std::to_string(count) + " entries of " + std::to_string(acknowledged_) + " acknowledged";
    else if (count > 0 && count < entries_.size() && entries_[count].group == entries_[count - 1].group)
      found_.problem = "half a group: ends at entry " + std::to_string(count);
    found_.newest = count;
  }

  void go_on(std::unique_ptr<wal::rocksdb_journal> journal) {
    expected_entries more(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(found_.newest));
    wal::batch ready;
    const std::uint64_t group = found_.newest + 1;
    for (std::uint64_t number = group; number < group + 2; ++number) {
      more.push_back({group, 99, 0});
      ready.add(more.back().made(number).value);
    }
    journal->start(1, {});
    journal->append(0, ready);
    journal->stop();
    journal.reset();
    found then = check_disk(disk_.files->content(), more, more.size(), false);
    if (then.problem.empty() && !then.refusal.empty())
      then.problem = "refused: " + then.refusal;
    if (!then.problem.empty())
      found_.problem = "after two more entries: " + then.problem;
  }

  fault_disk disk_;
  const expected_entries& entries_;
  const std::uint64_t acknowledged_;
  found found_;
};

} // namespace

found check_disk(const disk_content& content, const expected_entries& entries, std::uint64_t acknowledged, bool and_goes_on) {
  return disk_check(content, entries, acknowledged).run(and_goes_on);
}

} // namespace tally::fault
