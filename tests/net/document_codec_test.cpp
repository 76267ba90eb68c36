// Documents as frames: names by version, absent values, lists that are there though empty.
#include "net/document_codec.hpp"

#include <gtest/gtest.h>

namespace tally::net {
namespace {

struct two_versions {
  program first, second;

  two_versions() {
    first.version = 1;
    first.rules.rewards = {{"Old coffee", {100}, {}}, {"Cake", {300}, {}}};
    first.rules.tiers.emplace().tiers = {{"bronze", {10}, rate_t::one()}};
    first.rules.redeem.emplace();
    first.rules.redeem->points = {100};
    first.rules.redeem->value = {10'000};
    second.version = 2;
    second.older = &first;
    second.rules.rewards = {{"New coffee", {120}, {}}};
    second.rules.tiers.emplace().tiers = {{"silver", {10}, rate_t::one()}, {"gold", {20}, rate_t::one()}};
  }
};

const wire::outcome_document& document_in(frame_bytes bytes) {
  const wire::frame* frame = verify_answer_frame(bytes);
  EXPECT_NE(frame, nullptr);
  return *frame->body_as_answer()->outcome();
}

TEST(document_codec, names_are_those_of_the_version_that_answered) {
  two_versions programs;
  flatbuffers::FlatBufferBuilder builder;
  actors::document earned;
  earned.active = &programs.second;
  earned.head.kind = op::earn;
  earned.head.version = 1;
  earned.head.tier = 1;
  earned.head.rewards = 0b10;
  const auto& old = document_in(build_answer(builder, 5, earned));
  EXPECT_EQ(old.head()->id(), 5u);
  EXPECT_EQ(old.tier()->str(), "bronze");
  ASSERT_EQ(old.rewards()->size(), 1u);
  EXPECT_EQ(old.rewards()->Get(0)->str(), "Cake");
  earned.head.version = 2;
  earned.head.tier = 3; // there are two
  earned.head.rewards = 0b11;
  const auto& newer = document_in(build_answer(builder, 6, earned));
  EXPECT_EQ(newer.tier(), nullptr);
  ASSERT_EQ(newer.rewards()->size(), 1u);
  EXPECT_EQ(newer.rewards()->Get(0)->str(), "New coffee");
}

TEST(document_codec, an_account_shows_what_it_has_and_nothing_else) {
  two_versions programs;
  flatbuffers::FlatBufferBuilder builder;
  actors::document shown;
  shown.active = &programs.second;
  shown.head.kind = op::account;
  shown.account = "m-1";
  account_view& view = shown.view.emplace();
  view.available = {50};
  view.pending = {7};
  view.lifetime = {57};
  view.version = 2;
  view.state = outcome::lapsing;
  const auto& plain = document_in(build_answer(builder, 1, shown));
  EXPECT_EQ(plain.head()->available(), 50);
  EXPECT_EQ(plain.head()->pending(), 7);
  EXPECT_EQ(plain.head()->version(), 2u);
  EXPECT_EQ(plain.state()->str(), "lapsing");
  EXPECT_EQ(plain.account()->str(), "m-1");
  EXPECT_EQ(plain.tier_points(), nullptr);
  EXPECT_EQ(plain.next_tier(), nullptr);
  EXPECT_EQ(plain.next_expiry_at(), nullptr);
  EXPECT_EQ(plain.next_expiry_points(), nullptr);
  EXPECT_EQ(plain.expiring_30d()->value(), 0);
  EXPECT_EQ(plain.entries(), nullptr);
  view.tier = std::uint8_t{1};
  view.next_tier = std::uint8_t{2};
  view.tier_points = points_t{15};
  view.points_to_next_tier = points_t{5};
  view.next_expiry_at = instant{77};
  view.next_expiry_points = {50};
  const auto& full = document_in(build_answer(builder, 2, shown));
  EXPECT_EQ(full.tier()->str(), "silver");
  EXPECT_EQ(full.next_tier()->str(), "gold");
  EXPECT_EQ(full.tier_points()->value(), 15);
  EXPECT_EQ(full.points_to_next_tier()->value(), 5);
  EXPECT_EQ(full.next_expiry_at()->us(), 77);
  EXPECT_EQ(full.next_expiry_points()->value(), 50);
}

TEST(document_codec, entries) {
  two_versions programs;
  flatbuffers::FlatBufferBuilder builder;
  actors::document history;
  history.active = &programs.second;
  history.merchant = "beanhouse";
  history.head.kind = op::history;
  const auto& none = document_in(build_answer(builder, 1, history));
  ASSERT_NE(none.entries(), nullptr) << "a list, though empty";
  EXPECT_EQ(none.entries()->size(), 0u);
  EXPECT_EQ(none.next_before_seq(), nullptr);

  entry redeem;
  redeem.seq = redeem.group = {9};
  redeem.prev_seq = {4};
  redeem.kind = entry_kind::redeem;
  redeem.from = side::member;
  redeem.to = side::redemption;
  redeem.account = "m-1";
  redeem.points = {-100};
  redeem.discount = {10'000};
  redeem.order = "o-1";
  redeem.version = 1; // whose value the newest version no longer has
  redeem.lots.push_back({{4}, {-100}, {}, {}, {11}, {}});
  history.entries.add(redeem);
  history.next_before_seq = seq_t{9};
  const auto& one = document_in(build_answer(builder, 1, history));
  ASSERT_EQ(one.entries()->size(), 1u);
  const wire::ledger_entry& shown = *one.entries()->Get(0);
  EXPECT_EQ(shown.merchant()->str(), "beanhouse");
  EXPECT_EQ(shown.kind()->str(), "redeem");
  EXPECT_EQ(shown.from()->str(), "member");
  EXPECT_EQ(shown.to()->str(), "redemption");
  EXPECT_EQ(shown.points()->value(), -100);
  EXPECT_EQ(shown.discount()->units(), 10'000);
  EXPECT_EQ(shown.total(), nullptr);
  EXPECT_EQ(shown.refund(), nullptr);
  EXPECT_EQ(shown.due(), nullptr);
  EXPECT_EQ(shown.rates()->points()->str(), "100");
  EXPECT_EQ(shown.rates()->value()->units(), 10'000);
  EXPECT_EQ(shown.rates()->per(), nullptr);
  ASSERT_EQ(shown.lots()->size(), 1u);
  EXPECT_EQ(shown.lots()->Get(0)->available_at()->us(), 11);
  EXPECT_EQ(shown.lots()->Get(0)->expires_at(), nullptr) << "never";
  EXPECT_EQ(one.next_before_seq()->value(), 9u);

  actors::document single;
  single.active = &programs.second;
  single.head.kind = op::entry;
  entry status;
  status.seq = status.group = {1};
  status.kind = entry_kind::suspend; // moves nothing
  single.entries.add(status);
  const auto& alone = document_in(build_answer(builder, 1, single));
  EXPECT_EQ(alone.entries(), nullptr);
  ASSERT_NE(alone.entry(), nullptr);
  EXPECT_EQ(alone.entry()->from(), nullptr);
  EXPECT_EQ(alone.entry()->to(), nullptr);
  EXPECT_EQ(alone.entry()->prev_seq(), nullptr);
  EXPECT_FALSE(alone.entry()->version().has_value());
  EXPECT_EQ(alone.entry()->rates(), nullptr);
  EXPECT_EQ(alone.entry()->discount(), nullptr);
  EXPECT_EQ(alone.entry()->lots()->size(), 0u);
}

TEST(document_codec, refusals_and_problems) {
  flatbuffers::FlatBufferBuilder builder;
  outcome refusal;
  refusal.kind = op::earn;
  refusal.status = outcome_status::invalid;
  refusal.what = "must not be negative";
  refusal.where = "lines[0].amount";
  const auto& said = document_in(build_answer(builder, 3, refusal));
  EXPECT_EQ(said.head()->status(), static_cast<std::uint8_t>(outcome_status::invalid));
  EXPECT_EQ(said.what()->str(), refusal.what);
  EXPECT_EQ(said.where()->str(), refusal.where);

  actors::document rules;
  rules.head.kind = op::put_program;
  rules.head.status = outcome_status::invalid;
  rules.problems = {{"earn.per", "must be positive", 7}, {"tier", "", 0}};
  const auto& problems = document_in(build_answer(builder, 3, rules));
  ASSERT_EQ(problems.problems()->size(), 2u);
  EXPECT_EQ(problems.problems()->Get(0)->key()->str(), "earn.per");
  EXPECT_EQ(problems.problems()->Get(0)->line(), 7);
  EXPECT_EQ(problems.problems()->Get(1)->what()->str(), "");
  EXPECT_FALSE(problems.problems()->Get(1)->line().has_value());
}

} // namespace
} // namespace tally::net
