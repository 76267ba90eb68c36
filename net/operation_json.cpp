#include "net/operation_json.hpp"

#include "engine/assert.hpp"
#include "engine/decimal.hpp"
#include "engine/rfc3339.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <limits>
#include <type_traits>
#include <vector>

namespace tally::net {

namespace {

using nlohmann::json;

constexpr std::size_t keys_max = 64; // of one object; no operation has half as many
constexpr std::size_t depth_max = 3; // an operation, its lines, a line

// One value of the line. Children follow their parent; `end` is the place after the last of them.
struct node {
  enum type : std::uint8_t { null, boolean, integer, other_number, text, list, object } is = null;
  bool flag = false;
  std::uint32_t end = 0;
  std::int64_t number = 0;
  std::string_view key = {};
  std::string_view string = {};
};

// Takes the parser's events down as a flat tree, so that no number ever goes through floating point.
class line_tree final : public nlohmann::json_sax<json> {
public:
  void begin(std::size_t line_bytes) {
    nodes.clear();
    open_.clear();
    key_ = {};
    problem.reset();
    texts_.clear();
    texts_.reserve(line_bytes + 1); // a decoded text is never longer than as it was written: the views stay
  }

  bool null() override { return add({.is = node::null}); }
  bool boolean(bool value) override { return add({.is = node::boolean, .flag = value}); }
  bool number_integer(std::int64_t value) override { return add({.is = node::integer, .number = value}); }
  bool number_unsigned(std::uint64_t value) override {
    if (value <= std::uint64_t{std::numeric_limits<std::int64_t>::max()})
      return add({.is = node::integer, .number = static_cast<std::int64_t>(value)});
    return add({.is = node::other_number});
  }
  bool number_float(double, const std::string&) override { return add({.is = node::other_number}); }
  bool string(std::string& value) override { return add({.is = node::text, .string = keep(value)}); }
  bool binary(json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return start(node::object); }
  bool start_array(std::size_t) override { return start(node::list); }
  bool end_object() override { return finish(); }
  bool end_array() override { return finish(); }
  bool key(std::string& name) override {
    key_ = keep(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return refuse("not valid JSON, at character " + std::to_string(position), "");
  }

  std::vector<node> nodes;
  std::optional<operation_problem> problem;

private:
  bool add(node value) {
    if (open_.empty())
      return refuse("an operation is a JSON object", "");
    value.key = key_;
    key_ = {};
    value.end = static_cast<std::uint32_t>(nodes.size() + 1);
    nodes.push_back(value);
    return true;
  }

  bool start(node::type type) {
    if (open_.size() == depth_max)
      return refuse("nested too deep", "");
    if (open_.empty()) {
      if (type != node::object)
        return refuse("an operation is a JSON object", "");
      nodes.push_back({.is = type});
    } else if (!add({.is = type})) {
      return false;
    }
    open_.push_back(static_cast<std::uint32_t>(nodes.size() - 1));
    return true;
  }

  bool finish() {
    nodes[open_.back()].end = static_cast<std::uint32_t>(nodes.size());
    open_.pop_back();
    return true;
  }

  bool refuse(std::string what, std::string where) {
    problem = operation_problem{std::move(what), std::move(where)};
    return false;
  }

  std::string_view keep(std::string_view text) {
    const std::size_t at = texts_.size();
    TALLY_ASSERT(at + text.size() <= texts_.capacity(), static_cast<long long>(text.size()));
    texts_.append(text);
    return std::string_view{texts_}.substr(at);
  }

  std::string texts_;
  std::string_view key_;
  std::vector<std::uint32_t> open_;
};

template <class Member>
using value_of = std::remove_cvref_t<decltype(std::declval<command&>().*std::declval<Member>())>;

template <class Integer>
std::optional<Integer> parse_integer(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

constexpr const char* not_whole = "must be a whole number of at most 64 bits";
constexpr const char* not_counted = "must be a whole number from 0";
constexpr const char* not_money = "must be an amount such as \"42.50\", with at most 4 decimals";
constexpr const char* not_time = "must be a time such as \"2026-01-31T09:30:00Z\"";
constexpr const char* not_text = "must be a text";
constexpr const char* not_flag = "must be true or false";
constexpr const char* not_kind = "is not a kind of entry";
constexpr const char* is_empty = "must not be empty";
constexpr const char* is_repeated = "is given twice";
constexpr const char* is_unknown = "is not a field of this operation";
constexpr const char* is_missing = "is missing";

// The numbers that are counts: minutes, days, versions, limits, seqs. `target` says what fits.
template <class Target>
const char* set_count(std::int64_t value, std::optional<Target>& target) {
  if constexpr (std::is_same_v<Target, seq_t>) {
    if (value < 0)
      return not_counted;
    target = seq_t{static_cast<std::uint64_t>(value)};
  } else {
    if (value < 0 || value > std::int64_t{std::numeric_limits<Target>::max()})
      return not_counted;
    target = static_cast<Target>(value);
  }
  return nullptr;
}

std::string place(std::string_view list, std::size_t index, std::string_view key = {}) {
  std::string path = std::string{list} + "[" + std::to_string(index) + "]";
  if (!key.empty())
    path.append(".").append(key);
  return path;
}

} // namespace

// ---- JSON -----------------------------------------------------------------------------------------------------------

struct operation_reader::impl {
  using problem = std::optional<operation_problem>;

  line_tree tree;
  std::vector<sale_line> lines;

  problem read(std::string_view line, command& out) {
    tree.begin(line.size());
    if (!json::sax_parse(line.data(), line.data() + line.size(), &tree)) {
      if (!tree.problem)
        return operation_problem{"not valid JSON", ""};
      return tree.problem;
    }
    if (auto repeated = find_repeated(0, ""))
      return repeated;
    if (auto bad = read_kind(out))
      return bad;
    const operation_shape& shape = shape_of(out.kind);
    return each_child(0, [&](std::uint32_t child) -> problem {
      const node& value = tree.nodes[child];
      if (value.key == "op")
        return std::nullopt;
      const operation_field* field = find_field(shape, value.key);
      if (field == nullptr)
        return operation_problem{is_unknown, std::string{value.key}};
      if (value.is == node::null)
        return std::nullopt;
      return set(*field, child, out);
    });
  }

  // The operation's name, wherever it stands in the object.
  problem read_kind(command& out) {
    problem found = operation_problem{is_missing, "op"};
    each_child(0, [&](std::uint32_t child) -> problem {
      const node& value = tree.nodes[child];
      if (value.key != "op" || value.is == node::null)
        return std::nullopt;
      const auto named = value.is == node::text ? op_named(value.string) : std::nullopt;
      if (named && *named != op::none) {
        out.kind = *named;
        found.reset();
      } else {
        found = operation_problem{"is not an operation", "op"};
      }
      return std::nullopt;
    });
    return found;
  }

  problem set(const operation_field& field, std::uint32_t at, command& out) {
    const node& value = tree.nodes[at];
    const char* what = std::visit(
        [&](auto member) -> const char* {
          using value_type = value_of<decltype(member)>;
          if constexpr (std::is_same_v<value_type, std::string_view>) {
            if (value.is != node::text)
              return not_text;
            if (value.string.empty() && !field.may_be_empty)
              return is_empty;
            out.*member = value.string;
          } else if constexpr (std::is_same_v<value_type, std::optional<points_t>>) {
            if (value.is != node::integer)
              return not_whole;
            out.*member = points_t{value.number};
          } else if constexpr (std::is_same_v<value_type, std::optional<money_t>>) {
            if (value.is != node::text)
              return not_money;
            out.*member = parse_money(value.string);
            return out.*member ? nullptr : not_money;
          } else if constexpr (std::is_same_v<value_type, std::optional<instant>>) {
            if (value.is != node::text)
              return not_time;
            out.*member = parse_rfc3339(value.string);
            return out.*member ? nullptr : not_time;
          } else if constexpr (std::is_same_v<value_type, bool>) {
            if (value.is != node::boolean)
              return not_flag;
            out.*member = value.flag;
          } else if constexpr (std::is_same_v<value_type, kind_set> || std::is_same_v<value_type, std::span<const sale_line>>) {
            return nullptr; // lists, below
          } else {
            return value.is == node::integer ? set_count(value.number, out.*member) : not_counted;
          }
          return nullptr;
        },
        field.member);
    if (what != nullptr)
      return operation_problem{what, std::string{field.name}};
    if (std::holds_alternative<kind_set command::*>(field.member))
      return set_kinds(field, at, out);
    if (std::holds_alternative<std::span<const sale_line> command::*>(field.member))
      return set_lines(field, at, out);
    return std::nullopt;
  }

  problem set_kinds(const operation_field& field, std::uint32_t at, command& out) {
    const node& value = tree.nodes[at];
    kind_set& kinds = out.*std::get<kind_set command::*>(field.member);
    const auto insert = [&](const node& name, std::string where) -> problem {
      const auto kind = name.is == node::text ? entry_kind_named(name.string) : std::nullopt;
      if (!kind || *kind == entry_kind::none)
        return operation_problem{not_kind, std::move(where)};
      kinds.insert(*kind);
      return std::nullopt;
    };
    if (field.one_name)
      return insert(value, std::string{field.name});
    if (value.is != node::list)
      return operation_problem{"must be a list of kinds", std::string{field.name}};
    std::size_t index = 0;
    return each_child(at, [&](std::uint32_t child) -> problem { return insert(tree.nodes[child], place(field.name, index++)); });
  }

  problem set_lines(const operation_field& field, std::uint32_t at, command& out) {
    if (tree.nodes[at].is != node::list)
      return operation_problem{"must be a list of lines", std::string{field.name}};
    lines.clear();
    auto bad = each_child(at, [&](std::uint32_t child) -> problem {
      lines.emplace_back();
      return set_line(field.name, child, lines.size() - 1, lines.back());
    });
    out.*std::get<std::span<const sale_line> command::*>(field.member) = lines;
    return bad;
  }

  problem set_line(std::string_view list, std::uint32_t at, std::size_t index, sale_line& line) {
    if (tree.nodes[at].is != node::object)
      return operation_problem{"must be an object", place(list, index)};
    bool has_sku = false, has_quantity = false, has_amount = false;
    const auto bad = [&](const char* what, std::string_view key) { return operation_problem{what, place(list, index, key)}; };
    auto found = each_child(at, [&](std::uint32_t child) -> problem {
      const node& value = tree.nodes[child];
      if (value.key != "sku" && value.key != "category" && value.key != "quantity" && value.key != "amount")
        return bad(is_unknown, value.key);
      if (value.is == node::null)
        return std::nullopt;
      if (value.key == "quantity") {
        if (value.is != node::integer)
          return bad(not_whole, value.key);
        line.quantity = value.number;
        has_quantity = true;
      } else if (value.key == "amount") {
        const auto amount = value.is == node::text ? parse_money(value.string) : std::nullopt;
        if (!amount)
          return bad(not_money, value.key);
        line.amount = *amount;
        has_amount = true;
      } else {
        if (value.is != node::text)
          return bad(not_text, value.key);
        (value.key == "sku" ? line.sku : line.category) = value.string;
        has_sku = has_sku || value.key == "sku";
      }
      return std::nullopt;
    });
    if (found)
      return found;
    if (!has_sku)
      return bad(is_missing, "sku");
    if (!has_quantity)
      return bad(is_missing, "quantity");
    if (!has_amount)
      return bad(is_missing, "amount");
    return std::nullopt;
  }

  // Keys are compared pairwise: objects are small, and longer ones are refused.
  problem find_repeated(std::uint32_t at, const std::string& path) const {
    std::size_t count = 0, index = 0;
    return each_child(at, [&](std::uint32_t child) -> problem {
      const node& value = tree.nodes[child];
      const bool keyed = tree.nodes[at].is == node::object;
      if (keyed) {
        if (++count > keys_max)
          return operation_problem{"has too many keys", path};
        for (std::uint32_t other = at + 1; other < child; other = tree.nodes[other].end)
          if (tree.nodes[other].key == value.key)
            return operation_problem{is_repeated, path.empty() ? std::string{value.key} : path + "." + std::string{value.key}};
      }
      if (value.is != node::list && value.is != node::object)
        return std::nullopt;
      return find_repeated(child, keyed ? (path.empty() ? "" : path + ".") + std::string{value.key} : place(path, index++));
    });
  }

  template <class Visit>
  problem each_child(std::uint32_t at, Visit visit) const {
    const std::uint32_t end = tree.nodes[at].end;
    for (std::uint32_t child = at + 1; child < end; child = tree.nodes[child].end)
      if (auto found = visit(child))
        return found;
    return std::nullopt;
  }
};

operation_reader::operation_reader() : impl_(std::make_unique<impl>()) {}
operation_reader::~operation_reader() = default;

std::optional<operation_problem> operation_reader::read(std::string_view line, command& out) {
  out = command{};
  return impl_->read(line, out);
}

// ---- flags ----------------------------------------------------------------------------------------------------------

std::optional<operation_problem> set_field(const operation_field& field, std::string_view text, command& out) {
  const char* what = std::visit(
      [&](auto member) -> const char* {
        using value_type = value_of<decltype(member)>;
        if constexpr (std::is_same_v<value_type, std::string_view>) {
          out.*member = text;
          return text.empty() && !field.may_be_empty ? is_empty : nullptr;
        } else if constexpr (std::is_same_v<value_type, std::optional<points_t>>) {
          const auto value = parse_integer<std::int64_t>(text.starts_with("+") ? text.substr(1) : text);
          if (value)
            out.*member = points_t{*value};
          return value ? nullptr : not_whole;
        } else if constexpr (std::is_same_v<value_type, std::optional<money_t>>) {
          out.*member = parse_money(text);
          return out.*member ? nullptr : "must be an amount such as 42.50, with at most 4 decimals";
        } else if constexpr (std::is_same_v<value_type, std::optional<instant>>) {
          out.*member = parse_rfc3339(text);
          return out.*member ? nullptr : "must be a time such as 2026-01-31T09:30:00Z";
        } else if constexpr (std::is_same_v<value_type, bool>) {
          out.*member = text == "true";
          return text == "true" || text == "false" ? nullptr : not_flag;
        } else if constexpr (std::is_same_v<value_type, kind_set>) {
          for (std::size_t at = 0; at <= text.size();) {
            const std::size_t comma = std::min(text.find(',', at), text.size());
            const auto kind = entry_kind_named(text.substr(at, comma - at));
            if (!kind || *kind == entry_kind::none || (field.one_name && at != 0))
              return not_kind;
            (out.*member).insert(*kind);
            at = comma + 1;
          }
          return nullptr;
        } else if constexpr (std::is_same_v<value_type, std::span<const sale_line>>) {
          TALLY_ASSERT(false);
          return nullptr;
        } else {
          const auto value = parse_integer<std::int64_t>(text);
          return value ? set_count(*value, out.*member) : not_counted;
        }
      },
      field.member);
  if (what == nullptr)
    return std::nullopt;
  return operation_problem{what, std::string{field.name}};
}

std::optional<operation_problem> parse_sale_line(std::string_view text, sale_line& out) {
  constexpr const char* form = "must be sku=S,quantity=N,amount=M[,category=C]";
  bool has_sku = false, has_amount = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view part = text.substr(at, comma - at);
    at = comma + 1;
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos)
      return operation_problem{form, "lines"};
    const std::string_view key = part.substr(0, equals), value = part.substr(equals + 1);
    if (key == "sku") {
      out.sku = value;
      has_sku = true;
    } else if (key == "category") {
      out.category = value;
    } else if (key == "quantity") {
      const auto quantity = parse_integer<std::int64_t>(value);
      if (!quantity)
        return operation_problem{not_whole, "lines.quantity"};
      out.quantity = *quantity;
    } else if (key == "amount") {
      const auto amount = parse_money(value);
      if (!amount)
        return operation_problem{"must be an amount such as 42.50, with at most 4 decimals", "lines.amount"};
      out.amount = *amount;
      has_amount = true;
    } else {
      return operation_problem{form, "lines"};
    }
  }
  if (!has_sku || !has_amount)
    return operation_problem{form, "lines"};
  return std::nullopt;
}

} // namespace tally::net
