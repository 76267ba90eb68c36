// SIGKILLs a loaded tallyd again and again, and keeps outside what it acknowledged.
//
// Each worker has accounts of its own and sends operations on them pipelined, duplicates among them; transfers between them, on
// one shard and between two, reservations, and what is held for review and decided later. When the server dies, what was
// not answered is unknown; after the restart the worker sends it again under the same references. Every answer must continue
// the account where the answer before left it: a lost operation breaks the chain of balances, one that counted twice does too.
// A transfer continues two accounts: one that was cut in half breaks the other's chain. At the end the whole history is read back, each
// entry that must be there is there exactly once, and the auditor reads the folder.
//
// crash_tests --kills N --seed S runs longer or another history.
#include "net/client.hpp"
#include "tests/crash/server_process.hpp"
#include "wal/audit.hpp"

#include "net/tally_generated.h"

#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>

namespace tally::crash {

std::uint64_t kills_wanted = 50;
std::uint64_t seed_wanted = 1;

namespace {

constexpr std::int64_t review_above = 180; // points, as the rules say

constexpr const char* rules_toml = R"(merchant = "crash"
[enroll]
opening_points = 500
[earn]
points = "1"
per = "1.00"
[redeem]
points = 100
value = "1.00"
[review]
max_points_per_order = 180
)";

// One operation as it was sent, and again if need be.
struct sent {
  op kind = op::none;
  std::size_t account = 0;
  std::size_t to = 0; // transfer
  std::string order, reference;
  money_t total;
  std::int64_t points = 0;
  bool whole = false;
  seq_t review; // approve, reject

  std::string key() const {
    const std::string& own = review ? std::to_string(review.value) : reference.empty() ? order : reference;
    return std::string(name_of(kind)) + "/" + own;
  }
};

// An answer that says the operation was done, as one account sees it.
struct done {
  sent what;
  outcome answer;
  bool is_receiver = false; // of a transfer

  seq_t seq() const { return is_receiver ? answer.seq.plus(1) : answer.seq; }
};

// An earn that waits for a person, or a reservation that waits to be captured.
struct waiting {
  sent what;
  seq_t seq;
};

struct expected_account {
  std::string id;
  std::int64_t available = 0, reserved = 0, lifetime = 0;
  std::uint64_t last_seq = 0;
  std::map<std::string, std::uint64_t> counted; // key -> seq of what was acknowledged as done
  std::map<std::string, std::uint64_t> entries; // kind/reference -> group of what is in the journal then
  std::vector<sent> earns;
  std::vector<waiting> held, reserving; // acknowledged; decided or not
  std::map<std::uint64_t, sent> open;   // held and not decided, by review
  std::vector<done> resent;             // answers to what was sent again, until all of it is answered
};

struct totals {
  std::uint64_t acknowledged = 0, ok = 0, duplicate = 0, refused = 0, found_done = 0, sent_again = 0;
  std::uint64_t transfers = 0, transfers_found_done = 0, captures = 0, decided_reviews = 0;
};

class worker {
public:
  worker(int number, std::uint64_t seed) : random_(seed * 1000 + static_cast<std::uint64_t>(number)) {
    for (int i = 0; i < 40; ++i)
      accounts_.emplace_back().id = "w" + std::to_string(number) + "-" + std::to_string(i);
    prefix_ = std::to_string(number) + "-";
  }

  totals seen;
  std::string problem; // the first thing that was wrong
  const std::deque<expected_account>& accounts() const { return accounts_; }

  // Sends until the server goes away or `enough` says so; false when something is wrong.
  bool run(std::uint16_t port, const std::atomic<bool>& enough) {
    net::client_options options;
    options.port = port;
    options.in_flight_max = 256;
    options.operations_per_frame = 8;
    options.reconnect_for = std::chrono::milliseconds(0);
    auto connected = net::client::connect(options);
    if (!connected)
      return true; // killed before we came
    net::client& client = **connected;
    // what is unknown first, in its order
    std::deque<sent> again;
    again.swap(unanswered_);
    seen.sent_again += again.size();
    for (std::size_t i = 0; i < again.size(); ++i) {
      unanswered_.push_back(again[i]);
      if (!send(client, again[i])) { // killed again: the rest is still unknown
        unanswered_.insert(unanswered_.end(), again.begin() + static_cast<std::ptrdiff_t>(i) + 1, again.end());
        return true;
      }
    }
    resent_ = unanswered_.size();
    while (problem.empty()) {
      const bool more = !enough;
      if (!more && unanswered_.empty())
        return true;
      if (more && unanswered_.size() < 200) {
        unanswered_.push_back(next());
        if (!send(client, unanswered_.back()))
          return true;
        if (!client.has_answer())
          continue;
      }
      if (!take(client))
        return problem.empty();
    }
    return false;
  }

private:
  std::int64_t below(std::int64_t limit) { return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random_); }

  template <class T>
  const T& any_of(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(static_cast<std::int64_t>(from.size())))];
  }

  std::string next_reference(const char* kind) { return kind + prefix_ + std::to_string(++counter_); }

  // Remembers it in `other_`.
  std::size_t other_than(std::size_t account) {
    const auto count = static_cast<std::int64_t>(accounts_.size());
    return other_ = (account + 1 + static_cast<std::size_t>(below(count - 1))) % accounts_.size();
  }

  sent next() {
    const auto account = static_cast<std::size_t>(below(static_cast<std::int64_t>(accounts_.size())));
    expected_account& member = accounts_[account];
    sent one;
    one.account = account;
    if (member.last_seq == 0 && !enrolling_.contains(account)) {
      enrolling_.insert(account);
      one.kind = op::enroll;
      return one;
    }
    const std::int64_t what = below(100);
    if (what < 8 && !member.earns.empty()) { // sent twice
      one = any_of(member.earns);
    } else if (what < 16 && !member.earns.empty()) {
      const sent& earn = any_of(member.earns);
      one.kind = op::reverse;
      one.order = earn.order;
      one.reference = next_reference("f");
      one.whole = below(2) == 0;
      one.total = money_t{1 + below(earn.total.units)};
    } else if (what < 26) {
      one.kind = op::redeem;
      one.order = next_reference("r");
      one.points = 1 + below(150);
    } else if (what < 32) {
      one.kind = op::adjust;
      one.reference = next_reference("j");
      one.points = below(2) == 0 ? 1 + below(50) : -1 - below(50);
    } else if (what < 40) {
      one.kind = op::authorize;
      one.reference = next_reference("v");
      one.points = 1 + below(150);
      one.whole = below(2) == 0;
    } else if (what < 48 && !member.reserving.empty()) {
      const waiting& reserved = any_of(member.reserving);
      one.kind = below(3) == 0 ? op::void_ : op::capture;
      one.reference = reserved.what.reference;
      if (!reserved.what.whole) // captured the same way whenever it is tried
        one.points = (reserved.what.points + 1) / 2;
    } else if (what < 52 && !member.held.empty()) {
      one.kind = below(3) == 0 ? op::reject : op::approve;
      one.review = any_of(member.held).seq;
    } else if (what < 62 && accounts_[other_than(account)].last_seq != 0) {
      one.kind = op::transfer;
      one.to = other_;
      one.reference = next_reference("t");
      one.points = 1 + below(150);
    } else {
      one.kind = op::earn;
      one.order = next_reference("o");
      one.total = money_t{10'000 + below(2'000'000)};
    }
    return one;
  }

  bool send(net::client& client, const sent& one) {
    command c;
    c.kind = one.kind;
    c.merchant = "crash";
    if (one.review)
      c.seq = one.review;
    else
      c.account = accounts_[one.account].id;
    c.order = one.order;
    c.reference = one.reference;
    if (one.kind == op::earn)
      c.total = one.total;
    if (one.kind == op::reverse && !one.whole)
      c.amount = one.total;
    if (one.points != 0)
      c.amount_points = points_t{one.points};
    if (one.kind == op::void_)
      c.amount_points.reset();
    if (one.kind == op::transfer)
      c.to = accounts_[one.to].id;
    if (one.kind == op::redeem)
      c.exact = true;
    if (one.kind == op::adjust || one.review)
      c.reason = "crash test";
    return client.send(c).ok();
  }

  bool take(net::client& client) {
    auto received = client.receive();
    if (!received)
      return false;
    const sent one = unanswered_.front();
    unanswered_.pop_front();
    const bool was_resent = resent_ > 0;
    if (was_resent)
      --resent_;
    outcome head = received->head;
    if (const auto* shown = received->document; shown != nullptr && shown->to_seq() != nullptr)
      head.to_seq = seq_t{shown->to_seq()->value()};
    check(one, head, was_resent);
    if (was_resent && resent_ == 0)
      for (expected_account& member : accounts_)
        settle_resent(member);
    return problem.empty();
  }

  // What was rejected before the kill is decided anew when it is sent again, and may now come after what was sent later:
  // the chain is that of the seqs.
  void settle_resent(expected_account& member) {
    std::sort(member.resent.begin(), member.resent.end(), [](const done& a, const done& b) { return a.seq() < b.seq(); });
    for (const done& each : member.resent)
      continue_with(member, each);
    member.resent.clear();
  }

  void check(const sent& one, const outcome& answer, bool was_resent) {
    ++seen.acknowledged;
    expected_account& member = accounts_[one.account];
    const auto wrong = [&](const std::string& what) { complain(member, one, answer, what); };
    const auto counted = member.counted.find(one.key());
    if (answer.status == outcome_status::rejected) {
      ++seen.refused;
      if (counted != member.counted.end())
        wrong("rejected although it was acknowledged before");
      if (!may_be_refused(one, answer.code))
        wrong("an unexpected code");
      return;
    }
    if (answer.status != outcome_status::ok && answer.status != outcome_status::duplicate && answer.status != outcome_status::held) {
      wrong("an unexpected status: " + answer.what);
      return;
    }
    if (counted != member.counted.end()) { // acknowledged before: the first answer again
      ++seen.duplicate;
      if (answer.status != outcome_status::duplicate)
        wrong("counted twice");
      else if (answer.seq.value != counted->second)
        wrong("a duplicate of another seq than " + std::to_string(counted->second));
      return;
    }
    if (answer.status == outcome_status::duplicate) {
      ++seen.found_done;
      if (!was_resent)
        wrong("a duplicate of what was never sent");
    } else {
      ++seen.ok;
    }
    member.counted.emplace(one.key(), answer.seq.value);
    seen.transfers += one.kind == op::transfer ? 1 : 0;
    seen.transfers_found_done += one.kind == op::transfer && answer.status == outcome_status::duplicate ? 1 : 0;
    seen.captures += one.kind == op::capture ? 1 : 0;
    seen.decided_reviews += one.review ? 1 : 0;
    take_done(member, {one, answer, false}, was_resent);
    if (one.kind == op::transfer)
      take_done(accounts_[one.to], {one, answer, true}, was_resent);
  }

  void take_done(expected_account& member, const done& each, bool was_resent) {
    if (was_resent)
      member.resent.push_back(each);
    else
      continue_with(member, each);
  }

  // What may happen to an operation that comes after others, or after nobody knows what.
  static bool may_be_refused(const sent& one, outcome_code code) {
    switch (one.kind) {
    case op::capture:
    case op::void_:
      return code == outcome_code::reservation_closed;
    case op::redeem:
    case op::authorize:
      return code == outcome_code::insufficient_points || code == outcome_code::below_min_balance;
    case op::approve:
    case op::reject:
      return code == outcome_code::reference_conflict;
    case op::reverse:
      return code == outcome_code::over_refund || code == outcome_code::unknown_order;
    default:
      return code == outcome_code::insufficient_points;
    }
  }

  // The account goes on from the balance that the answer before left.
  void continue_with(expected_account& member, const done& each) {
    const sent& one = each.what;
    const outcome& answer = each.answer;
    const auto wrong = [&](const std::string& what) { complain(member, one, answer, what); };
    const bool is_held = answer.status == outcome_status::held || answer.first == outcome_status::held;
    if (each.seq().value <= member.last_seq)
      wrong("out of order");
    member.last_seq = each.seq().value;
    if (each.is_receiver) { // the sender's balances are shown, the receiver's come with its next answer
      if (answer.to_seq != each.seq())
        wrong("the receiver's half is not beside the sender's");
      member.available += one.points;
      member.entries.emplace("transfer_in/" + one.reference, answer.seq.value);
      return;
    }
    if (is_held) {
      if (one.kind != op::earn || one.total.units / 10'000 <= review_above)
        wrong("held");
      member.entries.emplace("review_hold/" + one.order, answer.seq.value);
      member.held.push_back({one, answer.seq});
      member.open.emplace(answer.seq.value, one);
      return;
    }
    std::int64_t change = 0, reserved = 0;
    switch (one.kind) {
    case op::enroll:
    case op::earn:
    case op::approve:
      member.lifetime += answer.points.value;
      [[fallthrough]];
    case op::adjust:
      change = answer.points.value;
      break;
    case op::redeem:
    case op::transfer:
      change = -answer.points.value;
      break;
    case op::authorize:
      change = -answer.points.value;
      reserved = answer.points.value;
      member.reserving.push_back({one, answer.seq});
      break;
    case op::capture:
    case op::void_:
      change = answer.points_2.value;
      reserved = -answer.points.value - answer.points_2.value;
      break;
    case op::reverse:
      change = answer.points_2.value - answer.points_3.value - answer.points.value;
      break;
    default:
      break;
    }
    member.available += change;
    member.reserved += reserved;
    if (one.kind != op::reject && (member.available != answer.available.value || member.reserved != answer.reserved.value))
      wrong("does not continue where the last answer left the account");
    if (one.kind != op::reject && member.lifetime != answer.lifetime.value)
      wrong("lifetime");
    if (one.kind == op::earn && answer.points.value != one.total.units / 10'000)
      wrong("earned " + std::to_string(answer.points.value));
    if (one.kind == op::transfer && answer.points.value != one.points)
      wrong("transferred " + std::to_string(answer.points.value));
    add_entries(member, one, answer);
    if (one.kind == op::earn)
      member.earns.push_back(one);
  }

  // What the history must hold then.
  void add_entries(expected_account& member, const sent& one, const outcome& answer) {
    const std::uint64_t group = answer.seq.value;
    if (one.review) {
      const auto parked = member.open.find(one.review.value);
      if (parked == member.open.end())
        return complain(member, one, answer, "a review is decided twice");
      member.entries.emplace((one.kind == op::approve ? "review_approve/" : "review_reject/") + std::to_string(one.review.value), group);
      if (one.kind == op::approve) {
        member.entries.emplace("earn/" + parked->second.order, group);
        member.earns.push_back(parked->second);
      }
      member.open.erase(parked);
      return;
    }
    if (one.kind == op::transfer)
      member.entries.emplace("transfer_out/" + one.reference, group);
    else
      member.entries.emplace(one.key(), group);
    if (one.kind == op::capture && answer.points_2.value > 0)
      member.entries.emplace("void/" + one.reference, group); // of the rest
  }

  void complain(const expected_account& member, const sent& one, const outcome& answer, const std::string& what) {
    if (problem.empty())
      problem = member.id + " " + one.key() + ": " + what + " (status " + std::string(name_of(answer.status)) + " " +
                std::string(name_of(answer.code)) + ", seq " + std::to_string(answer.seq.value) + ", available " +
                std::to_string(answer.available.value) + ", expected before it " + std::to_string(member.available) + ")";
  }

  std::mt19937_64 random_;
  std::deque<expected_account> accounts_;
  std::set<std::size_t> enrolling_;
  std::size_t other_ = 0;
  std::deque<sent> unanswered_; // in the order sent
  std::size_t resent_ = 0;      // how many of them were sent before the last kill
  std::uint64_t counter_ = 0;
  std::string prefix_;
};

// Every reference that was acknowledged is in the account's history exactly once, and nothing else is.
void check_history(net::client& client, const expected_account& member) {
  command read;
  read.kind = op::account;
  read.merchant = "crash";
  read.account = member.id;
  auto now = client.call(read);
  ASSERT_TRUE(now.ok());
  ASSERT_EQ(now->head.available.value, member.available) << member.id;
  ASSERT_EQ(now->head.lifetime.value, member.lifetime) << member.id;

  std::map<std::string, std::uint64_t> found;
  std::int64_t sum = 0, reserved = 0;
  read.kind = op::history;
  read.limit = 1000;
  for (;;) {
    auto page = client.call(read);
    ASSERT_TRUE(page.ok());
    ASSERT_EQ(page->head.status, outcome_status::ok) << page->head.what;
    ASSERT_NE(page->document, nullptr);
    ASSERT_NE(page->document->entries(), nullptr);
    for (const auto* one : *page->document->entries()) {
      sum += one->points()->value();
      reserved += one->reserved() != nullptr ? one->reserved()->value() : 0;
      const std::string kind = one->kind()->str();
      std::string key = kind + "/";
      if (kind == "restore")
        continue; // belongs to its reverse
      const bool names_review = kind == "review_approve" || kind == "review_reject";
      if (names_review)
        key += std::to_string(one->review()->value());
      else if (kind == "reverse")
        key += one->refund()->str();
      else if (kind == "adjust")
        key += one->adjustment()->str();
      else if (kind == "transfer_out" || kind == "transfer_in")
        key += one->transfer()->str();
      else if (kind == "authorize" || kind == "capture" || kind == "void")
        key += one->reservation()->str();
      else if (kind != "enroll")
        key += one->order()->str();
      ASSERT_TRUE(found.emplace(key, one->group()->value()).second) << member.id << " has " << key << " twice";
    }
    if (page->document->next_before_seq() == nullptr)
      break;
    read.before_seq = seq_t{page->document->next_before_seq()->value()};
  }
  ASSERT_EQ(sum, member.available) << member.id << ": the balance is the sum of its entries";
  ASSERT_EQ(reserved, member.reserved) << member.id;
  ASSERT_EQ(found, member.entries) << member.id;
}

// The review list shows what is open, all of it and nothing else.
void check_reviews(net::client& client, std::uint64_t open) {
  command read;
  read.kind = op::reviews;
  read.merchant = "crash";
  read.limit = 1000;
  std::uint64_t listed = 0;
  for (;;) {
    auto page = client.call(read);
    ASSERT_TRUE(page.ok());
    ASSERT_EQ(page->head.status, outcome_status::ok) << page->head.what;
    ASSERT_NE(page->document, nullptr);
    ASSERT_NE(page->document->reviews(), nullptr);
    listed += page->document->reviews()->size();
    if (page->document->next_after() == nullptr)
      break;
    read.after = seq_t{page->document->next_after()->value()};
  }
  ASSERT_EQ(listed, open);
}

TEST(crash, nothing_acknowledged_is_lost_and_nothing_counts_twice) {
  const std::string folder = std::filesystem::temp_directory_path() / ("tally-crash-" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  std::mt19937_64 random(seed_wanted);
  const auto below = [&](int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random); };
  std::printf("--seed %llu --kills %llu\n", static_cast<unsigned long long>(seed_wanted), static_cast<unsigned long long>(kills_wanted));

  std::deque<worker> workers;
  for (int i = 0; i < 3; ++i)
    workers.emplace_back(i, seed_wanted);
  std::uint64_t kills = 0, while_starting = 0;
  std::optional<std::uint16_t> port;
  bool applied = false;
  while (kills < kills_wanted) {
    // From all in memory and no images to hardly anybody in memory and images all the time; each start goes on from the one before.
    const std::vector<std::vector<std::string>> ways = {{"--snapshot-every", "0s"},
                                                        {"--snapshot-every", "1s"},
                                                        {"--snapshot-every", "30ms"},
                                                        {"--snapshot-every", "50ms", "--resident-accounts", "40"}};
    std::vector<std::string> flags = ways[below(ways.size())];
    flags.insert(flags.end(), {"--shards", std::to_string(1 + below(3))});
    server_process server(folder, flags);
    if (applied && below(8) == 0) { // while it is recovering
      std::this_thread::sleep_for(std::chrono::milliseconds(below(120)));
      server.kill(SIGKILL);
      server.wait();
      ++kills;
      ++while_starting;
      continue;
    }
    port = server.wait_ready();
    ASSERT_TRUE(port) << "tallyd did not come up after " << kills << " kills, exit " << server.wait();
    if (!applied) {
      net::client_options options;
      options.port = *port;
      auto client = net::client::connect(options);
      ASSERT_TRUE(client.ok()) << client.error().what;
      command put;
      put.kind = op::put_program;
      put.merchant = "crash";
      put.toml = rules_toml;
      auto answer = (*client)->call(put);
      ASSERT_TRUE(answer.ok());
      ASSERT_EQ(answer->head.status, outcome_status::ok) << answer->head.what;
      applied = true;
    }
    std::atomic<bool> enough = false;
    std::vector<std::thread> threads;
    for (worker& one : workers)
      threads.emplace_back([&] { one.run(*port, enough); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + below(150)));
    server.kill(SIGKILL);
    server.wait();
    ++kills;
    enough = true;
    for (std::thread& thread : threads)
      thread.join();
    for (const worker& one : workers)
      ASSERT_EQ(one.problem, "") << "after " << kills << " kills";
  }

  { // the last start: what is still unknown is settled, then everything is read back
    server_process server(folder);
    port = server.wait_ready();
    ASSERT_TRUE(port);
    const std::atomic<bool> enough = true;
    net::client_options options;
    options.port = *port;
    auto client = net::client::connect(options);
    ASSERT_TRUE(client.ok());
    std::uint64_t open = 0;
    for (worker& one : workers) {
      one.run(*port, enough);
      ASSERT_EQ(one.problem, "");
      for (const expected_account& member : one.accounts()) {
        open += member.open.size();
        if (member.last_seq != 0) {
          ASSERT_NO_FATAL_FAILURE(check_history(**client, member));
        }
      }
    }
    ASSERT_NO_FATAL_FAILURE(check_reviews(**client, open));
    server.kill(SIGTERM);
    ASSERT_EQ(server.wait(), 0);
  }

  wal::audit_options audit;
  audit.folder = folder;
  audit.report = [](const wal::finding& finding) {
    ADD_FAILURE() << finding.number.value << " " << finding.merchant << "/" << finding.account << ": " << finding.what;
  };
  const auto report = wal::audit_verify(audit);
  ASSERT_TRUE(report.ok()) << report.error().what;
  totals all;
  for (const worker& one : workers) {
    all.acknowledged += one.seen.acknowledged;
    all.ok += one.seen.ok;
    all.duplicate += one.seen.duplicate;
    all.refused += one.seen.refused;
    all.found_done += one.seen.found_done;
    all.sent_again += one.seen.sent_again;
    all.transfers += one.seen.transfers;
    all.transfers_found_done += one.seen.transfers_found_done;
    all.captures += one.seen.captures;
    all.decided_reviews += one.seen.decided_reviews;
  }
  EXPECT_GT(all.ok, kills_wanted * 10) << "a server that did nothing proves nothing";
  EXPECT_GT(all.sent_again, 0u);
  EXPECT_GT(all.transfers, kills_wanted);
  EXPECT_GT(all.captures, 0u);
  EXPECT_GT(all.decided_reviews, 0u);
  std::printf("%llu kills (%llu while starting): %llu answers, %llu ok, %llu duplicates, %llu refused; %llu unanswered sent again, %llu of "
              "them were "
              "done already; %llu transfers, %llu of them found done; %llu captures, %llu reviews decided; %llu entries audited\n",
              static_cast<unsigned long long>(kills), static_cast<unsigned long long>(while_starting),
              static_cast<unsigned long long>(all.acknowledged), static_cast<unsigned long long>(all.ok),
              static_cast<unsigned long long>(all.duplicate), static_cast<unsigned long long>(all.refused),
              static_cast<unsigned long long>(all.sent_again), static_cast<unsigned long long>(all.found_done),
              static_cast<unsigned long long>(all.transfers), static_cast<unsigned long long>(all.transfers_found_done),
              static_cast<unsigned long long>(all.captures), static_cast<unsigned long long>(all.decided_reviews),
              static_cast<unsigned long long>(report->entries));
  std::filesystem::remove_all(folder);
}

} // namespace
} // namespace tally::crash

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--kills")
      tally::crash::kills_wanted = std::strtoull(argv[i + 1], nullptr, 10);
    else if (name == "--seed")
      tally::crash::seed_wanted = std::strtoull(argv[i + 1], nullptr, 10);
  }
  return RUN_ALL_TESTS();
}
