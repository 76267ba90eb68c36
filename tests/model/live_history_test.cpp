// The same random histories against a real tallyd over TCP, killed and started again on the way: the slow model foresees every
// outcome, every entry with its seq, and everything that falls due. At the end the accounts, their histories, what they held before and
// the open reviews are read back and the folder is audited. TALLY_SEED and TALLY_OPERATIONS as in history_test.cpp.
#include "net/client.hpp"
#include "tests/crash/server_process.hpp"
#include "tests/model/history_generator.hpp"
#include "tests/model/history_words.hpp"
#include "tests/model/slow_model.hpp"
#include "wal/audit.hpp"

#include "engine/decimal.hpp"
#include "engine/rfc3339.hpp"
#include "net/tally_generated.h"

#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <filesystem>

namespace tally::model {
namespace {

struct live_case {
  std::uint64_t seed = 0;
  const char* shards = "1";
};

std::string text_of(const flatbuffers::String* string) { return string == nullptr ? std::string() : string->str(); }

std::int64_t seq_of(const wire::seq_value* seq) { return seq == nullptr ? 0 : static_cast<std::int64_t>(seq->value()); }

void add_rewards(const wire::outcome_document& document, model_outcome& to) {
  if (document.rewards() != nullptr)
    for (const auto* reward : *document.rewards())
      to.rewards.push_back(reward->str());
}

// An answer as it came over the wire: its own names of tiers and rewards.
model_outcome shown(const net::answer& answer) {
  model_outcome out = model::shown(answer.head, {});
  out.rewards.clear();
  if (answer.document != nullptr)
    add_rewards(*answer.document, out);
  if (out.texts.contains("tier"))
    out.texts["tier"] = answer.document == nullptr ? "" : text_of(answer.document->tier());
  return out;
}

// What `account` answers.
model_outcome shown_view(const net::answer& answer) {
  model_outcome out{std::string(name_of(answer.head.status)), std::string(name_of(answer.head.code)), {}, {}, {}};
  if (answer.head.status != outcome_status::ok)
    return out;
  const wire::outcome_document& document = *answer.document;
  auto& fields = out.fields;
  fields["available"] = answer.head.available.value;
  fields["pending"] = answer.head.pending.value;
  fields["reserved"] = answer.head.reserved.value;
  fields["lifetime"] = answer.head.lifetime.value;
  fields["version"] = answer.head.version;
  fields["last_seq"] = seq_of(document.last_seq());
  const auto points = [&](const char* name, const wire::points_value* value) {
    if (value != nullptr)
      fields[name] = value->value();
  };
  points("tier_points", document.tier_points());
  points("points_to_next_tier", document.points_to_next_tier());
  points("expiring_30d", document.expiring_30d());
  fields["next_expiry_points"] = document.next_expiry_points() == nullptr ? 0 : document.next_expiry_points()->value();
  if (document.next_expiry_at() != nullptr)
    fields["next_expiry_at"] = document.next_expiry_at()->us();
  out.texts["tier"] = text_of(document.tier());
  if (document.next_tier() != nullptr)
    out.texts["next_tier"] = text_of(document.next_tier());
  out.texts["state"] = text_of(document.state());
  add_rewards(document, out);
  return out;
}

model_entry shown(const wire::ledger_entry& one) {
  model_entry out;
  out.account = text_of(one.account());
  out.kind = text_of(one.kind());
  out.seq = seq_of(one.seq());
  out.group = seq_of(one.group());
  if (one.due() != nullptr)
    out.due = one.due()->us();
  out.points = one.points()->value();
  out.pending = one.pending()->value();
  out.reserved = one.reserved()->value();
  out.debt = one.debt()->value();
  out.available_after = one.available_after()->value();
  out.pending_after = one.pending_after()->value();
  out.reserved_after = one.reserved_after()->value();
  out.from = text_of(one.from());
  out.to = text_of(one.to());
  out.order = text_of(one.order());
  for (const auto* reference : {one.refund(), one.reservation(), one.transfer(), one.adjustment(), one.reward()})
    out.reference += text_of(reference);
  out.review = seq_of(one.review());
  out.peer = text_of(one.peer());
  out.discount = one.discount() == nullptr ? 0 : one.discount()->units();
  if (names_version(out.kind) && one.version())
    out.version = static_cast<std::uint32_t>(*one.version());
  if (out.kind == "earn" && one.rates() != nullptr)
    out.tier_multiplier_micros = parse_rate(text_of(one.rates()->tier_multiplier())).value_or(rate_t{}).micros;
  std::map<std::int64_t, model_lot_change> lots;
  if (one.lots() != nullptr)
    for (const auto* lot : *one.lots()) {
      model_lot_change& sum = lots[seq_of(lot->lot())];
      sum.lot = seq_of(lot->lot());
      sum.available += lot->available()->value();
      sum.pending += lot->pending()->value();
      sum.reserved += lot->reserved()->value();
    }
  for (const auto& [number, change] : lots)
    if (change.available != 0 || change.pending != 0 || change.reserved != 0)
      out.lots.push_back(change);
  return out;
}

// What balance_at must answer later.
struct held_then {
  std::string account;
  std::int64_t at_us = 0, available = 0, pending = 0, reserved = 0, lifetime = 0;
};

class live_histories : public ::testing::TestWithParam<live_case> {
protected:
  ~live_histories() override { std::filesystem::remove_all(folder_); }

  static bool several_shards() { return GetParam().shards != std::string("1"); }

  void start() {
    const std::string clock = format_rfc3339(instant{clock_us_});
    server_.emplace(folder_, std::vector<std::string>{"--shards", GetParam().shards, "--test-clock", clock, "--snapshot-every", "20ms",
                                                      "--resident-accounts", "4"});
    const auto port = server_->wait_ready();
    ASSERT_TRUE(port);
    net::client_options options;
    options.port = *port;
    options.reconnect_for = std::chrono::milliseconds(0);
    auto connected = net::client::connect(options);
    ASSERT_TRUE(connected.ok()) << connected.error().what;
    client_ = std::move(*connected);
  }

  void send(const command& asked, model_outcome outcome, std::string words) {
    ASSERT_TRUE(client_->send(asked).ok());
    expected_.push_back({std::move(outcome), std::move(words), asked.kind});
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
      ++answers_;
      SCOPED_TRACE("answer " + std::to_string(answers_) + " to " + want.words);
      if (want.kind == op::advance_clock) {
        ASSERT_EQ(answer->head.status, outcome_status::ok) << answer->head.what;
        ASSERT_NE(answer->document, nullptr);
        ASSERT_EQ(answer->document->fired().value_or(-1), want.outcome.fields.at("fired"));
      } else if (want.kind == op::put_program) {
        ASSERT_EQ(answer->head.status, outcome_status::ok) << answer->head.what;
        ASSERT_EQ(static_cast<std::int64_t>(answer->head.seq.value), want.outcome.fields.at("seq"));
      } else {
        ASSERT_EQ(describe(want.outcome), describe(shown(*answer)));
      }
    }
  }

  void note(const std::vector<model_entry>& entries) {
    for (const model_entry& entry : entries) {
      history_[entry.account].push_back(entry);
      history_[entry.account].back().lifetime = history_[entry.account].back().lifetime_after = 0; // not shown
    }
  }

  void check_histories() {
    for (const auto& [account, entries] : history_) {
      std::vector<std::string> got;
      command read;
      read.kind = op::history;
      read.merchant = "m";
      read.account = account;
      read.limit = 100;
      for (bool more = true; more;) {
        const auto page = client_->call(read);
        ASSERT_TRUE(page.ok());
        ASSERT_EQ(page->head.status, outcome_status::ok) << page->head.what;
        for (const auto* one : *page->document->entries())
          got.push_back(describe(shown(*one)));
        more = page->document->next_before_seq() != nullptr;
        if (more)
          read.before_seq = seq_t{page->document->next_before_seq()->value()};
      }
      ASSERT_EQ(got.size(), entries.size()) << account;
      for (std::size_t i = 0; i < entries.size(); ++i)
        ASSERT_EQ(describe(entries[i]), got[got.size() - 1 - i]) << account << ", entry " << i;
    }
  }

  void check_accounts(const slow_model& model) {
    for (const auto& [name, account] : model.accounts) {
      command read;
      read.kind = op::account;
      read.merchant = "m";
      read.account = name;
      const auto answer = client_->call(read);
      ASSERT_TRUE(answer.ok()) << answer.error().what;
      ASSERT_EQ(describe(model.view(name, clock_us_)), describe(shown_view(*answer))) << name;
    }
  }

  void check_the_past() {
    for (const held_then& then : past_) {
      command read;
      read.kind = op::balance_at;
      read.merchant = "m";
      read.account = then.account;
      read.at = instant{then.at_us};
      const auto answer = client_->call(read);
      ASSERT_TRUE(answer.ok()) << answer.error().what;
      SCOPED_TRACE(then.account + " at " + rfc3339(then.at_us));
      ASSERT_EQ(answer->head.status, outcome_status::ok) << answer->head.what;
      ASSERT_EQ(answer->head.available.value, then.available);
      ASSERT_EQ(answer->head.pending.value, then.pending);
      ASSERT_EQ(answer->head.reserved.value, then.reserved);
      ASSERT_EQ(answer->head.lifetime.value, then.lifetime);
    }
  }

  void check_reviews(const slow_model& model) {
    std::string open, listed;
    std::map<std::int64_t, std::string> by_number;
    for (const auto& [name, account] : model.accounts)
      for (const auto& [number, review] : account.reviews)
        if (review.state == "open")
          by_number[number] = std::to_string(number) + " " + name + " " + std::string(name_of(review.parked)) + " " + review.order + " " +
                              review.refund + " " + std::to_string(review.points) + "\n";
    for (const auto& [number, line] : by_number)
      open += line;
    command read;
    read.kind = op::reviews;
    read.merchant = "m";
    read.limit = 7;
    for (bool more = true; more;) {
      const auto page = client_->call(read);
      ASSERT_TRUE(page.ok()) << page.error().what;
      ASSERT_EQ(page->head.status, outcome_status::ok) << page->head.what;
      if (page->document->reviews() != nullptr)
        for (const auto* one : *page->document->reviews())
          listed += std::to_string(seq_of(one->review())) + " " + text_of(one->account()) + " " + text_of(one->op()) + " " +
                    text_of(one->order()) + " " + text_of(one->refund()) + " " + std::to_string(one->points()->value()) + "\n";
      more = page->document->next_after() != nullptr;
      if (more)
        read.after = seq_t{page->document->next_after()->value()};
    }
    ASSERT_EQ(open, listed);
  }

  struct expectation {
    model_outcome outcome;
    std::string words;
    op kind = op::none;
  };
  const std::string folder_ = std::filesystem::temp_directory_path() / ("tally-live-" + std::to_string(::getpid()));
  std::int64_t clock_us_ = 0;
  std::optional<crash::server_process> server_;
  std::unique_ptr<net::client> client_;
  std::deque<expectation> expected_;
  std::map<std::string, std::vector<model_entry>> history_;
  std::vector<held_then> past_;
  std::uint64_t answers_ = 0;
};

TEST_P(live_histories, server_and_model_agree) {
  const char* seed_text = std::getenv("TALLY_SEED");
  const char* operations_text = std::getenv("TALLY_OPERATIONS");
  const std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : GetParam().seed;
  const std::uint64_t operations = operations_text != nullptr ? std::strtoull(operations_text, nullptr, 10) : 5000;
  SCOPED_TRACE("TALLY_SEED=" + std::to_string(seed) + ", shards " + GetParam().shards);
  std::filesystem::remove_all(folder_);
  history_generator generate(seed);
  clock_us_ = generate.time();
  slow_model model;
  std::uint64_t kills = 0;
  ASSERT_NO_FATAL_FAILURE(start());

  for (std::uint64_t step = 0; step < operations; ++step) {
    if (generate.wants_new_rules()) {
      const model_rules rules = generate.rules(static_cast<std::uint32_t>(model.versions.size() + 1));
      model.versions[rules.version] = rules;
      command put;
      put.kind = op::put_program;
      put.merchant = "m";
      const std::string toml = rules.toml("m");
      put.toml = toml;
      ASSERT_NO_FATAL_FAILURE(send(put, {"ok", "", {{"seq", model.next_seq}}, {}, {}}, "put_program"));
      ++model.next_seq;
    }
    const std::int64_t now = generate.now_us();
    if (now != clock_us_) {
      if (!model.accounts.empty()) { // somebody's balances at the end of this instant
        const auto whose = std::next(model.accounts.begin(), static_cast<std::ptrdiff_t>(step % model.accounts.size()));
        past_.push_back({whose->first, clock_us_, whose->second.available(), whose->second.pending(), whose->second.reserved(),
                         whose->second.lifetime});
      }
      std::vector<model_entry> due;
      model.settle_all(now, due);
      note(due);
      command advance;
      advance.kind = op::advance_clock;
      advance.until = instant{now};
      ASSERT_NO_FATAL_FAILURE(
          send(advance, {"ok", "", {{"fired", static_cast<std::int64_t>(due.size())}}, {}, {}}, "advance_clock " + rfc3339(now)));
      clock_us_ = now;
    }
    const command asked = generate.operation();
    if (generate.wants_only_settling())
      continue;
    command sent = asked;
    model_outcome outcome;
    std::vector<model_entry> written;
    if (asked.kind == op::approve || asked.kind == op::reject) { // name only the review
      sent.account = {};
      const std::string whose = model.account_of_review(static_cast<std::int64_t>(asked.seq->value));
      command to_whom = asked;
      to_whom.account = whose;
      outcome = whose.empty() ? model_outcome{"rejected", "unknown_review", {}, {}, {}} : model.decide(to_whom, now, written);
    } else {
      outcome = model.decide(asked, now, written);
    }
    note(written);
    generate.told(asked, outcome);
    ASSERT_NO_FATAL_FAILURE(send(sent, outcome, rfc3339(now) + " " + describe(asked)));
    if (step % (operations / 4 + 1) == operations / 5) {
      ASSERT_NO_FATAL_FAILURE(take(0));
      server_->kill(SIGKILL);
      server_->wait();
      ++kills;
      ASSERT_NO_FATAL_FAILURE(start());
    }
  }
  ASSERT_NO_FATAL_FAILURE(take(0));
  ASSERT_NO_FATAL_FAILURE(check_histories());
  ASSERT_NO_FATAL_FAILURE(check_accounts(model));
  ASSERT_NO_FATAL_FAILURE(check_reviews(model));
  ASSERT_NO_FATAL_FAILURE(check_the_past());
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
  EXPECT_EQ(report->entries + 1, static_cast<std::uint64_t>(model.next_seq));
  EXPECT_GT(kills, 0u);
  std::printf("seed %llu, %s shards: %llu answers as foreseen, %llu entries, %llu kills\n", static_cast<unsigned long long>(seed),
              GetParam().shards, static_cast<unsigned long long>(answers_), static_cast<unsigned long long>(report->entries),
              static_cast<unsigned long long>(kills));
}

INSTANTIATE_TEST_SUITE_P(seeds, live_histories, ::testing::Values(live_case{101, "1"}, live_case{102, "3"}, live_case{103, "2"}),
                         [](const auto& chosen) { return "seed_" + std::to_string(chosen.param.seed) + "_shards_" + chosen.param.shards; });

} // namespace
} // namespace tally::model
