#include "wal/audit.hpp"

#include "engine/decide.hpp"
#include "engine/hash.hpp"
#include "engine/rules_toml.hpp"
#include "wal/journal_folder.hpp"
#include "wal/rocksdb_journal.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <unordered_map>
#include <utility>

namespace tally::wal {

namespace {

struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return hash64(text); }
};
template <class Value>
using by_name = std::unordered_map<std::string, Value, text_hash, std::equal_to<>>;

// The references that counted, as 128-bit hashes in one flat table: most operations bring one, so that nodes would cost more than deciding
// the operation again.
class reference_set {
public:
  using hash_pair = std::pair<std::uint64_t, std::uint64_t>;

  // Whether it is new.
  bool insert(hash_pair hash) {
    if (hash == hash_pair{}) // an empty slot
      hash.second = 1;
    if ((count_ + 1) * 4 > slots_.size() * 3)
      grow();
    hash_pair& slot = slot_of(hash);
    if (slot == hash)
      return false;
    slot = hash;
    ++count_;
    return true;
  }

private:
  // Where it is or belongs.
  hash_pair& slot_of(const hash_pair& hash) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash.first & mask;
    while (slots_[at] != hash_pair{} && slots_[at] != hash)
      at = (at + 1) & mask;
    return slots_[at];
  }
  void grow() {
    const std::vector<hash_pair> old = std::exchange(slots_, std::vector<hash_pair>(std::max<std::size_t>(slots_.size() * 2, 1024)));
    for (const hash_pair& hash : old)
      if (hash != hash_pair{})
        slot_of(hash) = hash;
  }

  std::vector<hash_pair> slots_; // a power of two
  std::size_t count_ = 0;
};

std::string_view reference_of(op kind, const entry& one) {
  switch (kind) {
  case op::reverse:
    return one.refund;
  case op::adjust:
    return one.adjustment;
  case op::claim:
    return one.reward;
  case op::authorize:
  case op::capture:
  case op::void_:
    return one.reservation;
  case op::transfer:
    return one.transfer;
  default:
    return {};
  }
}

// What was asked, as the group has it.
command asked_by(std::span<const entry> group) {
  command asked;
  asked.kind = operation_of(group);
  // what an operation begins with besides its own entries says nothing of what was asked
  const entry& says = group.front().kind == entry_kind::review_reject ? group.back() : group.front();
  asked.merchant = says.merchant_id;
  asked.account = says.account;
  asked.order = says.order;
  asked.reference = reference_of(asked.kind, says);
  asked.exact = says.exact;
  asked.restore = says.restore;
  asked.force = says.force;
  asked.total = says.total;
  asked.amount = says.amount;
  asked.amount_points = says.asked_points;
  asked.expire_days = says.expire_days;
  asked.minutes = says.minutes;
  asked.lines = says.lines;
  asked.at = says.occurred_at;
  asked.to = says.peer;
  if (asked.kind == op::approve || asked.kind == op::reject)
    asked.seq = says.review;
  asked.token = says.token;
  asked.terminal = says.terminal;
  asked.cashier = says.cashier;
  asked.note = says.note;
  asked.reason = says.reason;
  return asked;
}

// The reference that may count only once, and the operation it counts for.
std::string_view counted_reference(const command& asked) {
  switch (asked.kind) {
  case op::earn:
  case op::redeem:
  case op::claim:
    return asked.order;
  default:
    return asked.reference;
  }
}

// std::ranges::equal takes them byte by byte.
bool is_equal(const bytes& a, const bytes& b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0; }

class auditor {
public:
  // `reader` is for what a decision looks back at: the redemptions of an order that is reversed.
  auditor(const audit_options& options, journal_reader& reader) : options_(options), reader_(reader) {}

  audit_report report;

  // One entry of the journal, in order.
  void see(const entry& one) {
    ++report.entries;
    if (one.kind == entry_kind::program) {
      see_program(one);
      return;
    }
    if (!group_.empty() && group_.front().group != one.group)
      finish_group();
    hold(one);
  }

  void finish() {
    finish_group();
    for (const auto& [key, account] : accounts_)
      check_sums(key, account);
    for (const auto& [name, merchant] : merchants_) {
      check_sides(*merchant);
      report.trial_balance.emplace(name, merchant->sides);
    }
    report.accounts = accounts_.size();
  }

private:
  struct merchant_book {
    std::string id;
    std::deque<program> programs;
    std::array<int128, side_count> sides{};
    std::array<int128, side_count> held{}; // by the members together
    bool broken = false;                   // one of them is
  };
  struct audited {
    merchant_book* merchant = nullptr;
    account_state state;
    std::int64_t points = 0, pending = 0, reserved = 0, lifetime = 0; // sums over the entries
    std::uint32_t rules = 0;                                          // newest version that an entry of it was decided under
    bool broken = false;                                              // something did not follow: what comes after cannot be judged
  };

  void find(seq_t number, std::string_view merchant, std::string_view account, std::string what) {
    ++report.findings;
    options_.report({number, std::string(merchant), std::string(account), std::move(what)});
  }

  void check_sums(const std::string& key, const audited& account) {
    merchant_book& book = *account.merchant;
    book.broken = book.broken || account.broken;
    if (account.broken)
      return;
    const account_state& state = account.state;
    if (state.available.value != account.points || state.pending.value != account.pending || state.reserved.value != account.reserved ||
        state.lifetime.value != account.lifetime)
      find({}, book.id, key.substr(key.find('/') + 1), "the balance is not the sum of the entries");
    for (const auto& [which, held] :
         {std::pair{side::member, state.available}, std::pair{side::pending, state.pending}, std::pair{side::reserved, state.reserved}})
      book.held[static_cast<std::size_t>(which)] += held.value;
  }

  void check_sides(const merchant_book& book) {
    int128 sum = 0;
    for (const int128 received : book.sides)
      sum += received;
    if (sum != 0)
      find({}, book.id, "", "debits and credits do not cancel out");
    if (book.sides[static_cast<std::size_t>(side::transfer)] != 0)
      find({}, book.id, "", "what transfers took and what they gave do not cancel out");
    for (const side which : {side::member, side::pending, side::reserved})
      if (!book.broken && book.sides[static_cast<std::size_t>(which)] != book.held[static_cast<std::size_t>(which)])
        find({}, book.id, "", "the side " + std::string(name_of(which)) + " is not what its members have together");
  }

  merchant_book& book_of(std::string_view id) {
    auto found = merchants_.find(id);
    if (found == merchants_.end()) {
      found = merchants_.emplace(id, std::make_unique<merchant_book>()).first;
      found->second->id = id;
    }
    return *found->second;
  }

  void see_program(const entry& one) {
    finish_group();
    merchant_book& book = book_of(one.merchant_id);
    const std::uint32_t expected = static_cast<std::uint32_t>(book.programs.size()) + 1;
    if (one.version != expected)
      find(one.seq, book.id, "", "rules version " + std::to_string(one.version) + " where " + std::to_string(expected) + " is next");
    auto read = read_rules(one.text, one.offsets);
    if (const auto* problems = std::get_if<1>(&read)) {
      find(one.seq, book.id, "", "rules do not read: " + problems->front().key + ": " + problems->front().what);
      return;
    }
    book.programs.push_back({one.version, one.at, one.seq, std::string(one.text), std::get<0>(std::move(read)),
                             book.programs.empty() ? nullptr : &book.programs.back()});
  }

  // Keeps an entry until its group is whole. A group of one, the usual case, is judged with the next entry; the texts it
  // points to are the reader's and may be gone by then, so the record is copied.
  void hold(const entry& one) {
    const std::size_t index = group_.size();
    if (records_.size() == index) {
      records_.emplace_back();
      buffers_.emplace_back();
    }
    records_[index].clear();
    encode(one, records_[index]);
    std::span<const std::byte> bytes = records_[index];
    entry& copy = group_.emplace_back();
    if (auto decoded = decode(bytes, one.seq, one.at, buffers_[index], copy); !decoded)
      find(one.seq, one.merchant_id, one.account, "does not encode and decode to itself: " + decoded.error().what);
    copy.merchant_id = book_of(one.merchant_id).id; // the view ends with this call
  }

  void finish_group() {
    if (group_.empty())
      return;
    judge();
    group_.clear();
  }

  audited& account_of(merchant_book& book, std::string_view account) {
    key_.assign(book.id).append("/").append(account);
    auto found = accounts_.find(key_);
    if (found == accounts_.end()) {
      found = accounts_.try_emplace(key_).first;
      found->second.merchant = &book;
    }
    return found->second;
  }

  void judge() {
    const entry& first = group_.front();
    merchant_book& book = book_of(first.merchant_id);
    const command asked = asked_by(group_);
    // a transfer is of two accounts: accounts_ keeps its values where they are
    audited& account = account_of(book, first.account);
    audited* receiver = asked.kind == op::transfer ? &account_of(book, asked.to) : nullptr;
    if (account.broken || (receiver != nullptr && receiver->broken))
      return;
    if (!decided_alike(book, account, receiver, asked)) {
      // what comes after it cannot be judged, and must not be applied: `apply` takes for granted what just proved wrong
      account.broken = true;
      if (receiver != nullptr)
        receiver->broken = true;
      explain(account, first);
      return;
    }
    for (const entry& one : group_) {
      audited& whose = one.account == first.account ? account : *receiver;
      apply(whose.state, one);
      whose.points += one.points.value;
      whose.pending += one.pending.value;
      whose.reserved += one.reserved.value;
      whose.lifetime += one.lifetime.value;
      whose.rules = one.active_version;
      post(book, one);
    }
    check_reference(book, first, asked);
  }

  // The rules in force when the group was decided, older ones behind them; false: they are not in the journal.
  bool find_rules(const merchant_book& book, const audited& account, const entry& first, const program*& active) {
    const program* newest = book.programs.empty() ? nullptr : &book.programs.back();
    for (const std::uint32_t version : {first.active_version, first.version}) {
      if (version != 0 && (newest == nullptr || newest->find(version) == nullptr)) {
        find(first.seq, book.id, first.account, "decided by rules version " + std::to_string(version) + ", which is not in the journal");
        return false;
      }
    }
    if (first.active_version < account.rules) { // and older ones do not lead to what it did since
      find(first.seq, book.id, first.account,
           "decided by rules version " + std::to_string(first.active_version) + " after version " + std::to_string(account.rules));
      return false;
    }
    active = first.active_version != 0 ? newest->find(first.active_version) : nullptr;
    return true;
  }

  // Decides again what the group's operation asked, from the state before it and the rules it names.
  bool decided_alike(merchant_book& book, const audited& account, const audited* receiver, const command& asked) {
    const entry& first = group_.front();
    decision_context context;
    context.now = first.at;
    context.next_seq = first.seq;
    context.read_group = &read_group_;
    context.personal = first.personal;
    if (!find_rules(book, account, first, context.active))
      return false;
    ++report.decisions;
    if (asked.kind == op::none) {
      decide_due(account.state, context, again_);
      if (!again_.entries.empty())
        again_.entries.resize(1); // the others have entries of their own further on
    } else if (receiver != nullptr) {
      decide_transfer(account.state, receiver->state, asked, context, again_);
    } else {
      decide(account.state, asked, context, again_);
    }
    if (again_.entries.size() != group_.size()) {
      find(first.seq, book.id, first.account,
           "deciding " + std::string(name_of(first.kind)) + " again gives " + std::to_string(again_.entries.size()) + " entries, not " +
               std::to_string(group_.size()) + " (" + std::string(name_of(again_.outcome.status)) + " " +
               std::string(name_of(again_.outcome.code)) + ")");
      return false;
    }
    bool alike = true;
    for (std::size_t i = 0; i < group_.size(); ++i) {
      entry& one = again_.entries[i];
      if (one.merchant == 0) // it enrols the account
        one.merchant = first.merchant;
      one.merchant_id = first.merchant_id;
      if (asked.kind == op::none)
        one.account = first.account;
      expected_.clear();
      encode(one, expected_);
      if (!is_equal(expected_, records_[i])) {
        alike = false;
        find(group_[i].seq, book.id, group_[i].account,
             "deciding " + std::string(name_of(group_[i].kind)) + " again gives another entry (points " + std::to_string(one.points.value) +
                 ", not " + std::to_string(group_[i].points.value) + ")");
      }
    }
    return alike;
  }

  // Says what does not follow from the account's state, where that is easily said.
  void explain(const audited& account, const entry& one) {
    const account_state& state = account.state;
    std::string what;
    if (one.prev_seq != state.last_seq)
      what =
          "names entry " + std::to_string(one.prev_seq.value) + " as the account's last, which is " + std::to_string(state.last_seq.value);
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
      find(one.seq, account.merchant->id, one.account, what);
  }

  void post(merchant_book& book, const entry& one) {
    // the points that moved: one side of the entry is the member's available, pending or reserved
    int128 moved = 0;
    for (const std::int64_t change : {one.points.value, one.pending.value, one.reserved.value})
      moved = std::max(moved, change < 0 ? -static_cast<int128>(change) : static_cast<int128>(change));
    if ((moved == 0) != (one.from == side::none) || (one.from == side::none) != (one.to == side::none)) {
      find(one.seq, book.id, one.account, "its two sides do not fit what it moved");
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
        find(one.seq, book.id, one.account,
             "moves " + std::string(name_of(one.from)) + " to " + std::string(name_of(one.to)) + " but changes " +
                 std::string(name_of(which)) + " by " + std::to_string(change));
    }
  }

  void check_reference(const merchant_book& book, const entry& first, const command& asked) {
    const std::string_view reference = counted_reference(asked);
    if (reference.empty())
      return;
    key_.assign(book.id)
        .append("/")
        .append(first.account)
        .append("/")
        .append(std::to_string(static_cast<int>(asked.kind)))
        .append("/")
        .append(reference);
    if (!references_.insert({hash64(key_, 1), hash64(key_, 2)}))
      find(first.seq, book.id, first.account,
           "counts " + std::string(name_of(asked.kind)) + " " + std::string(reference) + " a second time");
  }

  const audit_options& options_;
  std::map<std::string, std::unique_ptr<merchant_book>, std::less<>> merchants_;
  by_name<audited> accounts_;
  reference_set references_;
  std::vector<entry> group_;
  std::deque<bytes> records_; // one an entry of the group, kept for the next groups
  std::deque<decode_buffer> buffers_;
  decision again_;
  bytes expected_;
  std::string key_;
  journal_reader& reader_;
  const std::function<std::span<const entry>(seq_t)> read_group_ = [this](seq_t first) {
    const auto group = reader_.read_group(first);
    return group ? *group : std::span<const entry>{};
  };
};

} // namespace

result<audit_report> audit_verify(const audit_options& options) {
  auto journal = open_journal_read_only(options.folder);
  if (!journal)
    return journal.error();
  const std::unique_ptr<journal_reader> reader = (*journal)->make_reader();
  auditor auditor(options, *reader);
  const auto replayed = (*journal)->replay(
      seq_t{1},
      [&](const entry& one) {
        auditor.see(one);
        return true;
      },
      options.progress);
  auditor.finish();
  if (!replayed) {
    ++auditor.report.findings;
    options.report({{}, "", "", replayed.error().what});
  }
  auditor.report.newest = (*journal)->newest_digest();
  if (const auto mark = high_water_mark::open(journal_folder{options.folder / "journal"}.mark(), true))
    auditor.report.acknowledged = mark->newest();
  return std::move(auditor.report);
}

result<seq_t> audit_replay(const replay_options& options, const journal_reader::visitor& each_entry, const replayed_account& each_account) {
  auto journal = open_journal_read_only(options.folder);
  if (!journal)
    return journal.error();
  std::map<std::pair<std::string, std::string>, account_state> accounts;
  seq_t reached;
  const auto replayed =
      (*journal)->replay(seq_t{1},
                         [&](const entry& one) {
                           if ((options.until_seq && one.seq > *options.until_seq) || (options.until_time && one.at > *options.until_time))
                             return false;
                           reached = one.seq;
                           if (one.kind == entry_kind::program || (options.account && one.account != *options.account))
                             return true;
                           apply(accounts[{std::string(one.merchant_id), std::string(one.account)}], one);
                           return !each_entry || each_entry(one);
                         },
                         {});
  if (!replayed)
    return replayed.error();
  for (const auto& [name, state] : accounts)
    each_account(name.first, name.second, options.until_time ? as_of(state, *options.until_time) : state);
  return reached;
}

} // namespace tally::wal
