#include "wal/audit_judge.hpp"

#include "engine/hash.hpp"

#include "wal/asked.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tally::wal {

namespace {

constexpr std::size_t window_groups_max = 16;
constexpr std::size_t cache_line = 64;

void prefetch_bytes(const void* from, std::size_t size) {
  const char* const at = static_cast<const char*>(from);
  for (std::size_t offset = 0; offset < size; offset += cache_line)
    __builtin_prefetch(at + offset, 1);
}

bool is_equal(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

// Within one worker: an account's place is as good as its name.
reference_hash reference_of(const audited_account& account, const command& asked) {
  const std::string_view reference = counted_reference(asked);
  if (reference.empty())
    return {};
  const std::uint64_t whose = reinterpret_cast<std::uintptr_t>(&account) << 8 | static_cast<std::uint8_t>(asked.kind);
  // mixed first: the hash takes its seed and the reference's end in together, so that the one could make up for the other
  return {hash64(reference, mix64(whose, 0x9e3779b97f4a7c15)), hash64(reference, mix64(whose, 0xd1b54a32d192ed03))};
}

// Says in what two fingerprints differ, where they say so in their first fields (engine/account.cpp).
std::string difference_of(const std::string& image, const std::string& derived) {
  constexpr std::array<const char*, 10> fields{"status",  "entries",  "merchant", "next due", "available",
                                               "pending", "reserved", "debt",     "lifetime", "last entry"};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    std::int64_t has = 0, should = 0;
    if (image.size() < (i + 1) * sizeof has || derived.size() < (i + 1) * sizeof should)
      return "";
    std::memcpy(&has, image.data() + i * sizeof has, sizeof has);
    std::memcpy(&should, derived.data() + i * sizeof should, sizeof should);
    if (has != should)
      return std::string(": ") + fields[i] + " " + std::to_string(has) + ", not " + std::to_string(should);
  }
  return ": its balances agree, its lots or references do not";
}

} // namespace

audit_judge::audit_judge(std::unique_ptr<journal_reader> reader, image_source* images)
    : reader_(std::move(reader)), images_(images), window_(window_groups_max) {}

void audit_judge::work(audit_round& round, std::size_t own) {
  items_ = &round.items[own];
  findings_ = &round.findings[own];
  for (std::size_t at = 0; at < items_->size();) {
    at = gather(at);
    find_accounts();
    decode_groups();
    for (std::size_t i = 0; i < window_size_; ++i)
      take(window_[i]);
  }
}

void audit_judge::end() {
  findings_ = &at_end_;
  accounts_.for_each([this](const audited_account& account) { check_sums(account); });
}

// ---- what is known before it is judged ----

// The next groups, and what comes after them is asked for.
std::size_t audit_judge::gather(std::size_t from) {
  const std::vector<audit_item>& items = *items_;
  window_size_ = 0;
  entry_count_ = 0;
  std::size_t at = from;
  while (at < items.size() && window_size_ < window_groups_max) {
    window_group& group = window_[window_size_++];
    group.item = at;
    group.first = entry_count_;
    group.count = 1;
    for (++at; at < items.size() && items[at].what == audit_item::follows; ++at)
      ++group.count;
    entry_count_ += group.count;
  }
  for (std::size_t ahead = at, end = std::min(at + window_groups_max, items.size()); ahead < end; ++ahead)
    accounts_.prefetch_place(items[ahead].hash);
  if (entries_.size() < entry_count_) {
    entries_.resize(entry_count_);
    buffers_.resize(entry_count_);
  }
  return at;
}

void audit_judge::find_accounts() {
  for (std::size_t i = 0; i < window_size_; ++i)
    accounts_.prefetch((*items_)[window_[i].item].hash);
  for (std::size_t i = 0; i < window_size_; ++i) {
    const audit_item& item = (*items_)[window_[i].item];
    window_[i].account = nullptr;
    if (item.what == audit_item::rules)
      continue;
    window_[i].account = &account_of(*item.merchant, item.account_id(), item.hash);
  }
}

void audit_judge::decode_groups() {
  for (std::size_t i = 0; i < window_size_; ++i) {
    window_group& group = window_[i];
    if ((*items_)[group.item].what != audit_item::entry)
      continue;
    group.reads = decode_group(group);
    if (!group.reads)
      continue;
    asked_by(entries_of(group), group.asked);
    group.reference = reference_of(*group.account, group.asked);
    if (group.reference != reference_hash{})
      references_.prefetch(group.reference);
    prefetch_spilled(group.account->state);
  }
}

bool audit_judge::decode_group(window_group& group) {
  for (std::size_t i = 0; i < group.count; ++i) {
    const audit_item& item = (*items_)[group.item + i];
    std::span<const std::byte> in = item.bytes();
    entry& out = entries_[group.first + i];
    if (result<void> read = decode(in, item.number, item.at, buffers_[group.first + i], out); !read) {
      find(item.number, *item.merchant, item.account_id(), read.error().what);
      return false;
    }
    out.merchant_id = item.merchant->id;
  }
  return true;
}

void audit_judge::prefetch_spilled(const account_state& state) const {
  if (state.orders.heap_bytes() != 0) // all are compared with a new one
    prefetch_bytes(state.orders.data(), (std::min<std::size_t>(state.orders.size(), 15) + 1) * sizeof(order_record));
  if (state.lots.heap_bytes() != 0) {
    prefetch_bytes(state.lots.data(), sizeof(lot));
    prefetch_bytes(state.lots.end() - 1, 2 * sizeof(lot));
  }
  if (state.references.heap_bytes() != 0)
    prefetch_bytes(state.references.data(), (std::min<std::size_t>(state.references.size(), 7) + 1) * sizeof(reference_record));
}

// ---- one after the other ----

void audit_judge::take(const window_group& group) {
  const audit_item& item = (*items_)[group.item];
  switch (item.what) {
  case audit_item::rules:
    book_of(*item.merchant).newest = item.program;
    return;
  case audit_item::lends:
    item.meeting->receiver = group.account;
    item.meeting->move_on(account_meeting::receiver_is_here);
    item.meeting->wait_for(account_meeting::judged);
    return;
  default:
    return judge(group);
  }
}

void audit_judge::judge(const window_group& group) {
  const audit_item& item = (*items_)[group.item];
  audited_account* receiver = nullptr;
  if (item.meeting != nullptr) {
    item.meeting->wait_for(account_meeting::receiver_is_here);
    receiver = item.meeting->receiver;
  } else if (group.reads && group.asked.kind == op::transfer) {
    receiver = &account_of(*item.merchant, group.asked.to, account_hash(*item.merchant, group.asked.to));
  }
  if (group.reads)
    judge(group, *group.account, receiver);
  else
    group.account->broken = true;
  if (item.meeting != nullptr)
    item.meeting->move_on(account_meeting::judged);
}

void audit_judge::judge(const window_group& group, audited_account& account, audited_account* receiver) {
  if (account.broken || (receiver != nullptr && receiver->broken))
    return;
  const std::span<const entry> entries = entries_of(group);
  const entry& first = entries.front();
  if (!decided_alike(group, account, receiver)) {
    // what comes after it cannot be judged, and must not be applied: `apply` takes for granted what just proved wrong
    account.broken = true;
    if (receiver != nullptr)
      receiver->broken = true;
    explain(account, first);
    return;
  }
  audited_book& book = book_of(*account.merchant);
  for (const entry& one : entries) {
    audited_account& whose = receiver == nullptr || one.account == first.account ? account : *receiver;
    apply(whose.state, one);
    whose.points += one.points.value;
    whose.pending += one.pending.value;
    whose.reserved += one.reserved.value;
    whose.lifetime += one.lifetime.value;
    whose.rules = one.active_version;
    post(*account.merchant, book, one);
    if (whose.image_seq == one.seq) [[unlikely]]
      compare_image(whose);
  }
  if (group.reference != reference_hash{} && !references_.insert(group.reference))
    find(first.seq, *account.merchant, first.account,
         "counts " + std::string(name_of(group.asked.kind)) + " " + std::string(counted_reference(group.asked)) + " a second time");
}

audited_account& audit_judge::account_of(const audited_merchant& merchant, std::string_view id, std::uint64_t hash) {
  bool made = false;
  audited_account& account = accounts_.find_or_make(merchant, id, hash, made);
  if (made && images_ != nullptr) {
    const result<image_source::mark> taken = images_->mark_of(merchant.number, id);
    if (taken) {
      account.image_seq = taken->seq;
      account.image_checksum = taken->checksum;
    } else {
      find({}, merchant, id, "its image does not read: " + taken.error().what);
    }
  }
  return account;
}

audited_book& audit_judge::book_of(const audited_merchant& merchant) {
  if (books_.size() <= merchant.index)
    books_.resize(merchant.index + 1);
  return books_[merchant.index];
}

// The rules in force when the group was decided, older ones behind them; false: they are not in the journal.
bool audit_judge::find_rules(const audited_book& book, const audited_account& account, const entry& first, const program*& active) {
  for (const std::uint32_t version : {first.active_version, first.version}) {
    if (version != 0 && (book.newest == nullptr || book.newest->find(version) == nullptr)) {
      find(first.seq, *account.merchant, first.account,
           "decided by rules version " + std::to_string(version) + ", which is not in the journal");
      return false;
    }
  }
  if (first.active_version < account.rules) { // and older ones do not lead to what it did since
    find(first.seq, *account.merchant, first.account,
         "decided by rules version " + std::to_string(first.active_version) + " after version " + std::to_string(account.rules));
    return false;
  }
  active = first.active_version != 0 ? book.newest->find(first.active_version) : nullptr;
  return true;
}

// Decides again what the group's operation asked, from the state before it and the rules it names.
bool audit_judge::decided_alike(const window_group& group, const audited_account& account, const audited_account* receiver) {
  const std::span<const entry> entries = entries_of(group);
  const entry& first = entries.front();
  const audited_merchant& merchant = *account.merchant;
  decision_context context;
  context.now = first.at;
  context.next_seq = first.seq;
  context.read_group = &read_group_;
  context.personal = first.personal;
  if (!find_rules(book_of(merchant), account, first, context.active))
    return false;
  ++decisions_;
  if (group.asked.kind == op::none) {
    decide_due(account.state, context, again_);
    if (!again_.entries.empty())
      again_.entries.resize(1); // the others have entries of their own further on
  } else if (receiver != nullptr) {
    decide_transfer(account.state, receiver->state, group.asked, context, again_);
  } else {
    decide(account.state, group.asked, context, again_);
  }
  if (again_.entries.size() != entries.size()) {
    find(first.seq, merchant, first.account,
         "deciding " + std::string(name_of(first.kind)) + " again gives " + std::to_string(again_.entries.size()) + " entries, not " +
             std::to_string(entries.size()) + " (" + std::string(name_of(again_.outcome.status)) + " " +
             std::string(name_of(again_.outcome.code)) + ")");
    return false;
  }
  bool alike = true;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entry& one = again_.entries[i];
    if (one.merchant == 0) // it enrols the account
      one.merchant = first.merchant;
    one.merchant_id = first.merchant_id;
    if (group.asked.kind == op::none)
      one.account = first.account;
    expected_.clear();
    encode(one, expected_);
    if (!is_equal(expected_, (*items_)[group.item + i].bytes())) {
      alike = false;
      find(entries[i].seq, merchant, entries[i].account,
           "deciding " + std::string(name_of(entries[i].kind)) + " again gives another entry (points " + std::to_string(one.points.value) +
               ", not " + std::to_string(entries[i].points.value) + ")");
    }
  }
  return alike;
}

// Says what does not follow from the account's state, where that is easily said.
void audit_judge::explain(const audited_account& account, const entry& one) {
  const account_state& state = account.state;
  std::string what;
  if (one.prev_seq != state.last_seq)
    what = "names entry " + std::to_string(one.prev_seq.value) + " as the account's last, which is " + std::to_string(state.last_seq.value);
  else if (static_cast<int128>(state.available.value) + one.points.value != one.available_after.value)
    what = "available after it is " + std::to_string(one.available_after.value) + ", but was " + std::to_string(state.available.value) +
           " and changed by " + std::to_string(one.points.value);
  else if (static_cast<int128>(state.pending.value) + one.pending.value != one.pending_after.value)
    what = "pending after it is " + std::to_string(one.pending_after.value) + ", but was " + std::to_string(state.pending.value) +
           " and changed by " + std::to_string(one.pending.value);
  else if (static_cast<int128>(state.reserved.value) + one.reserved.value != one.reserved_after.value)
    what = "reserved after it does not follow";
  else if (static_cast<int128>(state.lifetime.value) + one.lifetime.value != one.lifetime_after.value)
    what = "lifetime after it does not follow";
  else if (state.status == account_status::none && one.kind != entry_kind::enroll)
    what = "is of an account that is not enrolled";
  if (!what.empty())
    find(one.seq, *account.merchant, one.account, what);
}

void audit_judge::post(const audited_merchant& merchant, audited_book& book, const entry& one) {
  // the points that moved: one side of the entry is the member's available, pending or reserved
  int128 moved = 0;
  for (const std::int64_t change : {one.points.value, one.pending.value, one.reserved.value})
    moved = std::max(moved, change < 0 ? -static_cast<int128>(change) : static_cast<int128>(change));
  if ((moved == 0) != (one.from == side::none) || (one.from == side::none) != (one.to == side::none)) {
    find(one.seq, merchant, one.account, "its two sides do not fit what it moved");
    return;
  }
  if (moved == 0)
    return;
  book.sides[static_cast<std::size_t>(one.from)] -= moved;
  book.sides[static_cast<std::size_t>(one.to)] += moved;
  for (const auto& [which, change] : {std::pair{side::member, one.points.value}, std::pair{side::pending, one.pending.value},
                                      std::pair{side::reserved, one.reserved.value}}) {
    const int128 expected = one.to == which ? moved : one.from == which ? -moved : 0;
    if (expected != change)
      find(one.seq, merchant, one.account,
           "moves " + std::string(name_of(one.from)) + " to " + std::string(name_of(one.to)) + " but changes " +
               std::string(name_of(which)) + " by " + std::to_string(change));
  }
}

// The account stands at exactly the entry at which its image was taken.
void audit_judge::compare_image(audited_account& account) {
  account.image_compared = true;
  if (account.image_checksum != 0 && images_->checksum_of(account.state) == account.image_checksum)
    return;
  const std::string derived = fingerprint(account.state);
  const result<std::string> image = images_->fingerprint_of(account.merchant->number, account.id);
  const std::string said = "its image of entry " + std::to_string(account.image_seq.value);
  if (!image)
    find(account.image_seq, *account.merchant, account.id, said + " does not read: " + image.error().what);
  else if (derived != *image)
    find(account.image_seq, *account.merchant, account.id, said + " is not what its entries come to" + difference_of(*image, derived));
}

void audit_judge::check_sums(const audited_account& account) {
  audited_book& book = book_of(*account.merchant);
  book.broken = book.broken || account.broken;
  if (account.broken)
    return;
  const account_state& state = account.state;
  if (state.available.value != account.points || state.pending.value != account.pending || state.reserved.value != account.reserved ||
      state.lifetime.value != account.lifetime)
    find({}, *account.merchant, account.id, "the balance is not the sum of the entries");
  if (account.image_seq && !account.image_compared)
    find({}, *account.merchant, account.id,
         "its image is of entry " + std::to_string(account.image_seq.value) + ", which is not an entry of the account");
  for (const auto& [which, held] :
       {std::pair{side::member, state.available}, std::pair{side::pending, state.pending}, std::pair{side::reserved, state.reserved}})
    book.held[static_cast<std::size_t>(which)] += held.value;
}

void audit_judge::find(seq_t number, const audited_merchant& merchant, std::string_view account, std::string what) {
  findings_->push_back({number, merchant.id, std::string(account), std::move(what)});
}

} // namespace tally::wal
