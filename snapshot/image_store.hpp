// Where account images lie: a RocksDB database of its own in DIR/images, whose writes have no log of their own. Everything in it is
// derived from the journal; a folder that is lost is made again by reading the journal from entry 1.
//
// What may be in an image when, and who writes one: actors/snapshotter.hpp.
#pragma once

#include "engine/result.hpp"
#include "snapshot/image_batch.hpp"
#include "snapshot/recovery_point.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rocksdb {
class Env;
}

namespace tally::snapshot {

struct image_store_options {
  std::filesystem::path folder; // made if missing
  bool read_only = false;       // for audits: `missing` where there is nothing
  // Accounts come back all the time: what is written stays in the system's cache, where else it goes by it so that the journal's syncs do
  // not wait for it. Reading from the disk what was just written costs 100 us an account and more (p99 of 20,000/s: 400-600 ms, not
  // 60-160).
  bool is_read_all_the_time = false;
  rocksdb::Env* env = nullptr;              // null: the system's
  std::size_t memtable_bytes = 32ull << 20; // written to a table when full, if no point is finished before
};

// Lifecycle: open, then use. Thread: reads and `hurry` from any at any time; `finish` and `drop_due_before` from one at a time, `write`
// from one at a time, beside them, too.
class image_store {
public:
  // `locked`: somebody else has it. `corrupt` names the folder and what to do.
  static result<std::unique_ptr<image_store>> open(const image_store_options& options);
  ~image_store();
  image_store(const image_store&) = delete;
  image_store& operator=(const image_store&) = delete;

  // The newest point that was finished; nullopt: none yet, read the journal from entry 1.
  const std::optional<recovery_point>& point() const;

  // The account as its newest image has it, over a state that has nothing yet. False: there is none.
  result<bool> read(merchant_number merchant, std::string_view account, account_state& state) const;

  // What the account of that enrolment has spilled under a kind and hash; true from `visit` ends it.
  result<void> find_spilled(seq_t enrolled, spilled_kind kind, std::uint64_t hash, const spilled_visitor& visit) const;
  // The lots of a piece that the account has spilled.
  result<std::vector<lot>> read_lots(seq_t enrolled, const lot_piece& piece) const;
  // All that it has spilled but lots.
  result<void> for_each_spilled(seq_t enrolled, const spilled_visitor& visit) const;

  // Accounts whose image says that something falls due from `from` up to `to`, both in, by time; false from `visit` ends it. One that is
  // visited may have changed since: its own state says what is due.
  using due_visitor = std::function<bool(merchant_number merchant, std::string_view account, instant due)>;
  result<void> for_each_due(instant from, instant to, const due_visitor& visit) const;

  // Keys (snapshot/image_batch.hpp) that part all images into ranges of about one size, so that they can be read side by side; `count`
  // ranges at most. The first begins before the first of the keys.
  std::vector<std::string> range_limits(std::size_t count) const;
  // Every image whose key is not below `begin`, and below `end` where that is not empty, by merchant and account; false ends it.
  using note_visitor = std::function<bool(std::string_view key, const image_note& note)>;
  result<void> for_each_note(std::string_view begin, std::string_view end, const note_visitor& visit) const;

  // Can be read when it returns; on disk once `finish` has returned. The journal must be durable up to `batch.newest()`.
  result<void> write(const image_batch& batch);
  // Everything that was written before reaches the disk, and then the point.
  result<void> finish(const recovery_point& point);
  // Whether what is flushed keeps no pace from now on: nobody else needs the disk, or somebody waits for it.
  void hurry(bool hurries);
  // Whoever had something due before `before` has had it, and has an image that says so.
  result<void> drop_due_before(instant before);

private:
  struct impl;
  explicit image_store(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace tally::snapshot
