#include "snapshot/image_store.hpp"

#include "database/folder.hpp"
#include "database/strict_options.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <set>
#include <utility>

namespace tally::snapshot {

namespace {

namespace fs = std::filesystem;

constexpr double memtable_filter_ratio = 0.05;
constexpr std::size_t read_cache_bytes = 64ull << 20;
constexpr double filter_bits_per_key = 10; // accounts that are enrolled are asked for first
// Flushes and compactions share the disk with the journal: at an even pace they are not felt there.
constexpr std::int64_t background_bytes_per_second = 48ll << 20;
constexpr std::int64_t unpaced_bytes_per_second = 16ll << 30;
// Files go in steps: unlinking one of 64 MB at once blocks the journal's syncs for about 100 ms.
constexpr std::int64_t delete_bytes_per_second = 64ll << 20;
constexpr std::uint64_t delete_step_bytes = 1ull << 20;
constexpr double trash_without_bound = 1e9;

constexpr std::string_view point_key = "point";
constexpr std::size_t due_bytes = 8;
constexpr std::size_t spilled_prefix_bytes = 8 + 1 + 8; // enrolment, kind, hash: what is looked for
constexpr std::size_t spilled_key_bytes = spilled_prefix_bytes + 8;
constexpr auto lots_kind = static_cast<spilled_kind>(0xff); // behind all others, with the piece's number in the place of a hash

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

void append_big_endian(std::string& key, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8)
    key += static_cast<char>(value >> shift & 0xff);
}

std::uint64_t big_endian(std::string_view key) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i)
    value = value << 8 | static_cast<unsigned char>(key[i]);
  return value;
}

// Big endian and without a sign, so that the order of keys is the order of times.
std::string due_prefix(instant due) {
  std::string key;
  append_big_endian(key, static_cast<std::uint64_t>(due.us) ^ 1ull << 63);
  return key;
}

instant due_of(std::string_view key) { return {static_cast<std::int64_t>(big_endian(key) ^ 1ull << 63)}; }

std::string spilled_prefix(seq_t enrolled, spilled_kind kind, std::uint64_t hash) {
  std::string key;
  append_big_endian(key, enrolled.value);
  key += static_cast<char>(kind);
  append_big_endian(key, hash);
  return key;
}

std::string spilled_key(seq_t enrolled, const spilled_record& record) {
  std::string key = spilled_prefix(enrolled, record.kind, record.hash);
  append_big_endian(key, record.number);
  return key;
}

// The numbers of a record's value, in their order; `visit` may write them.
template <class Record, class Visitor>
void for_each_number(Record& record, Visitor&& visit) {
  switch (record.kind) {
  case spilled_kind::order:
    visit(record.facts.earned.value);
    visit(record.facts.total.units);
    visit(record.facts.dated.us);
    break;
  case spilled_kind::refund:
    visit(record.refund.refunded.units);
    visit(record.refund.restoring.units);
    visit(record.refund.taken.value);
    visit(record.refund.expired_counted.value);
    visit(record.refund.newest.value);
    visit(record.refund.cancelled);
    break;
  case spilled_kind::undone:
  case spilled_kind::expired:
    visit(record.seq.value);
    visit(record.points.value);
    break;
  case spilled_kind::captured:
    visit(record.seq.value);
    break;
  default: // a reference
    break;
  }
}

std::string spilled_value(const spilled_record& record) {
  std::string value;
  for_each_number(record, [&](auto number) { append_big_endian(value, static_cast<std::uint64_t>(number)); });
  return value;
}

std::optional<spilled_record> read_spilled(std::string_view key, std::string_view value) {
  if (key.size() != spilled_key_bytes)
    return std::nullopt;
  spilled_record record;
  record.kind = static_cast<spilled_kind>(key[8]);
  record.hash = big_endian(key.substr(9));
  record.number = big_endian(key.substr(spilled_prefix_bytes));
  std::size_t numbers = 0;
  for_each_number(record, [&](auto& number) {
    if (value.size() >= 8 * ++numbers)
      number = static_cast<std::remove_reference_t<decltype(number)>>(big_endian(value.substr(8 * (numbers - 1))));
  });
  if (value.size() != 8 * numbers)
    return std::nullopt;
  if (record.kind == spilled_kind::order)
    record.facts.seq = {record.number};
  if (record.kind == spilled_kind::refund)
    record.refund.hash = record.hash;
  return record;
}

std::string lots_key(seq_t enrolled, std::uint32_t number) {
  std::string key = spilled_prefix(enrolled, lots_kind, number);
  append_big_endian(key, 0);
  return key;
}

bool is_lots(std::string_view key) { return key.size() == spilled_key_bytes && static_cast<spilled_kind>(key[8]) == lots_kind; }

rocksdb::Env* env_of(const image_store_options& wanted) { return wanted.env != nullptr ? wanted.env : rocksdb::Env::Default(); }

rocksdb::DBOptions database_options(const image_store_options& wanted) {
  rocksdb::DBOptions options;
  options.env = env_of(wanted);
  options.create_if_missing = options.create_missing_column_families = true;
  database::make_strict(options);
  options.atomic_flush = true; // there is no log: what is flushed is flushed of everything
  options.avoid_flush_during_shutdown = true;
  options.max_background_jobs = 2;
  if (wanted.env == nullptr && !wanted.read_only) {
    options.use_direct_io_for_flush_and_compaction = !wanted.is_read_all_the_time;
    options.bytes_per_sync = 1u << 20; // where direct writes are not made, or do not work
    rocksdb::Status status;
    options.sst_file_manager.reset(rocksdb::NewSstFileManager(options.env, nullptr, "", delete_bytes_per_second, true, &status,
                                                              trash_without_bound, delete_step_bytes));
  }
  options.rate_limiter.reset(rocksdb::NewGenericRateLimiter(background_bytes_per_second));
  return options;
}

rocksdb::ColumnFamilyOptions family_options(std::size_t memtable_bytes, std::size_t prefix_bytes = 0) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memtable_bytes;
  options.max_write_buffer_number = 4;
  options.target_file_size_base = memtable_bytes;
  options.memtable_whole_key_filtering = true; // most who are asked for lie deeper
  options.memtable_prefix_bloom_size_ratio = memtable_filter_ratio;
  options.compression = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.checksum = rocksdb::kXXH3;
  table.block_cache = rocksdb::NewLRUCache(read_cache_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(filter_bits_per_key));
  table.format_version = 5;
  if (prefix_bytes != 0) {
    options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(prefix_bytes));
    table.whole_key_filtering = false;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

bool direct_io_is_refused(const rocksdb::Status& status) { return status.IsInvalidArgument() || status.IsNotSupported(); }

} // namespace

struct image_store::impl {
  fs::path folder;
  std::unique_ptr<rocksdb::DB> db;
  std::unique_ptr<rocksdb::ColumnFamilyHandle> images, dues, points, spilled;
  std::optional<recovery_point> newest;
  std::shared_ptr<rocksdb::RateLimiter> pace; // of flushes and compactions
  std::atomic<bool> hurries = false;

  ~impl() {
    spilled.reset();
    points.reset();
    dues.reset();
    images.reset();
  }

  failure failed(const std::string& doing, const rocksdb::Status& status) const {
    const bool is_locked = status.IsIOError() && status.ToString().find("LOCK") != std::string::npos;
    if (is_locked)
      return {failure_code::locked, "another server has " + folder.string() + " (" + status.ToString() + ")"};
    const bool is_damage = !status.IsIOError() || status.IsPathNotFound(); // a file that another one names
    return !is_damage ? failure{failure_code::io, "account images " + folder.string() + ": " + doing + ": " + status.ToString()}
                      : damaged(doing + ": " + status.ToString());
  }
  failure damaged(const std::string& what) const {
    return {failure_code::corrupt, "account images " + folder.string() + ": " + what +
                                       ". They are derived from the journal: without the folder the next start reads all of it and makes "
                                       "them again"};
  }

  result<void> open(const image_store_options& wanted) {
    folder = wanted.folder;
    rocksdb::DBOptions options = database_options(wanted);
    std::vector<rocksdb::ColumnFamilyDescriptor> families{{rocksdb::kDefaultColumnFamilyName, family_options(wanted.memtable_bytes)},
                                                          {"due", family_options(wanted.memtable_bytes)},
                                                          {"point", family_options(wanted.memtable_bytes)},
                                                          {"spilled", family_options(wanted.memtable_bytes, spilled_prefix_bytes)}};
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    const auto try_to_open = [&] {
      return wanted.read_only ? rocksdb::DB::OpenForReadOnly(options, folder.string(), families, &handles, &opened)
                              : rocksdb::DB::Open(options, folder.string(), families, &handles, &opened);
    };
    rocksdb::Status status = try_to_open();
    if (direct_io_is_refused(status) && options.use_direct_io_for_flush_and_compaction) {
      options.use_direct_io_for_flush_and_compaction = false;
      status = try_to_open();
    }
    if (!status.ok())
      return failed("opening", status);
    db.reset(opened);
    pace = options.rate_limiter;
    images.reset(handles[0]);
    dues.reset(handles[1]);
    points.reset(handles[2]);
    spilled.reset(handles[3]);
    return read_point();
  }

  result<void> read_point() {
    std::string value;
    const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), points.get(), slice(point_key), &value);
    if (status.IsNotFound())
      return {};
    if (!status.ok())
      return failed("reading the recovery point", status);
    newest = decode_point(value);
    if (!newest)
      return damaged("the recovery point does not verify");
    return {};
  }

  result<void> write(rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    if (const rocksdb::Status status = db->Write(options, &batch); !status.ok())
      return failed("writing", status);
    return {};
  }

  result<void> visit_spilled(const rocksdb::ReadOptions& options, const std::string& prefix, const spilled_visitor& visit) const {
    const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(options, spilled.get()));
    for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next()) {
      if (is_lots(view(at->key())))
        break;
      const std::optional<spilled_record> record = read_spilled(view(at->key()), view(at->value()));
      if (!record)
        return damaged("what account " + std::to_string(big_endian(prefix)) + " has spilled does not verify");
      if (visit(*record))
        return {};
    }
    if (!at->status().ok())
      return failed("reading what was spilled", at->status());
    return {};
  }

  result<void> flush(const std::vector<rocksdb::ColumnFamilyHandle*>& families) {
    rocksdb::FlushOptions options;
    options.allow_write_stall = true;
    if (const rocksdb::Status status = db->Flush(options, families); !status.ok())
      return failed("flushing", status);
    return {};
  }
};

image_store::image_store(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
image_store::~image_store() = default;

result<std::unique_ptr<image_store>> image_store::open(const image_store_options& options) {
  rocksdb::Env& env = *env_of(options);
  if (options.read_only && !env.FileExists((options.folder / "CURRENT").string()).ok())
    return failure{failure_code::missing, "there are no account images in " + options.folder.string()};
  if (!options.read_only)
    if (const rocksdb::Status made = database::make_folder(env, options.folder); !made.ok())
      return failure{failure_code::io, "making " + options.folder.string() + ": " + made.ToString()};
  auto state = std::make_unique<impl>();
  if (result<void> opened = state->open(options); !opened)
    return opened.error();
  return std::unique_ptr<image_store>(new image_store(std::move(state)));
}

void image_store::hurry(bool hurries) {
  if (impl_->hurries.exchange(hurries) != hurries)
    impl_->pace->SetBytesPerSecond(hurries ? unpaced_bytes_per_second : background_bytes_per_second);
}

const std::optional<recovery_point>& image_store::point() const { return impl_->newest; }

result<bool> image_store::read(merchant_number merchant, std::string_view account, account_state& state) const {
  rocksdb::PinnableSlice value;
  const std::string key = image_key(merchant, account);
  const rocksdb::Status status = impl_->db->Get(rocksdb::ReadOptions(), impl_->images.get(), slice(key), &value);
  if (status.IsNotFound())
    return false;
  const auto whose = [&] { return "the image of account " + std::string(account) + " of merchant " + std::to_string(merchant); };
  if (!status.ok())
    return impl_->failed("reading " + whose(), status);
  if (!decode_image(view(value), state) || state.merchant != merchant)
    return impl_->damaged(whose() + " does not verify");
  return true;
}

result<void> image_store::find_spilled(seq_t enrolled, spilled_kind kind, std::uint64_t hash, const spilled_visitor& visit) const {
  rocksdb::ReadOptions options;
  options.prefix_same_as_start = true;
  return impl_->visit_spilled(options, spilled_prefix(enrolled, kind, hash), visit);
}

result<void> image_store::for_each_spilled(seq_t enrolled, const spilled_visitor& visit) const {
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  std::string begin;
  append_big_endian(begin, enrolled.value);
  return impl_->visit_spilled(options, begin, visit);
}

result<std::vector<lot>> image_store::read_lots(seq_t enrolled, const lot_piece& piece) const {
  const auto which = [&] { return "piece " + std::to_string(piece.number) + " of the lots of account " + std::to_string(enrolled.value); };
  rocksdb::PinnableSlice value;
  const std::string key = lots_key(enrolled, piece.number);
  const rocksdb::Status status = impl_->db->Get(rocksdb::ReadOptions(), impl_->spilled.get(), slice(key), &value);
  if (!status.ok() && !status.IsNotFound())
    return impl_->failed("reading " + which(), status);
  std::vector<lot> lots;
  if (!status.ok() || !decode_lots(view(value), piece, lots))
    return impl_->damaged(which() + (status.ok() ? " does not verify" : " is missing"));
  return lots;
}

result<void> image_store::for_each_due(instant from, instant to, const due_visitor& visit) const {
  const std::unique_ptr<rocksdb::Iterator> at(impl_->db->NewIterator(rocksdb::ReadOptions(), impl_->dues.get()));
  for (at->Seek(slice(due_prefix(from))); at->Valid(); at->Next()) {
    const std::string_view key = view(at->key());
    if (key.size() <= due_bytes + key_merchant_bytes)
      return impl_->damaged("a due time has a key of " + std::to_string(key.size()) + " bytes");
    const instant due = due_of(key);
    if (due > to)
      break;
    const std::string_view whose = key.substr(due_bytes);
    if (!visit(merchant_of_key(whose), account_of_key(whose), due))
      return {};
  }
  if (!at->status().ok())
    return impl_->failed("reading due times", at->status());
  return {};
}

// Where tables begin that hold them: what is in memory only, or in a few tables, is small.
std::vector<std::string> image_store::range_limits(std::size_t count) const {
  TALLY_ASSERT(count > 0);
  rocksdb::ColumnFamilyMetaData images;
  impl_->db->GetColumnFamilyMetaData(impl_->images.get(), &images);
  std::set<std::string> begins;
  for (const rocksdb::LevelMetaData& level : images.levels)
    for (const rocksdb::SstFileMetaData& table : level.files)
      begins.insert(table.smallestkey);
  std::vector<std::string> limits;
  for (std::size_t seen = 0; const std::string& begin : begins)
    if (seen++ * count / begins.size() > limits.size())
      limits.push_back(begin);
  return limits;
}

result<void> image_store::for_each_note(std::string_view begin, std::string_view end, const note_visitor& visit) const {
  const rocksdb::Slice bound = slice(end);
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = 2ull << 20;
  if (!end.empty())
    options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> at(impl_->db->NewIterator(options, impl_->images.get()));
  for (at->Seek(slice(begin)); at->Valid(); at->Next()) {
    const std::string_view key = view(at->key());
    const std::optional<image_note> note = read_note(view(at->value()));
    if (key.size() <= key_merchant_bytes || !note)
      return impl_->damaged("the image under a key of " + std::to_string(key.size()) + " bytes does not verify");
    if (!visit(key, *note))
      return {};
  }
  if (!at->status().ok())
    return impl_->failed("reading images", at->status());
  return {};
}

result<void> image_store::write(const image_batch& batch) {
  rocksdb::WriteBatch writes(batch.bytes() + batch.count() * 64);
  const auto must = [](const rocksdb::Status& status) { TALLY_ASSERT(status.ok()); };
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const image_batch::image each = batch.at(i);
    must(writes.Put(impl_->images.get(), slice(each.key), slice(each.value)));
    if (each.due != instant::end_of_time())
      must(writes.Put(impl_->dues.get(), slice(due_prefix(each.due).append(each.key)), rocksdb::Slice()));
  }
  for (const image_batch::spilled& each : batch.all_spilled())
    must(writes.Put(impl_->spilled.get(), slice(spilled_key(each.enrolled, each.record)), slice(spilled_value(each.record))));
  for (const image_batch::lots& each : batch.all_lots())
    must(writes.Put(impl_->spilled.get(), slice(lots_key(each.enrolled, each.number)), slice(each.value)));
  return impl_->write(writes);
}

result<void> image_store::finish(const recovery_point& point) {
  if (result<void> flushed = impl_->flush({impl_->images.get(), impl_->dues.get(), impl_->spilled.get()});
      !flushed) // what the point speaks of is on disk before it is
    return flushed;
  rocksdb::WriteBatch writes;
  const std::string value = encode_point(point);
  const rocksdb::Status status = writes.Put(impl_->points.get(), slice(point_key), slice(value));
  TALLY_ASSERT(status.ok());
  if (result<void> written = impl_->write(writes); !written)
    return written;
  if (result<void> flushed = impl_->flush({impl_->points.get()}); !flushed)
    return flushed;
  impl_->newest = point;
  return {};
}

result<void> image_store::drop_due_before(instant before) {
  rocksdb::WriteBatch writes;
  const rocksdb::Status status = writes.DeleteRange(impl_->dues.get(), rocksdb::Slice(), slice(due_prefix(before)));
  TALLY_ASSERT(status.ok());
  return impl_->write(writes);
}

} // namespace tally::snapshot
