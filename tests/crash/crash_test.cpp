// SIGKILLs a loaded tallyd again and again, and keeps outside what it acknowledged: while it serves, recovers, writes account images,
// brings accounts back that were on disk only, applies new rules, erases personal data, gives up entries that were archived beside it, and
// while it stops after a SIGTERM. `tally archive` is killed, too.
//
// Who loads it and what every answer must be: worker.hpp, rules_changer.hpp, personal_desk.hpp, archiver.hpp. At the end the whole history
// is read back, each entry that must be there is there exactly once, and the auditor reads the folder.
//
// crash_tests --kills N --seed S runs longer or another history; Ctrl-C ends it early, with everything read back.
#include "tests/crash/archiver.hpp"
#include "tests/crash/personal_desk.hpp"
#include "tests/crash/read_back.hpp"
#include "tests/crash/rules_changer.hpp"
#include "tests/crash/server_process.hpp"
#include "tests/crash/worker.hpp"
#include "tests/personal/folder_search.hpp"
#include "wal/audit.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace tally::crash {

std::uint64_t kills_wanted = 50;
std::uint64_t seed_wanted = 1;
std::atomic<bool> interrupted{false}; // by SIGINT: no more kills, but what was done is checked to the end

namespace {

namespace fs = std::filesystem;

struct kill_counts {
  std::uint64_t serving = 0, starting = 0, stopping = 0;
  std::uint64_t in_last_images = 0; // of those while stopping
  std::uint64_t stopped = 0;        // had ended in peace, or before its kill came

  std::uint64_t all() const { return serving + starting + stopping; }
};

class crash : public ::testing::Test {
protected:
  crash() : random_(seed_wanted), rules_(seed_wanted), desk_(seed_wanted) {
    fs::remove_all(folder_);
    for (int i = 0; i < 3; ++i)
      workers_.emplace_back(i, seed_wanted, rules_.acknowledged());
  }
  ~crash() override {
    archiver_.kill();
    if (!HasFailure())
      fs::remove_all(folder_);
  }

  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  void wait_ms(int limit) { std::this_thread::sleep_for(std::chrono::milliseconds(below(limit))); }

  // From all in memory and no images to hardly anybody in memory and images all the time; each start goes on from the one before.
  std::vector<std::string> any_flags() {
    const std::vector<std::vector<std::string>> ways = {{"--snapshot-every", "0s"},
                                                        {"--snapshot-every", "1s"},
                                                        {"--snapshot-every", "1h"},
                                                        {"--snapshot-every", "30ms"},
                                                        {"--snapshot-every", "50ms", "--resident-accounts", "40"}};
    std::vector<std::string> flags = ways[static_cast<std::size_t>(below(static_cast<int>(ways.size())))];
    flags.insert(flags.end(), {"--shards", std::to_string(1 + below(3))});
    return flags;
  }

  std::unique_ptr<net::client> connect(std::uint16_t port) {
    net::client_options options;
    options.port = port;
    auto client = net::client::connect(options);
    EXPECT_TRUE(client.ok()) << client.error().what;
    return client.ok() ? std::move(*client) : nullptr;
  }

  void check_problems() {
    for (const worker& one : workers_)
      ASSERT_EQ(one.problem, "") << "after " << kills_.all() << " kills";
    ASSERT_EQ(rules_.problem, "") << "after " << kills_.all() << " kills";
    ASSERT_EQ(desk_.problem, "") << "after " << kills_.all() << " kills";
    ASSERT_EQ(archiver_.problem, "") << "after " << kills_.all() << " kills";
  }

  // Begins a run that lives as long as it takes, beside this server, none, or the next ones.
  void maybe_archive() {
    const std::vector<std::uint64_t>& acknowledged = rules_.seqs();
    const auto newest = static_cast<int>(acknowledged.size()) - 1;
    const auto chosen = static_cast<std::size_t>(newest - below(1 + newest / 4));
    const bool may_start = below(3) != 0; // chosen even where it changes nothing: how long the last run takes is not the seed's to say
    if (may_start && newest > 0 && !archiver_.runs())
      archiver_.start(acknowledged[chosen]);
  }

  std::size_t archived_segments() const {
    std::size_t count = 0;
    std::error_code ignored; // there may be none yet
    for (fs::directory_iterator each(archive_, ignored), end; each != end; each.increment(ignored))
      count += each->path().extension() == ".segment" ? 1 : 0;
    return count;
  }

  // What was erased lies in no file, whatever happened since; where personal data is kept, or anywhere.
  void check_erased(const std::vector<std::string>& texts, const fs::path& where) {
    for (const std::string& text : texts)
      ASSERT_EQ(personal::files_with(where, text), std::vector<fs::path>()) << text << " was erased, after " << kills_.all() << " kills";
  }

  // Loaded, then killed; sometimes asked to stop first.
  void serve_and_kill(server_process& server, std::uint16_t port) {
    std::atomic<bool> enough = false;
    std::vector<std::thread> threads;
    maybe_archive();
    for (worker& one : workers_)
      threads.emplace_back([&] { one.run(port, enough); });
    threads.emplace_back([&] { rules_.run(port, enough); });
    threads.emplace_back([&] { desk_.run(port, enough); });
    const bool is_killed_first = below(4) == 0;
    if (below(3) == 0) // long enough for the server to answer `tally archive`
      std::this_thread::sleep_for(std::chrono::milliseconds(below(400)));
    if (is_killed_first)
      archiver_.kill();
    const bool asked_to_stop = below(4) == 0;
    const bool at_once = asked_to_stop && below(2) == 0; // what recovery left to be done later is not done yet
    std::this_thread::sleep_for(std::chrono::milliseconds(at_once ? below(10) : 20 + below(150)));
    bool at_last_images = false, in_peace = false;
    if (asked_to_stop) {
      const auto before = sizes_of(folder_ / "images");
      server.kill(SIGTERM);
      const int how = below(3);
      if (how == 0)
        wait_ms(100);
      else if (how == 1)
        at_last_images = wait_for_change(folder_ / "images", before);
      in_peace = how == 2;
    }
    if (!in_peace)
      server.kill(SIGKILL);
    const int ended = server.wait();
    enough = true;
    for (std::thread& thread : threads)
      thread.join();
    if (ended == 128 + SIGKILL) {
      ++(asked_to_stop ? kills_.stopping : kills_.serving);
      kills_.in_last_images += at_last_images ? 1 : 0;
    } else if (asked_to_stop && ended == 0) {
      ++kills_.stopped;
    } else {
      FAIL() << "tallyd ended by itself with " << ended << " after " << kills_.all() << " kills";
    }
  }

  static std::map<std::string, std::uintmax_t> sizes_of(const fs::path& folder) {
    std::map<std::string, std::uintmax_t> sizes;
    std::error_code ignored; // files come and go
    for (fs::directory_iterator each(folder, ignored), end; each != end; each.increment(ignored))
      sizes[each->path().filename()] = each->file_size(ignored);
    return sizes;
  }

  // Until images are being written, and a little longer. The server writes its last ones when nobody is connected any more.
  bool wait_for_change(const fs::path& folder, const std::map<std::string, std::uintmax_t>& before) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (sizes_of(folder) == before) {
      if (std::chrono::steady_clock::now() > until)
        return false;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    wait_ms(15);
    return true;
  }

  void kill_while_starting(server_process& server) {
    wait_ms(120);
    server.kill(SIGKILL);
    server.wait();
    ++kills_.starting;
  }

  // It did not come up. A kill can cut a write of the log in two; tallyd refuses such a log until somebody has it repaired. Or no server
  // was there for so long that `tally archive` has the folder.
  void mend(server_process& server) {
    ASSERT_EQ(server.wait(), 1) << "after " << kills_.all() << " kills";
    if (archiver_.runs()) {
      archiver_.wait();
      return;
    }
    ASSERT_TRUE(repair(folder_)) << "tallyd did not come up after " << kills_.all() << " kills";
    ++repairs_;
  }

  // What is still unknown is settled, then everything is read back, and the server stops cleanly.
  void read_all_back() {
    archiver_.wait();
    auto server = std::make_unique<server_process>(folder_);
    auto port = server->wait_ready();
    if (!port) {
      ASSERT_NO_FATAL_FAILURE(mend(*server));
      server = std::make_unique<server_process>(folder_);
      port = server->wait_ready();
      ASSERT_TRUE(port) << "tallyd did not come up after a repair";
    }
    if (!archiver_.runs() && rules_.versions() > 0)
      archiver_.start(rules_.seqs().back());
    const std::atomic<bool> enough = true;
    for (worker& one : workers_)
      one.run(*port, enough);
    rules_.run(*port, enough);
    desk_.run(*port, enough);
    ASSERT_NO_FATAL_FAILURE(check_problems());
    const auto client = connect(*port);
    ASSERT_NE(client, nullptr);
    ASSERT_EQ(read_back(*client, workers_), "");
    ASSERT_EQ(rules_.read_back(*client), "");
    archiver_.wait();
    ASSERT_EQ(read_back(*client, workers_), "");
    ASSERT_NO_FATAL_FAILURE(check_problems());
    server->kill(SIGTERM);
    ASSERT_EQ(server->wait(), 0);
    ASSERT_NO_FATAL_FAILURE(check_erased(desk_.all_erased_texts(), folder_ / "personal"));
    if (const std::string there = desk_.present_text(); !there.empty()) {
      ASSERT_FALSE(personal::files_with(folder_, there).empty()) << "the search finds what is there";
    }
  }

  void audit() {
    wal::audit_options options;
    options.folder = folder_;
    options.report = [](const wal::finding& finding) {
      ADD_FAILURE() << finding.number.value << " " << finding.merchant << "/" << finding.account << ": " << finding.what;
    };
    const auto report = wal::audit_verify(options);
    ASSERT_TRUE(report.ok()) << report.error().what;
    entries_ = report->entries;
  }

  totals sum() const {
    totals all;
    for (const worker& one : workers_)
      all += one.seen;
    return all;
  }

  void print_totals() const {
    const totals all = sum();
    std::printf("%" PRIu64 " kills (%" PRIu64 " while starting, %" PRIu64 " while stopping, %" PRIu64
                " of them in its last images; %" PRIu64 " stops in peace; %" PRIu64 " torn logs repaired): "
                "%" PRIu64 " answers, %" PRIu64 " ok, %" PRIu64 " duplicates, %" PRIu64 " refused; %" PRIu64
                " unanswered sent again, %" PRIu64 " of them were done already; %" PRIu64 " transfers, %" PRIu64
                " of them found done; %" PRIu64 " captures, %" PRIu64 " reviews decided; %zu versions of the rules, %" PRIu64
                " found done; phones and names: %" PRIu64 " enrolled, %" PRIu64 " changed, %" PRIu64 " erased, %" PRIu64
                " found done; %" PRIu64 " archive runs, %" PRIu64 " killed, %zu segments; %" PRIu64 " entries audited\n",
                kills_.all(), kills_.starting, kills_.stopping, kills_.in_last_images, kills_.stopped, repairs_, all.acknowledged, all.ok,
                all.duplicate, all.refused, all.sent_again, all.found_done, all.transfers, all.transfers_found_done, all.captures,
                all.decided_reviews, rules_.versions(), rules_.found_done, desk_.enrolled, desk_.changed, desk_.erased, desk_.found_done,
                archiver_.started, archiver_.killed, archived_segments(), entries_);
  }

  const fs::path folder_ = fs::temp_directory_path() / ("tally-crash-" + std::to_string(::getpid()));
  const fs::path archive_ = folder_ / "old-entries";
  std::mt19937_64 random_;
  rules_changer rules_;
  archiver archiver_{folder_, archive_};
  std::deque<worker> workers_;
  personal_desk desk_;
  kill_counts kills_;
  std::uint64_t repairs_ = 0; // of logs that ended in half a write
  std::uint64_t entries_ = 0;
};

TEST_F(crash, nothing_acknowledged_is_lost_and_nothing_counts_twice) {
  std::printf("--seed %" PRIu64 " --kills %" PRIu64 "\n", seed_wanted, kills_wanted);
  while (kills_.all() < kills_wanted && !interrupted) {
    server_process server(folder_, any_flags());
    if (rules_.versions() != 0 && below(8) == 0) {
      kill_while_starting(server);
      continue;
    }
    const auto port = server.wait_ready();
    if (!port) {
      ASSERT_NO_FATAL_FAILURE(mend(server));
      continue;
    }
    if (rules_.versions() == 0) { // nobody sells before there are rules
      const auto client = connect(*port);
      ASSERT_NE(client, nullptr);
      ASSERT_TRUE(rules_.apply_one(*client)) << rules_.problem;
      ASSERT_EQ(rules_.versions(), 1u);
    }
    ASSERT_NO_FATAL_FAILURE(serve_and_kill(server, *port));
    ASSERT_NO_FATAL_FAILURE(check_problems());
    ASSERT_NO_FATAL_FAILURE(check_erased(desk_.take_erased_texts(), folder_));
  }
  ASSERT_NO_FATAL_FAILURE(read_all_back());
  ASSERT_NO_FATAL_FAILURE(audit());
  print_totals();
  if (interrupted)
    return;

  const totals all = sum();
  EXPECT_GT(all.ok, kills_wanted * 10) << "a server that did nothing proves nothing";
  EXPECT_GT(all.sent_again, 0u);
  EXPECT_GT(all.transfers, kills_wanted);
  EXPECT_GT(all.captures, 0u);
  EXPECT_GT(all.decided_reviews, 0u);
  EXPECT_GT(rules_.versions(), kills_wanted / 2);
  EXPECT_GT(desk_.changed, 0u);
  EXPECT_GT(desk_.erased, 0u);
  EXPECT_GT(kills_.stopping, 0u);
  EXPECT_GT(archiver_.started, kills_wanted / 20);
  EXPECT_GT(archiver_.killed, 0u);
  EXPECT_GT(archived_segments(), kills_wanted / 20);
}

} // namespace
} // namespace tally::crash

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  ::signal(SIGINT, [](int) { tally::crash::interrupted = true; });
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--kills")
      tally::crash::kills_wanted = std::strtoull(argv[i + 1], nullptr, 10);
    else if (name == "--seed")
      tally::crash::seed_wanted = std::strtoull(argv[i + 1], nullptr, 10);
  }
  return RUN_ALL_TESTS();
}
