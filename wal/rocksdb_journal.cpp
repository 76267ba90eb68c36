#include "wal/rocksdb_journal.hpp"
#include "wal/block_reader.hpp"
#include "wal/chain_check.hpp"
#include "wal/commit_loop.hpp"
#include "wal/handover_taker.hpp"
#include "wal/journal_folder.hpp"
#include "wal/merchant_names.hpp"

#include <limits>
#include <optional>

namespace tally::wal {
namespace {

constexpr std::uint64_t entries_between_progress = 1u << 16;

class opened_rocksdb_journal final : public rocksdb_journal {
public:
  opened_rocksdb_journal(const journal_options& options, opened_journal opened, const digest& newest)
      : options_(options), mark_(std::move(opened.mark)), store_(std::move(opened.store)), newest_(newest) {}

  result<void> replay(seq_t from, const journal_reader::visitor& visit, const std::function<void(seq_t)>& progress) override {
    return replay_blocks(from, {}, visit, progress);
  }
  result<void> replay_blocks(seq_t from, const block_visitor& each_block, const journal_reader::visitor& visit,
                             const std::function<void(seq_t)>& progress) override;

  void start(std::uint32_t shard_count, std::function<void(seq_t durable)> on_durable) override {
    TALLY_ASSERT(!options_.read_only && !loop_);
    loop_.emplace(options_, *store_, mark_, newest_, shard_count, std::move(on_durable));
    if (disk(options_.env).is_the_machines())
      taker_.emplace(options_, *store_, [this] { return loop_->durable_seq(); });
  }
  void append(std::uint32_t shard, const batch& ready) override { loop_->append(shard, ready); }
  seq_t durable_seq() const override { return loop_ ? loop_->durable_seq() : newest_.newest; }
  digest newest_digest() const override { return loop_ ? loop_->newest_digest() : newest_; }
  result<void> must_hold(const digest& noted) const override;
  std::unique_ptr<journal_reader> make_reader() override { return std::make_unique<block_reader>(*this, *store_, names_); }
  void learn_merchant(merchant_number number, std::string_view name) override {
    const bool is_its_name = names_.learn(number, name);
    TALLY_ASSERT(is_its_name, number);
  }
  void stop() override {
    if (taker_)
      taker_->stop();
    if (loop_)
      loop_->stop();
  }
  journal_timings timings() const override { return loop_ ? loop_->timings() : journal_timings(); }

private:
  const journal_options options_;
  high_water_mark mark_;
  std::unique_ptr<block_store> store_;
  merchant_names names_;
  const digest newest_; // when it was opened
  std::optional<commit_loop> loop_;
  std::optional<handover_taker> taker_; // of what `tally archive` asks for
};

// The newest block, verified: what the next one is chained to.
result<digest> newest_of(const block_store& store) {
  std::string content;
  const result<std::optional<seq_t>> first = store.find({std::numeric_limits<std::uint64_t>::max()}, content);
  if (!first)
    return first.error();
  if (!*first)
    return digest{};
  const result<block_header> header = verify_block(std::as_bytes(std::span(content)), **first);
  if (!header)
    return header.error();
  return digest{header->last_seq(), header->hash};
}

failure behind_mark(seq_t newest, seq_t acknowledged) {
  return {failure_code::corrupt, "it ends at entry " + std::to_string(newest.value) + ", and entries up to " +
                                     std::to_string(acknowledged.value) + " were acknowledged: what is between them is missing"};
}

failure not_what_was_acknowledged(seq_t acknowledged) {
  return {failure_code::corrupt, "the block that ends at entry " + std::to_string(acknowledged.value) +
                                     " is not the one that was acknowledged: its hash is another"};
}

result<std::unique_ptr<rocksdb_journal>> open_checked(const journal_options& options, const journal_folder& folder) {
  result<opened_journal> opened = open_journal_folder(folder, options.read_only);
  if (!opened)
    return opened.error();
  const result<digest> newest = newest_of(*opened->store);
  if (!newest)
    return newest.error();
  const seq_t acknowledged = opened->mark.newest();
  if (newest->newest < acknowledged)
    return behind_mark(newest->newest, acknowledged);
  const bool ends_at_mark = newest->newest == acknowledged;
  if (ends_at_mark && newest->hash != opened->mark.hash())
    return not_what_was_acknowledged(acknowledged);
  return std::unique_ptr<rocksdb_journal>(std::make_unique<opened_rocksdb_journal>(options, std::move(*opened), *newest));
}

} // namespace

result<std::unique_ptr<rocksdb_journal>> rocksdb_journal::open(const journal_options& options) {
  const journal_folder folder{options.folder, {disk(options.env), options.memtable_bytes}};
  auto opened =
      options.read_only ? read_beside_server(folder, [&] { return open_checked(options, folder); }) : open_checked(options, folder);
  if (!opened)
    return folder.explain(opened.error());
  if (options.read_only)
    return opened;
  const result<std::uint64_t> left = folder.with.on.free_bytes(options.folder);
  if (!left)
    return folder.explain(left.error());
  if (*left < options.free_bytes_min)
    return folder.explain({failure_code::io, "the disk is nearly full: " + std::to_string(*left >> 20) + " MB are left and " +
                                                 std::to_string(options.free_bytes_min >> 20) + " MB must be"});
  return opened;
}

result<std::unique_ptr<rocksdb_journal>> open_journal_read_only(const std::filesystem::path& data_folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(data_folder / "journal", ignored))
    return failure{failure_code::missing, data_folder.string() + " is not a data folder: it has no journal"};
  journal_options options;
  options.folder = data_folder / "journal";
  options.read_only = true;
  return rocksdb_journal::open(options);
}

namespace {

// One replay: checks block after block, shows their entries, learns the merchants' names.
class replay_pass {
public:
  replay_pass(seq_t from, const high_water_mark& mark, merchant_names& names, const rocksdb_journal::block_visitor& each_block,
              const journal_reader::visitor& visit, const std::function<void(seq_t)>& progress)
      : from_(from), mark_(mark), names_(names), known_names_(names), each_block_(each_block), visit_(visit), progress_(progress),
        chain_(from) {}

  // Whether to go on.
  result<bool> block(const block_store::block& block) {
    const result<block_header> header = chain_.pass(block);
    if (!header)
      return header.error();
    if (header->last_seq() == mark_.newest())
      mark_was_passed_ = true;
    if (header->last_seq() == mark_.newest() && header->hash != mark_.hash())
      return not_what_was_acknowledged(mark_.newest());
    wanted_ = !each_block_ || each_block_(*header, block.bytes);
    if (!wanted_)
      return false;
    if (visit_) {
      if (result<void> shown = for_each_entry(block.bytes, buffer_, [this](entry& decoded) { return show(decoded); }); !shown)
        return shown.error();
      if (!failed_)
        return failed_.error();
    }
    if (progress_ && header->last_seq().value - progress_at_.value >= entries_between_progress) {
      progress_at_ = header->last_seq();
      progress_(progress_at_);
    }
    return wanted_;
  }

  // After the last block: is everything there that was acknowledged?
  result<void> end() const {
    if (!wanted_ || mark_.newest() < from_ || mark_was_passed_)
      return {};
    if (chain_.newest() < mark_.newest())
      return behind_mark(chain_.newest(), mark_.newest());
    return failure{failure_code::corrupt, "entry " + std::to_string(mark_.newest().value) +
                                              ", the newest that was acknowledged, does not end a block as it did then"};
  }

private:
  bool show(entry& decoded) {
    if (decoded.seq < from_)
      return true;
    if (decoded.merchant_id.empty())
      decoded.merchant_id = known_names_.find(decoded.merchant);
    else if (!names_.learn(decoded.merchant, decoded.merchant_id))
      failed_ = failure{failure_code::corrupt, "entry " + std::to_string(decoded.seq.value) + " gives merchant " +
                                                   std::to_string(decoded.merchant) + " another name"};
    wanted_ = failed_ && visit_(decoded);
    return wanted_;
  }

  const seq_t from_;
  const high_water_mark& mark_;
  merchant_names& names_;
  merchant_name_cache known_names_;
  const rocksdb_journal::block_visitor& each_block_;
  const journal_reader::visitor& visit_;
  const std::function<void(seq_t)>& progress_;
  chain_check chain_;
  decode_buffer buffer_;
  bool wanted_ = true;
  bool mark_was_passed_ = false;
  result<void> failed_;
  seq_t progress_at_;
};

result<void> opened_rocksdb_journal::must_hold(const digest& noted) const {
  const auto refuse = [&](const std::string& what) { return journal_folder{options_.folder}.explain({failure_code::corrupt, what}); };
  const std::string number = std::to_string(noted.newest.value);
  if (!noted.newest)
    return {};
  if (noted.newest > newest_.newest)
    return refuse("it ends at entry " + std::to_string(newest_.newest.value) + ", and it had entry " + number + " once");
  std::string content;
  const result<std::optional<seq_t>> first = store_->find(noted.newest, content);
  if (!first)
    return journal_folder{options_.folder}.explain(first.error());
  if (!*first)
    return refuse("entry " + number + " is missing");
  const result<block_header> header = verify_block(std::as_bytes(std::span(content)), **first);
  if (!header)
    return journal_folder{options_.folder}.explain(header.error());
  if (header->last_seq() != noted.newest || header->hash != noted.hash)
    return refuse("the block that ends at entry " + number + " is another than it was once");
  return {};
}

result<void> opened_rocksdb_journal::replay_blocks(seq_t from, const block_visitor& each_block, const journal_reader::visitor& visit,
                                                   const std::function<void(seq_t)>& progress) {
  TALLY_ASSERT(!loop_);
  const seq_t begin = std::max(from, seq_t{1});
  if (begin == newest_.newest.plus(1))
    return {};
  if (begin > newest_.newest)
    return journal_folder{options_.folder}.explain(behind_mark(newest_.newest, {begin.value - 1}));
  replay_pass pass(begin, mark_, names_, each_block, visit, progress);
  result<void> done = store_->walk(begin, [&pass](const block_store::block& block) { return pass.block(block); });
  if (done)
    done = pass.end();
  if (!done)
    return journal_folder{options_.folder}.explain(done.error());
  return {};
}

} // namespace

} // namespace tally::wal
