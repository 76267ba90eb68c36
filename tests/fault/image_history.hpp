// A short life of a store of account images on a disk in memory, and the check of what a fault leaves of it.
//
// Batches of images, with what is spilled and what falls due, recovery points, and due times that are dropped. After a fault the store must
// hold what it held after some of its operations, all of it and nothing else: none before the last recovery point that was finished, and
// none that was not asked for yet.
#pragma once

#include "snapshot/image_store.hpp"
#include "tests/fault/fault_file_system.hpp"
#include "tests/fault/recorded_life.hpp"

#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace tally::fault {

inline const std::string images_name = "/disk/images";

snapshot::image_store_options image_options_on(const fault_disk& disk, bool read_only = false);
// A table list that is torn: RocksDB opens in no mode with one. The store says that it can be made again without its folder.
bool is_torn_list(const failure& why);

// Everything that a store holds, read from it in every way there is, as lines of text; a failure names what cannot be read.
result<std::string> text_of(const snapshot::image_store& store);

// What was written, by the same lines.
class expected_images {
public:
  // Some accounts with new entries, some of them with something spilled or due.
  snapshot::image_batch make_batch(std::mt19937_64& random);
  snapshot::recovery_point make_point();
  instant drop_some_due(std::mt19937_64& random);
  std::string text() const;

private:
  std::uint64_t seq_ = 100;
  std::map<std::string, std::string> images_; // lines, by account
  std::set<std::pair<std::int64_t, std::string>> dues_;
  std::set<std::string> spilled_;
  std::string point_;
};

using recorded_images = recorded_life<expected_images>;

// Lifecycle: open, play, then recorded. An operation that fails is said, and the others fail after it.
class living_images {
public:
  // `begin`: what is in it already.
  explicit living_images(const disk_content& before, expected_images begin = {});

  fault_disk& disk() { return disk_; }
  result<void> open();
  // So many operations; ends with the first that fails.
  result<void> play(std::uint32_t operations, std::mt19937_64& random, bool drops_due = true);
  result<void> finish();
  result<void> write(std::mt19937_64& random);
  void lose_power();
  recorded_images recorded() const;

private:
  result<void> drop_due(std::mt19937_64& random);
  result<void> begin(expected_images after, const std::function<result<void>()>& operation, bool is_kept);

  const disk_content before_;
  fault_disk disk_;
  std::vector<recorded_images::step> steps_;
  std::unique_ptr<snapshot::image_store> store_;
};

struct found_images {
  std::string problem;     // empty: as promised
  bool is_refused = false; // its list of tables is torn, which is said; without the folder it opens
  std::size_t step = 0;
};
// Opens the store on that disk and reads all of it; it must be as after one of the steps from `kept` to `begun`. With `and_goes_on` it
// finishes one more point, which must be there when it is opened again.
found_images check_images(const disk_content& content, const recorded_images& life, std::size_t kept, std::size_t begun, bool and_goes_on);

} // namespace tally::fault
