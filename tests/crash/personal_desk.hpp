// Keeps and erases phones and names of members of its own in a server that keeps dying. What was acknowledged is there, what was erased
// is gone; a change whose answer was lost was done as a whole or not at all.
#pragma once

#include "net/client.hpp"

#include <atomic>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace tally::crash {

// Lifecycle: one for a whole run; `run` once for every start of the server. Thread: one at a time.
class personal_desk {
public:
  explicit personal_desk(std::uint64_t seed);

  std::string problem; // the first thing that was wrong
  std::uint64_t enrolled = 0, changed = 0, erased = 0;
  std::uint64_t found_done = 0; // changes that were there although their answer was lost

  // First everything is read, then one change after the other is made until the server goes away or `enough` says so.
  void run(std::uint16_t port, const std::atomic<bool>& enough);
  // Phones and names whose erasure was acknowledged since the last call: no file may hold them.
  std::vector<std::string> take_erased_texts();
  const std::vector<std::string>& all_erased_texts() const { return all_erased_; }
  // One that must be in some file; empty: nobody has any.
  std::string present_text() const;

private:
  struct data {
    std::string phone, name; // empty: none
    bool operator==(const data&) const = default;
  };
  struct member {
    std::string id;
    bool is_enrolled = false;
    data now;
    std::vector<std::string> former_phones, written; // since it was erased last: written is all that may be on disk
  };
  enum class change { none, enroll, keep, erase };

  bool read_all(net::client& client);
  bool read_one(net::client& client, member& whose);
  bool begin_change(net::client& client);
  bool send_change(net::client& client, bool again);
  void done();
  data next_data();
  bool complain(const member& whose, const std::string& what);

  std::mt19937_64 random_;
  std::vector<member> members_;
  std::vector<std::string> erased_texts_, all_erased_;
  std::uint64_t counter_ = 0;
  // the change that has no answer yet
  change pending_ = change::none;
  std::size_t pending_of_ = 0;
  data pending_data_;
};

} // namespace tally::crash
