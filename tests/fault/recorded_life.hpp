// What a store on a disk in memory was asked to hold, operation by operation, and which of that must be there, or may be, after a cut.
#pragma once

#include "tests/fault/disk_state.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tally::fault {

// `Expected`: everything that the store held after one operation.
template <class Expected>
struct recorded_life {
  struct step {
    std::size_t begun = 0;       // calls of the disk that were made before it
    std::size_t kept = SIZE_MAX; // that many calls later it was promised to stay
    Expected after;
  };

  disk_content before;
  std::vector<disk_call> calls;
  std::vector<step> steps; // the first one: how it began

  // The newest step that must be there.
  std::size_t kept_after(std::size_t cut) const {
    std::size_t newest = 0;
    for (std::size_t i = 0; i < steps.size(); ++i)
      if (steps[i].kept <= cut)
        newest = i;
    return newest;
  }
  // The newest that may be.
  std::size_t begun_after(std::size_t cut) const {
    std::size_t newest = 0;
    while (newest + 1 < steps.size() && steps[newest + 1].begun <= cut)
      ++newest;
    return newest;
  }
};

} // namespace tally::fault
