// The audit over many accounts at once: the same findings in the same order whatever the number of workers, transfers between accounts of
// two of them, images of a snapshot, and digests that were sealed.
#include "engine/hash.hpp"
#include "tests/fault/scripted_journal.hpp"
#include "tests/wal/entries.hpp"
#include "wal/audit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace tally::wal {
namespace {

constexpr const char* rules_toml = R"(merchant = "m"
[enroll]
opening_points = 100
[earn]
points = "1"
per = "1.00"
hold_days = 1
[redeem]
points = 1
value = "0.01"
)";

struct audited {
  std::vector<std::string> findings; // "seq merchant account: what"
  std::vector<std::uint64_t> numbers;
  audit_report report;
};

// One merchant of forty members and one of two, with transfers all over, refunds, reservations and time that passes.
class audits : public ::testing::Test {
protected:
  static void SetUpTestSuite() {
    journal_ = std::make_unique<tally::testing::scripted_journal>("audit");
    journal_->apply_rules("m", 1, rules_toml);
    journal_->apply_rules("other", 2, rules_toml);
    std::mt19937_64 random(testing::test_seed());
    for (int i = 0; i < 40; ++i)
      ask(op::enroll, i);
    command other;
    other.kind = op::enroll;
    other.merchant = "other";
    other.account = "m-1"; // whose namesake is another account
    journal_->ask(other);
    for (int i = 0; i < 3000; ++i)
      act(random, i);
  }
  static void TearDownTestSuite() { journal_.reset(); }

  static void ask(op kind, int member, const std::function<void(command&)>& fill = {}) {
    command asked;
    asked.kind = kind;
    asked.merchant = "m";
    const std::string account = "m-" + std::to_string(member);
    asked.account = account;
    if (fill)
      fill(asked);
    journal_->ask(asked);
  }

  static void act(std::mt19937_64& random, int i) {
    const int member = static_cast<int>(random() % 40);
    const std::string reference = "r-" + std::to_string(i);
    const std::string order = "r-" + std::to_string(i > 40 ? i - static_cast<int>(random() % 40) : 0); // maybe of another member
    const std::string to = "m-" + std::to_string(random() % 40);
    const points_t points{static_cast<std::int64_t>(random() % 40 + 1)};
    switch (random() % 8) {
    case 0:
    case 1:
      return ask(op::transfer, member, [&](command& asked) {
        asked.to = to;
        asked.reference = reference;
        asked.amount_points = points;
      });
    case 2:
      return ask(op::redeem, member, [&](command& asked) {
        asked.order = reference;
        asked.amount_points = points;
      });
    case 3:
      return ask(op::authorize, member, [&](command& asked) {
        asked.reference = reference;
        asked.amount_points = points;
      });
    case 4:
      return ask(op::reverse, member, [&](command& asked) {
        asked.order = order;
        asked.reference = reference;
      });
    case 5:
      return journal_->let_pass(static_cast<std::int64_t>(random() % 600'000'000));
    case 6:
      return random() % 100 == 0 ? journal_->apply_rules("m", 1, rules_toml) : journal_->let_pass(1);
    default:
      return ask(op::earn, member, [&](command& asked) {
        asked.order = reference;
        asked.total = money_t{static_cast<std::int64_t>(random() % 1'000'000)};
      });
    }
  }

  static audited audit(std::size_t workers, image_source* images = nullptr, const sealed_digest* sealed = nullptr) {
    audited found;
    audit_options options;
    options.folder = journal_->folder();
    options.report = [&](const finding& one) {
      found.findings.push_back(std::to_string(one.number.value) + " " + one.merchant + " " + one.account + ": " + one.what);
      found.numbers.push_back(one.number.value);
    };
    options.images = images;
    options.sealed = sealed;
    options.workers = workers;
    const auto report = audit_verify(options);
    EXPECT_TRUE(report.ok()) << report.error().what;
    if (report)
      found.report = *report;
    return found;
  }

  static std::unique_ptr<tally::testing::scripted_journal> journal_;
};

std::unique_ptr<tally::testing::scripted_journal> audits::journal_;

TEST_F(audits, whatever_the_number_of_workers) {
  journal_->write();
  const audited one = audit(1);
  EXPECT_TRUE(one.findings.empty()) << one.findings.front();
  EXPECT_EQ(one.report.entries, journal_->newest());
  EXPECT_EQ(one.report.accounts, 41u);
  EXPECT_GT(one.report.decisions, 1500u);
  std::size_t transfers = 0;
  for (std::uint64_t seq = 1; seq <= journal_->newest(); ++seq)
    transfers += journal_->at(seq).kind == entry_kind::transfer_out ? 1 : 0;
  EXPECT_GT(transfers, 200u);
  for (const std::size_t workers : {2, 3, 7, 64}) {
    const audited many = audit(workers);
    EXPECT_TRUE(many.findings.empty()) << workers << ": " << many.findings.front();
    EXPECT_EQ(many.report.entries, one.report.entries);
    EXPECT_EQ(many.report.accounts, one.report.accounts);
    EXPECT_EQ(many.report.decisions, one.report.decisions);
    EXPECT_EQ(many.report.newest.hash, one.report.newest.hash);
    EXPECT_EQ(many.report.acknowledged, one.report.newest.newest);
    EXPECT_TRUE(many.report.trial_balance == one.report.trial_balance);
  }
}

TEST_F(audits, findings_come_in_the_order_of_their_entries) {
  std::mt19937_64 random(testing::test_seed());
  for (int round = 0; round < 8; ++round) {
    std::map<std::uint64_t, std::uint64_t> changed;
    for (int i = 0; i < 12; ++i)
      changed[random() % journal_->newest() + 1] = random();
    journal_->write([&](entry& one) {
      const auto found = changed.find(one.seq.value);
      if (found == changed.end() || one.kind == entry_kind::program || changed.contains(one.seq.value - 1))
        return;
      switch (found->second % 5) {
      case 0:
        one.available_after += points_t{1};
        return;
      case 1:
        one.note = "forged";
        one.points += points_t{1};
        return;
      case 2:
        one.active_version = one.version = 77;
        return;
      case 3: // as if decided with the entry before it, maybe of another account
        if (const entry& before = journal_->at(one.seq.value - 1); before.at == one.at && before.kind != entry_kind::program)
          one.group = before.group;
        return;
      default:
        one.merchant = 9; // which has no name
        return;
      }
    });
    const audited one = audit(1);
    EXPECT_GE(one.findings.size(), 2u);
    const auto about_none = std::find(one.numbers.begin(), one.numbers.end(), 0u);
    EXPECT_TRUE(std::is_sorted(one.numbers.begin(), about_none));
    EXPECT_EQ(static_cast<std::size_t>(std::count(about_none, one.numbers.end(), 0u)),
              static_cast<std::size_t>(one.numbers.end() - about_none));
    EXPECT_EQ(one.report.findings, one.findings.size());
    for (const std::size_t workers : {2, 5}) {
      const audited many = audit(workers);
      EXPECT_EQ(many.findings, one.findings) << workers;
      EXPECT_TRUE(many.report.trial_balance == one.report.trial_balance);
    }
  }
}

TEST_F(audits, replay_comes_to_what_was_decided) {
  journal_->write();
  for (const std::size_t workers : {1, 2, 5}) {
    for (const std::uint64_t until : {journal_->newest(), journal_->newest() / 2, std::uint64_t{1}}) {
      replay_options options;
      options.folder = journal_->folder();
      options.workers = workers;
      options.until_seq = seq_t{until};
      std::vector<std::pair<std::string, std::string>> seen;
      const auto reached = audit_replay(options, {}, [&](std::string_view merchant, std::string_view account, const account_state& state) {
        seen.emplace_back(merchant, account);
        const auto& states = journal_->states_of(std::string(merchant), std::string(account));
        EXPECT_EQ(fingerprint(state), fingerprint(std::prev(states.upper_bound(until))->second)) << account;
      });
      ASSERT_TRUE(reached.ok()) << reached.error().what;
      EXPECT_EQ(reached->value, until);
      EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
      EXPECT_EQ(seen.size(), until == 1 ? 0u : 41u);
    }
  }
}

TEST_F(audits, replay_shows_entries_in_order) {
  journal_->write();
  replay_options options;
  options.folder = journal_->folder();
  options.account = "m-7";
  std::vector<std::uint64_t> seen;
  const auto all = audit_replay(
      options,
      [&](const entry& one) {
        EXPECT_EQ(one.account, "m-7");
        EXPECT_EQ(one.merchant_id, "m");
        seen.push_back(one.seq.value);
        return seen.size() < 5;
      },
      [](std::string_view, std::string_view, const account_state&) {});
  ASSERT_TRUE(all.ok()) << all.error().what;
  std::vector<std::uint64_t> expected;
  for (const auto& [seq, state] : journal_->states_of("m", "m-7"))
    if (expected.size() < 5)
      expected.push_back(seq);
  EXPECT_EQ(seen, expected);
}

// ---- images ----

class kept_images final : public image_source {
public:
  struct image {
    seq_t seq;
    std::string fingerprint;
  };
  std::map<std::pair<merchant_number, std::string>, image> all;
  bool is_damaged = false;
  bool knows_checksums = true;

  result<mark> mark_of(merchant_number merchant, std::string_view account) override {
    const auto found = all.find({merchant, std::string(account)});
    if (found == all.end())
      return mark{};
    return mark{found->second.seq, knows_checksums ? hash64(found->second.fingerprint) : 0};
  }
  std::uint64_t checksum_of(const account_state& state) const override { return hash64(fingerprint(state)); }
  result<std::string> fingerprint_of(merchant_number merchant, std::string_view account) override {
    if (is_damaged)
      return failure{failure_code::corrupt, "a checksum does not match"};
    return all.at({merchant, std::string(account)}).fingerprint;
  }
  result<void> for_each(const visitor& visit) override {
    for (const auto& [key, value] : all)
      visit(key.first, key.second);
    return {};
  }
};

class audited_images : public audits {
protected:
  // An image of every account after some entry of it.
  void SetUp() override {
    journal_->write();
    std::size_t skip = 0;
    for (const auto& [key, states] : journal_->states()) {
      const auto at = std::next(states.begin(), static_cast<std::ptrdiff_t>(skip++ % states.size()));
      images_.all[{key.first == "m" ? 1u : 2u, key.second}] = {seq_t{at->first}, fingerprint(at->second)};
    }
  }
  void expect_only(const std::string& words) {
    for (const std::size_t workers : {1, 3}) {
      const audited found = audit(workers, &images_);
      ASSERT_EQ(found.findings.size(), 1u) << words;
      EXPECT_NE(found.findings.front().find(words), std::string::npos) << found.findings.front();
    }
  }

  kept_images images_;
};

TEST_F(audited_images, right_ones_pass) {
  for (const bool knows_checksums : {true, false}) {
    images_.knows_checksums = knows_checksums;
    for (const std::size_t workers : {1, 3})
      EXPECT_EQ(audit(workers, &images_).findings, std::vector<std::string>());
  }
}

TEST_F(audited_images, one_of_another_balance) {
  auto& image = images_.all[{1, "m-3"}];
  account_state state = journal_->states_of("m", "m-3").at(image.seq.value);
  state.available += points_t{1};
  image.fingerprint = fingerprint(state);
  expect_only(std::to_string(image.seq.value) + " m m-3: its image of entry " + std::to_string(image.seq.value) +
              " is not what its entries come to: available " + std::to_string(state.available.value) + ", not " +
              std::to_string(state.available.value - 1));
}

TEST_F(audited_images, every_byte_of_one_counts) {
  const auto image = images_.all[{1, "m-3"}];
  for (std::size_t i = 0; i < image.fingerprint.size(); i += 37) {
    images_.knows_checksums = i % 2 == 0;
    images_.all[{1, "m-3"}].fingerprint[i] = static_cast<char>(image.fingerprint[i] ^ 4);
    expect_only("m m-3: its image of entry " + std::to_string(image.seq.value) + " is not what its entries come to");
    images_.all[{1, "m-3"}] = image;
  }
}

TEST_F(audited_images, one_of_the_namesake_at_another_merchant) {
  std::swap(images_.all[{1, "m-1"}].fingerprint, images_.all[{2, "m-1"}].fingerprint);
  const audited found = audit(3, &images_);
  EXPECT_EQ(found.findings.size(), 2u);
}

TEST_F(audited_images, one_of_another_accounts_entry) {
  images_.all[{1, "m-3"}].seq = seq_t{journal_->states_of("m", "m-4").rbegin()->first};
  expect_only("m m-3: its image is of entry " + std::to_string(images_.all[{1, "m-3"}].seq.value) +
              ", which is not an entry of the account");
}

TEST_F(audited_images, one_newer_than_the_journal) {
  images_.all[{1, "m-3"}].seq = seq_t{journal_->newest() + 5};
  expect_only("which is not an entry of the account");
}

TEST_F(audited_images, one_of_an_account_that_is_not_there) {
  images_.all[{1, "m-99"}] = images_.all[{1, "m-3"}];
  expect_only("0 m m-99: there is an image of it and no entry");
}

TEST_F(audited_images, one_of_a_merchant_that_is_not_there) {
  images_.all[{3, "m-3"}] = images_.all[{1, "m-3"}];
  expect_only("m-3: there is an image of it and no merchant 3");
}

TEST_F(audited_images, ones_that_do_not_read) {
  images_.is_damaged = true;
  images_.knows_checksums = false;
  const audited found = audit(2, &images_);
  EXPECT_EQ(found.findings.size(), 41u);
  EXPECT_NE(found.findings.front().find("does not read: a checksum does not match"), std::string::npos) << found.findings.front();
}

// ---- sealed digests ----

TEST_F(audits, a_sealed_journal_may_only_go_on) {
  journal_->write();
  const auto sealed = seal_journal(journal_->folder(), {});
  ASSERT_TRUE(sealed.ok()) << sealed.error().what;
  EXPECT_EQ(sealed->points.back().newest.value, journal_->newest());
  EXPECT_LE(sealed->points.size(), digest_sealer::points_max);
  const auto same = check_seal(journal_->folder(), *sealed, {});
  ASSERT_TRUE(same.ok()) << same.error().what;
  EXPECT_FALSE(same->has_value());
  EXPECT_TRUE(audit(2, nullptr, &*sealed).findings.empty());

  sealed_digest other = *sealed;
  const std::size_t place = other.points.size() / 2;
  other.points[place].hash[7] ^= std::byte{1};
  const seq_t agreed = place == 0 ? seq_t{} : other.points[place - 1].newest;
  const auto changed = check_seal(journal_->folder(), other, {});
  ASSERT_TRUE(changed.ok() && changed->has_value());
  EXPECT_EQ((*changed)->from, agreed.plus(1));
  const audited found = audit(2, nullptr, &other);
  ASSERT_EQ(found.findings.size(), 1u);
  EXPECT_NE(found.findings.front().find("it is up to entry " + std::to_string(agreed.value)), std::string::npos) << found.findings.front();

  sealed_digest longer = *sealed;
  longer.points.push_back({sealed->points.back().newest.plus(10), {}});
  const auto cut = check_seal(journal_->folder(), longer, {});
  ASSERT_TRUE(cut.ok() && cut->has_value());
  EXPECT_EQ((*cut)->from, sealed->points.back().newest.plus(1));
  EXPECT_NE((*cut)->what.find("it ends at entry"), std::string::npos) << (*cut)->what;

  sealed_digest inside = *sealed;
  inside.points.front().newest = seq_t{1};
  inside.points.front().hash = {};
  const auto no_block = check_seal(journal_->folder(), inside, {});
  ASSERT_TRUE(no_block.ok() && no_block->has_value());
  EXPECT_EQ((*no_block)->from, seq_t{1});
}

TEST(sealing, keeps_evenly_spread_points) {
  digest_sealer sealer;
  EXPECT_TRUE(sealer.seal().points.empty());
  for (std::uint64_t blocks = 1; blocks <= 5000; ++blocks) {
    block_header block;
    block.first_seq = seq_t{blocks * 10 - 9};
    block.count = 10;
    block.hash[0] = static_cast<std::byte>(blocks);
    sealer.pass(block);
    const sealed_digest sealed = sealer.seal();
    ASSERT_LE(sealed.points.size(), digest_sealer::points_max);
    ASSERT_GE(sealed.points.size(), std::min<std::size_t>(blocks, digest_sealer::points_max / 2));
    ASSERT_EQ(sealed.points.back().newest, block.last_seq());
    ASSERT_EQ(sealed.points.back().hash, block.hash);
    const std::uint64_t stride = sealed.points.front().newest.value;
    for (std::size_t i = 0; i + 1 < sealed.points.size(); ++i)
      ASSERT_EQ(sealed.points[i].newest.value, stride * (i + 1));
  }
}

} // namespace
} // namespace tally::wal
