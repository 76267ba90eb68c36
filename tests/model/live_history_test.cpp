// The same random histories against a real tallyd over TCP, killed and started again on the way: the slow model foresees every
// outcome, every entry with its seq, and everything that falls due. At the end the histories are read back and the folder is audited.
// TALLY_SEED and TALLY_OPERATIONS as in history_test.cpp.
#include "net/client.hpp"
#include "tests/crash/server_process.hpp"
#include "tests/model/history_generator.hpp"
#include "wal/audit.hpp"

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

class live_histories : public ::testing::TestWithParam<live_case> {
protected:
  ~live_histories() override { std::filesystem::remove_all(folder_); }

  static bool several_shards() { return GetParam().shards != std::string("1"); }

  void start() {
    const std::string clock = format_rfc3339(instant{clock_us_});
    server_.emplace(folder_, std::vector<std::string>{"--shards", GetParam().shards, "--test-clock", clock});
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
        model_outcome got = shown(answer->head, {});
        got.rewards.clear();
        if (answer->document != nullptr && answer->document->rewards() != nullptr)
          for (const auto* reward : *answer->document->rewards())
            got.rewards.push_back(reward->str());
        ASSERT_EQ(describe(want.outcome), describe(got));
      }
    }
  }

  void note(const std::string& account, const model_entry& entry) { history_[account].push_back(entry); }

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
        for (const auto* one : *page->document->entries()) {
          const auto text = [](const flatbuffers::String* string) { return string == nullptr ? std::string() : string->str(); };
          got.push_back(
              describe(model_entry{text(one->kind()), one->points()->value(), one->pending()->value(), one->available_after()->value(),
                                   one->pending_after()->value(), text(one->from()), text(one->to())}));
        }
        more = page->document->next_before_seq() != nullptr;
        if (more)
          read.before_seq = seq_t{page->document->next_before_seq()->value()};
      }
      ASSERT_EQ(got.size(), entries.size()) << account;
      for (std::size_t i = 0; i < entries.size(); ++i)
        ASSERT_EQ(describe(entries[i]), got[got.size() - 1 - i]) << account << ", entry " << i;
    }
  }

  struct expectation {
    model_outcome outcome;
    std::string words;
    op kind = op::none;
  };
  const std::string folder_ = std::filesystem::temp_directory_path() / ("tally-live-" + std::to_string(::getpid()));
  std::int64_t clock_us_ = 1'767'225'600'000'000;
  std::optional<crash::server_process> server_;
  std::unique_ptr<net::client> client_;
  std::deque<expectation> expected_;
  std::map<std::string, std::vector<model_entry>> history_;
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
  slow_model model;
  std::uint64_t kills = 0;
  ASSERT_NO_FATAL_FAILURE(start());

  for (std::uint64_t step = 0; step < operations; ++step) {
    if (generate.wants_new_rules()) {
      model.rules = generate.rules(model.rules.version + 1);
      command put;
      put.kind = op::put_program;
      put.merchant = "m";
      const std::string toml = model.rules.toml("m");
      put.toml = toml;
      ASSERT_NO_FATAL_FAILURE(send(put, {"ok", "", {{"seq", model.next_seq}}, {}}, "put_program"));
      ++model.next_seq;
    }
    const std::int64_t now = generate.now_us();
    if (now != clock_us_) {
      std::vector<slow_model::written_entry> due;
      model.settle_all(now, due);
      for (const auto& [account, entry] : due)
        note(account, entry);
      command advance;
      advance.kind = op::advance_clock;
      advance.until = instant{now};
      ASSERT_NO_FATAL_FAILURE(send(advance, {"ok", "", {{"fired", static_cast<std::int64_t>(due.size())}}, {}},
                                   "advance_clock " + format_rfc3339(instant{now})));
      clock_us_ = now;
    }
    const command asked = generate.operation();
    if (generate.wants_only_settling())
      continue;
    std::vector<model_entry> written;
    const model_outcome outcome = model.decide(asked, now, written);
    for (const model_entry& entry : written)
      note(std::string(asked.account), entry);
    ASSERT_NO_FATAL_FAILURE(send(asked, outcome, describe(asked)));
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
