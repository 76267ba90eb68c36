// What `tally archive` asks of who has the store open, a server or itself: to keep only what begins at an entry, because everything before
// it is archived. A file beside the archive, which outlives both of them; it is answered by being removed. docs/formats/handover.md.
#pragma once

#include "wal/segment_archive.hpp"

#include <functional>
#include <optional>
#include <string>

namespace tally::wal {

// One process asks at a time, and one answers: who has the archive's lock, and who has the store open.
class handover_file {
public:
  explicit handover_file(archive_location where) : where_(std::move(where)) {}

  result<bool> is_there() const;
  // Where the store is to begin. The failure says why that is no request.
  result<segment_archive::boundary> read() const;
  // Replaces an older one; on disk when it returns.
  result<void> write(const segment_archive::boundary& kept) const;

  // The answers, on disk when they return.
  result<void> remove() const;
  result<void> refuse(const std::string& why) const;
  // Why the last request was refused, once; nullopt: it was not.
  result<std::optional<std::string>> take_refusal() const;

private:
  std::filesystem::path request() const { return where_.own() / "handover"; }
  std::filesystem::path refusal() const { return where_.own() / "handover.refused"; }

  const archive_location where_;
};

// Believes nothing the request says: the store has a block that begins there with that hash before it, on disk since `durable`, and the
// archive has everything before it; what the store itself has of that is read in full. After each block of it `go_on` says whether to.
// Where the store may begin; nullopt: told to stop. The failure is why it may not.
result<std::optional<seq_t>> check_handover(const archive_location& where, const block_store& store, seq_t durable,
                                            const std::function<bool(std::uint64_t block_bytes)>& go_on);

} // namespace tally::wal
