// Reads and validates a rules document (TOML, SPEC section 3). The only file that knows toml++ is its .cpp.
#pragma once

#include "engine/rules.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tally {

inline constexpr std::size_t rules_bytes_max = 64 * 1024;

// One thing wrong with a document. `key` is a path such as `bonus[1].multiplier`, with the line where it is known.
struct rules_problem {
  std::string key;
  std::string what;
  std::uint32_t line = 0; // 1-based; 0: unknown
};

// Answers how many microseconds east of UTC a zone is at a local wall-clock time (microseconds since the epoch, read as
// if it were UTC); nullopt for a zone it does not know. The engine has no time-zone files: the caller brings this.
using zone_offset_fn = std::function<std::optional<std::int64_t>(std::string_view zone, std::int64_t local_us)>;

// Every problem is reported, not only the first. The offsets the zone gave are kept in `rules::offsets_us`.
std::variant<ruleset, std::vector<rules_problem>> read_rules(std::string_view toml, const zone_offset_fn& zone_offset);

// The same from a `program` entry: `offsets_us` replaces the time zone, so that replay needs no time-zone files.
std::variant<ruleset, std::vector<rules_problem>> read_rules(std::string_view toml, std::span<const std::int64_t> offsets_us);

} // namespace tally
