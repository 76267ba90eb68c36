// Proofs of single entries: that they hold against the right digest, and that nothing in one can be changed.
#include "tests/wal/journal_fixture.hpp"
#include "wal/proof.hpp"

#include <gtest/gtest.h>

using namespace tally;
using namespace tally::wal;
using namespace tally::wal::testing;

namespace {

constexpr std::uint64_t newest = 6'000;

class proofs : public ::testing::Test {
protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<temp_folder>();
    for (std::uint64_t first = 1; first <= newest; first += 1'000) { // opened again and again: blocks of all sizes
      write_journal(folder_->path, first, first + 999, first % 3 == 0 ? 7 : 100);
      const auto journal = open_journal_read_only(folder_->path);
      ASSERT_TRUE(journal.ok()) << journal.error().what;
      digests_.push_back((*journal)->newest_digest());
    }
  }
  static void TearDownTestSuite() {
    folder_.reset();
    digests_.clear();
  }

  static proof prove(std::uint64_t number, const std::optional<block_hash>& against = {}) {
    auto made = audit_prove({folder_->path, {number}, against, {}});
    EXPECT_TRUE(made.ok()) << made.error().what;
    return made ? std::move(*made) : proof{};
  }

  // Why it is refused; empty: it holds.
  static std::string refusal(const proof& given, const block_hash& sealed, const std::optional<block_hash>& earlier = {}) {
    decode_buffer buffer;
    const auto proven = check_proof(given, sealed, earlier, buffer);
    return proven ? "" : proven.error().what;
  }
  static const digest& last() { return digests_.back(); }

  static std::unique_ptr<temp_folder> folder_;
  static std::vector<digest> digests_;
};
std::unique_ptr<temp_folder> proofs::folder_;
std::vector<digest> proofs::digests_;

TEST_F(proofs, every_entry_can_be_proven) {
  std::size_t links = SIZE_MAX;
  for (std::uint64_t number = 1; number <= newest; number += 379) {
    const proof made = prove(number);
    decode_buffer buffer;
    const auto proven = check_proof(made, last().hash, {}, buffer);
    ASSERT_TRUE(proven.ok()) << number << ": " << proven.error().what;
    EXPECT_EQ(first_difference(proven->what, expected_entry(number).value), "");
    EXPECT_EQ(proven->reached.newest, seq_t{newest});
    EXPECT_LE(made.links.size(), links);
    links = made.links.size();
  }
  EXPECT_EQ(prove(newest).links.size(), 0u);
}

TEST_F(proofs, hold_against_digests_noted_earlier) {
  for (const digest& noted : digests_) {
    const proof made = prove(17, noted.hash);
    EXPECT_EQ(made.leads_to.newest, noted.newest);
    EXPECT_EQ(refusal(made, noted.hash), "");
    for (const digest& other : digests_) {
      const bool refused = refusal(made, other.hash).find("it leads to the digest") != std::string::npos;
      EXPECT_EQ(refused, other.hash != noted.hash);
    }
  }
}

TEST_F(proofs, show_that_an_earlier_digest_is_part_of_a_later_one) {
  const proof made = prove(digests_[1].newest.value);
  decode_buffer buffer;
  for (std::size_t i = 1; i < digests_.size(); ++i) {
    const auto proven = check_proof(made, last().hash, digests_[i].hash, buffer);
    ASSERT_TRUE(proven.ok()) << proven.error().what;
    EXPECT_EQ(proven->earlier_at, digests_[i].newest);
  }
  block_hash other = digests_[1].hash;
  other[31] ^= std::byte{1};
  EXPECT_NE(refusal(made, last().hash, other).find("does not pass the earlier digest"), std::string::npos);
  EXPECT_NE(refusal(made, last().hash, digests_[0].hash).find("does not pass the earlier digest"), std::string::npos); // it lies before
}

TEST_F(proofs, what_is_not_there_is_not_proven) {
  for (const std::uint64_t number : {std::uint64_t{0}, newest + 1, UINT64_MAX}) {
    const auto made = audit_prove({folder_->path, {number}, {}, {}});
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.error().what.find("the journal ends at entry 6000"), std::string::npos) << made.error().what;
  }
  const auto before = audit_prove({folder_->path, {newest}, digests_[0].hash, {}});
  ASSERT_FALSE(before.ok());
  EXPECT_NE(before.error().what.find("has the hash"), std::string::npos);
  EXPECT_FALSE(audit_prove({folder_->path / "nowhere", {1}, {}, {}}).ok());
}

// Flips every `step`th bit.
template <class Bytes>
void expect_flips_refused(const proof& whole, Bytes&& bytes_of, const block_hash& sealed, std::size_t step, const char* what) {
  proof changed = whole;
  std::span<std::byte> bytes = bytes_of(changed);
  ASSERT_FALSE(bytes.empty());
  decode_buffer buffer;
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += step) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto checked = check_proof(changed, sealed, {}, buffer);
    ASSERT_FALSE(checked.ok()) << what << ", bit " << bit;
    ASSERT_FALSE(checked.error().what.empty());
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  ASSERT_TRUE(check_proof(changed, sealed, {}, buffer).ok());
}

TEST_F(proofs, every_flipped_bit_is_refused) {
  const proof whole = prove(3'333);
  ASSERT_GT(whole.links.size(), 2u);
  expect_flips_refused(
      whole, [](proof& p) { return std::span(p.block); }, last().hash, 31, "block");
  expect_flips_refused(
      whole, [](proof& p) { return std::span(p.record); }, last().hash, 1, "record");
  expect_flips_refused(
      whole, [](proof& p) { return std::as_writable_bytes(std::span(p.links)); }, last().hash, 1, "links");
  expect_flips_refused(
      whole, [](proof& p) { return std::as_writable_bytes(std::span(&p.leads_to.newest, 1)); }, last().hash, 1, "newest");
  expect_flips_refused(
      whole, [](proof& p) { return std::span<std::byte>(p.leads_to.hash); }, last().hash, 1, "hash");
  expect_flips_refused(
      whole, [](proof& p) { return std::as_writable_bytes(std::span(&p.number, 1)); }, last().hash, 1, "number");
}

TEST_F(proofs, links_that_are_missing_twice_or_swapped_are_refused) {
  const proof whole = prove(1);
  ASSERT_GT(whole.links.size(), 3u);
  for (std::size_t i = 0; i + 1 < whole.links.size(); ++i) {
    proof changed = whole;
    changed.links.erase(changed.links.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_NE(refusal(changed, last().hash), "");
    changed = whole;
    changed.links.insert(changed.links.begin() + static_cast<std::ptrdiff_t>(i), whole.links[i]);
    EXPECT_NE(refusal(changed, last().hash).find("should come next"), std::string::npos);
    changed = whole;
    std::swap(changed.links[i], changed.links[i + 1]);
    EXPECT_NE(refusal(changed, last().hash), "");
  }
  proof cut = whole;
  cut.links.pop_back();
  EXPECT_NE(refusal(cut, last().hash).find("it leads to the digest"), std::string::npos);
  EXPECT_NE(refusal({}, last().hash), "");
}

// Whoever changes an entry can make its block anew, checksum and hash included: it leads to another digest.
TEST_F(proofs, a_forged_block_leads_elsewhere) {
  proof forged = prove(5'500);
  const auto header = read_block_header(forged.block);
  ASSERT_TRUE(header.ok());
  batch made;
  for (std::uint64_t number = header->first_seq.value; number <= header->last_seq().value; ++number) {
    owned_entry one = expected_entry(number);
    if (number == 5'500)
      one.value.available_after.value += 1'000;
    made.add(one.value);
  }
  block_builder builder;
  builder.start(header->first_seq, header->prev_hash);
  for (std::size_t i = 0; i < made.runs.size(); ++i) {
    const std::size_t end = i + 1 < made.runs.size() ? made.runs[i + 1].offset : made.records.size();
    builder.add(made.runs[i], std::span(made.records).subspan(made.runs[i].offset, end - made.runs[i].offset));
  }
  block_hash hash;
  const auto block = builder.finish(hash);
  forged.block.assign(block.begin(), block.end());
  EXPECT_NE(refusal(forged, last().hash).find("has other bytes than the proof says"), std::string::npos);
  owned_entry one = expected_entry(5'500);
  one.value.available_after.value += 1'000;
  forged.record.clear();
  encode(one.value, forged.record);
  EXPECT_NE(refusal(forged, last().hash).find("it leads to the digest"), std::string::npos);
}

} // namespace
