// Accounts with many of everything: what is found through an index beside a long list, or without looking at all lots, is what a short
// list and a look at everything would find. Each history runs three times: once on an account that leaves memory as an image and comes
// back every few operations, and once on one that spills what it can.
#include "engine/account.hpp"
#include "engine/account_image.hpp"
#include "engine/account_rare.hpp"
#include "engine/account_view.hpp"
#include "tests/engine/test_ledger.hpp"

#include <gtest/gtest.h>

namespace tally {
namespace {

constexpr int operations = 1200; // of each history; indexes begin above reference_index::scanned_max
constexpr int between_images = 97;

const std::string redeem_rules = "[redeem]\npoints = 1\nvalue = \"0.01\"\n";
const std::string plain = "merchant = \"b\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\nexpire_days = 4000\n" + redeem_rules;
const std::string with_hold = "merchant = \"b\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\nhold_days = 3\nexpire_days = 400\n" + redeem_rules;
const std::string short_lived = "merchant = \"b\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\nexpire_days = 2\n" + redeem_rules;
const std::string with_tiers =
    plain + "[tiers]\nbasis = \"calendar_year\"\n[[tier]]\nname = \"s\"\nthreshold = 50\nmultiplier = \"1.25\"\n";

struct history {
  std::string name;
  std::string rules;
  std::vector<std::string> cycle; // DAY of the event is that of operation n: n / per_day; # stands for n, ~ for an older number
  int per_day = 100;
};

std::string event(const history& of, int n) {
  const std::string number = std::to_string(n / static_cast<int>(of.cycle.size()));
  const std::string older = std::to_string(n / static_cast<int>(of.cycle.size()) * 2 / 3);
  std::string text = std::to_string(n / of.per_day) + "d ";
  for (const char each : of.cycle[static_cast<std::size_t>(n) % of.cycle.size()])
    text += each == '#' ? number : each == '~' ? older : std::string(1, each);
  return text;
}

// What every look-up through an index must be, found by looking at everything.
void expect_as_scanned(const account_state& state) {
  if (!state.rare)
    return;
  for (const refunded_order& each : state.rare->refunds)
    EXPECT_EQ(refunds_of(state, each.hash).newest, each.newest);
  for (const undone_share& each : state.rare->undone)
    EXPECT_EQ(undone_of(state, each.redemption), each.points);
  for (const expired_lot& each : state.rare->expired)
    EXPECT_EQ(expired_of(state, each.lot), each.points);
  std::size_t captures = 0;
  for (const captured_order& each : state.rare->captured_orders)
    captures += find_capture(state, each.hash, [&](seq_t seq) { return seq == each.seq; }) ? 1 : 0;
  EXPECT_EQ(captures, state.rare->captured_orders.size());
  EXPECT_EQ(refunds_of(state, 12345).newest, seq_t{});
  EXPECT_EQ(undone_of(state, {1u << 30}), points_t{});
  EXPECT_EQ(expired_of(state, {1u << 30}), points_t{});
}

void expect_next_due(const account_state& state) {
  instant earliest = instant::end_of_time();
  for (const lot& each : state.lots)
    earliest = std::min(earliest, each.due());
  if (state.rare)
    for (const reservation& each : state.rare->reservations)
      earliest = std::min(earliest, each.until);
  EXPECT_EQ(state.next_due, earliest);
}

// What a member sees of it, with a look at every lot.
void expect_view(const account_state& state, instant now) {
  account_state looked_through = state;
  looked_through.lots_in_spending_order = false;
  const account_view seen = view_of(state, nullptr, now), expected = view_of(looked_through, nullptr, now);
  EXPECT_EQ(seen.expiring_30d, expected.expiring_30d);
  EXPECT_EQ(seen.next_expiry_at, expected.next_expiry_at);
  EXPECT_EQ(seen.next_expiry_points, expected.next_expiry_points);
}

class large_account : public ::testing::TestWithParam<history> {};

TEST_P(large_account, is_as_a_small_one) {
  test_ledger whole, through_images, spilling;
  const bool spills = GetParam().rules != with_tiers; // which look at all orders of the year
  for (test_ledger* each : {&whole, &through_images, &spilling}) {
    each->put_program(GetParam().rules);
    each->run("0d enroll");
  }
  std::size_t done = 0;
  for (int n = 0; n < operations; ++n) {
    const std::string what = event(GetParam(), n);
    const std::string answer = whole.run(what);
    done += answer.starts_with("ok") ? 1 : 0;
    ASSERT_EQ(through_images.run(what), answer) << what;
    ASSERT_EQ(spilling.run(what), answer) << what;
    expect_next_due(whole.accounts.at("m-1"));
    expect_view(whole.accounts.at("m-1"), whole.now);
    if (n % between_images != 0)
      continue;
    std::string image;
    write_image(through_images.accounts.at("m-1"), image);
    account_state back;
    ASSERT_TRUE(read_image(image, back));
    expect_as_scanned(back);
    through_images.accounts.at("m-1") = std::move(back);
    account_state all = spilling.accounts.at("m-1");
    spilling.make_whole(all);
    ASSERT_EQ(fingerprint(all), fingerprint(whole.accounts.at("m-1"))) << n;
    if (n % (7 * between_images) == 0)
      spilling.accounts.at("m-1") = all; // as when rules change that look at everything
    if (spills)
      spilling.spill("m-1", spilling.now);
  }
  EXPECT_GT(done, operations * 3u / 5) << "hardly anything was done";
  const account_state& state = whole.accounts.at("m-1");
  expect_as_scanned(state);
  EXPECT_EQ(fingerprint(through_images.accounts.at("m-1")), fingerprint(state));
  account_state& spilled = spilling.accounts.at("m-1");
  if (spills) {
    EXPECT_LT(spilled.heap_bytes(), 100'000u);
    EXPECT_TRUE(spilled.has_spilled);
  }
  spilling.make_whole(spilled);
  EXPECT_EQ(fingerprint(spilled), fingerprint(state));
  EXPECT_EQ(fingerprint(whole.replayed("m-1")), fingerprint(state));
}

INSTANTIATE_TEST_SUITE_P(
    histories, large_account,
    ::testing::Values(
        history{"lots", plain, {"earn o=o-# total=5.00", "earn o=p-# total=7.00", "redeem o=r-# points=3"}},
        history{"mixed_expiry",
                plain,
                {"earn o=o-# total=5.00", "adjust ref=a-# points=2 reason=r expire=100", "adjust ref=b-# points=2 reason=r expire=3000",
                 "redeem o=r-# points=3"}},
        history{"holds", with_hold, {"earn o=o-# total=5.00", "redeem o=r-# points=1"}},
        history{"holds_and_others_expiring", with_hold, {"earn o=o-# total=5.00", "adjust ref=a-# points=1 reason=r expire=2"}, 20},
        history{"expiries", short_lived, {"earn o=o-# total=5.00", "redeem o=r-# points=2"}, 2},
        history{"refunds", plain, {"earn o=o-# total=5.00", "reverse o=o-# ref=f-# amount=1.00", "reverse o=o-~ ref=g-#"}},
        history{"restored",
                plain,
                {"earn o=o-# total=5.00", "earn o=p-# total=5.00", "redeem o=r-# points=7 total=9.00",
                 "reverse o=r-# ref=f-# amount=3.00 restore", "reverse o=r-# ref=g-# amount=2.00 restore"}},
        history{"restored_dead",
                short_lived,
                {"earn o=o-# total=9.00", "redeem o=r-# points=7 total=9.00", "reverse o=r-~ ref=g-# amount=0.09 restore"},
                4},
        history{"captures",
                plain,
                {"earn o=o-# total=5.00", "authorize ref=v-# points=4", "capture ref=v-# points=3 o=c-#", "reverse o=c-# ref=f-#"}},
        history{"open_reservations", plain, {"earn o=o-# total=9.00", "authorize ref=v-# points=4 minutes=10080", "void ref=v-~"}},
        history{"tiers", with_tiers, {"earn o=o-# total=5.00", "reverse o=o-~ ref=f-#"}}),
    [](const auto& of) { return of.param.name; });

} // namespace
} // namespace tally
