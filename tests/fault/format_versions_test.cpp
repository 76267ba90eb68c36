// Folders of a format version that this program does not read: refused by the name of the file, with what to do, changed in nothing, and
// never taken for damage that a repair could drop.
#include "wal/audit.hpp"
#include "wal/block_store.hpp"
#include "wal/crc32c.hpp"
#include "wal/high_water_mark.hpp"
#include "wal/rocksdb_journal.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>

namespace tally::wal {
namespace {

constexpr std::size_t at_version = 4, at_crc = 104; // in a block; docs/formats/block.md

class format_versions : public ::testing::Test {
protected:
  format_versions() { std::filesystem::remove_all(folder_); }
  ~format_versions() override { std::filesystem::remove_all(folder_); }

  // A journal of two blocks of one entry each; `change` may change a block as its writer would have.
  void write(const std::function<void(std::uint64_t number, bytes& block)>& change) {
    std::filesystem::create_directories(folder_ / "journal");
    auto store = block_store::open(folder_ / "journal" / "blocks", block_store::mode::create);
    ASSERT_TRUE(store.ok()) << store.error().what;
    ASSERT_TRUE(high_water_mark::create(mark()).ok());
    auto open_mark = high_water_mark::open(mark(), false);
    ASSERT_TRUE(open_mark.ok());
    block_hash hash{};
    for (std::uint64_t number = 1; number <= 2; ++number) {
      entry one;
      one.seq = one.group = seq_t{number};
      one.at = instant{1'767'225'600'000'000};
      one.kind = entry_kind::enroll;
      one.merchant = 1;
      one.merchant_id = "m";
      one.account = number == 1 ? "a" : "b";
      batch made;
      made.add(one);
      block_builder builder;
      builder.start(one.seq, hash);
      builder.add(made.runs.front(), made.records);
      const std::span<const std::byte> built = builder.finish(hash);
      bytes block(built.begin(), built.end());
      change(number, block);
      (*store)->add(one.seq, block);
      ASSERT_TRUE((*store)->commit(true).ok());
      ASSERT_TRUE(open_mark->advance(one.seq, hash).ok());
    }
    ASSERT_TRUE(open_mark->sync().ok());
  }

  static void set_block_version(bytes& block, std::uint16_t version) {
    std::memcpy(block.data() + at_version, &version, sizeof version);
    const std::span<const std::byte> all = block;
    const std::uint32_t crc = crc32c(all.subspan(block_header_bytes), crc32c(all.first(at_crc)));
    std::memcpy(block.data() + at_crc, &crc, sizeof crc);
  }

  // As a reader, a server and a repair would open it.
  void expect_refused(const std::string& names, const std::string& says) {
    const auto read = open_journal_read_only(folder_);
    std::vector<failure> failures;
    if (read) {
      const auto replayed = (*read)->replay(seq_t{1}, [](const entry&) { return true; }, {});
      ASSERT_FALSE(replayed.ok());
      failures.push_back(replayed.error());
    } else {
      failures.push_back(read.error());
    }
    const auto repaired = repair_journal(folder_ / "journal");
    ASSERT_FALSE(repaired.ok());
    failures.push_back(repaired.error());
    for (const failure& why : failures) {
      EXPECT_EQ(why.code, failure_code::other_format) << why.what;
      EXPECT_NE(why.what.find(folder_.string()), std::string::npos) << why.what;
      EXPECT_NE(why.what.find(names), std::string::npos) << why.what;
      EXPECT_NE(why.what.find(says), std::string::npos) << why.what;
      EXPECT_EQ(why.what.find("drops a torn end"), std::string::npos) << why.what;
    }
  }

  std::filesystem::path mark() const { return folder_ / "journal" / "high_water_mark"; }

  const std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("tally-versions-" + std::to_string(::getpid()));
};

TEST_F(format_versions, this_one_opens) {
  write([](std::uint64_t, bytes&) {});
  const auto read = open_journal_read_only(folder_);
  ASSERT_TRUE(read.ok()) << read.error().what;
  EXPECT_EQ((*read)->newest_digest().newest, seq_t{2});
}

TEST_F(format_versions, an_older_block) {
  write([](std::uint64_t number, bytes& block) {
    if (number == 1)
      set_block_version(block, 1);
  });
  expect_refused("block 1: it is of format version 1, and this program reads version 2", "an older Tallystick wrote it");
}

TEST_F(format_versions, a_newer_block) {
  write([](std::uint64_t number, bytes& block) {
    if (number == 2)
      set_block_version(block, 3);
  });
  expect_refused("block 2: it is of format version 3, and this program reads version 2", "a newer Tallystick wrote it");
}

TEST_F(format_versions, an_audit_says_so) {
  write([](std::uint64_t number, bytes& block) {
    if (number == 1)
      set_block_version(block, 3);
  });
  std::vector<std::string> found;
  audit_options options;
  options.folder = folder_;
  options.report = [&](const finding& one) { found.push_back(one.what); };
  const auto report = audit_verify(options);
  ASSERT_TRUE(report.ok()) << report.error().what;
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found.front().find("block 1: it is of format version 3"), std::string::npos) << found.front();
}

TEST_F(format_versions, a_version_that_went_bad_is_damage) {
  write([](std::uint64_t number, bytes& block) {
    if (number == 2)
      block[at_version] ^= std::byte{1};
  });
  const auto read = open_journal_read_only(folder_);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, failure_code::corrupt) << read.error().what;
  EXPECT_NE(read.error().what.find("block 2: its checksum does not match"), std::string::npos) << read.error().what;
}

TEST_F(format_versions, another_mark) {
  write([](std::uint64_t, bytes&) {});
  constexpr std::size_t slot_bytes = 64, slot_distance = 4096; // docs/formats/high_water_mark.md
  std::ifstream in(mark(), std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(in), {});
  ASSERT_GE(content.size(), slot_distance + slot_bytes);
  for (const std::size_t slot : {std::size_t{0}, slot_distance}) { // one of them is enough
    std::string changed = content;
    changed[slot + at_version] = 2;
    const std::uint32_t crc = crc32c(std::as_bytes(std::span(changed)).subspan(slot, slot_bytes - 4));
    std::memcpy(changed.data() + slot + slot_bytes - 4, &crc, sizeof crc);
    std::ofstream(mark(), std::ios::binary) << changed;
    expect_refused(mark().string() + " is of format version 2, and this program reads version 1", "a newer Tallystick wrote it");
  }
}

} // namespace
} // namespace tally::wal
