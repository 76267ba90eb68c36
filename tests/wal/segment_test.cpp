// Segments: the bytes, round trips, and that nothing damaged passes for a whole one.
#include "wal/segment_file.hpp"

#include "tests/wal/journal_fixture.hpp"

#include <gmock/gmock.h>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

namespace {

struct made_block {
  bytes content;
  block_header header;
};

// Blocks of `per_block` entries of `expected_entry`, from `first` on, chained to `prev`.
std::vector<made_block> make_blocks(seq_t first, std::size_t count, std::uint32_t per_block, block_hash prev) {
  std::vector<made_block> made;
  for (std::size_t i = 0; i < count; ++i) {
    batch entries;
    for (std::uint32_t k = 0; k < per_block; ++k) {
      entries.add(expected_entry(first.value).value);
      first = first.plus(1);
    }
    block_builder builder;
    builder.start(entries.runs.front().first, prev);
    for (const run& each : entries.runs) {
      const auto next = &each == &entries.runs.back() ? entries.records.size() : (&each)[1].offset;
      builder.add(each, std::span(entries.records).subspan(each.offset, next - each.offset));
    }
    const auto block = builder.finish(prev);
    made.push_back({bytes(block.begin(), block.end()), *read_block_header(block)});
  }
  return made;
}

segment_info write_segment(const fs::path& folder, const std::vector<made_block>& blocks) {
  pacer at_once;
  auto writer = segment_writer::begin(folder, blocks.front().header.first_seq, blocks.front().header.prev_hash, at_once);
  EXPECT_TRUE(writer.ok()) << writer.error().what;
  for (const made_block& block : blocks) {
    const auto added = writer->add(block.header, block.content);
    EXPECT_TRUE(added.ok()) << added.error().what;
  }
  const auto info = writer->finish();
  EXPECT_TRUE(info.ok()) << info.error().what;
  return *info;
}

// Everything a reader of all of it would find.
result<void> verify_file(const fs::path& file) {
  const auto opened = segment_reader::open(file);
  return opened ? opened->verify() : result<void>(opened.error());
}

std::string hex(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

block_hash filled(std::byte with) {
  block_hash hash;
  hash.fill(with);
  return hash;
}

class segment : public ::testing::Test {
protected:
  temp_folder folder;
  block_hash before = filled(std::byte{0xab});
};

TEST_F(segment, has_these_bytes) {
  const auto blocks = make_blocks({101}, 2, 1, before);
  write_segment(folder.path, blocks);
  const std::string file = read_file(folder.path / "00000000000000000101-00000000000000000102.segment");
  const std::size_t first = blocks[0].content.size(), second = blocks[1].content.size();
  ASSERT_EQ(file.size(), 64 + first + second + 2 * 16 + 96);
  EXPECT_EQ(hex(file.substr(0, 64)), "54534547010000006500000000000000abababababababababababababababababababababababababababababababab"
                                     "000000000000000000000000e5e27540");
  EXPECT_EQ(file.substr(64, first), std::string(reinterpret_cast<const char*>(blocks[0].content.data()), first));
  EXPECT_EQ(file.substr(64 + first, second), std::string(reinterpret_cast<const char*>(blocks[1].content.data()), second));
  EXPECT_EQ(hex(file.substr(64 + first + second)), "65000000000000004000000000000000"
                                                   "6600000000000000d700000000000000"
                                                   "54454e4401000000650000000000000066000000000000002140204648470600"
                                                   "224020464847060002000000000000006e01000000000000"
                                                   "00ae0ac36bbc834977d5026bc4d0e01301f289f7fa37fad68455fa96ad22ae8b"
                                                   "e9a6dfadef37deef");
}

TEST_F(segment, is_read_back) {
  const auto blocks = make_blocks({101}, 5, 3, before);
  const segment_info written = write_segment(folder.path, blocks);
  const auto opened = segment_reader::open(folder.path / segment_name({101}, {115}));
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  EXPECT_EQ(opened->info(), written);
  EXPECT_EQ(written.prev_hash, before);
  EXPECT_EQ(written.hash, blocks.back().header.hash);
  EXPECT_TRUE(opened->verify().ok());
  std::string found;
  for (std::uint64_t number = 101; number <= 115; ++number) {
    const auto first = opened->find({number}, found);
    ASSERT_TRUE(first.ok()) << first.error().what;
    EXPECT_EQ(first->value, 101 + (number - 101) / 3 * 3);
    EXPECT_TRUE(verify_block(std::as_bytes(std::span(found)), *first).ok());
  }
  std::vector<std::uint64_t> walked;
  const auto visit = [&](const block_store::block& block) -> result<bool> {
    walked.push_back(block.first.value);
    return walked.size() < 3;
  };
  const auto more = opened->walk({105}, visit);
  ASSERT_TRUE(more.ok());
  EXPECT_FALSE(*more);
  EXPECT_EQ(walked, (std::vector<std::uint64_t>{104, 107, 110}));
}

TEST_F(segment, that_is_not_finished_leaves_nothing) {
  const auto blocks = make_blocks({1}, 1, 1, {});
  {
    pacer at_once;
    auto writer = segment_writer::begin(folder.path, {1}, {}, at_once);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->add(blocks[0].header, blocks[0].content).ok());
    EXPECT_EQ(files_below(folder.path).size(), 1u);
  }
  EXPECT_TRUE(files_below(folder.path).empty());
}

TEST_F(segment, each_flipped_bit_is_found) {
  write_segment(folder.path, make_blocks({101}, 3, 2, before));
  const fs::path file = folder.path / segment_name({101}, {106});
  ASSERT_TRUE(verify_file(file).ok());
  const std::string whole = read_file(file);
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      write_file(file, changed);
      const auto verified = verify_file(file);
      ASSERT_FALSE(verified.ok()) << "byte " << at << " bit " << bit;
      EXPECT_EQ(verified.error().code, failure_code::corrupt);
      EXPECT_THAT(verified.error().what, HasSubstr(file.string()));
    }
}

TEST_F(segment, each_prefix_is_refused) {
  write_segment(folder.path, make_blocks({101}, 3, 2, before));
  const fs::path file = folder.path / segment_name({101}, {106});
  const std::string whole = read_file(file);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(file, whole.substr(0, size));
    const auto opened = segment_reader::open(file);
    ASSERT_FALSE(opened.ok()) << size;
    EXPECT_EQ(opened.error().code, failure_code::corrupt);
  }
  write_file(file, whole + "x");
  EXPECT_FALSE(segment_reader::open(file).ok());
}

TEST_F(segment, under_another_name_is_refused) {
  write_segment(folder.path, make_blocks({101}, 3, 2, before));
  fs::rename(folder.path / segment_name({101}, {106}), folder.path / segment_name({102}, {106}));
  const auto opened = segment_reader::open(folder.path / segment_name({102}, {106}));
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().what, HasSubstr("holds entries 101 to 106, which is not what its name says"));
}

// A block that fits by itself, and whose place in the chain is another's.
TEST_F(segment, with_a_block_of_another_journal_is_refused) {
  const auto blocks = make_blocks({101}, 3, 2, before);
  const auto others = make_blocks({101}, 3, 2, filled(std::byte{0x11}));
  write_segment(folder.path, blocks);
  const fs::path file = folder.path / segment_name({101}, {106});
  std::string content = read_file(file);
  const std::size_t at = 64 + blocks[0].content.size();
  ASSERT_EQ(blocks[1].content.size(), others[1].content.size());
  content.replace(at, others[1].content.size(), reinterpret_cast<const char*>(others[1].content.data()), others[1].content.size());
  write_file(file, content);
  const auto verified = verify_file(file);
  ASSERT_FALSE(verified.ok());
  EXPECT_THAT(verified.error().what, HasSubstr("block 103: does not carry the hash of the block before it"));
}

TEST(segment_name, says_what_it_holds) {
  EXPECT_EQ(segment_name({1}, {84213}), "00000000000000000001-00000000000000084213.segment");
  const auto read = read_segment_name("00000000000000000001-00000000000000084213.segment");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first.value, 1u);
  EXPECT_EQ(read->last.value, 84213u);
  for (const char* wrong :
       {"", "manifest", "00000000000000000000-00000000000000000001.segment", "00000000000000000002-00000000000000000001.segment",
        "0000000000000000000a-00000000000000000001.segment", "00000000000000000001_00000000000000000001.segment",
        "00000000000000000001-00000000000000000001.segment.new", "99999999999999999999-99999999999999999999.segment"})
    EXPECT_FALSE(read_segment_name(wrong)) << wrong;
}

} // namespace
