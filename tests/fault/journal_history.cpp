#include "tests/fault/journal_history.hpp"

#include "engine/assert.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace tally::fault {
namespace {

constexpr instant first_at{1'767'225'600'000'000}; // 2026-01-01

} // namespace

disk_content empty_disk() { return {{}, {"/disk"}}; }

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

wal::journal_options journal_options_on(const fault_disk& disk, std::size_t memtable_bytes) {
  wal::journal_options options;
  options.folder = journal_name;
  options.free_bytes_min = 0;
  options.spin_us = 0;
  options.env = disk.env.get();
  options.memtable_bytes = memtable_bytes;
  return options;
}

// ---- a life -----------------------------------------------------------------------------------------------------------

living_journal::living_journal(const disk_content& before, expected_entries entries, std::uint32_t life, std::size_t memtable_bytes)
    : disk_(before), number_(life), memtable_bytes_(memtable_bytes) {
  life_.before = before;
  life_.acknowledged.push_back({0, entries.size()});
  life_.entries = std::move(entries);
  acknowledged_ = life_.entries.size();
}

living_journal::~living_journal() { lose_power(); }

result<void> living_journal::open() {
  wal::journal_options options = journal_options_on(disk_, memtable_bytes_);
  options.instead_of_stopping = [this](const failure& why) {
    disk_.files->die(); // whatever the destructors do now, a process that ended would not
    why_ = why.what;
    stopped_ = true;
    ::pthread_exit(nullptr);
  };
  auto opened = wal::rocksdb_journal::open(options);
  if (!opened)
    return opened.error();
  journal_ = std::move(*opened);
  const auto any = [](const entry&) { return true; };
  if (result<void> replayed = journal_->replay({1}, any, {}); !replayed)
    return replayed;
  disk_.files->hold_commits();
  journal_->start(shards, [this](seq_t durable) {
    life_.acknowledged.push_back({disk_.files->calls(), durable.value});
    acknowledged_ = durable.value;
  });
  return {};
}

void living_journal::hand_over(std::uint32_t shard, const std::vector<std::uint32_t>& groups, std::uint32_t note_bytes) {
  wal::batch& ready = batches_.emplace_back();
  for (const std::uint32_t size : groups) {
    const std::uint64_t group = life_.entries.size() + 1;
    for (std::uint64_t number = group; number < group + size; ++number) {
      life_.entries.push_back({group, number_, note_bytes});
      ready.add(life_.entries.back().made(number).value);
    }
  }
  journal_->append(shard, ready);
  let_settle();
}

// Until the journal's thread waits before a commit, has nothing to do, or has stopped.
void living_journal::let_settle() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!stopped_ && !disk_.files->is_holding() && journal_->durable_seq().value < life_.entries.size()) {
    TALLY_ASSERT(std::chrono::steady_clock::now() < deadline, static_cast<long long>(journal_->durable_seq().value));
    std::this_thread::yield();
  }
}

bool living_journal::commit() {
  if (disk_.files->is_holding())
    disk_.files->let_one_go();
  let_settle();
  return !stopped_;
}

void living_journal::stop() {
  if (!journal_)
    return;
  disk_.files->let_all_go();
  journal_->stop();
  journal_.reset();
}

void living_journal::lose_power() {
  disk_.files->die();
  stop();
}

recorded_life living_journal::recorded() const {
  recorded_life life = life_;
  life.calls = disk_.files->history();
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

std::string last_calls(const std::vector<disk_call>& calls, std::size_t end) {
  std::string text;
  for (std::size_t i = end > 12 ? end - 12 : 0; i < end; ++i)
    text += "  " + std::to_string(i) + " " + calls[i].text() + "\n";
  return text;
}

} // namespace tally::fault
