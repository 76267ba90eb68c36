// What a merchant owed its members at some time, by a scan of the whole journal from entry 1: exact for any past time, and the
// shards have nothing to do with it. Who runs it, and one after another: actors/liability_actor.hpp.
#pragma once

#include "actors/directory.hpp"
#include "actors/journal_reads.hpp"
#include "actors/member_id.hpp"

#include <deque>

namespace tally::actors {

// Lifecycle: made for one query, stepped until it is done, then asked for its result once. About 300 bytes an account of the merchant
// in the meantime.
class liability_scan {
public:
  explicit liability_scan(const read_query& query);

  // Reads on for some milliseconds. False: it is at its end, or has failed.
  bool step(wal::journal_reader& journal);
  std::unique_ptr<document> result() const;

private:
  struct member {
    explicit member(std::string_view its_id) : id(its_id) {}
    member_id id;
    account_state state;
  };

  void take(const entry& each);
  member& member_of(std::string_view account);
  void sum(document& shown) const;

  const read_query query_;
  const instant at_;
  seq_t newest_; // counted so far
  bool past_ = false;
  std::string problem_;
  std::deque<member> members_;
  directory<member> by_id_;
};

} // namespace tally::actors
