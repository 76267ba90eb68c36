#include "tests/crash/read_back.hpp"

#include "tests/crash/rules_changer.hpp"

#include "net/tally_generated.h"

#include <map>

namespace tally::crash {

namespace {

// As expected_account::entries names it.
std::string key_of(const wire::ledger_entry& one) {
  const std::string kind = one.kind()->str();
  std::string key = kind + "/";
  if (kind == "review_approve" || kind == "review_reject")
    key += std::to_string(one.review()->value());
  else if (kind == "reverse")
    key += one.refund()->str();
  else if (kind == "adjust")
    key += one.adjustment()->str();
  else if (kind == "transfer_out" || kind == "transfer_in")
    key += one.transfer()->str();
  else if (kind == "authorize" || kind == "capture" || kind == "void")
    key += one.reservation()->str();
  else if (kind != "enroll")
    key += one.order()->str();
  return key;
}

std::string difference(const std::map<std::string, std::uint64_t>& found, const std::map<std::string, std::uint64_t>& expected) {
  for (const auto& [key, group] : expected) {
    const auto there = found.find(key);
    if (there == found.end())
      return "the history lacks " + key + " of group " + std::to_string(group);
    if (there->second != group)
      return key + " is of group " + std::to_string(there->second) + ", acknowledged was " + std::to_string(group);
  }
  for (const auto& [key, group] : found)
    if (!expected.contains(key))
      return "the history has " + key + " of group " + std::to_string(group) + ", which nobody was told of";
  return {};
}

std::string differ(const std::string& what, std::int64_t found, std::int64_t expected) {
  return what + " " + std::to_string(found) + ", expected " + std::to_string(expected);
}

} // namespace

std::string read_back_account(net::client& client, const expected_account& member) {
  command read;
  read.kind = op::account;
  read.merchant = merchant_name;
  read.account = member.id;
  const auto now = client.call(read);
  if (!now)
    return member.id + ": " + now.error().what;
  if (now->head.available.value != member.available)
    return differ(member.id + ": available", now->head.available.value, member.available);
  if (now->head.lifetime.value != member.lifetime)
    return differ(member.id + ": lifetime", now->head.lifetime.value, member.lifetime);

  std::map<std::string, std::uint64_t> found;
  std::int64_t sum = 0, reserved = 0;
  read.kind = op::history;
  read.limit = 1000;
  for (;;) {
    const auto page = client.call(read);
    if (!page)
      return member.id + ": " + page.error().what;
    if (page->head.status != outcome_status::ok || page->document == nullptr || page->document->entries() == nullptr)
      return member.id + ": history: " + std::string(name_of(page->head.status)) + " " + page->head.what;
    for (const auto* one : *page->document->entries()) {
      sum += one->points()->value();
      reserved += one->reserved() != nullptr ? one->reserved()->value() : 0;
      if (one->kind()->str() == "restore")
        continue; // belongs to its reverse
      const std::string key = key_of(*one);
      if (!found.emplace(key, one->group()->value()).second)
        return member.id + ": " + key + " is there twice";
    }
    if (page->document->next_before_seq() == nullptr)
      break;
    read.before_seq = seq_t{page->document->next_before_seq()->value()};
  }
  if (sum != member.available)
    return differ(member.id + ": the sum of the entries", sum, member.available);
  if (reserved != member.reserved)
    return differ(member.id + ": the sum of what is reserved", reserved, member.reserved);
  const std::string what = difference(found, member.entries);
  return what.empty() ? what : member.id + ": " + what;
}

std::string read_back_reviews(net::client& client, std::uint64_t open) {
  command read;
  read.kind = op::reviews;
  read.merchant = merchant_name;
  read.limit = 1000;
  std::uint64_t listed = 0;
  for (;;) {
    const auto page = client.call(read);
    if (!page)
      return "reviews: " + page.error().what;
    if (page->head.status != outcome_status::ok || page->document == nullptr || page->document->reviews() == nullptr)
      return "reviews: " + std::string(name_of(page->head.status)) + " " + page->head.what;
    listed += page->document->reviews()->size();
    if (page->document->next_after() == nullptr)
      break;
    read.after = seq_t{page->document->next_after()->value()};
  }
  return listed == open ? std::string() : "reviews: " + std::to_string(listed) + " are listed, open are " + std::to_string(open);
}

std::string read_back(net::client& client, const std::deque<worker>& workers) {
  std::uint64_t open = 0;
  for (const worker& one : workers)
    for (const expected_account& member : one.accounts()) {
      open += member.open.size();
      if (member.last_seq == 0)
        continue;
      if (std::string wrong = read_back_account(client, member); !wrong.empty())
        return wrong;
    }
  return read_back_reviews(client, open);
}

} // namespace tally::crash
