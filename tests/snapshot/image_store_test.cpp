// The store of images: what was written is read, what was finished survives, what is damaged is named.
#include "snapshot/image_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

namespace tally::snapshot {
namespace {

namespace fs = std::filesystem;

class image_stores : public testing::Test {
protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tally-images-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    open();
  }
  void TearDown() override {
    store_.reset();
    fs::remove_all(folder_);
  }
  void open() {
    store_.reset();
    auto opened = image_store::open({.folder = folder_ / "images"});
    ASSERT_TRUE(opened) << opened.error().what;
    store_ = std::move(*opened);
  }
  static account_state state_of(merchant_number merchant, std::uint64_t last, instant due = instant::end_of_time()) {
    account_state state;
    state.status = account_status::active;
    state.merchant = merchant;
    state.enrolled_at = {1'000'000};
    state.enrolled_seq = {1};
    state.last_seq = {last};
    state.next_due = due;
    return state;
  }
  void write(merchant_number merchant, std::string_view account, const account_state& state) {
    image_batch batch;
    batch.add(merchant, account, state);
    ASSERT_TRUE(store_->write(batch));
  }
  // 0: there is none.
  std::uint64_t newest_of(merchant_number merchant, std::string_view account) {
    account_state state;
    const result<bool> read = store_->read(merchant, account, state);
    EXPECT_TRUE(read) << (read ? "" : read.error().what);
    return read && *read ? state.last_seq.value : 0;
  }
  void finish(std::uint64_t seq) {
    recovery_point point;
    point.seq = {seq};
    point.merchants = {{1, "beanhouse", {{1}}}};
    ASSERT_TRUE(store_->finish(point));
  }
  std::vector<std::string> due(instant from, instant to) {
    std::vector<std::string> found;
    EXPECT_TRUE(store_->for_each_due(from, to, [&](merchant_number merchant, std::string_view account, instant at) {
      found.push_back(std::to_string(merchant) + "/" + std::string(account) + "@" + std::to_string(at.us));
      return true;
    }));
    return found;
  }

  fs::path folder_;
  std::unique_ptr<image_store> store_;
};

TEST_F(image_stores, keep_the_newest_image_of_each_account) {
  EXPECT_FALSE(store_->point());
  write(1, "m-1", state_of(1, 5));
  write(2, "m-1", state_of(2, 6));
  write(1, "m-1", state_of(1, 9));
  EXPECT_EQ(newest_of(1, "m-1"), 9u);
  EXPECT_EQ(newest_of(2, "m-1"), 6u);
  EXPECT_EQ(newest_of(2, "m-2"), 0u);
  EXPECT_EQ(newest_of(1, "m-"), 0u);
}

TEST_F(image_stores, what_was_finished_is_there_again) {
  write(1, "m-1", state_of(1, 5));
  finish(5);
  write(1, "m-2", state_of(1, 8)); // not finished
  open();
  ASSERT_TRUE(store_->point());
  EXPECT_EQ(store_->point()->seq, seq_t{5});
  EXPECT_EQ(store_->point()->merchants.at(0).id, "beanhouse");
  EXPECT_EQ(newest_of(1, "m-1"), 5u);
  EXPECT_EQ(newest_of(1, "m-2"), 0u) << "there is no log: it was never promised";
}

TEST_F(image_stores, visit_what_falls_due_in_order) {
  write(1, "m-1", state_of(1, 5, {300}));
  write(2, "m-2", state_of(2, 6, {-200}));
  write(1, "m-3", state_of(1, 7, {100}));
  write(1, "m-4", state_of(1, 8));
  EXPECT_EQ(due({-1000}, {1000}), (std::vector<std::string>{"2/m-2@-200", "1/m-3@100", "1/m-1@300"}));
  EXPECT_EQ(due({-199}, {299}), (std::vector<std::string>{"1/m-3@100"}));
  EXPECT_EQ(due({100}, {300}), (std::vector<std::string>{"1/m-3@100", "1/m-1@300"})) << "both in";
  ASSERT_TRUE(store_->drop_due_before({300}));
  finish(8);
  open();
  EXPECT_EQ(due({-1000}, {1000}), (std::vector<std::string>{"1/m-1@300"}));
}

TEST_F(image_stores, are_one_servers) {
  const auto second = image_store::open({.folder = folder_ / "images"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, failure_code::locked);
}

TEST_F(image_stores, are_read_beside_a_server) {
  const auto none = image_store::open({.folder = folder_ / "elsewhere", .read_only = true});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, failure_code::missing);
  write(1, "m-1", state_of(1, 5));
  finish(5);
  const auto reader = image_store::open({.folder = folder_ / "images", .read_only = true});
  ASSERT_TRUE(reader) << reader.error().what;
  std::vector<std::string> seen;
  EXPECT_TRUE((*reader)->for_each_note({}, {}, [&](std::string_view key, const image_note& note) {
    seen.push_back(std::to_string(merchant_of_key(key)) + "/" + std::string(account_of_key(key)) + "@" +
                   std::to_string(note.last_seq.value));
    return true;
  }));
  EXPECT_EQ(seen, std::vector<std::string>{"1/m-1@5"});
}

TEST_F(image_stores, are_read_in_ranges_that_have_each_of_them_once) {
  for (int table = 0; table < 9; ++table) {
    for (int i = 0; i < 20; ++i)
      write(1 + table % 2, "m-" + std::to_string(table * 20 + i), state_of(1 + table % 2, 5));
    finish(5);
  }
  std::map<std::size_t, std::size_t> seen; // by how many ranges were wanted
  for (const std::size_t wanted : {1, 2, 5, 64}) {
    const std::vector<std::string> limits = store_->range_limits(wanted);
    EXPECT_LT(limits.size(), wanted);
    EXPECT_TRUE(std::ranges::is_sorted(limits));
    std::set<std::string> keys;
    for (std::size_t place = 0; place <= limits.size(); ++place)
      EXPECT_TRUE(store_->for_each_note(place == 0 ? "" : limits[place - 1], place == limits.size() ? "" : limits[place],
                                        [&](std::string_view key, const image_note& note) {
                                          EXPECT_TRUE(keys.insert(std::string(key)).second) << key;
                                          account_state state;
                                          const result<bool> read = store_->read(merchant_of_key(key), account_of_key(key), state);
                                          EXPECT_TRUE(read && *read && state.last_seq == note.last_seq);
                                          EXPECT_EQ(image_checksum(state), note.checksum);
                                          return true;
                                        }));
    EXPECT_EQ(keys.size(), 180u);
    seen[wanted] = limits.size() + 1;
  }
  EXPECT_EQ(seen[1], 1u);
  EXPECT_EQ(seen[2], 2u);
  EXPECT_GE(seen[64], 3u);
}

TEST_F(image_stores, that_are_damaged_are_named_and_never_served) {
  for (int i = 0; i < 200; ++i)
    write(1, "m-" + std::to_string(i), state_of(1, 5));
  finish(5);
  store_.reset();
  std::size_t refused = 0, tables = 0;
  for (const auto& file : fs::directory_iterator(folder_ / "images")) {
    if (file.path().extension() != ".sst")
      continue;
    ++tables;
    std::string content;
    {
      std::ifstream in(file.path(), std::ios::binary);
      content.assign(std::istreambuf_iterator<char>(in), {});
    }
    std::string damaged = content;
    damaged[10] = static_cast<char>(damaged[10] ^ 4); // in its first block of data
    std::ofstream(file.path(), std::ios::binary) << damaged;
    auto opened = image_store::open({.folder = folder_ / "images"});
    if (!opened) {
      ++refused;
      EXPECT_NE(opened.error().what.find("account images"), std::string::npos) << opened.error().what;
    } else {
      for (int i = 0; i < 200; ++i) {
        account_state state;
        const result<bool> read = (*opened)->read(1, "m-" + std::to_string(i), state);
        if (read) {
          EXPECT_TRUE(*read && state.last_seq == seq_t{5});
          continue;
        }
        ++refused;
        EXPECT_NE(read.error().what.find("derived from the journal"), std::string::npos) << read.error().what;
        break;
      }
    }
    std::ofstream(file.path(), std::ios::binary) << content;
  }
  EXPECT_GE(tables, 1u);
  EXPECT_EQ(refused, tables);
}

} // namespace
} // namespace tally::snapshot
