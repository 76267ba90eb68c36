// Every way in which a field can be wrong without looking at the ledger, one line each.
#include "net/operation_rules.hpp"

#include "net/limits.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <vector>

namespace tally::net {
namespace {

const std::string long_id(64, 'x'), too_long_id(65, 'x'), long_text(256, 'x'), too_long_text(257, 'x');

// A complete operation of each kind.
command complete(op kind) {
  static const std::vector<sale_line> lines = {{"BEAN-1KG", "beans", 1, {300'000}}, {"CUP", "", 2, {0}}};
  command out;
  out.kind = kind;
  out.merchant = "beanhouse";
  out.account = "m-1";
  switch (kind) {
  case op::earn:
    out.order = "o-1";
    out.total = money_t{425'000};
    out.lines = lines;
    break;
  case op::preview:
    out.amount_points = points_t{100};
    out.total = money_t{10'000};
    break;
  case op::redeem:
    out.amount_points = points_t{100};
    out.order = "o-1";
    out.total = money_t{10'000};
    break;
  case op::claim:
    out.reference = "Free coffee";
    out.order = "o-1";
    break;
  case op::authorize:
    out.amount_points = points_t{100};
    out.reference = "h-1";
    out.minutes = 15;
    break;
  case op::capture:
    out.reference = "h-1";
    out.amount_points = points_t{1};
    out.order = "o-1";
    break;
  case op::void_:
    out.reference = "h-1";
    break;
  case op::reverse:
    out.order = "o-1";
    out.reference = "r-1";
    out.amount = money_t{1};
    break;
  case op::transfer:
    out.to = "m-2";
    out.amount_points = points_t{1};
    out.reference = "t-1";
    break;
  case op::adjust:
    out.amount_points = points_t{-5};
    out.reference = "a-1";
    out.reason = "goodwill";
    out.expire_days = 0;
    break;
  case op::suspend:
  case op::reactivate:
  case op::close:
    out.reason = "asked for";
    break;
  case op::history:
    out.limit = 1000;
    out.before_seq = seq_t{9};
    out.from = instant{0};
    out.until = instant{1};
    break;
  case op::entry:
    out.account = {};
    out.seq = seq_t{1};
    break;
  case op::balance_at:
    out.at = instant{1};
    break;
  case op::reviews:
    out.limit = 1000;
    out.after = seq_t{0};
    break;
  case op::approve:
  case op::reject:
    out.account = {};
    out.seq = seq_t{4};
    out.reason = "asked for";
    break;
  case op::statement:
    out.from = out.until = instant{1};
    break;
  case op::liability:
    out.account = {};
    out.at = instant{1};
    break;
  case op::tail:
    out.account = {};
    out.seq = seq_t{1};
    out.kinds.insert(entry_kind::earn);
    break;
  case op::program:
    out.account = {};
    out.version = 1;
    break;
  case op::programs:
    out.account = {};
    break;
  case op::put_program:
    out.account = {};
    out.toml = "merchant = \"beanhouse\"\n";
    break;
  case op::digest:
    out.account = {};
    out.merchant = {};
    break;
  case op::advance_clock:
    out.account = {};
    out.merchant = {};
    out.until = instant{1};
    break;
  default:
    break;
  }
  return out;
}

std::vector<op> every_op() {
  std::vector<op> all;
  for (std::uint8_t number = 1; number < op_count; ++number)
    all.push_back(static_cast<op>(number));
  return all;
}

using change = std::function<void(command&)>;

std::string problem_of(op kind, const change& spoil) {
  command asked = complete(kind);
  spoil(asked);
  std::string where;
  const char* what = check_operation(asked, where);
  return what == nullptr ? "" : where + ": " + what;
}

TEST(operation_rules, complete_operations_are_fine) {
  for (const op kind : every_op())
    EXPECT_EQ(problem_of(kind, [](command&) {}), "") << name_of(kind);
}

TEST(operation_rules, what_follows_later_says_so) {
  EXPECT_EQ(problem_of(op::none, [](command&) {}), "op: unknown operation");
  EXPECT_EQ(problem_of(static_cast<op>(33), [](command&) {}), "op: unknown operation");
  EXPECT_EQ(problem_of(static_cast<op>(255), [](command&) {}), "op: unknown operation");
  EXPECT_EQ(problem_of(op::earn, [](command& c) { c.token = "t"; }), "token: not supported yet");
}

TEST(operation_rules, a_phone_names_who_it_is) {
  const auto by_phone = [](op kind, std::string_view phone, bool beside_account) {
    return problem_of(kind, [=](command& c) {
      c.account = beside_account ? c.account : std::string_view{};
      c.phone = phone;
    });
  };
  for (const op kind : {op::enroll, op::earn, op::account}) {
    EXPECT_EQ(by_phone(kind, "+49 (30) 123-45.67", false), "") << name_of(kind);
    EXPECT_EQ(by_phone(kind, "1234", false).substr(0, 27), "phone: must be a phone numb") << name_of(kind);
    EXPECT_EQ(by_phone(kind, "+49 30 1234567", true), kind == op::enroll ? "" : "phone: either account or phone") << name_of(kind);
  }
  EXPECT_EQ(problem_of(op::enroll, [](command& c) { c.name = "Ada"; }), "");
  EXPECT_EQ(by_phone(op::profile, "030 1234567", true), "");
  EXPECT_EQ(by_phone(op::profile, "none", true).substr(0, 6), "phone:");
}

struct required_field {
  op kind;
  change leave_out;
  const char* where;
};

TEST(operation_rules, required_fields) {
  const change account = [](command&c) { c.account = {}; }, order = [](command&c) { c.order = {}; },
               points = [](command&c) { c.amount_points.reset(); }, reason = [](command&c) { c.reason = {}; },
               reference = [](command&c) { c.reference = {}; };
  const std::vector<required_field> cases = {
      {op::claim, account, "account"},
      {op::authorize, account, "account"},
      {op::capture, account, "account"},
      {op::void_, account, "account"},
      {op::transfer, account, "account"},
      {op::profile, account, "account"},
      {op::erase, account, "account"},
      {op::statement, account, "account"},
      {op::preview, account, "account"},
      {op::redeem, account, "account"},
      {op::reverse, account, "account"},
      {op::adjust, account, "account"},
      {op::suspend, account, "account"},
      {op::close, account, "account"},
      {op::history, account, "account"},
      {op::count, account, "account"},
      {op::balance_at, account, "account"},
      {op::reactivate, account, "account"},
      {op::earn, order, "order"},
      {op::redeem, order, "order"},
      {op::reverse, order, "order"},
      {op::preview, points, "points"},
      {op::redeem, points, "points"},
      {op::adjust, points, "points"},
      {op::adjust, reason, "reason"},
      {op::suspend, reason, "reason"},
      {op::reactivate, reason, "reason"},
      {op::close, reason, "reason"},
      {op::reverse, reference, "refund"},
      {op::adjust, reference, "adjustment"},
      {op::claim, order, "order"},
      {op::authorize, points, "points"},
      {op::transfer, points, "points"},
      {op::approve, reason, "reason"},
      {op::reject, reason, "reason"},
      {op::claim, reference, "reward"},
      {op::authorize, reference, "reservation"},
      {op::capture, reference, "reservation"},
      {op::void_, reference, "reservation"},
      {op::transfer, reference, "transfer"},
      {op::transfer, [](command& c) { c.to = {}; }, "to"},
      {op::approve, [](command& c) { c.seq.reset(); }, "review"},
      {op::reject, [](command& c) { c.seq.reset(); }, "review"},
      {op::statement, [](command& c) { c.from.reset(); }, "from"},
      {op::statement, [](command& c) { c.until.reset(); }, "until"},
      {op::earn, [](command& c) { c.total.reset(); }, "total"},
      {op::put_program, [](command& c) { c.toml = {}; }, "toml"},
      {op::advance_clock, [](command& c) { c.until.reset(); }, "to"},
  };
  for (const required_field& each : cases)
    EXPECT_EQ(problem_of(each.kind, each.leave_out), std::string(each.where) + ": required") << name_of(each.kind);
  for (const op kind : every_op()) {
    if (kind == op::digest || kind == op::advance_clock)
      continue;
    EXPECT_EQ(problem_of(kind, [](command& c) { c.merchant = {}; }), "merchant: required") << name_of(kind);
  }
  EXPECT_EQ(problem_of(op::earn, account), "") << "a walk-in";
  for (const op kind : {op::enroll, op::account})
    EXPECT_EQ(problem_of(kind, account), "account: required: account or phone") << name_of(kind);
  EXPECT_EQ(problem_of(op::reviews, account), "") << "of all accounts";
  EXPECT_EQ(problem_of(op::tail, [](command& c) { c.seq.reset(); }), "") << "from the first entry on";
  EXPECT_EQ(problem_of(op::authorize, [](command& c) { c.minutes.reset(); }), "") << "as the rules say";
  EXPECT_EQ(problem_of(op::capture,
                       [](command& c) {
                         c.amount_points.reset();
                         c.order = {};
                       }),
            "")
      << "all of it, and of no order";
}

TEST(operation_rules, fields_of_other_operations) {
  const char* what = ": not a field of this operation";
  for (const op kind : {op::preview, op::account, op::history, op::entry, op::count, op::balance_at, op::reviews, op::program, op::programs,
                        op::statement, op::liability, op::digest, op::tail}) {
    EXPECT_EQ(problem_of(kind, [](command& c) { c.terminal = "t"; }), std::string("terminal") + what) << name_of(kind);
    EXPECT_EQ(problem_of(kind, [](command& c) { c.cashier = "t"; }), std::string("cashier") + what) << name_of(kind);
    EXPECT_EQ(problem_of(kind, [](command& c) { c.note = "t"; }), std::string("note") + what) << name_of(kind);
  }
  for (const op kind :
       {op::approve, op::reject, op::program, op::programs, op::put_program, op::liability, op::digest, op::tail, op::advance_clock})
    EXPECT_EQ(problem_of(kind, [](command& c) { c.account = "m-1"; }), std::string("account") + what) << name_of(kind);
  EXPECT_EQ(problem_of(op::earn, [](command& c) { c.amount = money_t{1}; }), std::string("amount") + what);
  EXPECT_EQ(problem_of(op::redeem, [](command& c) { c.reference = "r"; }), std::string("reference") + what);
  EXPECT_EQ(problem_of(op::redeem, [](command& c) { c.to = "m-2"; }), std::string("to") + what);
  EXPECT_EQ(problem_of(op::redeem, [](command& c) { c.minutes = 1; }), std::string("minutes") + what);
  EXPECT_EQ(problem_of(op::history, [](command& c) { c.after = seq_t{1}; }), std::string("after") + what);
  EXPECT_EQ(problem_of(op::redeem, [](command& c) { c.phone = "+49 30 1234567"; }), std::string("phone") + what);
  EXPECT_EQ(problem_of(op::redeem, [](command& c) { c.name = "Ada"; }), std::string("name") + what);
}

TEST(operation_rules, ids) {
  struct id_field {
    op kind;
    std::string_view command::*member;
    std::string where;
  };
  const id_field fields[] = {{op::earn, &command::account, "account"},
                             {op::earn, &command::order, "order"},
                             {op::reverse, &command::reference, "refund"},
                             {op::adjust, &command::reference, "adjustment"},
                             {op::redeem, &command::order, "order"},
                             {op::history, &command::account, "account"},
                             {op::authorize, &command::reference, "reservation"},
                             {op::capture, &command::order, "order"},
                             {op::transfer, &command::to, "to"},
                             {op::transfer, &command::reference, "transfer"},
                             {op::void_, &command::reference, "reservation"}};
  for (const id_field& field : fields) {
    const auto problem_with = [&](std::string_view value) { return problem_of(field.kind, [&](command& c) { c.*field.member = value; }); };
    for (const std::string_view fine :
         {std::string_view("m"), std::string_view("a b"), std::string_view("~!/?"), std::string_view("\u00e4\u6f22\U0001f600"),
          std::string_view(long_id), std::string_view("\xc2\xa0"), std::string_view("\xf4\x8f\xbf\xbf")})
      EXPECT_EQ(problem_with(fine), "") << fine;
    for (const std::string_view bad : {std::string_view(too_long_id),
                                       std::string_view("a\nb"),
                                       std::string_view("\0", 1),
                                       std::string_view("a\x7f"),
                                       std::string_view("\x1f"),
                                       std::string_view("12345678\t"),
                                       std::string_view("\t12345678"),
                                       std::string_view("abcdefgh\x7fijklmnop"),
                                       std::string_view("\x80"),
                                       std::string_view("\xc3"),
                                       std::string_view("a\xc3("),
                                       std::string_view("\xc0\xaf"),
                                       std::string_view("\xe0\x80\xaf"),
                                       std::string_view("\xed\xa0\x80"),
                                       std::string_view("\xf0\x80\x80\x80"),
                                       std::string_view("\xf4\x90\x80\x80"),
                                       std::string_view("\xf8\x88\x80\x80\x80"),
                                       std::string_view("\xff"),
                                       std::string_view("\xc2\x85"),
                                       std::string_view("\xc2\x9f"),
                                       std::string_view("abcdefghijklmnop\xff")})
      EXPECT_EQ(problem_with(bad), field.where + ": must be 1-64 bytes of UTF-8 without control characters");
  }
  for (const std::string_view fine : {"a", "A-Z_0.9", "beanhouse"})
    EXPECT_EQ(problem_of(op::earn, [&](command& c) { c.merchant = fine; }), "");
  for (const std::string_view bad : {std::string_view("bean house"), std::string_view("b\u00e4r"), std::string_view("a/b"),
                                     std::string_view(too_long_id), std::string_view("\0", 1), std::string_view("\xff")})
    EXPECT_EQ(problem_of(op::earn, [&](command& c) { c.merchant = bad; }), "merchant: must be 1-64 of A-Z, a-z, 0-9, '.', '_', '-'");
}

TEST(operation_rules, texts) {
  const auto with = [](std::string_view command::*member, std::string_view value, op kind = op::adjust) {
    return problem_of(kind, [&](command& c) { c.*member = value; });
  };
  EXPECT_EQ(with(&command::terminal, long_id), "");
  EXPECT_EQ(with(&command::terminal, too_long_id), "terminal: must be at most 64 bytes of UTF-8 without control characters");
  EXPECT_EQ(with(&command::cashier, "a\rb"), "cashier: must be at most 64 bytes of UTF-8 without control characters");
  EXPECT_EQ(with(&command::note, long_text), "");
  EXPECT_EQ(with(&command::note, too_long_text), "note: must be at most 256 bytes of UTF-8 without control characters");
  EXPECT_EQ(with(&command::reason, too_long_text), "reason: must be at most 256 bytes of UTF-8 without control characters");
  EXPECT_EQ(with(&command::reference, long_text, op::claim), "") << "a reward's name";
  EXPECT_EQ(with(&command::reference, too_long_text, op::claim), "reward: must be at most 256 bytes of UTF-8 without control characters");
  EXPECT_EQ(with(&command::reason, "\xff"), "reason: must be at most 256 bytes of UTF-8 without control characters");
  const std::string large(64 * 1024, '#'), too_large(64 * 1024 + 1, '#');
  EXPECT_EQ(with(&command::toml, large, op::put_program), "");
  EXPECT_EQ(with(&command::toml, too_large, op::put_program), "toml: must be at most 64 KiB");
}

TEST(operation_rules, numbers) {
  EXPECT_EQ(problem_of(op::earn, [](command& c) { c.total = money_t{0}; }), "");
  EXPECT_EQ(problem_of(op::earn, [](command& c) { c.total = money_t{-1}; }), "total: must not be negative");
  EXPECT_EQ(problem_of(op::redeem, [](command& c) { c.total = money_t{-1}; }), "total: must not be negative");
  EXPECT_EQ(problem_of(op::preview, [](command& c) { c.total = money_t{-1}; }), "total: must not be negative");
  EXPECT_EQ(problem_of(op::reverse, [](command& c) { c.amount = money_t{-1}; }), "amount: must not be negative");
  EXPECT_EQ(problem_of(op::adjust, [](command& c) { c.amount_points = points_t{0}; }), "points: must not be 0");
  EXPECT_EQ(problem_of(op::redeem, [](command& c) { c.amount_points = points_t{0}; }), "") << "below_min_points: the ledger's to say";
  for (const op kind : {op::transfer, op::capture})
    for (const std::int64_t points : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN})
      EXPECT_EQ(problem_of(kind, [&](command& c) { c.amount_points = points_t{points}; }), "points: must be 1 or more") << name_of(kind);
  EXPECT_EQ(problem_of(op::authorize, [](command& c) { c.amount_points = points_t{-1}; }), "") << "below_min_points";
  for (const std::int32_t minutes : {1, 10'080})
    EXPECT_EQ(problem_of(op::authorize, [&](command& c) { c.minutes = minutes; }), "");
  for (const std::int32_t minutes : {0, -1, 10'081})
    EXPECT_EQ(problem_of(op::authorize, [&](command& c) { c.minutes = minutes; }), "minutes: must be 1 to 10080");
  EXPECT_EQ(problem_of(op::reviews, [](command& c) { c.limit = 1001; }), "limit: must be 1 to 1000");
  EXPECT_EQ(problem_of(op::adjust, [](command& c) { c.expire_days = -1; }), "expire_days: must be 0 to 36500");
  EXPECT_EQ(problem_of(op::adjust, [](command& c) { c.expire_days = 36'501; }), "expire_days: must be 0 to 36500");
  EXPECT_EQ(problem_of(op::history, [](command& c) { c.limit = 0; }), "limit: must be 1 to 1000");
  EXPECT_EQ(problem_of(op::history, [](command& c) { c.limit = 1001; }), "limit: must be 1 to 1000");
  EXPECT_EQ(problem_of(op::program, [](command& c) { c.version = 0; }), "version: must be 1 or more");
  const instant too_late{253'402'300'800 * us_per_second};
  EXPECT_EQ(problem_of(op::balance_at, [&](command& c) { c.at = too_late.plus_us(-1); }), "");
  EXPECT_EQ(problem_of(op::balance_at, [&](command& c) { c.at = too_late; }), "at: must be a time of the years 1 to 9999");
  EXPECT_EQ(problem_of(op::earn, [](command& c) { c.at = instant{1}; }), "");
  EXPECT_EQ(problem_of(op::earn, [&](command& c) { c.at = too_late; }), "at: must be a time of the years 1 to 9999");
  EXPECT_EQ(problem_of(op::history, [](command& c) { c.from = instant{-62'135'596'800 * us_per_second - 1}; }),
            "from: must be a time of the years 1 to 9999");
  EXPECT_EQ(problem_of(op::advance_clock, [](command& c) { c.until = instant::end_of_time(); }),
            "to: must be a time of the years 1 to 9999");
}

TEST(operation_rules, phones) {
  constexpr const char* bad = "phone: must be a phone number: 5 to 15 digits, spaces and -(). between them, + or 00 before them";
  for (const op kind : {op::enroll, op::earn, op::account, op::profile})
    for (const std::string_view phone : {"1234", "1234567890123456", "+49 30 x", "49+30123", "\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5"})
      EXPECT_EQ(problem_of(kind, [&](command& c) { c.phone = phone; }), bad) << name_of(kind) << ' ' << phone;
}

TEST(operation_rules, receipt_lines) {
  std::vector<sale_line> lines = {{"A", "c", 1, {1}}, {"B", "", 1, {1}}};
  const auto problem = [&] { return problem_of(op::earn, [&](command& c) { c.lines = lines; }); };
  EXPECT_EQ(problem(), "");
  lines[1].amount = money_t{-1};
  EXPECT_EQ(problem(), "lines[1].amount: must not be negative");
  lines[1] = {"B", "", 0, {1}};
  EXPECT_EQ(problem(), "lines[1].quantity: must be 1 or more");
  lines[1] = {"", "", 1, {1}};
  EXPECT_EQ(problem(), "lines[1].sku: must be 1-64 bytes of UTF-8 without control characters");
  lines[1] = {too_long_id, "", 1, {1}};
  EXPECT_EQ(problem(), "lines[1].sku: must be 1-64 bytes of UTF-8 without control characters");
  lines[0].category = too_long_id;
  EXPECT_EQ(problem(), "lines[0].category: must be at most 64 bytes of UTF-8 without control characters");
  lines.assign(1000, {"A", "", 1, {1}});
  EXPECT_EQ(problem(), "");
  lines.push_back(lines[0]);
  EXPECT_EQ(problem(), "lines: must be at most 1000");
}

TEST(operation_rules, fields_that_belong_together) {
  EXPECT_EQ(problem_of(op::entry, [](command& c) { c.seq.reset(); }), "seq: required: seq, or account and order");
  EXPECT_EQ(problem_of(op::entry, [](command& c) { c.account = "m-1"; }), "seq: either seq, or account and order");
  EXPECT_EQ(problem_of(op::entry, [](command& c) { c.kinds.insert(entry_kind::earn); }), "seq: either seq, or account and order");
  EXPECT_EQ(problem_of(op::entry,
                       [](command& c) {
                         c.seq.reset();
                         c.account = "m-1";
                       }),
            "order: required");
  EXPECT_EQ(problem_of(op::entry,
                       [](command& c) {
                         c.seq.reset();
                         c.order = "o-1";
                       }),
            "account: required");
  EXPECT_EQ(problem_of(op::entry,
                       [](command& c) {
                         c.seq.reset();
                         c.order = "o-1";
                         c.account = "m-1";
                         c.kinds.insert(entry_kind::earn);
                       }),
            "");
  EXPECT_EQ(problem_of(op::transfer, [](command& c) { c.to = c.account; }), "to: must be another account");
  EXPECT_EQ(problem_of(op::statement, [](command& c) { c.until = instant{0}; }), "until: must not be before from");
  EXPECT_EQ(problem_of(op::balance_at, [](command& c) { c.seq = seq_t{1}; }), "at: either at or seq");
  EXPECT_EQ(problem_of(op::balance_at, [](command& c) { c.at.reset(); }), "at: either at or seq");
  EXPECT_EQ(problem_of(op::balance_at,
                       [](command& c) {
                         c.at.reset();
                         c.seq = seq_t{1};
                       }),
            "");
}

// Every till's every sale goes through it. A bound with room for a busy machine, not a benchmark.
TEST(operation_rules, are_cheap_for_an_ordinary_earn) {
  command earn = complete(op::earn);
  earn.lines = {};
  earn.account = "m-0001234";
  earn.order = "o-20260101-0000042";
  std::string where;
  double best_ns = 1e9;
  for (int round = 0; round < 20; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 10'000; ++i) {
      asm volatile("" : : "r"(&earn) : "memory");
      ASSERT_EQ(check_operation(earn, where), nullptr);
    }
    best_ns = std::min(best_ns, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / 10'000);
  }
  RecordProperty("ns_per_earn", std::to_string(best_ns));
  std::printf("%.1f ns an earn\n", best_ns);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(best_ns, 400);
#endif
}

} // namespace
} // namespace tally::net
