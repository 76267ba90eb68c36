// A digest that is kept outside: the newest entry's number and its chain hash, and the same of some blocks before it, so that a journal
// which is not the sealed one any more tells from where on. Its file: docs/formats/sealed_digest.md, net/cli_digest.cpp.
#pragma once

#include "wal/journal.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tally::wal {

// What a disagreement begins with.
inline constexpr const char* not_as_sealed = "the journal is not the one that was sealed";

struct sealed_digest {
  std::vector<digest> points; // ends of blocks, by rising seq; the last is what is sealed
};

// Picks the points while a journal's blocks pass: all of few, evenly spread ones of many.
class digest_sealer {
public:
  static constexpr std::size_t points_max = 256;

  void pass(const block_header& block);
  sealed_digest seal() const;

private:
  std::vector<digest> points_;
  digest newest_;
  std::uint64_t blocks_ = 0;
  std::uint64_t stride_ = 1; // every so manieth block is a point
};

// Checks while a journal's blocks pass that it begins with what was sealed. One use.
class seal_check {
public:
  explicit seal_check(const sealed_digest& sealed) : sealed_(sealed) {}

  void pass(const block_header& block);
  // After the last block. What is wrong, and from which entry on the journal may be another.
  struct disagreement {
    seq_t from;
    std::string what;
  };
  std::optional<disagreement> end();

private:
  void disagree(const std::string& what);

  const sealed_digest& sealed_;
  std::size_t next_ = 0; // of the points
  seq_t reached_;
  std::optional<disagreement> found_;
};

// Reads the whole journal, checks its hashes and decodes nothing.
using digest_progress = std::function<void(seq_t reached)>; // may be empty
result<sealed_digest> seal_journal(const std::filesystem::path& data_folder, const digest_progress& progress);
// The same; nullopt: the journal begins with what was sealed.
result<std::optional<seal_check::disagreement>> check_seal(const std::filesystem::path& data_folder, const sealed_digest& sealed,
                                                           const digest_progress& progress);

} // namespace tally::wal
