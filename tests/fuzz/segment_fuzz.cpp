// A segment's file, as backups and archives are made of, with and without what its checksums would catch: whatever its bytes are, opening,
// finding and walking end and read nothing past them; one that verifies has each of its blocks once.
#include "wal/crc32c.hpp"
#include "wal/segment_file.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

namespace fs = std::filesystem;
using namespace tally;

// docs/formats/segment.md
constexpr std::size_t head_bytes = 64, head_crc = 60, head_first = 8;
constexpr std::size_t trailer_bytes = 96, trailer_last = 16, trailer_index = 48, trailer_index_crc = 88, trailer_crc = 92;

template <class Number>
Number number_at(const std::string& file, std::size_t at) {
  Number value;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

void put_crc(std::string& file, std::size_t at, std::size_t from, std::size_t to) {
  const std::uint32_t crc = wal::crc32c(std::as_bytes(std::span(file)).subspan(from, to - from));
  std::memcpy(file.data() + at, &crc, sizeof crc);
}

bool has_both_ends(const std::string& file) { return file.size() >= head_bytes + trailer_bytes; }

std::string with_checksums(std::string file) {
  if (!has_both_ends(file))
    return file;
  const std::size_t trailer = file.size() - trailer_bytes;
  put_crc(file, head_crc, 0, head_crc);
  if (const auto index = number_at<std::uint64_t>(file, trailer + trailer_index); index <= trailer)
    put_crc(file, trailer + trailer_index_crc, static_cast<std::size_t>(index), trailer);
  put_crc(file, trailer + trailer_crc, trailer, trailer + trailer_crc);
  return file;
}

// The name that what is in it asks for.
std::string name_of(const std::string& file) {
  if (has_both_ends(file)) {
    const std::size_t trailer = file.size() - trailer_bytes;
    const auto first = number_at<std::uint64_t>(file, head_first), last = number_at<std::uint64_t>(file, trailer + trailer_last);
    if (first != 0 && first <= last)
      return wal::segment_name({first}, {last});
  }
  return wal::segment_name({1}, {2});
}

struct scratch {
  fs::path folder;
  scratch() {
    const fs::path memory = "/dev/shm";
    std::error_code ignored;
    std::string name = ((fs::is_directory(memory, ignored) ? memory : fs::temp_directory_path()) / "tally-fuzz-XXXXXX").string();
    TALLY_ASSERT(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~scratch() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
};

void read_all(const fs::path& file) {
  const auto segment = wal::segment_reader::open(file);
  if (!segment)
    return;
  const bool is_whole = segment->verify().ok();
  std::string block;
  for (const seq_t number :
       {segment->info().first, segment->info().last, seq_t{(segment->info().first.value + segment->info().last.value) / 2}}) {
    const auto found = segment->find(number, block);
    TALLY_ASSERT(!is_whole || (found.ok() && *found <= number), static_cast<long long>(number.value));
  }
  std::uint64_t blocks = 0;
  const auto walked = segment->walk(segment->info().first, [&blocks](const wal::block_store::block&) -> result<bool> {
    ++blocks;
    return true;
  });
  TALLY_ASSERT(!is_whole || (walked.ok() && blocks == segment->info().blocks), static_cast<long long>(blocks));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const scratch here;
  const std::string given(reinterpret_cast<const char*>(data), size);
  for (const std::string& content : {given, with_checksums(given)}) {
    const fs::path file = here.folder / name_of(content);
    std::ofstream(file, std::ios::binary) << content;
    read_all(file);
    fs::remove(file);
  }
  return 0;
}
