#include "wal/proof.hpp"

#include "wal/rocksdb_journal.hpp"

#include <algorithm>
#include <string>

namespace tally::wal {
namespace {

failure missing(const std::string& what) { return {failure_code::missing, what}; }
failure refused(const std::string& what) { return {failure_code::corrupt, what}; }

// The first 8 bytes: enough to tell hashes apart in a message.
std::string begin_of(const block_hash& hash) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : std::span(hash).first(8)) {
    text.push_back(digits[std::to_integer<unsigned>(byte) >> 4]);
    text.push_back(digits[std::to_integer<unsigned>(byte) & 15]);
  }
  return text + "...";
}

// Whether `next` may follow a block that ends so; its hash is of no use otherwise.
result<void> check_order(const block_header& before, const block_header& next) {
  if (next.first_seq != before.last_seq().plus(1))
    return refused("entry " + std::to_string(before.last_seq().plus(1).value) + " should come next, and the next block begins with " +
                   std::to_string(next.first_seq.value));
  if (next.first_at < before.last_at)
    return refused("block " + std::to_string(next.first_seq.value) + " is older than the block before it");
  return {};
}

// Reads all entries of the block; gives the one of that number.
result<entry> find_entry(const proof& given, const block_header& header, decode_buffer& buffer) {
  if (given.number < header.first_seq || given.number > header.last_seq())
    return refused("its block has the entries " + std::to_string(header.first_seq.value) + " to " +
                   std::to_string(header.last_seq().value) + ", not " + std::to_string(given.number.value));
  decode_buffer others;
  if (result<void> all = for_each_entry(given.block, others, [](const entry&) { return true; }); !all)
    return all.error();
  entry found;
  if (result<void> read = read_entry(given.block, given.number, buffer, found); !read)
    return read.error();
  bytes record;
  encode(found, record);
  if (record != given.record)
    return refused("entry " + std::to_string(given.number.value) + " of its block has other bytes than the proof says");
  return found;
}

} // namespace

result<proof> audit_prove(const prove_options& options) {
  const auto journal = open_journal_read_only(options.folder);
  if (!journal)
    return journal.error();
  const seq_t newest = (*journal)->newest_digest().newest;
  if (!options.number || options.number > newest)
    return missing("there is no entry " + std::to_string(options.number.value) + ": the journal ends at entry " +
                   std::to_string(newest.value));

  proof made;
  made.number = options.number;
  bool found = false;
  const auto each_block = [&](const block_header& header, std::span<const std::byte> block) {
    if (found)
      return false;
    if (made.block.empty())
      made.block.assign(block.begin(), block.end());
    else
      made.links.push_back(link_of(block));
    made.leads_to = {header.last_seq(), header.hash};
    found = options.against && header.hash == *options.against;
    return true;
  };
  const auto each_entry = [&](const entry& one) {
    if (one.seq == options.number)
      encode(one, made.record);
    return true;
  };
  if (result<void> read = (*journal)->replay_blocks(options.number, each_block, each_entry, options.progress); !read)
    return read.error();
  if (options.against && !found)
    return missing("no block from entry " + std::to_string(options.number.value) + " on has the hash " + begin_of(*options.against));
  return made;
}

result<proven> check_proof(const proof& given, const block_hash& sealed, const std::optional<block_hash>& earlier, decode_buffer& buffer) {
  const result<block_header> first = read_block_header(given.block);
  if (!first)
    return refused("its block " + first.error().what);
  result<block_header> header = verify_block(given.block, first->first_seq);
  if (!header)
    return header.error();
  const result<entry> found = find_entry(given, *header, buffer);
  if (!found)
    return found.error();
  proven made{*found, {header->last_seq(), header->hash}, {}, {}};
  const auto pass = [&](const block_header& passed) {
    made.reached = {passed.last_seq(), passed.hash};
    if (earlier && passed.hash == *earlier)
      made.earlier_at = passed.last_seq();
  };
  pass(*header);
  for (const block_link& link : given.links) {
    const result<block_header> next = follow(made.reached.hash, link);
    if (!next)
      return refused("the block after entry " + std::to_string(made.reached.newest.value) + " " + next.error().what);
    if (result<void> ordered = check_order(*header, *next); !ordered)
      return ordered.error();
    header = next;
    pass(*next);
  }
  if (made.reached.hash != sealed)
    return refused("it leads to the digest " + begin_of(made.reached.hash) + " at entry " + std::to_string(made.reached.newest.value) +
                   ", not to " + begin_of(sealed));
  if (given.leads_to.newest != made.reached.newest || given.leads_to.hash != made.reached.hash)
    return refused("it says that it leads elsewhere than it does");
  if (earlier && !made.earlier_at)
    return refused("it does not pass the earlier digest " + begin_of(*earlier));
  return made;
}

} // namespace tally::wal
