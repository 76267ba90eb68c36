#include "net/cli_show.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

namespace tally::net {

namespace {

using json = nlohmann::ordered_json;

std::string text_of(const json& value) {
  if (value.is_null())
    return "-";
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_boolean())
    return value.get<bool>() ? "yes" : "no";
  if (value.is_array()) {
    std::string joined;
    for (const auto& item : value)
      joined += (joined.empty() ? "" : ", ") + text_of(item);
    return joined.empty() ? "-" : joined;
  }
  return value.dump();
}

// How many columns a terminal gives the text, near enough: characters instead of bytes.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string spaces(std::size_t count) { return std::string(count, ' '); }

struct column {
  std::string_view title;
  bool is_number = false;
};

std::string table(const std::vector<column>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    widths.push_back(columns[i].title.size());
    for (const auto& row : rows)
      widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  const auto add_row = [&](auto cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string cell{cell_of(i)};
      const std::string gap = spaces(widths[i] - width_of(cell));
      line += (i == 0 ? "" : "  ") + (columns[i].is_number ? gap + cell : cell + gap);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  add_row([&](std::size_t i) { return columns[i].title; });
  for (const auto& row : rows)
    add_row([&](std::size_t i) -> std::string_view { return row[i]; });
  return out;
}

// One "key  value" a line; what has no value is left out of entries, shown as - elsewhere.
std::string pairs(const json& object, bool skip_null) {
  const auto is_shown = [&](const std::string& key, const json& value) { return key != "status" && !(skip_null && value.is_null()); };
  std::size_t widest = 0;
  for (const auto& [key, value] : object.items())
    widest = is_shown(key, value) ? std::max(widest, key.size()) : widest;
  std::string out;
  for (const auto& [key, value] : object.items()) {
    if (!is_shown(key, value))
      continue;
    std::string label = key;
    std::replace(label.begin(), label.end(), '_', ' ');
    out += label + spaces(widest + 2 - key.size());
    if (!value.is_object() && !(value.is_array() && !value.empty() && value.front().is_object())) {
      out += text_of(value) + '\n';
      continue;
    }
    std::string nested;
    for (const auto& item : value.is_object() ? json::array({value}) : value) {
      std::string line;
      for (const auto& [name, part] : item.items())
        if (!part.is_null())
          line += (line.empty() ? "" : ", ") + name + " " + text_of(part);
      nested += (nested.empty() ? "" : spaces(widest + 2)) + line + '\n';
    }
    out += nested;
  }
  return out;
}

// What an entry is about: the first reference it has.
std::string reference_of(const json& entry) {
  for (const char* key : {"refund", "adjustment", "transfer", "reservation", "order", "reward", "reason"})
    if (!entry[key].is_null())
      return entry[key].get<std::string>();
  return "";
}

std::string show_entries(const json& entries) {
  std::vector<column> columns = {{"seq", true}, {"at"}, {"kind"}, {"points", true}, {"pending", true}};
  const bool reserves = std::any_of(entries.begin(), entries.end(), [](const json& entry) { return entry["reserved"] != 0; });
  if (reserves)
    columns.push_back({"reserved", true});
  for (const column& each : {column{"available", true}, column{"pending after", true}, column{"reference"}})
    columns.push_back(each);
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : entries) {
    auto& row = rows.emplace_back();
    for (const char* key : {"seq", "at", "kind", "points", "pending"})
      row.push_back(text_of(entry[key]));
    if (reserves)
      row.push_back(text_of(entry["reserved"]));
    row.insert(row.end(), {text_of(entry["available_after"]), text_of(entry["pending_after"]), reference_of(entry)});
  }
  return table(columns, rows);
}

std::string show_history(const json& outcome) {
  std::string out = show_entries(outcome["entries"]);
  if (!outcome["next_before_seq"].is_null())
    out += "more with --before-seq " + text_of(outcome["next_before_seq"]) + '\n';
  return out;
}

std::vector<std::string> row_of(const json& object, std::initializer_list<const char*> keys) {
  std::vector<std::string> row;
  for (const char* key : keys)
    row.push_back(text_of(object[key]));
  return row;
}

std::string show_reviews(const json& outcome) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& review : outcome["reviews"])
    rows.push_back(row_of(review, {"review", "at", "account", "op", "order", "refund", "points", "total", "reasons"}));
  std::string out =
      table({{"review", true}, {"at"}, {"account"}, {"op"}, {"order"}, {"refund"}, {"points", true}, {"total", true}, {"reasons"}}, rows);
  if (!outcome["next_after"].is_null())
    out += "more with --after " + text_of(outcome["next_after"]) + '\n';
  return out;
}

std::string show_statement(const json& outcome) {
  std::vector<std::vector<std::string>> ends;
  for (const char* end : {"opening", "closing"}) {
    ends.push_back(row_of(outcome[end], {"available", "pending", "reserved", "lifetime", "tier"}));
    ends.back().insert(ends.back().begin(), {end, text_of(outcome[end == std::string_view{"opening"} ? "from" : "until"])});
  }
  std::string out = text_of(outcome["account"]) + "\n\n" +
                    table({{""}, {"at"}, {"available", true}, {"pending", true}, {"reserved", true}, {"lifetime", true}, {"tier"}}, ends);
  if (!outcome["entries"].empty())
    out += '\n' + show_entries(outcome["entries"]);
  if (!outcome["expiring"].empty()) {
    std::vector<std::vector<std::string>> lots;
    for (const auto& lot : outcome["expiring"])
      lots.push_back(row_of(lot, {"at", "points"}));
    out += '\n' + table({{"expires at"}, {"points", true}}, lots);
  }
  return out;
}

std::string show_liability(const json& outcome) {
  json sums = outcome;
  sums.erase("by_month");
  std::vector<std::vector<std::string>> months;
  for (const auto& month : outcome["by_month"])
    months.push_back({month["month"].is_null() ? "never" : text_of(month["month"]), text_of(month["points"])});
  return pairs(sums, false) + (months.empty() ? "" : '\n' + table({{"expiring in"}, {"points", true}}, months));
}

std::string show_programs(const json& outcome) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& program : outcome["programs"])
    rows.push_back({text_of(program["version"]), text_of(program["applied_at"]), text_of(program["seq"])});
  return table({{"version", true}, {"applied at"}, {"seq", true}}, rows);
}

std::string show_program(const json& outcome) {
  const std::string toml = outcome["toml"].is_null() ? "" : outcome["toml"].get<std::string>();
  return "# version " + text_of(outcome["version"]) + ", applied at " + text_of(outcome["applied_at"]) + '\n' + toml +
         (toml.empty() || toml.back() == '\n' ? "" : "\n");
}

std::string show_no(const json& outcome) {
  const std::string status = text_of(outcome["status"]);
  std::string out = status;
  for (const char* key : {"where", "what", "reason", "code"})
    if (outcome.contains(key) && !outcome[key].is_null())
      out += (key == std::string_view{"what"} && out != status ? " " : ": ") + text_of(outcome[key]);
  out += '\n';
  if (outcome.contains("problems"))
    for (const auto& problem : outcome["problems"])
      out += "  " + text_of(problem["key"]) + ": " + text_of(problem["what"]) + '\n';
  return out;
}

} // namespace

std::string show_outcome(op kind, std::string_view line) {
  const json outcome = json::parse(line, nullptr, false);
  const std::string status = outcome.is_object() && outcome.contains("status") ? text_of(outcome["status"]) : "";
  if (status != "ok" && status != "duplicate" && status != "held")
    return show_no(outcome);
  if (status == "ok") {
    switch (kind) {
    case op::history:
      return show_history(outcome);
    case op::reviews:
      return show_reviews(outcome);
    case op::statement:
      return show_statement(outcome);
    case op::liability:
      return show_liability(outcome);
    case op::entry:
      return pairs(outcome["entry"], true);
    case op::programs:
      return show_programs(outcome);
    case op::program:
      return show_program(outcome);
    case op::account:
    case op::count:
    case op::balance_at:
    case op::profile:
    case op::digest:
      return pairs(outcome, false);
    default:
      break;
    }
  }
  return status + '\n' + pairs(outcome, false);
}

} // namespace tally::net
