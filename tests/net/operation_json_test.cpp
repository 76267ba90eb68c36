// One line of JSON against the command it must become, or the place that must be named.
#include "net/operation_json.hpp"

#include "engine/decimal.hpp"
#include "engine/rfc3339.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tally::net {
namespace {

struct bad_line {
  const char* json;
  const char* where;
};

class operation_json : public ::testing::Test {
protected:
  command good(std::string_view json) {
    command out;
    const auto problem = reader.read(json, out);
    EXPECT_FALSE(problem) << json << ": " << problem->where << " " << problem->what;
    return out;
  }

  operation_reader reader;
};

TEST_F(operation_json, reads_a_receipt_with_everything) {
  const command c =
      good(R"({"op":"earn","merchant":"beanhouse","account":"m-1","order":"o-1","total":"42.50","at":"2026-01-01T02:00:00+02:00",
    "terminal":"t","cashier":"c","note":"n","lines":[{"sku":"BEAN-1KG","category":"beans","quantity":2,"amount":"30.0001"},
    {"category":null,"amount":"0","quantity":1,"sku":"CUP"}]})");
  EXPECT_EQ(c.kind, op::earn);
  EXPECT_EQ(c.merchant, "beanhouse");
  EXPECT_EQ(c.account, "m-1");
  EXPECT_EQ(c.order, "o-1");
  EXPECT_EQ(c.total, money_t{425'000});
  EXPECT_EQ(c.at, parse_rfc3339("2026-01-01T00:00:00Z"));
  EXPECT_EQ(c.terminal, "t");
  EXPECT_EQ(c.cashier, "c");
  EXPECT_EQ(c.note, "n");
  ASSERT_EQ(c.lines.size(), 2u);
  EXPECT_EQ(c.lines[0], (sale_line{"BEAN-1KG", "beans", 2, money_t{300'001}}));
  EXPECT_EQ(c.lines[1], (sale_line{"CUP", "", 1, money_t{0}}));
}

TEST_F(operation_json, op_may_come_last_and_null_is_absent) {
  const command c =
      good(R"( {"points":9223372036854775807,"total":null,"exact":true,"account":"m","merchant":"b","order":"o","op":"redeem"} )");
  EXPECT_EQ(c.kind, op::redeem);
  EXPECT_EQ(c.amount_points, points_t{INT64_MAX});
  EXPECT_TRUE(c.exact);
  EXPECT_FALSE(c.total);
}

TEST_F(operation_json, every_field_lands_in_its_member) {
  EXPECT_EQ(good(R"({"op":"adjust","points":-7,"expire_days":0,"force":true,"adjustment":"a-1","reason":"r"})").amount_points,
            points_t{-7});
  EXPECT_EQ(good(R"({"op":"adjust","expire_days":3})").expire_days, 3);
  EXPECT_TRUE(good(R"({"op":"adjust","force":true})").force);
  EXPECT_EQ(good(R"({"op":"adjust","adjustment":"a-1"})").reference, "a-1");
  EXPECT_EQ(good(R"({"op":"reverse","refund":"f-1"})").reference, "f-1");
  EXPECT_EQ(good(R"({"op":"reverse","amount":"1.5"})").amount, money_t{15'000});
  EXPECT_TRUE(good(R"({"op":"reverse","restore":true})").restore);
  EXPECT_EQ(good(R"({"op":"authorize","reservation":"r","minutes":5})").minutes, 5);
  EXPECT_EQ(good(R"({"op":"void","reservation":"r"})").kind, op::void_);
  EXPECT_EQ(good(R"({"op":"transfer","to":"m-2"})").to, "m-2");
  EXPECT_EQ(good(R"({"op":"enroll","phone":"+49 30 1","name":""})").phone, "+49 30 1");
  EXPECT_EQ(good(R"({"op":"history","before_seq":9,"limit":5})").before_seq, seq_t{9});
  EXPECT_EQ(good(R"({"op":"history","limit":5})").limit, 5u);
  EXPECT_EQ(good(R"({"op":"history","until":"2026-01-01T00:00:00Z"})").until, parse_rfc3339("2026-01-01T00:00:00Z"));
  EXPECT_EQ(good(R"({"op":"advance_clock","to":"2026-01-01T00:00:00Z"})").until, parse_rfc3339("2026-01-01T00:00:00Z"));
  EXPECT_EQ(good(R"({"op":"entry","seq":4})").seq, seq_t{4});
  EXPECT_EQ(good(R"({"op":"approve","review":4})").seq, seq_t{4});
  EXPECT_EQ(good(R"({"op":"tail","from_seq":4})").seq, seq_t{4});
  EXPECT_EQ(good(R"({"op":"reviews","after":4})").after, seq_t{4});
  EXPECT_EQ(good(R"({"op":"program","version":4})").version, 4u);
  EXPECT_EQ(good(R"({"op":"put_program","toml":"a = \"b\"\n\u00e9"})").toml, "a = \"b\"\n\u00e9");
  EXPECT_EQ(good(R"({"op":"digest","merchant":"b"})").merchant, "b");
}

TEST_F(operation_json, kinds_are_names) {
  const command c = good(R"({"op":"count","kinds":["earn","void"]})");
  EXPECT_TRUE(c.kinds.contains(entry_kind::earn));
  EXPECT_TRUE(c.kinds.contains(entry_kind::void_));
  EXPECT_FALSE(c.kinds.contains(entry_kind::redeem));
  EXPECT_EQ(good(R"({"op":"count","kinds":[]})").kinds.bits, 0u);
  EXPECT_FALSE(good(R"({"op":"entry","kind":"earn"})").kinds.contains(entry_kind::redeem));
}

TEST_F(operation_json, names_what_is_wrong) {
  const bad_line lines[] = {
      {"", ""},
      {"{", ""},
      {"nonsense", ""},
      {"[]", ""},
      {"7", ""},
      {R"({"op":"account"} x)", ""},
      {R"({"op":"account","account":"\ud800"})", ""},
      {R"({"op":"count","kinds":[[["earn"]]]})", ""},
      {R"({})", "op"},
      {R"({"op":null})", "op"},
      {R"({"op":7})", "op"},
      {R"({"op":"none"})", "op"},
      {R"({"op":"earns","foo":1})", "op"},
      {R"({"op":"earn","op":"earn"})", "op"},
      {R"({"op":"account","foo":null})", "foo"},
      {R"({"op":"account","token":"t"})", "token"},
      {R"({"op":"account","terminal":"t"})", "terminal"}, // only changes keep who asked
      {R"({"op":"account","account":null,"account":"m"})", "account"},
      {R"({"op":"account","account":7})", "account"},
      {R"({"op":"account","account":""})", "account"},
      {R"({"op":"redeem","points":"5"})", "points"},
      {R"({"op":"redeem","points":5.0})", "points"},
      {R"({"op":"redeem","points":1e2})", "points"},
      {R"({"op":"redeem","points":9223372036854775808})", "points"},
      {R"({"op":"redeem","points":-9223372036854775809})", "points"},
      {R"({"op":"redeem","exact":1})", "exact"},
      {R"({"op":"redeem","total":42.5})", "total"},
      {R"({"op":"redeem","total":"-1"})", "total"},
      {R"({"op":"redeem","total":"1.23456"})", "total"},
      {R"({"op":"redeem","total":".5"})", "total"},
      {R"({"op":"redeem","total":"922337203685477.5808"})", "total"},
      {R"({"op":"earn","at":"yesterday"})", "at"},
      {R"({"op":"earn","at":1767225600})", "at"},
      {R"({"op":"earn","lines":{}})", "lines"},
      {R"({"op":"earn","lines":[7]})", "lines[0]"},
      {R"({"op":"earn","lines":[{"sku":"a","quantity":1,"amount":"1"},{"sku":"b","quantity":1,"amount":1}]})", "lines[1].amount"},
      {R"({"op":"earn","lines":[{"sku":"a","quantity":1.5,"amount":"1"}]})", "lines[0].quantity"},
      {R"({"op":"earn","lines":[{"sku":"a","quantity":1}]})", "lines[0].amount"},
      {R"({"op":"earn","lines":[{"quantity":1,"amount":"1"}]})", "lines[0].sku"},
      {R"({"op":"earn","lines":[{"sku":"a","amount":"1"}]})", "lines[0].quantity"},
      {R"({"op":"earn","lines":[{"sku":"a","sku":"a","quantity":1,"amount":"1"}]})", "lines[0].sku"},
      {R"({"op":"earn","lines":[{"sku":"a","size":"a","quantity":1,"amount":"1"}]})", "lines[0].size"},
      {R"({"op":"earn","lines":[{"sku":1,"quantity":1,"amount":"1"}]})", "lines[0].sku"},
      {R"({"op":"count","kinds":"earn"})", "kinds"},
      {R"({"op":"count","kinds":["earn","earned"]})", "kinds[1]"},
      {R"({"op":"count","kinds":["none"]})", "kinds[0]"},
      {R"({"op":"entry","kind":["earn"]})", "kind"},
      {R"({"op":"entry","seq":-1})", "seq"},
      {R"({"op":"history","limit":-1})", "limit"},
      {R"({"op":"history","limit":4294967296})", "limit"},
      {R"({"op":"authorize","minutes":2147483648})", "minutes"},
  };
  for (const auto& line : lines) {
    command out;
    const auto problem = reader.read(line.json, out);
    ASSERT_TRUE(problem) << line.json;
    EXPECT_EQ(problem->where, line.where) << line.json << ": " << problem->what;
    EXPECT_FALSE(problem->what.empty());
  }
}

TEST_F(operation_json, refuses_hostile_shapes_without_growing) {
  std::string deep(100'000, '[');
  std::string wide = "{\"op\":\"account\"";
  for (int i = 0; i < 1000; ++i)
    wide += ",\"k" + std::to_string(i) + "\":1";
  wide += "}";
  command out;
  EXPECT_TRUE(reader.read(deep, out));
  EXPECT_TRUE(reader.read(R"({"op":)" + deep, out));
  EXPECT_TRUE(reader.read(wide, out));
  EXPECT_TRUE(reader.read(std::string_view{"{\"op\":\"account\",\"account\":\"a\xff\"}"}, out)); // not UTF-8
  EXPECT_FALSE(reader.read(R"({"op":"account","account":"m"})", out));                           // and the reader still works
}

TEST_F(operation_json, flags_fill_the_same_members) {
  const auto set = [](op kind, std::string_view name, std::string_view text, command& out) {
    return set_field(*find_field(shape_of(kind), name), text, out);
  };
  command c;
  EXPECT_FALSE(set(op::adjust, "points", "-20", c));
  EXPECT_EQ(c.amount_points, points_t{-20});
  EXPECT_FALSE(set(op::redeem, "total", "3.20", c));
  EXPECT_EQ(c.total, money_t{32'000});
  EXPECT_FALSE(set(op::history, "kinds", "earn,redeem", c));
  EXPECT_TRUE(c.kinds.contains(entry_kind::redeem));
  EXPECT_FALSE(c.kinds.contains(entry_kind::adjust));
  EXPECT_FALSE(set(op::balance_at, "at", "2026-01-01T00:00:00Z", c));
  EXPECT_FALSE(set(op::history, "limit", "10", c));
  EXPECT_EQ(c.limit, 10u);
  EXPECT_TRUE(set(op::redeem, "points", "ten", c));
  EXPECT_TRUE(set(op::redeem, "points", "", c));
  EXPECT_TRUE(set(op::redeem, "total", "1.23456", c));
  EXPECT_TRUE(set(op::history, "kinds", "earn,earned", c));
  EXPECT_TRUE(set(op::history, "kinds", "", c));
  EXPECT_TRUE(set(op::entry, "kind", "earn,redeem", c));
  EXPECT_TRUE(set(op::history, "limit", "-1", c));
  EXPECT_TRUE(set(op::history, "account", "", c));

  sale_line line;
  EXPECT_FALSE(parse_sale_line("sku=BEAN-1KG,category=beans,quantity=2,amount=30.00", line));
  EXPECT_EQ(line, (sale_line{"BEAN-1KG", "beans", 2, money_t{300'000}}));
  for (const char* text : {"", "sku=A", "amount=1", "sku=A,amount=x", "sku=A,amount=1,quantity=x", "sku=A,amount=1,size=L", "sku"})
    EXPECT_TRUE(parse_sale_line(text, line)) << text;
}

TEST(operation_fields, the_table_has_every_operation_in_its_place) {
  ASSERT_EQ(operation_shapes().size(), std::size_t{op_count} - 1);
  for (std::uint8_t number = 1; number < op_count; ++number) {
    const operation_shape& shape = shape_of(static_cast<op>(number));
    EXPECT_EQ(shape.kind, static_cast<op>(number));
    EXPECT_EQ(op_named(name_of(shape.kind)), shape.kind);
    EXPECT_FALSE(shape.help.empty());
    std::set<std::string_view> names{"merchant", "terminal", "cashier", "note", "op"};
    for (const auto& field : shape.fields) {
      EXPECT_TRUE(names.insert(field.name).second) << field.name;
      EXPECT_FALSE(field.help.empty()) << field.name;
    }
  }
}

} // namespace
} // namespace tally::net
