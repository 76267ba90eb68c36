// Whether a data folder's account images, with the journal's tail, make the same accounts as the journal alone.
#pragma once

#include "tests/fault/disk_state.hpp"

#include <cstdint>
#include <string>

namespace tally::fault {

struct image_comparison {
  std::string problem; // empty: each account is the same, byte for byte, and no image is of anything that the journal has not
  std::string refusal; // what opening with images said, if it did not open
  std::uint64_t accounts = 0;
  std::uint64_t point = 0;  // 0: none
  std::uint64_t newest = 0; // entry of the journal
};
// The journal must open.
image_comparison compare_with_replay(const disk_content& content);

// What a start asks for after a power loss: a repair of a journal's torn end, and account images without their torn list of tables.
// Returns what went wrong.
std::string make_ready(disk_content& content);

} // namespace tally::fault
