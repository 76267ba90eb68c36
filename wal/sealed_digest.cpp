#include "wal/sealed_digest.hpp"

#include "wal/rocksdb_journal.hpp"

namespace tally::wal {

void digest_sealer::pass(const block_header& block) {
  newest_ = {block.last_seq(), block.hash};
  if (++blocks_ % stride_ != 0)
    return;
  points_.push_back(newest_);
  if (points_.size() < points_max)
    return;
  // every other one goes; those that stay are the multiples of twice the stride
  std::size_t kept = 0;
  for (std::size_t i = 1; i < points_.size(); i += 2)
    points_[kept++] = points_[i];
  points_.resize(kept);
  stride_ *= 2;
}

sealed_digest digest_sealer::seal() const {
  sealed_digest sealed{points_};
  if (newest_.newest && (points_.empty() || points_.back().newest != newest_.newest))
    sealed.points.push_back(newest_);
  return sealed;
}

void seal_check::pass(const block_header& block) {
  reached_ = block.last_seq();
  if (found_ || next_ == sealed_.points.size())
    return;
  const digest& point = sealed_.points[next_];
  if (point.newest > reached_)
    return;
  if (point.newest == reached_ && point.hash == block.hash) {
    ++next_;
    return;
  }
  disagree(point.newest == reached_ ? "the hash at entry " + std::to_string(point.newest.value) + " is another"
                                    : "entry " + std::to_string(point.newest.value) + " does not end a block as it did then");
}

std::optional<seal_check::disagreement> seal_check::end() {
  if (!found_ && next_ != sealed_.points.size())
    disagree("it ends at entry " + std::to_string(reached_.value) + ", and what was sealed went on to entry " +
             std::to_string(sealed_.points.back().newest.value));
  return found_;
}

void seal_check::disagree(const std::string& what) {
  const seq_t agreed = next_ == 0 ? seq_t{} : sealed_.points[next_ - 1].newest;
  found_ = disagreement{agreed.plus(1), std::string(not_as_sealed) + ": it is up to entry " + std::to_string(agreed.value) +
                                            ", and another from an entry of " + std::to_string(agreed.value + 1) + " to " +
                                            std::to_string(sealed_.points[next_].newest.value) + " on: " + what};
}

namespace {

result<void> pass_all(const std::filesystem::path& data_folder, const std::function<void(const block_header&)>& pass,
                      const digest_progress& progress) {
  const auto journal = open_journal_read_only(data_folder);
  if (!journal)
    return journal.error();
  const auto each_block = [&](const block_header& header, std::span<const std::byte>) {
    pass(header);
    return true;
  };
  return (*journal)->replay_blocks(seq_t{1}, each_block, {}, progress);
}

} // namespace

result<sealed_digest> seal_journal(const std::filesystem::path& data_folder, const digest_progress& progress) {
  digest_sealer sealer;
  if (result<void> read = pass_all(
          data_folder, [&](const block_header& block) { sealer.pass(block); }, progress);
      !read)
    return read.error();
  return sealer.seal();
}

result<std::optional<seal_check::disagreement>> check_seal(const std::filesystem::path& data_folder, const sealed_digest& sealed,
                                                           const digest_progress& progress) {
  seal_check check(sealed);
  if (result<void> read = pass_all(
          data_folder, [&](const block_header& block) { check.pass(block); }, progress);
      !read)
    return read.error();
  return check.end();
}

} // namespace tally::wal
