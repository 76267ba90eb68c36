// Reads everything back from a server and compares it with what was acknowledged. Each answers with nothing, or with what is wrong.
#pragma once

#include "net/client.hpp"
#include "tests/crash/expected_account.hpp"
#include "tests/crash/worker.hpp"

#include <cstdint>
#include <deque>
#include <string>

namespace tally::crash {

// Every reference that was acknowledged is in the account's history exactly once, and nothing else is; balances are the sum of the entries.
std::string read_back_account(net::client& client, const expected_account& member);

// The review list shows what is open, all of it and nothing else.
std::string read_back_reviews(net::client& client, std::uint64_t open);

// Both, of all accounts of workers that know the answer to everything they sent.
std::string read_back(net::client& client, const std::deque<worker>& workers);

} // namespace tally::crash
