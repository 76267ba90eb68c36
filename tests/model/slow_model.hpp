// The ledger once more, slow and obvious: what SPEC sections 3-8, 11 and 12 say of accounts, written a second time without
// looking at engine/. Strings, maps and linear searches. Random histories are decided by both, and must agree.
// What one version of the rules says by itself is in model_rules.hpp, what a member is in slow_account.hpp, what reads of the past
// show in slow_journal.hpp.
#pragma once

#include "tests/model/slow_account.hpp"

namespace tally::model {

// Personal data, which entries know nothing of; empty: not known.
struct model_profile {
  std::string phone, name; // the phone in its normal form
};

// One merchant. `next_seq` is the seq that the next entry will get: the caller has both sides agree on it.
class slow_model {
public:
  rules_history versions;
  std::map<std::string, model_account> accounts;
  std::map<std::string, model_profile> profiles; // by account
  std::int64_t next_seq = 1;

  // Null: no program.
  const model_rules* active() const { return versions.empty() ? nullptr : &versions.rbegin()->second; }
  // Decides, changes the model, and appends the entries that must be written (what was due first). `approve` and `reject`
  // need `account`, too. Of the reads, `account` alone.
  model_outcome decide(const command& asked, std::int64_t now_us, std::vector<model_entry>& written);
  // Everything due at `now_us` for one account.
  void settle(const std::string& account, std::int64_t now_us, std::vector<model_entry>& written);
  // The same for all accounts, in the order of the contract.
  void settle_all(std::int64_t now_us, std::vector<model_entry>& written);
  // Empty: no such review.
  std::string account_of_review(std::int64_t review) const;
  // Whose phone it is, in its normal form; empty: nobody's.
  std::string account_of_phone(const std::string& phone) const;
  // What `account` shows, by the names of the contract.
  model_outcome view(const std::string& account, std::int64_t now_us) const;

private:
  struct due_event {
    int what = 0; // 0: nothing; 1 release, 2 time-out, 3 expire
    std::int64_t at = 0, place = 0;
    std::string reservation;
    bool before(const due_event& other) const;
  };
  struct spending { // what `redeem` and `authorize` check and cap
    std::string refusal;
    std::int64_t points = 0, discount = 0;
  };

  static due_event next_due(const model_account& account, std::int64_t now_us);
  void fire(model_account& account, const due_event& due, std::vector<model_entry>& written);
  void settle(model_account& account, std::int64_t now_us, std::vector<model_entry>& written);

  // slow_model_personal.cpp: whatever has to do with phones and names.
  model_outcome decide_by_phone(const command& asked, const std::string& phone, std::int64_t now, std::vector<model_entry>& written);
  model_outcome enroll_person(const command& asked, const std::string& phone, std::int64_t now, std::vector<model_entry>& written);
  model_outcome show_or_keep(const command& asked, const std::string& phone);

  model_outcome decide_named(const command& asked, std::int64_t now, std::vector<model_entry>& written);
  model_outcome decide_settled(const command& asked, std::int64_t now, std::vector<model_entry>& written);
  model_outcome enroll(const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome earn(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome add_earn(model_account&, const model_rules& then, const std::string& order, std::int64_t total, std::int64_t points,
                         std::int64_t dated, std::int64_t now, std::vector<model_entry>&);
  spending check_spending(const model_account&, const command&, std::int64_t now) const;
  bool over_limit(const model_account&, std::int64_t points, std::int64_t now) const;
  model_outcome preview(model_account&, const command&, std::int64_t now);
  model_outcome redeem(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome claim(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome authorize(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome capture(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome void_reservation(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome reverse(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome reverse_now(model_account&, const model_rules* rules, const std::string& order, const std::string& refund,
                            const std::optional<money_t>& amount, bool restore, std::int64_t now, std::vector<model_entry>&);
  model_outcome adjust(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome transfer(const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome change_status(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome close(model_account&, std::int64_t now, std::vector<model_entry>&);
  model_outcome approve(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome reject(model_account&, const command&, std::int64_t now, std::vector<model_entry>&);
  model_outcome erase(model_account&, std::vector<model_entry>&);
  model_outcome hold(model_account&, model_review review, const std::string& reasons, std::vector<model_entry>&);
  void reject_review(model_account&, std::int64_t review, std::vector<model_entry>&);

  // One entry for whatever has changed since the account's entry before. Good until the next one.
  model_entry& write(model_account& account, const char* kind, const char* from, const char* to, std::vector<model_entry>& written);
  void give_back(model_account&, std::vector<model_spent> parts, const std::string& reservation, std::vector<model_entry>&);
  bool expire_if_dead(model_account&, std::int64_t lot, std::int64_t now, std::vector<model_entry>&);
  std::string tier_name(const model_account& account, std::int64_t now) const;
  void show_balances(const model_account& account, const std::string& tier_before, std::int64_t now, model_outcome& outcome) const;

  std::size_t group_begins_ = 0; // place in `written`
};

} // namespace tally::model
