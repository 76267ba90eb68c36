// A transfer is two entries of two accounts, here of two shards, too. At whatever moment between them the power goes, it is there as a
// whole after the restart, or never was: the log of the real tallyd is cut at both ends of what a transfer wrote and at random places
// between, as a power loss leaves it; each time the journal is repaired, the server started and asked, and sent the transfer again.
// crash_test.cpp kills servers that transfer under load. --seed S cuts elsewhere.
#include "net/client.hpp"
#include "tests/crash/server_process.hpp"
#include "wal/audit.hpp"
#include "wal/rocksdb_journal.hpp"

#include "net/tally_generated.h"

#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <set>

namespace tally::crash {

extern std::uint64_t seed_wanted;

namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& file, const std::string& content) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << content;
}

class torn_transfers : public ::testing::Test {
protected:
  static constexpr std::int64_t opening = 1'000, moved = 30;
  static constexpr int receivers = 4; // of several shards, whatever the hash

  ~torn_transfers() override {
    client_.reset();
    server_.reset();
    fs::remove_all(folder_);
    fs::remove_all(good_);
  }

  void start() {
    server_.emplace(folder_, std::vector<std::string>{"--shards", "4"});
    const auto port = server_->wait_ready();
    ASSERT_TRUE(port) << "exit " << server_->wait();
    net::client_options options;
    options.port = *port;
    options.reconnect_for = std::chrono::milliseconds(0);
    auto connected = net::client::connect(options);
    ASSERT_TRUE(connected.ok()) << connected.error().what;
    client_ = std::move(*connected);
  }

  void kill() {
    client_.reset();
    server_->kill(SIGKILL);
    server_->wait();
    server_.reset();
  }

  outcome call(const command& asked) {
    const auto answer = client_->call(asked);
    EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().what);
    return answer.ok() ? answer->head : outcome();
  }

  static command of(op kind, std::string_view account) {
    command asked;
    asked.kind = kind;
    asked.merchant = "shop";
    asked.account = account;
    return asked;
  }

  static command transfer(const std::string& to, const std::string& reference) {
    command asked = of(op::transfer, "giver");
    asked.to = to;
    asked.reference = reference;
    asked.amount_points = points_t{moved};
    return asked;
  }

  std::int64_t available(const std::string& account) { return call(of(op::account, account)).available.value; }

  std::int64_t count(const std::string& account, entry_kind kind) {
    command asked = of(op::count, account);
    asked.kinds.insert(kind);
    const auto answer = client_->call(asked);
    return answer.ok() && answer->document != nullptr ? answer->document->count().value_or(-1) : -1;
  }

  // The one that is written to.
  fs::path log() const {
    fs::path newest;
    for (const auto& file : fs::directory_iterator(fs::path(folder_) / "journal" / "blocks"))
      if (file.path().extension() == ".log" && (newest.empty() || file.path().filename() > newest.filename()))
        newest = file.path();
    return newest;
  }

  void restore() {
    fs::remove_all(folder_);
    fs::copy(good_, folder_, fs::copy_options::recursive);
  }

  const std::string folder_ = fs::temp_directory_path() / ("tally-torn-" + std::to_string(::getpid()));
  const std::string good_ = folder_ + "-good";
  std::optional<server_process> server_;
  std::unique_ptr<net::client> client_;
};

TEST_F(torn_transfers, are_there_on_both_sides_or_on_none) {
  fs::remove_all(folder_);
  std::mt19937_64 random(seed_wanted);
  ASSERT_NO_FATAL_FAILURE(start());
  command put = of(op::put_program, {});
  put.toml = "merchant = \"shop\"\n[enroll]\nopening_points = 1000\n[earn]\n";
  ASSERT_EQ(call(put).status, outcome_status::ok);
  ASSERT_EQ(call(of(op::enroll, "giver")).status, outcome_status::ok);

  int whole = 0, absent = 0;
  for (int i = 0; i < receivers; ++i) {
    const std::string taker = "taker-" + std::to_string(i), reference = "t-" + std::to_string(i);
    ASSERT_EQ(call(of(op::enroll, taker)).status, outcome_status::ok);
    const fs::path mark = fs::path(folder_) / "journal" / "high_water_mark";
    const std::string mark_before = content_of(mark); // that the transfer was acknowledged, nobody heard
    const std::string before = content_of(log());
    const outcome done = call(transfer(taker, reference));
    ASSERT_EQ(done.status, outcome_status::ok);
    const std::string after = content_of(log());
    ASSERT_GT(after.size(), before.size());
    ASSERT_TRUE(after.starts_with(before));
    ASSERT_NO_FATAL_FAILURE(kill());
    fs::remove_all(good_);
    fs::copy(folder_, good_, fs::copy_options::recursive);

    // both ends, and enough between them
    std::set<std::size_t> cuts = {before.size(), before.size() + 1, after.size() - 1, after.size()};
    while (cuts.size() < std::min<std::size_t>(12, after.size() - before.size()))
      cuts.insert(before.size() + random() % (after.size() - before.size()));
    for (const std::size_t cut : cuts) {
      SCOPED_TRACE("--seed " + std::to_string(seed_wanted) + ", " + taker + ", " + std::to_string(cut - before.size()) + " of " +
                   std::to_string(after.size() - before.size()) + " bytes");
      restore();
      write(log(), after.substr(0, cut));
      write(mark, mark_before);
      const auto repaired = wal::repair_journal(fs::path(folder_) / "journal");
      ASSERT_TRUE(repaired.ok()) << repaired.error().what;
      ASSERT_NO_FATAL_FAILURE(start());
      const std::int64_t given = opening - moved * i - available("giver"), taken = available(taker) - opening;
      ASSERT_EQ(given, taken) << "one side of it";
      ASSERT_TRUE(given == 0 || given == moved) << given;
      ASSERT_EQ(count("giver", entry_kind::transfer_out), i + given / moved);
      ASSERT_EQ(count(taker, entry_kind::transfer_in), given / moved);
      ++(given == moved ? whole : absent);
      // sent again it counts once
      ASSERT_EQ(call(transfer(taker, reference)).status, given == moved ? outcome_status::duplicate : outcome_status::ok);
      ASSERT_EQ(available("giver"), opening - moved * (i + 1));
      ASSERT_EQ(available(taker), opening + moved);
      ASSERT_NO_FATAL_FAILURE(kill());
      wal::audit_options audit;
      audit.folder = folder_;
      audit.report = [](const wal::finding& finding) { ADD_FAILURE() << finding.number.value << ": " << finding.what; };
      const auto report = wal::audit_verify(audit);
      ASSERT_TRUE(report.ok()) << report.error().what;
      ASSERT_EQ(report->entries, done.to_seq.value);
    }
    restore();
    ASSERT_NO_FATAL_FAILURE(start());
  }
  EXPECT_GE(whole, receivers) << "an uncut log has it";
  EXPECT_GE(absent, receivers * 10) << "a cut one has not";
  std::printf("%d cuts: %d left the whole transfer, %d none of it\n", whole + absent, whole, absent);
}

} // namespace
} // namespace tally::crash
