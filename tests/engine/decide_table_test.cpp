// Every outcome of every operation, as tables: one line an event, last column the outcome and the entries it made.
// A line that begins with `rules` makes the named rules the next version. After each table the journal is replayed.
#include "tests/engine/table.hpp"

#include <gtest/gtest.h>

namespace tally {
namespace {

TEST(decide_table, enroll) {
  play(R"(
0d enroll                  => ok #1 points=0 a=0 p=0 l=0 v0 | enroll 0/0
0d enroll m=m-1 note=again => duplicate #1 points=0 a=0 p=0 l=0 v0
rules plain
1d enroll m=m-2            => ok #2 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
rules inactive
2d enroll m=m-3            => ok #3 points=7 a=7 p=0 l=7 v2 | enroll +7/0 issuance>member
rules brief
3d enroll m=m-4            => ok #4 points=0 a=0 p=0 l=0 v3 | enroll 0/0
4d enroll m=m-2            => duplicate #2 points=50 a=50 p=0 l=50 v1
)");
}

TEST(decide_table, earn_skips_in_the_order_of_the_contract) {
  play(R"(
0d earn m=nobody o=o-1 total=42.50 => skipped no_member
0d enroll                          => ok #1 points=0 a=0 p=0 l=0 v0 | enroll 0/0
0d earn o=o-1 total=42.50          => skipped no_program
rules inactive
0d suspend reason=r                => ok #2 suspended forfeited=0 a=0 p=0 l=0 v1 | suspend 0/0
0d earn o=o-1 total=0.00           => skipped program_inactive
rules plain
0d earn o=o-1 total=0.00           => skipped account_suspended
0d reactivate reason=r             => ok #3 active forfeited=0 a=0 p=0 l=0 v2 | reactivate 0/0
0d earn o=o-1 total=0.99           => skipped zero_points
rules rate zero
0d earn o=o-1 total=42.50          => skipped zero_points
rules a thousand
0d earn o=o-1 total=999.9999       => skipped zero_points
0d earn o=o-1 total=1000.00        => ok #4 points=1 a=1 p=0 l=1 v4 | earn +1/0 issuance>member
)");
}

TEST(decide_table, earn_formula_and_rewards) {
  play(R"(
rules plain
0d enroll                                              => ok #1 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
0d earn o=o-1 total=42.50 lines=BEAN-1KG:beans:1:30.00 => ok #2 points=72 a=122 p=0 l=122 v1 rewards=coffee | earn +72/0 issuance>member
0d earn o=o-2 total=8.00                               => ok #3 points=8 a=130 p=0 l=130 v1 | earn +8/0 issuance>member
0d earn o=o-3 total=30.00                              => ok #4 points=30 a=160 p=0 l=160 v1 rewards=cake | earn +30/0 issuance>member
0d redeem o=o-4 points=100                             => ok #5 used=100 discount=1.00 a=60 p=0 l=160 v1 | redeem -100/0 member>redemption
0d earn o=o-5 total=200.00                             => ok #6 points=200 a=260 p=0 l=360 v1 rewards=coffee,cake | earn +200/0 issuance>member
rules tens
0d earn o=o-6 total=42.99                              => ok #7 points=420 a=680 p=0 l=780 v2 | earn +420/0 issuance>member
)");
}

TEST(decide_table, earn_duplicates_and_conflicts) {
  play(R"(
rules plain
0d enroll                                                                      => ok #1 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
0d earn o=o-1 total=42.50 lines=BEAN-1KG:beans:1:30.00                         => ok #2 points=72 a=122 p=0 l=122 v1 rewards=coffee | earn +72/0 issuance>member
1d earn o=o-1 total=42.50 lines=BEAN-1KG:beans:1:30.00 note=again terminal=t-9 => duplicate #2 points=72 a=122 p=0 l=122 v1 rewards=coffee
1d earn o=o-1 total=42.51 lines=BEAN-1KG:beans:1:30.00                         => rejected reference_conflict
1d earn o=o-1 total=42.50                                                      => rejected reference_conflict
1d earn o=o-1 total=42.50 lines=BEAN-1KG:-:1:30.00                             => rejected reference_conflict
1d earn o=o-1 total=42.50 lines=BEAN-1KG:beans:2:30.00                         => rejected reference_conflict
1d earn o=o-1 total=42.50 lines=BEAN-1KG:beans:1:30.01                         => rejected reference_conflict
1d earn o=o-1 total=42.50 lines=BEAN-2KG:beans:1:30.00                         => rejected reference_conflict
1d redeem o=o-1 points=20                                                      => ok #3 used=20 discount=0.20 a=102 p=0 l=122 v1 | redeem -20/0 member>redemption
rules inactive
2d suspend reason=r                                                            => ok #4 suspended forfeited=0 a=102 p=0 l=122 v2 | suspend 0/0
2d earn o=o-1 total=42.50 lines=BEAN-1KG:beans:1:30.00                         => duplicate #2 points=72 a=122 p=0 l=122 v1 rewards=coffee
2d close reason=r                                                              => ok #5 closed forfeited=102 a=0 p=0 l=122 v2 | close -102/0 member>forfeiture
2d earn o=o-1 total=42.50 lines=BEAN-1KG:beans:1:30.00                         => duplicate #2 points=72 a=122 p=0 l=122 v1 rewards=coffee
2d earn o=o-1 total=1.00                                                       => rejected reference_conflict
2d earn o=o-2 total=1.00                                                       => rejected account_closed
)");
}

TEST(decide_table, hold_release_and_expiry) {
  play(R"(
rules expiring
0d enroll                      => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00     => ok #2 points=100 a=0 p=100 l=100 v1 | earn 0/+100 issuance>pending
1d earn o=o-2 total=10.00      => ok #3 points=10 a=0 p=110 l=110 v1 | earn 0/+10 issuance>pending
3d-1us redeem o=o-3 points=100 => rejected insufficient_points
3d redeem o=o-3 points=100     => ok #5 used=100 discount=1.00 a=0 p=10 l=110 v1 | release +100/-100 pending>member, redeem -100/0 member>redemption
4d settle                      => settled | release +10/-10 pending>member
30d-1us preview points=10      => ok used=10 discount=0.10 a=10 p=0 l=110 v1
30d preview points=10          => ok used=10 discount=0.10 a=10 p=0 l=110 v1
31d redeem o=o-4 points=10     => rejected insufficient_points | expire -10/0 member>expiry
40d earn o=o-5 total=5.00      => ok #8 points=5 a=0 p=5 l=115 v1 | earn 0/+5 issuance>pending
90d earn o=o-5 total=5.00      => duplicate #8 points=5 a=0 p=5 l=115 v1 | release +5/-5 pending>member, expire -5/0 member>expiry
)");
}

TEST(decide_table, a_lot_that_expires_in_its_hold) {
  play(R"(
rules expires in hold
0d enroll                  => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00 => ok #2 points=100 a=0 p=100 l=100 v1 | earn 0/+100 issuance>pending
1d earn o=o-2 total=10.00  => ok #3 points=10 a=0 p=110 l=110 v1 | earn 0/+10 issuance>pending
5d settle                  => settled | expire 0/-100 pending>expiry
20d reverse o=o-2 ref=r-1  => ok #6 taken=10 restored=0 expired=0 refunded=10.00 a=0 p=0 l=110 v1 | expire 0/-10 pending>expiry, reverse 0/0
)");
}

TEST(decide_table, release_comes_before_expiry_at_one_instant) {
  play(R"(
rules both at once
0d enroll                  => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00 => ok #2 points=100 a=0 p=100 l=100 v1 | earn 0/+100 issuance>pending
0d earn o=o-2 total=10.00  => ok #3 points=10 a=0 p=110 l=110 v1 | earn 0/+10 issuance>pending
5d settle                  => settled | release +100/-100 pending>member, release +10/-10 pending>member, expire -100/0 member>expiry, expire -10/0 member>expiry
)");
}

TEST(decide_table, redeem_checks_in_the_order_of_the_contract) {
  play(R"(
0d redeem o=o-1 points=100                 => rejected unknown_account
0d enroll                                  => ok #1 points=0 a=0 p=0 l=0 v0 | enroll 0/0
0d redeem o=o-1 points=0                   => rejected program_inactive
rules inactive
0d redeem o=o-1 points=0                   => rejected program_inactive
rules no redeem
0d redeem o=o-1 points=0                   => rejected program_inactive
0d suspend reason=r                        => ok #2 suspended forfeited=0 a=0 p=0 l=0 v2 | suspend 0/0
rules plain
0d redeem o=o-1 points=0                   => rejected account_suspended
0d preview points=0                        => rejected account_suspended
0d reactivate reason=r                     => ok #3 active forfeited=0 a=0 p=0 l=0 v3 | reactivate 0/0
0d redeem o=o-1 points=0                   => rejected below_min_points
0d redeem o=o-1 points=-5                  => rejected below_min_points
0d redeem o=o-1 points=9                   => rejected below_min_points
0d redeem o=o-1 points=100                 => rejected below_min_balance
0d adjust ref=a-1 points=20 reason=r       => ok #4 points=20 a=20 p=0 l=0 v3 | adjust +20/0 adjustment>member
0d redeem o=o-1 points=21                  => rejected insufficient_points
0d redeem o=o-1 points=10 total=0.00       => rejected over_cap
0d redeem o=o-1 points=20 total=0.05 exact => rejected over_cap
0d redeem o=o-1 points=20 total=0.05       => ok #5 used=5 discount=0.05 a=15 p=0 l=0 v3 | redeem -5/0 member>redemption
0d adjust ref=a-2 points=5 reason=r        => ok #6 points=5 a=20 p=0 l=0 v3 | adjust +5/0 adjustment>member
0d redeem o=o-2 points=10 total=0.10 exact => ok #7 used=10 discount=0.10 a=10 p=0 l=0 v3 | redeem -10/0 member>redemption
0d close reason=r                          => ok #8 closed forfeited=10 a=0 p=0 l=0 v3 | close -10/0 member>forfeiture
0d redeem o=o-3 points=0                   => rejected account_closed
0d preview points=0                        => rejected account_closed
0d redeem o=o-1 points=20 total=0.05       => duplicate #5 used=5 discount=0.05 a=15 p=0 l=0 v3
)");
}

TEST(decide_table, redeem_caps) {
  play(R"(
rules plain
0d enroll                               => ok #1 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
0d adjust ref=a-1 points=2000 reason=r  => ok #2 points=2000 a=2050 p=0 l=50 v1 | adjust +2000/0 adjustment>member
0d preview points=600                   => ok used=500 discount=5.00 a=2050 p=0 l=50 v1
0d redeem o=o-1 points=600              => ok #3 used=500 discount=5.00 a=1550 p=0 l=50 v1 | redeem -500/0 member>redemption
0d redeem o=o-2 points=600 exact        => rejected over_cap
0d redeem o=o-2 points=500 exact        => ok #4 used=500 discount=5.00 a=1050 p=0 l=50 v1 | redeem -500/0 member>redemption
0d redeem o=o-3 points=600 total=3.00   => ok #5 used=300 discount=3.00 a=750 p=0 l=50 v1 | redeem -300/0 member>redemption
0d redeem o=o-4 points=600 total=3.0099 => ok #6 used=300 discount=3.00 a=450 p=0 l=50 v1 | redeem -300/0 member>redemption
0d redeem o=o-5 points=300 total=0.009  => rejected over_cap
0d preview points=300 total=2.00        => ok used=200 discount=2.00 a=450 p=0 l=50 v1
rules whole coins
0d redeem o=o-6 points=250 total=1.99   => ok #7 used=100 discount=1 a=350 p=0 l=50 v2 | redeem -100/0 member>redemption
0d redeem o=o-7 points=250              => ok #8 used=250 discount=2 a=100 p=0 l=50 v2 | redeem -250/0 member>redemption
0d redeem o=o-8 points=99               => rejected below_min_points
rules worthless
0d redeem o=o-9 points=9 total=0.00     => rejected below_min_points
0d redeem o=o-9 points=10 total=0.00    => rejected over_cap
0d redeem o=o-9 points=9                => rejected below_min_points
)");
}

TEST(decide_table, redeem_duplicates_and_conflicts) {
  play(R"(
rules plain
0d enroll                                    => ok #1 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
0d adjust ref=a-1 points=1000 reason=r       => ok #2 points=1000 a=1050 p=0 l=50 v1 | adjust +1000/0 adjustment>member
0d redeem o=o-1 points=600 total=9.00        => ok #3 used=500 discount=5.00 a=550 p=0 l=50 v1 | redeem -500/0 member>redemption
1d redeem o=o-1 points=600 total=9.00 note=n => duplicate #3 used=500 discount=5.00 a=550 p=0 l=50 v1
1d redeem o=o-1 points=500 total=9.00        => rejected reference_conflict
1d redeem o=o-1 points=600                   => rejected reference_conflict
1d redeem o=o-1 points=600 total=9.01        => rejected reference_conflict
1d redeem o=o-1 points=600 total=9.00 exact  => rejected reference_conflict
1d earn o=o-1 total=9.00                     => ok #4 points=9 a=559 p=0 l=59 v1 | earn +9/0 issuance>member
rules no redeem
2d redeem o=o-1 points=600 total=9.00        => duplicate #3 used=500 discount=5.00 a=550 p=0 l=50 v1
)");
}

TEST(decide_table, lots_are_spent_soonest_to_expire_first) {
  play(R"(
rules plain
0d enroll                                       => ok #1 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
0d adjust ref=a-1 points=100 expire=20 reason=r => ok #2 points=100 a=150 p=0 l=50 v1 | adjust +100/0 adjustment>member
0d adjust ref=a-2 points=100 expire=10 reason=r => ok #3 points=100 a=250 p=0 l=50 v1 | adjust +100/0 adjustment>member
0d adjust ref=a-3 points=100 expire=0 reason=r  => ok #4 points=100 a=350 p=0 l=50 v1 | adjust +100/0 adjustment>member
0d adjust ref=a-4 points=100 expire=10 reason=r => ok #5 points=100 a=450 p=0 l=50 v1 | adjust +100/0 adjustment>member
0d redeem o=o-1 points=250                      => ok #6 used=250 discount=2.50 a=200 p=0 l=50 v1 | redeem -250/0 member>redemption
10d settle                                      => settled
20d settle                                      => settled | expire -50/0 member>expiry
21d redeem o=o-2 points=150                     => ok #8 used=150 discount=1.50 a=0 p=0 l=50 v1 | redeem -150/0 member>redemption
)");
}

TEST(decide_table, a_refund_in_parts) {
  play(R"(
rules plain
0d enroll                                     => ok #1 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
0d earn o=o-1 total=30.00                     => ok #2 points=30 a=80 p=0 l=80 v1 | earn +30/0 issuance>member
1d reverse o=o-1 ref=r-1 amount=10.01         => ok #3 taken=10 restored=0 expired=0 refunded=10.01 a=70 p=0 l=80 v1 | reverse -10/0 member>issuance
1d reverse o=o-1 ref=r-1 amount=10.01         => duplicate #3 taken=10 restored=0 expired=0 refunded=10.01 a=70 p=0 l=80 v1
1d reverse o=o-1 ref=r-1 amount=10.00         => rejected reference_conflict
1d reverse o=o-1 ref=r-1                      => rejected reference_conflict
1d reverse o=o-2 ref=r-1 amount=10.01         => rejected reference_conflict
1d reverse o=o-1 ref=r-1 amount=10.01 restore => rejected reference_conflict
1d reverse o=o-1 ref=r-2 amount=0.00          => ok #4 taken=0 restored=0 expired=0 refunded=10.01 a=70 p=0 l=80 v1 | reverse 0/0
1d reverse o=o-1 ref=r-3 amount=20.00         => rejected over_refund
1d reverse o=o-1 ref=r-3 amount=10.00         => ok #5 taken=10 restored=0 expired=0 refunded=20.01 a=60 p=0 l=80 v1 | reverse -10/0 member>issuance
2d reverse o=o-1 ref=r-4 amount=9.99          => ok #6 taken=10 restored=0 expired=0 refunded=30.00 a=50 p=0 l=80 v1 | reverse -10/0 member>issuance
2d reverse o=o-1 ref=r-5 amount=0.00          => rejected over_refund
2d reverse o=o-1 ref=r-5                      => rejected over_refund
2d earn o=o-1 total=30.00                     => duplicate #2 points=30 a=80 p=0 l=80 v1
)");
}

TEST(decide_table, a_cancelled_order) {
  play(R"(
rules plain
0d enroll                               => ok #1 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
0d earn o=o-1 total=200.00              => ok #2 points=200 a=250 p=0 l=250 v1 rewards=coffee,cake | earn +200/0 issuance>member
0d redeem o=o-1 points=120 total=200.00 => ok #3 used=120 discount=1.20 a=130 p=0 l=250 v1 | redeem -120/0 member>redemption
0d reverse o=o-1 ref=r-1 amount=50.00   => ok #4 taken=50 restored=0 expired=0 refunded=50.00 a=80 p=0 l=250 v1 | reverse -50/0 member>issuance
0d reverse o=o-1 ref=r-2                => ok #5 taken=150 restored=120 expired=0 refunded=200.00 a=50 p=0 l=250 v1 | restore +120/0 redemption>member, reverse -150/0 member>issuance
0d reverse o=o-1 ref=r-2                => duplicate #5 taken=150 restored=120 expired=0 refunded=200.00 a=50 p=0 l=250 v1
0d reverse o=o-1 ref=r-2 restore        => rejected reference_conflict
0d reverse o=o-1 ref=r-3                => rejected over_refund
0d reverse o=o-1 ref=r-3 amount=0.00    => rejected over_refund
0d reverse o=unknown ref=r-4            => rejected unknown_order
0d reverse m=nobody o=o-1 ref=r-1       => rejected unknown_account
)");
}

TEST(decide_table, restored_in_proportion) {
  play(R"(
rules plain
0d enroll                                     => ok #1 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
0d earn o=o-0 total=300.00                    => ok #2 points=300 a=350 p=0 l=350 v1 rewards=coffee,cake | earn +300/0 issuance>member
0d redeem o=o-1 points=101 total=30.00        => ok #3 used=101 discount=1.01 a=249 p=0 l=350 v1 | redeem -101/0 member>redemption
0d earn o=o-1 total=30.00                     => ok #4 points=30 a=279 p=0 l=380 v1 | earn +30/0 issuance>member
0d reverse o=o-1 ref=r-1 amount=10.00 restore => ok #5 taken=10 restored=33 expired=0 refunded=10.00 a=302 p=0 l=380 v1 | restore +33/0 redemption>member, reverse -10/0 member>issuance
0d reverse o=o-1 ref=r-2 amount=10.00         => ok #7 taken=10 restored=0 expired=0 refunded=20.00 a=292 p=0 l=380 v1 | reverse -10/0 member>issuance
0d reverse o=o-1 ref=r-3 amount=5.00 restore  => ok #8 taken=5 restored=17 expired=0 refunded=25.00 a=304 p=0 l=380 v1 | restore +17/0 redemption>member, reverse -5/0 member>issuance
0d reverse o=o-1 ref=r-4                      => ok #10 taken=5 restored=51 expired=0 refunded=30.00 a=350 p=0 l=380 v1 | restore +51/0 redemption>member, reverse -5/0 member>issuance
)");
}

TEST(decide_table, an_order_that_was_only_redeemed) {
  play(R"(
rules plain
0d enroll                                     => ok #1 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
0d earn o=o-0 total=300.00                    => ok #2 points=300 a=350 p=0 l=350 v1 rewards=coffee,cake | earn +300/0 issuance>member
0d redeem o=o-1 points=100 total=20.00        => ok #3 used=100 discount=1.00 a=250 p=0 l=350 v1 | redeem -100/0 member>redemption
0d reverse o=o-1 ref=r-1 amount=20.01         => rejected over_refund
0d reverse o=o-1 ref=r-1 amount=10.00 restore => ok #4 taken=0 restored=50 expired=0 refunded=10.00 a=300 p=0 l=350 v1 | restore +50/0 redemption>member, reverse 0/0
0d reverse o=o-1 ref=r-2                      => ok #6 taken=0 restored=50 expired=0 refunded=20.00 a=350 p=0 l=350 v1 | restore +50/0 redemption>member, reverse 0/0
0d earn o=o-1 total=40.00                     => ok #8 points=40 a=390 p=0 l=390 v1 | earn +40/0 issuance>member
0d reverse o=o-1 ref=r-3 amount=1.00          => rejected over_refund
0d redeem o=o-2 points=100                    => ok #9 used=100 discount=1.00 a=290 p=0 l=390 v1 | redeem -100/0 member>redemption
0d reverse o=o-2 ref=r-4 amount=0.01          => rejected over_refund
0d reverse o=o-2 ref=r-5 amount=0.00 restore  => ok #10 taken=0 restored=100 expired=0 refunded=0.00 a=390 p=0 l=390 v1 | restore +100/0 redemption>member, reverse 0/0
0d reverse o=o-2 ref=r-6                      => ok #12 taken=0 restored=0 expired=0 refunded=0.00 a=390 p=0 l=390 v1 | reverse 0/0
0d reverse o=o-2 ref=r-7                      => rejected over_refund
)");
}

TEST(decide_table, a_reversal_takes_from_the_own_lot_first) {
  play(R"(
rules expiring
0d enroll                             => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00            => ok #2 points=100 a=0 p=100 l=100 v1 | earn 0/+100 issuance>pending
3d earn o=o-2 total=40.00             => ok #4 points=40 a=100 p=40 l=140 v1 | release +100/-100 pending>member, earn 0/+40 issuance>pending
3d reverse o=o-2 ref=r-1 amount=10.00 => ok #5 taken=10 restored=0 expired=0 refunded=10.00 a=100 p=30 l=140 v1 | reverse 0/-10 pending>issuance
3d redeem o=o-3 points=60             => ok #6 used=60 discount=0.60 a=40 p=30 l=140 v1 | redeem -60/0 member>redemption
4d earn o=o-4 total=30.00             => ok #7 points=30 a=40 p=60 l=170 v1 | earn 0/+30 issuance>pending
4d reverse o=o-1 ref=r-2              => ok #8 taken=100 restored=0 expired=0 refunded=100.00 a=-60 p=60 l=170 v1 | reverse -100/0 member>issuance
5d adjust ref=a-1 points=20 reason=r  => ok #9 points=20 a=-40 p=60 l=170 v1 | adjust +20/0 adjustment>member
6d reverse o=o-2 ref=r-3              => ok #11 taken=30 restored=0 expired=0 refunded=40.00 a=-40 p=30 l=170 v1 | release +30/-30 pending>member, reverse -30/0 member>issuance
7d settle                             => settled | release +30/-30 pending>member
)");
}

TEST(decide_table, debt_is_paid_first) {
  play(R"(
rules expiring
0d enroll                            => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00           => ok #2 points=100 a=0 p=100 l=100 v1 | earn 0/+100 issuance>pending
3d redeem o=o-2 points=100           => ok #4 used=100 discount=1.00 a=0 p=0 l=100 v1 | release +100/-100 pending>member, redeem -100/0 member>redemption
3d reverse o=o-1 ref=r-1             => ok #5 taken=100 restored=0 expired=0 refunded=100.00 a=-100 p=0 l=100 v1 | reverse -100/0 member>issuance
3d redeem o=o-3 points=1             => rejected below_min_balance
4d earn o=o-4 total=60.00            => ok #6 points=60 a=-100 p=60 l=160 v1 | earn 0/+60 issuance>pending
7d earn o=o-5 total=60.00            => ok #8 points=60 a=-40 p=60 l=220 v1 | release +60/-60 pending>member, earn 0/+60 issuance>pending
8d adjust ref=a-1 points=15 reason=r => ok #9 points=15 a=-25 p=60 l=220 v1 | adjust +15/0 adjustment>member
10d preview points=1                 => ok used=1 discount=0.01 a=35 p=0 l=220 v1
10d reverse o=o-2 ref=r-2            => ok #11 taken=0 restored=100 expired=0 refunded=0.00 a=135 p=0 l=220 v1 | release +60/-60 pending>member, restore +100/0 redemption>member, reverse 0/0
40d settle                           => settled | expire -100/0 member>expiry, expire -35/0 member>expiry
)");
}

TEST(decide_table, expired_points_count_as_taken) {
  play(R"(
rules brief
0d enroll                              => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00             => ok #2 points=100 a=100 p=0 l=100 v1 | earn +100/0 issuance>member
10d redeem o=o-2 points=30             => ok #3 used=30 discount=0.30 a=70 p=0 l=100 v1 | redeem -30/0 member>redemption
20d earn o=o-3 total=100.00            => ok #4 points=100 a=170 p=0 l=200 v1 | earn +100/0 issuance>member
30d reverse o=o-1 ref=r-1 amount=50.00 => ok #6 taken=50 restored=0 expired=0 refunded=50.00 a=100 p=0 l=200 v1 | expire -70/0 member>expiry, reverse 0/0
30d reverse o=o-1 ref=r-2 amount=30.00 => ok #7 taken=30 restored=0 expired=0 refunded=80.00 a=90 p=0 l=200 v1 | reverse -10/0 member>issuance
30d reverse o=o-1 ref=r-3              => ok #8 taken=20 restored=0 expired=0 refunded=100.00 a=70 p=0 l=200 v1 | reverse -20/0 member>issuance
)");
}

TEST(decide_table, restored_without_grace) {
  play(R"(
rules brief
0d enroll                                     => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00                    => ok #2 points=100 a=100 p=0 l=100 v1 | earn +100/0 issuance>member
10d earn o=o-2 total=100.00                   => ok #3 points=100 a=200 p=0 l=200 v1 | earn +100/0 issuance>member
20d redeem o=o-3 points=150 total=10.00       => ok #4 used=150 discount=1.50 a=50 p=0 l=200 v1 | redeem -150/0 member>redemption
30d reverse o=o-3 ref=r-1 amount=5.00 restore => ok #5 taken=0 restored=75 expired=25 refunded=5.00 a=100 p=0 l=200 v1 | restore +75/0 redemption>member, expire -25/0 member>expiry, reverse 0/0
30d reverse o=o-3 ref=r-2                     => ok #8 taken=0 restored=75 expired=75 refunded=10.00 a=100 p=0 l=200 v1 | restore +75/0 redemption>member, expire -75/0 member>expiry, reverse 0/0
30d reverse o=o-3 ref=r-2                     => duplicate #8 taken=0 restored=75 expired=75 refunded=10.00 a=100 p=0 l=200 v1
31d redeem o=o-4 points=50                    => ok #11 used=50 discount=0.50 a=50 p=0 l=200 v1 | redeem -50/0 member>redemption
)");
}

TEST(decide_table, restored_with_grace) {
  play(R"(
rules graced
0d enroll                               => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00              => ok #2 points=100 a=100 p=0 l=100 v1 | earn +100/0 issuance>member
10d earn o=o-2 total=100.00             => ok #3 points=100 a=200 p=0 l=200 v1 | earn +100/0 issuance>member
20d redeem o=o-3 points=150 total=10.00 => ok #4 used=150 discount=1.50 a=50 p=0 l=200 v1 | redeem -150/0 member>redemption
30d reverse o=o-3 ref=r-1               => ok #5 taken=0 restored=150 expired=0 refunded=10.00 a=200 p=0 l=200 v1 | restore +150/0 redemption>member, reverse 0/0
36d preview points=1                    => ok used=1 discount=0.01 a=200 p=0 l=200 v1
37d settle                              => settled | expire -100/0 member>expiry
41d settle                              => settled | expire -100/0 member>expiry
)");
}

TEST(decide_table, restored_points_pay_debt) {
  play(R"(
rules brief
0d enroll                                    => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00                   => ok #2 points=100 a=100 p=0 l=100 v1 | earn +100/0 issuance>member
10d redeem o=o-3 points=100 total=10.00      => ok #3 used=100 discount=1.00 a=0 p=0 l=100 v1 | redeem -100/0 member>redemption
11d adjust ref=a-1 points=-70 force reason=r => ok #4 points=-70 a=-70 p=0 l=100 v1 | adjust -70/0 member>adjustment
30d reverse o=o-3 ref=r-1                    => ok #5 taken=0 restored=100 expired=30 refunded=10.00 a=0 p=0 l=100 v1 | restore +100/0 redemption>member, expire -30/0 member>expiry, reverse 0/0
)");
}

TEST(decide_table, adjusting) {
  play(R"(
0d adjust ref=a-1 points=5 reason=r             => rejected unknown_account
rules expiring
0d enroll                                       => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d adjust ref=a-1 points=0 reason=r             => invalid points: must not be 0
0d adjust ref=a-1 points=100 reason=first       => ok #2 points=100 a=100 p=0 l=0 v1 | adjust +100/0 adjustment>member
1d adjust ref=a-1 points=100 reason=second      => duplicate #2 points=100 a=100 p=0 l=0 v1
1d adjust ref=a-1 points=101 reason=r           => rejected reference_conflict
1d adjust ref=a-1 points=100 expire=30 reason=r => rejected reference_conflict
1d adjust ref=a-1 points=100 force reason=r     => rejected reference_conflict
1d adjust ref=a-2 points=-101 reason=r          => rejected insufficient_points
1d adjust ref=a-2 points=-101 force reason=r    => ok #3 points=-101 a=-1 p=0 l=0 v1 | adjust -101/0 member>adjustment
1d adjust ref=a-3 points=-1 reason=r            => rejected insufficient_points
1d adjust ref=a-4 points=1 reason=r             => ok #4 points=1 a=0 p=0 l=0 v1 | adjust +1/0 adjustment>member
1d adjust ref=a-5 points=50 expire=2 reason=r   => ok #5 points=50 a=50 p=0 l=0 v1 | adjust +50/0 adjustment>member
1d adjust ref=a-6 points=50 expire=-1 reason=r  => invalid expire_days: must not be negative
1d suspend reason=r                             => ok #6 suspended forfeited=0 a=50 p=0 l=0 v1 | suspend 0/0
2d adjust ref=a-6 points=-10 reason=r           => ok #7 points=-10 a=40 p=0 l=0 v1 | adjust -10/0 member>adjustment
3d settle                                       => settled | expire -40/0 member>expiry
3d close reason=r                               => ok #9 closed forfeited=0 a=0 p=0 l=0 v1 | close 0/0
3d adjust ref=a-7 points=1 reason=r             => rejected account_closed
3d adjust ref=a-6 points=-10 reason=r           => duplicate #7 points=-10 a=40 p=0 l=0 v1
)");
}

TEST(decide_table, suspended) {
  play(R"(
rules plain
0d suspend reason=r                   => rejected unknown_account
0d reactivate reason=r                => rejected unknown_account
0d close reason=r                     => rejected unknown_account
0d enroll                             => ok #1 points=50 a=50 p=0 l=50 v1 | enroll +50/0 issuance>member
0d reactivate reason=r                => duplicate #1 active forfeited=0 a=50 p=0 l=50 v1
0d earn o=o-1 total=100.00            => ok #2 points=100 a=150 p=0 l=150 v1 rewards=coffee,cake | earn +100/0 issuance>member
0d suspend reason=r                   => ok #3 suspended forfeited=0 a=150 p=0 l=150 v1 | suspend 0/0
1d suspend reason=other               => duplicate #3 suspended forfeited=0 a=150 p=0 l=150 v1
1d earn o=o-2 total=100.00            => skipped account_suspended
1d redeem o=o-3 points=50             => rejected account_suspended
1d reverse o=o-1 ref=r-1 amount=50.00 => ok #4 taken=50 restored=0 expired=0 refunded=50.00 a=100 p=0 l=150 v1 | reverse -50/0 member>issuance
1d adjust ref=a-1 points=10 reason=r  => ok #5 points=10 a=110 p=0 l=150 v1 | adjust +10/0 adjustment>member
1d enroll                             => duplicate #1 points=50 a=50 p=0 l=50 v1
1d reactivate reason=r                => ok #6 active forfeited=0 a=110 p=0 l=150 v1 | reactivate 0/0
2d reactivate reason=r                => duplicate #6 active forfeited=0 a=110 p=0 l=150 v1
2d redeem o=o-3 points=50             => ok #7 used=50 discount=0.50 a=60 p=0 l=150 v1 | redeem -50/0 member>redemption
2d suspend reason=r                   => ok #8 suspended forfeited=0 a=60 p=0 l=150 v1 | suspend 0/0
3d suspend reason=r                   => duplicate #8 suspended forfeited=0 a=60 p=0 l=150 v1
3d close reason=r                     => ok #9 closed forfeited=60 a=0 p=0 l=150 v1 | close -60/0 member>forfeiture
3d suspend reason=r                   => rejected account_closed
3d reactivate reason=r                => rejected account_closed
)");
}

TEST(decide_table, release_and_expiry_go_on_while_suspended) {
  play(R"(
rules expiring
0d enroll                  => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00 => ok #2 points=100 a=0 p=100 l=100 v1 | earn 0/+100 issuance>pending
0d suspend reason=r        => ok #3 suspended forfeited=0 a=0 p=100 l=100 v1 | suspend 0/0
3d settle                  => settled | release +100/-100 pending>member
30d settle                 => settled | expire -100/0 member>expiry
)");
}

TEST(decide_table, closing) {
  play(R"(
rules expiring
0d enroll                           => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00          => ok #2 points=100 a=0 p=100 l=100 v1 | earn 0/+100 issuance>pending
3d earn o=o-2 total=40.00           => ok #4 points=40 a=100 p=40 l=140 v1 | release +100/-100 pending>member, earn 0/+40 issuance>pending
4d close reason=r                   => ok #5 closed forfeited=140 a=0 p=0 l=140 v1 | close -100/0 member>forfeiture, close 0/-40 pending>forfeiture
5d close reason=other               => duplicate #5 closed forfeited=140 a=0 p=0 l=140 v1
5d enroll                           => duplicate #1 points=0 a=0 p=0 l=0 v1
5d earn o=o-1 total=100.00          => duplicate #2 points=100 a=0 p=100 l=100 v1
5d earn o=o-3 total=100.00          => rejected account_closed
5d redeem o=o-4 points=1            => rejected account_closed
5d preview points=1                 => rejected account_closed
5d reverse o=o-1 ref=r-1            => rejected account_closed
5d reverse o=unknown ref=r-1        => rejected account_closed
5d adjust ref=a-1 points=1 reason=r => rejected account_closed
5d suspend reason=r                 => rejected account_closed
5d reactivate reason=r              => rejected account_closed
60d settle                          => settled
)");
}

TEST(decide_table, closing_what_is_empty_or_in_debt) {
  play(R"(
rules expiring
0d enroll                                         => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d close reason=r                                 => ok #2 closed forfeited=0 a=0 p=0 l=0 v1 | close 0/0
0d enroll m=m-2                                   => ok #3 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d adjust m=m-2 ref=a-1 points=-30 force reason=r => ok #4 points=-30 a=-30 p=0 l=0 v1 | adjust -30/0 member>adjustment
0d earn m=m-2 o=o-1 total=20.00                   => ok #5 points=20 a=-30 p=20 l=20 v1 | earn 0/+20 issuance>pending
1d close m=m-2 reason=r                           => ok #6 closed forfeited=20 a=0 p=0 l=20 v1 | close 0/-20 pending>forfeiture, close +30/0 forfeiture>member
0d enroll m=m-3                                   => ok #8 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d adjust m=m-3 ref=a-1 points=-30 force reason=r => ok #9 points=-30 a=-30 p=0 l=0 v1 | adjust -30/0 member>adjustment
1d close m=m-3 reason=r                           => ok #10 closed forfeited=0 a=0 p=0 l=0 v1 | close +30/0 forfeiture>member
2d close m=m-3 reason=r                           => duplicate #10 closed forfeited=0 a=0 p=0 l=0 v1
0d enroll m=m-4                                   => ok #11 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn m=m-4 o=o-1 total=20.00                   => ok #12 points=20 a=0 p=20 l=20 v1 | earn 0/+20 issuance>pending
1d close m=m-4 reason=r                           => ok #13 closed forfeited=20 a=0 p=0 l=20 v1 | close 0/-20 pending>forfeiture
)");
}

TEST(decide_table, what_is_due_is_written_before_a_refusal) {
  play(R"(
rules expiring
0d enroll                   => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00  => ok #2 points=100 a=0 p=100 l=100 v1 | earn 0/+100 issuance>pending
0d earn o=o-2 total=10.00   => ok #3 points=10 a=0 p=110 l=110 v1 | earn 0/+10 issuance>pending
3d redeem o=o-3 points=500  => rejected insufficient_points | release +100/-100 pending>member, release +10/-10 pending>member
30d earn o=o-1 total=100.00 => duplicate #2 points=100 a=0 p=100 l=100 v1 | expire -100/0 member>expiry, expire -10/0 member>expiry
31d earn o=o-4 total=0.10   => skipped zero_points
)");
}

TEST(decide_table, nothing_leaves_64_bits) {
  play(R"(
rules huge
0d enroll                                                    => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=900000000000000.00                       => invalid total: is worth more points than 64 bits hold
0d earn o=o-1 total=900000000.00                             => ok #2 points=9000000000000000000 a=9000000000000000000 p=0 l=9000000000000000000 v1 | earn +9000000000000000000/0 issuance>member
0d earn o=o-2 total=900000000.00                             => invalid total: a balance would leave 64 bits
0d adjust ref=a-1 points=9223372036854775807 reason=r        => invalid points: a balance would leave 64 bits
0d adjust ref=a-1 points=223372036854775807 reason=r         => ok #3 points=223372036854775807 a=9223372036854775807 p=0 l=9000000000000000000 v1 | adjust +223372036854775807/0 adjustment>member
0d adjust ref=a-2 points=1 reason=r                          => invalid points: a balance would leave 64 bits
0d adjust ref=a-3 points=-9223372036854775808 force reason=r => invalid points: a balance would leave 64 bits
0d adjust ref=a-3 points=-9223372036854775807 force reason=r => ok #4 points=-9223372036854775807 a=0 p=0 l=9000000000000000000 v1 | adjust -9223372036854775807/0 member>adjustment
0d adjust ref=a-4 points=-9223372036854775807 force reason=r => ok #5 points=-9223372036854775807 a=-9223372036854775807 p=0 l=9000000000000000000 v1 | adjust -9223372036854775807/0 member>adjustment
0d adjust ref=a-5 points=-1 force reason=r                   => invalid points: a balance would leave 64 bits
0d reverse o=o-1 ref=r-1                                     => invalid order: a balance would leave 64 bits
0d adjust ref=a-6 points=9223372036854775807 reason=r        => ok #6 points=9223372036854775807 a=0 p=0 l=9000000000000000000 v1 | adjust +9223372036854775807/0 adjustment>member
0d reverse o=o-1 ref=r-1                                     => ok #7 taken=9000000000000000000 restored=0 expired=0 refunded=900000000.00 a=-9000000000000000000 p=0 l=9000000000000000000 v1 | reverse -9000000000000000000/0 member>issuance
)");
}

} // namespace
} // namespace tally
