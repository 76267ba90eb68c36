// Data of a format version that this program does not read: refused by name, with what to do. Never taken for damage.
#pragma once

#include "engine/result.hpp"

#include <string>

namespace tally {

// `what` is "the block" and the like; what names the file comes before it.
inline failure other_format(const std::string& what, unsigned found, unsigned known) {
  const bool is_newer = found > known;
  return {failure_code::other_format,
          what + " is of format version " + std::to_string(found) + ", and this program reads version " + std::to_string(known) + ": " +
              (is_newer ? "a newer Tallystick wrote it; use that one or one after it" : "an older Tallystick wrote it; use that one")};
}

} // namespace tally
