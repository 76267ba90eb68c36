// One member as the slow model remembers it: the whole past, in plain lists that are searched from end to end.
#pragma once

#include "tests/model/model_rules.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tally::model {

// An outcome by the names of the contract; what an operation does not answer is absent.
struct model_outcome {
  std::string status;
  std::string code; // of skipped and rejected; where, of invalid
  std::map<std::string, std::int64_t> fields;
  std::map<std::string, std::string> texts;
  std::vector<std::string> rewards;
};

// What an entry did to a lot. Only lots that changed, by rising number.
struct model_lot_change {
  std::int64_t lot = 0, available = 0, pending = 0, reserved = 0;
};

// An entry as far as it can be foreseen without looking at how it is stored.
struct model_entry {
  std::string account, kind;
  std::int64_t seq = 0, group = 0;
  std::optional<std::int64_t> due;
  std::int64_t points = 0, pending = 0, reserved = 0, debt = 0, lifetime = 0;
  std::int64_t available_after = 0, pending_after = 0, reserved_after = 0, lifetime_after = 0;
  std::string from, to;
  std::vector<model_lot_change> lots;
  std::int64_t review = 0, discount = 0;
  std::uint32_t version = 0;
  std::int64_t tier_multiplier_micros = 0; // earn
  std::string order, reference, peer;      // reference: of refund, reservation, adjustment, transfer or reward
};

// Whether the contract says which version an entry of this kind carries.
bool names_version(const std::string& kind);

struct model_lot {
  std::int64_t id = 0; // seq of its entry
  std::int64_t available = 0, pending = 0, reserved = 0;
  std::int64_t available_at = 0, expires_at = 0; // 0: never
};

struct model_spent {
  std::int64_t lot = 0, points = 0, given_back = 0, available_at = 0, expires_at = 0;
};

// A redeem, claim or capture.
struct model_redemption {
  std::string kind;
  std::int64_t points = 0;
  std::optional<std::int64_t> total;
  std::vector<model_spent> spent; // in the order spent
};

// What lifetime was increased by.
struct model_gain {
  std::int64_t dated_us = 0, points = 0, taken_back = 0;
};

struct model_order {
  bool earned = false;
  std::int64_t points = 0, total = 0, lot = 0;
  std::size_t gain = 0;
  std::int64_t expired = 0;         // of its own lot
  std::int64_t expired_counted = 0; // of those, counted as taken back
  std::int64_t taken = 0;           // with expired_counted
  std::int64_t refunded = 0, restoring_refunds = 0;
  bool cancelled = false;
  std::vector<model_redemption> redemptions;
};

struct model_reservation {
  std::int64_t seq = 0; // of its authorize entry
  bool open = true;
  std::int64_t expires_at = 0, points = 0, discount = 0;
  std::uint32_t version = 0;
  std::vector<model_spent> taken;
};

struct model_review {
  op parked = op::none;
  std::string order, refund, reasons;
  std::int64_t total = 0, points = 0; // earn
  std::int64_t dated_us = 0;          // earn: time of purchase
  std::int64_t tier_multiplier_micros = 0;
  std::optional<money_t> amount; // reverse
  bool restore = false;
  std::uint32_t version = 0;
  std::string state = "open";
  model_outcome decided; // of the approve or reject that made the state
};

struct model_reference {
  std::string contents;
  model_outcome first;
};

// A redemption or an earn as the limits of a day and lapsing see it.
struct model_deed {
  std::int64_t at_us = 0, points = 0;
};

class model_account {
public:
  std::string name;
  bool suspended = false, closed = false;
  std::vector<model_lot> lots;
  std::int64_t debt = 0, lifetime = 0, last_seq = 0;
  std::vector<model_gain> gains;
  std::vector<std::int64_t> earn_totals;
  std::vector<model_deed> earns, redemptions;
  std::int64_t last_deed_us = 0; // enrolment, earn, redeem, claim or capture
  std::map<std::string, model_order> orders;
  std::map<std::string, model_reservation> reservations;
  std::map<std::int64_t, model_review> reviews;
  std::map<std::string, model_reference> references;
  std::optional<model_outcome> erased;
  model_outcome suspend_outcome, reactivate_outcome, close_outcome;

  // As the newest entry left them: what has changed since goes into the next one.
  std::vector<model_lot> written_lots;
  std::int64_t written_debt = 0, written_lifetime = 0;

  std::int64_t available() const;
  std::int64_t pending() const;
  std::int64_t reserved() const;
  std::int64_t tier_points(const model_rules& rules, std::int64_t now_us) const;
  // Of deeds on the UTC day of `now`.
  static std::int64_t points_today(const std::vector<model_deed>& deeds, std::int64_t now_us);
  static std::int64_t count_today(const std::vector<model_deed>& deeds, std::int64_t now_us);

  // Adds available points to a lot, which is made where it is not there; pays debt first.
  void credit(const model_lot& lot, std::int64_t points);
  // Takes available points in spending order; what is not there becomes debt. Tells which lots gave how much.
  std::vector<model_spent> debit(std::int64_t points);
  model_lot* find_lot(std::int64_t id);
};

// Soonest to expire first, those without expiry last, then oldest first.
void sort_as_spent(std::vector<model_lot>& lots);

} // namespace tally::model
