// What people see: outcomes as the JSON has them, made into tables.
#include "net/cli_show.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tally::net {
namespace {

std::string entry(int seq, const std::string& kind, int points, int reserved, const std::string& reference) {
  return R"({"seq":)" + std::to_string(seq) + R"(,"at":"2026-01-01T00:00:00Z","kind":")" + kind + R"(","points":)" +
         std::to_string(points) + R"(,"pending":0,"reserved":)" + std::to_string(reserved) +
         R"(,"available_after":50,"pending_after":0,"refund":null,"adjustment":null,"transfer":null,"reservation":)" + reference +
         R"(,"order":null,"reward":null,"reason":null})";
}

TEST(cli_show, reserved_points_have_a_column_where_there_are_any) {
  EXPECT_EQ(show_outcome(op::history, R"({"status":"ok","entries":[)" + entry(2, "enroll", 50, 0, "null") + R"(],"next_before_seq":null})"),
            "seq  at                    kind    points  pending  available  pending after  reference\n"
            "  2  2026-01-01T00:00:00Z  enroll      50        0         50              0\n");
  EXPECT_EQ(show_outcome(op::history, R"({"status":"ok","entries":[)" + entry(3, "authorize", -20, 20, R"("r-1")") + "," +
                                          entry(2, "enroll", 50, 0, "null") + R"(],"next_before_seq":2})"),
            "seq  at                    kind       points  pending  reserved  available  pending after  reference\n"
            "  3  2026-01-01T00:00:00Z  authorize     -20        0        20         50              0  r-1\n"
            "  2  2026-01-01T00:00:00Z  enroll         50        0         0         50              0\n"
            "more with --before-seq 2\n");
}

TEST(cli_show, reviews) {
  EXPECT_EQ(show_outcome(op::reviews, R"({"status":"ok","reviews":[],"next_after":null})"),
            "review  at  account  op  order  refund  points  total  reasons\n");
  EXPECT_EQ(show_outcome(op::reviews, R"({"status":"ok","reviews":[{"review":4,"account":"m-1","op":"earn","order":"o-1","refund":null,
    "reasons":["max_points_per_order","max_order_ratio"],"points":7800,"total":"7800.0000","at":"2026-01-01T00:00:00Z"}],"next_after":4})"),
            "review  at                    account  op    order  refund  points      total  reasons\n"
            "     4  2026-01-01T00:00:00Z  m-1      earn  o-1    -         7800  7800.0000  max_points_per_order, max_order_ratio\n"
            "more with --after 4\n");
}

TEST(cli_show, a_statement) {
  EXPECT_EQ(show_outcome(op::statement, R"({"status":"ok","account":"m-1","from":"2026-01-01T00:00:00Z","until":"2026-02-01T00:00:00Z",
    "opening":{"available":1,"pending":2,"reserved":3,"lifetime":4,"tier":null},
    "closing":{"available":5,"pending":6,"reserved":7,"lifetime":8,"tier":"gold"},"entries":[],"expiring":[]})"),
            "m-1\n\n"
            "         at                    available  pending  reserved  lifetime  tier\n"
            "opening  2026-01-01T00:00:00Z          1        2         3         4  -\n"
            "closing  2026-02-01T00:00:00Z          5        6         7         8  gold\n");
  const std::string full =
      show_outcome(op::statement, R"({"status":"ok","account":"m-1","from":"2026-01-01T00:00:00Z",
    "until":"2026-02-01T00:00:00Z","opening":{"available":0,"pending":0,"reserved":0,"lifetime":0,"tier":null},
    "closing":{"available":50,"pending":0,"reserved":0,"lifetime":50,"tier":null},"entries":[)" +
                                      entry(2, "enroll", 50, 0, "null") + R"(],"expiring":[{"at":"2027-01-01T00:00:00Z","points":50}]})");
  EXPECT_TRUE(full.ends_with("\n\n"
                             "seq  at                    kind    points  pending  available  pending after  reference\n"
                             "  2  2026-01-01T00:00:00Z  enroll      50        0         50              0\n"
                             "\n"
                             "expires at            points\n"
                             "2027-01-01T00:00:00Z      50\n"))
      << full;
}

TEST(cli_show, liability) {
  EXPECT_EQ(show_outcome(op::liability, R"({"status":"ok","at":"2026-01-01T00:00:00Z","seq":12,"available":100,"debt":20,"pending":30,
    "reserved":40,"by_month":[{"month":"2026-03","points":90},{"month":null,"points":40}],"value":"1.5000"})"),
            "at         2026-01-01T00:00:00Z\n"
            "seq        12\n"
            "available  100\n"
            "debt       20\n"
            "pending    30\n"
            "reserved   40\n"
            "value      1.5000\n"
            "\n"
            "expiring in  points\n"
            "2026-03          90\n"
            "never            40\n");
}

TEST(cli_show, what_was_done_is_said_first) {
  EXPECT_EQ(show_outcome(op::earn, R"({"status":"held","seq":4,"review":4,"reasons":["max_order_ratio"],"points":7,"version":1})"),
            "held\n"
            "seq      4\n"
            "review   4\n"
            "reasons  max_order_ratio\n"
            "points   7\n"
            "version  1\n");
  EXPECT_EQ(show_outcome(op::profile, R"({"status":"ok","account":"m-1","phone":null,"name":"Ada"})"),
            "account  m-1\nphone    -\nname     Ada\n");
  EXPECT_EQ(show_outcome(op::erase, R"({"status":"duplicate","first":"ok","seq":4})"), "duplicate\nfirst  ok\nseq    4\n");
  EXPECT_EQ(show_outcome(op::capture, R"({"status":"rejected","code":"reservation_closed"})"), "rejected: reservation_closed\n");
  EXPECT_EQ(show_outcome(op::approve, R"({"status":"invalid","what":"required","where":"review"})"), "invalid: review required\n");
}

} // namespace
} // namespace tally::net
