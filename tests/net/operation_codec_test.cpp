// Every operation to its table and back, in frames that verify.
#include "net/operation_codec.hpp"

#include "net/frame.hpp"
#include "tests/net/operations.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tally::net {
namespace {

std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("TALLY_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

void expect_same(const command& a, const command& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.exact, b.exact);
  EXPECT_EQ(a.restore, b.restore);
  EXPECT_EQ(a.force, b.force);
  EXPECT_EQ(a.kinds.bits, b.kinds.bits);
  EXPECT_EQ(a.merchant, b.merchant);
  EXPECT_EQ(a.account, b.account);
  EXPECT_EQ(a.order, b.order);
  EXPECT_EQ(a.reference, b.reference);
  EXPECT_EQ(a.total, b.total);
  EXPECT_EQ(a.amount_points, b.amount_points);
  EXPECT_EQ(a.amount, b.amount);
  EXPECT_TRUE(std::equal(a.lines.begin(), a.lines.end(), b.lines.begin(), b.lines.end()));
  EXPECT_EQ(a.at, b.at);
  EXPECT_EQ(a.token, b.token);
  EXPECT_EQ(a.terminal, b.terminal);
  EXPECT_EQ(a.cashier, b.cashier);
  EXPECT_EQ(a.note, b.note);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.to, b.to);
  EXPECT_EQ(a.phone, b.phone);
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.toml, b.toml);
  EXPECT_EQ(a.expire_days, b.expire_days);
  EXPECT_EQ(a.minutes, b.minutes);
  EXPECT_EQ(a.seq, b.seq);
  EXPECT_EQ(a.before_seq, b.before_seq);
  EXPECT_EQ(a.after, b.after);
  EXPECT_EQ(a.from, b.from);
  EXPECT_EQ(a.until, b.until);
  EXPECT_EQ(a.limit, b.limit);
  EXPECT_EQ(a.version, b.version);
}

// limit and version are 32 bits in a command and 64 on the wire: what was made fits.
TEST(operation_codec, every_operation_comes_back_as_it_was) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("TALLY_SEED=" + std::to_string(seed));
  test::random_operations random(seed);
  flatbuffers::FlatBufferBuilder builder;
  for (int round = 0; round < 100; ++round) {
    std::vector<command> sent;
    std::vector<op> kinds;
    std::vector<flatbuffers::Offset<void>> tables;
    begin_frame(builder);
    for (std::uint8_t kind = 1; kind < op_count; ++kind) {
      sent.push_back(random.make(static_cast<op>(kind)));
      kinds.push_back(static_cast<op>(kind));
      tables.push_back(encode_operation(builder, sent.back()));
    }
    const wire::frame* frame = verify_request_frame(finish_request(builder, 77, kinds, tables));
    ASSERT_NE(frame, nullptr);
    const wire::request& request = *frame->body_as_request();
    EXPECT_EQ(request.first_id(), 77u);
    ASSERT_EQ(request.operations()->size(), sent.size());
    operation_buffer buffer;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      SCOPED_TRACE(std::string(name_of(sent[i].kind)));
      command received;
      EXPECT_EQ(decode_operation(static_cast<op>(request.operations_type()->Get(static_cast<unsigned>(i))),
                                 request.operations()->GetAs<void>(static_cast<unsigned>(i)), buffer, received),
                nullptr);
      expect_same(sent[i], received);
    }
  }
}

// What a command's types cannot hold is named.
struct out_of_range {
  const char* field;
  std::function<flatbuffers::Offset<void>(flatbuffers::FlatBufferBuilder&)> table;
  op kind;
};

TEST(operation_codec, names_the_field_that_is_out_of_range) {
  const std::int64_t huge = 1ll << 40;
  const std::vector<out_of_range> cases = {
      {"limit",
       [&](auto& b) {
         wire::history_opBuilder t(b);
         t.add_limit(huge);
         return t.Finish().Union();
       },
       op::history},
      {"limit",
       [&](auto& b) {
         wire::history_opBuilder t(b);
         t.add_limit(-1);
         return t.Finish().Union();
       },
       op::history},
      {"limit",
       [&](auto& b) {
         wire::reviews_opBuilder t(b);
         t.add_limit(-1);
         return t.Finish().Union();
       },
       op::reviews},
      {"version",
       [&](auto& b) {
         wire::program_opBuilder t(b);
         t.add_version(-1);
         return t.Finish().Union();
       },
       op::program},
      {"minutes",
       [&](auto& b) {
         wire::authorize_opBuilder t(b);
         t.add_minutes(huge);
         return t.Finish().Union();
       },
       op::authorize},
      {"expire_days",
       [&](auto& b) {
         wire::adjust_opBuilder t(b);
         t.add_expire_days(-huge);
         return t.Finish().Union();
       },
       op::adjust},
      {"kinds",
       [&](auto& b) {
         auto k = b.CreateVectorOfStrings({"earn", "learn"});
         wire::count_opBuilder t(b);
         t.add_kinds(k);
         return t.Finish().Union();
       },
       op::count},
      {"kinds",
       [&](auto& b) {
         auto k = b.CreateVectorOfStrings({""});
         wire::history_opBuilder t(b);
         t.add_kinds(k);
         return t.Finish().Union();
       },
       op::history},
      {"kinds",
       [&](auto& b) {
         auto k = b.CreateVectorOfStrings({"Earn"});
         wire::tail_opBuilder t(b);
         t.add_kinds(k);
         return t.Finish().Union();
       },
       op::tail},
      {"kind",
       [&](auto& b) {
         auto k = b.CreateString("void_");
         wire::entry_opBuilder t(b);
         t.add_kind(k);
         return t.Finish().Union();
       },
       op::entry},
  };
  for (const out_of_range& each : cases) {
    flatbuffers::FlatBufferBuilder builder;
    begin_frame(builder);
    const std::vector<op> kinds = {each.kind};
    const std::vector<flatbuffers::Offset<void>> tables = {each.table(builder)};
    const wire::frame* frame = verify_request_frame(finish_request(builder, 1, kinds, tables));
    ASSERT_NE(frame, nullptr);
    operation_buffer buffer;
    command received;
    EXPECT_STREQ(decode_operation(each.kind, frame->body_as_request()->operations()->GetAs<void>(0), buffer, received), each.field);
  }
}

} // namespace
} // namespace tally::net
