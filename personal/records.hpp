// Personal data and the records that hold it: keys and values as bytes (docs/formats/personal.md). Where they lie is
// personal/store.hpp's.
#pragma once

#include "engine/result.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tally::personal {

// What is known of an account's owner; empty: nothing. Phones in their normal form (engine/phone.hpp).
struct profile {
  std::string phone, name;

  bool operator==(const profile&) const = default;
};

// A change that goes with an entry of the journal. It is begun before that entry is written, under a number that the entry carries, and
// settled when the entry is on disk: so a crash in between shows which of the two it is.
struct intent {
  enum class kind : std::uint8_t { keep = 1, erase = 2 };

  kind what = kind::keep;
  std::uint64_t number = 0; // random, never 0
  std::string merchant;
  std::string account; // empty: its id is made with the entry
  profile data;        // keep
  // erase: the phone keys that were ever the account's, so that nothing of them is left either.
  std::vector<std::string> phone_keys;

  bool operator==(const intent&) const = default;
};

// What is stored under an account.
struct account_record {
  profile data;
  std::vector<std::string> former_phone_keys; // of numbers it had before
};

// A phone's place is a keyed hash, because RocksDB copies keys into files of its own, and so that a stolen list of keys is no list of
// phones.
using salt = std::array<unsigned char, 32>;
std::string phone_key(const salt& secret, std::string_view merchant, std::string_view phone);
std::string account_key(std::string_view merchant, std::string_view account);
std::string intent_key(std::uint64_t number);
inline constexpr std::string_view first_intent_key = "i", after_intent_keys = "j";
inline constexpr std::string_view format_key = "m", purges_key = "z";

// The record that says which format the others have, and the salt.
std::string encode_format(const salt& secret);
result<salt> decode_format(std::string_view bytes);

std::string encode(const account_record& record);
result<account_record> decode_account(std::string_view bytes);

std::string encode(const intent& intent);
result<intent> decode_intent(std::string_view key, std::string_view bytes);

} // namespace tally::personal
