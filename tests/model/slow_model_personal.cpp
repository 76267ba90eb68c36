// Phones and names: who is meant by a phone, enrolment by it, what is kept of a member and when it goes.
#include "tests/model/slow_model.hpp"

namespace tally::model {

namespace {

model_outcome rejected(const char* code) { return {"rejected", code, {}, {}, {}}; }
model_outcome invalid(const char* where) { return {"invalid", where, {}, {}, {}}; }

// As it is compared and shown; empty: not a phone number.
std::string normal_form(std::string_view text) {
  std::string phone;
  for (const char c : text)
    if (std::string_view(" -().").find(c) == std::string_view::npos)
      phone += c;
  if (phone.starts_with("00"))
    phone = "+" + phone.substr(2);
  const std::string digits = phone.starts_with("+") ? phone.substr(1) : phone;
  const bool only_digits = digits.find_first_not_of("0123456789") == std::string::npos;
  return only_digits && digits.size() >= 5 && digits.size() <= 15 ? phone : "";
}

} // namespace

std::string slow_model::account_of_phone(const std::string& phone) const {
  for (const auto& [account, profile] : profiles)
    if (profile.phone == phone)
      return account;
  return {};
}

model_outcome slow_model::decide(const command& asked, std::int64_t now, std::vector<model_entry>& written) {
  const std::string phone = normal_form(asked.phone);
  const bool by_phone_alone = asked.kind == op::earn || asked.kind == op::account;
  if (by_phone_alone && !asked.phone.empty() && !asked.account.empty())
    return invalid("phone");
  if (asked.account.empty() && (asked.kind == op::profile || (asked.kind == op::enroll && asked.phone.empty())))
    return invalid("account");
  if (!asked.phone.empty() && phone.empty())
    return invalid("phone");
  if (asked.kind == op::enroll)
    return enroll_person(asked, phone, now, written);
  if (asked.kind == op::profile)
    return show_or_keep(asked, phone);
  if (!phone.empty())
    return decide_by_phone(asked, phone, now, written);
  return asked.kind == op::account ? view(std::string(asked.account), now) : decide_named(asked, now, written);
}

// The answer says whose phone it was.
model_outcome slow_model::decide_by_phone(const command& asked, const std::string& phone, std::int64_t now,
                                          std::vector<model_entry>& written) {
  const std::string account = account_of_phone(phone);
  command named = asked;
  named.account = account;
  model_outcome outcome = asked.kind == op::account ? view(account, now) : decide_named(named, now, written);
  if (!account.empty() && outcome.status != "invalid")
    outcome.texts["account"] = account;
  return outcome;
}

model_outcome slow_model::enroll_person(const command& asked, const std::string& phone, std::int64_t now,
                                        std::vector<model_entry>& written) {
  const std::string owner = phone.empty() ? "" : account_of_phone(phone);
  std::string account(asked.account);
  if (account.empty() && owner.empty()) {
    if (active() == nullptr || !active()->inline_enrollment)
      return {"forbidden", "", {}, {}, {}};
    const std::string made = "i-" + std::to_string(next_seq);
    account = made;
    for (int taken = 1; accounts.contains(account); ++taken)
      account = made + "." + std::to_string(taken);
  } else if (account.empty()) {
    account = owner;
  }
  const auto there = accounts.find(account);
  if (there != accounts.end() && !phone.empty() && owner != account)
    return rejected(there->second.closed ? "account_closed" : "account_exists");
  if (there == accounts.end() && !owner.empty())
    return rejected("account_exists");
  if (there == accounts.end() && !(phone.empty() && asked.name.empty()))
    profiles[account] = {phone, std::string(asked.name)};
  command named = asked;
  named.account = account;
  model_outcome outcome = decide_named(named, now, written);
  if (asked.account.empty())
    outcome.texts["account"] = account;
  return outcome;
}

model_outcome slow_model::show_or_keep(const command& asked, const std::string& phone) {
  const std::string name(asked.account);
  const auto there = accounts.find(name);
  if (there == accounts.end())
    return rejected("unknown_account");
  const bool changes = !phone.empty() || !asked.name.empty();
  if (changes && there->second.closed)
    return rejected("account_closed");
  const std::string owner = phone.empty() ? "" : account_of_phone(phone);
  if (!owner.empty() && owner != name)
    return rejected("account_exists");
  if (!phone.empty())
    profiles[name].phone = phone;
  if (!asked.name.empty())
    profiles[name].name = asked.name;
  const model_profile kept = profiles.contains(name) ? profiles.at(name) : model_profile();
  return {"ok", "", {}, {{"account", name}, {"phone", kept.phone}, {"name", kept.name}}, {}};
}

} // namespace tally::model
