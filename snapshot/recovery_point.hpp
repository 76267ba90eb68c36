// From where on a restart reads the journal, and what it must know of everything before that is not an account's.
#pragma once

#include "engine/entry.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::snapshot {

struct merchant_record {
  merchant_number number = 0;
  std::string id;
  std::vector<seq_t> programs; // the entries of its rules, oldest first
};

struct review_record {
  merchant_number merchant = 0;
  seq_t review; // open, or decided after the point
};

struct recovery_point {
  seq_t seq;                              // the image of every account holds at least its entries up to here
  std::array<std::byte, 32> hash{};       // of the journal's block that ends with `seq`
  std::vector<merchant_record> merchants; // in the order of their numbers
  std::vector<review_record> reviews;
};

std::string encode_point(const recovery_point& point);
// nullopt: these bytes are none.
std::optional<recovery_point> decode_point(std::string_view bytes);

} // namespace tally::snapshot
