// Says what came over the wire in the words of history_words.hpp, so that it can be compared with what the slow model foresaw.
#pragma once

#include "engine/names.hpp"

#include <string>

namespace tally::net {
struct answer;
}

namespace tally::model {

// Every field of the answer to an operation of this kind. `asked_account`: the request had one, and need not be told.
std::string said(op kind, bool asked_account, const net::answer& answer);

} // namespace tally::model
