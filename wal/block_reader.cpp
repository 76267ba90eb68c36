#include "wal/block_reader.hpp"
#include "wal/chain_check.hpp"

#include <algorithm>

namespace tally::wal {
namespace {

failure missing_entry(seq_t number) { return {failure_code::missing, "the journal has no entry " + std::to_string(number.value)}; }

} // namespace

block_reader::block_reader(const journal& owner, const block_store& store, const merchant_names& names)
    : owner_(owner), store_(store), names_(names) {}

result<const entry*> block_reader::read(seq_t number) {
  clear_answer();
  if (result<void> added = add_to_answer(number); !added)
    return added.error();
  return &entries_.front();
}

result<std::span<const entry>> block_reader::read_group(seq_t first) {
  clear_answer();
  if (result<void> added = add_to_answer(first); !added)
    return added.error();
  if (entries_.front().group != first)
    return failure{failure_code::missing, "entry " + std::to_string(first.value) + " does not begin a group"};
  const seq_t durable = owner_.durable_seq();
  for (seq_t next = first.plus(1); next <= durable; next = next.plus(1)) {
    if (result<void> added = add_to_answer(next); !added)
      return added.error();
    if (entries_.back().group != first) {
      entries_.pop_back();
      break;
    }
  }
  return std::span<const entry>(entries_);
}

result<void> block_reader::for_each(seq_t from, seq_t to, const visitor& visit) {
  clear_answer();
  const seq_t begin = std::max(from, seq_t{1});
  const seq_t end = std::min(to, owner_.durable_seq());
  if (begin > end)
    return {};
  decode_buffer buffer;
  chain_check chain(begin);
  bool wanted = true;
  const auto visit_block = [&](const block_store::block& block) -> result<bool> {
    const result<block_header> header = chain.pass(block);
    if (!header)
      return header.error();
    const auto visit_entry = [&](entry& decoded) {
      if (decoded.seq < begin)
        return true;
      if (decoded.merchant_id.empty())
        decoded.merchant_id = names_.find(decoded.merchant);
      wanted = decoded.seq <= end && visit(decoded);
      return wanted;
    };
    if (result<void> visited = for_each_entry(block.bytes, buffer, visit_entry); !visited)
      return visited.error();
    return wanted && header->last_seq() < end;
  };
  return store_.walk(begin, visit_block);
}

result<void> block_reader::for_each_back(seq_t newest, const visitor& visit) {
  for (seq_t number = newest; number;) {
    const result<const entry*> found = read(number);
    if (!found)
      return found.error();
    number = (*found)->prev_seq;
    if (!visit(**found))
      break;
  }
  return {};
}

void block_reader::clear_answer() {
  entries_.clear();
  pinned_.clear();
}

result<void> block_reader::add_to_answer(seq_t number) {
  if (!number || number > owner_.durable_seq())
    return missing_entry(number);
  const result<block_ptr> block = block_of(number);
  if (!block)
    return block.error();
  if (pinned_.empty() || pinned_.back() != *block)
    pinned_.push_back(*block);
  const std::size_t index = entries_.size();
  if (buffers_.size() <= index)
    buffers_.emplace_back();
  entry& decoded = entries_.emplace_back();
  if (result<void> read = read_entry((*block)->bytes(), number, buffers_[index], decoded); !read)
    return read;
  if (decoded.merchant_id.empty())
    decoded.merchant_id = names_.find(decoded.merchant);
  return {};
}

result<block_reader::block_ptr> block_reader::block_of(seq_t number) {
  const auto holds = [number](const block_ptr& cached) { return cached != nullptr && cached->holds(number); };
  auto place = std::find_if(cache_.begin(), cache_.end(), holds);
  if (place == cache_.end()) {
    result<block_ptr> loaded = load(number);
    if (!loaded)
      return loaded;
    place = cache_.end() - 1; // what was used longest ago makes room
    *place = std::move(*loaded);
  }
  std::rotate(cache_.begin(), place, place + 1);
  return cache_.front();
}

result<block_reader::block_ptr> block_reader::load(seq_t number) {
  auto loaded = std::make_shared<cached_block>();
  const result<std::optional<seq_t>> first = store_.find(number, loaded->content);
  if (!first)
    return first.error();
  if (!*first)
    return missing_entry(number);
  const result<block_header> header = verify_checksum(loaded->bytes(), **first);
  if (!header)
    return header.error();
  loaded->first = header->first_seq;
  loaded->last = header->last_seq();
  if (!loaded->holds(number)) // it is durable, so it must be there
    return failure{failure_code::corrupt, "block " + std::to_string(loaded->first.value) + " is followed by a gap: entry " +
                                              std::to_string(number.value) + " is missing"};
  return block_ptr(std::move(loaded));
}

} // namespace tally::wal
