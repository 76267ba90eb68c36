// Mistakes that other point systems made, each under its name. Those that need more than one decision at a time have their
// tests where that is: tests/actors, tests/fault, tests/e2e.
#include "tests/engine/table.hpp"

#include <gtest/gtest.h>

namespace tally {
namespace {

TEST(traps, a_hold_not_counted_in_what_is_available) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d authorize points=80 ref=v-1 => ok #2 v-1 used=80 until=15min a=20 p=0 r=80 l=100 v1 | authorize -80/0/+80 member>reserved
0d redeem o=o-1 points=21 => rejected insufficient_points
0d authorize points=21 ref=v-2 => rejected insufficient_points
0d adjust points=-21 ref=a-1 => rejected insufficient_points
0d enroll m=m-2 => ok #3 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d transfer to=m-2 points=21 ref=t-1 => rejected insufficient_points
0d redeem o=o-1 points=20 => ok #4 used=20 discount=0.20 a=0 p=0 r=80 l=100 v1 | redeem -20/0 member>redemption
)");
}

TEST(traps, a_reservation_captured_twice) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d authorize points=50 ref=v-1 => ok #2 v-1 used=50 until=15min a=50 p=0 r=50 l=100 v1 | authorize -50/0/+50 member>reserved
0d capture ref=v-1 points=20 => ok #3 v-1 used=20 returned=30 discount=0.20 a=80 p=0 l=100 v1 | capture 0/0/-20 reserved>redemption, void +30/0/-30 reserved>member
0d capture ref=v-1 points=20 => duplicate #3 v-1 used=20 returned=30 discount=0.20 a=80 p=0 l=100 v1
0d capture ref=v-1 points=30 => rejected reference_conflict
0d capture ref=v-1 => rejected reference_conflict
0d authorize points=50 ref=v-1 => duplicate #2 v-1 used=50 until=15min a=50 p=0 r=50 l=100 v1
0d preview points=80 => ok used=80 discount=0.80 a=80 p=0 l=100 v1
)");
}

TEST(traps, a_rejected_review_applied) {
  play(R"(
rules reviewed
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=600.00 => held #2 review=2 max_points_per_order points=600 v1 | review_hold 0/0
0d reject review=2 reason=r => ok #3 review=2 | review_reject 0/0
0d approve review=2 reason=r => rejected reference_conflict
0d earn o=o-1 total=600.00 => duplicate #2 review=2 max_points_per_order points=600 v1
0d reverse o=o-1 ref=r-1 => rejected unknown_order
0d redeem o=o-2 points=1 => rejected insufficient_points
)");
}

TEST(traps, a_transfers_credited_side_not_guarded) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d enroll m=m-2 => ok #2 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d adjust m=m-2 points=9223372036854775707 ref=a-1 expire=0 => ok #3 points=9223372036854775707 a=9223372036854775807 p=0 l=100 v1 | adjust +9223372036854775707/0 adjustment>member
0d transfer to=m-2 points=1 ref=t-1 => invalid points: a balance would leave 64 bits
0d close m=m-2 reason=r => ok #4 closed forfeited=9223372036854775807 a=0 p=0 l=100 v1 | close -9223372036854775807/0 member>forfeiture
0d transfer to=m-2 points=1 ref=t-1 => rejected account_closed
0d transfer to=m-3 points=1 ref=t-1 => rejected unknown_account
0d redeem o=o-1 points=50 => ok #5 used=50 discount=0.50 a=50 p=0 l=100 v1 | redeem -50/0 member>redemption
)");
}

TEST(traps, a_void_after_an_overdraft) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d authorize points=80 ref=v-1 => ok #2 v-1 used=80 until=15min a=20 p=0 r=80 l=100 v1 | authorize -80/0/+80 member>reserved
0d adjust points=-120 ref=a-1 force => ok #3 points=-120 a=-100 p=0 r=80 l=100 v1 | adjust -120/0 member>adjustment
0d void ref=v-1 => ok #4 v-1 returned=80 a=-20 p=0 l=100 v1 | void +80/0/-80 reserved>member
0d redeem o=o-1 points=1 => rejected below_min_balance
0d adjust points=30 ref=a-2 => ok #5 points=30 a=10 p=0 l=100 v1 | adjust +30/0 adjustment>member
0d void ref=v-1 => duplicate #4 v-1 returned=80 a=-20 p=0 l=100 v1
)");
}

// Points spent from a lot that expires later must not make the rest of it go away twice.
TEST(traps, expired_credits_leaving_while_their_debits_stay) {
  play(R"(
rules brief
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00 => ok #2 points=100 a=100 p=0 l=100 v1 | earn +100/0 issuance>member
1d redeem o=o-2 points=60 => ok #3 used=60 discount=0.60 a=40 p=0 l=100 v1 | redeem -60/0 member>redemption
30d settle => settled | expire -40/0 member>expiry
30d redeem o=o-3 points=1 => rejected insufficient_points
31d reverse o=o-1 ref=r-1 amount=50.00 => ok #5 taken=50 restored=0 expired=0 refunded=50.00 a=-10 p=0 l=100 v1 | reverse -10/0 member>issuance
)");
}

TEST(traps, refund_then_refund_again) {
  play(R"(
rules brief
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=100.00 => ok #2 points=100 a=100 p=0 l=100 v1 | earn +100/0 issuance>member
0d reverse o=o-1 ref=r-1 amount=60.00 => ok #3 taken=60 restored=0 expired=0 refunded=60.00 a=40 p=0 l=100 v1 | reverse -60/0 member>issuance
0d reverse o=o-1 ref=r-1 amount=60.00 => duplicate #3 taken=60 restored=0 expired=0 refunded=60.00 a=40 p=0 l=100 v1
0d reverse o=o-1 ref=r-2 amount=60.00 => rejected over_refund
0d reverse o=o-1 ref=r-2 => ok #4 taken=40 restored=0 expired=0 refunded=100.00 a=0 p=0 l=100 v1 | reverse -40/0 member>issuance
0d reverse o=o-1 ref=r-3 => rejected over_refund
0d reverse o=o-1 ref=r-3 amount=0.00 => rejected over_refund
)");
}

TEST(traps, buy_redeem_refund_in_a_loop_making_points) {
  test_ledger ledger;
  ledger.put_program("merchant = \"beanhouse\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\n[redeem]\npoints = 100\nvalue = \"1.00\"\n");
  ledger.run("0d enroll");
  ledger.run("0d adjust ref=start points=1000");
  for (int i = 0; i < 50; ++i) {
    const std::string order = " o=o-" + std::to_string(i);
    ledger.run("1d earn total=100.00" + order);
    ledger.run("1d redeem points=100 total=100.00" + order);
    ledger.run("1d reverse amount=33.33 restore ref=a-" + std::to_string(i) + order);
    ledger.run("1d reverse amount=33.33 restore ref=b-" + std::to_string(i) + order);
    ledger.run("1d reverse ref=c-" + std::to_string(i) + order);
    EXPECT_EQ(ledger.accounts.at("m-1").available, points_t{1000}) << "after round " << i;
  }
}

TEST(traps, a_partial_refund_losing_a_fraction_until_the_whole_is_refunded) {
  play(R"(
rules brief
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=10.99 => ok #2 points=10 a=10 p=0 l=10 v1 | earn +10/0 issuance>member
0d reverse o=o-1 ref=r-1 amount=3.66 => ok #3 taken=3 restored=0 expired=0 refunded=3.66 a=7 p=0 l=10 v1 | reverse -3/0 member>issuance
0d reverse o=o-1 ref=r-2 amount=3.66 => ok #4 taken=3 restored=0 expired=0 refunded=7.32 a=4 p=0 l=10 v1 | reverse -3/0 member>issuance
0d reverse o=o-1 ref=r-3 amount=3.67 => ok #5 taken=4 restored=0 expired=0 refunded=10.99 a=0 p=0 l=10 v1 | reverse -4/0 member>issuance
)");
}

TEST(traps, expiry_and_release_falling_on_the_same_microsecond) {
  play(R"(
rules both at once
0d enroll => ok #1 points=0 a=0 p=0 l=0 v1 | enroll 0/0
0d earn o=o-1 total=10.00 => ok #2 points=10 a=0 p=10 l=10 v1 | earn 0/+10 issuance>pending
5d-1us settle => settled
5d settle => settled | release +10/-10 pending>member, expire -10/0 member>expiry
5d settle => settled
)");
}

TEST(traps, closing_with_reservations_open) {
  play(R"(
rules timed
0d enroll => ok #1 points=100 a=100 p=0 l=100 v1 | enroll +100/0 issuance>member
0d authorize points=80 ref=v-1 => ok #2 v-1 used=80 until=15min a=20 p=0 r=80 l=100 v1 | authorize -80/0/+80 member>reserved
0d close reason=r => rejected points_reserved
0d void ref=v-1 => ok #3 v-1 returned=80 a=100 p=0 l=100 v1 | void +80/0/-80 reserved>member
0d close reason=r => ok #4 closed forfeited=100 a=0 p=0 l=100 v1 | close -100/0 member>forfeiture
)");
}

} // namespace
} // namespace tally
