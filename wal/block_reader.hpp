// Reads entries back out of the store, for one thread; keeps the blocks it looked at last.
#pragma once

#include "wal/block_store.hpp"
#include "wal/journal.hpp"
#include "wal/merchant_names.hpp"

#include <array>
#include <vector>

namespace tally::wal {

class block_reader final : public journal_reader {
public:
  // All of them live longer than the reader. Nothing above `owner.durable_seq()` is shown.
  block_reader(const journal& owner, const block_store& store, const merchant_names& names);

  result<const entry*> read(seq_t number) override;
  result<std::span<const entry>> read_group(seq_t first) override;
  result<void> for_each(seq_t from, seq_t to, const visitor& visit) override;
  result<void> for_each_back(seq_t newest, const visitor& visit) override;

private:
  static constexpr std::size_t cached_blocks_max = 8; // an account's last entries often share a few blocks

  struct cached_block {
    seq_t first, last;
    std::string content;

    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(content)); }
    bool holds(seq_t number) const { return number >= first && number <= last; }
  };
  using block_ptr = std::shared_ptr<const cached_block>;

  // Decodes one entry into place `index` of the answer and keeps its block for as long as the answer lives.
  result<void> add_to_answer(seq_t number);
  void clear_answer();
  result<block_ptr> block_of(seq_t number);
  result<block_ptr> load(seq_t number);

  const journal& owner_;
  const block_store& store_;
  merchant_name_cache names_;
  std::array<block_ptr, cached_blocks_max> cache_; // the one used last in front

  // the answer of the last call
  std::vector<entry> entries_;
  std::vector<decode_buffer> buffers_; // one an entry
  std::vector<block_ptr> pinned_;
};

} // namespace tally::wal
