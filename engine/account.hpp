// The state of one member account: what `apply` makes of its entries and what `decide` looks at.
// Pure data; the actor around it lives in actors/account_actor.hpp.
#pragma once

#include "engine/entry.hpp"
#include "engine/small_vector.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace tally {

struct lot {
  seq_t id; // the entry that made it
  points_t available;
  points_t pending;
  points_t reserved;
  instant available_at;
  instant expires_at; // 0: never

  bool operator==(const lot&) const = default;
  bool empty() const { return available == points_t{} && pending == points_t{} && reserved == points_t{}; }
  // When something happens to it by itself: release while pending, else expiry; end_of_time if never.
  instant due() const;
};

enum class account_status : std::uint8_t { none = 0, active = 1, suspended = 2, closed = 3 };

// An earn as its order remembers it, so that a reversal and the tiers read no journal.
struct order_facts {
  seq_t seq; // of the earn entry, which names its lot too
  points_t earned;
  money_t total;
  instant dated; // time of purchase

  bool operator==(const order_facts&) const = default;
};

// The same in 32 bytes: an account has one for every receipt. What is too large for its bits (seq 48, earned 40, total 48,
// dated 56) lies in account_rare::wide_orders, and here is where. Read it with `facts_of`.
struct order_record {
  std::uint64_t hash = 0; // of the order reference
  std::array<std::uint64_t, 3> bits{};
};

constexpr std::uint64_t hash_of(const order_record& record) { return record.hash; }

// A reference that counts once: (operation, hash of the reference) and the first entry of its group.
struct reference_record {
  std::uint64_t hash = 0;
  std::uint64_t seq_and_op = 0; // op in the top 8 bits
};
constexpr reference_record make_reference(std::uint64_t hash, op kind, seq_t group) {
  return {hash, (std::uint64_t{static_cast<std::uint8_t>(kind)} << 56) | group.value};
}
constexpr std::uint64_t hash_of(const reference_record& record) { return record.hash; }
constexpr op op_of(const reference_record& record) { return static_cast<op>(record.seq_and_op >> 56); }
constexpr seq_t seq_of(const reference_record& record) { return {record.seq_and_op & ((std::uint64_t{1} << 56) - 1)}; }

// What only few accounts have: refunds, redemptions given back, expired lots. Allocated on first use; see
// engine/account_rare.hpp.
struct account_rare;

struct account_state {
  // -- first cache line: what every decision looks at --
  account_status status = account_status::none;
  bool lots_in_spending_order : 1 = true; // as they lie: true for nearly all, false may be too cautious
  bool has_reviews : 1 = false;           // what `rare` has, so that few look at it: see `note_rare`
  bool has_spilled : 1 = false;           // orders, references or the like are on disk: engine/account_spill.hpp
  bool has_spilled_lots : 1 = false;      // lots of it are: engine/spilled_lots.hpp
  std::uint16_t redemptions_that_day = 0; // on `day`; no more than it can hold
  std::uint32_t entry_count = 0;
  merchant_number merchant = 0;
  std::int32_t day = 0;                      // of the three sums below: UTC days since the epoch
  instant next_due = instant::end_of_time(); // the earliest lot::due()
  points_t available;                        // sum of the lots' available - debt
  points_t pending;
  points_t reserved;
  points_t debt;
  points_t lifetime;
  seq_t last_seq;
  seq_t enrolled_seq;
  instant enrolled_at;
  instant active_at;                           // newest earn, redemption, claim or capture; else the enrolment
  points_t earned_that_day, redeemed_that_day; // for [limits]: what counts, on `day`

  small_vector<lot, 1> lots; // by id, empty ones are gone
  // Most accounts come to have a few of both, so that each step they would grow in would be a piece of heap to fetch, to copy and to leave.
  small_vector<order_record, 0, 4> orders;         // oldest first
  small_vector<reference_record, 1, 4> references; // everything but earns, oldest first
  std::unique_ptr<account_rare> rare;

  account_state();
  account_state(const account_state&);
  account_state(account_state&&) noexcept;
  account_state& operator=(const account_state&);
  account_state& operator=(account_state&&) noexcept;
  ~account_state();

  // Bytes on the heap.
  std::size_t heap_bytes() const;
};

// An open review of the account.
struct open_review {
  seq_t review;
  op parked = op::none;
};
// In the order of their seqs.
std::vector<open_review> open_reviews(const account_state& state);
// Whether a review of this number was ever made on the account, open or decided.
bool knows_review(const account_state& state, seq_t review);

// Applies one entry: the only way a state changes, live, in replay and in audits alike. `entry` must be the account's
// next one (prev_seq == last_seq).
void apply(account_state& state, const entry& entry);

// Drops what neither balances nor what falls due by itself need: orders, references, refunds. `apply` still works on what is left; for
// sums over many accounts.
void keep_balances(account_state& state);

// A canonical text-free serialisation of the whole state, of which nothing may be spilled, for comparing two states byte for byte.
std::string fingerprint(const account_state& state);

} // namespace tally
