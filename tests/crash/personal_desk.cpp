#include "tests/crash/personal_desk.hpp"

#include "tests/crash/rules_changer.hpp"

#include "net/tally_generated.h"

#include <chrono>
#include <optional>

namespace tally::crash {

namespace {

command command_of(op kind, const std::string& account) {
  command asked;
  asked.kind = kind;
  asked.merchant = merchant_name;
  asked.account = account;
  return asked;
}

std::string text_of(const flatbuffers::String* text) { return text != nullptr ? text->str() : std::string(); }

} // namespace

personal_desk::personal_desk(std::uint64_t seed) : random_(seed + 77) {
  for (int i = 0; i < 12; ++i)
    members_.emplace_back().id = "p-" + std::to_string(i);
}

void personal_desk::run(std::uint16_t port, const std::atomic<bool>& enough) {
  net::client_options options;
  options.port = port;
  options.reconnect_for = std::chrono::milliseconds(0);
  auto connected = net::client::connect(options);
  if (!connected || !read_all(**connected))
    return;
  if (pending_ != change::none && !send_change(**connected, true))
    return;
  while (!enough)
    if (!begin_change(**connected))
      return;
  read_all(**connected);
}

std::vector<std::string> personal_desk::take_erased_texts() {
  std::vector<std::string> taken;
  taken.swap(erased_texts_);
  return taken;
}

std::string personal_desk::present_text() const {
  for (const member& each : members_)
    if (!each.now.name.empty())
      return each.now.name;
  return {};
}

// False: the server is gone, or something is wrong.
bool personal_desk::read_all(net::client& client) {
  for (member& each : members_)
    if (each.is_enrolled && !read_one(client, each))
      return false;
  return true;
}

bool personal_desk::read_one(net::client& client, member& whose) {
  const auto shown = client.call(command_of(op::profile, whose.id));
  if (!shown)
    return false;
  if (shown->head.status != outcome_status::ok || shown->document == nullptr)
    return complain(whose, "profile: " + std::string(name_of(shown->head.status)) + " " + shown->head.what);
  const data found{text_of(shown->document->phone()), text_of(shown->document->name())};
  std::optional<data> other; // what it may be besides
  if (pending_ != change::none && &members_[pending_of_] == &whose)
    other = pending_ == change::erase ? data() : pending_data_;
  if (found != whose.now && found != other)
    return complain(whose,
                    "profile shows " + found.phone + " " + found.name + ", acknowledged was " + whose.now.phone + " " + whose.now.name);

  command by_phone = command_of(op::account, {});
  if (!found.phone.empty()) {
    by_phone.phone = found.phone;
    const auto owner = client.call(by_phone);
    if (!owner)
      return false;
    if (owner->head.status != outcome_status::ok || owner->document == nullptr || text_of(owner->document->account()) != whose.id)
      return complain(whose, found.phone + " is not known as this member's");
  }
  if (other)
    return true; // what is gone besides is said once the change is settled
  for (const std::string& former : whose.former_phones) {
    by_phone.phone = former;
    const auto owner = client.call(by_phone);
    if (!owner)
      return false;
    if (owner->head.code != outcome_code::unknown_account)
      return complain(whose, former + " is still known");
  }
  return true;
}

bool personal_desk::begin_change(net::client& client) {
  pending_of_ = static_cast<std::size_t>(std::uniform_int_distribution<std::size_t>(0, members_.size() - 1)(random_));
  const member& whose = members_[pending_of_];
  const int dice = std::uniform_int_distribution<int>(0, 9)(random_);
  pending_ = !whose.is_enrolled ? change::enroll : dice < 4 ? change::erase : change::keep;
  pending_data_ = pending_ == change::erase ? data() : next_data();
  return send_change(client, false);
}

// False: the server is gone before it answered, or something is wrong.
bool personal_desk::send_change(net::client& client, bool again) {
  member& whose = members_[pending_of_];
  if (pending_ != change::erase && !again) {                // from now on it may be on disk
    whose.written.push_back(pending_data_.phone.substr(1)); // the digits
    whose.written.push_back(pending_data_.name);
  }
  command asked = command_of(pending_ == change::erase ? op::erase : pending_ == change::keep ? op::profile : op::enroll, whose.id);
  asked.phone = pending_data_.phone;
  asked.name = pending_data_.name;
  const auto answered = client.call(asked);
  if (!answered)
    return false;
  const outcome_status status = answered->head.status;
  // Erasing once more what has no data is a duplicate of the erasure before.
  const bool may_be_duplicate = pending_ != change::keep && (again || (pending_ == change::erase && whose.now == data()));
  if (status != outcome_status::ok && !(status == outcome_status::duplicate && may_be_duplicate))
    return complain(whose, std::string(name_of(asked.kind)) + " answered " + std::string(name_of(status)) + " " +
                               std::string(name_of(answered->head.code)) + " " + answered->head.what);
  found_done += again && status == outcome_status::duplicate ? 1 : 0;
  done();
  return read_one(client, whose);
}

void personal_desk::done() {
  member& whose = members_[pending_of_];
  if (pending_ == change::erase) {
    ++erased;
    erased_texts_.insert(erased_texts_.end(), whose.written.begin(), whose.written.end());
    all_erased_.insert(all_erased_.end(), whose.written.begin(), whose.written.end());
    whose.former_phones = {};
    if (!whose.now.phone.empty())
      whose.former_phones.push_back(whose.now.phone);
    whose.written.clear();
  } else {
    ++(pending_ == change::enroll ? enrolled : changed);
    if (!whose.now.phone.empty() && whose.now.phone != pending_data_.phone)
      whose.former_phones.push_back(whose.now.phone);
  }
  whose.is_enrolled = true;
  whose.now = pending_data_;
  pending_ = change::none;
}

// Never the same twice, so that a file that holds one says whose it was and when.
personal_desk::data personal_desk::next_data() {
  ++counter_;
  const std::string digits = std::to_string(1'000'000 + counter_ * 7);
  return {"+4999" + digits, "Name-of-" + digits + "-Byron"};
}

bool personal_desk::complain(const member& whose, const std::string& what) {
  if (problem.empty())
    problem = whose.id + ": " + what;
  return false;
}

} // namespace tally::crash
