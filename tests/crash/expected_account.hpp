// What one account must look like after what was acknowledged, as the killer keeps it outside of the server.
#pragma once

#include "engine/command.hpp"
#include "engine/outcome.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tally::crash {

// One operation as it was sent, and again if need be.
struct sent {
  op kind = op::none;
  std::size_t account = 0;
  std::size_t to = 0; // transfer
  std::string order, reference;
  money_t total;
  std::int64_t points = 0;
  bool whole = false;
  seq_t review;                    // approve, reject
  std::uint32_t version_floor = 0; // the rules that were acknowledged when it was sent first

  std::string key() const {
    const std::string& own = review ? std::to_string(review.value) : reference.empty() ? order : reference;
    return std::string(name_of(kind)) + "/" + own;
  }
};

// An answer that says the operation was done, as one account sees it.
struct done {
  sent what;
  outcome answer;
  bool is_receiver = false; // of a transfer

  seq_t seq() const { return is_receiver ? answer.seq.plus(1) : answer.seq; }
};

// An earn that waits for a person, or a reservation that waits to be captured.
struct waiting {
  sent what;
  seq_t seq;
};

struct expected_account {
  std::string id;
  std::int64_t available = 0, reserved = 0, lifetime = 0;
  std::uint64_t last_seq = 0;
  std::map<std::string, std::uint64_t> counted; // key -> seq of what was acknowledged as done
  std::map<std::string, std::uint64_t> entries; // kind/reference -> group of what is in the journal then
  std::vector<sent> earns;
  std::vector<waiting> held, reserving; // acknowledged; decided or not
  std::map<std::uint64_t, sent> open;   // held and not decided, by review
  std::vector<done> resent;             // answers to what was sent again, until all of it is answered
};

struct totals {
  std::uint64_t acknowledged = 0, ok = 0, duplicate = 0, refused = 0, found_done = 0, sent_again = 0;
  std::uint64_t transfers = 0, transfers_found_done = 0, captures = 0, decided_reviews = 0;

  totals& operator+=(const totals& more);
};

} // namespace tally::crash
