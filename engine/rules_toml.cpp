// Reads and validates a rules document. Every key a document may have is named here once, in the contract's order; what
// was not asked for is unknown. What the numbers then do is elsewhere (engine/earning.cpp, engine/decide.cpp).
#include "engine/rules_toml.hpp"

#include "engine/decimal.hpp"
#include "engine/rfc3339.hpp"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <map>
#include <utility>

namespace tally {

namespace {

constexpr std::size_t bonuses_max = 1'000;
constexpr std::size_t rewards_max = 64; // an outcome names them by the bits of one word
constexpr std::size_t tiers_max = 64;
constexpr std::size_t problems_max = 1'000;
constexpr std::size_t dots_max = 1'000;
constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t id_bytes_max = 64;
constexpr std::int64_t days_max = 36'500;
constexpr std::int64_t minutes_max = 10'080;
constexpr std::int64_t int32_max = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t int64_max = std::numeric_limits<std::int64_t>::max();

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

// What may come from a hostile document and is shown to a person.
std::string printable(std::string_view text, std::size_t bytes_max) {
  std::string shown(text.substr(0, bytes_max));
  std::replace_if(shown.begin(), shown.end(), is_control, '?');
  return text.size() > bytes_max ? shown + "..." : shown;
}

std::string shown_key(std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) { return is_id_character(c) && c != '.'; });
  const std::string shown = printable(key, id_bytes_max);
  return bare ? shown : '"' + shown + '"';
}

std::string joined(const std::string& path, std::string_view key) { return path.empty() ? shown_key(key) : path + '.' + shown_key(key); }

std::string indexed(std::string_view key, std::size_t index) { return std::string(key) + '[' + std::to_string(index) + ']'; }

std::uint32_t line_of(const toml::node& node) { return node.source().begin.line; }

const char* kind_of(const toml::node& node) {
  switch (node.type()) {
  case toml::node_type::table:
    return "a table";
  case toml::node_type::array:
    return "a list";
  case toml::node_type::string:
    return "a string";
  case toml::node_type::integer:
    return "a whole number";
  case toml::node_type::floating_point:
    return "a number with a point";
  case toml::node_type::boolean:
    return "true or false";
  default:
    return "a date or time";
  }
}

// Everything found wrong so far. A document that is one long mistake must not make an endless answer.
class problem_list {
public:
  void add(std::string key, std::string what, std::uint32_t line) {
    if (problems_.size() < problems_max)
      problems_.push_back({std::move(key), std::move(what), line});
    else
      ++dropped_;
  }
  bool empty() const { return problems_.empty(); }
  std::vector<rules_problem> take() {
    std::stable_sort(problems_.begin(), problems_.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
    if (dropped_ > 0)
      problems_.push_back({"toml", "and " + std::to_string(dropped_) + " more problems", 0});
    return std::move(problems_);
  }

private:
  std::vector<rules_problem> problems_;
  std::size_t dropped_ = 0;
};

// The wall clock of the program's time zone. UTC is asked of nobody.
class wall_clock {
public:
  wall_clock(const zone_offset_fn& zone_offset, std::vector<std::int64_t>& asked) : zone_offset_(zone_offset), asked_(asked) {}

  // False: no such zone. Dates are then read as UTC, so that the rest of the document is checked all the same.
  bool set_zone(std::string_view zone) {
    zone_ = zone;
    known_ = true;
    known_ = at_local(0).has_value();
    return known_;
  }
  std::optional<instant> midnight(std::int64_t days) { return at_local(days * us_per_day); }

private:
  std::optional<instant> at_local(std::int64_t local_us) {
    if (zone_ == "UTC" || !known_)
      return instant{local_us};
    const auto offset_us = zone_offset_ ? zone_offset_(zone_, local_us) : std::nullopt;
    if (!offset_us || *offset_us > us_per_day || *offset_us < -us_per_day)
      return std::nullopt;
    asked_.push_back(*offset_us);
    return instant{local_us - *offset_us};
  }

  const zone_offset_fn& zone_offset_;
  std::vector<std::int64_t>& asked_;
  std::string zone_ = "UTC";
  bool known_ = true;
};

// One table of the document. A key that is absent leaves its destination as it is; one that is wrong is reported and
// leaves it too. `finish` reports the keys that nobody asked for.
class table_reader {
public:
  table_reader(const toml::table& table, std::string path, problem_list& problems)
      : table_(table), path_(std::move(path)), problems_(problems) {}

  void problem(std::string_view key, std::string what) { problems_.add(joined(path_, key), std::move(what), line_near(key)); }
  void problem(std::string what) { problems_.add(path_, std::move(what), line_of(table_)); }
  bool has(std::string_view key) const { return table_.contains(key); }

  void require(std::string_view key) {
    if (!has(key))
      problems_.add(joined(path_, key), "is missing", path_.empty() ? 0 : line_of(table_));
  }

  const toml::node* take(std::string_view key) {
    asked_.push_back(key);
    return table_.get(key);
  }

  void text(std::string_view key, std::string& to, std::size_t bytes_max) {
    if (const auto* value = typed<std::string>(key, "a string"))
      if (check_text(joined(path_, key), value->get(), bytes_max, line_near(key)))
        to = value->get();
  }

  void texts(std::string_view key, std::vector<std::string>& to) {
    const toml::node* node = take(key);
    if (node == nullptr)
      return;
    const auto* list = node->as_array();
    if (list == nullptr)
      return wrong_kind(key, *node, "a list of strings");
    if (list->empty())
      return problem(key, "is empty; leave it out for the whole order");
    for (std::size_t i = 0; i < list->size(); ++i) {
      const toml::node& item = *list->get(i);
      const std::string item_key = indexed(joined(path_, key), i);
      if (const auto* value = item.as_string(); value == nullptr)
        problems_.add(item_key, std::string("must be a string, not ") + kind_of(item), line_of(item));
      else if (check_text(item_key, value->get(), id_bytes_max, line_of(item)))
        to.push_back(value->get());
    }
  }

  void flag(std::string_view key, bool& to) {
    if (const auto* value = typed<bool>(key, "true or false"))
      to = value->get();
  }

  template <class Int>
  void whole(std::string_view key, Int& to, std::int64_t least, std::int64_t most) {
    const auto* value = typed<std::int64_t>(key, "a whole number");
    if (value == nullptr)
      return;
    if (value->get() < least || value->get() > most)
      return problem(key, most == int64_max ? "must be " + std::to_string(least) + " or more"
                                            : "must be from " + std::to_string(least) + " to " + std::to_string(most));
    to = static_cast<Int>(value->get());
  }

  void points(std::string_view key, points_t& to, std::int64_t least) { whole(key, to.value, least, int64_max); }

  void rate(std::string_view key, rate_t& to, bool negative_too = false) {
    const auto* value = typed<std::string>(key, "a string such as \"1.25\"");
    if (value == nullptr)
      return;
    const auto parsed = parse_rate(value->get());
    if (!parsed)
      return problem(key, "must be a decimal of at most 6 places, such as \"1.25\"");
    if (parsed->micros < 0 && !negative_too)
      return problem(key, "must not be negative");
    to = *parsed;
  }

  void money(std::string_view key, money_t& to, bool negative_too = false) {
    const auto* value = typed<std::string>(key, "a string such as \"1.00\"");
    if (value == nullptr)
      return;
    std::string_view digits = value->get();
    const bool negative = negative_too && digits.starts_with('-');
    digits.remove_prefix(negative ? 1 : 0);
    const auto parsed = parse_money(digits);
    if (!parsed)
      return problem(key, "must be an amount of at most 4 places, such as \"1.00\"");
    to.units = negative ? -parsed->units : parsed->units;
  }

  template <class Enum>
  void choice(std::string_view key, Enum& to, std::initializer_list<std::pair<std::string_view, Enum>> choices) {
    const auto* value = typed<std::string>(key, "a string");
    if (value == nullptr)
      return;
    std::string allowed;
    for (const auto& [name, number] : choices) {
      if (value->get() == name) {
        to = number;
        return;
      }
      allowed.append(allowed.empty() ? "\"" : " or \"").append(name).append("\"");
    }
    problem(key, "must be " + allowed);
  }

  void window(time_window& to, wall_clock& clock) {
    moment("from", to.from, clock);
    moment("until", to.until, clock);
    if (to.from && to.until && *to.until <= *to.from)
      problem("until", "must be after from");
  }

  // The table of that name, if it is there.
  std::optional<table_reader> table(std::string_view key) {
    const toml::node* node = take(key);
    if (node == nullptr)
      return std::nullopt;
    const auto* found = node->as_table();
    if (found == nullptr) {
      wrong_kind(key, *node, "a table: [" + std::string(key) + "]");
      return std::nullopt;
    }
    return table_reader(*found, joined(path_, key), problems_);
  }

  // The tables of that name, `[[key]]`, in document order.
  std::vector<table_reader> tables(std::string_view key, std::size_t most) {
    std::vector<table_reader> found;
    const toml::node* node = take(key);
    if (node == nullptr)
      return found;
    const auto* list = node->as_array();
    if (list == nullptr) {
      wrong_kind(key, *node, "written [[" + std::string(key) + "]]");
      return found;
    }
    if (list->size() > most)
      problem(key, "there may be at most " + std::to_string(most) + " of them, not " + std::to_string(list->size()));
    for (std::size_t i = 0; i < std::min(list->size(), most); ++i) {
      const toml::node& item = *list->get(i);
      if (const auto* table = item.as_table())
        found.push_back(table_reader(*table, indexed(key, i), problems_));
      else
        problems_.add(indexed(key, i), std::string("must be a table, not ") + kind_of(item), line_of(item));
    }
    return found;
  }

  void finish() {
    for (const auto& [key, node] : table_)
      if (std::find(asked_.begin(), asked_.end(), key.str()) == asked_.end())
        problems_.add(joined(path_, key.str()),
                      node.is_table() || node.is_array_of_tables() ? "is not a table of a rules document" : "is not a key here",
                      key.source().begin.line);
  }

private:
  template <class T>
  const toml::value<T>* typed(std::string_view key, const char* wanted) {
    const toml::node* node = take(key);
    if (node == nullptr)
      return nullptr;
    const auto* value = node->as<T>();
    if (value == nullptr)
      wrong_kind(key, *node, wanted);
    return value;
  }

  void wrong_kind(std::string_view key, const toml::node& node, const std::string& wanted) {
    problem(key, "must be " + wanted + ", not " + kind_of(node));
  }

  bool check_text(const std::string& key, const std::string& value, std::size_t bytes_max, std::uint32_t line) {
    if (value.empty())
      problems_.add(key, "must not be empty", line);
    else if (value.size() > bytes_max)
      problems_.add(key, "must be at most " + std::to_string(bytes_max) + " bytes", line);
    else if (std::any_of(value.begin(), value.end(), is_control))
      problems_.add(key, "must not contain control characters", line);
    else
      return true;
    return false;
  }

  // A date is midnight on the program's wall clock, a time with an offset is itself.
  void moment(std::string_view key, std::optional<instant>& to, wall_clock& clock) {
    const toml::node* node = take(key);
    if (node == nullptr)
      return;
    std::optional<std::int64_t> days;
    if (const auto* text = node->as_string()) {
      days = parse_date(text->get());
      to = parse_rfc3339(text->get());
    } else if (const auto* date = node->as_date()) {
      days = days_from_civil(date->get().year, date->get().month, date->get().day);
    } else if (const auto* time = node->as_date_time()) {
      to = instant_of(time->get());
    }
    if (days && !(to = clock.midnight(*days)))
      problem(key, "has no midnight in the time zone");
    else if (!to)
      problem(key, "must be a date such as \"2026-03-01\" or a time with its offset such as \"2026-03-01T08:00:00+01:00\"");
  }

  static std::optional<instant> instant_of(const toml::date_time& time) {
    if (!time.offset || time.time.nanosecond % 1000 != 0)
      return std::nullopt;
    const std::int64_t seconds = (time.time.hour * 60 + time.time.minute) * 60 + time.time.second;
    return instant{days_from_civil(time.date.year, time.date.month, time.date.day) * us_per_day + seconds * us_per_second +
                   time.time.nanosecond / 1000 - time.offset->minutes * us_per_minute};
  }

  std::uint32_t line_near(std::string_view key) const {
    const toml::node* node = table_.get(key);
    return line_of(node != nullptr ? *node : table_);
  }

  const toml::table& table_;
  std::string path_;
  problem_list& problems_;
  std::vector<std::string_view> asked_; // literals of this file
};

// Names by which things are asked for: no two of a kind may share one.
class unique_names {
public:
  explicit unique_names(std::string_view kind) : kind_(kind) {}

  void check(table_reader& in, const std::string& name, std::size_t index) {
    const auto [first, is_new] = seen_.emplace(name, index);
    if (!is_new && !name.empty())
      in.problem("name", "is already the name of " + indexed(kind_, first->second));
  }

private:
  std::string_view kind_;
  std::map<std::string, std::size_t> seen_;
};

void read_merchant(table_reader& in, ruleset& rules, wall_clock& clock) {
  in.require("merchant");
  in.text("merchant", rules.merchant, id_bytes_max);
  if (!std::all_of(rules.merchant.begin(), rules.merchant.end(), is_id_character))
    in.problem("merchant", "must be 1 to 64 of the characters A-Z a-z 0-9 . _ -");
  in.text("name", rules.name, name_bytes_max);
  in.flag("active", rules.active);
  in.whole("currency_digits", rules.currency_digits, 0, 4);
  in.text("timezone", rules.timezone, id_bytes_max);
  if (!clock.set_zone(rules.timezone))
    in.problem("timezone", "is not a known time zone; use a name such as \"Europe/Berlin\" or \"UTC\"");
  in.flag("allow_inline_enrollment", rules.allow_inline_enrollment);
}

void read_enroll(table_reader& in, ruleset& rules) {
  if (auto enroll = in.table("enroll")) {
    enroll->points("opening_points", rules.enroll.opening_points, 0);
    enroll->finish();
  }
}

// A rate of zero or less is a document like any other: it earns nothing.
void read_earn(table_reader& in, ruleset& rules) {
  in.require("earn");
  auto table = in.table("earn");
  if (!table)
    return;
  auto& earn = rules.earn.emplace();
  earn.points = rate_t::one();
  earn.per = money_t{1'000 * money_t::units_per_one};
  table->rate("points", earn.points, true);
  table->money("per", earn.per, true);
  table->choice("rounding", earn.round, {{"floor", ruleset::rounding::floor}, {"whole_units", ruleset::rounding::whole_units}});
  table->whole("hold_days", earn.hold_days, 0, days_max);
  table->whole("expire_days", earn.expire_days, 0, days_max);
  table->whole("late_days", earn.late_days, 0, days_max);
  table->choice("stacking", earn.stack, {{"multiply", ruleset::stacking::multiply}, {"highest", ruleset::stacking::highest}});
  table->finish();
}

void read_bonuses(table_reader& in, ruleset& rules, wall_clock& clock) {
  for (auto& table : in.tables("bonus", bonuses_max)) {
    auto& bonus = rules.bonuses.emplace_back();
    table.text("name", bonus.name, name_bytes_max);
    table.texts("categories", bonus.categories);
    table.texts("skus", bonus.skus);
    table.rate("multiplier", bonus.multiplier);
    table.points("points_per_unit", bonus.points_per_unit, 1);
    table.window(bonus.window, clock);
    if (!table.has("multiplier") && !table.has("points_per_unit"))
      table.problem("needs a multiplier or points_per_unit");
    if (table.has("points_per_unit") && !table.has("categories") && !table.has("skus"))
      table.problem("points_per_unit", "needs categories or skus: an order has no quantity");
    table.finish();
  }
}

void read_rewards(table_reader& in, ruleset& rules, wall_clock& clock) {
  unique_names names("reward");
  for (auto& table : in.tables("reward", rewards_max)) {
    auto& reward = rules.rewards.emplace_back();
    table.require("name");
    table.text("name", reward.name, name_bytes_max);
    names.check(table, reward.name, rules.rewards.size() - 1);
    table.require("points");
    table.points("points", reward.price, 1);
    table.window(reward.window, clock);
    table.finish();
  }
}

void read_redeem(table_reader& in, ruleset& rules) {
  auto table = in.table("redeem");
  if (!table)
    return;
  auto& redeem = rules.redeem.emplace();
  table->require("points");
  table->points("points", redeem.points, 1);
  table->require("value");
  money_t value{1};
  table->money("value", value);
  if (value.units == 0)
    table->problem("value", "must be more than 0");
  redeem.value = value;
  table->points("min_points", redeem.min_points, 0);
  table->points("min_balance", redeem.min_balance, 0);
  if (table->has("max_discount")) {
    money_t most{1};
    table->money("max_discount", most);
    if (most.units == 0)
      table->problem("max_discount", "must be more than 0; leave it out for no cap");
    redeem.max_discount = most;
  }
  table->whole("reservation_minutes", redeem.reservation_minutes, 1, minutes_max);
  table->whole("restore_grace_days", redeem.restore_grace_days, 0, days_max);
  table->finish();
}

void read_tiers(table_reader& in, ruleset& rules) {
  if (auto table = in.table("tiers")) {
    auto& tiers = rules.tiers.emplace();
    using basis = ruleset::tier_basis;
    table->choice(
        "basis", tiers.basis,
        {{"lifetime", basis::lifetime}, {"calendar_year", basis::calendar_year}, {"rolling_12_months", basis::rolling_12_months}});
    table->flag("net_of_reversals", tiers.net_of_reversals);
    table->finish();
  }

  unique_names names("tier");
  std::optional<points_t> below;
  std::vector<ruleset::tier> read;
  for (auto& table : in.tables("tier", tiers_max)) {
    auto& tier = read.emplace_back();
    table.require("name");
    table.text("name", tier.name, name_bytes_max);
    names.check(table, tier.name, read.size() - 1);
    table.require("threshold");
    table.points("threshold", tier.threshold, 0);
    if (table.has("threshold") && below && tier.threshold <= *below)
      table.problem("threshold", "must be more than the threshold of the tier before");
    below = tier.threshold;
    table.rate("multiplier", tier.multiplier);
    table.finish();
  }
  if (rules.tiers)
    rules.tiers->tiers = std::move(read);
  else if (in.has("tier"))
    in.problem("tier", "needs a [tiers] table, which says what counts");
}

void read_review(table_reader& in, ruleset& rules) {
  if (auto table = in.table("review")) {
    auto& review = rules.review;
    table->points("max_points_per_order", review.max_points_per_order, 0);
    table->rate("max_order_ratio", review.max_order_ratio);
    table->whole("min_orders", review.min_orders, 0, int32_max);
    table->choice("negative_reversal", review.negative_reversal_held, {{"allow", false}, {"review", true}});
    table->finish();
  }
}

void read_limits(table_reader& in, ruleset& rules) {
  if (auto table = in.table("limits")) {
    table->points("earn_points_per_day", rules.limits.earn_points_per_day, 0);
    table->points("redeem_points_per_day", rules.limits.redeem_points_per_day, 0);
    table->whole("redemptions_per_day", rules.limits.redemptions_per_day, 0, int32_max);
    table->finish();
  }
}

void read_lapse(table_reader& in, ruleset& rules) {
  if (auto table = in.table("lapse")) {
    table->whole("days", rules.lapse_days, 0, days_max);
    table->finish();
  }
}

// Where the string literal that opens at `at` ends: one past its last quote.
std::size_t end_of_string(std::string_view toml, std::size_t at) {
  const char quote = toml[at];
  const std::string_view three = quote == '"' ? R"(""")" : "'''";
  const bool many_lines = toml.substr(at).starts_with(three);
  for (at += many_lines ? 3 : 1; at < toml.size(); ++at) {
    if (toml[at] == '\\' && quote == '"') {
      ++at;
    } else if (many_lines && toml.substr(at).starts_with(three)) {
      at += 3;
      for (int extra = 0; extra < 2 && at < toml.size() && toml[at] == quote; ++extra) // the last two may belong to the text
        ++at;
      return at;
    } else if (!many_lines && (toml[at] == quote || toml[at] == '\n')) {
      return at + 1;
    }
  }
  return toml.size();
}

// A key of 30,000 dots makes tables 30,000 deep, and what parses and frees them recurses. Outside of strings and comments
// a rules document has hardly any dots; the line where there are too many, or 0.
std::uint32_t line_of_too_many_dots(std::string_view toml) {
  std::uint32_t line = 1;
  std::size_t dots = 0;
  for (std::size_t at = 0; at < toml.size();) {
    std::size_t next = at + 1;
    if (toml[at] == '"' || toml[at] == '\'')
      next = end_of_string(toml, at);
    else if (toml[at] == '#')
      next = std::min(toml.find('\n', at), toml.size());
    else if (toml[at] == '.' && ++dots > dots_max)
      return line;
    line += static_cast<std::uint32_t>(std::count(toml.begin() + static_cast<std::ptrdiff_t>(at),
                                                  toml.begin() + static_cast<std::ptrdiff_t>(std::min(next, toml.size())), '\n'));
    at = next;
  }
  return 0;
}

} // namespace

std::variant<ruleset, std::vector<rules_problem>> read_rules(std::string_view toml, const zone_offset_fn& zone_offset) {
  problem_list problems;
  if (toml.size() > rules_bytes_max) {
    problems.add("toml", "is larger than 64 KiB", 0);
    return problems.take();
  }
  if (const std::uint32_t line = line_of_too_many_dots(toml)) {
    problems.add("toml", "has too many dotted keys", line);
    return problems.take();
  }
  const toml::parse_result parsed = toml::parse(toml);
  if (!parsed) {
    problems.add("toml", printable(parsed.error().description(), name_bytes_max), parsed.error().source().begin.line);
    return problems.take();
  }

  ruleset rules;
  wall_clock clock(zone_offset, rules.offsets_us);
  table_reader document(parsed.table(), "", problems);
  read_merchant(document, rules, clock);
  read_enroll(document, rules);
  read_earn(document, rules);
  read_bonuses(document, rules, clock);
  read_rewards(document, rules, clock);
  read_redeem(document, rules);
  read_tiers(document, rules);
  read_review(document, rules);
  read_limits(document, rules);
  read_lapse(document, rules);
  document.finish();
  if (!problems.empty())
    return problems.take();
  return rules;
}

std::variant<ruleset, std::vector<rules_problem>> read_rules(std::string_view toml, std::span<const std::int64_t> offsets_us) {
  std::size_t next = 0;
  auto read = read_rules(toml, [&](std::string_view, std::int64_t) -> std::optional<std::int64_t> {
    return next < offsets_us.size() ? std::optional(offsets_us[next++]) : std::nullopt;
  });
  if (next != offsets_us.size() && std::holds_alternative<ruleset>(read))
    return std::vector<rules_problem>{{"timezone", "has other offsets on record than the document asks for", 0}};
  return read;
}

} // namespace tally
