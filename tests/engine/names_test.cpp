// Every number has its name, every name its number, and what is not in a list is empty.
#include "engine/names.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tally {
namespace {

TEST(names, operations_go_both_ways) {
  std::set<std::string_view> seen;
  for (std::uint8_t number = 1; number < op_count; ++number) {
    const auto value = static_cast<op>(number);
    ASSERT_FALSE(name_of(value).empty()) << int{number};
    EXPECT_EQ(op_named(name_of(value)), value);
    EXPECT_TRUE(seen.insert(name_of(value)).second) << name_of(value);
  }
  EXPECT_EQ(name_of(op::void_), "void");
  EXPECT_EQ(name_of(op::enroll), "enroll");
  EXPECT_EQ(name_of(op::account), "account");
  EXPECT_EQ(name_of(op::balance_at), "balance_at");
  EXPECT_EQ(name_of(op::put_program), "put_program");
  EXPECT_EQ(name_of(op::advance_clock), "advance_clock");
}

TEST(names, entry_kinds_go_both_ways) {
  std::set<std::string_view> seen;
  for (std::uint8_t number = 1; number < entry_kind_count; ++number) {
    const auto value = static_cast<entry_kind>(number);
    ASSERT_FALSE(name_of(value).empty()) << int{number};
    EXPECT_EQ(entry_kind_named(name_of(value)), value);
    EXPECT_TRUE(seen.insert(name_of(value)).second) << name_of(value);
  }
  EXPECT_EQ(name_of(entry_kind::void_), "void");
  EXPECT_EQ(name_of(entry_kind::transfer_in), "transfer_in");
  EXPECT_EQ(name_of(entry_kind::review_hold), "review_hold");
  EXPECT_EQ(name_of(entry_kind::erase), "erase");
}

TEST(names, statuses_and_sides) {
  EXPECT_EQ(name_of(outcome_status::ok), "ok");
  EXPECT_EQ(name_of(outcome_status::held), "held");
  EXPECT_EQ(name_of(outcome_status::unavailable), "unavailable");
  EXPECT_EQ(name_of(side::issuance), "issuance");
  EXPECT_EQ(name_of(side::transfer), "transfer");
  std::set<std::string_view> seen;
  for (std::uint8_t number = 1; number < side_count; ++number)
    EXPECT_TRUE(seen.insert(name_of(static_cast<side>(number))).second && !seen.contains("")) << int{number};
}

TEST(names, codes_of_skips_and_rejections) {
  EXPECT_EQ(name_of(outcome_code::none), "");
  EXPECT_EQ(name_of(outcome_code::no_member), "no_member");
  EXPECT_EQ(name_of(outcome_code::skipped_program_inactive), "program_inactive");
  EXPECT_EQ(name_of(outcome_code::skipped_account_suspended), "account_suspended");
  EXPECT_EQ(name_of(outcome_code::zero_points), "zero_points");
  EXPECT_EQ(name_of(outcome_code::unknown_account), "unknown_account");
  EXPECT_EQ(name_of(outcome_code::too_late), "too_late");
  EXPECT_EQ(name_of(outcome_code::insufficient_points), "insufficient_points");
  EXPECT_EQ(name_of(outcome_code::over_refund), "over_refund");
  EXPECT_EQ(name_of(outcome_code::account_suspended), "account_suspended");
  EXPECT_EQ(name_of(outcome_code::account_exists), "account_exists");
  EXPECT_EQ(name_of(outcome_code::program_inactive), "program_inactive");
  EXPECT_EQ(name_of(outcome_code::reference_conflict), "reference_conflict");
}

TEST(names, numbers_outside_a_list_are_empty) {
  EXPECT_EQ(name_of(static_cast<op>(op_count)), "");
  EXPECT_EQ(name_of(static_cast<op>(255)), "");
  EXPECT_EQ(name_of(static_cast<outcome_status>(10)), "");
  EXPECT_EQ(name_of(static_cast<outcome_code>(6)), "");
  EXPECT_EQ(name_of(static_cast<outcome_code>(31)), "");
  EXPECT_EQ(name_of(static_cast<outcome_code>(51)), "");
  EXPECT_EQ(name_of(static_cast<entry_kind>(entry_kind_count)), "");
  EXPECT_EQ(name_of(static_cast<side>(side_count)), "");
}

TEST(names, names_outside_a_list_have_no_number) {
  for (const std::string_view name : {"", "none", "Earn", "earn ", "void_", "enrol"}) {
    EXPECT_EQ(op_named(name), std::nullopt) << name;
    EXPECT_EQ(entry_kind_named(name), std::nullopt) << name;
  }
}

} // namespace
} // namespace tally
