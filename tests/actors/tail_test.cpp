// tail, piece by piece, as a port asks for it.
#include "actors/tail_piece.hpp"
#include "tests/actors/running_ledger.hpp"

#include <gtest/gtest.h>

namespace tally::actors {
namespace {

using enum outcome_status;

command tail_of(std::uint64_t from, std::string_view merchant = "beanhouse") {
  command asked = read_of(op::tail, {}, merchant);
  asked.seq = seq_t{from};
  return asked;
}

std::vector<std::uint64_t> seqs_of(const scripted_answer& answer) {
  std::vector<std::uint64_t> seqs;
  for (const entry& each : answer.shown->entries.entries())
    seqs.push_back(each.seq.value);
  return seqs;
}

using seqs = std::vector<std::uint64_t>;

TEST(tail, shows_the_merchants_entries_and_where_to_go_on) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2, new_year));
  scripted_answer got = tally.call(tail_of(1));
  EXPECT_EQ(got.head.status, ok);
  EXPECT_EQ(got.shown->seq, seq_t{0});
  tally.call(put_of(plain_rules));              // 1
  tally.call(enroll_of("m-1"));                 // 2
  tally.call(enroll_of("m-1", "otherhouse"));   // 3
  tally.call(earn_of("m-1", "o-1", 100 * one)); // 4
  tally.call(enroll_of("m-2", "otherhouse"));   // 5
  got = tally.call(tail_of(1), 1);
  EXPECT_EQ(seqs_of(got), (seqs{1, 2, 4})) << "the program's entry is the merchant's, too";
  EXPECT_EQ(got.shown->entries.entries()[0].merchant_id, "beanhouse");
  EXPECT_EQ(got.shown->seq, seq_t{5}) << "the others' were looked at";
  ASSERT_NE(got.shown->active, nullptr) << "names of tiers and rewards";
  EXPECT_EQ(seqs_of(tally.call(tail_of(0))), (seqs{1, 2, 4}));
  EXPECT_EQ(seqs_of(tally.call(tail_of(3))), (seqs{4}));
  EXPECT_EQ(seqs_of(tally.call(tail_of(1, "otherhouse"))), (seqs{3, 5}));
  EXPECT_EQ(seqs_of(tally.call(tail_of(1, "nobody"))), seqs{});
  EXPECT_EQ(tally.call(tail_of(1, "nobody")).shown->seq, seq_t{5});
  command earns = tail_of(1);
  earns.kinds.insert(entry_kind::earn);
  EXPECT_EQ(seqs_of(tally.call(earns)), (seqs{4}));
  got = tally.call(tail_of(1000));
  EXPECT_EQ(seqs_of(got), seqs{}) << "the future comes later";
  EXPECT_EQ(got.shown->seq, seq_t{999});
  EXPECT_EQ(tally.call(tail_of(~std::uint64_t{0})).head.status, ok);
}

TEST(tail, pieces_are_bounded_and_add_up) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 1, new_year));
  tally.call(put_of(plain_rules)); // 1
  std::vector<std::string> names;
  for (int i = 0; i < 40'000; ++i)
    names.push_back("m-" + std::to_string(i));
  std::vector<command> all;
  for (std::size_t i = 0; i < names.size(); ++i)
    all.push_back(enroll_of(names[i], i % 20 == 0 ? "beanhouse" : "otherhouse"));
  tally.at(0).wait(tally.at(0).send_all(all).back());
  std::uint64_t from = 1, pieces = 0, found = 0, newest = 0;
  for (; from <= 40'001; ++pieces) {
    const scripted_answer got = tally.call(tail_of(from));
    ASSERT_EQ(got.head.status, ok);
    EXPECT_LE(got.shown->entries.entries().size(), tail_entries_max);
    EXPECT_LT(got.shown->seq->value - from, tail_scan_max);
    for (const entry& each : got.shown->entries.entries()) {
      EXPECT_GT(each.seq.value, newest);
      newest = each.seq.value;
      ++found;
    }
    ASSERT_GE(got.shown->seq->value, from) << "it gets on";
    from = got.shown->seq->value + 1;
  }
  EXPECT_EQ(found, 2'001u);
  EXPECT_GE(pieces, 2'001 / tail_entries_max);

  command adjust = read_of(op::adjust, "m-0"); // entries that are large
  const std::string text(250, 'x');
  std::vector<std::string> references;
  for (int i = 0; i < 300; ++i)
    references.push_back(std::to_string(i) + std::string(60, 'a'));
  adjust.amount_points = points_t{1};
  adjust.reason = adjust.note = text;
  for (const std::string& reference : references) {
    adjust.reference = reference;
    ASSERT_EQ(tally.call(adjust).head.status, ok);
  }
  EXPECT_LT(tally.call(tail_of(from)).shown->entries.entries().size(), 100u) << "bytes count, too";
}

// Nothing is shown before it is on disk, and nothing is passed over that was not.
TEST(tail, shows_only_what_is_durable) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  auto owned = std::make_unique<memory_journal>(disk);
  memory_journal& journal = *owned;
  running_ledger tally(options_for(folder, 1, new_year), std::move(owned));
  tally.call(put_of(plain_rules)); // 1
  journal.hold_back(true);
  const std::uint64_t enrolment = tally.at(0).send(enroll_of("m-1"));
  while (!tally.at(0).is_answered(enrolment))
    std::this_thread::yield();
  scripted_answer got = tally.call(tail_of(1));
  EXPECT_EQ(seqs_of(got), (seqs{1}));
  EXPECT_EQ(got.shown->seq, seq_t{1});
  journal.hold_back(false);
  EXPECT_EQ(seqs_of(tally.call(tail_of(2))), (seqs{2}));
}

} // namespace
} // namespace tally::actors
