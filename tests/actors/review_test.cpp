// Reviews as managers meet them: held, listed, approved, rejected, over all shards.
#include "tests/actors/running_ledger.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace tally::actors {
namespace {

using enum outcome_status;

const std::string careful_rules = R"(merchant = "beanhouse"
[enroll]
opening_points = 50
[earn]
points = "1"
per = "1.00"
[redeem]
points = 100
value = "1.00"
[[reward]]
name = "Free coffee"
points = 100
[review]
max_points_per_order = 100
negative_reversal = "review"
)";

command list(std::string_view account = {}, std::optional<std::uint32_t> limit = {}, std::optional<seq_t> after = {}) {
  command asked = read_of(op::reviews, account);
  asked.limit = limit;
  asked.after = after;
  return asked;
}

std::vector<seq_t> seqs_of(const scripted_answer& listed) {
  std::vector<seq_t> seqs;
  for (const review_line& each : listed.shown->reviews)
    seqs.push_back(each.review);
  return seqs;
}

command reverse_of(std::string_view account, std::string_view order, std::string_view refund) {
  command asked = read_of(op::reverse, account);
  asked.order = order;
  asked.reference = refund;
  return asked;
}

class reviews : public testing::TestWithParam<std::uint32_t> {};

TEST_P(reviews, are_held_listed_and_decided) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, GetParam(), new_year));
  ASSERT_EQ(tally.call(put_of(careful_rules)).head.status, ok);
  const std::vector<std::string> names = tally.names_on({0, 1, 2, 1});
  std::vector<seq_t> held;
  for (const std::string& each : names) {
    tally.call(enroll_of(each));
    const scripted_answer parked = tally.call(earn_of(each, "o-1", 150 * one));
    EXPECT_EQ(parked.head.status, outcome_status::held);
    EXPECT_EQ(parked.head.review, parked.head.seq);
    EXPECT_EQ(parked.head.reasons, over_points_per_order);
    EXPECT_EQ(parked.head.points, points_t{150});
    EXPECT_TRUE(parked.shown) << "reasons are in no fixed reply";
    held.push_back(parked.head.review);
  }
  const scripted_answer listed = tally.call(list(), GetParam() - 1);
  EXPECT_EQ(listed.head.status, ok);
  EXPECT_EQ(seqs_of(listed), held);
  EXPECT_FALSE(listed.shown->next_after);
  const review_line& line = listed.shown->reviews[1];
  EXPECT_EQ(line.account, names[1]);
  EXPECT_EQ(line.parked, op::earn);
  EXPECT_EQ(line.order, "o-1");
  EXPECT_EQ(line.refund, "");
  EXPECT_EQ(line.reasons, over_points_per_order);
  EXPECT_EQ(line.points, points_t{150});
  EXPECT_EQ(line.total, money_t{150 * one});
  EXPECT_EQ(line.at, new_year);

  // The same number from every port: it finds its account by itself.
  const scripted_answer approved = tally.call(of_review(op::approve, held[1]), GetParam() - 1);
  EXPECT_EQ(approved.head.status, ok) << approved.head.what;
  EXPECT_EQ(approved.head.kind, op::approve);
  EXPECT_EQ(approved.head.parked, op::earn);
  EXPECT_EQ(approved.head.review, held[1]);
  EXPECT_EQ(approved.head.points, points_t{150});
  EXPECT_EQ(approved.head.available, points_t{200});
  EXPECT_EQ(approved.head.rewards, 1u);
  ASSERT_TRUE(approved.shown);
  EXPECT_TRUE(approved.shown->names_account);
  EXPECT_EQ(approved.shown->account, names[1]);
  ASSERT_NE(approved.shown->active, nullptr);
  EXPECT_EQ(approved.shown->active->find(approved.head.active_version)->rules.rewards[0].name, "Free coffee");
  EXPECT_EQ(seqs_of(tally.call(list())), (std::vector{held[0], held[2], held[3]}));

  const scripted_answer turned_down = tally.call(of_review(op::reject, held[2]));
  EXPECT_EQ(turned_down.head.status, ok);
  EXPECT_EQ(turned_down.head.review, held[2]);
  EXPECT_GT(turned_down.head.seq, held[2]);
  EXPECT_EQ(turned_down.shown->account, names[2]);
  EXPECT_TRUE(turned_down.shown->names_account);
  EXPECT_EQ(seqs_of(tally.call(list())), (std::vector{held[0], held[3]}));
  EXPECT_EQ(tally.call(read_of(op::account, names[2])).shown->view->available, points_t{50});

  const scripted_answer again = tally.call(of_review(op::approve, held[1]));
  EXPECT_EQ(again.head.status, duplicate);
  EXPECT_EQ(again.head.seq, approved.head.seq);
  EXPECT_EQ(again.shown->account, names[1]);
  EXPECT_EQ(tally.call(of_review(op::reject, held[2])).head.status, duplicate);
  EXPECT_EQ(tally.call(of_review(op::reject, held[2])).head.seq, turned_down.head.seq);
  EXPECT_EQ(tally.call(of_review(op::reject, held[1])).head.code, outcome_code::reference_conflict);
  EXPECT_EQ(tally.call(of_review(op::approve, held[2])).head.code, outcome_code::reference_conflict);
  EXPECT_EQ(tally.call(earn_of(names[1], "o-1", 150 * one)).head.status, duplicate);
  EXPECT_EQ(tally.call(earn_of(names[1], "o-1", 150 * one)).head.first, outcome_status::held);

  // Closing rejects what is open, reversing the order does too.
  command close = read_of(op::close, names[0]);
  close.reason = "moved away";
  EXPECT_EQ(tally.call(close).head.status, ok);
  EXPECT_EQ(seqs_of(tally.call(list())), (std::vector{held[3]}));
  EXPECT_EQ(tally.call(reverse_of(names[3], "o-1", "f-1")).head.status, ok);
  EXPECT_TRUE(tally.call(list()).shown->reviews.empty());
  EXPECT_EQ(tally.call(of_review(op::approve, held[0])).head.code, outcome_code::reference_conflict);
}

TEST_P(reviews, of_refunds_and_after_a_restart) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  std::vector<seq_t> open;
  std::vector<std::string> names;
  {
    running_ledger tally(options_for(folder, GetParam()), std::make_unique<memory_journal>(disk));
    tally.call(put_of(careful_rules));
    names = tally.names_on({0, 1, 2});
    for (const std::string& each : names) {
      tally.call(enroll_of(each));
      tally.call(earn_of(each, "o-1", 60 * one));
      tally.call(redeem_of(each, "o-2", 100));
      const scripted_answer parked = tally.call(reverse_of(each, "o-1", "f-1"));
      EXPECT_EQ(parked.head.status, held);
      EXPECT_EQ(parked.head.parked, op::reverse);
      open.push_back(parked.head.review);
    }
    tally.call(of_review(op::reject, open[0]));
  }
  running_ledger tally(options_for(folder, 4 - GetParam()), std::make_unique<memory_journal>(disk));
  const scripted_answer listed = tally.call(list());
  ASSERT_EQ(seqs_of(listed), (std::vector{open[1], open[2]}));
  EXPECT_EQ(listed.shown->reviews[0].parked, op::reverse);
  EXPECT_EQ(listed.shown->reviews[0].refund, "f-1");
  EXPECT_EQ(listed.shown->reviews[0].reasons, reversal_below_zero);
  const scripted_answer approved = tally.call(of_review(op::approve, open[2]));
  EXPECT_EQ(approved.head.status, ok) << approved.head.what;
  EXPECT_EQ(approved.head.parked, op::reverse);
  EXPECT_EQ(approved.head.available, points_t{-50});
  EXPECT_EQ(tally.call(of_review(op::reject, open[0])).head.status, duplicate);
  EXPECT_EQ(seqs_of(tally.call(list())), (std::vector{open[1]}));
}

TEST_P(reviews, pages_and_filters) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, GetParam()), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  EXPECT_EQ(tally.call(list()).head.status, ok) << "of a merchant that nobody knows, as its programs";
  EXPECT_EQ(tally.call(list("m-1")).head.code, outcome_code::unknown_account);
  tally.call(put_of(careful_rules));
  const std::vector<std::string> names = tally.names_on({0, 1, 2});
  std::vector<seq_t> all, of_one;
  for (const std::string& each : names)
    tally.call(enroll_of(each));
  for (int i = 0; i < 60; ++i) {
    const std::string& account = names[i % 3];
    all.push_back(tally.call(earn_of(account, "o-" + std::to_string(i), 150 * one)).head.review);
    if (i % 3 == 1)
      of_one.push_back(all.back());
  }
  const scripted_answer first = tally.call(list());
  EXPECT_EQ(seqs_of(first), std::vector(all.begin(), all.begin() + 50)) << "50 where no limit was given";
  EXPECT_EQ(first.shown->next_after, all[49]);
  const scripted_answer rest = tally.call(list({}, {}, first.shown->next_after));
  EXPECT_EQ(seqs_of(rest), std::vector(all.begin() + 50, all.end()));
  EXPECT_FALSE(rest.shown->next_after);
  std::vector<seq_t> paged;
  std::optional<seq_t> after;
  do {
    const scripted_answer page = tally.call(list({}, 7, after), paged.size() % GetParam());
    ASSERT_LE(page.shown->reviews.size(), 7u);
    for (const seq_t each : seqs_of(page))
      paged.push_back(each);
    after = page.shown->next_after;
  } while (after);
  EXPECT_EQ(paged, all);
  const scripted_answer whole = tally.call(list({}, 60));
  EXPECT_EQ(seqs_of(whole), all);
  EXPECT_FALSE(whole.shown->next_after) << "nothing comes after";
  EXPECT_EQ(seqs_of(tally.call(list(names[1]))), of_one);
  const scripted_answer some = tally.call(list(names[1], 5, of_one[3]));
  EXPECT_EQ(seqs_of(some), std::vector(of_one.begin() + 4, of_one.begin() + 9));
  EXPECT_EQ(some.shown->next_after, of_one[8]);
  EXPECT_EQ(tally.call(list("nobody")).head.code, outcome_code::unknown_account);
  EXPECT_EQ(tally.call(list({}, 1000)).head.status, ok);
  for (const std::uint32_t limit : {0u, 1001u}) {
    EXPECT_EQ(tally.call(list({}, limit)).head.status, invalid);
    EXPECT_EQ(tally.call(list({}, limit)).head.where, "limit");
  }
}

TEST_P(reviews, of_others_are_unknown) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, GetParam()), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  EXPECT_EQ(tally.call(of_review(op::approve, seq_t{1})).head.code, outcome_code::unknown_review) << "an empty journal";
  tally.call(put_of(careful_rules));
  tally.call(enroll_of("m-1"));
  const seq_t review = tally.call(earn_of("m-1", "o-1", 150 * one)).head.review;
  const seq_t earn = tally.call(earn_of("m-1", "o-2", 20 * one)).head.seq;
  EXPECT_EQ(tally.call(enroll_of("m-1", "teahouse")).head.status, ok);
  for (const op kind : {op::approve, op::reject}) {
    for (const seq_t other : {seq_t{}, seq_t{1}, earn, seq_t{1'000'000}, seq_t{~std::uint64_t{}}}) {
      const scripted_answer got = tally.call(of_review(kind, other));
      EXPECT_EQ(got.head.status, rejected) << other.value;
      EXPECT_EQ(got.head.code, outcome_code::unknown_review) << other.value;
    }
    EXPECT_EQ(tally.call(of_review(kind, review, "teahouse")).head.code, outcome_code::unknown_review);
    EXPECT_EQ(tally.call(of_review(kind, review, "nobody")).head.code, outcome_code::unknown_review);
    command unnamed = of_review(kind, review);
    unnamed.seq.reset();
    EXPECT_EQ(tally.call(unnamed).head.where, "review");
  }
  EXPECT_TRUE(tally
                  .call([] {
                    command asked = list();
                    asked.merchant = "teahouse";
                    return asked;
                  }())
                  .shown->reviews.empty());
  EXPECT_EQ(seqs_of(tally.call(list())), std::vector{review});
}

// Sent behind the operation that opens it, before anybody was told its number.
TEST_P(reviews, that_are_not_durable_yet_are_waited_for) {
  temporary_folder folder;
  auto owned = std::make_unique<memory_journal>(std::make_shared<memory_disk>());
  memory_journal& journal = *owned;
  running_ledger tally(options_for(folder, GetParam(), new_year), std::move(owned));
  ASSERT_EQ(tally.call(put_of(careful_rules)).head.status, ok);
  const std::string name = tally.names_on({GetParam() - 1}).front();
  const seq_t enrolled = tally.call(enroll_of(name)).head.seq;
  journal.hold_back(true);
  const std::uint64_t held = tally.at(0).send(earn_of(name, "o-1", 150 * one));
  while (journal.appended() == enrolled.value)
    std::this_thread::yield();
  const std::uint64_t unknown = tally.at(0).send(of_review(op::approve, enrolled.plus(20)));
  EXPECT_EQ(tally.at(0).wait(unknown).head.code, outcome_code::unknown_review) << "nobody has taken that number";
  const std::uint64_t decided = tally.at(0).send(of_review(op::approve, enrolled.plus(1)));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(tally.at(0).is_answered(decided));
  journal.hold_back(false);
  EXPECT_EQ(tally.at(0).wait(held).head.review, enrolled.plus(1));
  const scripted_answer approved = tally.at(0).wait(decided);
  EXPECT_EQ(approved.head.status, ok);
  EXPECT_EQ(approved.head.points, points_t{150});
}

INSTANTIATE_TEST_SUITE_P(shards, reviews, testing::Values(1u, 3u));

// A list tells neither of a review nor of a decision that a crash could take back.
TEST(review, list_waits_for_the_disk) {
  temporary_folder folder;
  auto owned = std::make_unique<memory_journal>(std::make_shared<memory_disk>());
  memory_journal& journal = *owned;
  running_ledger tally(options_for(folder, 2), std::move(owned));
  tally.call(put_of(careful_rules));
  const std::vector<std::string> names = tally.names_on({0, 1});
  for (const std::string& each : names)
    tally.call(enroll_of(each));
  const seq_t first = tally.call(earn_of(names[1], "o-1", 150 * one)).head.review;
  const auto ask = [&](const command& asked) {
    const std::uint64_t id = tally.at(1).send(asked);
    while (!tally.at(1).is_answered(id))
      std::this_thread::yield();
    return id;
  };
  journal.hold_back(true);
  const std::uint64_t opened = ask(earn_of(names[1], "o-2", 150 * one));
  const std::uint64_t before = tally.at(0).send(list());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(tally.at(0).has_left(before));
  journal.hold_back(false);
  const seq_t second = tally.at(1).wait(opened).head.review;
  EXPECT_EQ(seqs_of(tally.at(0).wait(before)), (std::vector{first, second}));

  journal.hold_back(true);
  const std::uint64_t turned_down = ask(of_review(op::reject, first));
  const std::uint64_t after = tally.at(0).send(list());
  const std::uint64_t of_account = tally.at(1).send(list(names[1]));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(tally.at(0).has_left(after));
  EXPECT_FALSE(tally.at(1).has_left(turned_down));
  journal.hold_back(false);
  EXPECT_EQ(seqs_of(tally.at(0).wait(after)), std::vector{second});
  EXPECT_EQ(seqs_of(tally.at(1).wait(of_account)), std::vector{second});
}

} // namespace
} // namespace tally::actors
