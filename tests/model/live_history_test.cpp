// Random histories against a real tallyd over TCP, killed and started again on the way, members known by phone among them and another
// merchant's members of the same names beside: the slow model foresees every outcome, every entry with its seq and time, everything
// that falls due, and what each read shows, of now and of the past. At the end all accounts, histories and reviews are read back, a tail
// streams the whole journal, and the folder is audited. TALLY_SEED and TALLY_OPERATIONS as in history_test.cpp.
#include "net/client.hpp"
#include "tests/crash/server_process.hpp"
#include "tests/model/answer_words.hpp"
#include "tests/model/history_generator.hpp"
#include "tests/model/history_words.hpp"
#include "tests/model/slow_journal.hpp"
#include "tests/model/slow_model.hpp"
#include "wal/audit.hpp"

#include "engine/rfc3339.hpp"
#include "net/tally_generated.h"

#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>

namespace tally::model {
namespace {

struct live_case {
  std::uint64_t seed = 0;
  const char* shards = "1";
};

// A merchant, and what the model remembers of it.
struct foreseen {
  std::string name;
  slow_model model{};
  slow_journal journal{};
  std::vector<std::int64_t> program_seqs{};                 // of version n at n - 1
  std::vector<held_then> ends_of_instants{}, after_seqs{};  // some
  std::vector<std::pair<std::int64_t, std::string>> owed{}; // at which time, and what `liability` must say of it
};

// One history: a server on a folder of its own, and what it must answer.
class live_history {
public:
  live_history(std::uint64_t seed, std::string shards) : seed_(seed), shards_(std::move(shards)), random_(seed) {
    std::filesystem::remove_all(folder_);
  }
  ~live_history() { std::filesystem::remove_all(folder_); }
  live_history(const live_history&) = delete;
  live_history& operator=(const live_history&) = delete;

  // From the first rules to the audit.
  void play(std::uint64_t operations);

private:
  bool several_shards() const { return shards_ != "1"; }

  void start() {
    const std::string clock = format_rfc3339(instant{clock_us_});
    server_.emplace(folder_, std::vector<std::string>{"--shards", shards_, "--test-clock", clock, "--snapshot-every", "20ms",
                                                      "--resident-accounts", "4"});
    const auto port = server_->wait_ready();
    ASSERT_TRUE(port);
    port_ = *port;
    connect();
  }

  void connect() {
    net::client_options options;
    options.port = port_;
    options.reconnect_for = std::chrono::milliseconds(0);
    auto connected = net::client::connect(options);
    ASSERT_TRUE(connected.ok()) << connected.error().what;
    client_ = std::move(*connected);
  }

  // ---- sending, and what must be answered
  void send(const command& asked, std::string answer, const std::string& words = {}) {
    ASSERT_TRUE(client_->send(asked).ok());
    expected_.push_back({std::move(answer), rfc3339(clock_us_) + " " + describe(asked) + " " + words, asked.kind, !asked.account.empty()});
    if (several_shards()) // accounts of two shards are decided in any order: one at a time, or no seq can be foreseen
      take(0);
    else if (expected_.size() > 500)
      take(250);
  }

  // Receives until only `left` answers are outstanding.
  void take(std::size_t left) {
    while (expected_.size() > left) {
      const auto answer = client_->receive();
      ASSERT_TRUE(answer.ok()) << answer.error().what;
      const expectation want = std::move(expected_.front());
      expected_.pop_front();
      ++answers_[std::string(name_of(want.kind)) + " " + std::string(name_of(answer->head.status))];
      SCOPED_TRACE("answer to " + want.words);
      ASSERT_EQ(want.answer, said(want.kind, want.asked_account, *answer));
    }
  }

  // ---- changes
  // Has the model decide it, and the server.
  model_outcome play(foreseen& merchant, const command& asked) {
    command sent = asked, named = asked;
    std::string whose;
    const bool is_of_a_review = asked.kind == op::approve || asked.kind == op::reject;
    if (is_of_a_review) { // names only the review
      whose = merchant.model.account_of_review(static_cast<std::int64_t>(asked.seq->value));
      sent.account = {};
      named.account = whose;
    }
    std::vector<model_entry> written;
    merchant.model.next_seq = next_seq_;
    const model_outcome outcome = is_of_a_review && whose.empty() ? model_outcome{"rejected", "unknown_review", {}, {}, {}}
                                                                  : merchant.model.decide(named, clock_us_, written);
    next_seq_ = merchant.model.next_seq;
    merchant.journal.add(clock_us_, written);
    model_outcome shown = outcome;
    if (is_of_a_review && (outcome.status == "ok" || outcome.status == "duplicate"))
      shown.texts["account"] = whose;
    if (asked.kind == op::account && outcome.status == "ok")
      shown.texts["account"] = asked.account.empty() ? outcome.texts.at("account") : std::string(asked.account);
    send(sent, describe(shown), "phone=" + std::string(asked.phone));
    if (!written.empty() && one_in(4))
      merchant.after_seqs.push_back(held_now(merchant.model, one_of(merchant.model.accounts).first, clock_us_, next_seq_ - 1));
    return outcome;
  }

  void put_rules(foreseen& merchant, const model_rules& rules) {
    merchant.model.versions[rules.version] = rules;
    merchant.program_seqs.push_back(next_seq_);
    model_entry entry;
    entry.kind = "program";
    entry.seq = entry.group = next_seq_;
    entry.version = rules.version;
    merchant.journal.add(clock_us_, {entry});
    ++next_seq_;
    send_rules(merchant, "ok");
  }

  // Unchanged rules are a duplicate.
  void send_rules(const foreseen& merchant, const char* status) {
    const std::string toml = merchant.model.active()->toml(merchant.name);
    command put = of(merchant, op::put_program);
    put.toml = toml;
    send(put,
         std::string(status) + " " + std::to_string(merchant.program_seqs.back()) + " " + std::to_string(merchant.program_seqs.size()));
  }

  void advance_to(foreseen& merchant, std::int64_t now_us) {
    std::vector<model_entry> due;
    merchant.model.next_seq = next_seq_;
    merchant.model.settle_all(now_us, due);
    next_seq_ = merchant.model.next_seq;
    for (const model_entry& entry : due) { // the clock stops at each
      clock_us_ = std::max(clock_us_, entry.due.value_or(clock_us_));
      merchant.journal.add(clock_us_, {entry});
    }
    command advance;
    advance.kind = op::advance_clock;
    advance.until = instant{now_us};
    clock_us_ = now_us;
    send(advance, rfc3339(now_us) + " " + std::to_string(due.size()));
  }

  // Somebody's balances, and now and then everybody's, at the end of an instant.
  void remember(foreseen& merchant) {
    if (merchant.model.accounts.empty())
      return;
    merchant.ends_of_instants.push_back(held_now(merchant.model, one_of(merchant.model.accounts).first, clock_us_, next_seq_ - 1));
    if (one_in(10))
      merchant.owed.push_back({clock_us_, owed_now(merchant.model, clock_us_, next_seq_ - 1)});
  }

  // ---- reads
  static command of(const foreseen& merchant, op kind, std::string_view account = {}) {
    command asked;
    asked.kind = kind;
    asked.merchant = merchant.name;
    asked.account = account;
    return asked;
  }

  void read_something(const foreseen& merchant, const foreseen& other) {
    if (merchant.model.accounts.empty())
      return;
    const std::string& account = one_of(merchant.model.accounts).first;
    switch (below(11)) {
    case 0:
    case 1: {
      command asked = of(merchant, op::history, account);
      choose_kinds(asked);
      if (one_in(2))
        asked.limit = static_cast<std::uint32_t>(1 + below(one_in(2) ? 3 : 1000));
      if (one_in(3))
        asked.before_seq = some_seq(2);
      if (one_in(3))
        asked.from = some_time(merchant);
      if (one_in(3))
        asked.until = some_time(merchant);
      return send(asked, merchant.journal.history(asked));
    }
    case 2: {
      command asked = of(merchant, op::count, account);
      choose_kinds(asked);
      return send(asked, merchant.journal.count(asked));
    }
    case 3:
      return read_entry(merchant, other, account);
    case 4:
    case 5:
      return read_balance(merchant, other, account);
    case 6:
    case 7:
      return read_statement(merchant);
    case 8: {
      command asked = of(merchant, op::liability);
      if (merchant.owed.empty() || one_in(2))
        return send(asked, owed_now(merchant.model, clock_us_, next_seq_ - 1));
      const auto& [at_us, owed] = one_of(merchant.owed);
      asked.at = instant{at_us};
      return send(asked, owed);
    }
    case 9:
      return read_reviews(merchant, one_in(2) ? "" : account, static_cast<std::uint32_t>(1 + below(4)), one_in(2) ? 0 : below(next_seq_));
    default:
      return read_rules(merchant);
    }
  }

  void read_entry(const foreseen& merchant, const foreseen& other, const std::string& account) {
    command asked = of(merchant, op::entry);
    const auto& all = merchant.journal.entries();
    const slow_journal::kept& one = all[static_cast<std::size_t>(below(static_cast<std::int64_t>(all.size())))];
    if (!one.entry.order.empty() && one_in(2)) {
      asked.account = one_in(4) ? account : one.entry.account; // another member's order of that name, mostly none
      asked.order = one.entry.order;
      if (one_in(3))
        asked.kinds.insert(*entry_kind_named(one.entry.kind));
    } else {
      asked.seq = seq_t{static_cast<std::uint64_t>(one_in(8) ? some_of(other) : one.entry.seq)};
    }
    send(asked, refused_or(merchant.journal.entry(asked)));
  }

  void read_balance(const foreseen& merchant, const foreseen& other, const std::string& account) {
    command asked = of(merchant, op::balance_at, account);
    std::string tier;
    if (one_in(12)) { // there was nothing yet
      asked.at = instant{midnight({2020, 1, 1})};
    } else if (one_in(12)) { // it is none of its
      asked.seq = seq_t{static_cast<std::uint64_t>(some_of(other))};
    } else if (!merchant.after_seqs.empty() && one_in(2)) {
      const held_then& then = one_of(merchant.after_seqs);
      asked.account = then.account;
      asked.seq = seq_t{static_cast<std::uint64_t>(then.seq)};
      tier = then.tier;
    } else if (!merchant.ends_of_instants.empty()) {
      const held_then& then = one_of(merchant.ends_of_instants);
      asked.account = then.account;
      asked.at = instant{then.at_us};
      tier = then.tier;
    } else {
      return;
    }
    send(asked, refused_or(merchant.journal.balance_at(asked, tier)));
  }

  void read_statement(const foreseen& merchant) {
    if (merchant.ends_of_instants.empty())
      return;
    const held_then& opening = one_of(merchant.ends_of_instants);
    const held_then now = held_now(merchant.model, opening.account, clock_us_, next_seq_ - 1);
    const held_then* closing = &now;
    if (one_in(2))
      for (const held_then& later : merchant.ends_of_instants) // the last one, or one before it
        if (later.account == opening.account && later.at_us >= opening.at_us && (closing == &now || !one_in(4)))
          closing = &later;
    command asked = of(merchant, op::statement, opening.account);
    asked.from = instant{opening.at_us + 1};
    asked.until = instant{closing->at_us + 1 + (closing == &now ? below(40 * day_us) : 0)};
    send(asked, merchant.journal.statement(asked, opening, *closing));
  }

  void read_rules(const foreseen& merchant) {
    if (merchant.model.versions.empty())
      return;
    if (one_in(2)) {
      command asked = of(merchant, op::program);
      const model_rules* shown = merchant.model.active();
      if (one_in(2)) {
        asked.version = static_cast<std::uint32_t>(1 + below(static_cast<std::int64_t>(merchant.model.versions.size())));
        shown = &merchant.model.versions.at(*asked.version);
      }
      return send(asked, std::to_string(shown->version) + " " + rfc3339(shown->applied_us) + "\n" + shown->toml(merchant.name));
    }
    std::string versions;
    for (const auto& [version, rules] : merchant.model.versions)
      versions +=
          std::to_string(version) + " " + rfc3339(rules.applied_us) + " " + std::to_string(merchant.program_seqs[version - 1]) + "\n";
    send(of(merchant, op::programs), versions);
    command digest;
    digest.kind = op::digest;
    send(digest, std::to_string(next_seq_ - 1));
  }

  void read_reviews(const foreseen& merchant, const std::string& account, std::uint32_t limit, std::int64_t after) {
    std::map<std::int64_t, std::string> open;
    for (const auto& [name, member] : merchant.model.accounts)
      for (const auto& [number, review] : member.reviews)
        if (review.state == "open" && number > after && (account.empty() || account == name))
          open[number] = std::to_string(number) + " " + name + " " + std::string(name_of(review.parked)) + " " + review.order + " " +
                         review.refund + " " + std::to_string(review.points) + " " + review.reasons + "\n";
    std::string page;
    std::uint32_t shown = 0;
    std::int64_t last = 0;
    for (const auto& [number, line] : open) {
      if (shown++ == limit) {
        page += "next " + std::to_string(last);
        break;
      }
      page += line;
      last = number;
    }
    command asked = of(merchant, op::reviews, account);
    asked.limit = limit;
    if (after != 0)
      asked.after = seq_t{static_cast<std::uint64_t>(after)};
    send(asked, page);
  }

  // ---- all of it, at the end
  void read_everything(const foreseen& merchant) {
    for (const auto& [name, member] : merchant.model.accounts) {
      command asked = of(merchant, op::history, name);
      asked.limit = 100;
      for (bool more = true; more;) {
        const std::string page = merchant.journal.history(asked);
        ASSERT_NO_FATAL_FAILURE(send(asked, page));
        const std::size_t next = page.rfind("next ");
        more = next != std::string::npos;
        if (more)
          asked.before_seq = seq_t{std::strtoull(page.c_str() + next + 5, nullptr, 10)};
      }
      model_outcome view = merchant.model.view(name, clock_us_);
      view.texts["account"] = name;
      ASSERT_NO_FATAL_FAILURE(send(of(merchant, op::account, name), describe(view)));
    }
    for (const held_then& then : merchant.ends_of_instants) {
      command asked = of(merchant, op::balance_at, then.account);
      asked.at = instant{then.at_us};
      const std::string answer = merchant.journal.balance_at(asked, then.tier);
      const std::string held = describe_balances(then.available, then.pending, then.reserved, then.lifetime, then.tier);
      ASSERT_TRUE(answer.ends_with(held)) << answer << held << "a balance is what its entries say";
      ASSERT_NO_FATAL_FAILURE(send(asked, answer));
    }
    ASSERT_NO_FATAL_FAILURE(read_reviews(merchant, "", 1000, 0));
    ASSERT_NO_FATAL_FAILURE(take(0));
  }

  void read_tail(const foreseen& merchant, std::uint64_t from, bool some_kinds) {
    command asked = of(merchant, op::tail);
    asked.seq = seq_t{from};
    if (some_kinds)
      choose_kinds(asked);
    const std::string expected = merchant.journal.tail(asked);
    std::string got;
    ASSERT_NO_FATAL_FAILURE(connect()); // it has a connection of its own
    const auto ended = client_->tail(asked, [&](const net::answer* piece) {
      if (piece != nullptr)
        got += said(op::tail, true, *piece);
      return piece != nullptr || got.size() < expected.size(); // what comes behind the last one would be seen
    });
    ASSERT_TRUE(ended.ok()) << ended.error().what;
    ASSERT_EQ(expected, got);
  }

  // ---- chance
  std::int64_t below(std::int64_t limit) { return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random_); }
  bool one_in(std::int64_t n) { return below(n) == 0; }
  template <class T>
  const typename T::value_type& one_of(const T& all) {
    return *std::next(all.begin(), below(static_cast<std::int64_t>(all.size())));
  }
  seq_t some_seq(std::int64_t beyond) { return seq_t{static_cast<std::uint64_t>(1 + below(next_seq_ + beyond))}; }
  std::int64_t some_of(const foreseen& merchant) { return one_of(merchant.journal.entries()).entry.seq; }
  instant some_time(const foreseen& merchant) { return instant{one_of(merchant.journal.entries()).at_us + below(3) - 1}; }
  void choose_kinds(command& asked) {
    for (std::int64_t i = below(4); i > 0; --i)
      asked.kinds.insert(static_cast<entry_kind>(1 + below(entry_kind_count - 1)));
  }
  static std::string refused_or(const std::string& answer) {
    return answer == "invalid seq" || answer.starts_with("rejected ")
               ? describe(model_outcome{answer.substr(0, answer.find(' ')), answer.substr(answer.find(' ') + 1), {}, {}, {}})
               : answer;
  }

  struct expectation {
    std::string answer, words;
    op kind = op::none;
    bool asked_account = false;
  };
  const std::uint64_t seed_;
  const std::string shards_;
  const std::string folder_ = std::filesystem::temp_directory_path() / ("tally-live-" + std::to_string(::getpid()));
  std::mt19937_64 random_;
  std::int64_t clock_us_ = 0, next_seq_ = 1;
  std::optional<crash::server_process> server_;
  std::uint16_t port_ = 0;
  std::unique_ptr<net::client> client_;
  std::deque<expectation> expected_;
  std::map<std::string, std::uint64_t> answers_;
};

void live_history::play(std::uint64_t operations) {
  SCOPED_TRACE("TALLY_SEED=" + std::to_string(seed_) + ", shards " + shards_);
  history_generator generate(seed_, "m", history_generator::people::with_phones);
  clock_us_ = generate.time();
  foreseen ours{"m"}, others{"n"};
  std::uint64_t kills = 0;
  ASSERT_NO_FATAL_FAILURE(start());

  model_rules beside; // members of the same names and phones, whose points stay what they are
  beside.version = 1;
  beside.applied_us = clock_us_;
  beside.inline_enrollment = true;
  ASSERT_NO_FATAL_FAILURE(put_rules(others, beside));

  for (std::uint64_t step = 0; step < operations; ++step) {
    if (generate.wants_new_rules()) {
      ASSERT_NO_FATAL_FAILURE(put_rules(ours, generate.rules(static_cast<std::uint32_t>(ours.model.versions.size() + 1))));
    } else if (!ours.model.versions.empty() && one_in(200)) {
      ASSERT_NO_FATAL_FAILURE(send_rules(ours, "duplicate"));
    }
    if (const std::int64_t now = generate.now_us(); now != clock_us_) {
      remember(ours);
      if (one_in(10))
        remember(others);
      ASSERT_NO_FATAL_FAILURE(advance_to(ours, now));
    }
    const command asked = generate.operation();
    if (generate.wants_only_settling())
      continue;
    model_outcome outcome;
    ASSERT_NO_FATAL_FAILURE(outcome = play(ours, asked));
    generate.told(asked, outcome);
    if (one_in(6)) {
      ASSERT_NO_FATAL_FAILURE(read_something(ours, others));
    }
    if ((asked.kind == op::enroll || asked.kind == op::earn) && one_in(10)) {
      command same = asked;
      same.merchant = others.name;
      ASSERT_NO_FATAL_FAILURE(play(others, same));
      ASSERT_NO_FATAL_FAILURE(one_in(4) ? read_something(others, ours) : void());
    }
    if (step % (operations / 4 + 1) == operations / 5) {
      ASSERT_NO_FATAL_FAILURE(take(0));
      server_->kill(SIGKILL);
      server_->wait();
      ++kills;
      ASSERT_NO_FATAL_FAILURE(start());
    }
  }
  ASSERT_NO_FATAL_FAILURE(read_everything(ours));
  ASSERT_NO_FATAL_FAILURE(read_everything(others));
  ASSERT_NO_FATAL_FAILURE(read_tail(ours, 1, false));
  ASSERT_NO_FATAL_FAILURE(read_tail(ours, static_cast<std::uint64_t>(next_seq_ / 2), true));
  ASSERT_NO_FATAL_FAILURE(read_tail(others, 1, false));
  client_.reset();
  server_->kill(SIGTERM);
  ASSERT_EQ(server_->wait(), 0);

  wal::audit_options audit;
  audit.folder = folder_;
  audit.report = [](const wal::finding& finding) {
    ADD_FAILURE() << finding.number.value << " " << finding.account << ": " << finding.what;
  };
  const auto report = wal::audit_verify(audit);
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_EQ(report->entries + 1, static_cast<std::uint64_t>(next_seq_));
  EXPECT_GT(kills, 0u);
  std::printf("seed %llu, %s shards: %llu entries, %llu kills; answers as foreseen:", static_cast<unsigned long long>(seed_),
              shards_.c_str(), static_cast<unsigned long long>(report->entries), static_cast<unsigned long long>(kills));
  for (const auto& [what, count] : answers_)
    std::printf(" %s %llu;", what.c_str(), static_cast<unsigned long long>(count));
  std::printf("\n");
  for (std::uint8_t kind = 1; kind < op_count; ++kind) {
    const std::string name(name_of(static_cast<op>(kind)));
    EXPECT_TRUE(operations < 4000 || name == "tail" || answers_[name + " ok"] > 0) << name << ": a history of refusals shows little";
  }
}

class live_histories : public ::testing::TestWithParam<live_case> {};

TEST_P(live_histories, server_and_model_agree) {
  const char* seed_text = std::getenv("TALLY_SEED");
  const char* operations_text = std::getenv("TALLY_OPERATIONS");
  std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : GetParam().seed;
  const std::uint64_t operations = operations_text != nullptr ? std::strtoull(operations_text, nullptr, 10) : 5000;
  for (std::uint64_t played = 0; played < operations; ++seed) { // a long run is many histories
    const std::uint64_t length = std::min<std::uint64_t>(operations - played, 10'000);
    ASSERT_NO_FATAL_FAILURE(live_history(seed, GetParam().shards).play(length));
    played += length;
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, live_histories, ::testing::Values(live_case{101, "1"}, live_case{102, "3"}, live_case{103, "2"}),
                         [](const auto& chosen) { return "seed_" + std::to_string(chosen.param.seed) + "_shards_" + chosen.param.shards; });

} // namespace
} // namespace tally::model
