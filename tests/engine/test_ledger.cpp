#include "tests/engine/test_ledger.hpp"

#include "engine/decimal.hpp"
#include "engine/rules_toml.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace tally {

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);)
    if (!part.empty())
      parts.push_back(part);
  return parts;
}

// `3d`, `365d-1us`.
instant instant_of(const std::string& text) {
  std::size_t used = 0;
  const instant day = test_ledger::day_0.plus_days(std::stoll(text, &used));
  const std::string rest = text.substr(used);
  return day.plus_us(rest == "d-1us" ? -1 : rest == "d+1us" ? 1 : 0);
}

std::string balances(const outcome& answer, const program* active) {
  if (answer.kind == op::reject || answer.kind == op::erase)
    return "";
  std::string text = " a=" + std::to_string(answer.available.value) + " p=" + std::to_string(answer.pending.value);
  if (answer.reserved != points_t{})
    text += " r=" + std::to_string(answer.reserved.value);
  text += " l=" + std::to_string(answer.lifetime.value);
  if (answer.tier != 0)
    text += " tier=" + active->find(answer.active_version)->rules.tiers->tiers.at(answer.tier - 1u).name;
  if (answer.tier_changed)
    text += " changed";
  return text + " v" + std::to_string(answer.version);
}

std::string reasons_of(const outcome& answer) {
  const std::pair<review_reason, const char*> names[] = {{over_points_per_order, "max_points_per_order"},
                                                         {over_order_ratio, "max_order_ratio"},
                                                         {over_points_per_day, "earn_points_per_day"},
                                                         {reversal_below_zero, "negative_reversal"}};
  std::string text;
  for (const auto& [bit, name] : names)
    if (answer.reasons & bit)
      text += (text.empty() ? " " : ",") + std::string(name);
  return text;
}

bool is_held(const outcome& answer) {
  return answer.status == outcome_status::held || (answer.status == outcome_status::duplicate && answer.first == outcome_status::held);
}

std::string numbers(const outcome& answer) {
  const auto number = [](const char* name, points_t points) { return std::string(name) + std::to_string(points.value); };
  switch (answer.kind == op::approve ? answer.parked : answer.kind) {
  case op::claim:
    return " " + answer.name + number(" used=", answer.points);
  case op::authorize:
    return " " + answer.name + number(" used=", answer.points) +
           " until=" + std::to_string((answer.expires_at->us - test_ledger::day_0.us) / us_per_minute) + "min";
  case op::capture:
    return " " + answer.name + number(" used=", answer.points) + number(" returned=", answer.points_2) +
           " discount=" + format_money(answer.amount, answer.currency_digits);
  case op::void_:
    return " " + answer.name + number(" returned=", answer.points_2);
  case op::transfer:
    return " to #" + std::to_string(answer.to_seq.value) + number(" points=", answer.points);
  case op::reject:
  case op::erase:
    return "";
  case op::preview:
  case op::redeem:
    return number(" used=", answer.points) + " discount=" + format_money(answer.amount, answer.currency_digits);
  case op::reverse:
    return number(" taken=", answer.points) + number(" restored=", answer.points_2) + number(" expired=", answer.points_3) +
           " refunded=" + format_money(answer.amount, answer.currency_digits);
  case op::suspend:
  case op::reactivate:
  case op::close: {
    const char* names[] = {"none", "active", "lapsing", "suspended", "closed"};
    return std::string(" ") + names[answer.state] + number(" forfeited=", answer.points);
  }
  default:
    return number(" points=", answer.points);
  }
}

std::string reached(const outcome& answer, const program* active) {
  std::string names;
  for (std::size_t i = 0; i < 64; ++i)
    if ((answer.rewards >> i) & 1)
      names += (names.empty() ? " rewards=" : ",") + active->find(answer.active_version)->rules.rewards.at(i).name;
  return names;
}

struct event_texts {
  std::deque<std::string> texts;
  std::vector<sale_line> lines;
};

void read_field(const std::string& key, const std::string& value, event_texts& texts, command& asked) {
  const std::string& text = texts.texts.emplace_back(value);
  for (char& each : texts.texts.back())
    each = each == '_' ? ' ' : each; // names of more than one word
  if (key == "m")
    asked.account = text;
  else if (key == "o")
    asked.order = text;
  else if (key == "ref")
    asked.reference = text;
  else if (key == "reason")
    asked.reason = text;
  else if (key == "note")
    asked.note = text;
  else if (key == "terminal")
    asked.terminal = text;
  else if (key == "points")
    asked.amount_points = points_t{std::stoll(text)};
  else if (key == "total")
    asked.total = parse_money(text).value();
  else if (key == "amount")
    asked.amount = parse_money(text).value();
  else if (key == "to")
    asked.to = text;
  else if (key == "minutes")
    asked.minutes = std::stoi(text);
  else if (key == "review")
    asked.seq = seq_t{std::stoull(text)};
  else if (key == "at")
    asked.at = instant_of(text);
  else if (key == "expire")
    asked.expire_days = std::stoi(text);
  else if (key == "lines")
    for (const std::string& line : split(text, ',')) {
      const auto parts = split(line, ':');
      const std::string& sku = texts.texts.emplace_back(parts.at(0));
      const std::string& category = texts.texts.emplace_back(parts.at(1));
      texts.lines.push_back(
          {sku, category == "-" ? std::string_view() : category, std::stoll(parts.at(2)), parse_money(parts.at(3)).value()});
      asked.lines = texts.lines;
    }
  else if (key == "exact")
    asked.exact = true;
  else if (key == "restore")
    asked.restore = true;
  else if (key == "force")
    asked.force = true;
  else
    ADD_FAILURE() << "no such field in a test's event: " << key;
}

} // namespace

kept_entry::kept_entry(const entry& original) : entry_(original), lines_(original.lines.begin(), original.lines.end()) {
  for (std::string_view* text :
       {&entry_.merchant_id, &entry_.account, &entry_.order, &entry_.refund, &entry_.adjustment, &entry_.reason, &entry_.reservation,
        &entry_.transfer, &entry_.reward, &entry_.peer, &entry_.token, &entry_.terminal, &entry_.cashier, &entry_.note})
    *text = keep(*text);
  for (sale_line& line : lines_) {
    line.sku = keep(line.sku);
    line.category = keep(line.category);
  }
  entry_.lines = lines_;
}

std::string_view kept_entry::keep(std::string_view text) { return text.empty() ? std::string_view() : texts_.emplace_back(text); }

void test_ledger::put_program(const std::string& toml) {
  auto read = read_rules(toml, [](std::string_view, std::int64_t) { return std::optional<std::int64_t>(0); });
  if (const auto* problems = std::get_if<std::vector<rules_problem>>(&read)) {
    for (const rules_problem& each : *problems)
      ADD_FAILURE() << each.key << ": " << each.what;
    return;
  }
  auto made = std::make_unique<program>();
  made->version = static_cast<std::uint32_t>(programs_.size() + 1);
  made->rules = std::get<ruleset>(std::move(read));
  made->applied_at = now;
  made->older = active();
  programs_.push_back(std::move(made));
}

decision_context test_ledger::context() const {
  decision_context context;
  context.active = active();
  context.now = now;
  context.next_seq = {journal.size() + 1};
  context.read_group = &read_group_;
  context.read_lots = &read_lots_;
  context.find_spilled = &find_spilled_;
  return context;
}

const outcome& test_ledger::decide(const command& asked) {
  if (asked.kind == op::transfer)
    decide_transfer(accounts[std::string(asked.account)], accounts[std::string(asked.to)], asked, context(), decided);
  else
    tally::decide(accounts[std::string(asked.account)], asked, context(), decided);
  take();
  return decided.outcome;
}

void test_ledger::settle(const std::string& account) {
  decide_due(accounts[account], context(), decided);
  for (entry& each : decided.entries)
    each.account = account;
  take();
}

std::string test_ledger::run(const std::string& event) {
  event_texts texts;
  command asked;
  asked.merchant = "beanhouse";
  asked.account = "m-1";
  std::vector<std::string> words = split(event, ' ');
  now = instant_of(words.at(0));
  if (words.at(1) == "settle") {
    settle(words.size() > 2 ? words[2] : "m-1");
    decided.outcome.kind = op::none;
  } else {
    asked.kind = op_named(words.at(1)).value();
    for (std::size_t i = 2; i < words.size(); ++i) {
      const std::size_t equals = words[i].find('=');
      read_field(words[i].substr(0, equals), equals == std::string::npos ? "" : words[i].substr(equals + 1), texts, asked);
    }
    decide(asked);
  }
  std::string text = decided.outcome.kind == op::none ? "settled" : shown(decided.outcome, active());
  for (std::size_t i = 0; i < decided.entries.size(); ++i)
    text += (i == 0 ? " | " : ", ") + shown(decided.entries[i]);
  return text;
}

void test_ledger::take() {
  for (entry& each : decided.entries) {
    EXPECT_EQ(each.seq.value, journal.size() + 1);
    EXPECT_EQ(each.at, now);
    journal.emplace_back(each);
    account_state& state = accounts[std::string(each.account)];
    for (const lot_change& change : each.lots)
      if (change.lot != each.seq && may_be_spilled(state, change.lot))
        bring_lots_back(state, [&](const lot_piece& piece) { return may_hold(piece, change.lot); });
    apply(state, each);
  }
}

void test_ledger::spill(const std::string& account, instant lots_expiring_until) {
  account_state& state = accounts.at(account);
  std::vector<spilled_lots> pieces;
  list_spillable_lots(state, lots_expiring_until, pieces);
  for (const spilled_lots& each : pieces)
    lots_[{state.enrolled_seq, each.piece.number}] = each.lots;
  EXPECT_EQ(forget_spilled_lots(state, pieces), !pieces.empty());
  std::vector<spilled_record> records;
  list_spillable(state, instant::end_of_time(), records);
  for (const spilled_record& each : records)
    spilled_[{state.enrolled_seq, each.kind, each.hash, each.number}] = each;
  if (!records.empty())
    forget_spilled(state, records);
  for (const spilled_record& each : records)
    EXPECT_TRUE(is_spilled(state, each)) << static_cast<int>(each.kind) << " " << each.number;
}

void test_ledger::bring_lots_back(account_state& state, const std::function<bool(const lot_piece&)>& wanted) const {
  std::vector<spilled_lots> found;
  for (const lot_piece& each : lot_pieces(state))
    if (wanted(each))
      found.push_back({each, read_lots_(state, each)});
  EXPECT_TRUE(take_back_lots(state, found));
}

void test_ledger::make_whole(account_state& state) const {
  bring_lots_back(state, [](const lot_piece&) { return true; });
  std::vector<spilled_record> records;
  for (const auto& [key, record] : spilled_)
    if (std::get<0>(key) == state.enrolled_seq)
      records.push_back(record);
  if (state.has_spilled) {
    EXPECT_TRUE(take_back_spilled(state, records));
  }
}

std::span<const entry> test_ledger::read_group(seq_t first) {
  ++groups_read;
  group_.clear();
  for (std::size_t i = first.value - 1; i < journal.size() && journal[i].get().group == first && !journal_unreadable; ++i)
    group_.push_back(journal[i].get());
  return group_;
}

account_state test_ledger::replayed(const std::string& account) const {
  account_state state;
  for (const kept_entry& each : journal)
    if (each.get().account == account)
      apply(state, each.get());
  return state;
}

std::string shown(const outcome& answer, const program* active) {
  std::string text(name_of(answer.status));
  switch (answer.status) {
  case outcome_status::ok:
  case outcome_status::duplicate:
  case outcome_status::held:
    if (answer.seq)
      text += " #" + std::to_string(answer.seq.value);
    if (is_held(answer))
      return text + " review=" + std::to_string(answer.review.value) + reasons_of(answer) +
             " points=" + std::to_string(answer.points.value) + " v" + std::to_string(answer.version);
    if (answer.review)
      text += " review=" + std::to_string(answer.review.value);
    return text + numbers(answer) + balances(answer, active) + reached(answer, active);
  case outcome_status::skipped:
  case outcome_status::rejected:
    return text + " " + std::string(name_of(answer.code));
  default:
    return text + " " + answer.where + ": " + answer.what;
  }
}

std::string shown(const entry& entry) {
  const auto with_sign = [](points_t points) { return (points > points_t{} ? "+" : "") + std::to_string(points.value); };
  std::string text(name_of(entry.kind));
  text += " " + with_sign(entry.points) + "/" + with_sign(entry.pending);
  if (entry.reserved != points_t{})
    text += "/" + with_sign(entry.reserved);
  if (entry.from != side::none)
    text += " " + std::string(name_of(entry.from)) + ">" + std::string(name_of(entry.to));
  return text;
}

} // namespace tally
