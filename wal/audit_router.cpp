#include "wal/audit_router.hpp"

#include "engine/rules_toml.hpp"
#include "wal/asked.hpp"

#include <algorithm>
#include <utility>

namespace tally::wal {

namespace {

// About 4 ms of work for a worker: what is handed over costs a wake-up, and lies in the cache until it is read.
constexpr std::size_t round_bytes = 256 << 10;

} // namespace

audit_router::audit_router(audit_crew& crew, options how) : crew_(crew), how_(std::move(how)) { begin_round(0); }

result<void> audit_router::block(std::span<const std::byte> block, seq_t last) {
  make_room(block.size());
  const std::size_t offset = round_->arena.size();
  round_->arena.insert(round_->arena.end(), block.begin(), block.end());
  const std::span<const std::byte> copy = std::span<const std::byte>(round_->arena).subspan(offset);
  result<void> read = for_each_record(copy, [this](const block_record& record) {
    see(record);
    return true;
  });
  if (read)
    round_->reached = last;
  return read;
}

void audit_router::finish() {
  close_group();
  crew_.publish();
  round_ = nullptr;
  crew_.finish();
}

const audited_merchant* audit_router::merchant_of(merchant_number number) const {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second;
}

void audit_router::see(const block_record& record) {
  if (how_.wanted && !how_.wanted(record)) {
    if (!record.head.merchant_id.empty())
      merchant_of(record); // whose it is must be known all the same
    return;
  }
  ++entries_;
  if (record.head.kind == entry_kind::program)
    return see_program(record);
  if (!continues_group(record)) {
    close_group();
    open_group_with(record);
    return;
  }
  audit_item& item = group_.emplace_back(group_.front());
  item.what = audit_item::follows;
  item.record = record.bytes.data();
  item.record_bytes = static_cast<std::uint32_t>(record.bytes.size());
  item.number = record.number;
  item.at = record.at;
  has_transfer_ = has_transfer_ || record.head.kind == entry_kind::transfer_out;
}

void audit_router::open_group_with(const block_record& record) {
  audited_merchant& merchant = merchant_of(record);
  audit_item& item = group_.emplace_back();
  item.record = record.bytes.data();
  item.record_bytes = static_cast<std::uint32_t>(record.bytes.size());
  item.account = record.head.account.data();
  item.account_bytes = static_cast<std::uint32_t>(record.head.account.size());
  item.hash = account_hash(merchant, record.head.account);
  item.number = record.number;
  item.at = record.at;
  item.merchant = &merchant;
  if (record.head.begins_group)
    group_seq_ = record.number;
  has_transfer_ = record.head.kind == entry_kind::transfer_out;
}

// Whether it is of the group that is open. Few entries are, so that only those are decoded here.
bool audit_router::continues_group(const block_record& record) {
  if (record.head.begins_group || !how_.in_groups)
    return false;
  std::span<const std::byte> in = record.bytes;
  const bool reads = decode(in, record.number, record.at, buffer_, decoded_).ok();
  const seq_t group = reads ? decoded_.group : record.number;
  if (!group_.empty() && group == group_seq_)
    return true;
  group_seq_ = group; // it begins one whose beginning is not here, which its worker will find
  return false;
}

void audit_router::close_group() {
  if (group_.empty())
    return;
  const std::size_t worker = worker_of(group_.front().hash);
  if (has_transfer_ && how_.in_groups && crew_.size() > 1)
    meets_other_worker(worker);
  auto& items = round_->items[worker];
  items.insert(items.end(), group_.begin(), group_.end());
  group_.clear();
}

// Where the group is a transfer to an account that another worker has: makes the two meet.
bool audit_router::meets_other_worker(std::size_t worker) {
  std::vector<entry> entries(group_.size());
  std::vector<decode_buffer> buffers(group_.size());
  for (std::size_t i = 0; i < group_.size(); ++i) {
    std::span<const std::byte> in = group_[i].bytes();
    if (!decode(in, group_[i].number, group_[i].at, buffers[i], entries[i]))
      return false; // its worker will say so
  }
  const std::string_view peer = receiver_of(entries);
  if (peer.empty())
    return false;
  audit_item& sends = group_.front();
  audit_item lends = sends;
  lends.what = audit_item::lends;
  lends.account = peer.data(); // in the arena, as the record is
  lends.account_bytes = static_cast<std::uint32_t>(peer.size());
  lends.hash = account_hash(*sends.merchant, peer);
  const std::size_t other = worker_of(lends.hash);
  if (other == worker)
    return false;
  sends.meeting = lends.meeting = &round_->meetings.emplace_back();
  round_->items[other].push_back(lends);
  return true;
}

audited_merchant& audit_router::merchant_of(const block_record& record) {
  const record_head& head = record.head;
  if (head.merchant_id.empty() && head.merchant == newest_number_ && newest_ != nullptr) [[likely]]
    return *newest_;
  auto found = by_number_.find(head.merchant);
  if (!head.merchant_id.empty()) {
    if (found == by_number_.end()) {
      found = by_number_.emplace(head.merchant, &merchant_named(head.merchant_id)).first;
      if (found->second->number == 0)
        found->second->number = head.merchant;
      if (how_.learned)
        how_.learned(head.merchant, head.merchant_id);
    } else if (found->second->id != head.merchant_id) {
      find(record.number, found->second->id, "gives merchant " + std::to_string(head.merchant) + " another name");
    }
  }
  if (found == by_number_.end()) // no entry has named it yet
    return merchant_named({});
  newest_number_ = head.merchant;
  newest_ = found->second;
  return *newest_;
}

audited_merchant& audit_router::merchant_named(std::string_view id) {
  const auto found = by_name_.find(id);
  if (found != by_name_.end())
    return *found->second;
  audited_merchant& fresh = merchants_.emplace_back();
  fresh.id = id;
  fresh.index = static_cast<std::uint32_t>(merchants_.size() - 1);
  by_name_.emplace(fresh.id, &fresh);
  return fresh;
}

void audit_router::see_program(const block_record& record) {
  close_group();
  audited_merchant& merchant = merchant_of(record);
  std::span<const std::byte> in = record.bytes;
  if (result<void> read = decode(in, record.number, record.at, buffer_, decoded_); !read)
    return find(record.number, merchant.id, read.error().what);
  encoded_.clear();
  encode(decoded_, encoded_);
  if (!std::ranges::equal(encoded_, record.bytes))
    find(record.number, merchant.id, "does not encode and decode to itself");
  const std::uint32_t expected = static_cast<std::uint32_t>(merchant.programs.size()) + 1;
  if (decoded_.version != expected)
    find(record.number, merchant.id,
         "rules version " + std::to_string(decoded_.version) + " where " + std::to_string(expected) + " is next");
  auto read = read_rules(decoded_.text, decoded_.offsets);
  if (const auto* problems = std::get_if<1>(&read))
    return find(record.number, merchant.id, "rules do not read: " + problems->front().key + ": " + problems->front().what);
  const program* older = merchant.programs.empty() ? nullptr : &merchant.programs.back();
  merchant.programs.push_back(
      {decoded_.version, decoded_.at, decoded_.seq, std::string(decoded_.text), std::get<0>(std::move(read)), older});
  for (auto& items : round_->items) {
    audit_item& item = items.emplace_back();
    item.what = audit_item::rules;
    item.number = record.number;
    item.merchant = &merchant;
    item.program = &merchant.programs.back();
  }
}

void audit_router::make_room(std::size_t bytes) {
  if (round_->arena.size() + bytes <= round_->arena.capacity())
    return;
  if (round_->arena.empty()) {
    round_->arena.reserve(bytes);
    return;
  }
  crew_.publish();
  begin_round(bytes);
}

// The group that is open goes on: its records come along.
void audit_router::begin_round(std::size_t bytes) {
  // what is carried over lies in a round that the workers have, and that is not used again before this one is
  std::size_t carried = 0;
  for (const audit_item& item : group_)
    carried += item.record_bytes;
  round_ = &crew_.next();
  round_->arena.reserve(std::max(round_bytes, carried + bytes));
  for (audit_item& item : group_) {
    const std::size_t offset = round_->arena.size();
    const std::byte* const from = item.record;
    round_->arena.insert(round_->arena.end(), from, from + item.record_bytes);
    const bool names_account = item.what == audit_item::entry;
    item.record = round_->arena.data() + offset;
    item.account = names_account ? reinterpret_cast<const char*>(item.record) + (item.account - reinterpret_cast<const char*>(from))
                                 : group_.front().account;
  }
}

void audit_router::find(seq_t number, const std::string& merchant, std::string what) {
  round_->findings.back().push_back({number, merchant, "", std::move(what)});
}

} // namespace tally::wal
