// SIGKILLs a loaded tallyd again and again, and keeps outside what it acknowledged.
//
// Each worker has accounts of its own and sends operations on them pipelined, duplicates among them. When the server dies, what was
// not answered is unknown; after the restart the worker sends it again under the same references. Every answer must continue
// the account where the answer before left it: a lost operation breaks the chain of balances, one that counted twice does too.
// At the end the whole history is read back, each reference is there exactly once, and the auditor reads the folder.
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

constexpr const char* rules_toml = R"(merchant = "crash"
[enroll]
opening_points = 500
[earn]
points = "1"
per = "1.00"
[redeem]
points = 100
value = "1.00"
)";

// One operation as it was sent, and again if need be.
struct sent {
  op kind = op::none;
  std::size_t account = 0;
  std::string order, reference;
  money_t total;
  std::int64_t points = 0;
  bool whole = false;

  std::string key() const { return std::string(name_of(kind)) + "/" + (kind == op::reverse || kind == op::adjust ? reference : order); }
};

// An answer that says the operation was done.
struct done {
  sent what;
  outcome answer;
};

struct expected_account {
  std::string id;
  std::int64_t available = 0, lifetime = 0;
  std::uint64_t last_seq = 0;
  std::map<std::string, std::uint64_t> counted; // key -> seq of what was acknowledged as done
  std::vector<sent> earns;
  std::vector<done> resent; // answers to what was sent again, until all of it is answered
};

struct totals {
  std::uint64_t acknowledged = 0, ok = 0, duplicate = 0, refused = 0, found_done = 0, sent_again = 0;
};

class worker {
public:
  worker(int number, std::uint64_t seed) : random_(seed * 1000 + static_cast<std::uint64_t>(number)) {
    for (int i = 0; i < 40; ++i)
      accounts_.push_back({"w" + std::to_string(number) + "-" + std::to_string(i), 0, 0, 0, {}, {}, {}});
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
    if (what < 10 && !member.earns.empty()) { // sent twice
      one = member.earns[static_cast<std::size_t>(below(static_cast<std::int64_t>(member.earns.size())))];
    } else if (what < 20 && !member.earns.empty()) {
      const sent& earn = member.earns[static_cast<std::size_t>(below(static_cast<std::int64_t>(member.earns.size())))];
      one.kind = op::reverse;
      one.order = earn.order;
      one.reference = "f" + prefix_ + std::to_string(++counter_);
      one.whole = below(2) == 0;
      one.total = money_t{1 + below(earn.total.units)};
    } else if (what < 35) {
      one.kind = op::redeem;
      one.order = "r" + prefix_ + std::to_string(++counter_);
      one.points = 1 + below(150);
    } else if (what < 45) {
      one.kind = op::adjust;
      one.reference = "j" + prefix_ + std::to_string(++counter_);
      one.points = below(2) == 0 ? 1 + below(50) : -1 - below(50);
    } else {
      one.kind = op::earn;
      one.order = "o" + prefix_ + std::to_string(++counter_);
      one.total = money_t{10'000 + below(2'000'000)};
    }
    return one;
  }

  bool send(net::client& client, const sent& one) {
    command c;
    c.kind = one.kind;
    c.merchant = "crash";
    c.account = accounts_[one.account].id;
    c.order = one.order;
    c.reference = one.reference;
    if (one.kind == op::earn)
      c.total = one.total;
    if (one.kind == op::reverse && !one.whole)
      c.amount = one.total;
    if (one.kind == op::redeem || one.kind == op::adjust)
      c.amount_points = points_t{one.points};
    if (one.kind == op::redeem)
      c.exact = true;
    if (one.kind == op::adjust)
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
    check(one, received->head, was_resent);
    if (was_resent && resent_ == 0)
      for (expected_account& member : accounts_)
        settle_resent(member);
    return problem.empty();
  }

  // What was rejected before the kill is decided anew when it is sent again, and may now come after what was sent later:
  // the chain is that of the seqs.
  void settle_resent(expected_account& member) {
    std::sort(member.resent.begin(), member.resent.end(), [](const done& a, const done& b) { return a.answer.seq < b.answer.seq; });
    for (const done& each : member.resent)
      continue_with(member, each.what, each.answer);
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
      if (answer.code != outcome_code::insufficient_points && answer.code != outcome_code::over_refund &&
          answer.code != outcome_code::unknown_order)
        wrong("an unexpected code");
      return;
    }
    if (answer.status != outcome_status::ok && answer.status != outcome_status::duplicate) {
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
    if (was_resent)
      member.resent.push_back({one, answer});
    else
      continue_with(member, one, answer);
  }

  // The account goes on from the balance that the answer before left.
  void continue_with(expected_account& member, const sent& one, const outcome& answer) {
    const auto wrong = [&](const std::string& what) { complain(member, one, answer, what); };
    std::int64_t change = 0;
    if (one.kind == op::enroll || one.kind == op::earn || one.kind == op::adjust)
      change = answer.points.value;
    if (one.kind == op::redeem)
      change = -answer.points.value;
    if (one.kind == op::reverse)
      change = answer.points_2.value - answer.points_3.value - answer.points.value;
    if (member.available + change != answer.available.value)
      wrong("does not continue where the last answer left the account");
    if (answer.seq.value <= member.last_seq)
      wrong("out of order");
    if (one.kind == op::earn && answer.points.value != one.total.units / 10'000)
      wrong("earned " + std::to_string(answer.points.value));
    member.available = answer.available.value;
    member.last_seq = answer.seq.value;
    if (one.kind == op::enroll || one.kind == op::earn)
      member.lifetime += answer.points.value;
    if (member.lifetime != answer.lifetime.value)
      wrong("lifetime");
    member.counted.emplace(one.key(), answer.seq.value);
    if (one.kind == op::earn)
      member.earns.push_back(one);
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
  std::int64_t sum = 0;
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
      const std::string kind = one->kind()->str();
      std::string key = kind + "/";
      if (kind == "restore")
        continue; // belongs to its reverse
      if (kind == "reverse")
        key += one->refund()->str();
      else if (kind == "adjust")
        key += one->adjustment()->str();
      else if (kind != "enroll")
        key += one->order()->str();
      ASSERT_TRUE(found.emplace(key, one->group()->value()).second) << member.id << " has " << key << " twice";
    }
    if (page->document->next_before_seq() == nullptr)
      break;
    read.before_seq = seq_t{page->document->next_before_seq()->value()};
  }
  ASSERT_EQ(sum, member.available) << member.id << ": the balance is the sum of its entries";
  ASSERT_EQ(found, member.counted) << member.id;
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
    server_process server(folder, {"--shards", below(2) == 0 ? "1" : "2"});
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
    for (worker& one : workers) {
      one.run(*port, enough);
      ASSERT_EQ(one.problem, "");
      for (const expected_account& member : one.accounts())
        if (member.last_seq != 0) {
          ASSERT_NO_FATAL_FAILURE(check_history(**client, member));
        }
    }
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
  }
  EXPECT_GT(all.ok, kills_wanted * 10) << "a server that did nothing proves nothing";
  EXPECT_GT(all.sent_again, 0u);
  std::printf("%llu kills (%llu while starting): %llu answers, %llu ok, %llu duplicates, %llu refused; %llu unanswered sent again, %llu of "
              "them were "
              "done already; %llu entries audited\n",
              static_cast<unsigned long long>(kills), static_cast<unsigned long long>(while_starting),
              static_cast<unsigned long long>(all.acknowledged), static_cast<unsigned long long>(all.ok),
              static_cast<unsigned long long>(all.duplicate), static_cast<unsigned long long>(all.refused),
              static_cast<unsigned long long>(all.sent_again), static_cast<unsigned long long>(all.found_done),
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
