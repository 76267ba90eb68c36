// Answers against the JSON that SPEC section 12 wants: exactly those keys, nothing more.
#include "net/outcome_json.hpp"

#include "net/tally_generated.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tally::net {
namespace {

using nlohmann::json;

outcome head_of(outcome_status status) {
  outcome head;
  head.status = status;
  head.seq = seq_t{7};
  head.version = 1;
  head.points = points_t{78};
  head.points_2 = points_t{5};
  head.points_3 = points_t{2};
  head.amount = money_t{12'500};
  head.available = points_t{50};
  head.pending = points_t{78};
  head.reserved = points_t{0};
  head.lifetime = points_t{128};
  return head;
}

json shown(op kind, const outcome& head, std::string_view asked = "m-1") {
  std::string out;
  append_outcome(out, kind, asked, answer{.head = head, .document = nullptr, .bytes = {}});
  return json::parse(out);
}

using document_builder = wire::outcome_documentBuilder;

// The same with a document. `prepare` makes what must exist before the table and returns a function that adds it.
template <class Prepare>
json shown_with(op kind, const outcome& head, std::string_view asked, Prepare prepare) {
  flatbuffers::FlatBufferBuilder bytes;
  auto add = prepare(bytes);
  const wire::reply raw{};
  document_builder document{bytes};
  document.add_head(&raw);
  add(document);
  bytes.Finish(document.Finish());
  std::string out;
  append_outcome(out, kind, asked,
                 answer{.head = head, .document = flatbuffers::GetRoot<wire::outcome_document>(bytes.GetBufferPointer()), .bytes = {}});
  return json::parse(out);
}

const json balances = {{"available", 50}, {"pending", 78}, {"reserved", 0}, {"lifetime", 128}, {"tier", nullptr}};

json with_balances(json fields) {
  fields.update(balances);
  return fields;
}

TEST(outcome_json, writes_what_tills_get_all_day) {
  const outcome ok = head_of(outcome_status::ok);
  EXPECT_EQ(shown(op::enroll, ok), with_balances({{"status", "ok"}, {"seq", 7}, {"account", "m-1"}, {"points", 78}, {"version", 1}}));
  EXPECT_EQ(shown(op::earn, ok), with_balances({{"status", "ok"}, {"seq", 7}, {"points", 78}, {"rewards", json::array()}, {"version", 1}}));
  EXPECT_EQ(shown(op::preview, ok), with_balances({{"status", "ok"}, {"points_used", 78}, {"discount", "1.25"}, {"version", 1}}));
  EXPECT_EQ(shown(op::redeem, ok),
            with_balances({{"status", "ok"}, {"seq", 7}, {"points_used", 78}, {"discount", "1.25"}, {"version", 1}}));
  EXPECT_EQ(shown(op::reverse, ok), with_balances({{"status", "ok"},
                                                   {"seq", 7},
                                                   {"points_taken", 78},
                                                   {"points_restored", 5},
                                                   {"points_expired", 2},
                                                   {"refunded", "1.2500"},
                                                   {"version", 1}}));
  EXPECT_EQ(shown(op::adjust, ok), with_balances({{"status", "ok"}, {"seq", 7}, {"points", 78}, {"version", 1}}));
  outcome closed = ok;
  closed.state = outcome::closed;
  for (const op kind : {op::suspend, op::reactivate, op::close})
    EXPECT_EQ(shown(kind, closed),
              with_balances({{"status", "ok"}, {"seq", 7}, {"state", "closed"}, {"points_forfeited", 78}, {"version", 1}}));
}

TEST(outcome_json, shows_numbers_as_the_contract_does) {
  outcome head = head_of(outcome_status::ok);
  head.version = 0;
  head.currency_digits = 0;
  head.amount = money_t{30'000};
  head.available = points_t{INT64_MIN};
  const json redeemed = shown(op::redeem, head);
  EXPECT_EQ(redeemed["discount"], "3");
  EXPECT_EQ(redeemed["version"], nullptr);
  EXPECT_EQ(redeemed["available"], INT64_MIN);
  EXPECT_FALSE(redeemed.contains("tier_changed"));
  head.tier_changed = true;
  EXPECT_EQ(shown(op::redeem, head)["tier_changed"], true);
}

TEST(outcome_json, repeats_the_first_outcome_of_a_duplicate) {
  outcome head = head_of(outcome_status::duplicate);
  EXPECT_EQ(shown(op::adjust, head), with_balances({{"status", "duplicate"}, {"first", "ok"}, {"seq", 7}, {"points", 78}, {"version", 1}}));
  head.first = outcome_status::held;
  EXPECT_EQ(shown(op::earn, head), json({{"status", "duplicate"},
                                         {"first", "held"},
                                         {"seq", 7},
                                         {"review", 7},
                                         {"reasons", json::array()},
                                         {"points", 78},
                                         {"version", 1}}));
}

TEST(outcome_json, says_no_in_the_contracts_words) {
  outcome head = head_of(outcome_status::skipped);
  head.code = outcome_code::skipped_program_inactive;
  EXPECT_EQ(shown(op::earn, head), json({{"status", "skipped"}, {"reason", "program_inactive"}}));
  head.status = outcome_status::rejected;
  head.code = outcome_code::insufficient_points;
  EXPECT_EQ(shown(op::redeem, head), json({{"status", "rejected"}, {"code", "insufficient_points"}}));
  head.status = outcome_status::invalid;
  head.what = "is missing";
  EXPECT_EQ(shown(op::redeem, head), json({{"status", "invalid"}, {"what", "is missing"}, {"where", nullptr}}));
  head.where = "order";
  EXPECT_EQ(shown(op::redeem, head), json({{"status", "invalid"}, {"what", "is missing"}, {"where", "order"}}));
  for (const auto status : {outcome_status::forbidden, outcome_status::overloaded, outcome_status::unavailable}) {
    head.status = status;
    EXPECT_EQ(shown(op::redeem, head), json({{"status", name_of(status)}, {"what", "is missing"}}));
  }
  std::string local;
  append_invalid(local, {"not valid JSON, at character 3", ""});
  EXPECT_EQ(json::parse(local), json({{"status", "invalid"}, {"what", "not valid JSON, at character 3"}, {"where", nullptr}}));
}

TEST(outcome_json, names_tiers_rewards_and_the_account_of_a_phone) {
  const json earned = shown_with(op::earn, head_of(outcome_status::ok), "", [](auto& bytes) {
    const auto tier = bytes.CreateString("silver"), account = bytes.CreateString("i-9");
    const auto rewards = bytes.CreateVectorOfStrings({"Free coffee", "Free \"cake\"\n"});
    return [=](document_builder& document) {
      document.add_tier(tier);
      document.add_account(account);
      document.add_rewards(rewards);
    };
  });
  EXPECT_EQ(earned["tier"], "silver");
  EXPECT_EQ(earned["account"], "i-9");
  EXPECT_EQ(earned["rewards"], json({"Free coffee", "Free \"cake\"\n"}));
}

TEST(outcome_json, account_shows_absent_values_as_null) {
  outcome head = head_of(outcome_status::ok);
  head.version = 3;
  const json account = shown_with(op::account, head, "m-1", [](auto& bytes) {
    const auto name = bytes.CreateString("m-1"), state = bytes.CreateString("lapsing");
    return [=](document_builder& document) {
      const wire::points_value expiring{0};
      const wire::seq_value last{7};
      document.add_account(name);
      document.add_state(state);
      document.add_expiring_30d(&expiring);
      document.add_last_seq(&last);
    };
  });
  EXPECT_EQ(account, with_balances({{"status", "ok"},
                                    {"account", "m-1"},
                                    {"tier_points", nullptr},
                                    {"next_tier", nullptr},
                                    {"points_to_next_tier", nullptr},
                                    {"expiring_30d", 0},
                                    {"next_expiry_at", nullptr},
                                    {"next_expiry_points", nullptr},
                                    {"state", "lapsing"},
                                    {"rewards", json::array()},
                                    {"last_seq", 7},
                                    {"version", 3}}));
}

TEST(outcome_json, an_entry_has_every_key_of_the_contract) {
  outcome head = head_of(outcome_status::ok);
  const auto entry_of = [](flatbuffers::FlatBufferBuilder& bytes) {
    const auto kind = bytes.CreateString("redeem"), from = bytes.CreateString("member"), rate = bytes.CreateString("1.25");
    const auto multipliers = bytes.CreateVectorOfStrings({"1", "2"});
    const wire::seq_value seq{7};
    const wire::points_value points{-100};
    const wire::instant_value at{1'767'225'600'000'001};
    const wire::money_value money{12'345}, total{425'000};
    const auto lot = wire::Createsides_lot(bytes, &seq, &points);
    const auto lots = bytes.CreateVector(&lot, 1);
    const auto rates = wire::Createrates_used(bytes, rate, &money, 0, rate, rate, multipliers);
    wire::ledger_entryBuilder entry{bytes};
    entry.add_seq(&seq);
    entry.add_at(&at);
    entry.add_kind(kind);
    entry.add_from(from);
    entry.add_points(&points);
    entry.add_total(&total);
    entry.add_discount(&money);
    entry.add_lots(lots);
    entry.add_rates(rates);
    entry.add_version(1);
    return entry.Finish();
  };
  json expected = {{"seq", 7},
                   {"at", "2026-01-01T00:00:00.000001Z"},
                   {"kind", "redeem"},
                   {"points", -100},
                   {"from", "member"},
                   {"total", "42.5000"},
                   {"discount", "1.2345"}, // never fewer places than it has
                   {"lots",
                    {{{"lot", 7},
                      {"available", -100},
                      {"pending", nullptr},
                      {"reserved", nullptr},
                      {"available_at", nullptr},
                      {"expires_at", nullptr}}}},
                   {"version", 1},
                   {"rates",
                    {{"points", "1.25"},
                     {"per", "1.2345"},
                     {"rounding", nullptr},
                     {"order_multiplier", "1.25"},
                     {"tier_multiplier", "1.25"},
                     {"line_multipliers", {"1", "2"}},
                     {"value", nullptr}}}};
  for (const char* key :
       {"due",           "occurred_at",    "group",  "merchant", "account", "pending",  "reserved",   "debt",        "available_after",
        "pending_after", "reserved_after", "to",     "order",    "refund",  "transfer", "adjustment", "reservation", "review",
        "reward",        "peer",           "reason", "amount",   "token",   "terminal", "cashier",    "note",        "prev_seq"})
    expected[key] = nullptr;

  const json one = shown_with(op::entry, head, "m-1", [&](auto& bytes) {
    return [entry = entry_of(bytes)](document_builder& document) { document.add_entry(entry); };
  });
  EXPECT_EQ(one, json({{"status", "ok"}, {"entry", expected}}));

  const json history = shown_with(op::history, head, "m-1", [&](auto& bytes) {
    const auto entry = entry_of(bytes);
    return [entries = bytes.CreateVector(&entry, 1)](document_builder& document) {
      const wire::seq_value before{7};
      document.add_entries(entries);
      document.add_next_before_seq(&before);
    };
  });
  EXPECT_EQ(history, json({{"status", "ok"}, {"entries", {expected}}, {"next_before_seq", 7}}));
  EXPECT_EQ(shown(op::history, head), json({{"status", "ok"}, {"entries", json::array()}, {"next_before_seq", nullptr}}));
}

TEST(outcome_json, other_reads_and_the_program) {
  outcome head = head_of(outcome_status::ok);
  const auto with = [&](op kind, auto add) {
    return shown_with(kind, head, "m-1", [&](auto& bytes) {
      const auto text = bytes.CreateString("abc");
      return [=](document_builder& document) { add(document, text); };
    });
  };
  const wire::instant_value at{1'767'225'600'000'000};
  const wire::seq_value none{0};
  EXPECT_EQ(with(op::count, [](document_builder& d, auto) { d.add_count(3); }), json({{"status", "ok"}, {"count", 3}}));
  EXPECT_EQ(with(op::digest, [](document_builder& d, auto text) { d.add_hash(text); }),
            json({{"status", "ok"}, {"seq", 7}, {"hash", "abc"}}));
  EXPECT_EQ(with(op::advance_clock,
                 [&](document_builder& d, auto) {
                   d.add_now(&at);
                   d.add_fired(0);
                 }),
            json({{"status", "ok"}, {"now", "2026-01-01T00:00:00Z"}, {"fired", 0}}));
  EXPECT_EQ(with(op::program,
                 [&](document_builder& d, auto text) {
                   d.add_applied_at(&at);
                   d.add_toml(text);
                 }),
            json({{"status", "ok"}, {"version", 1}, {"applied_at", "2026-01-01T00:00:00Z"}, {"toml", "abc"}}));
  EXPECT_EQ(with(op::balance_at,
                 [&](document_builder& d, auto) {
                   d.add_at(&at);
                   d.add_seq(&none);
                 }),
            with_balances({{"status", "ok"}, {"account", "m-1"}, {"at", "2026-01-01T00:00:00Z"}, {"seq", 0}}));
  EXPECT_EQ(shown(op::put_program, head), json({{"status", "ok"}, {"seq", 7}, {"version", 1}}));

  const json programs = shown_with(op::programs, head, "", [&](auto& bytes) {
    const auto version = wire::Createprogram_version(bytes, 1, &at, &none);
    return [list = bytes.CreateVector(&version, 1)](document_builder& d) { d.add_programs(list); };
  });
  EXPECT_EQ(programs, json({{"status", "ok"}, {"programs", {{{"version", 1}, {"applied_at", "2026-01-01T00:00:00Z"}, {"seq", 0}}}}}));

  head.status = outcome_status::invalid;
  const json refused = shown_with(op::put_program, head, "", [](auto& bytes) {
    const auto problem = wire::CreateproblemDirect(bytes, "earn.per", "is not positive", 4);
    const auto what = bytes.CreateString("the rules are not valid");
    return [=, list = bytes.CreateVector(&problem, 1)](document_builder& d) {
      d.add_what(what);
      d.add_problems(list);
    };
  });
  EXPECT_EQ(refused, json({{"status", "invalid"},
                           {"what", "the rules are not valid"},
                           {"where", nullptr},
                           {"problems", {{{"key", "earn.per"}, {"what", "is not positive"}}}}}));
}

TEST(outcome_json, texts_are_always_json) {
  const auto text = [](std::string_view bytes) {
    std::string out;
    append_json_text(out, bytes);
    return out;
  };
  EXPECT_EQ(text("a\"\\\n\x01\x7f"), R"("a\"\\\n\u0001\u007f")");
  EXPECT_EQ(text("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
  for (const std::string_view broken : {"\xff", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x80\x80\x80"})
    EXPECT_TRUE(json::accept(text(broken))) << broken;
}

} // namespace
} // namespace tally::net
