// The outcomes that the engine alone never gives (tests/engine/outcomes_of_the_ledger.hpp), as a table: one line an operation, played in
// this order against one ledger.
#include "tests/actors/running_ledger.hpp"
#include "tests/engine/outcomes_of_the_ledger.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tally::actors {
namespace {

struct line {
  const char* what;
  command asked;
  const char* answer;
};

command by_phone(op kind, std::string_view phone, std::string_view account = {}) {
  command asked = read_of(kind, account);
  asked.phone = phone;
  return asked;
}

command earn_by_phone(std::string_view phone, std::string_view order, std::int64_t units) {
  command asked = earn_of({}, order, units);
  asked.phone = phone;
  return asked;
}

class outcomes_table : public testing::Test {
protected:
  std::string shown(const outcome& answer) {
    statuses_.insert(answer.status);
    codes_.insert(answer.code);
    std::string text(name_of(answer.status));
    if (answer.code != outcome_code::none)
      text += " " + std::string(name_of(answer.code));
    if (answer.status == outcome_status::invalid)
      text += " " + answer.where;
    if (answer.status == outcome_status::ok || answer.status == outcome_status::duplicate)
      text += answer.seq ? " #" + std::to_string(answer.seq.value) : "";
    EXPECT_TRUE(answer.status == outcome_status::ok || answer.status == outcome_status::duplicate || answer.code != outcome_code::none ||
                !answer.what.empty())
        << "it says why not";
    return text;
  }

  void play(std::initializer_list<line> table) {
    for (const line& each : table)
      EXPECT_EQ(shown(tally_.call(each.asked).head), each.answer) << each.what;
  }

  temporary_folder folder_;
  running_ledger tally_{options_for(folder_, 1), std::make_unique<memory_journal>(std::make_shared<memory_disk>())};
  std::set<outcome_status> statuses_;
  std::set<outcome_code> codes_;
};

TEST_F(outcomes_table, of_phones_of_the_server_and_of_its_limits) {
  const std::string by_phone_rules = "allow_inline_enrollment = true\n" + plain_rules;
  constexpr std::string_view ada = "+493012345678", bob = "+442079460000";
  // clang-format off
  play({
      {"nobody allowed it", by_phone(op::enroll, ada), "forbidden"},
      {"the clock is the world's", advance_to(new_year), "forbidden"},
      {"", put_of(plain_rules), "ok #1"},
      {"the rules do not allow it", by_phone(op::enroll, ada), "forbidden"},
      {"", by_phone(op::enroll, ada, "m-1"), "ok #2"},
      {"again", by_phone(op::enroll, ada, "m-1"), "duplicate #2"},
      {"again, written otherwise", by_phone(op::enroll, "0049 30 1234-5678", "m-1"), "duplicate #2"},
      {"by the phone alone, and known", by_phone(op::enroll, ada), "duplicate #2"},
      {"another phone", by_phone(op::enroll, bob, "m-1"), "rejected account_exists"},
      {"somebody else's phone", by_phone(op::enroll, ada, "m-2"), "rejected account_exists"},
      {"", enroll_of("m-2"), "ok #3"},
      {"somebody else's phone", by_phone(op::profile, ada, "m-2"), "rejected account_exists"},
      {"no phone at all", by_phone(op::profile, "call me", "m-2"), "invalid phone"},
      {"nobody's account", by_phone(op::profile, bob, "m-9"), "rejected unknown_account"},
      {"nobody's phone", by_phone(op::account, bob), "rejected unknown_account"},
      {"nobody's phone", earn_by_phone(bob, "o-1", one), "skipped no_member"},
      {"", earn_by_phone(ada, "o-1", one), "ok #4"},
      {"", put_of(by_phone_rules), "ok #5"},
      {"allowed now", by_phone(op::enroll, bob), "ok #6"},
      {"", read_of(op::erase, "m-1"), "ok #7"},
      {"", read_of(op::erase, "m-1"), "duplicate #7"},
      {"nobody's any more", earn_by_phone(ada, "o-2", one), "skipped no_member"},
  });
  // clang-format on

  // as many merchants as there may be, this one among them
  std::deque<std::string> names;
  std::vector<command> merchants;
  for (int i = 1; i < 65'535; ++i)
    merchants.push_back(enroll_of("m-1", names.emplace_back("n-" + std::to_string(i))));
  tally_.at(0).wait(tally_.at(0).send_all(merchants).back());
  play({
      {"one of them", enroll_of("m-2", names.back()), "ok #65542"},
      {"one too many", enroll_of("m-1", "teahouse"), "overloaded"},
      {"one too many", put_of("merchant = \"teahouse\"\n[earn]\n", "teahouse"), "overloaded"},
      {"it changes nothing for the others", earn_by_phone(bob, "o-1", one), "ok #65543"},
  });

  tally_->give_up_scans();
  play({{"the server stops", read_of(op::liability, {}), "unavailable"}});

  for (const outcome_status status : statuses_of_the_ledger)
    EXPECT_TRUE(statuses_.contains(status)) << name_of(status);
  for (const outcome_code code : codes_of_the_ledger)
    EXPECT_TRUE(codes_.contains(code)) << name_of(code);
}

} // namespace
} // namespace tally::actors
