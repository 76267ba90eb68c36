// The copy of personal data for a backup: made beside a store that changes, and made into a folder again.
#include "personal/copy_file.hpp"
#include "personal/store.hpp"
#include "tests/personal/folder_search.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

namespace tally::personal {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view bean = "beanhouse", tea = "teahouse";
const profile ada{"+493012345678", "Ada Lovelace-Byron"};
const profile bob{"+442079460000", "Bob Cratchit-Dickens"};

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

std::string copy_of(const fs::path& folder) {
  std::string copy;
  EXPECT_TRUE(of(copy_out(folder, [&](std::string_view bytes) -> result<void> {
    copy += bytes;
    return {};
  })));
  return copy;
}

fs::path written(const temporary_folder& folder, const std::string& copy) {
  std::ofstream(folder.path() / "copy", std::ios::binary) << copy;
  return folder.path() / "copy";
}

constexpr auto everybody = [](std::string_view, std::string_view) { return true; };

TEST(copy_file, comes_back_as_it_was) {
  temporary_folder folder, files;
  const auto stored = opened(folder.path() / "personal");
  must(stored->keep(bean, "m-1", bob));
  must(stored->keep(bean, "m-1", ada)); // bob's phone is a former one now
  must(stored->keep(tea, "m-1", bob));
  must(stored->keep(bean, "m-2", {"", "No Phone"}));
  const intent begun = of(stored->begin_keep(bean, "m-3", {"+15550100", "Not Yet"}));
  const fs::path copy = written(files, copy_of(folder.path() / "personal"));

  std::vector<std::string> seen;
  must(visit_copy(copy,
                  [&](std::string_view merchant, std::string_view account) { seen.push_back(std::string(merchant) + "/" += account); }));
  EXPECT_EQ(seen, (std::vector<std::string>{"beanhouse/m-1", "beanhouse/m-2", "teahouse/m-1"}));

  must(copy_in(copy, files.path() / "personal", everybody));
  const auto again = opened(files.path() / "personal");
  EXPECT_EQ(of(again->profile_of(bean, "m-1")), ada);
  EXPECT_EQ(of(again->account_of(bean, ada.phone)), "m-1");
  EXPECT_EQ(of(again->account_of(bean, bob.phone)), "");
  EXPECT_EQ(of(again->account_of(tea, bob.phone)), "m-1");
  EXPECT_EQ(of(again->profile_of(bean, "m-2")), (profile{"", "No Phone"}));
  EXPECT_EQ(of(again->open_intents()), std::vector{begun});
  must(again->settle(begun, "m-3"));
  EXPECT_EQ(of(again->account_of(bean, "+15550100")), "m-3");
}

TEST(copy_file, leaves_out_whom_the_journal_does_not_have) {
  temporary_folder folder, files;
  {
    const auto stored = opened(folder.path() / "personal");
    must(stored->keep(bean, "m-1", ada));
    must(stored->keep(bean, "m-2", bob));
  }
  const fs::path copy = written(files, copy_of(folder.path() / "personal"));
  must(copy_in(copy, files.path() / "personal", [](std::string_view, std::string_view account) { return account == "m-1"; }));
  EXPECT_EQ(of(opened(files.path() / "personal")->account_of(bean, ada.phone)), "m-1");
  EXPECT_EQ(of(opened(files.path() / "personal")->profile_of(bean, "m-2")), std::nullopt);
  EXPECT_TRUE(files_with(files.path() / "personal", bob.name).empty());
  EXPECT_TRUE(files_with(files.path() / "personal", "442079460000").empty());
}

TEST(copy_file, has_nothing_of_whom_was_erased) {
  temporary_folder folder, files;
  const auto stored = opened(folder.path() / "personal");
  must(stored->keep(bean, "m-1", ada));
  must(stored->settle(of(stored->begin_erase(bean, "m-1")), "m-1"));
  EXPECT_EQ(copy_of(folder.path() / "personal").find("Ada"), std::string::npos);
}

TEST(copy_file, of_a_folder_that_is_missing) {
  temporary_folder folder;
  EXPECT_FALSE(of(copy_out(folder.path() / "personal", [](std::string_view) -> result<void> { return {}; })));
}

TEST(copy_file, passes_on_what_the_writer_says) {
  temporary_folder folder;
  const auto stored = opened(folder.path() / "personal");
  const auto copied = copy_out(folder.path() / "personal", [](std::string_view) -> result<void> {
    return failure{failure_code::io, "full"};
  });
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().what, "full");
}

// Everything that was kept before a copy begins is in it, whatever the store flushes, compacts and deletes meanwhile.
TEST(copy_file, beside_a_store_that_changes) {
  temporary_folder folder, files;
  const auto stored = opened(folder.path() / "personal");
  std::atomic<int> kept = 0;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 1; !done; ++i) {
      must(stored->keep(bean, "m-" + std::to_string(i), {"+4915" + std::to_string(1'000'000 + i), "Name " + std::to_string(i)}));
      kept = i;
      if (i % 50 == 0)
        must(stored->purge(bean, "m-1")); // new logs, new tables, old ones go
    }
  });
  for (int run = 0; run < 15; ++run) {
    while (kept < run * 20)
      std::this_thread::yield();
    const int at_least = kept;
    const fs::path copy = written(files, copy_of(folder.path() / "personal"));
    int count = 0;
    must(visit_copy(copy, [&](std::string_view, std::string_view) { ++count; }));
    EXPECT_GE(count, at_least);
    fs::remove_all(files.path() / "personal");
    must(copy_in(copy, files.path() / "personal", everybody));
    const auto again = opened(files.path() / "personal");
    for (int i = 1; i <= at_least; ++i)
      ASSERT_EQ(of(again->account_of(bean, "+4915" + std::to_string(1'000'000 + i))), "m-" + std::to_string(i));
  }
  done = true;
  writer.join();
}

TEST(copy_file, that_is_cut_off_or_goes_on_is_refused) {
  temporary_folder folder, files;
  {
    const auto stored = opened(folder.path() / "personal");
    must(stored->keep(bean, "m-1", ada));
    of(stored->begin_keep(bean, "m-3", bob));
  }
  const std::string whole = copy_of(folder.path() / "personal");
  const auto visit = [](std::string_view, std::string_view) {};
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const result<void> read = visit_copy(written(files, whole.substr(0, size)), visit);
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_EQ(read.error().code, failure_code::corrupt);
  }
  EXPECT_FALSE(visit_copy(written(files, whole + "x"), visit).ok());
  EXPECT_TRUE(visit_copy(written(files, whole), visit).ok());
}

TEST(copy_file, has_these_bytes) {
  temporary_folder folder;
  {
    const auto stored = opened(folder.path() / "personal");
    must(stored->keep(bean, "m-1", {"12345", "Ada"}));
  }
  const std::string copy = copy_of(folder.path() / "personal");
  ASSERT_EQ(copy.size(), 8 + (8 + 1 + 40) + (8 + 14 + 14) + 8u);
  using namespace std::string_view_literals;
  EXPECT_EQ(copy.substr(0, 8), "TPCP\1\0\0\0"sv);
  EXPECT_EQ(copy.substr(8, 17), "\x01\0\0\0\x28\0\0\0mTPER\1\0\0\0"sv); // and the salt
  EXPECT_EQ(copy.substr(57), "\x0e\0\0\0\x0e\0\0\0abeanhouse\0m-1\x05\0"
                             "12345\x03\0Ada\0\0"
                             "\0\0\0\0\x02\0\0\0"sv);
}

} // namespace
} // namespace tally::personal
