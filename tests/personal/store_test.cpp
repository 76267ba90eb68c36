// Personal data: kept, found, changed, erased; and what a crash at any point of a change leaves.
#include "personal/store.hpp"
#include "tests/personal/folder_search.hpp"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

namespace tally::personal {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view bean = "beanhouse", tea = "teahouse";
constexpr std::string_view ada_phone = "+493012345678", ada_name = "Ada Lovelace-Byron";
constexpr std::string_view bob_phone = "+442079460000", bob_name = "Bob Cratchit-Dickens";
const profile ada{std::string(ada_phone), std::string(ada_name)};
const profile bob{std::string(bob_phone), std::string(bob_name)};

std::unique_ptr<store> opened(const fs::path& folder) {
  result<std::unique_ptr<store>> found = store::open(folder);
  if (!found)
    ADD_FAILURE() << found.error().what;
  return std::move(*found);
}

void must(const result<void>& done) { ASSERT_TRUE(done.ok()) << done.error().what; }

template <class T>
T of(result<T> found) {
  if (!found)
    ADD_FAILURE() << found.error().what;
  return std::move(*found);
}

// As a killed process leaves it.
fs::path killed(const fs::path& folder, const temporary_folder& copies, const std::string& name) {
  const fs::path copy = copies.path() / name;
  fs::copy(folder, copy, fs::copy_options::recursive);
  return copy;
}

std::size_t bytes_of(const fs::path& folder) {
  std::size_t bytes = 0;
  for (const fs::directory_entry& each : fs::directory_iterator(folder))
    bytes += each.is_regular_file() ? each.file_size() : 0;
  return bytes;
}

// Many others, over several tables.
void fill(store& stored, int count) {
  for (int i = 0; i < count; ++i)
    must(stored.keep(bean, "filler-" + std::to_string(i), {"+4915" + std::to_string(1'000'000 + i), "Filler " + std::string(200, 'x')}));
}

TEST(store, finds_accounts_by_phone_within_a_merchant) {
  temporary_folder folder;
  {
    const auto stored = opened(folder.path());
    EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "");
    EXPECT_EQ(of(stored->profile_of(bean, "m-1")), std::nullopt);
    must(stored->keep(bean, "m-1", ada));
    must(stored->keep(bean, "m-2", {"", std::string(bob_name)}));
    must(stored->keep(tea, "m-1", bob));
    must(stored->keep(tea, "t-9", ada));
  }
  const auto stored = opened(folder.path());
  EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "m-1");
  EXPECT_EQ(of(stored->account_of(tea, ada_phone)), "t-9");
  EXPECT_EQ(of(stored->account_of(bean, bob_phone)), "") << "it is another merchant's member";
  EXPECT_EQ(of(stored->profile_of(bean, "m-1")), ada);
  EXPECT_EQ(of(stored->profile_of(bean, "m-2")), (profile{"", std::string(bob_name)}));
  EXPECT_EQ(of(stored->profile_of(tea, "m-1")), bob);
  EXPECT_EQ(of(stored->profile_of(tea, "m-2")), std::nullopt);
}

TEST(store, a_phone_moves_with_the_profile) {
  temporary_folder folder;
  const auto stored = opened(folder.path());
  must(stored->keep(bean, "m-1", ada));
  must(stored->keep(bean, "m-1", {std::string(bob_phone), std::string(ada_name)}));
  EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "");
  EXPECT_EQ(of(stored->account_of(bean, bob_phone)), "m-1");
  must(stored->keep(bean, "m-2", ada));
  EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "m-2");
  must(stored->keep(bean, "m-1", bob)); // a new name only
  EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "m-2");
  EXPECT_EQ(of(stored->account_of(bean, bob_phone)), "m-1");
}

TEST(store, keeps_what_goes_with_an_entry_once_it_is_settled) {
  temporary_folder folder, copies;
  const auto stored = opened(folder.path());
  const intent begun = of(stored->begin_keep(bean, "m-1", ada));
  EXPECT_NE(begun.number, 0u);
  EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "") << "not before the entry is on disk";
  const fs::path cut = killed(folder.path(), copies, "begun");
  must(stored->settle(begun, "m-1"));
  EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "m-1");
  EXPECT_TRUE(of(stored->open_intents()).empty());
  const fs::path settled_cut = killed(folder.path(), copies, "settled");

  const auto after = opened(cut);
  EXPECT_EQ(of(after->open_intents()), std::vector{begun});
  must(after->settle(begun, "m-1"));
  must(after->settle(begun, "m-1"));
  EXPECT_EQ(of(after->account_of(bean, ada_phone)), "m-1");
  EXPECT_EQ(of(after->profile_of(bean, "m-1")), ada);
  EXPECT_TRUE(of(after->open_intents()).empty());

  const auto settled = opened(settled_cut);
  EXPECT_EQ(of(settled->account_of(bean, ada_phone)), "m-1");
  EXPECT_TRUE(of(settled->open_intents()).empty());
}

TEST(store, the_id_of_an_account_may_come_with_its_entry) {
  temporary_folder folder;
  const auto stored = opened(folder.path());
  must(stored->settle(of(stored->begin_keep(bean, "", ada)), "i-7"));
  EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "i-7");
}

TEST(store, what_is_dropped_was_never_there) {
  temporary_folder folder, copies;
  const auto stored = opened(folder.path());
  must(stored->keep(bean, "m-2", bob));
  const intent begun = of(stored->begin_keep(bean, "m-1", ada));
  const fs::path cut = killed(folder.path(), copies, "begun");
  EXPECT_FALSE(files_with(folder.path(), ada_phone).empty());
  must(stored->drop(begun));
  EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "");
  EXPECT_TRUE(files_with(folder.path(), ada_phone).empty());
  EXPECT_TRUE(files_with(folder.path(), ada_name).empty());
  EXPECT_EQ(of(stored->account_of(bean, bob_phone)), "m-2");

  const auto after = opened(cut); // the entry is not in the journal
  must(after->drop(of(after->open_intents()).at(0)));
  EXPECT_TRUE(of(after->open_intents()).empty());
  EXPECT_TRUE(files_with(cut, ada_phone).empty());
  EXPECT_EQ(of(after->account_of(bean, bob_phone)), "m-2");
}

// Its key lies alone in a table, and so does its deletion: with the fourth table of a level RocksDB begins to compact by itself, and moves
// tables that lie one behind the other without a look into them.
TEST(store, what_lies_alone_in_a_table_goes_from_it) {
  for (int i = 0; i < 20; ++i) {
    temporary_folder folder;
    opened(folder.path());
    must(opened(folder.path())->keep(bean, "m-2", {"", std::string(bob_name)})); // what opens next makes a table of it
    ASSERT_TRUE(opened(folder.path())->begin_keep(bean, "m-1", ada));
    const auto stored = opened(folder.path());
    const std::vector<intent> open = of(stored->open_intents());
    ASSERT_EQ(open.size(), 1u);
    must(stored->drop(open.front()));
    ASSERT_TRUE(files_with(folder.path(), ada_phone).empty()) << i;
    ASSERT_TRUE(files_with(folder.path(), ada_name).empty()) << i;
  }
}

TEST(store, a_dropped_erasure_erases_nothing) {
  temporary_folder folder;
  const auto stored = opened(folder.path());
  must(stored->keep(bean, "m-1", ada));
  must(stored->drop(of(stored->begin_erase(bean, "m-1"))));
  EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "m-1");
  EXPECT_TRUE(of(stored->open_intents()).empty());
}

TEST(store, erases_for_good) {
  temporary_folder folder;
  const profile renamed{"+15550001111", "Augusta King-Noel"};
  {
    const auto stored = opened(folder.path());
    fill(*stored, 300);
    must(stored->purge(bean, "m-0")); // into a table
    must(stored->settle(of(stored->begin_keep(bean, "m-1", ada)), "m-1"));
    must(stored->keep(bean, "m-2", bob));
  }
  {
    const auto stored = opened(folder.path()); // so there are tables and logs of several ages
    must(stored->keep(bean, "m-1", renamed));
    fill(*stored, 100);
  }
  const auto stored = opened(folder.path());
  must(stored->keep(tea, "m-1", {std::string(ada_phone), "Charles"}));
  must(stored->keep(bean, "m-1", {"+15550002222", "Augusta Byron-King"}));
  for (const std::string_view text :
       {ada_phone, std::string_view("+15550002222"),
        std::string_view("Augusta Byron-King")}) // not the former ones, which RocksDB may have left out by now
    EXPECT_FALSE(files_with(folder.path(), text).empty()) << text << ": the search finds what is there";
  const std::size_t before = bytes_of(folder.path());

  must(stored->settle(of(stored->begin_erase(bean, "m-1")), "m-1"));
  for (const std::string_view text : {ada_name, std::string_view(renamed.phone), std::string_view(renamed.name),
                                      std::string_view("+15550002222"), std::string_view("Augusta Byron-King")})
    EXPECT_TRUE(files_with(folder.path(), text).empty()) << text << " while it is open";
  EXPECT_EQ(of(stored->profile_of(bean, "m-1")), std::nullopt);
  EXPECT_EQ(of(stored->account_of(bean, "+15550002222")), "");
  EXPECT_EQ(of(stored->account_of(tea, ada_phone)), "m-1") << "another merchant's member";
  must(stored->settle(of(stored->begin_erase(tea, "m-1")), "m-1"));
  EXPECT_TRUE(files_with(folder.path(), ada_phone).empty());
  EXPECT_EQ(of(stored->account_of(bean, bob_phone)), "m-2");
  EXPECT_EQ(of(stored->account_of(bean, "+49151000007")), "filler-7");
  EXPECT_TRUE(of(stored->open_intents()).empty());
  EXPECT_GT(bytes_of(folder.path()), before / 4) << "the others are all there";
}

// The keys are in RocksDB's manifest and its tables' indexes: they must not tell a phone, and go with it.
TEST(store, no_key_of_an_erased_phone_is_left) {
  temporary_folder folder;
  const auto stored = opened(folder.path());
  must(stored->keep(bean, "m-1", ada));
  must(stored->keep(bean, "m-1", bob)); // the phone before
  const intent erasure = of(stored->begin_erase(bean, "m-1"));
  ASSERT_EQ(erasure.phone_keys.size(), 2u);
  must(stored->purge(bean, "m-9"));
  for (const std::string& key : erasure.phone_keys)
    EXPECT_FALSE(files_with(folder.path(), key.substr(1)).empty()) << "in the intent at least";
  must(stored->settle(erasure, "m-1"));
  for (const std::string& key : erasure.phone_keys)
    EXPECT_TRUE(files_with(folder.path(), key.substr(1)).empty());
  EXPECT_TRUE(files_with(folder.path(), account_key(bean, "m-1")).empty());
}

TEST(store, an_erased_phone_may_be_another_accounts_by_then) {
  temporary_folder folder;
  const auto stored = opened(folder.path());
  must(stored->keep(bean, "m-1", ada));
  must(stored->keep(bean, "m-1", bob));
  must(stored->keep(bean, "m-2", ada));
  must(stored->settle(of(stored->begin_erase(bean, "m-1")), "m-1"));
  EXPECT_EQ(of(stored->account_of(bean, ada_phone)), "m-2");
  EXPECT_EQ(of(stored->account_of(bean, bob_phone)), "");
  must(stored->keep(bean, "m-1", bob)); // and stored again
  EXPECT_EQ(of(stored->account_of(bean, bob_phone)), "m-1");
}

TEST(store, many_phones_of_one_account) {
  temporary_folder folder;
  const auto stored = opened(folder.path());
  const auto phone = [](int i) { return "+1555000" + std::to_string(1000 + i); };
  for (int i = 0; i < 50; ++i)
    must(stored->keep(bean, "m-1", {phone(i), "Ada"}));
  EXPECT_EQ(of(stored->account_of(bean, phone(49))), "m-1");
  EXPECT_EQ(of(stored->account_of(bean, phone(48))), "");
  const intent erasure = of(stored->begin_erase(bean, "m-1"));
  EXPECT_LT(erasure.phone_keys.size(), 40u);
  must(stored->settle(erasure, "m-1"));
  for (int i = 0; i < 50; ++i)
    EXPECT_TRUE(files_with(folder.path(), phone(i)).empty()) << i;
}

// Reads from many threads, while phones come and go: an account is only ever found by a phone it has.
TEST(store, is_read_while_it_changes) {
  temporary_folder folder;
  const auto stored = opened(folder.path());
  must(stored->keep(bean, "m-1", ada));
  must(stored->keep(bean, "m-2", bob));
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!done) {
        const std::string ada_now = of(stored->account_of(bean, ada_phone));
        wrong += ada_now != "" && ada_now != "m-1" ? 1 : 0;
        wrong += of(stored->account_of(bean, bob_phone)) != "m-2" ? 1 : 0;
      }
    });
  for (int i = 0; i < 8; ++i) {
    must(stored->settle(of(stored->begin_erase(bean, "m-1")), "m-1"));
    EXPECT_TRUE(files_with(folder.path(), ada_phone).empty());
    must(stored->keep(bean, "m-1", ada));
  }
  done = true;
  for (std::thread& each : readers)
    each.join();
  EXPECT_EQ(wrong, 0);
}

// A process that erases is killed at some moment; whoever opens the folder afterwards brings it to its end.
TEST(store, an_erasure_that_is_killed_is_finished) {
  int cut_short = 0;
  for (int round = 0; round < 12; ++round) {
    temporary_folder folder;
    {
      const auto stored = opened(folder.path());
      fill(*stored, 50);
      must(stored->keep(bean, "m-1", bob));
      must(stored->keep(bean, "m-1", ada));
      of(stored->begin_erase(bean, "m-1"));
    }
    const pid_t child = fork();
    if (child == 0) {
      const auto stored = store::open(folder.path());
      const bool is_sound = stored.ok() && kill(getppid(), 0) == 0;
      std::ofstream(folder.path() / "started");
      const bool done = is_sound && (*stored)->settle((*stored)->open_intents()->at(0), "m-1").ok();
      _exit(done ? 0 : 1);
    }
    while (!fs::exists(folder.path() / "started"))
      std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(800 * round));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    const auto stored = opened(folder.path());
    const std::vector<intent> left = of(stored->open_intents());
    cut_short += left.empty() ? 0 : 1;
    for (const intent& each : left)
      must(stored->settle(each, "m-1"));
    EXPECT_EQ(of(stored->profile_of(bean, "m-1")), std::nullopt);
    for (const std::string_view text : {ada_phone, ada_name, bob_phone, bob_name})
      EXPECT_TRUE(files_with(folder.path(), text).empty()) << text << " in round " << round << (left.empty() ? "" : ", cut short");
    EXPECT_EQ(of(stored->account_of(bean, "+49151000007")), "filler-7");
  }
  EXPECT_GT(cut_short, 0) << "no round was killed in the middle";
}

TEST(store, what_a_killed_process_had_begun_to_write_stops_no_erasure) {
  const temporary_folder folder;
  must(opened(folder.path())->keep(bean, "m-1", ada));
  std::ofstream(folder.path() / "OPTIONS-000684.dbtmp") << "half";
  const auto stored = opened(folder.path());
  must(stored->settle(of(stored->begin_erase(bean, "m-1")), "m-1"));
  EXPECT_TRUE(files_with(folder.path(), ada_phone).empty());
}

TEST(store, a_folder_is_one_servers) {
  temporary_folder folder;
  const auto stored = opened(folder.path());
  const result<std::unique_ptr<store>> second = store::open(folder.path());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, failure_code::locked);
}

TEST(store, damage_is_refused_and_named) {
  temporary_folder folder, copies;
  {
    const auto stored = opened(folder.path());
    fill(*stored, 20);
    must(stored->purge(bean, "m-1")); // so there is a table
  }
  const auto refused = [](const fs::path& damaged) {
    const result<std::unique_ptr<store>> found = store::open(damaged);
    if (found.ok())
      return "";
    EXPECT_NE(found.error().what.find(damaged.string()), std::string::npos) << found.error().what;
    return found.error().code == failure_code::corrupt ? "corrupt" : "another failure";
  };
  const fs::path headless = killed(folder.path(), copies, "headless");
  fs::remove(headless / "CURRENT");
  EXPECT_STREQ(refused(headless), "corrupt") << "a new one would throw the tables away";
  const fs::path flipped = killed(folder.path(), copies, "flipped");
  for (const fs::directory_entry& each : fs::directory_iterator(flipped))
    if (each.path().extension() == ".sst") {
      std::fstream table(each.path(), std::ios::in | std::ios::out | std::ios::binary);
      table.seekp(100);
      table.put('?');
    }
  const result<std::unique_ptr<store>> half = store::open(flipped);
  if (half.ok()) { // RocksDB looks at a block when it reads it
    const result<std::string> found = (*half)->account_of(bean, "+49151000007");
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, failure_code::corrupt);
  }
  EXPECT_STREQ(refused(killed(folder.path(), copies, "sound")), "");
}

TEST(store, another_format_is_refused) {
  const auto opens_with = [](std::string_view format, bool deletes) {
    temporary_folder folder;
    {
      opened(folder.path());
      rocksdb::DB* raw = nullptr;
      EXPECT_TRUE(rocksdb::DB::Open({}, folder.path().string(), &raw).ok());
      const std::unique_ptr<rocksdb::DB> db(raw);
      EXPECT_TRUE(db->Put({}, "a1", "x").ok());
      EXPECT_TRUE((deletes ? db->Delete({}, "m") : db->Put({}, "m", std::string(format))).ok());
    }
    const result<std::unique_ptr<store>> found = store::open(folder.path());
    return found.ok() ? std::string() : found.error().what;
  };
  std::string format = encode_format(salt{});
  EXPECT_EQ(opens_with(format, false), "");
  ++format[4];
  EXPECT_NE(opens_with(format, false).find("version 2"), std::string::npos);
  EXPECT_NE(opens_with("", true).find("format record is missing"), std::string::npos);
}

} // namespace
} // namespace tally::personal
