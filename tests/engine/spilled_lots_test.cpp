// Accounts whose lots lie on disk for the greater part decide what those decide that have all of them in memory: random histories, played
// on both.
#include "engine/account.hpp"
#include "engine/account_image.hpp"
#include "engine/account_view.hpp"
#include "engine/spilled_lots.hpp"
#include "tests/engine/test_ledger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <utility>

namespace tally {
namespace {

constexpr int operations = 9000;

std::string rules_of(int expire_days) {
  return "merchant = \"b\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\nhold_days = 2\nexpire_days = " + std::to_string(expire_days) +
         "\n[redeem]\npoints = 1\nvalue = \"0.01\"\nrestore_grace_days = 20\n";
}

// What happens next in a history.
class events {
public:
  explicit events(std::uint64_t seed) : random_(seed) {}

  std::string next() {
    hours_ += below(3);
    const std::string at = std::to_string(hours_ / 24) + "d ", m = " m=m-" + std::to_string(1 + below(2)), n = std::to_string(++number_);
    const std::uint64_t kind = below(100);
    if (kind < 74)
      return at + "earn o=o-" + n + " total=" + std::to_string(1 + below(9)) + ".00" + m;
    if (kind < 79)
      return at + "redeem o=o-" + n + " total=99.00 points=" + std::to_string(1 + below(below(40) == 0 ? 1500 : 9)) + m;
    if (kind < 82)
      return at + "transfer ref=t-" + n + " points=" + std::to_string(1 + below(40)) + (m == " m=m-1" ? m + " to=m-2" : m + " to=m-1");
    if (kind < 87)
      return at + "adjust ref=a-" + n + " reason=r points=" + std::to_string(1 + below(9)) + " expire=" + std::to_string(1 + below(5000)) +
             m;
    if (kind < 88)
      return at + "adjust ref=a-" + n + " reason=r force points=-" + std::to_string(1 + below(200)) + m;
    if (kind < 91)
      return at + "reverse o=o-" + older() + " ref=f-" + n + m;
    if (kind < 94)
      return at + "reverse o=o-" + older() + " restore amount=0.50 ref=f-" + n + m;
    if (kind < 96)
      return at + "authorize ref=v-" + n + " minutes=3000 points=" + std::to_string(1 + below(30)) + m;
    if (kind < 98)
      return at + (below(2) == 0 ? "void ref=v-" : "capture points=1 ref=v-") + older() + m;
    return at + "settle " + m.substr(3);
  }

  std::uint64_t below(std::uint64_t end) { return random_() % end; }

private:
  std::string older() { return std::to_string(1 + below(number_)); }

  std::mt19937_64 random_;
  std::uint64_t hours_ = 0, number_ = 0;
};

// The account as it is with all its lots, after it has left memory as an image and come back.
account_state whole(const test_ledger& ledger, const std::string& account) {
  std::string image;
  write_image(ledger.accounts.at(account), image);
  account_state state;
  EXPECT_TRUE(read_image(image, state));
  EXPECT_EQ(lot_pieces(state).size(), lot_pieces(ledger.accounts.at(account)).size());
  ledger.make_whole(state);
  return state;
}

void expect_same_view(const test_ledger& spilling, const account_state& expected, const std::string& account) {
  account_state state = spilling.accounts.at(account);
  const instant soon = spilling.now.plus_days(expiring_days + 1);
  spilling.bring_lots_back(state, [&](const lot_piece& each) { return each.expires_at.us != 0 && each.expires_at <= soon; });
  const account_view seen = view_of(state, nullptr, spilling.now), wanted = view_of(expected, nullptr, spilling.now);
  EXPECT_EQ(seen.available, wanted.available);
  EXPECT_EQ(seen.pending, wanted.pending);
  EXPECT_EQ(seen.expiring_30d, wanted.expiring_30d);
  EXPECT_EQ(seen.next_expiry_at, wanted.next_expiry_at);
  EXPECT_EQ(seen.next_expiry_points, wanted.next_expiry_points);
}

struct history {
  std::string name;
  int expire_days;
  std::uint64_t seed;
};

class spilled_lots_of : public ::testing::TestWithParam<history> {};

TEST_P(spilled_lots_of, an_account_decide_nothing_else) {
  test_ledger plain, spilling;
  for (test_ledger* each : {&plain, &spilling}) {
    each->put_program(rules_of(GetParam().expire_days));
    each->run("0d enroll m=m-1");
    each->run("0d enroll m=m-2");
  }
  const char* given = std::getenv("TALLY_SEED");
  events history(given != nullptr ? std::strtoull(given, nullptr, 10) : GetParam().seed);
  std::size_t done = 0, most_pieces = 0, taken_back = 0;
  for (int n = 0; n < operations; ++n) {
    const std::string what = history.next();
    const std::size_t pieces_before = lot_pieces(spilling.accounts.at("m-1")).size();
    const std::string answer = plain.run(what);
    ASSERT_EQ(spilling.run(what), answer) << what << " after " << n;
    done += answer.starts_with("ok") ? 1 : 0;
    taken_back += pieces_before - lot_pieces(spilling.accounts.at("m-1")).size();
    for (const std::string account : {"m-1", "m-2"}) {
      ASSERT_EQ(spilling.accounts.at(account).next_due, plain.accounts.at(account).next_due) << what << " after " << n;
      if (n % 10 == 0)
        expect_same_view(spilling, plain.accounts.at(account), account);
      if (n % 50 == 0)
        spilling.spill(account, spilling.now.plus_days(history.below(80)));
      if (n % 400 == 0) {
        ASSERT_EQ(fingerprint(whole(spilling, account)), fingerprint(plain.accounts.at(account))) << n;
      }
    }
    most_pieces = std::max(most_pieces, lot_pieces(spilling.accounts.at("m-1")).size());
  }
  EXPECT_GT(done, operations * 2u / 3) << "hardly anything was done";
  EXPECT_GT(most_pieces, 1u) << "hardly anything was spilled";
  EXPECT_GT(taken_back, 0u) << "hardly anything was needed again";
  for (const std::string account : {"m-1", "m-2"})
    EXPECT_EQ(fingerprint(spilling.replayed(account)), fingerprint(whole(spilling, account)));
  const std::string closed = plain.run("900d close m=m-1");
  EXPECT_EQ(spilling.run("900d close m=m-1"), closed);
  EXPECT_EQ(fingerprint(whole(spilling, "m-1")), fingerprint(plain.accounts.at("m-1")));
}

INSTANTIATE_TEST_SUITE_P(histories, spilled_lots_of,
                         ::testing::Values(history{"never_expiring", 0, 1}, history{"expiring_late", 4000, 2}, history{"expiring", 150, 3},
                                           history{"expiring_other", 150, 4}),
                         [](const auto& of) { return of.param.name; });

account_state with_lots(std::size_t count) {
  account_state state;
  state.status = account_status::active;
  for (std::size_t i = 1; i <= count; ++i)
    state.lots.push_back({{10 * i}, {1}, {}, {}, {5}, {static_cast<std::int64_t>(1000 + i)}});
  return state;
}

TEST(spilled_lots, are_none_of_the_first_or_the_newest) {
  std::vector<spilled_lots> pieces;
  list_spillable_lots(with_lots(spill_lots_above), {}, pieces);
  EXPECT_TRUE(pieces.empty());
  account_state state = with_lots(spill_lots_above + 1);
  list_spillable_lots(state, {}, pieces);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].piece.first, seq_t{10 * (spill_lots_kept + 1)});
  EXPECT_EQ(pieces[0].piece.count, lots_of_a_piece_max);
  EXPECT_EQ(pieces[1].piece.last, seq_t{10 * (spill_lots_above + 1 - spill_lots_kept)});
  EXPECT_TRUE(forget_spilled_lots(state, pieces));
  EXPECT_EQ(state.lots.size(), 2 * spill_lots_kept);
  EXPECT_TRUE(may_be_spilled(state, {10 * (spill_lots_kept + 1)}));
  EXPECT_FALSE(may_be_spilled(state, {10 * spill_lots_kept}));
}

TEST(spilled_lots, that_have_changed_meanwhile_stay) {
  account_state state = with_lots(1000);
  std::vector<spilled_lots> pieces;
  list_spillable_lots(state, {}, pieces);
  lot* changed = std::ranges::find(state.lots, seq_t{10 * 300}, &lot::id);
  changed->reserved = std::exchange(changed->available, {});
  EXPECT_TRUE(forget_spilled_lots(state, pieces));
  EXPECT_EQ(lot_pieces(state).size(), pieces.size() - 1);
  EXPECT_EQ(state.lots.size(), 2 * spill_lots_kept + lots_of_a_piece_max);
  pieces.resize(1);
  EXPECT_FALSE(forget_spilled_lots(state, pieces)) << "are forgotten already, or not what they were";
}

TEST(spilled_lots, that_are_not_the_pieces_are_not_taken_back) {
  account_state state = with_lots(1000);
  std::vector<spilled_lots> pieces;
  list_spillable_lots(state, {}, pieces);
  ASSERT_TRUE(forget_spilled_lots(state, pieces));
  spilled_lots wrong = pieces[0];
  wrong.lots[0].available = {2};
  EXPECT_FALSE(take_back_lots(state, {&wrong, 1}));
  wrong = pieces[0];
  wrong.lots.pop_back();
  EXPECT_FALSE(take_back_lots(state, {&wrong, 1}));
  account_state copy = state;
  const spilled_lots twice[] = {pieces[0], pieces[0]};
  EXPECT_FALSE(take_back_lots(copy, twice));
  copy = state;
  copy.lots.insert(copy.lots.begin() + spill_lots_kept, pieces[0].lots[5]);
  EXPECT_FALSE(take_back_lots(copy, {&pieces[0], 1})) << "one of them is in memory";
  EXPECT_TRUE(take_back_lots(state, {&pieces[0], 1}));
  EXPECT_FALSE(take_back_lots(state, {&pieces[0], 1}));
}

} // namespace
} // namespace tally
