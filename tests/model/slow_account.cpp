#include "tests/model/slow_account.hpp"

#include <algorithm>

namespace tally::model {

bool names_version(const std::string& kind) {
  for (const char* other : {"release", "expire", "suspend", "reactivate", "close", "review_approve", "review_reject", "erase"})
    if (kind == other)
      return false;
  return true;
}

std::int64_t model_account::available() const {
  std::int64_t sum = -debt;
  for (const model_lot& lot : lots)
    sum += lot.available;
  return sum;
}

std::int64_t model_account::pending() const {
  std::int64_t sum = 0;
  for (const model_lot& lot : lots)
    sum += lot.pending;
  return sum;
}

std::int64_t model_account::reserved() const {
  std::int64_t sum = 0;
  for (const model_lot& lot : lots)
    sum += lot.reserved;
  return sum;
}

std::int64_t model_account::tier_points(const model_rules& rules, std::int64_t now_us) const {
  const std::int64_t begins = rules.tier_window_begins(now_us);
  std::int64_t sum = 0;
  for (const model_gain& gain : gains)
    if (gain.dated_us >= begins)
      sum += gain.points - (rules.net_of_reversals ? gain.taken_back : 0);
  return sum;
}

std::int64_t model_account::points_today(const std::vector<model_deed>& deeds, std::int64_t now_us) {
  std::int64_t sum = 0;
  for (const model_deed& deed : deeds)
    if (floored(deed.at_us, day_us) == floored(now_us, day_us))
      sum += deed.points;
  return sum;
}

std::int64_t model_account::count_today(const std::vector<model_deed>& deeds, std::int64_t now_us) {
  return std::count_if(deeds.begin(), deeds.end(),
                       [&](const model_deed& deed) { return floored(deed.at_us, day_us) == floored(now_us, day_us); });
}

void model_account::credit(const model_lot& lot, std::int64_t points) {
  const std::int64_t paid = std::min(points, debt);
  debt -= paid;
  if (find_lot(lot.id) == nullptr)
    lots.push_back({lot.id, 0, 0, 0, lot.available_at, lot.expires_at});
  find_lot(lot.id)->available += points - paid;
}

std::vector<model_spent> model_account::debit(std::int64_t points) {
  std::vector<model_spent> spent;
  std::vector<model_lot> order = lots;
  sort_as_spent(order);
  for (const model_lot& next : order) {
    const std::int64_t part = std::min(points, next.available);
    if (part == 0)
      continue;
    find_lot(next.id)->available -= part;
    points -= part;
    spent.push_back({next.id, part, 0, next.available_at, next.expires_at});
  }
  debt += points;
  return spent;
}

model_lot* model_account::find_lot(std::int64_t id) {
  for (model_lot& lot : lots)
    if (lot.id == id)
      return &lot;
  return nullptr;
}

void sort_as_spent(std::vector<model_lot>& lots) {
  std::sort(lots.begin(), lots.end(), [](const model_lot& a, const model_lot& b) {
    const std::int64_t ea = a.expires_at == 0 ? INT64_MAX : a.expires_at;
    const std::int64_t eb = b.expires_at == 0 ? INT64_MAX : b.expires_at;
    return ea != eb ? ea < eb : a.id < b.id;
  });
}

} // namespace tally::model
