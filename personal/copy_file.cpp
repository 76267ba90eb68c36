#include "personal/copy_file.hpp"
#include "personal/store_options.hpp"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <thread>

namespace tally::personal {

namespace {

namespace fs = std::filesystem;

// docs/formats/personal_copy.md
constexpr std::string_view head{"TPCP\1\0\0\0", 8};
constexpr std::uint32_t text_bytes_max = 16u << 20; // what a damaged length could ask for
constexpr std::size_t batch_bytes = 1u << 20;
constexpr int tries_max = 100;
constexpr std::chrono::milliseconds between_tries{20};

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

failure failed(const fs::path& folder, const std::string& doing, const rocksdb::Status& status) {
  return {status.IsCorruption() ? failure_code::corrupt : failure_code::io,
          "personal data " + folder.string() + ": " + doing + ": " + status.ToString()};
}

// ---- out of a folder --------------------------------------------------------------------------------------------------

// The logs there are. If none comes or goes while the folder is opened, no change fell between what the tables have and what the logs have.
std::vector<std::string> logs_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".log")
      names.push_back(at->path().filename().string());
  std::ranges::sort(names);
  return names;
}

// The server may delete a file between two steps of opening: then it is tried again.
result<std::unique_ptr<rocksdb::DB>> open_beside_server(const fs::path& folder) {
  for (int tries = 1;; ++tries) {
    const std::vector<std::string> logs = logs_in(folder);
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(store_options(false), folder.string(), &opened);
    std::unique_ptr<rocksdb::DB> db(opened);
    if (status.ok() && logs == logs_in(folder))
      return db;
    if (tries == tries_max)
      return status.ok() ? failure{failure_code::io, "personal data " + folder.string() + ": changes too fast to be read"}
                         : failed(folder, "opening", status);
    std::this_thread::sleep_for(between_tries);
  }
}

std::string encode_record(std::string_view key, std::string_view value) {
  std::string bytes;
  for (const std::size_t size : {key.size(), value.size()})
    for (int shift = 0; shift < 32; shift += 8)
      bytes += static_cast<char>(size >> shift);
  bytes += key;
  bytes += value;
  return bytes;
}

// ---- out of a copy ----------------------------------------------------------------------------------------------------

struct record {
  std::string key, value;
};

class copy_reader {
public:
  explicit copy_reader(fs::path file) : file_(std::move(file)), in_(file_, std::ios::binary) {}

  // Every record but the format, which it keeps. It ends with a record of no key whose value's size counts the others.
  result<void> read(const std::function<result<void>(const record&)>& visit) {
    std::string found(head.size(), '\0');
    if (!in_)
      return failure{failure_code::io, file_.string() + " does not open"};
    if (!in_.read(found.data(), static_cast<std::streamsize>(found.size())) || found != head)
      return damaged("does not begin as a copy of personal data of version 1");
    record one;
    std::uint32_t count = 0;
    for (;; ++count) {
      std::uint32_t key_bytes = 0, value_bytes = 0;
      if (!read_size(key_bytes) || !read_size(value_bytes))
        return damaged("is cut off");
      if (key_bytes == 0)
        return value_bytes == count && in_.peek() == std::ifstream::traits_type::eof() ? result<void>()
                                                                                       : damaged("does not end as it should");
      if (!read_text(key_bytes, one.key) || !read_text(value_bytes, one.value))
        return damaged("is cut off");
      if (count == 0) {
        const result<salt> decoded = one.key == format_key ? decode_format(one.value) : damaged("has no format record");
        if (!decoded)
          return decoded.error();
        secret = *decoded;
      } else if (result<void> visited = visit(one); !visited) {
        return failure{visited.error().code, file_.string() + ": " + visited.error().what};
      }
    }
  }

  salt secret{};

private:
  failure damaged(const char* what) const { return {failure_code::corrupt, file_.string() + " " + what}; }
  bool read_size(std::uint32_t& size) {
    std::array<unsigned char, 4> bytes;
    if (!in_.read(reinterpret_cast<char*>(bytes.data()), bytes.size()))
      return false;
    size = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
      size = size << 8 | bytes[i];
    return true;
  }
  bool read_text(std::uint32_t size, std::string& text) {
    if (size > text_bytes_max)
      return false;
    text.resize(size);
    return static_cast<bool>(in_.read(text.data(), size));
  }

  const fs::path file_;
  std::ifstream in_;
};

struct account_name {
  std::string_view merchant, account;
};
result<account_name> name_of(std::string_view key) {
  const std::size_t zero = key.find('\0');
  if (!key.starts_with("a") || zero == std::string_view::npos || zero == 1 || zero + 1 == key.size())
    return failure{failure_code::corrupt, "it has a record that it cannot have"};
  return account_name{key.substr(1, zero - 1), key.substr(zero + 1)};
}

bool is_intent(std::string_view key) { return key.starts_with(first_intent_key); }

// Writes into a new database, in even pieces.
class folder_maker {
public:
  explicit folder_maker(fs::path folder) : folder_(std::move(folder)) {}

  result<void> begin() {
    rocksdb::DB* made = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(store_options(true), folder_.string(), &made);
    db_.reset(made);
    return status.ok() ? result<void>() : failed(folder_, "making", status);
  }
  result<void> put(std::string_view key, std::string_view value) {
    const rocksdb::Status status = batch_.Put(slice(key), slice(value));
    TALLY_ASSERT(status.ok(), static_cast<long long>(value.size()));
    return batch_.GetDataSize() < batch_bytes ? result<void>() : write(false);
  }
  result<void> finish() { return write(true); }

private:
  result<void> write(bool sync) {
    rocksdb::WriteOptions options;
    options.sync = sync;
    const rocksdb::Status status = db_->Write(options, &batch_);
    batch_.Clear();
    return status.ok() ? result<void>() : failed(folder_, "writing", status);
  }

  const fs::path folder_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteBatch batch_;
};

} // namespace

result<bool> copy_out(const fs::path& folder, const write_piece& write) {
  std::error_code ignored;
  if (!fs::exists(folder / "CURRENT", ignored))
    return false;
  const result<std::unique_ptr<rocksdb::DB>> db = open_beside_server(folder);
  if (!db)
    return db.error();
  std::string format;
  if (const rocksdb::Status status = (*db)->Get(rocksdb::ReadOptions(), slice(format_key), &format); status.IsNotFound())
    return false; // a server that is just making it
  else if (!status.ok())
    return failed(folder, "reading", status);
  if (const result<salt> known = decode_format(format); !known)
    return failure{known.error().code, "personal data " + folder.string() + ": " + known.error().what};

  if (result<void> written = write(std::string(head) + encode_record(format_key, format)); !written)
    return written.error();
  std::uint32_t count = 1;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at((*db)->NewIterator(options));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const std::string_view key = view(at->key());
    if (!key.starts_with("a") && !is_intent(key)) // phones' places are made again
      continue;
    if (result<void> written = write(encode_record(key, view(at->value()))); !written)
      return written.error();
    ++count;
  }
  if (!at->status().ok())
    return failed(folder, "reading", at->status());
  std::string end = encode_record({}, {});
  for (std::size_t i = 0; i < 4; ++i)
    end[4 + i] = static_cast<char>(count >> (8 * i));
  if (result<void> written = write(end); !written)
    return written.error();
  return true;
}

result<void> visit_copy(const fs::path& file, const std::function<void(std::string_view, std::string_view)>& visit) {
  return copy_reader(file).read([&visit](const record& one) -> result<void> {
    if (is_intent(one.key))
      return {};
    const result<account_name> name = name_of(one.key);
    if (!name)
      return name.error();
    visit(name->merchant, name->account);
    return {};
  });
}

result<void> copy_in(const fs::path& file, const fs::path& folder, const account_filter& wanted) {
  folder_maker to(folder);
  if (result<void> begun = to.begin(); !begun)
    return begun;
  copy_reader from(file);
  const auto take = [&](const record& one) -> result<void> {
    if (is_intent(one.key)) {
      const result<intent> sound = decode_intent(one.key, one.value);
      return sound ? to.put(one.key, one.value) : sound.error();
    }
    const result<account_name> name = name_of(one.key);
    if (!name)
      return name.error();
    const result<account_record> decoded = decode_account(one.value);
    if (!decoded)
      return decoded.error();
    if (!wanted(name->merchant, name->account))
      return {};
    if (!decoded->data.phone.empty())
      if (result<void> written = to.put(phone_key(from.secret, name->merchant, decoded->data.phone), name->account); !written)
        return written;
    return to.put(one.key, one.value);
  };
  if (result<void> read = from.read(take); !read)
    return read;
  if (result<void> written = to.put(format_key, encode_format(from.secret)); !written)
    return written;
  return to.finish();
}

} // namespace tally::personal
