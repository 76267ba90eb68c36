#include "wal/merchant_names.hpp"

namespace tally::wal {

bool merchant_names::learn(merchant_number number, std::string_view name) {
  const std::lock_guard held(mutex_);
  const auto [place, is_new] = names_.try_emplace(number, name);
  return is_new || place->second == name;
}

std::string_view merchant_names::find(merchant_number number) const {
  const std::lock_guard held(mutex_);
  const auto place = names_.find(number); // nodes never move, so neither does the text
  return place == names_.end() ? std::string_view() : std::string_view(place->second);
}

std::string_view merchant_name_cache::find(merchant_number number) {
  if (number == last_number_ && !last_name_.empty()) [[likely]]
    return last_name_;
  std::string_view& name = known_[number];
  if (name.empty())
    name = names_.find(number);
  last_number_ = number;
  last_name_ = name;
  return name;
}

} // namespace tally::wal
