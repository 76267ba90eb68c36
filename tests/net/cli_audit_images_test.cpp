// Account images as the auditor is shown them: whole, whatever lies where.
#include "net/cli_audit_images.hpp"
#include "snapshot/image_store.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

namespace tally::net {
namespace {

class audited_images : public testing::Test {
protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "tally-audited-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Writes the account as it is after it has spilled; a record of that may get lost, or a piece of its lots.
  void write(account_state state, bool loses_one, bool loses_lots = false) {
    auto store = snapshot::image_store::open({.folder = folder_ / "images"});
    ASSERT_TRUE(store);
    std::vector<spilled_record> records;
    list_spillable(state, instant::end_of_time(), records);
    ASSERT_FALSE(records.empty());
    forget_spilled(state, records);
    std::vector<spilled_lots> pieces;
    list_spillable_lots(state, {}, pieces);
    EXPECT_EQ(forget_spilled_lots(state, pieces), state.last_seq == seq_t{1500});
    snapshot::image_batch batch;
    if (loses_one)
      records.pop_back();
    for (const spilled_record& each : records)
      batch.add_spilled(state.enrolled_seq, each);
    if (loses_lots)
      pieces.pop_back();
    for (const spilled_lots& each : pieces)
      batch.add_lots(state.enrolled_seq, each);
    batch.add(state.merchant, "m-1", state);
    ASSERT_TRUE((*store)->write(batch));
    snapshot::recovery_point point;
    point.seq = state.last_seq;
    ASSERT_TRUE((*store)->finish(point));
  }

  static account_state state_with_references() {
    account_state state;
    state.status = account_status::active;
    state.merchant = 1;
    state.enrolled_seq = {2};
    state.last_seq = {500};
    for (std::uint64_t i = 3; i < 203; ++i)
      state.references.push_back(make_reference(i * 7919, op::redeem, {i}));
    return state;
  }

  static account_state state_with_lots() {
    account_state state = state_with_references();
    state.last_seq = {1500};
    for (std::uint64_t i = 500; i < 1500; ++i) {
      state.lots.push_back({{i}, {2}, {}, {}, {5}, {}});
      state.available += {2};
    }
    return state;
  }

  std::filesystem::path folder_;
};

TEST_F(audited_images, of_a_folder_without_any) {
  const auto none = open_audited_images(folder_);
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, nullptr);
}

TEST_F(audited_images, are_whole_again) {
  const account_state state = state_with_references();
  write(state, false);
  const auto images = open_audited_images(folder_);
  ASSERT_TRUE(images && *images);
  int seen = 0;
  EXPECT_TRUE((*images)->for_each([&](merchant_number merchant, std::string_view account) {
    EXPECT_EQ(merchant, 1u);
    EXPECT_EQ(account, "m-1");
    ++seen;
  }));
  EXPECT_EQ(seen, 1);
  EXPECT_EQ((*images)->mark_of(1, "m-2").value().seq, seq_t{});
  const wal::image_source::mark mark = (*images)->mark_of(1, "m-1").value();
  EXPECT_EQ(mark.seq, seq_t{500});
  EXPECT_NE(mark.checksum, (*images)->checksum_of(state)) << "the image lacks what was spilled";
  EXPECT_EQ((*images)->fingerprint_of(1, "m-1").value(), fingerprint(state));
}

TEST_F(audited_images, have_their_lots) {
  const account_state state = state_with_lots();
  write(state, false);
  const auto images = open_audited_images(folder_);
  ASSERT_TRUE(images && *images);
  EXPECT_EQ((*images)->fingerprint_of(1, "m-1").value(), fingerprint(state));
}

TEST_F(audited_images, that_miss_lots_say_so) {
  write(state_with_lots(), false, true);
  const auto images = open_audited_images(folder_);
  ASSERT_TRUE(images && *images);
  const auto whole = (*images)->fingerprint_of(1, "m-1");
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, failure_code::corrupt);
  EXPECT_NE(whole.error().what.find("of the lots of account 2 is missing"), std::string::npos) << whole.error().what;
}

TEST_F(audited_images, are_told_apart_without_being_read_one_by_one) {
  std::map<std::string, account_state> states;
  auto store = snapshot::image_store::open({.folder = folder_ / "images"});
  ASSERT_TRUE(store);
  for (std::uint64_t table = 0; table < 5; ++table) { // ranges
    snapshot::image_batch batch;
    for (std::uint64_t i = 0; i < 20; ++i) {
      account_state state = state_with_references();
      state.last_seq = {500 + table * 20 + i};
      const std::string id = "m-" + std::to_string(table * 20 + i);
      batch.add(1, id, state);
      states.emplace(id, std::move(state));
    }
    ASSERT_TRUE((*store)->write(batch) && (*store)->finish({.seq = {500}, .hash = {}, .merchants = {}, .reviews = {}}));
  }
  store->reset();
  const auto images = open_audited_images(folder_);
  ASSERT_TRUE(images && *images);
  for (const auto& [id, state] : states)
    if (id != "m-7") {
      const wal::image_source::mark mark = (*images)->mark_of(1, id).value();
      EXPECT_EQ(mark.seq, state.last_seq) << id;
      EXPECT_EQ(mark.checksum, (*images)->checksum_of(state)) << id;
    }
  bool is_seen = false; // who was not asked about
  EXPECT_TRUE((*images)->for_each([&](merchant_number, std::string_view account) { is_seen = is_seen || account == "m-7"; }));
  EXPECT_TRUE(is_seen);
}

// Of a kind that RocksDB 7.8 believes before it looks at a checksum.
TEST_F(audited_images, that_are_damaged_are_named) {
  write(state_with_references(), false);
  for (const auto& file : std::filesystem::directory_iterator(folder_ / "images")) {
    if (file.path().extension() != ".sst")
      continue;
    std::fstream table(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    table.seekp(-53, std::ios::end); // a footer begins with the kind of checksums
    table.put(77);
  }
  const auto images = open_audited_images(folder_);
  ASSERT_FALSE(images);
  EXPECT_EQ(images.error().code, failure_code::corrupt);
  EXPECT_NE(images.error().what.find(".sst is damaged in its footer"), std::string::npos) << images.error().what;
}

TEST_F(audited_images, that_miss_something_say_so) {
  write(state_with_references(), true);
  const auto images = open_audited_images(folder_);
  ASSERT_TRUE(images && *images);
  const auto whole = (*images)->fingerprint_of(1, "m-1");
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, failure_code::corrupt);
}

} // namespace
} // namespace tally::net
