// From the ledger's answer to the client's JSON, all the way through a frame: for every operation and status exactly the fields
// of SPEC section 12, whose tables are copied here by hand, and one golden line each for what has texts, lists or a shape of
// its own.
#include "net/document_codec.hpp"
#include "net/outcome_json.hpp"
#include "net/reply_frame.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>
#include <sstream>

namespace tally::net {
namespace {

using actors::document;
using nlohmann::json;

// ---- the contract -------------------------------------------------------------------------------------------------------

constexpr const char* B = " available pending reserved lifetime tier ";

std::string fields_of(op kind, op parked = op::earn) {
  const std::string b = B;
  switch (kind) {
  case op::enroll:
    return "seq account points version" + b;
  case op::earn:
    return "seq points rewards version" + b;
  case op::preview:
    return "points_used discount version" + b;
  case op::redeem:
    return "seq points_used discount version" + b;
  case op::claim:
    return "seq reward points_used version" + b;
  case op::authorize:
    return "seq reservation points_used expires_at version" + b;
  case op::capture:
    return "seq reservation points_used points_returned discount version" + b;
  case op::void_:
    return "seq reservation points_returned version" + b;
  case op::reverse:
    return "seq points_taken points_restored points_expired refunded version" + b;
  case op::adjust:
    return "seq points version" + b;
  case op::transfer:
    return "seq to_seq points version" + b;
  case op::suspend:
  case op::reactivate:
  case op::close:
    return "seq state points_forfeited version" + b;
  case op::account:
    return "account available pending reserved lifetime tier tier_points next_tier points_to_next_tier expiring_30d next_expiry_at "
           "next_expiry_points state rewards last_seq version";
  case op::history:
    return "entries next_before_seq";
  case op::entry:
  case op::tail:
    return "entry";
  case op::count:
    return "count";
  case op::balance_at:
    return "account at seq available pending reserved lifetime tier";
  case op::reviews:
    return "reviews next_after";
  case op::approve:
    return fields_of(parked) + " review";
  case op::reject:
    return "seq review";
  case op::program:
    return "version applied_at toml";
  case op::programs:
    return "programs";
  case op::put_program:
    return "seq version";
  case op::profile:
    return "account phone name";
  case op::erase:
    return "seq";
  case op::statement:
    return "account from until opening closing entries expiring";
  case op::liability:
    return "at seq available debt pending reserved by_month value";
  case op::digest:
    return "seq hash";
  case op::advance_clock:
    return "now fired";
  case op::none:
    break;
  }
  return "";
}

constexpr const char* fields_of_entry =
    "seq at due occurred_at group merchant account kind points pending reserved debt available_after pending_after reserved_after from to "
    "order refund reservation transfer adjustment review reward peer reason amount total discount lots version rates token terminal "
    "cashier note prev_seq";
constexpr const char* fields_of_lot = "lot available pending reserved available_at expires_at";
constexpr const char* fields_of_rates = "points per rounding order_multiplier tier_multiplier line_multipliers value";
constexpr const char* fields_of_review = "review account op order refund reasons points total at";
constexpr const char* fields_when_held = "seq review reasons points version";

std::set<std::string> words(const std::string& text) {
  std::istringstream in{text};
  return {std::istream_iterator<std::string>{in}, {}};
}

std::set<std::string> keys(const json& object) {
  std::set<std::string> found;
  for (const auto& [key, value] : object.items())
    found.insert(key);
  return found;
}

// ---- answers ------------------------------------------------------------------------------------------------------------

constexpr instant new_year{1'767'225'600'000'000};
constexpr std::int64_t day_us = 86'400'000'000;

struct rules_in_force {
  program first, second;

  rules_in_force() {
    first.version = 1;
    first.rules.currency_digits = 0;
    first.rules.earn.emplace();
    first.rules.earn->points = rate_t::one();
    first.rules.earn->per = {10'000};
    first.rules.redeem.emplace();
    first.rules.redeem->points = {100};
    first.rules.redeem->value = {10'000};
    first.rules.rewards = {{"Free coffee", {100}, {}}};
    first.rules.tiers.emplace().tiers = {{"bronze", {10}, rate_t::one()}};
    second = first;
    second.version = 2;
    second.older = &first;
    second.applied_at = new_year;
    second.applied_seq = {1};
    second.toml = "merchant = \"beanhouse\"\n";
    second.rules.currency_digits = 2;
    second.rules.rewards = {{"Cake", {300}, {}}, {"Tea", {50}, {}}};
    second.rules.tiers->tiers = {{"silver", {10}, rate_t::one()}, {"gold", {20}, rate_t::one()}};
  }
};
const rules_in_force rules;

answer received(frame_bytes frame) {
  answer out;
  out.bytes.assign(frame.begin(), frame.end());
  const wire::frame* verified = verify_answer_frame(out.bytes);
  EXPECT_NE(verified, nullptr);
  out.document = verified->body_as_answer()->outcome();
  out.head = read_head(*out.document);
  return out;
}

std::string text_of(const document& sent, std::string_view asked = "m-1") {
  flatbuffers::FlatBufferBuilder builder;
  std::string out;
  append_outcome(out, sent.head.kind, asked, received(build_answer(builder, 5, sent)));
  return out;
}

json shown(const document& sent, std::string_view asked = "m-1") { return json::parse(text_of(sent, asked)); }

// As the port sends it: a fixed reply where that is enough.
json shown(const outcome& sent, std::string_view asked = "m-1") {
  std::string out;
  if (fits_reply(sent)) {
    answer got;
    got.head = read_reply(make_reply(5, sent));
    append_outcome(out, sent.kind, asked, got);
  } else {
    flatbuffers::FlatBufferBuilder builder;
    append_outcome(out, sent.kind, asked, received(build_answer(builder, 5, sent)));
  }
  return json::parse(out);
}

outcome head_of(op kind, outcome_status status = outcome_status::ok) {
  outcome head;
  head.kind = kind;
  head.status = status;
  head.seq = {7};
  head.version = 2;
  head.active_version = 2;
  head.points = {78};
  head.points_2 = {5};
  head.points_3 = {2};
  head.amount = {12'500};
  head.available = {50};
  head.pending = {78};
  head.reserved = {3};
  head.lifetime = {128};
  return head;
}

document document_of(op kind) {
  document out;
  out.head = head_of(kind);
  out.active = &rules.second;
  out.merchant = "beanhouse";
  out.account = "m-1";
  return out;
}

entry some_entry(entry_kind kind) {
  entry made;
  made.seq = made.group = {9};
  made.at = new_year;
  made.kind = kind;
  made.account = "m-1";
  made.version = 1;
  return made;
}

// Everything that an operation can answer with, as far as the server fills it.
document full(op kind) {
  document out = document_of(kind);
  out.head.tier = 2;
  out.head.rewards = 0b10;
  out.head.to_seq = {8};
  out.head.review = {4};
  out.head.parked = op::earn;
  out.head.reasons = over_order_ratio;
  out.head.expires_at = new_year;
  out.head.state = outcome::active;
  out.head.name = "x-1";
  if (kind == op::account) {
    account_view& view = out.view.emplace();
    view.tier = std::uint8_t{1};
    view.next_tier = std::uint8_t{2};
    view.tier_points = points_t{15};
    view.points_to_next_tier = points_t{5};
    view.next_expiry_at = new_year;
    view.next_expiry_points = {50};
    view.state = outcome::lapsing;
    view.rewards = 1;
    view.last_seq = {7};
    view.version = 2;
  }
  out.entries.add(some_entry(entry_kind::redeem));
  out.next_before_seq = seq_t{9};
  out.count = 3;
  out.at = new_year;
  out.seq = seq_t{9};
  out.shown = &rules.second;
  out.programs = {{1, new_year, {1}}};
  out.hash = "abc";
  out.now = new_year;
  out.fired = 2;
  out.reviews = {{{4}, "m-1", op::earn, "o-1", "", over_order_ratio, {78}, money_t{425'000}, new_year}};
  out.next_after = seq_t{4};
  out.from = out.until = new_year;
  out.opening = out.closing = actors::balances_shown{{1}, {2}, {3}, {4}, "silver"};
  out.expiring = {{new_year, {5}}};
  out.liability = actors::liability_shown{{1}, {2}, {3}, {4}, {{"2026-01", {5}}}, money_t{1}};
  out.phone = "+491";
  out.name = "Ada";
  return out;
}

std::vector<op> every_op() {
  std::vector<op> all;
  for (std::uint8_t number = 1; number < op_count; ++number)
    all.push_back(static_cast<op>(number));
  return all;
}

// ---- which fields -------------------------------------------------------------------------------------------------------

TEST(outcome_fields, of_every_operation_that_is_ok) {
  for (const op kind : every_op()) {
    SCOPED_TRACE(std::string(name_of(kind)));
    const std::set<std::string> wanted = words("status " + fields_of(kind));
    const json filled = shown(full(kind));
    EXPECT_EQ(filled["status"], "ok");
    EXPECT_EQ(keys(filled), wanted);
    for (const auto& [key, value] : filled.items())
      EXPECT_FALSE(value.is_null()) << key;
    if (kind == op::tail)
      continue; // without entries it says nothing
    const json bare = shown(document_of(kind));
    EXPECT_EQ(keys(bare), wanted) << "and null or [] where there is nothing";
    EXPECT_EQ(keys(shown(head_of(kind))), wanted) << "as a fixed reply, too";
  }
}

TEST(outcome_fields, tier_changed_is_there_only_when_it_did) {
  for (const op kind : every_op()) {
    document changed = full(kind);
    changed.head.tier_changed = true;
    const bool shows_balances = words(fields_of(kind)).contains("tier") && kind != op::balance_at && kind != op::account;
    if (shows_balances) {
      EXPECT_EQ(keys(shown(changed)), words("status tier_changed " + fields_of(kind))) << name_of(kind);
    }
    EXPECT_FALSE(shown(full(kind)).contains("tier_changed")) << name_of(kind);
  }
}

TEST(outcome_fields, of_a_duplicate_are_those_of_the_first) {
  for (const op kind : every_op()) {
    document again = full(kind);
    again.head.status = outcome_status::duplicate;
    if (kind == op::tail || kind == op::history || kind == op::statement || kind == op::entry)
      continue; // reads have no duplicates
    const json found = shown(again);
    EXPECT_EQ(found["first"], "ok");
    EXPECT_EQ(keys(found), words("status first " + fields_of(kind))) << name_of(kind);
  }
  for (const op kind : {op::earn, op::reverse}) {
    document again = full(kind);
    again.head.status = outcome_status::duplicate;
    again.head.first = outcome_status::held;
    const json found = shown(again);
    EXPECT_EQ(found["first"], "held");
    EXPECT_EQ(keys(found), words(std::string("status first ") + fields_when_held)) << name_of(kind);
  }
}

TEST(outcome_fields, of_an_approval_are_the_parked_operations) {
  for (const op parked : {op::earn, op::reverse}) {
    document approved = full(op::approve);
    approved.head.parked = parked;
    EXPECT_EQ(keys(shown(approved)), words("status " + fields_of(op::approve, parked)));
    EXPECT_EQ(keys(shown(approved.head)), words("status " + fields_of(op::approve, parked)));
  }
}

TEST(outcome_fields, of_every_no) {
  for (const op kind : every_op()) {
    SCOPED_TRACE(std::string(name_of(kind)));
    outcome no = head_of(kind, outcome_status::rejected);
    no.code = outcome_code::over_limit;
    EXPECT_EQ(shown(no), json({{"status", "rejected"}, {"code", "over_limit"}}));
    no.status = outcome_status::skipped;
    no.code = outcome_code::no_member;
    EXPECT_EQ(shown(no), json({{"status", "skipped"}, {"reason", "no_member"}}));
    no.what = "broken";
    for (const auto status : {outcome_status::forbidden, outcome_status::overloaded, outcome_status::unavailable}) {
      no.status = status;
      EXPECT_EQ(shown(no), json({{"status", name_of(status)}, {"what", "broken"}}));
    }
    no.status = outcome_status::invalid;
    no.where = "lines[0].amount";
    EXPECT_EQ(shown(no), json({{"status", "invalid"}, {"what", "broken"}, {"where", "lines[0].amount"}}));
    no.status = outcome_status::held;
    no.reasons = over_points_per_order;
    EXPECT_EQ(keys(shown(no)), words(std::string("status ") + fields_when_held));
  }
  document rules_refused = document_of(op::put_program);
  rules_refused.head.status = outcome_status::invalid;
  rules_refused.head.what = "not valid";
  rules_refused.problems = {{"earn.per", "must be positive", 7}};
  EXPECT_EQ(shown(rules_refused, ""), json({{"status", "invalid"},
                                            {"what", "not valid"},
                                            {"where", nullptr},
                                            {"problems", {{{"key", "earn.per"}, {"what", "must be positive"}}}}}));
}

TEST(outcome_fields, the_account_is_added_where_the_request_had_none) {
  for (const op kind : every_op()) {
    if (kind == op::tail)
      continue;
    document by_phone = full(kind);
    EXPECT_EQ(keys(shown(by_phone, "m-1")), words("status " + fields_of(kind))) << name_of(kind);
    by_phone.names_account = true;
    const json found = shown(by_phone, "");
    EXPECT_EQ(found["account"], "m-1") << name_of(kind);
    EXPECT_EQ(keys(found), words("status account " + fields_of(kind))) << name_of(kind);
  }
  document no = document_of(op::earn);
  no.head.status = outcome_status::rejected;
  no.head.code = outcome_code::account_closed;
  EXPECT_EQ(shown(no, ""), json({{"status", "rejected"}, {"code", "account_closed"}})) << "it is not known";
  no.names_account = true;
  EXPECT_EQ(shown(no, ""), json({{"status", "rejected"}, {"code", "account_closed"}, {"account", "m-1"}}));
}

TEST(outcome_fields, of_entries) {
  for (std::uint8_t number = 1; number < entry_kind_count; ++number) {
    const auto kind = static_cast<entry_kind>(number);
    SCOPED_TRACE(std::string(name_of(kind)));
    document one = document_of(op::entry);
    entry line = some_entry(kind);
    line.lots.push_back({{4}, {-100}, {}, {}, {11}, {}});
    one.entries.add(line);
    const json found = shown(one)["entry"];
    EXPECT_EQ(keys(found), words(fields_of_entry));
    EXPECT_EQ(found["kind"], name_of(kind));
    EXPECT_EQ(keys(found["lots"][0]), words(fields_of_lot));
    const bool has_rates = kind == entry_kind::earn || kind == entry_kind::redeem || kind == entry_kind::claim ||
                           kind == entry_kind::authorize || kind == entry_kind::capture;
    EXPECT_EQ(found["rates"].is_null(), !has_rates);
    if (has_rates) {
      EXPECT_EQ(keys(found["rates"]), words(fields_of_rates));
    }
  }
}

// ---- golden lines -------------------------------------------------------------------------------------------------------

json with_balances(json fields) {
  fields.update({{"available", 50}, {"pending", 78}, {"reserved", 3}, {"lifetime", 128}, {"tier", nullptr}, {"version", 2}});
  return fields;
}

TEST(outcome_golden, reservations_and_rewards) {
  outcome head = head_of(op::claim);
  head.name = "Free coffee";
  EXPECT_EQ(shown(head), with_balances({{"status", "ok"}, {"seq", 7}, {"reward", "Free coffee"}, {"points_used", 78}}));
  head = head_of(op::authorize);
  head.name = "r-1";
  head.expires_at = new_year;
  EXPECT_EQ(
      shown(head),
      with_balances({{"status", "ok"}, {"seq", 7}, {"reservation", "r-1"}, {"points_used", 78}, {"expires_at", "2026-01-01T00:00:00Z"}}));
  head = head_of(op::capture);
  head.name = "r-1";
  EXPECT_EQ(shown(head),
            with_balances(
                {{"status", "ok"}, {"seq", 7}, {"reservation", "r-1"}, {"points_used", 78}, {"points_returned", 5}, {"discount", "1.25"}}));
  head = head_of(op::void_);
  head.name = "r-1";
  EXPECT_EQ(shown(head), with_balances({{"status", "ok"}, {"seq", 7}, {"reservation", "r-1"}, {"points_returned", 5}}));
}

TEST(outcome_golden, a_transfer) {
  outcome head = head_of(op::transfer);
  head.to_seq = {8};
  EXPECT_EQ(shown(head), with_balances({{"status", "ok"}, {"seq", 7}, {"to_seq", 8}, {"points", 78}}));
}

TEST(outcome_golden, what_is_held) {
  outcome head = head_of(op::reverse, outcome_status::held);
  head.review = {7};
  head.parked = op::reverse;
  head.reasons = over_points_per_order | over_order_ratio | over_points_per_day | reversal_below_zero;
  EXPECT_EQ(shown(head), json({{"status", "held"},
                               {"seq", 7},
                               {"review", 7},
                               {"reasons", {"max_points_per_order", "max_order_ratio", "earn_points_per_day", "negative_reversal"}},
                               {"points", 78},
                               {"version", 2}}));
  head.reasons = reversal_below_zero;
  EXPECT_EQ(shown(head)["reasons"], json({"negative_reversal"}));
}

TEST(outcome_golden, what_is_decided_about_it) {
  outcome head = head_of(op::approve);
  head.parked = op::reverse;
  head.review = {4};
  EXPECT_EQ(shown(head), with_balances({{"status", "ok"},
                                        {"seq", 7},
                                        {"points_taken", 78},
                                        {"points_restored", 5},
                                        {"points_expired", 2},
                                        {"refunded", "1.2500"},
                                        {"review", 4}}));
  head.parked = op::earn;
  EXPECT_EQ(shown(head), with_balances({{"status", "ok"}, {"seq", 7}, {"points", 78}, {"rewards", json::array()}, {"review", 4}}));
  head.kind = op::reject;
  EXPECT_EQ(shown(head), json({{"status", "ok"}, {"seq", 7}, {"review", 4}}));
  document named = document_of(op::reject);
  named.head = head;
  named.names_account = true;
  EXPECT_EQ(shown(named, ""), json({{"status", "ok"}, {"seq", 7}, {"review", 4}, {"account", "m-1"}}));
}

TEST(outcome_golden, the_review_list) {
  document list = document_of(op::reviews);
  EXPECT_EQ(shown(list, ""), json({{"status", "ok"}, {"reviews", json::array()}, {"next_after", nullptr}}));
  list.reviews = {{{4}, "m-1", op::earn, "o-1", "", over_points_per_order | over_points_per_day, {78}, money_t{425'000}, new_year},
                  {{6}, "m-2", op::reverse, "o-2", "f-2", reversal_below_zero, {9}, std::nullopt, new_year.plus_us(1)}};
  list.next_after = seq_t{6};
  EXPECT_EQ(shown(list, ""), json::parse(R"({"status":"ok","reviews":[
    {"review":4,"account":"m-1","op":"earn","order":"o-1","refund":null,"reasons":["max_points_per_order","earn_points_per_day"],
     "points":78,"total":"42.5000","at":"2026-01-01T00:00:00Z"},
    {"review":6,"account":"m-2","op":"reverse","order":"o-2","refund":"f-2","reasons":["negative_reversal"],
     "points":9,"total":null,"at":"2026-01-01T00:00:00.000001Z"}],"next_after":6})"));
  EXPECT_EQ(keys(shown(list, "")["reviews"][0]), words(fields_of_review));
}

TEST(outcome_golden, a_statement) {
  document sent = document_of(op::statement);
  sent.from = new_year;
  sent.until = new_year.plus_us(31 * day_us);
  sent.opening = actors::balances_shown{{1}, {2}, {3}, {4}, ""};
  sent.closing = actors::balances_shown{{5}, {6}, {7}, {8}, "gold"};
  EXPECT_EQ(shown(sent), json::parse(R"({"status":"ok","account":"m-1","from":"2026-01-01T00:00:00Z","until":"2026-02-01T00:00:00Z",
    "opening":{"available":1,"pending":2,"reserved":3,"lifetime":4,"tier":null},
    "closing":{"available":5,"pending":6,"reserved":7,"lifetime":8,"tier":"gold"},"entries":[],"expiring":[]})"));
  sent.entries.add(some_entry(entry_kind::suspend));
  sent.expiring = {{new_year, {5}}, {new_year.plus_us(day_us), {6}}};
  const json filled = shown(sent);
  EXPECT_EQ(filled["entries"].size(), 1u);
  EXPECT_EQ(keys(filled["entries"][0]), words(fields_of_entry));
  EXPECT_EQ(filled["expiring"], json::parse(R"([{"at":"2026-01-01T00:00:00Z","points":5},{"at":"2026-01-02T00:00:00Z","points":6}])"));
}

TEST(outcome_golden, liability) {
  document sent = document_of(op::liability);
  sent.at = new_year;
  sent.seq = seq_t{0};
  sent.liability.emplace();
  EXPECT_EQ(shown(sent, ""), json::parse(R"({"status":"ok","at":"2026-01-01T00:00:00Z","seq":0,"available":0,"debt":0,"pending":0,
    "reserved":0,"by_month":[],"value":null})"));
  sent.seq = seq_t{12};
  sent.liability = actors::liability_shown{{100}, {20}, {30}, {40}, {{"2026-03", {90}}, {"", {40}}}, money_t{15'000}};
  EXPECT_EQ(shown(sent, ""), json::parse(R"({"status":"ok","at":"2026-01-01T00:00:00Z","seq":12,"available":100,"debt":20,"pending":30,
    "reserved":40,"by_month":[{"month":"2026-03","points":90},{"month":null,"points":40}],"value":"1.5000"})"));
}

TEST(outcome_golden, personal_data) {
  document sent = document_of(op::profile);
  EXPECT_EQ(shown(sent), json({{"status", "ok"}, {"account", "m-1"}, {"phone", nullptr}, {"name", nullptr}}));
  sent.phone = "+49301234567";
  sent.name = "Ada";
  EXPECT_EQ(shown(sent), json({{"status", "ok"}, {"account", "m-1"}, {"phone", "+49301234567"}, {"name", "Ada"}}));
  EXPECT_EQ(shown(head_of(op::erase)), json({{"status", "ok"}, {"seq", 7}}));
  document inline_enrolment = document_of(op::enroll);
  inline_enrolment.account = "i-7";
  inline_enrolment.names_account = true;
  EXPECT_EQ(shown(inline_enrolment, ""), with_balances({{"status", "ok"}, {"seq", 7}, {"account", "i-7"}, {"points", 78}}));
}

TEST(outcome_golden, names_are_those_of_the_version_then_newest) {
  document sent = document_of(op::earn); // a late receipt: earned by version 1, while version 2 was in force
  sent.head.version = 1;
  sent.head.active_version = 2;
  sent.head.tier = 2;
  sent.head.rewards = 0b11;
  const json late = shown(sent);
  EXPECT_EQ(late["tier"], "gold");
  EXPECT_EQ(late["rewards"], json({"Cake", "Tea"}));
  EXPECT_EQ(late["version"], 1);
  sent.head.kind = op::capture;
  EXPECT_EQ(shown(sent)["discount"], "1") << "at version 1's currency_digits";
}

TEST(outcome_golden, a_tail_has_a_line_an_entry) {
  document sent = document_of(op::tail);
  sent.entries.add(some_entry(entry_kind::earn));
  sent.entries.add(some_entry(entry_kind::redeem));
  std::istringstream lines{text_of(sent, "")};
  std::vector<json> found;
  for (std::string line; std::getline(lines, line);)
    found.push_back(json::parse(line));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(keys(found[0]), words("status entry"));
  EXPECT_EQ(keys(found[0]["entry"]), words(fields_of_entry));
  EXPECT_EQ(found[1]["entry"]["kind"], "redeem");
  document refused = document_of(op::tail);
  refused.head.status = outcome_status::invalid;
  refused.head.what = "is in the future";
  refused.head.where = "from_seq";
  EXPECT_EQ(shown(refused, ""), json({{"status", "invalid"}, {"what", "is in the future"}, {"where", "from_seq"}}));
}

TEST(outcome_golden, an_approved_earn_as_an_entry) {
  document one = document_of(op::entry);
  const std::vector<sale_line> lines = {{"BEAN", "beans", 1, {300'000}}};
  entry earn = some_entry(entry_kind::earn);
  earn.group = {8};
  earn.review = {4};
  earn.from = side::issuance;
  earn.to = side::pending;
  earn.pending = earn.pending_after = {42};
  earn.order = "o-1";
  earn.total = money_t{425'000};
  earn.lines = lines;
  earn.occurred_at = new_year.plus_us(-day_us);
  earn.tier_multiplier = rate_t{1'250'000};
  earn.lots.push_back({{9}, {}, {42}, {}, new_year.plus_us(day_us), {}});
  earn.terminal = "t-1";
  one.entries.add(earn);
  EXPECT_EQ(shown(one)["entry"], json::parse(R"({"seq":9,"at":"2026-01-01T00:00:00Z","due":null,"occurred_at":"2025-12-31T00:00:00Z",
    "group":8,"merchant":"beanhouse","account":"m-1","kind":"earn","points":0,"pending":42,"reserved":0,"debt":0,"available_after":0,
    "pending_after":42,"reserved_after":0,"from":"issuance","to":"pending","order":"o-1","refund":null,"reservation":null,
    "transfer":null,"adjustment":null,"review":4,"reward":null,"peer":null,"reason":null,"amount":null,"total":"42.5000",
    "discount":null,"lots":[{"lot":9,"available":0,"pending":42,"reserved":0,"available_at":"2026-01-02T00:00:00Z","expires_at":null}],
    "version":1,"rates":{"points":"1","per":"1.0000","rounding":"floor","order_multiplier":"1","tier_multiplier":"1.25",
    "line_multipliers":["1"],"value":null},"token":null,"terminal":"t-1","cashier":null,"note":null,"prev_seq":null})"));
}

TEST(outcome_golden, entries_name_their_reservation_reward_and_peer) {
  document one = document_of(op::entry);
  entry capture = some_entry(entry_kind::capture);
  capture.reservation = "r-1";
  capture.discount = {30'000};
  one.entries.add(capture);
  json found = shown(one)["entry"];
  EXPECT_EQ(found["reservation"], "r-1");
  EXPECT_EQ(found["discount"], "3") << "version 1 has no decimals";
  EXPECT_EQ(found["rates"], json::parse(R"({"points":"100","per":null,"rounding":null,"order_multiplier":null,"tier_multiplier":null,
    "line_multipliers":[],"value":"1.0000"})"));
  const auto with = [](entry_kind kind, std::string_view entry::*member, std::string_view value) {
    document sent = document_of(op::entry);
    entry line = some_entry(kind);
    line.*member = value;
    line.due = new_year;
    sent.entries.add(line);
    return shown(sent)["entry"];
  };
  EXPECT_EQ(with(entry_kind::claim, &entry::reward, "Free coffee")["reward"], "Free coffee");
  EXPECT_EQ(with(entry_kind::transfer_out, &entry::peer, "m-2")["peer"], "m-2");
  EXPECT_EQ(with(entry_kind::transfer_in, &entry::transfer, "t-1")["transfer"], "t-1");
  EXPECT_EQ(with(entry_kind::expire, &entry::account, "m-3")["due"], "2026-01-01T00:00:00Z");
}

// What a program gets that uses the client library.
TEST(outcome_fields, come_back_to_the_client) {
  outcome sent = full(op::authorize).head;
  sent.what = "w";
  flatbuffers::FlatBufferBuilder builder;
  const outcome head = received(build_answer(builder, 5, sent)).head;
  EXPECT_EQ(head.what, "w");
  EXPECT_EQ(head.name, "x-1");
  EXPECT_EQ(head.expires_at, new_year);
  EXPECT_EQ(head.review, seq_t{4});
  EXPECT_EQ(head.to_seq, seq_t{8});
  EXPECT_EQ(head.reasons, over_order_ratio);
  EXPECT_EQ(head.parked, op::earn);
  EXPECT_EQ(head.tier, 2);
  sent.kind = op::claim;
  EXPECT_EQ(received(build_answer(builder, 5, sent)).head.name, "x-1");
}

} // namespace
} // namespace tally::net
