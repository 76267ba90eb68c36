// Cuts a journal's blocks into groups of entries and gives each to the worker that has its account. Reads no more of an entry than whose
// it is; what an entry says is the workers' business. Of the journal's thread.
#pragma once

#include "wal/audit_crew.hpp"
#include "wal/block.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace tally::wal {

class audit_router {
public:
  struct options {
    // Whether the entries of a group belong together (an audit) or each goes by itself (a replay, which decides nothing).
    bool in_groups = true;
    // What is left out; the entry is not decoded then. May be empty.
    std::function<bool(const block_record&)> wanted;
    // Told the first time a merchant's number has its name. May be empty.
    std::function<void(merchant_number, std::string_view)> learned;
  };
  audit_router(audit_crew& crew, options how);

  // Every entry of a block, in order. False, and it is not read further: `stop` said so.
  result<void> block(std::span<const std::byte> block, seq_t last);
  // What is left goes to the workers, and they end.
  void finish();

  std::uint64_t entries() const { return entries_; }
  const std::deque<audited_merchant>& merchants() const { return merchants_; }
  // Null if no entry named it.
  const audited_merchant* merchant_of(merchant_number number) const;
  std::size_t worker_of(std::uint64_t hash) const { return (hash >> 32) % crew_.size(); }

private:
  void see(const block_record& record);
  void see_program(const block_record& record);
  audited_merchant& merchant_of(const block_record& record);
  audited_merchant& merchant_named(std::string_view id);
  void open_group_with(const block_record& record);
  bool continues_group(const block_record& record);
  void close_group();
  bool meets_other_worker(std::size_t worker);
  void make_room(std::size_t bytes);
  void begin_round(std::size_t bytes);
  void find(seq_t number, const std::string& merchant, std::string what);

  audit_crew& crew_;
  const options how_;
  audit_round* round_ = nullptr;
  std::uint64_t entries_ = 0;
  std::deque<audited_merchant> merchants_;
  std::map<std::string, audited_merchant*, std::less<>> by_name_;
  std::unordered_map<merchant_number, audited_merchant*> by_number_;
  merchant_number newest_number_ = 0; // which most entries in a row have
  audited_merchant* newest_ = nullptr;

  std::vector<audit_item> group_; // that is open: the next entry may belong to it
  seq_t group_seq_;
  bool has_transfer_ = false; // or may have
  // where an entry has to be decoded here
  decode_buffer buffer_;
  entry decoded_;
  bytes encoded_;
};

} // namespace tally::wal
