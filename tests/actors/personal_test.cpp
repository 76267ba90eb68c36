// Phones and names through the ledger: enrolments, look-ups, profiles, erasures, on one shard and several, and every point at which
// a crash can cut a change in two.
#include "actors/account_messages.hpp"
#include "actors/parts.hpp"
#include "actors/shard_core.hpp"
#include "tests/actors/running_ledger.hpp"

#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

#include <array>
#include <set>

namespace tally::actors {
namespace {

using enum outcome_status;
namespace fs = std::filesystem;

std::string by_phone_rules() { return "allow_inline_enrollment = true\n" + plain_rules; }

constexpr std::string_view ada = "+493012345678", bob = "+442079460000";

command by_phone(op kind, std::string_view phone, std::string_view account = {}, std::string_view name = {},
                 std::string_view merchant = "beanhouse") {
  command asked = read_of(kind, account, merchant);
  asked.phone = phone;
  asked.name = name;
  return asked;
}

command earn_by_phone(std::string_view phone, std::string_view order, std::int64_t units) {
  command asked = earn_of({}, order, units);
  asked.phone = phone;
  return asked;
}

personal::store& store_of(running_ledger& tally) { return *tally->shard_at(0).core().parts().personal; }

std::string account_of(running_ledger& tally, std::string_view phone) {
  const result<std::string> found = store_of(tally).account_of("beanhouse", phone);
  return found.ok() ? *found : found.error().what;
}

class phones : public testing::TestWithParam<std::uint32_t> {
protected:
  std::size_t port() { return ++asked_ % GetParam(); } // in turn

private:
  std::size_t asked_ = 0;
};

TEST_P(phones, enroll_look_up_and_come_back_after_a_restart) {
  temporary_folder folder;
  {
    running_ledger tally(options_for(folder, GetParam()));
    tally.call(put_of(plain_rules));
    const scripted_answer enrolled = tally.call(by_phone(op::enroll, "0049 30 12345-678", "m-1", "Ada"), port());
    EXPECT_EQ(enrolled.head.status, ok);
    EXPECT_EQ(enrolled.head.seq, seq_t{2});
    EXPECT_EQ(enrolled.head.points, points_t{50});
    EXPECT_EQ(enrolled.shown->account, "m-1");
    const scripted_answer earned = tally.call(earn_by_phone("+49 (30) 12345678", "o-1", 10 * one), port());
    EXPECT_EQ(earned.head.status, ok);
    EXPECT_EQ(earned.head.available, points_t{60});
    EXPECT_EQ(earned.shown->account, "m-1");
    EXPECT_TRUE(earned.shown->names_account);
    EXPECT_EQ(tally.call(by_phone(op::account, ada), port()).shown->account, "m-1");

    // known by either, and not to others
    EXPECT_EQ(tally.call(earn_of("m-1", "o-1", 10 * one), port()).head.status, duplicate);
    EXPECT_EQ(tally.call(earn_by_phone(ada, "o-1", 11 * one), port()).head.code, outcome_code::reference_conflict);
    EXPECT_TRUE(tally.call(earn_by_phone(ada, "o-1", 11 * one), port()).shown->names_account) << "rejected, and known";
    EXPECT_EQ(tally.call(earn_by_phone(bob, "o-2", one), port()).head.code, outcome_code::no_member);
    EXPECT_EQ(tally.call(earn_by_phone(bob, "o-2", one), port()).shown, nullptr) << "there is no account to name";
    EXPECT_EQ(tally.call(by_phone(op::account, bob), port()).head.code, outcome_code::unknown_account);
    EXPECT_EQ(tally.call(by_phone(op::account, ada, {}, {}, "teahouse"), port()).head.code, outcome_code::unknown_account);
    EXPECT_EQ(tally.call(earn_by_phone(ada, "o-3", 0), port()).head.code, outcome_code::zero_points);
    EXPECT_EQ(tally.call(earn_by_phone(ada, "o-3", 0), port()).shown->account, "m-1") << "skipped, and known";
  }
  running_ledger tally(options_for(folder, 5 - GetParam()));
  EXPECT_EQ(tally.call(by_phone(op::account, ada)).shown->view->available, points_t{60});
  EXPECT_EQ(tally.call(by_phone(op::profile, {}, "m-1")).shown->name, "Ada");
  EXPECT_EQ(tally.call(by_phone(op::enroll, ada, "m-1")).head.status, duplicate);
}

TEST_P(phones, enroll_once) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, GetParam()), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(plain_rules));
  EXPECT_EQ(tally.call(by_phone(op::enroll, ada, "m-1", "Ada"), port()).head.status, ok);
  EXPECT_EQ(tally.call(enroll_of("m-2"), port()).head.status, ok);
  EXPECT_EQ(tally.call(by_phone(op::enroll, bob, "m-3"), port()).head.status, ok);

  const scripted_answer again = tally.call(by_phone(op::enroll, ada, "m-1", "Augusta"), port());
  EXPECT_EQ(again.head.status, duplicate);
  EXPECT_EQ(again.head.first, ok);
  EXPECT_EQ(again.head.seq, seq_t{2});
  EXPECT_EQ(again.head.points, points_t{50});
  EXPECT_EQ(tally.call(enroll_of("m-1"), port()).head.status, duplicate) << "without a phone";
  EXPECT_EQ(tally.call(by_phone(op::enroll, {}, "m-1", "Augusta"), port()).head.status, duplicate) << "with a name alone";
  EXPECT_EQ(tally.call(by_phone(op::profile, {}, "m-1"), port()).shown->name, "Ada") << "a duplicate changes nothing";
  EXPECT_EQ(tally.call(by_phone(op::enroll, "030 999 999", "m-1"), port()).head.code, outcome_code::account_exists) << "another phone";
  EXPECT_EQ(tally.call(by_phone(op::enroll, bob, "m-1"), port()).head.code, outcome_code::account_exists) << "the phone of another";
  EXPECT_EQ(tally.call(by_phone(op::enroll, bob, "m-9"), port()).head.code, outcome_code::account_exists) << "the phone of another";
  EXPECT_EQ(tally.call(by_phone(op::enroll, "030 999 999", "m-2"), port()).head.code, outcome_code::account_exists) << "it has none";
  EXPECT_EQ(tally.call(read_of(op::account, "m-9"), port()).head.code, outcome_code::unknown_account);
  const scripted_answer known = tally.call(by_phone(op::enroll, ada), port());
  EXPECT_EQ(known.head.status, duplicate) << "a known phone without an account, whatever the rules allow";
  EXPECT_EQ(known.shown->account, "m-1");
  EXPECT_TRUE(known.shown->names_account);
  EXPECT_EQ(tally.call(by_phone(op::enroll, {}, "m-4", "Dora"), port()).head.status, ok) << "a name alone";
  EXPECT_EQ(tally.call(by_phone(op::profile, {}, "m-4"), port()).shown->name, "Dora");

  command closed = read_of(op::close, "m-1");
  closed.reason = "moved";
  EXPECT_EQ(tally.call(closed, port()).head.status, ok);
  EXPECT_EQ(tally.call(by_phone(op::enroll, ada, "m-1"), port()).head.status, duplicate);
  EXPECT_EQ(tally.call(by_phone(op::enroll, "030 999 999", "m-1"), port()).head.code, outcome_code::account_closed);
  EXPECT_EQ(tally.call(earn_by_phone(ada, "o-1", one), port()).head.code, outcome_code::account_closed);
  EXPECT_EQ(tally.call(earn_by_phone(ada, "o-1", one), port()).shown->account, "m-1");
}

TEST_P(phones, what_is_wrong_is_said) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, GetParam()), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  const auto invalid_where = [&](const command& asked) {
    const scripted_answer refused = tally.call(asked, port());
    return refused.head.status == invalid ? refused.head.where : "not invalid";
  };
  command earn = earn_by_phone(ada, "o-1", one);
  earn.account = "m-1";
  EXPECT_EQ(invalid_where(earn), "phone");
  EXPECT_EQ(invalid_where(by_phone(op::account, ada, "m-1")), "phone");
  EXPECT_EQ(invalid_where(by_phone(op::account, "call me")), "phone");
  EXPECT_EQ(invalid_where(earn_by_phone("1234", "o-1", one)), "phone");
  EXPECT_EQ(invalid_where(by_phone(op::enroll, "1234", "m-1")), "phone");
  EXPECT_EQ(invalid_where(by_phone(op::profile, "1234", "m-1")), "phone");
  EXPECT_EQ(invalid_where(by_phone(op::history, ada)), "phone");
  EXPECT_EQ(invalid_where(by_phone(op::enroll, ada, "m-1", std::string(257, 'n'))), "name");
  EXPECT_EQ(invalid_where(by_phone(op::enroll, {}, {}, "Ada")), "account");
  EXPECT_EQ(invalid_where(by_phone(op::profile, ada)), "account");
  EXPECT_EQ(invalid_where(read_of(op::erase, {})), "account");
  EXPECT_EQ(invalid_where(by_phone(op::enroll, ada, "m-1", {}, "no spaces")), "merchant");
  EXPECT_EQ(invalid_where(by_phone(op::enroll, ada, std::string(65, 'a'))), "account");
  EXPECT_EQ(tally.call(by_phone(op::enroll, ada), port()).head.status, forbidden) << "no program allows it";
  tally.call(put_of(plain_rules));
  EXPECT_EQ(tally.call(by_phone(op::enroll, ada), port()).head.status, forbidden);
  EXPECT_EQ(tally->account_count(), 0u);
  EXPECT_EQ(account_of(tally, ada), "");
}

TEST_P(phones, alone_make_an_account) {
  temporary_folder folder;
  const auto disk = std::make_shared<memory_disk>();
  {
    running_ledger tally(options_for(folder, GetParam()), std::make_unique<memory_journal>(disk));
    tally.call(put_of(by_phone_rules()));
    const scripted_answer made = tally.call(by_phone(op::enroll, ada, {}, "Ada"), port());
    EXPECT_EQ(made.head.status, ok);
    EXPECT_EQ(made.head.seq, seq_t{2});
    EXPECT_EQ(made.head.points, points_t{50});
    EXPECT_EQ(made.shown->account, "i-2");
    EXPECT_EQ(tally.call(by_phone(op::enroll, ada), port()).head.status, duplicate);
    EXPECT_EQ(tally.call(by_phone(op::enroll, ada), port()).shown->account, "i-2");
    EXPECT_EQ(tally.call(earn_by_phone(ada, "o-1", one), port()).head.available, points_t{51});
    EXPECT_EQ(tally.call(earn_of("i-2", "o-1", one), port()).head.status, duplicate);
    // ids that somebody chose before
    EXPECT_EQ(tally.call(enroll_of("i-6"), port()).head.seq, seq_t{4});
    EXPECT_EQ(tally.call(enroll_of("i-6.1"), port()).head.seq, seq_t{5});
    EXPECT_EQ(tally.call(by_phone(op::enroll, bob), port()).shown->account, "i-6.2");
    EXPECT_EQ(tally.call(by_phone(op::account, bob), port()).shown->account, "i-6.2");
    EXPECT_EQ(tally.call(by_phone(op::enroll, "030 999 999"), port()).shown->account, "i-7");
  }
  running_ledger tally(options_for(folder, 5 - GetParam()), std::make_unique<memory_journal>(disk));
  EXPECT_EQ(tally->account_count(), 5u);
  EXPECT_EQ(tally.call(by_phone(op::account, bob)).shown->account, "i-6.2");
  EXPECT_EQ(tally.call(by_phone(op::account, ada)).shown->view->available, points_t{51});
}

TEST_P(phones, and_names_are_shown_and_changed) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, GetParam()), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  EXPECT_EQ(tally.call(by_phone(op::profile, {}, "m-1"), port()).head.code, outcome_code::unknown_account);
  EXPECT_EQ(tally.call(by_phone(op::profile, ada, "m-1"), port()).head.code, outcome_code::unknown_account);
  tally.call(enroll_of("m-1"));
  tally.call(by_phone(op::enroll, bob, "m-2"));
  const scripted_answer bare = tally.call(by_phone(op::profile, {}, "m-1"), port());
  EXPECT_EQ(bare.head.status, ok);
  EXPECT_EQ(bare.shown->account, "m-1");
  EXPECT_FALSE(bare.shown->phone || bare.shown->name);
  const scripted_answer named = tally.call(by_phone(op::profile, {}, "m-1", "Ada"), port());
  EXPECT_EQ(named.shown->name, "Ada");
  EXPECT_FALSE(named.shown->phone);
  const scripted_answer reached = tally.call(by_phone(op::profile, "0049 30 12345678", "m-1"), port());
  EXPECT_EQ(reached.shown->name, "Ada");
  EXPECT_EQ(reached.shown->phone, ada);
  EXPECT_EQ(tally.call(by_phone(op::account, ada), port()).shown->account, "m-1");
  EXPECT_EQ(tally.call(by_phone(op::profile, bob, "m-1"), port()).head.code, outcome_code::account_exists);
  EXPECT_EQ(tally.call(by_phone(op::profile, ada, "m-1"), port()).head.status, ok) << "its own";
  EXPECT_EQ(tally.call(by_phone(op::profile, "030 999 999", "m-1"), port()).shown->phone, "030999999");
  EXPECT_EQ(tally.call(by_phone(op::account, ada), port()).head.code, outcome_code::unknown_account) << "it has another now";
  EXPECT_EQ(tally.call(by_phone(op::profile, ada, "m-2"), port()).head.status, ok) << "and so it is free";
  EXPECT_EQ(tally.call(by_phone(op::account, ada), port()).shown->account, "m-2");
  const seq_t before = tally->journal().durable_seq();
  EXPECT_EQ(before, seq_t{2}) << "no entry tells of it";

  command closed = read_of(op::close, "m-1");
  closed.reason = "moved";
  tally.call(closed);
  EXPECT_EQ(tally.call(by_phone(op::profile, {}, "m-1"), port()).shown->phone, "030999999");
  EXPECT_EQ(tally.call(by_phone(op::profile, {}, "m-1", "Augusta"), port()).head.code, outcome_code::account_closed);
  EXPECT_EQ(tally.call(by_phone(op::profile, ada, "m-1"), port()).head.code, outcome_code::account_closed) << "before account_exists";
}

TEST_P(phones, are_erased_and_the_entries_stay) {
  temporary_folder folder;
  const auto disk = std::make_shared<memory_disk>();
  {
    running_ledger tally(options_for(folder, GetParam()), std::make_unique<memory_journal>(disk));
    EXPECT_EQ(tally.call(read_of(op::erase, "m-1"), port()).head.code, outcome_code::unknown_account);
    tally.call(by_phone(op::enroll, ada, "m-1", "Ada"), port());
    tally.call(by_phone(op::enroll, bob, "m-2", "Bob"), port());
    const scripted_answer erased = tally.call(read_of(op::erase, "m-1"), port());
    EXPECT_EQ(erased.head.status, ok);
    EXPECT_EQ(erased.head.seq, seq_t{3});
    EXPECT_EQ(tally.call(by_phone(op::account, ada), port()).head.code, outcome_code::unknown_account);
    EXPECT_EQ(tally.call(earn_by_phone(ada, "o-1", one), port()).head.code, outcome_code::no_member);
    EXPECT_EQ(tally.call(read_of(op::account, "m-1"), port()).head.status, ok);
    EXPECT_FALSE(tally.call(by_phone(op::profile, {}, "m-1"), port()).shown->name);
    EXPECT_EQ(tally.call(by_phone(op::account, bob), port()).shown->account, "m-2");

    const scripted_answer again = tally.call(read_of(op::erase, "m-1"), port());
    EXPECT_EQ(again.head.status, duplicate);
    EXPECT_EQ(again.head.seq, seq_t{3});
    EXPECT_EQ(tally.call(by_phone(op::profile, ada, "m-1", "Ada"), port()).head.status, ok);
    const scripted_answer anew = tally.call(read_of(op::erase, "m-1"), port());
    EXPECT_EQ(anew.head.status, ok) << "personal data was stored since";
    EXPECT_EQ(anew.head.seq, seq_t{4});
    EXPECT_EQ(tally.call(read_of(op::erase, "m-1"), port()).head.seq, seq_t{4});

    EXPECT_EQ(tally.call(enroll_of("m-3"), port()).head.status, ok);
    EXPECT_EQ(tally.call(read_of(op::erase, "m-3"), port()).head.seq, seq_t{6}) << "of whom nothing was ever stored";
    EXPECT_EQ(tally.call(read_of(op::erase, "m-3"), port()).head.status, duplicate);
    command closed = read_of(op::close, "m-2");
    closed.reason = "moved";
    tally.call(closed, port());
    EXPECT_EQ(tally.call(read_of(op::erase, "m-2"), port()).head.status, ok) << "closed";
    EXPECT_EQ(account_of(tally, bob), "");
  }
  running_ledger tally(options_for(folder, 1), std::make_unique<memory_journal>(disk));
  EXPECT_EQ(tally.call(read_of(op::erase, "m-1")).head.seq, seq_t{4});
  EXPECT_EQ(tally.call(by_phone(op::enroll, ada, "m-9")).head.status, ok) << "the phone is anybody's again";
}

INSTANTIATE_TEST_SUITE_P(shards, phones, testing::Values(1u, 4u));

// ---- crashes --------------------------------------------------------------------------------------------------------

// A ledger whose journal holds back, and what a crash would leave at some moment.
class cut : public testing::Test {
protected:
  void SetUp() override { open(std::make_shared<memory_disk>()); }

  void open(const std::shared_ptr<memory_disk>& disk) {
    disk_ = disk;
    auto owned = std::make_unique<memory_journal>(disk_);
    journal_ = owned.get();
    tally_.emplace(options_for(folder_, 3), std::move(owned));
    tally_->call(put_of(by_phone_rules()));
  }

  // The operation, up to the moment at which its entry has been handed to the journal and is not on disk.
  std::uint64_t send_and_hold(const command& asked) {
    journal_->hold_back(true);
    const std::uint64_t appended = journal_->appended();
    const std::uint64_t sent = tally_->at(1).send(asked);
    while (journal_->appended() == appended && !tally_->at(1).is_answered(sent))
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    EXPECT_GT(journal_->appended(), appended);
    return sent;
  }

  void copy_personal(const temporary_folder& to) {
    fs::copy(folder_.path(), to.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }

  std::shared_ptr<memory_disk> copy_journal() {
    auto copy = std::make_shared<memory_disk>();
    const std::lock_guard lock(disk_->mutex);
    copy->records = disk_->records;
    copy->durable = disk_->durable;
    copy->merchants = disk_->merchants;
    return copy;
  }

  static std::size_t open_intents(running_ledger& tally) { return store_of(tally).open_intents()->size(); }

  temporary_folder folder_;
  std::shared_ptr<memory_disk> disk_;
  memory_journal* journal_ = nullptr;
  std::optional<running_ledger> tally_;
};

TEST_F(cut, between_the_intent_and_the_entry_nobody_is_enrolled) {
  const std::uint64_t sent = send_and_hold(by_phone(op::enroll, ada, "m-1", "Ada"));
  temporary_folder crashed;
  copy_personal(crashed);
  const auto journal = copy_journal();
  EXPECT_FALSE(tally_->at(1).is_answered(sent));
  EXPECT_EQ(account_of(*tally_, ada), "") << "not before the entry is on disk";
  EXPECT_EQ(open_intents(*tally_), 1u);

  running_ledger after(options_for(crashed, 2), std::make_unique<memory_journal>(journal));
  EXPECT_EQ(open_intents(after), 0u);
  EXPECT_EQ(after.call(read_of(op::account, "m-1")).head.code, outcome_code::unknown_account);
  EXPECT_EQ(after.call(by_phone(op::account, ada)).head.code, outcome_code::unknown_account);
  EXPECT_EQ(after.call(by_phone(op::enroll, ada, "m-2")).head.status, ok) << "the phone is free";
  EXPECT_EQ(after.call(by_phone(op::enroll, bob, "m-1")).head.status, ok) << "and the account";
  journal_->hold_back(false);
  EXPECT_EQ(tally_->at(1).wait(sent).head.status, ok);
}

TEST_F(cut, between_the_entry_and_the_end_it_is_finished) {
  for (const std::string_view account : {"m-1", ""}) {
    const std::string_view phone = account.empty() ? bob : ada;
    const std::uint64_t sent = send_and_hold(by_phone(op::enroll, phone, account, "Somebody"));
    temporary_folder crashed;
    copy_personal(crashed);
    journal_->hold_back(false);
    const std::string enrolled = tally_->at(1).wait(sent).shown->account;
    EXPECT_EQ(enrolled, account.empty() ? "i-3" : "m-1");

    running_ledger after(options_for(crashed, 1), std::make_unique<memory_journal>(copy_journal()));
    EXPECT_EQ(open_intents(after), 0u);
    EXPECT_EQ(after.call(by_phone(op::account, phone)).shown->account, enrolled);
    EXPECT_EQ(after.call(by_phone(op::profile, {}, enrolled)).shown->name, "Somebody");
    EXPECT_EQ(after.call(by_phone(op::enroll, phone, account)).head.status, duplicate) << "as the till that sends it again is told";
  }
}

TEST_F(cut, after_the_end_it_is_there) {
  tally_->call(by_phone(op::enroll, ada, "m-1", "Ada"));
  const std::string made = tally_->call(by_phone(op::enroll, bob)).shown->account;
  temporary_folder crashed;
  copy_personal(crashed);
  running_ledger after(options_for(crashed, 2), std::make_unique<memory_journal>(copy_journal()));
  EXPECT_EQ(after.call(by_phone(op::account, ada)).shown->account, "m-1");
  EXPECT_EQ(after.call(by_phone(op::account, bob)).shown->account, made);
}

TEST_F(cut, an_inline_enrolment_whose_entry_is_lost_leaves_nothing) {
  const std::uint64_t sent = send_and_hold(by_phone(op::enroll, ada));
  temporary_folder crashed;
  copy_personal(crashed);
  const auto journal = copy_journal();
  running_ledger after(options_for(crashed, 3), std::make_unique<memory_journal>(journal));
  EXPECT_EQ(open_intents(after), 0u);
  EXPECT_EQ(after->account_count(), 0u);
  EXPECT_EQ(after.call(by_phone(op::enroll, ada)).shown->account, "i-2") << "the seq is free, too";
  journal_->hold_back(false);
  EXPECT_EQ(tally_->at(1).wait(sent).shown->account, "i-2");
}

TEST_F(cut, an_erasure_whose_entry_is_lost_erased_nothing) {
  tally_->call(by_phone(op::enroll, ada, "m-1", "Ada"));
  const std::uint64_t sent = send_and_hold(read_of(op::erase, "m-1"));
  temporary_folder crashed;
  copy_personal(crashed);
  const auto journal = copy_journal();
  EXPECT_FALSE(tally_->at(1).is_answered(sent));
  EXPECT_EQ(account_of(*tally_, ada), "m-1") << "nothing is erased before the entry is on disk";
  running_ledger after(options_for(crashed, 2), std::make_unique<memory_journal>(journal));
  EXPECT_EQ(open_intents(after), 0u);
  EXPECT_EQ(after.call(by_phone(op::account, ada)).shown->account, "m-1");
  EXPECT_EQ(after.call(by_phone(op::profile, {}, "m-1")).shown->name, "Ada");
  EXPECT_EQ(after.call(read_of(op::erase, "m-1")).head.status, ok);
  journal_->hold_back(false);
  EXPECT_EQ(tally_->at(1).wait(sent).head.status, ok);
}

TEST_F(cut, an_erasure_whose_entry_is_on_disk_is_finished) {
  tally_->call(by_phone(op::enroll, ada, "m-1", "Ada"));
  const std::uint64_t sent = send_and_hold(read_of(op::erase, "m-1"));
  temporary_folder crashed;
  copy_personal(crashed);
  journal_->hold_back(false);
  const seq_t erased = tally_->at(1).wait(sent).head.seq;
  running_ledger after(options_for(crashed, 2), std::make_unique<memory_journal>(copy_journal()));
  EXPECT_EQ(open_intents(after), 0u);
  EXPECT_EQ(after.call(by_phone(op::account, ada)).head.code, outcome_code::unknown_account);
  EXPECT_FALSE(after.call(by_phone(op::profile, {}, "m-1")).shown->name);
  const scripted_answer again = after.call(read_of(op::erase, "m-1"));
  EXPECT_EQ(again.head.status, duplicate);
  EXPECT_EQ(again.head.seq, erased);
}

// Whoever opens a ledger of before, or has lost the folder, gets an empty one.
TEST(personal_folder, is_made_where_it_is_missing) {
  temporary_folder folder;
  {
    running_ledger tally(options_for(folder, 1));
    tally.call(by_phone(op::enroll, ada, "m-1", "Ada"));
  }
  fs::remove_all(folder.path() / "personal");
  running_ledger tally(options_for(folder, 1));
  EXPECT_EQ(tally.call(read_of(op::account, "m-1")).head.status, ok);
  EXPECT_EQ(tally.call(by_phone(op::account, ada)).head.code, outcome_code::unknown_account);
  EXPECT_EQ(tally.call(by_phone(op::profile, ada, "m-1")).head.status, ok);
}

TEST(personal_folder, that_is_damaged_is_named) {
  temporary_folder folder;
  { running_ledger tally(options_for(folder, 1)); }
  fs::remove(folder.path() / "personal" / "CURRENT");
  const auto opened = ledger::open(options_for(folder, 1));
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, failure_code::corrupt);
  EXPECT_NE(opened.error().what.find("personal"), std::string::npos);
}

// ---- many at once ---------------------------------------------------------------------------------------------------

// Enrolments by phone alone from several ports, among other traffic, transfers and a moving clock: seqs without gaps, ids of
// their seqs, one account a phone.
TEST(phones_at_once, make_accounts_among_other_traffic) {
  constexpr int count = 60;
  temporary_folder folder, elsewhere;
  const auto disk = std::make_shared<memory_disk>();
  running_ledger tally(options_for(folder, 4, new_year), std::make_unique<memory_journal>(disk));
  tally.call(put_of(by_phone_rules()));
  const std::vector<std::string> names = tally.names_on({0, 1, 2, 3});
  for (const std::string& name : names)
    tally.call(enroll_of(name));
  std::vector<std::thread> tills;
  std::vector<std::vector<std::string>> made(2);
  for (std::size_t till = 0; till < 2; ++till)
    tills.emplace_back([&, till] {
      for (int i = 0; i < count; ++i) {
        const scripted_answer enrolled = tally.call(by_phone(op::enroll, "+4930" + std::to_string(10'000 + i)), till);
        EXPECT_TRUE(enrolled.head.status == ok || enrolled.head.status == duplicate) << enrolled.head.what;
        EXPECT_EQ(enrolled.shown->account, "i-" + std::to_string(enrolled.head.seq.value));
        made[till].push_back(enrolled.shown->account);
      }
    });
  std::atomic<bool> done{false};
  tills.emplace_back([&] {
    for (int i = 0; !done; ++i)
      for (std::size_t from = 0; from < names.size(); ++from)
        tally.call(earn_of(names[from], "o-" + std::to_string(i), one), 2);
  });
  tills.emplace_back([&] {
    for (int i = 1; !done; ++i) {
      tally.call(transfer_of(names[0], names[1], "t-" + std::to_string(i), 1), 3);
      tally.call(advance_to(new_year.plus_us(i)), 3);
    }
  });
  tills[0].join();
  tills[1].join();
  done = true;
  tills[2].join();
  tills[3].join();
  EXPECT_EQ(made[0], made[1]) << "one account a phone";
  EXPECT_EQ(std::set<std::string>(made[0].begin(), made[0].end()).size(), std::size_t{count});
  tally.stop();
  EXPECT_EQ(disk->records.size(), disk->durable) << "a seq is missing";
  running_ledger replayed(options_for(elsewhere, 3, new_year), std::make_unique<memory_journal>(disk));
  EXPECT_EQ(replayed->account_count(), names.size() + count);
  replayed.stop();
  EXPECT_EQ(replayed.fingerprints(), tally.fingerprints());
}

// A till enrolls without the phone while another does with it: whoever is first decides what the other is told.
TEST(phones_at_once, race_with_an_enrolment_without_one) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  int with_phone = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string account = "m-" + std::to_string(i), phone = "+4930" + std::to_string(10'000 + i);
    const std::uint64_t registered = tally.at(0).send(by_phone(op::enroll, phone, account));
    std::this_thread::sleep_for(std::chrono::microseconds(20 * i)); // around the moment when the intent is on disk
    const outcome_status plain = tally.call(enroll_of(account), 1).head.status;
    const scripted_answer answer = tally.at(0).wait(registered);
    if (answer.head.status == ok) {
      ++with_phone;
      EXPECT_EQ(plain, duplicate);
      EXPECT_EQ(account_of(tally, phone), account);
    } else {
      EXPECT_EQ(plain, ok);
      EXPECT_EQ(answer.head.code, outcome_code::account_exists);
      EXPECT_EQ(account_of(tally, phone), "");
    }
    EXPECT_TRUE(store_of(tally).open_intents()->empty());
  }
  RecordProperty("with_phone", with_phone);
}

// The same without luck: the shard is driven by hand, so that the other enrolment comes when the intent is on disk already.
TEST(phones_at_once, a_change_that_comes_second_is_dropped) {
  temporary_folder folder;
  auto opened = ledger::open(options_for(folder, 1, new_year), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  ASSERT_TRUE(opened.ok());
  shard& only = (*opened)->shard_at(0);
  const personal::store& store = *only.core().parts().personal;
  scripted_port world;
  const std::array<port*, 1> ports = {&world};
  (*opened)->start(ports);
  const auto begins_within_ms = [&](int patience_ms) {
    for (int i = 0; i < patience_ms && store.open_intents()->empty(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return !store.open_intents()->empty();
  };
  const std::uint64_t registered = world.send(by_phone(op::enroll, ada, "m-1", "Ada"));
  do
    only.turn(world, {});
  while (!begins_within_ms(500));
  const std::uint64_t plain = world.send(enroll_of("m-1")); // a turn begins with it
  for (int i = 0; i < 10'000 && !world.has_left(registered); ++i) {
    only.turn(world, {});
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(world.wait(plain).head.status, ok);
  EXPECT_EQ(world.wait(registered).head.code, outcome_code::account_exists);
  EXPECT_TRUE(store.open_intents()->empty());
  EXPECT_EQ(*store.account_of("beanhouse", ada), "");
  (*opened)->close();
}

// What a look at an account tells may not be lost any more.
TEST(phones_at_once, an_account_that_is_not_durable_is_waited_for) {
  temporary_folder folder;
  auto owned = std::make_unique<memory_journal>(std::make_shared<memory_disk>());
  memory_journal& journal = *owned;
  running_ledger tally(options_for(folder, 2), std::move(owned));
  journal.hold_back(true);
  tally.at(0).send(enroll_of("m-1"));
  while (journal.appended() < 1)
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  const std::uint64_t enrolled = tally.at(1).send(by_phone(op::enroll, ada, "m-1"));
  const std::uint64_t shown = tally.at(1).send(by_phone(op::profile, {}, "m-1"));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(tally.at(1).is_answered(enrolled));
  journal.hold_back(false);
  EXPECT_EQ(tally.at(1).wait(enrolled).head.code, outcome_code::account_exists);
  EXPECT_EQ(tally.at(1).wait(shown).head.status, ok);
}

TEST(personal_mail, names_no_phone) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 1), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(enroll_of("m-1"));
  caf::scoped_actor self(tally->system());
  self->request(tally->account("beanhouse", "m-1"), caf::infinite, account_command(earn_by_phone(ada, "o-1", one)))
      .receive([](const account_outcome& said) { EXPECT_EQ(said.value.where, "phone"); },
               [](const caf::error&) { ADD_FAILURE() << "it is answered"; });
}

} // namespace
} // namespace tally::actors
