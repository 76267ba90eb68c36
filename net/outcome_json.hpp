// One answer as a JSON line: exactly the fields of SPEC section 12 for its operation. What has no value is null, lists are [].
#pragma once

#include "engine/command.hpp"
#include "net/client.hpp"
#include "net/operation_json.hpp"

#include <string>
#include <string_view>

namespace tally::wire {
struct ledger_entry;
}

namespace tally::net {

// Appends the object, without a line end. `asked` is the account that the operation named, empty if none: answers do not repeat it.
// An answer of a tail has several entries: an object each, a line end between them.
void append_outcome(std::string& out, op kind, std::string_view asked, const answer& answer);
// The same shape for a line that was never sent.
void append_invalid(std::string& out, const operation_problem& problem);
// An entry as `history` shows it, and the line of a tail: the same with its status.
void append_entry(std::string& out, const wire::ledger_entry& entry);
void append_entry_line(std::string& out, const wire::ledger_entry& entry);

// A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_text(std::string& out, std::string_view text);

} // namespace tally::net
