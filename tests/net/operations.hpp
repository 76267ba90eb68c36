// Random operations that own their texts, for round trips.
#pragma once

#include "engine/command.hpp"

#include <deque>
#include <random>
#include <string>
#include <vector>

namespace tally::net::test {

class random_operations {
public:
  explicit random_operations(std::uint64_t seed) : random_(seed) {}

  // Only fields that the operation has on the wire; each optional one is there half of the time.
  command make(op kind);

private:
  bool coin() { return (random_() & 1) != 0; }
  std::int64_t number() { return static_cast<std::int64_t>(random_()); }
  std::string_view text(std::size_t bytes_max = 40);
  std::string_view maybe_text() { return coin() ? text() : std::string_view{}; }
  template <class Value>
  std::optional<Value> maybe(Value value) {
    return coin() ? std::optional(value) : std::nullopt;
  }
  kind_set kinds();

  std::mt19937_64 random_;
  std::deque<std::string> texts_;
  std::deque<std::vector<sale_line>> lines_;
};

inline std::string_view random_operations::text(std::size_t bytes_max) {
  std::string& made = texts_.emplace_back(1 + random_() % bytes_max, ' ');
  for (char& c : made)
    c = static_cast<char>(random_()); // bytes are carried as they are
  return made;
}

inline kind_set random_operations::kinds() {
  kind_set set;
  for (int i = 0; i < 3 && coin(); ++i)
    set.insert(static_cast<entry_kind>(1 + random_() % (entry_kind_count - 1)));
  return set;
}

inline command random_operations::make(op kind) {
  command out;
  out.kind = kind;
  for (std::string_view* field : {&out.merchant, &out.account, &out.terminal, &out.cashier, &out.note, &out.token})
    *field = maybe_text();
  const auto points = maybe(points_t{number()});
  const auto money = maybe(money_t{number()});
  switch (kind) {
  case op::enroll:
  case op::profile:
    out.phone = maybe_text();
    out.name = maybe_text();
    break;
  case op::earn: {
    out.order = maybe_text();
    out.total = money;
    out.phone = maybe_text();
    out.at = maybe(instant{number()});
    auto& lines = lines_.emplace_back();
    for (std::size_t i = 0, count = random_() % 4; i < count; ++i)
      lines.push_back({text(), maybe_text(), coin() ? 1 : number(), money_t{number()}});
    out.lines = lines;
    break;
  }
  case op::preview:
    out.amount_points = points;
    out.total = money;
    break;
  case op::redeem:
    out.amount_points = points;
    out.order = maybe_text();
    out.total = money;
    out.exact = coin();
    break;
  case op::claim:
    out.reference = maybe_text();
    out.order = maybe_text();
    break;
  case op::authorize:
    out.amount_points = points;
    out.reference = maybe_text();
    out.minutes = maybe(static_cast<std::int32_t>(number()));
    break;
  case op::capture:
    out.reference = maybe_text();
    out.amount_points = points;
    out.order = maybe_text();
    break;
  case op::void_:
    out.reference = maybe_text();
    break;
  case op::reverse:
    out.order = maybe_text();
    out.reference = maybe_text();
    out.amount = money;
    out.restore = coin();
    break;
  case op::adjust:
    out.amount_points = points;
    out.reference = maybe_text();
    out.reason = maybe_text();
    out.expire_days = maybe(static_cast<std::int32_t>(number()));
    out.force = coin();
    break;
  case op::transfer:
    out.to = maybe_text();
    out.amount_points = points;
    out.reference = maybe_text();
    break;
  case op::suspend:
  case op::reactivate:
  case op::close:
    out.reason = maybe_text();
    break;
  case op::account:
    out.phone = maybe_text();
    break;
  case op::history:
    out.before_seq = maybe(seq_t{random_()});
    out.limit = maybe(static_cast<std::uint32_t>(number()));
    out.kinds = kinds();
    out.from = maybe(instant{number()});
    out.until = maybe(instant{number()});
    break;
  case op::entry:
    out.seq = maybe(seq_t{random_()});
    out.order = maybe_text();
    if (coin())
      out.kinds.insert(static_cast<entry_kind>(1 + random_() % (entry_kind_count - 1)));
    break;
  case op::count:
    out.kinds = kinds();
    break;
  case op::balance_at:
    out.at = maybe(instant{number()});
    out.seq = maybe(seq_t{random_()});
    break;
  case op::reviews:
    out.limit = maybe(static_cast<std::uint32_t>(number()));
    out.after = maybe(seq_t{random_()});
    break;
  case op::approve:
  case op::reject:
    out.seq = maybe(seq_t{random_()});
    out.reason = maybe_text();
    break;
  case op::program:
    out.version = maybe(static_cast<std::uint32_t>(number()));
    break;
  case op::put_program:
    out.toml = coin() ? text(2000) : std::string_view{};
    break;
  case op::statement:
    out.from = maybe(instant{number()});
    out.until = maybe(instant{number()});
    break;
  case op::liability:
    out.at = maybe(instant{number()});
    break;
  case op::tail:
    out.seq = maybe(seq_t{random_()});
    out.kinds = kinds();
    break;
  case op::advance_clock:
    out.until = maybe(instant{number()});
    break;
  case op::programs:
  case op::erase:
  case op::digest:
  case op::none:
    break;
  }
  return out;
}

} // namespace tally::net::test
