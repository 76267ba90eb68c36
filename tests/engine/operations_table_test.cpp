// Claims, reservations, reviews, limits, tiers, transfers and late receipts, as tables: every outcome and every code of each.
#include "tests/engine/table.hpp"

#include <gtest/gtest.h>

namespace tally {
namespace {

TEST(operations_table, claim) {
  play(R"(
0d claim o=o-1 ref=coffee m=nobody => rejected unknown_account
0d enroll m=m-0 => ok #1 points=0 a=0 p=0 l=0 v0 | enroll 0/0
0d claim o=o-1 ref=coffee m=m-0 => rejected program_inactive
rules timed
0d enroll => ok #2 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d claim o=o-1 ref=tea => rejected unknown_reward
0d claim o=o-1 ref=summer => rejected unknown_reward
0d claim o=o-1 ref=coffee terminal=t-1 => ok #3 coffee used=60 a=40 p=0 l=100 v1 | claim -60/0 member>redemption
1d claim o=o-1 ref=coffee => duplicate #3 coffee used=60 a=40 p=0 l=100 v1
1d claim o=o-1 ref=summer => rejected reference_conflict
1d claim o=o-2 ref=coffee => rejected insufficient_points
1d suspend reason=r => ok #4 suspended forfeited=0 a=40 p=0 l=100 v1 | suspend 0/0
1d claim o=o-2 ref=coffee => rejected account_suspended
1d reactivate reason=r => ok #5 active forfeited=0 a=40 p=0 l=100 v1 | reactivate 0/0
1d reverse o=o-1 ref=r-1 => ok #6 taken=0 restored=60 expired=0 refunded=0.00 a=100 p=0 l=100 v1 | restore +60/0 redemption>member, reverse 0/0
1d close reason=r => ok #8 closed forfeited=100 a=0 p=0 l=100 v1 | close -100/0 member>forfeiture
1d claim o=o-2 ref=coffee => rejected account_closed
rules rewards only
1d enroll m=m-2 => ok #9 points=100 a=100 p=0 l=100 v2 | enroll +100/0 issuance>member
1d claim m=m-2 o=o-1 ref=coffee => ok #10 coffee used=60 a=40 p=0 l=100 v2 | claim -60/0 member>redemption
rules floor of 90
1d enroll m=m-3 => ok #11 points=100 a=100 p=0 l=100 v3 | enroll +100/0 issuance>member
1d claim m=m-3 o=o-1 ref=coffee => ok #12 coffee used=60 a=40 p=0 l=100 v3 | claim -60/0 member>redemption
1d claim m=m-3 o=o-2 ref=coffee => rejected below_min_balance
rules inactive
1d claim m=m-3 o=o-2 ref=coffee => rejected program_inactive
)");
}

TEST(operations_table, reservations) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d authorize points=0 ref=v-0 => rejected below_min_points
0d authorize points=101 ref=v-0 => rejected insufficient_points
0d authorize points=10 minutes=0 ref=v-0 => invalid minutes: must be 1 to 10080
0d authorize points=10 minutes=10081 ref=v-0 => invalid minutes: must be 1 to 10080
0d authorize points=40 ref=v-1 => ok #2 v-1 used=40 until=15min a=60 p=0 r=40 l=100 v1 | authorize -40/0/+40 member>reserved
0d authorize points=40 ref=v-1 => duplicate #2 v-1 used=40 until=15min a=60 p=0 r=40 l=100 v1
0d authorize points=41 ref=v-1 => rejected reference_conflict
0d authorize points=40 minutes=15 ref=v-1 => rejected reference_conflict
0d authorize points=30 ref=v-2 minutes=10080 => ok #3 v-2 used=30 until=10080min a=30 p=0 r=70 l=100 v1 | authorize -30/0/+30 member>reserved
0d authorize points=20 ref=v-3 => ok #4 v-3 used=20 until=15min a=10 p=0 r=90 l=100 v1 | authorize -20/0/+20 member>reserved
0d redeem points=11 o=o-1 => rejected insufficient_points
0d close reason=r => rejected points_reserved
0d capture ref=v-9 => rejected unknown_reservation
0d capture ref=v-1 points=41 => rejected insufficient_points
0d capture ref=v-1 points=0 => invalid points: must be more than 0
0d capture ref=v-1 points=25 o=o-1 => ok #5 v-1 used=25 returned=15 discount=0.25 a=25 p=0 r=50 l=100 v1 | capture 0/0/-25 reserved>redemption, void +15/0/-15 reserved>member
0d capture ref=v-1 points=25 o=o-1 => duplicate #5 v-1 used=25 returned=15 discount=0.25 a=25 p=0 r=50 l=100 v1
0d capture ref=v-1 points=26 o=o-1 => rejected reference_conflict
0d capture ref=v-1 points=25 => rejected reference_conflict
0d void ref=v-1 => rejected reservation_closed
0d void ref=v-2 => ok #7 v-2 returned=30 a=55 p=0 r=20 l=100 v1 | void +30/0/-30 reserved>member
0d void ref=v-2 => duplicate #7 v-2 returned=30 a=55 p=0 r=20 l=100 v1
0d capture ref=v-2 => rejected reservation_closed
0d void ref=v-9 => rejected unknown_reservation
1d settle => settled | void +20/0/-20 reserved>member
1d capture ref=v-3 => rejected reservation_closed
1d void ref=v-3 => rejected reservation_closed
1d reverse o=o-1 ref=r-1 => ok #9 taken=0 restored=25 expired=0 refunded=0.00 a=100 p=0 l=100 v1 | restore +25/0 redemption>member, reverse 0/0
)");
}

TEST(operations_table, a_reservation_keeps_the_rate_it_was_given) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d authorize points=90 ref=v-1 => ok #2 v-1 used=80 until=15min a=20 p=0 r=80 l=100 v1 | authorize -80/0/+80 member>reserved
0d authorize points=10 ref=v-2 => ok #3 v-2 used=10 until=15min a=10 p=0 r=90 l=100 v1 | authorize -10/0/+10 member>reserved
rules cheaper
0d capture ref=v-1 => ok #4 v-1 used=80 returned=0 discount=0.80 a=10 p=0 r=10 l=100 v1 | capture 0/0/-80 reserved>redemption
0d capture ref=v-2 points=5 => ok #5 v-2 used=5 returned=5 discount=0.05 a=15 p=0 l=100 v1 | capture 0/0/-5 reserved>redemption, void +5/0/-5 reserved>member
)");
}

TEST(operations_table, what_is_reserved_does_not_expire) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d authorize points=70 ref=v-1 minutes=10080 => ok #2 v-1 used=70 until=10080min a=30 p=0 r=70 l=100 v1 | authorize -70/0/+70 member>reserved
5d authorize points=20 ref=v-2 minutes=10080 => ok #3 v-2 used=20 until=17280min a=10 p=0 r=90 l=100 v1 | authorize -20/0/+20 member>reserved
7d-1us settle => settled
7d settle => settled | void +70/0/-70 reserved>member
9d authorize points=60 ref=v-3 minutes=10080 => ok #5 v-3 used=60 until=23040min a=20 p=0 r=80 l=100 v1 | authorize -60/0/+60 member>reserved
10d settle => settled | expire -20/0 member>expiry
11d capture ref=v-2 points=5 => ok #7 v-2 used=5 returned=15 discount=0.05 a=0 p=0 r=60 l=100 v1 | capture 0/0/-5 reserved>redemption, void +15/0/-15 reserved>member, expire -15/0 member>expiry
16d settle => settled | void +60/0/-60 reserved>member, expire -60/0 member>expiry
)");
}

TEST(operations_table, points_given_back_pay_debt) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d authorize points=70 ref=v-1 => ok #2 v-1 used=70 until=15min a=30 p=0 r=70 l=100 v1 | authorize -70/0/+70 member>reserved
0d adjust points=-50 ref=a-1 force => ok #3 points=-50 a=-20 p=0 r=70 l=100 v1 | adjust -50/0 member>adjustment
0d void ref=v-1 => ok #4 v-1 returned=70 a=50 p=0 l=100 v1 | void +70/0/-70 reserved>member
0d authorize points=50 ref=v-2 => ok #5 v-2 used=50 until=15min a=0 p=0 r=50 l=100 v1 | authorize -50/0/+50 member>reserved
0d adjust points=-80 ref=a-2 force => ok #6 points=-80 a=-80 p=0 r=50 l=100 v1 | adjust -80/0 member>adjustment
1d settle => settled | void +50/0/-50 reserved>member
)");
}

TEST(operations_table, while_suspended_captures_and_voids_go_on) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d authorize points=70 ref=v-1 => ok #2 v-1 used=70 until=15min a=30 p=0 r=70 l=100 v1 | authorize -70/0/+70 member>reserved
0d authorize points=20 ref=v-2 => ok #3 v-2 used=20 until=15min a=10 p=0 r=90 l=100 v1 | authorize -20/0/+20 member>reserved
0d suspend reason=r => ok #4 suspended forfeited=0 a=10 p=0 r=90 l=100 v1 | suspend 0/0
0d authorize points=5 ref=v-3 => rejected account_suspended
0d capture ref=v-1 points=10 => ok #5 v-1 used=10 returned=60 discount=0.10 a=70 p=0 r=20 l=100 v1 | capture 0/0/-10 reserved>redemption, void +60/0/-60 reserved>member
0d void ref=v-2 => ok #7 v-2 returned=20 a=90 p=0 l=100 v1 | void +20/0/-20 reserved>member
0d reactivate reason=r => ok #8 active forfeited=0 a=90 p=0 l=100 v1 | reactivate 0/0
0d close reason=r => ok #9 closed forfeited=90 a=0 p=0 l=100 v1 | close -90/0 member>forfeiture
0d capture ref=v-1 points=10 => duplicate #5 v-1 used=10 returned=60 discount=0.10 a=70 p=0 r=20 l=100 v1
0d capture ref=v-2 => rejected account_closed
0d void ref=v-2 => duplicate #7 v-2 returned=20 a=90 p=0 l=100 v1
0d authorize points=5 ref=v-3 => rejected account_closed
)");
}

TEST(operations_table, reviews_of_earns) {
  play(R"(
0d approve review=1 => rejected unknown_account
0d enroll => ok #1 points=0 a=0 p=0 l=0 v0 | enroll 0/0
0d approve review=1 => rejected unknown_review
0d reject review=77 => rejected unknown_review
rules reviewed
0d earn o=o-1 total=10.00 => ok #2 points=10 a=10 p=0 l=10 v1 | earn +10/0 issuance>member
0d earn o=o-2 total=501.00 => held #3 review=3 max_points_per_order points=501 v1 | review_hold 0/0
0d earn o=o-2 total=501.00 => duplicate #3 review=3 max_points_per_order points=501 v1
0d earn o=o-2 total=502.00 => rejected reference_conflict
0d earn o=o-3 total=100.00 => ok #4 points=100 a=110 p=0 l=110 v1 rewards=coffee | earn +100/0 issuance>member
0d earn o=o-4 total=550.00 => held #5 review=5 max_points_per_order points=550 v1 | review_hold 0/0
0d earn o=o-5 total=550.01 => held #6 review=6 max_points_per_order,max_order_ratio points=550 v1 | review_hold 0/0
0d earn o=o-6 total=5500.01 => held #7 review=7 max_points_per_order,max_order_ratio points=5500 v1 | review_hold 0/0
0d reverse o=o-2 ref=r-1 amount=1.00 restore => ok #8 taken=0 restored=0 expired=0 refunded=0.00 a=110 p=0 l=110 v1 | review_reject 0/0, reverse 0/0
0d reverse o=o-2 ref=r-1 amount=1.00 restore => duplicate #8 taken=0 restored=0 expired=0 refunded=0.00 a=110 p=0 l=110 v1
0d reverse o=o-2 ref=r-2 => rejected unknown_order
0d reject review=4 reason=r => rejected unknown_review
0d approve review=4 reason=r => rejected unknown_review
0d earn o=o-2 total=501.00 => duplicate #3 review=3 max_points_per_order points=501 v1
0d suspend reason=r => ok #10 suspended forfeited=0 a=110 p=0 l=110 v1 | suspend 0/0
0d approve review=6 reason=r => skipped account_suspended
0d reactivate reason=r => ok #11 active forfeited=0 a=110 p=0 l=110 v1 | reactivate 0/0
1d approve review=6 reason=r => ok #12 review=6 points=550 a=660 p=0 l=660 v1 | review_approve 0/0, earn +550/0 issuance>member
1d approve review=6 reason=again => duplicate #12 review=6 points=550 a=660 p=0 l=660 v1
1d reject review=6 reason=r => rejected reference_conflict
1d earn o=o-4 total=550.00 => duplicate #5 review=5 max_points_per_order points=550 v1
1d reject review=7 reason=r => ok #14 review=7 | review_reject 0/0
1d reject review=7 reason=r => duplicate #14 review=7
1d reverse o=o-4 ref=r-3 => ok #15 taken=0 restored=0 expired=0 refunded=0.00 a=660 p=0 l=660 v1 | review_reject 0/0, reverse 0/0
1d earn o=o-7 total=501.00 => held #17 review=17 max_points_per_order points=501 v1 | review_hold 0/0
1d close reason=r => ok #18 closed forfeited=660 a=0 p=0 l=660 v1 | review_reject 0/0, close -660/0 member>forfeiture
1d approve review=17 => rejected reference_conflict
1d reject review=17 => duplicate #18 review=17
)");
}

TEST(operations_table, reviews_of_reversals) {
  play(R"(
rules reviewed
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00 => ok #2 points=100 a=100 p=0 l=100 v1 rewards=coffee | earn +100/0 issuance>member
0d earn o=o-2 total=50.00 => ok #3 points=50 a=150 p=0 l=150 v1 | earn +50/0 issuance>member
0d redeem points=120 o=o-3 => ok #4 used=120 discount=1.20 a=30 p=0 l=150 v1 | redeem -120/0 member>redemption
0d reverse o=o-2 ref=r-0 amount=20.00 => ok #5 taken=20 restored=0 expired=0 refunded=20.00 a=10 p=0 l=150 v1 | reverse -20/0 member>issuance
0d reverse o=o-1 ref=r-1 => held #6 review=6 negative_reversal points=100 v1 | review_hold 0/0
0d reverse o=o-1 ref=r-1 => duplicate #6 review=6 negative_reversal points=100 v1
0d reverse o=o-1 ref=r-1 amount=1.00 => rejected reference_conflict
0d reverse o=o-1 ref=r-2 amount=5.00 => ok #7 taken=5 restored=0 expired=0 refunded=5.00 a=5 p=0 l=150 v1 | reverse -5/0 member>issuance
1d approve review=6 => ok #8 review=6 taken=95 restored=0 expired=0 refunded=100.00 a=-90 p=0 l=150 v1 | review_approve 0/0, reverse -95/0 member>issuance
1d approve review=6 => duplicate #8 review=6 taken=95 restored=0 expired=0 refunded=100.00 a=-90 p=0 l=150 v1
1d reverse o=o-1 ref=r-1 => duplicate #6 review=6 negative_reversal points=100 v1
1d reverse o=o-2 ref=r-3 amount=10.00 => held #10 review=10 negative_reversal points=10 v1 | review_hold 0/0
1d reverse o=o-2 ref=r-4 => held #11 review=11 negative_reversal points=30 v1 | review_hold 0/0
1d approve review=11 => ok #12 review=11 taken=30 restored=0 expired=0 refunded=50.00 a=-120 p=0 l=150 v1 | review_approve 0/0, reverse -30/0 member>issuance
1d reject review=10 => ok #14 review=10 | review_reject 0/0
1d approve review=10 => rejected reference_conflict
)");
}

TEST(operations_table, limits) {
  play(R"(
rules limited
0d enroll => ok #1 points=1000 a=1000 p=0 l=1000 v1 | enroll +1000/0 issuance>member
0d earn o=o-1 total=100.00 => ok #2 points=100 a=1100 p=0 l=1100 v1 | earn +100/0 issuance>member
0d earn o=o-2 total=1.00 => held #3 review=3 earn_points_per_day points=1 v1 | review_hold 0/0
0d approve review=3 => ok #4 review=3 points=1 a=1101 p=0 l=1101 v1 | review_approve 0/0, earn +1/0 issuance>member
0d redeem o=o-1 points=100 => ok #6 used=100 discount=1.00 a=1001 p=0 l=1101 v1 | redeem -100/0 member>redemption
0d redeem o=o-2 points=101 => rejected over_limit
0d claim o=o-3 ref=coffee => ok #7 coffee used=60 a=941 p=0 l=1101 v1 | claim -60/0 member>redemption
0d preview points=41 => rejected over_limit
0d authorize ref=v-1 points=40 => ok #8 v-1 used=40 until=15min a=901 p=0 r=40 l=1101 v1 | authorize -40/0/+40 member>reserved
0d void ref=v-1 => ok #9 v-1 returned=40 a=941 p=0 l=1101 v1 | void +40/0/-40 reserved>member
0d redeem o=o-4 points=1 => rejected over_limit
1d-1us redeem o=o-4 points=1 => rejected over_limit
1d redeem o=o-4 points=200 => ok #10 used=200 discount=2.00 a=741 p=0 l=1101 v1 | redeem -200/0 member>redemption
1d earn o=o-5 total=101.00 => held #11 review=11 earn_points_per_day points=101 v1 | review_hold 0/0
1d claim o=o-5 ref=coffee => rejected over_limit
)");
}

TEST(operations_table, tiers_for_life) {
  play(R"(
rules tiered
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=99.00 => ok #2 points=99 a=99 p=0 l=99 v1 | earn +99/0 issuance>member
0d earn o=o-2 total=1.00 => ok #3 points=1 a=100 p=0 l=100 tier=silver changed v1 | earn +1/0 issuance>member
0d earn o=o-3 total=99.00 => ok #4 points=148 a=248 p=0 l=248 tier=silver v1 | earn +148/0 issuance>member
0d earn o=o-4 total=2.00 => ok #5 points=3 a=251 p=0 l=251 tier=gold changed v1 | earn +3/0 issuance>member
0d earn o=o-5 total=10.00 => ok #6 points=20 a=271 p=0 l=271 tier=gold v1 | earn +20/0 issuance>member
0d redeem o=o-6 points=10 => ok #7 used=10 discount=0.10 a=261 p=0 l=271 tier=gold v1 | redeem -10/0 member>redemption
0d preview points=10 => ok used=10 discount=0.10 a=261 p=0 l=271 tier=gold v1
0d reverse o=o-5 ref=r-1 => ok #8 taken=20 restored=0 expired=0 refunded=10.00 a=241 p=0 l=271 tier=gold v1 | reverse -20/0 member>issuance
0d reverse o=o-3 ref=r-2 => ok #9 taken=148 restored=0 expired=0 refunded=99.00 a=93 p=0 l=271 tier=silver changed v1 | reverse -148/0 member>issuance
0d adjust points=500 ref=a-1 => ok #10 points=500 a=593 p=0 l=271 tier=silver v1 | adjust +500/0 adjustment>member
0d earn o=o-5 total=10.00 => duplicate #6 points=20 a=271 p=0 l=271 tier=gold v1
)");
}

TEST(operations_table, tiers_of_a_year) {
  play(R"(
rules yearly
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
364d earn o=o-1 total=100.00 => ok #2 points=100 a=100 p=0 l=100 tier=silver changed v1 | earn +100/0 issuance>member
365d-1us adjust ref=a-1 points=1 => ok #3 points=1 a=101 p=0 l=100 tier=silver v1 | adjust +1/0 adjustment>member
365d adjust ref=a-2 points=1 => ok #4 points=1 a=102 p=0 l=100 v1 | adjust +1/0 adjustment>member
366d earn o=o-2 total=99.00 => ok #5 points=99 a=201 p=0 l=199 v1 | earn +99/0 issuance>member
367d earn o=o-3 total=5.00 at=364d => ok #6 points=5 a=206 p=0 l=204 v1 | earn +5/0 issuance>member
367d earn o=o-4 total=1.00 => ok #7 points=1 a=207 p=0 l=205 tier=silver changed v1 | earn +1/0 issuance>member
rules rolling
367d adjust ref=a-3 points=1 => ok #8 points=1 a=208 p=0 l=205 tier=silver v2 | adjust +1/0 adjustment>member
729d-1us adjust ref=a-4 points=1 => ok #9 points=1 a=209 p=0 l=205 tier=silver v2 | adjust +1/0 adjustment>member
731d adjust ref=a-5 points=1 => ok #10 points=1 a=210 p=0 l=205 v2 | adjust +1/0 adjustment>member
)");
}

TEST(operations_table, late_receipts) {
  play(R"(
rules late
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
1d earn o=o-0 total=1.00 at=1d+1us => invalid at: is in the future
rules late double
3d earn o=o-1 total=10.00 at=0d => ok #2 points=10 a=10 p=0 l=10 v1 | earn +10/0 issuance>member
3d earn o=o-2 total=10.00 at=1d => ok #3 points=20 a=30 p=0 l=30 v2 | earn +20/0 issuance>member
3d earn o=o-3 total=10.00 at=2d => ok #4 points=20 a=50 p=0 l=50 v2 | earn +20/0 issuance>member
3d earn o=o-4 total=10.00 at=3d => ok #5 points=20 a=70 p=0 l=70 v2 | earn +20/0 issuance>member
3d earn o=o-4 total=10.00 => duplicate #5 points=20 a=70 p=0 l=70 v2
4d earn o=o-9 total=10.00 m=nobody at=3d => skipped no_member
9d adjust points=-60 ref=a-1 force => ok #7 points=-60 a=0 p=0 l=70 v2 | expire -10/0 member>expiry, adjust -60/0 member>adjustment
9d earn o=o-5 total=10.00 at=0d => ok #8 points=10 a=0 p=0 l=80 v1 | earn +10/0 issuance>member, expire -10/0 member>expiry
10d earn o=o-6 total=10.00 at=0d-1us => skipped no_program
10d+1us earn o=o-7 total=10.00 at=0d => rejected too_late
10d earn o=o-7 total=10.00 at=0d => ok #10 points=10 a=0 p=0 l=90 v1 | earn +10/0 issuance>member, expire -10/0 member>expiry
)");
}

TEST(operations_table, transfer) {
  play(R"(
rules timed
0d transfer to=m-2 points=10 ref=t-1 => rejected unknown_account
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d transfer to=m-2 points=10 ref=t-1 => rejected unknown_account
0d transfer to=m-1 points=10 ref=t-1 => invalid to: is the account itself
0d transfer to=m-2 points=0 ref=t-1 => invalid points: must be more than 0
0d enroll m=m-2 => ok #2 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d transfer to=m-2 points=101 ref=t-1 => rejected insufficient_points
0d transfer to=m-2 points=10 ref=t-1 => ok #3 to #4 points=10 a=90 p=0 l=100 v1 | transfer_out -10/0 member>transfer, transfer_in +10/0 transfer>member
0d transfer to=m-2 points=10 ref=t-1 => duplicate #3 to #4 points=10 a=90 p=0 l=100 v1
0d transfer to=m-2 points=11 ref=t-1 => rejected reference_conflict
0d transfer to=m-3 points=10 ref=t-1 => rejected reference_conflict
0d adjust m=m-2 points=-130 ref=a-1 force => ok #5 points=-130 a=-20 p=0 l=100 v1 | adjust -130/0 member>adjustment
5d transfer to=m-2 points=50 ref=t-2 => ok #6 to #7 points=50 a=40 p=0 l=100 v1 | transfer_out -50/0 member>transfer, transfer_in +50/0 transfer>member
5d suspend m=m-2 reason=r => ok #8 suspended forfeited=0 a=30 p=0 l=100 v1 | suspend 0/0
5d transfer to=m-2 points=1 ref=t-3 => rejected account_suspended
5d transfer m=m-2 to=m-1 points=1 ref=t-3 => rejected account_suspended
5d close m=m-2 reason=r => ok #9 closed forfeited=30 a=0 p=0 l=100 v1 | close -30/0 member>forfeiture
5d transfer to=m-2 points=1 ref=t-3 => rejected account_closed
10d enroll m=m-4 => ok #10 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
10d transfer to=m-4 points=1 ref=t-4 => rejected insufficient_points | expire -40/0 member>expiry
)");
}

// Of the two sides: unknown before closed, closed before suspended, whichever side it is.
TEST(operations_table, transfers_refused_for_both_sides) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d enroll m=m-2 => ok #2 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d close m=m-2 reason=r => ok #3 closed forfeited=100 a=0 p=0 l=100 v1 | close -100/0 member>forfeiture
0d suspend reason=r => ok #4 suspended forfeited=0 a=100 p=0 l=100 v1 | suspend 0/0
0d transfer to=m-2 points=1 ref=t-1 => rejected account_closed
0d transfer m=m-2 to=m-1 points=1 ref=t-1 => rejected account_closed
0d transfer to=nobody points=1 ref=t-1 => rejected unknown_account
0d transfer m=m-2 to=nobody points=1 ref=t-1 => rejected unknown_account
)");
}

TEST(operations_table, erase) {
  play(R"(
0d erase => rejected unknown_account
0d enroll => ok #1 points=0 a=0 p=0 l=0 v0 | enroll 0/0
0d erase note=asked => ok #2 | erase 0/0
0d erase => duplicate #2
0d close reason=r => ok #3 closed forfeited=0 a=0 p=0 l=0 v0 | close 0/0
0d erase => duplicate #2
)");
}

} // namespace
} // namespace tally
