#include "actors/directory.hpp"

#include "actors/account_slab.hpp"
#include "actors/member_id.hpp"
#include "actors/merchants.hpp"
#include "engine/hash.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>

namespace tally::actors {
namespace {

struct member {
  std::string id;
};

TEST(directory, finds_what_a_map_finds) {
  std::mt19937_64 random(20260101);
  directory<member> found(16);
  std::unordered_map<std::string, member*> expected;
  std::deque<member> members;
  // A third of the hashes are made to collide: only ids tell those accounts apart.
  const auto hash_of = [](const std::string& id) { return id.size() % 3 == 0 ? id.size() : hash64(id); };
  const auto find = [&](const std::string& id) { return found.find(hash_of(id), [&](const member& each) { return each.id == id; }); };
  for (int i = 0; i < 100'000; ++i) {
    std::string id(1 + random() % 6, 'a');
    for (char& c : id)
      c = static_cast<char>('a' + random() % 12);
    if (id.size() % 3 == 0 && random() % 32 != 0)
      continue; // long chains are slow
    const auto known = expected.find(id);
    ASSERT_EQ(find(id), known != expected.end() ? known->second : nullptr) << id;
    if (known != expected.end())
      continue;
    members.push_back({id});
    found.insert(hash_of(id), &members.back());
    expected[id] = &members.back();
    ASSERT_EQ(find(id), &members.back());
  }
  EXPECT_EQ(found.size(), expected.size());
  for (const auto& [id, member] : expected)
    ASSERT_EQ(find(id), member);
  std::size_t visited = 0;
  found.for_each([&](const member& each) { visited += expected.at(each.id) == &each ? 1 : 0; });
  EXPECT_EQ(visited, expected.size()) << "each once";
}

TEST(directory, grows_without_a_pause) {
  directory<member> found;
  member somebody;
  // Processor time: a busy machine may take the processor away at any insert.
  const auto processor_us = [] {
    timespec at{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return at.tv_sec * 1'000'000 + at.tv_nsec / 1000;
  };
  std::int64_t longest_us = 0;
  for (std::uint64_t i = 0; i < 1'500'000; ++i) {
    const std::int64_t before = processor_us();
    found.insert(mix64(i + 1, 0x9e3779b97f4a7c15), &somebody);
    longest_us = std::max(longest_us, processor_us() - before);
  }
  EXPECT_LE(longest_us, 20'000) << "the kernel zeroing one huge page costs up to 6 ms on a virtual machine; moving everything, 50";
  EXPECT_EQ(found.size(), 1'500'000u);
}

TEST(member_id, keeps_short_and_long_ids) {
  for (std::size_t size = 0; size <= id_bytes_max; ++size) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    const member_id id(text);
    EXPECT_EQ(id.view(), text);
    EXPECT_EQ(id.heap_bytes(), size <= 15 ? 0 : size);
  }
}

TEST(account_slabs, blocks_outlive_their_owner) {
  std::vector<void*> blocks;
  {
    account_slabs slabs(448);
    for (int i = 0; i < 10'000; ++i) {
      blocks.push_back(slabs.allocate());
      *static_cast<int*>(blocks.back()) = i;
    }
    EXPECT_EQ(slabs.bytes(), 3 * account_slabs::slab_bytes);
  }
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(*static_cast<int*>(blocks[static_cast<std::size_t>(i)]), i);
    account_slabs::release(blocks[static_cast<std::size_t>(i)]);
  }
}

TEST(merchant_table, is_read_while_it_is_written) {
  merchant_table merchants(42);
  std::atomic<merchant_number> added{0};
  std::atomic<bool> wrong{false};
  std::thread reader([&] {
    while (added < 20'000) {
      const merchant_number newest = added;
      for (merchant_number number = newest > 100 ? newest - 100 : 1; number <= newest; ++number) {
        const std::string id = "shop-" + std::to_string(number);
        const merchant* found = merchants.find(id, merchants.hash_of(id));
        wrong = wrong || found == nullptr || found->number != number || merchants.at(number) != found;
      }
      wrong = wrong || merchants.find("nobody", merchants.hash_of("nobody")) != nullptr;
    }
  });
  for (merchant_number number = 1; number <= 20'000; ++number) {
    const auto lock = merchants.lock();
    EXPECT_EQ(merchants.next_number(), number);
    merchants.add("shop-" + std::to_string(number), number);
    added = number;
  }
  reader.join();
  EXPECT_FALSE(wrong);
}

TEST(merchant_table, takes_as_many_as_it_says) {
  merchant_table merchants(1);
  for (merchant_number number = 1; number <= merchant_table::merchants_max; ++number) {
    EXPECT_FALSE(merchants.full());
    merchants.add(std::to_string(number), number);
  }
  EXPECT_TRUE(merchants.full());
  EXPECT_EQ(merchants.find("65535", merchants.hash_of("65535"))->number, 65'535u);
}

} // namespace
} // namespace tally::actors
