// Account images as the auditor is shown them: whole, whatever lies where.
#include "engine/hash.hpp"
#include "net/cli_audit_images.hpp"
#include "snapshot/image_store.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

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

  // Writes the account as it is after it has spilled; a record of that may get lost.
  void write(account_state state, bool loses_one) {
    auto store = snapshot::image_store::open({.folder = folder_ / "images"});
    ASSERT_TRUE(store);
    std::vector<spilled_record> records;
    const spill_counts counts = list_spillable(state, instant::end_of_time(), records);
    ASSERT_FALSE(counts.none());
    forget_spilled(state, counts);
    snapshot::image_batch batch;
    if (loses_one)
      records.pop_back();
    for (const spilled_record& each : records)
      batch.add_spilled(state.enrolled_seq, each);
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
  EXPECT_EQ((*images)->mark_of(1, "m-1").value().seq, seq_t{500});
  EXPECT_EQ((*images)->mark_of(1, "m-1").value().fingerprint_hash, hash64(fingerprint(state)));
  EXPECT_EQ((*images)->mark_of(1, "m-2").value().seq, seq_t{});
  EXPECT_EQ((*images)->fingerprint_of(1, "m-1").value(), fingerprint(state));
  int seen = 0;
  EXPECT_TRUE((*images)->for_each([&](merchant_number merchant, std::string_view account) {
    EXPECT_EQ(merchant, 1u);
    EXPECT_EQ(account, "m-1");
    ++seen;
  }));
  EXPECT_EQ(seen, 1);
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
