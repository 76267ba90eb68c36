// Operating errors: a disk that fails, a file that does not verify, a server that is not there. No exception crosses a
// folder; business outcomes (engine/outcome.hpp) and bugs (engine/assert.hpp) never come this way.
#pragma once

#include "engine/assert.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace tally {

enum class failure_code : std::uint8_t {
  io = 1,      // the system or the store refused
  corrupt = 2, // bytes that do not verify
  missing = 3, // something that must be there is not
  locked = 4,  // another process has it
  bad_argument = 5,
  unreachable = 6,  // no answer over the network
  protocol = 7,     // the other side does not speak ours
  other_format = 8, // data of a format version that this program does not read (engine/format_version.hpp)
};

struct [[nodiscard]] failure {
  failure_code code = failure_code::io;
  std::string what; // names what and where: file, seq, offset, errno; a full sentence fragment fit to be printed
};

template <class T>
class [[nodiscard]] result {
public:
  result(T value) : state_(std::move(value)) {}
  result(failure why) : state_(std::move(why)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() {
    TALLY_ASSERT(ok());
    return std::get<0>(state_);
  }
  const T& value() const {
    TALLY_ASSERT(ok());
    return std::get<0>(state_);
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const failure& error() const {
    TALLY_ASSERT(!ok());
    return std::get<1>(state_);
  }

private:
  std::variant<T, failure> state_;
};

template <>
class [[nodiscard]] result<void> {
public:
  result() = default;
  result(failure why) : state_(std::move(why)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  const failure& error() const {
    TALLY_ASSERT(!ok());
    return std::get<1>(state_);
  }

private:
  std::variant<std::monostate, failure> state_;
};

} // namespace tally
