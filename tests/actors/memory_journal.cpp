#include "tests/actors/memory_journal.hpp"

#include <deque>
#include <vector>

namespace tally::actors {

namespace {

class memory_reader final : public wal::journal_reader {
public:
  explicit memory_reader(std::shared_ptr<memory_disk> disk) : disk_(std::move(disk)) {}

  result<const entry*> read(seq_t number) override {
    entry* found = load(number, 0);
    if (found == nullptr)
      return failure{failure_code::missing, "entry " + std::to_string(number.value)};
    return found;
  }

  result<std::span<const entry>> read_group(seq_t first) override {
    group_.clear();
    for (std::size_t i = 0;; ++i) {
      const entry* next = load(first.plus(i), i);
      if (next == nullptr || next->group != first)
        break;
      group_.push_back(*next);
    }
    if (group_.empty())
      return failure{failure_code::missing, "group " + std::to_string(first.value)};
    return std::span<const entry>(group_);
  }

  result<void> for_each(seq_t from, seq_t to, const visitor& visit) override {
    for (seq_t at = from; at <= to; at = at.plus(1))
      if (const entry* each = load(at, 0); each == nullptr || !visit(*each))
        break;
    return {};
  }

  result<void> for_each_back(seq_t newest, const visitor& visit) override {
    for (seq_t at = newest; at;) {
      const entry* each = load(at, 0);
      if (each == nullptr)
        return failure{failure_code::missing, "entry " + std::to_string(at.value)};
      at = each->prev_seq;
      if (!visit(*each))
        break;
    }
    return {};
  }

private:
  struct place {
    wal::bytes bytes;
    wal::decode_buffer buffer;
    entry decoded;
  };

  entry* load(seq_t number, std::size_t slot) {
    while (places_.size() <= slot)
      places_.emplace_back();
    place& here = places_[slot];
    const std::lock_guard lock(disk_->mutex);
    const auto found = disk_->records.find(number.value);
    if (found == disk_->records.end() || number.value > disk_->durable)
      return nullptr;
    here.bytes = found->second.bytes;
    std::span<const std::byte> in(here.bytes);
    here.decoded = {};
    const result<void> done = wal::decode(in, number, found->second.at, here.buffer, here.decoded);
    TALLY_ASSERT(done.ok(), static_cast<long long>(number.value));
    if (here.decoded.merchant_id.empty())
      here.decoded.merchant_id = disk_->merchants[here.decoded.merchant];
    return &here.decoded;
  }

  std::shared_ptr<memory_disk> disk_;
  std::deque<place> places_;
  std::vector<entry> group_;
};

} // namespace

void memory_journal::sync_now() {
  std::uint64_t durable = 0;
  {
    const std::lock_guard lock(disk_->mutex);
    while (disk_->records.contains(disk_->durable + 1))
      ++disk_->durable;
    durable = disk_->durable;
  }
  durable_ = durable;
  if (on_durable_)
    on_durable_({durable});
}

result<void> memory_journal::replay(seq_t from, const wal::journal_reader::visitor& visit, const std::function<void(seq_t)>& progress) {
  {
    const std::lock_guard lock(disk_->mutex);
    disk_->records.erase(disk_->records.upper_bound(disk_->durable), disk_->records.end()); // as after a crash
    durable_ = disk_->durable;
  }
  progress({durable_});
  memory_reader reader(disk_);
  return reader.for_each(from, {durable_}, visit);
}

void memory_journal::start(std::uint32_t, std::function<void(seq_t durable)> on_durable) { on_durable_ = std::move(on_durable); }

void memory_journal::append(std::uint32_t, const wal::batch& ready) {
  {
    const std::lock_guard lock(disk_->mutex);
    for (const wal::run& run : ready.runs) {
      std::span<const std::byte> in = std::span(ready.records).subspan(run.offset);
      for (seq_t number = run.first; number < run.first.plus(run.count); number = number.plus(1)) {
        const std::span<const std::byte> before = in;
        wal::decode_buffer buffer;
        entry decoded;
        const result<void> done = wal::decode(in, number, run.at, buffer, decoded);
        TALLY_ASSERT(done.ok() && !disk_->records.contains(number.value), static_cast<long long>(number.value));
        disk_->records[number.value] = {{before.begin(), before.end() - static_cast<std::ptrdiff_t>(in.size())}, run.at};
        ++appended_;
      }
    }
  }
  if (!holds_back_)
    sync_now();
}

std::unique_ptr<wal::journal_reader> memory_journal::make_reader() { return std::make_unique<memory_reader>(disk_); }

void memory_journal::learn_merchant(merchant_number number, std::string_view name) {
  const std::lock_guard lock(disk_->mutex);
  disk_->merchants[number] = name;
}

} // namespace tally::actors
