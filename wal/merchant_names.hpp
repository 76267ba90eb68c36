// The merchants' ids by their numbers, for filling in decoded entries. Names are told once and never change.
#pragma once

#include "engine/entry.hpp"

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tally::wal {

// From any thread.
class merchant_names {
public:
  // False, and nothing changes, if the number has another name already.
  [[nodiscard]] bool learn(merchant_number number, std::string_view name);
  // Empty if it was never told. The text lives as long as this object.
  std::string_view find(merchant_number number) const;

private:
  mutable std::mutex mutex_;
  std::unordered_map<merchant_number, std::string> names_;
};

// One reader's own copy of what it has asked for already: no lock from the second time on. One thread.
class merchant_name_cache {
public:
  explicit merchant_name_cache(const merchant_names& names) : names_(names) {}
  std::string_view find(merchant_number number);

private:
  const merchant_names& names_;
  std::unordered_map<merchant_number, std::string_view> known_;
  merchant_number last_number_ = 0;
  std::string_view last_name_;
};

} // namespace tally::wal
