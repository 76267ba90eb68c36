// What an operation must look like before anybody looks at a balance: fields required and allowed, forms of ids and texts,
// ranges of numbers (SPEC sections 4 and 11). Needs no state; what depends on the ledger is decided there.
#pragma once

#include "engine/command.hpp"

#include <string>
#include <string_view>

namespace tally::net {

// What is wrong, and in `where` the field (a path such as `lines[0].amount`); nullptr if nothing is.
const char* check_operation(const command& operation, std::string& where);

// A merchant's id: 1-64 bytes of [A-Za-z0-9._-].
bool is_merchant_id(std::string_view text);
// At most `bytes_max` bytes of valid UTF-8 without control characters.
bool is_plain_text(std::string_view text, std::size_t bytes_max);

} // namespace tally::net
