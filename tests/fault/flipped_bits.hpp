// Bytes that go bad, one bit at a time, in every file of a database that anybody reads.
#pragma once

#include "tests/fault/disk_state.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace tally::fault {

// RocksDB keeps its options in a file that it reads back only to compare, and an id that it does not use.
bool is_told_apart_from_nothing(const std::string& file);

// Looks at the disk with one bit of each byte changed; in a long run, with each bit. Returns how many were.
using damage_look = std::function<void(const disk_content& damaged, const std::string& file, std::size_t at)>;
std::uint64_t flip_bits(const disk_content& good, const damage_look& look);

} // namespace tally::fault
