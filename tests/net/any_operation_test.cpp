// Operations of every kind with values from the edges of their types, against a real ledger of several shards: each is answered,
// nothing a client may send ends the server, the journal audits clean, and a restart shows the same accounts.
#include "engine/rfc3339.hpp"
#include "net/outcome_json.hpp"
#include "tests/net/operations.hpp"
#include "tests/net/test_server.hpp"
#include "wal/audit.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <map>

namespace tally::net {
namespace {

constexpr std::size_t accounts = 12;
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max(), smallest = std::numeric_limits<std::int64_t>::min();

// Rules of which each alone is valid, and some of which together are absurd.
std::string some_rules(std::mt19937_64& random) {
  const auto one_of = [&](std::initializer_list<const char*> choices) { return std::string(choices.begin()[random() % choices.size()]); };
  return "merchant = \"beanhouse\"\n[enroll]\nopening_points = " + one_of({"0", "50", "9223372036854775807"}) +
         "\n[earn]\npoints = " + one_of({"\"1\"", "\"-1\"", "\"9223372036854.775807\""}) +
         "\nper = " + one_of({"\"1.00\"", "\"0.0001\"", "\"922337203685477.5807\""}) + "\nhold_days = " + one_of({"0", "1", "36500"}) +
         "\nexpire_days = " + one_of({"0", "1", "36500"}) + "\nlate_days = " + one_of({"0", "30", "36500"}) +
         "\n[[bonus]]\nskus = [\"A\"]\npoints_per_unit = " + one_of({"1", "9223372036854775807"}) +
         "\n[[reward]]\nname = \"Free coffee\"\npoints = " + one_of({"1", "100", "9223372036854775807"}) +
         "\n[redeem]\npoints = " + one_of({"1", "100", "9223372036854775807"}) +
         "\nvalue = " + one_of({"\"0.0001\"", "\"1.00\"", "\"922337203685477.5807\""}) +
         "\nrestore_grace_days = " + one_of({"0", "1", "36500"}) +
         one_of({"", "\nmax_discount = \"0.01\"", "\nmax_discount = \"922337203685477.5807\""}) +
         "\n[tiers]\nbasis = " + one_of({"\"lifetime\"", "\"calendar_year\"", "\"rolling_12_months\""}) +
         "\nnet_of_reversals = " + one_of({"true", "false"}) +
         "\n[[tier]]\nname = \"silver\"\nthreshold = 100\nmultiplier = " + one_of({"\"1\"", "\"0\"", "\"9223372036854.775807\""}) +
         one_of({"", "\n[review]\nmax_points_per_order = 1000\nmax_order_ratio = \"2\"\nnegative_reversal = \"review\""}) +
         one_of({"", "\n[limits]\nearn_points_per_day = 5000\nredeem_points_per_day = 9223372036854775807\nredemptions_per_day = 5"}) +
         one_of({"", "\n[lapse]\ndays = 1"}) + "\n";
}

// Random operations whose texts mostly name something that is there.
class edge_operations {
public:
  explicit edge_operations(std::uint64_t seed) : random_(seed), fields_(seed + 1) {}

  command make() {
    command out = fields_.make(some_kind());
    if (random_() % 50 != 0)
      make_plausible(out);
    return out;
  }

  // Reviews that may be asked about.
  void held(seq_t review) { reviews_.push_back(review); }

private:
  op some_kind() {
    const auto kind = static_cast<op>(1 + random_() % (op_count - 1));
    if (kind == op::tail) // never ends
      return op::earn;
    const bool spoils_the_rest = kind == op::close || kind == op::suspend;
    const bool is_rare = kind == op::put_program || kind == op::advance_clock || kind == op::enroll;
    return (spoils_the_rest && random_() % 30 != 0) || (is_rare && random_() % 4 != 0) ? op::earn : kind;
  }

  template <class Value>
  Value one_of(std::initializer_list<Value> choices) {
    return choices.begin()[random_() % choices.size()];
  }
  std::int64_t number() {
    return one_of<std::int64_t>({0, 1, -1, 2, 30, 50, 100, 200, 500, 2500, 10'000, 100'000, largest, largest - 1, smallest, smallest + 1,
                                 static_cast<std::int64_t>(random_()), static_cast<std::int64_t>(random_() >> 20)});
  }
  instant moment() {
    constexpr std::int64_t day_us = 86'400'000'000;
    constexpr std::int64_t first = -62'135'596'800'000'000, last = 253'402'300'799'999'999;
    return instant{
        one_of<std::int64_t>({first, last, 0, now_us_, now_us_ - day_us, now_us_ + 1, now_us_ - 100 * day_us, smallest, largest})};
  }
  std::string_view name(const char* kind, std::size_t count) { return texts_.emplace_back(kind + std::to_string(random_() % count)); }

  void make_plausible(command& out) {
    const bool of_ledger = out.kind == op::digest || out.kind == op::advance_clock;
    const bool has_account = !of_ledger && out.kind != op::program && out.kind != op::programs && out.kind != op::put_program &&
                             out.kind != op::liability && out.kind != op::approve && out.kind != op::reject;
    out.merchant = "beanhouse";
    out.account = has_account ? name("m-", accounts) : std::string_view{};
    out.token = out.terminal = out.cashier = out.note = out.phone = out.name = {};
    if (!out.order.empty() || out.kind == op::earn || out.kind == op::redeem || out.kind == op::claim || out.kind == op::reverse)
      out.order = name("o-", 400);
    if (!out.reason.empty())
      out.reason = "r";
    if (!out.to.empty())
      out.to = name("m-", accounts);
    if (out.amount_points || random_() % 2 == 0)
      out.amount_points = has_points(out.kind) ? std::optional(points_t{number()}) : std::nullopt;
    if (out.total || out.kind == op::earn)
      out.total = money_t{number()};
    if (out.amount)
      out.amount = money_t{number()};
    for (std::optional<instant>* time : {&out.at, &out.from, &out.until})
      if (time->has_value())
        *time = moment();
    for (std::optional<seq_t>* seq : {&out.seq, &out.before_seq, &out.after})
      if (seq->has_value())
        *seq = seq_t{one_of<std::uint64_t>({0, 1, random_() % 2000, random_() % 2000, ~std::uint64_t{0}})};
    if (out.limit)
      out.limit = one_of<std::uint32_t>({1, 2, 1000});
    if (out.minutes)
      out.minutes = one_of<std::int32_t>({1, 15, 10'080});
    if (out.expire_days)
      out.expire_days = one_of<std::int32_t>({0, 1, 36'500});
    make_own_fields(out);
  }

  // What an operation needs to get past the checks of its fields.
  void make_own_fields(command& out) {
    switch (out.kind) {
    case op::earn:
      if (!out.lines.empty())
        out.lines = lines_.emplace_back(
            std::vector<sale_line>{{"A", "c", std::max<std::int64_t>(1, number()), {random_() % 2 ? largest : 1}}, {"B", "", 1, {0}}});
      break;
    case op::claim:
      out.reference = "Free coffee";
      break;
    case op::authorize:
    case op::capture:
    case op::void_:
      out.reference = name("h-", 20);
      break;
    case op::reverse:
    case op::adjust:
    case op::transfer:
      out.reference = name("x-", 4000);
      break;
    case op::approve:
    case op::reject:
      out.reason = "r";
      if (!reviews_.empty())
        out.seq = reviews_[reviews_.size() - 1 - random_() % std::min<std::size_t>(reviews_.size(), 8)];
      break;
    case op::put_program:
      out.toml = texts_.emplace_back(some_rules(random_));
      break;
    case op::advance_clock:
      now_us_ += one_of<std::int64_t>({0, 1, 60'000'000, 86'400'000'000, 40'000'000'000'000});
      out.until = instant{now_us_};
      break;
    default:
      break;
    }
    if (out.kind == op::suspend || out.kind == op::reactivate || out.kind == op::close || out.kind == op::adjust)
      out.reason = "r";
  }

  static bool has_points(op kind) {
    return kind == op::preview || kind == op::redeem || kind == op::authorize || kind == op::capture || kind == op::adjust ||
           kind == op::transfer;
  }

  std::mt19937_64 random_;
  test::random_operations fields_;
  std::deque<std::string> texts_;
  std::deque<std::vector<sale_line>> lines_;
  std::vector<seq_t> reviews_;
  std::int64_t now_us_ = 1'767'225'600'000'000;
};

std::map<std::string, std::string> accounts_of(test::test_server& server) {
  std::map<std::string, std::string> shown;
  auto reader = server.connect();
  for (std::size_t i = 0; i < accounts; ++i) {
    const std::string account = "m-" + std::to_string(i);
    const auto answered = reader->call(test::account_of(account));
    if (!answered.ok()) {
      ADD_FAILURE() << answered.error().what;
      break;
    }
    append_outcome(shown[account], op::account, account, *answered);
  }
  return shown;
}

TEST(any_operation, is_answered_whatever_is_in_it) {
  const char* given = std::getenv("TALLY_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE("TALLY_SEED=" + std::to_string(seed));
  std::printf("TALLY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  test::test_server server(3, {}, parse_rfc3339("2026-01-01T00:00:00Z"));
  edge_operations random(seed);
  std::map<std::pair<op, outcome_status>, int> seen;
  {
    auto till = server.connect();
    ASSERT_TRUE(till->call(test::put_program_of()).ok());
    constexpr int rounds = 150, per_round = 100;
    for (int round = 0; round < rounds; ++round) {
      std::vector<op> sent;
      for (int i = 0; i < per_round; ++i) {
        const command operation = random.make();
        sent.push_back(operation.kind);
        ASSERT_TRUE(till->send(operation).ok());
      }
      for (const op kind : sent) {
        const auto received = till->receive();
        ASSERT_TRUE(received.ok()) << received.error().what;
        ASSERT_EQ(received->head.kind, kind);
        ++seen[{kind, received->head.status}];
        if (received->head.status == outcome_status::held)
          random.held(received->head.review);
        std::string json;
        append_outcome(json, kind, "", *received);
      }
    }
  }
  int decided = 0;
  for (const auto& [what, count] : seen) {
    std::printf("%6d %s %s\n", count, std::string(name_of(what.first)).c_str(), std::string(name_of(what.second)).c_str());
    decided += what.second == outcome_status::ok ? count : 0;
    EXPECT_NE(what.second, outcome_status::unavailable) << name_of(what.first);
  }
  EXPECT_GT(decided, 100) << "the operations are too absurd to test anything";

  // a test clock goes on from the last entry
  ASSERT_TRUE(server.connect()->call(test::put_program_of(std::string(test::rules) + "# the last\n")).ok());
  const auto before = accounts_of(server);
  server.restart();
  EXPECT_EQ(accounts_of(server), before);
  server.stop();
  wal::audit_options audit;
  audit.folder = server.folder();
  audit.report = [](const wal::finding& found) { ADD_FAILURE() << found.number.value << ' ' << found.account << ' ' << found.what; };
  const auto report = wal::audit_verify(audit);
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_EQ(report->findings, 0u);
}

} // namespace
} // namespace tally::net
