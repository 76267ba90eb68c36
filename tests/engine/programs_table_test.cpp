// The four families of arithmetic that real programs use, each a document of examples/rules played from the first sale on.
#include "tests/engine/table.hpp"

#include "engine/account_view.hpp"

#include <gtest/gtest.h>

namespace tally {
namespace {

// floor(net x rate x multiplier) with a window of dates
TEST(programs_table, rate_with_window) {
  play(R"(
rules examples/rules/rate-with-window.toml
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=33.33 => ok #2 points=49 a=49 p=0 l=49 v1 | earn +49/0 issuance>member
0d earn o=o-2 total=0.66 => skipped zero_points
151d-1us earn o=o-3 total=33.33 => ok #3 points=49 a=98 p=0 l=98 v1 | earn +49/0 issuance>member
151d earn o=o-4 total=33.33 => ok #4 points=99 a=197 p=0 l=197 v1 | earn +99/0 issuance>member
181d earn o=o-5 total=33.33 => ok #5 points=49 a=246 p=0 l=246 v1 | earn +49/0 issuance>member
)");
}

// floor(total / conversion rate), 1000 where nothing is said
TEST(programs_table, conversion_rate) {
  play(R"(
rules examples/rules/conversion-rate.toml
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=999.9999 => skipped zero_points
0d earn o=o-2 total=1000 => ok #2 points=1 a=1 p=0 l=1 v1 | earn +1/0 issuance>member
0d earn o=o-3 total=123456 => ok #3 points=123 a=124 p=0 l=124 v1 | earn +123/0 issuance>member
0d redeem o=o-4 points=100 => ok #4 used=100 discount=1000 a=24 p=0 l=124 v1 | redeem -100/0 member>redemption
0d reverse o=o-3 ref=r-1 amount=61728 => ok #5 taken=61 restored=0 expired=0 refunded=61728 a=-37 p=0 l=124 v1 | reverse -61/0 member>issuance
)");
}

// (cents // 100) x 10, pending first, gone after a year, two tiers for life
TEST(programs_table, whole_units) {
  play(R"(
rules examples/rules/whole-units.toml
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=42.99 => ok #2 points=420 a=0 p=420 l=420 v1 | earn 0/+420 issuance>pending
0d redeem o=o-2 points=420 => rejected below_min_points
14d-1us settle => settled
14d settle => settled | release +420/-420 pending>member
20d earn o=o-3 total=458.00 => ok #4 points=4580 a=420 p=4580 l=5000 tier=Ridge changed v1 | earn 0/+4580 issuance>pending
20d earn o=o-4 total=10.99 => ok #5 points=125 a=420 p=4705 l=5125 tier=Ridge v1 | earn 0/+125 issuance>pending
21d reverse o=o-3 ref=r-1 amount=100.50 => ok #6 taken=1005 restored=0 expired=0 refunded=100.50 a=420 p=3700 l=5125 changed v1 | reverse 0/-1005 pending>issuance
34d redeem o=o-5 points=1000 => ok #9 used=1000 discount=5.00 a=3120 p=0 l=5125 v1 | release +3575/-3575 pending>member, release +125/-125 pending>member, redeem -1000/0 member>redemption
40d earn o=o-6 total=1590.00 => ok #10 points=15900 a=3120 p=15900 l=21025 tier=Ridge changed v1 | earn 0/+15900 issuance>pending
41d earn o=o-7 total=10.00 => ok #11 points=125 a=3120 p=16025 l=21150 tier=Ridge v1 | earn 0/+125 issuance>pending
365d settle => settled | release +15900/-15900 pending>member, release +125/-125 pending>member
406d settle => settled | expire -2995/0 member>expiry, expire -125/0 member>expiry, expire -15900/0 member>expiry, expire -125/0 member>expiry
)");
}

// 1 a unit, double on categories, a flat bonus a bag, rewards, odd baskets, lapsing
TEST(programs_table, units_and_rewards) {
  play(R"(
rules examples/rules/units-and-rewards.toml
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=42.50 lines=BEAN-1KG:beans:1:30.00 => ok #2 points=78 a=78 p=0 l=78 v1 | earn +78/0 issuance>member
0d earn o=o-2 total=42.50 lines=BEAN-1KG:beans:3:30.00,MILK:-:1:12.50 => ok #3 points=90 a=168 p=0 l=168 v1 rewards=Free coffee | earn +90/0 issuance>member
1d earn o=o-3 total=25.00 lines=CARD:gift-cards:1:25.00 => ok #4 points=50 a=218 p=0 l=218 v1 | earn +50/0 issuance>member
2d claim o=o-4 ref=Mug => rejected insufficient_points
2d claim o=o-4 ref=Free_coffee => ok #5 Free coffee used=100 a=118 p=0 l=218 v1 | claim -100/0 member>redemption
3d earn o=o-5 total=10.00 => ok #6 points=10 a=128 p=0 l=228 v1 | earn +10/0 issuance>member
4d earn o=o-6 total=20.00 => ok #7 points=20 a=148 p=0 l=248 v1 | earn +20/0 issuance>member
5d earn o=o-7 total=280.00 => ok #8 points=280 a=428 p=0 l=528 v1 rewards=Mug | earn +280/0 issuance>member
5d earn o=o-8 total=280.01 => ok #9 points=280 a=708 p=0 l=808 v1 rewards=Bag of beans | earn +280/0 issuance>member
5d earn o=o-9 total=1001.00 => held #10 review=10 max_points_per_order,max_order_ratio points=1001 v1 | review_hold 0/0
6d approve review=10 => ok #11 review=10 points=1001 a=1709 p=0 l=1809 v1 | review_approve 0/0, earn +1001/0 issuance>member
)");
}

account_view viewed(test_ledger& ledger, const std::string& when) {
  ledger.run(when + " settle");
  return view_of(ledger.accounts.at("m-1"), ledger.active(), ledger.now);
}

TEST(programs_table, sixty_days_to_lapsing) {
  test_ledger ledger;
  ledger.put_program(
      "merchant = \"corner-roastery\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\n[lapse]\ndays = 60\n[redeem]\npoints = 1\nvalue = \"1\"\n");
  ledger.run("0d enroll");
  EXPECT_EQ(viewed(ledger, "60d-1us").state, outcome::active);
  EXPECT_EQ(viewed(ledger, "60d").state, outcome::lapsing);
  ledger.run("61d earn o=o-1 total=10.00");
  EXPECT_EQ(viewed(ledger, "121d-1us").state, outcome::active);
  ledger.run("121d-1us authorize points=1 ref=v-1");
  EXPECT_EQ(viewed(ledger, "121d").state, outcome::lapsing) << "an authorisation is no activity";
  ledger.run("122d redeem o=o-2 points=1");
  EXPECT_EQ(viewed(ledger, "122d").state, outcome::active);
  ledger.run("183d suspend reason=r");
  EXPECT_EQ(viewed(ledger, "183d").state, outcome::suspended);
}

TEST(programs_table, the_view_of_a_tier) {
  test_ledger ledger;
  ledger.put_program(
      "merchant = \"m\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\n[tiers]\nbasis = \"lifetime\"\n[[tier]]\nname = \"silver\"\n"
      "threshold = 100\n[[tier]]\nname = \"gold\"\nthreshold = 250\n");
  ledger.run("0d enroll");
  ledger.run("0d earn o=o-1 total=99.00");
  account_view view = viewed(ledger, "0d");
  EXPECT_EQ(view.tier, std::nullopt);
  EXPECT_EQ(view.tier_points, points_t{99});
  EXPECT_EQ(view.next_tier, 1);
  EXPECT_EQ(view.points_to_next_tier, points_t{1});
  ledger.run("0d earn o=o-2 total=151.00");
  view = viewed(ledger, "0d");
  EXPECT_EQ(view.tier, 2);
  EXPECT_EQ(view.next_tier, std::nullopt);
  EXPECT_EQ(view.points_to_next_tier, std::nullopt);
}

} // namespace
} // namespace tally
