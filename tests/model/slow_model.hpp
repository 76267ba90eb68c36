// The ledger once more, slow and obvious: what SPEC sections 5-7 and 11 say, written a second time without looking at
// engine/. Strings, maps and linear searches; every member keeps its whole past. Random histories are decided by both, and must agree.
#pragma once

#include "engine/command.hpp"
#include "engine/names.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tally::model {

// The rules a model can play, in the document's own units.
struct model_bonus {
  std::string category; // "" and sku "": whole order
  std::string sku;
  std::int64_t multiplier_micros = 1'000'000;
  std::int64_t points_per_unit = 0;
  std::int64_t from_us = 0, until_us = 0; // 0: open

  // Has no multiplier at all: not the same as one of 1 where the highest counts.
  bool only_flat() const { return points_per_unit != 0 && multiplier_micros == 1'000'000; }
};

struct model_rules {
  std::uint32_t version = 0; // 0: no program
  bool active = true;
  int currency_digits = 2;
  std::int64_t opening_points = 0;
  std::int64_t earn_micros = 1'000'000;
  std::int64_t per_units = 10'000;
  bool whole_units = false;
  bool highest = false;
  std::int64_t hold_days = 0, expire_days = 0;
  std::vector<model_bonus> bonuses;
  std::vector<std::pair<std::string, std::int64_t>> rewards;
  bool can_redeem = true;
  std::int64_t redeem_points = 100, redeem_units = 10'000, min_points = 1, min_balance = 0;
  std::optional<std::int64_t> max_discount_units;
  std::int64_t restore_grace_days = 0;

  std::string toml(const std::string& merchant) const;
};

// An outcome by the names of the contract; what an operation does not answer is absent.
struct model_outcome {
  std::string status;
  std::string code;
  std::map<std::string, std::int64_t> fields;
  std::vector<std::string> rewards;
};

// An entry as far as it can be foreseen without looking at how it is stored.
struct model_entry {
  std::string kind;
  std::int64_t points = 0, pending = 0, available_after = 0, pending_after = 0;
  std::string from, to;
};

struct model_lot {
  std::int64_t id = 0; // seq of its entry
  std::int64_t available = 0, pending = 0;
  std::int64_t available_at = 0, expires_at = 0;
};

struct model_spent {
  std::int64_t lot = 0, points = 0, given_back = 0, available_at = 0, expires_at = 0;
};

struct model_redemption {
  std::int64_t points = 0;
  std::optional<std::int64_t> total;
  std::vector<model_spent> spent; // in the order spent
};

struct model_order {
  bool earned = false;
  std::int64_t points = 0, total = 0, lot = 0;
  std::int64_t expired = 0;         // of its own lot
  std::int64_t expired_counted = 0; // of those, counted as taken back
  std::int64_t taken = 0;           // with expired_counted
  std::int64_t refunded = 0, restoring_refunds = 0;
  bool cancelled = false;
  std::vector<model_redemption> redemptions;
};

struct model_reference {
  std::string contents;
  model_outcome first;
};

class model_account {
public:
  bool enrolled = false, suspended = false, closed = false;
  std::vector<model_lot> lots;
  std::int64_t debt = 0, lifetime = 0;
  std::map<std::string, model_order> orders;
  std::map<std::string, model_reference> references;
  model_outcome suspend_outcome, reactivate_outcome, close_outcome;

  std::int64_t available() const;
  std::int64_t pending() const;
};

// One merchant. `next_seq` is the seq that the next entry will get: the caller has both sides agree on it.
class slow_model {
public:
  model_rules rules;
  std::map<std::string, model_account> accounts;
  std::int64_t next_seq = 1;

  // Decides, changes the model, and appends the entries that must be written (what was due first).
  model_outcome decide(const command& asked, std::int64_t now_us, std::vector<model_entry>& written);
  // Everything due at `now_us` for one account.
  void settle(const std::string& account, std::int64_t now_us, std::vector<model_entry>& written);
  // The same for all accounts, in the order of the contract; told by account.
  using written_entry = std::pair<std::string, model_entry>;
  void settle_all(std::int64_t now_us, std::vector<written_entry>& written);

private:
  struct due_event {
    model_lot* lot = nullptr; // none: nothing is due
    bool release = false;
    std::int64_t at = 0;
  };
  static due_event next_due(model_account& account, std::int64_t now_us);
  void fire(model_account& account, const due_event& due, std::vector<model_entry>& written);

  model_outcome enroll(const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome earn(const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome redeem(const command&, std::int64_t now, std::vector<model_entry>&, bool preview);
  model_outcome reverse(const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome adjust(const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome change_status(const command&, std::int64_t now, std::vector<model_entry>&);

  void write(const model_account& account, const char* kind, std::int64_t points, std::int64_t pending, const char* from, const char* to,
             std::vector<model_entry>& written);
  void show_balances(const model_account& account, model_outcome& outcome) const;
};

} // namespace tally::model
