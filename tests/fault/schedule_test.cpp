// Whole ledgers under orders of events that a seed chooses, and power losses at any time. What is expected does not depend on the order:
// what was answered `ok` is there after the loss, asked again it is a duplicate with its first seq, and everything is there once.
#include "actors/parts.hpp"
#include "actors/shard_core.hpp"
#include "engine/rfc3339.hpp"
#include "tests/actors/running_ledger.hpp"
#include "tests/fault/image_replay.hpp"
#include "tests/fault/power_cuts.hpp"
#include "tests/fault/simulated_ledger.hpp"
#include "tests/fault/totals.hpp"
#include "tests/wal/entries.hpp"
#include "wal/audit.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <tuple>

namespace tally::fault {
namespace {

namespace fs = std::filesystem;
using actors::scripted_answer;

// Memory if there is some: what lies here is not what is tested.
class scratch_folder {
public:
  scratch_folder() {
    std::error_code ignored;
    const fs::path memory = "/dev/shm";
    std::string name = ((fs::is_directory(memory, ignored) ? memory : fs::temp_directory_path()) / "tally-fault-XXXXXX").string();
    TALLY_ASSERT(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~scratch_folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

// One operation, sent again and again until the end.
struct asked_operation {
  std::size_t port = 0;
  std::unique_ptr<actors::owned_command> asked;
  std::uint64_t id = 0;              // in the ledger that runs now
  std::size_t left_after = SIZE_MAX; // that many calls of the disk: when `ok` was out
  std::uint64_t seq = 0;             // it said
};

const char* rules = R"(merchant = "beanhouse"
[enroll]
opening_points = 500
[earn]
points = "1"
per = "1.00"
[redeem]
points = 100
value = "1.00"
)";

class simulation {
public:
  // With account images, and hardly anybody in memory.
  explicit simulation(std::uint64_t seed, bool with_images = false) : seed_(seed), with_images_(with_images), random_(seed) {}

  // What happened, in order; the same for the same seed.
  const std::vector<std::string>& trace() const { return trace_; }

  // Returns the number of power losses played.
  std::uint64_t play() {
    script();
    disk_content disk = empty_disk();
    std::uint64_t losses = 0;
    for (int life = 0; life < 3 && !::testing::Test::HasFailure(); ++life, ++losses)
      disk = live_until_power_loss(disk);
    if (!::testing::Test::HasFailure())
      live_to_the_end(disk);
    return losses;
  }

  // A short history, over what a power loss left of another one: the power goes after every call of it, or every few.
  void cut_everywhere(std::uint64_t wanted) {
    script();
    disk_content disk = live_until_power_loss(empty_disk(), 200);
    const auto ledger = open(disk);
    ASSERT_NE(ledger, nullptr);
    const std::vector<disk_call> calls = live(*ledger, 2'500);
    const std::size_t step = std::max<std::size_t>(calls.size() / wanted, 1);
    disk_state state(disk);
    std::uint64_t cuts = 0;
    for (std::size_t cut = 0; cut <= calls.size() && !::testing::Test::HasFailure(); ++cut) {
      if (cut > 0)
        state.apply(calls[cut - 1]);
      if (cut % step != 0)
        continue;
      disk_content left = state.after(any_loss(), random_);
      ASSERT_EQ(make_ready(left), "") << story(calls, cut, "power loss");
      SCOPED_TRACE(story(calls, cut, "power loss"));
      const image_comparison compared = compare(left);
      for (const asked_operation& each : operations_)
        EXPECT_TRUE(each.seq == 0 || each.left_after > cut || each.seq <= compared.newest) << "entry " << each.seq << " was acknowledged";
      ++cuts;
    }
    std::printf("%llu cuts of %zu calls, %llu with a recovery point\n", static_cast<unsigned long long>(cuts), calls.size(),
                static_cast<unsigned long long>(with_point_));
    count_fault("power loss: of a whole ledger with account images", cuts);
  }
  std::uint64_t with_point() const { return with_point_; }

private:
  static constexpr std::uint32_t accounts = 5;

  void add(const command& asked) {
    asked_operation& made = operations_.emplace_back();
    made.port = random_() % 3;
    made.asked = std::make_unique<actors::owned_command>(asked);
  }

  std::string any_account() { return "m-" + std::to_string(random_() % accounts); }

  void script() {
    add(actors::put_of(rules));
    for (std::uint32_t i = 0; i < accounts; ++i)
      add(actors::enroll_of("m-" + std::to_string(i)));
    for (int i = 0; i < 40; ++i) {
      const std::string number = std::to_string(i), a = any_account(), b = any_account();
      switch (random_() % 9) {
      case 0:
      case 1:
        add(actors::earn_of(a, "o-" + number, static_cast<std::int64_t>(random_() % 900'000) + 10'000));
        break;
      case 2:
        add(actors::redeem_of(a, "o-" + number, 1 + static_cast<std::int64_t>(random_() % 200)));
        break;
      case 3:
      case 4:
        if (a != b)
          add(actors::transfer_of(a, b, "t-" + number, 1 + static_cast<std::int64_t>(random_() % 100)));
        break;
      case 5:
        add(actors::authorize_of(a, "v-" + number, 1 + static_cast<std::int64_t>(random_() % 50)));
        add(actors::of_reservation(random_() % 2 == 0 ? op::capture : op::void_, a, "v-" + number));
        operations_.back().port = operations_[operations_.size() - 2].port; // after it
        break;
      case 6:
        add(actors::read_of(op::history, a));
        break;
      case 7: {
        const std::string name = "p-" + number;
        command asked = actors::enroll_of(name);
        phones_.push_back("+4915550" + std::to_string(1000 + i));
        asked.phone = phones_.back();
        add(asked);
        break;
      }
      default:
        add(actors::read_of(random_() % 2 == 0 ? op::liability : op::programs, {}));
      }
    }
  }

  // On that disk, repaired where it has to be.
  std::unique_ptr<simulated_ledger> open(disk_content& disk) {
    simulated_ledger::options with;
    with.with_images = with_images_;
    const instant before = clock_;
    clock_ = actors::new_year.plus_days(static_cast<std::int64_t>(random_() % 400)); // somebody sets it, back or on
    with.test_clock = clock_;
    if (before.us != 0 && clock_ < before)
      count_fault("clock set back between runs");
    EXPECT_EQ(make_ready(disk), "");
    if (with_images_)
      compare(disk);
    auto opened = simulated_ledger::open(with, disk, random_());
    EXPECT_TRUE(opened.ok()) << opened.error().what;
    if (opened)
      look_for_phones(**opened);
    return opened ? std::move(*opened) : nullptr;
  }

  // Who was enrolled with one has it.
  void look_for_phones(simulated_ledger& ledger) {
    const personal::store& store = *(*ledger).shard_at(0).core().parts().personal;
    for (const asked_operation& each : operations_) {
      const command& asked = each.asked->get();
      if (asked.kind != op::enroll || asked.phone.empty() || each.seq == 0)
        continue;
      const result<std::string> account = store.account_of(asked.merchant, asked.phone);
      EXPECT_TRUE(account.ok() && *account == asked.account) << asked.phone << " of " << asked.account;
    }
  }

  image_comparison compare(const disk_content& disk) {
    const image_comparison compared = compare_with_replay(disk);
    EXPECT_EQ(compared.problem + compared.refusal, "") << "recovery point " << compared.point << " of " << compared.newest << " entries";
    with_point_ += compared.point != 0 ? 1 : 0;
    count_fault("accounts from images compared with the journal's", compared.accounts);
    return compared;
  }

  // Everything again: what was sent before, and what was not. On each port in its order.
  void send_all(simulated_ledger& ledger) {
    for (asked_operation& each : operations_)
      each.id = ledger.port(each.port).send(each.asked->get());
  }

  // What left as `ok` or `duplicate` is bound to stay from now on.
  void note_answers(simulated_ledger& ledger) {
    const std::size_t calls = ledger.disk().files->calls();
    for (asked_operation& each : operations_) {
      if (!ledger.port(each.port).has_left(each.id) || noted_.contains(&each))
        continue;
      noted_.insert(&each);
      const outcome head = ledger.port(each.port).wait(each.id).head;
      trace_.push_back(std::string(name_of(head.kind)) + " " + std::string(name_of(head.status)) + " " + std::to_string(head.seq.value));
      const bool is_kept = head.seq && (head.status == outcome_status::ok || head.status == outcome_status::duplicate);
      if (head.kind == op::history || head.kind == op::liability || head.kind == op::programs || !is_kept)
        continue;
      if (each.seq != 0) {
        EXPECT_EQ(head.status, outcome_status::duplicate) << "done twice: " << name_of(head.kind) << " of entry " << each.seq;
        EXPECT_EQ(head.seq.value, each.seq) << name_of(head.kind);
      } else {
        each.seq = head.seq.value;
        each.left_after = calls;
      }
    }
  }

  std::vector<disk_call> live(simulated_ledger& ledger, std::uint64_t steps) {
    noted_.clear();
    for (asked_operation& each : operations_)
      each.left_after = each.seq != 0 ? 0 : SIZE_MAX;
    send_all(ledger);
    for (std::uint64_t i = 0; i < steps; ++i) {
      ledger.step();
      note_answers(ledger);
    }
    return ledger.lose_power();
  }

  power_loss any_loss() {
    using bytes = power_loss::bytes;
    using names = power_loss::names;
    static constexpr power_loss losses[] = {{bytes::none, names::none},      {bytes::all, names::all},     {bytes::prefix, names::prefix},
                                            {bytes::sectors, names::prefix}, {bytes::garbage, names::all}, {bytes::none, names::all}};
    return losses[random_() % std::size(losses)];
  }

  disk_content live_until_power_loss(disk_content before, std::uint64_t steps_max = 1'500) {
    const auto ledger = open(before);
    if (ledger == nullptr)
      return before;
    const std::vector<disk_call> calls = live(*ledger, random_() % steps_max);

    // Now, or a while ago: then what left later was never said.
    const std::size_t cut = random_() % 2 == 0 ? calls.size() : calls.size() - random_() % (calls.size() / 2 + 1);
    for (asked_operation& each : operations_)
      if (each.left_after > cut)
        each.seq = 0;
    trace_.push_back("power loss after call " + std::to_string(cut) + " of " + std::to_string(calls.size()));
    disk_state state(before);
    for (std::size_t i = 0; i < cut; ++i)
      state.apply(calls[i]);
    return state.after(any_loss(), random_);
  }

  void live_to_the_end(disk_content before) {
    const auto ledger = open(before);
    if (ledger == nullptr)
      return;
    for (int round = 0; round < 2; ++round) { // the second finds everything done
      noted_.clear();
      send_all(*ledger);
      for (const asked_operation& each : operations_)
        ledger->wait(each.port, each.id);
      note_answers(*ledger);
    }
    std::map<std::string, std::int64_t> available;
    for (std::uint32_t i = 0; i < accounts; ++i) {
      const std::string account = "m-" + std::to_string(i);
      const scripted_answer answer = ledger->call(i % 3, actors::read_of(op::account, account));
      ASSERT_TRUE(answer.shown && answer.shown->view);
      available[account] = answer.shown->view->available.value;
    }
    ledger->close();
    check_journal(ledger->disk().files->content(), available);
  }

  // Read by itself: every reference once, every transfer with both sides, and balances that are the sums of their entries.
  void check_journal(const disk_content& content, const std::map<std::string, std::int64_t>& available) {
    fault_disk disk(content);
    const auto opened = wal::rocksdb_journal::open(journal_options_on(disk));
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    std::set<std::tuple<std::string, entry_kind, std::string>> references;
    std::map<std::string, std::int64_t> sums;
    std::map<std::string, std::int64_t> transfers;
    instant newest;
    const auto read = [&](const entry& each) {
      EXPECT_GE(each.at, newest) << each.seq.value;
      newest = each.at;
      sums[std::string(each.account)] += each.points.value;
      const std::string_view reference = !each.order.empty() ? each.order : !each.transfer.empty() ? each.transfer : each.reservation;
      const bool is_new = reference.empty() || references.emplace(each.account, each.kind, reference).second;
      EXPECT_TRUE(is_new) << "twice: entry " << each.seq.value;
      if (each.kind == entry_kind::transfer_out || each.kind == entry_kind::transfer_in)
        transfers[std::string(each.transfer)] += each.points.value;
      return true;
    };
    const result<void> replayed = (*opened)->replay({1}, read, {});
    ASSERT_TRUE(replayed.ok()) << replayed.error().what;
    for (const auto& [account, value] : available)
      EXPECT_EQ(sums[account], value) << account;
    for (const auto& [transfer, sum] : transfers)
      EXPECT_EQ(sum, 0) << transfer << " has one side";
    if (seed_ % 16 == 0)
      audit(content);
  }

  // The auditor takes a folder of the machine's.
  void audit(const disk_content& content) {
    const scratch_folder folder;
    fs::create_directories(folder.path / "journal" / "blocks");
    for (const auto& [name, bytes] : content.files)
      if (name.starts_with(journal_name))
        std::ofstream(folder.path / fs::path(name).lexically_relative("/disk/data"), std::ios::binary) << bytes;
    wal::audit_options options;
    options.folder = folder.path;
    options.report = [](const wal::finding& found) { ADD_FAILURE() << found.number.value << " " << found.account << ": " << found.what; };
    const auto report = wal::audit_verify(options);
    ASSERT_TRUE(report.ok()) << report.error().what;
    EXPECT_GT(report->entries, 0u);
  }

  const std::uint64_t seed_;
  const bool with_images_;
  std::mt19937_64 random_;
  std::deque<asked_operation> operations_;
  std::deque<std::string> phones_;
  std::set<const asked_operation*> noted_; // answered in this life
  std::vector<std::string> trace_;
  instant clock_;
  std::uint64_t with_point_ = 0;
};

TEST(schedule, of_any_order_keeps_what_was_answered_and_does_it_once) {
  const std::uint64_t first = wal::testing::test_seed();
  const std::uint64_t wanted = points_for(4);
  std::uint64_t schedules = 0, losses = 0;
  for (; losses < wanted && !::testing::Test::HasFailure(); ++schedules) {
    SCOPED_TRACE("TALLY_TEST_SEED=" + std::to_string(first + schedules));
    losses += simulation(first + schedules).play();
  }
  std::printf("%llu schedules of whole ledgers, %llu power losses\n", static_cast<unsigned long long>(schedules),
              static_cast<unsigned long long>(losses));
  count_fault("schedule of a whole ledger, and a power loss", losses);
}

// Accounts leave and come back, and are what the journal says they are, whatever is left of their images.
TEST(schedule, with_account_images_opens_as_the_journal_says) {
  const std::uint64_t first = wal::testing::test_seed();
  const std::uint64_t wanted = points_for(1);
  std::uint64_t schedules = 0, losses = 0, with_point = 0;
  for (; losses < wanted && !::testing::Test::HasFailure(); ++schedules) {
    SCOPED_TRACE("TALLY_TEST_SEED=" + std::to_string(first + schedules));
    simulation simulated(first + schedules, true);
    losses += simulated.play();
    with_point += simulated.with_point();
  }
  std::printf("%llu schedules of whole ledgers, %llu power losses, %llu starts from a recovery point\n",
              static_cast<unsigned long long>(schedules), static_cast<unsigned long long>(losses),
              static_cast<unsigned long long>(with_point));
  EXPECT_GT(with_point, losses / 4);
  count_fault("schedule of a whole ledger with account images, and a power loss", losses);
}

TEST(schedule, with_account_images_is_cut_after_every_call) { simulation(wal::testing::test_seed(), true).cut_everywhere(points_for(2)); }

TEST(schedule, of_a_seed_is_always_the_same) {
  const std::uint64_t seed = wal::testing::test_seed();
  for (std::uint64_t i = 0; i < 3; ++i) {
    // But for when RocksDB deletes a log, on a thread of its own: that moves what is counted as a call, now and then.
    std::set<std::vector<std::string>> traces;
    bool is_same = false;
    for (int plays = 0; plays < 6 && !is_same; ++plays) {
      simulation played(seed + i);
      played.play();
      EXPECT_GT(played.trace().size(), 100u);
      is_same = !traces.insert(played.trace()).second;
    }
    EXPECT_TRUE(is_same) << "seed " << seed + i;
  }
}

// Entries of 2040 are in the journal, and the system's clock says today.
TEST(clock_set_back, takes_no_entry_back_in_time) {
  const instant far{2'208'988'800'000'000}; // 2040-01-01
  simulated_ledger::options with{2, far, false};
  disk_content disk = empty_disk();
  for (int run = 0; run < 3; ++run) {
    auto opened = simulated_ledger::open(with, disk, wal::testing::test_seed());
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    if (run == 0) {
      ASSERT_EQ((*opened)->call(0, actors::put_of(rules)).head.status, outcome_status::ok);
      ASSERT_EQ((*opened)->call(0, actors::enroll_of("m-1")).head.status, outcome_status::ok);
    }
    EXPECT_EQ((*opened)->call(1, actors::earn_of("m-1", "o-" + std::to_string(run), 100'000)).head.status, outcome_status::ok);
    EXPECT_EQ((*opened)->call(1, actors::earn_of("m-1", "o-0", 100'000)).head.status, outcome_status::duplicate);
    (*opened)->close();
    disk = (*opened)->disk().files->content();
    with.test_clock.reset();
    count_fault("clock set back between runs");
  }
  const fault_disk left(disk);
  const auto journal = wal::rocksdb_journal::open(journal_options_on(left));
  ASSERT_TRUE(journal.ok());
  std::uint64_t count = 0;
  const auto read = [&](const entry& each) {
    EXPECT_EQ(each.at, far) << "entry " << each.seq.value; // the clock has not come so far again
    return ++count > 0;
  };
  ASSERT_TRUE((*journal)->replay({1}, read, {}).ok());
  EXPECT_EQ(count, 5u);
}

} // namespace
} // namespace tally::fault
