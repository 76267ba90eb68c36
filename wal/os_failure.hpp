// Failures of the operating system, with what was tried and what it said.
#pragma once

#include "engine/result.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace tally::wal {

// "<what>: No space left on device (errno 28)"
inline failure os_failure(const std::string& what, int error = errno) {
  return {failure_code::io, what + ": " + std::generic_category().message(error) + " (errno " + std::to_string(error) + ")"};
}

} // namespace tally::wal
