// Text of a rules document: read or refused with reasons, and read the same way again from what the time zone said.
#include "engine/rules_toml.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tally;
  const std::string_view toml{reinterpret_cast<const char*>(data), size};
  const auto zone = [](std::string_view name, std::int64_t) -> std::optional<std::int64_t> {
    return name.starts_with("Europe/") || name == "UTC" ? std::optional<std::int64_t>{3'600'000'000} : std::nullopt;
  };
  const auto read = read_rules(toml, zone);
  if (const auto* problems = std::get_if<std::vector<rules_problem>>(&read)) {
    TALLY_ASSERT(!problems->empty());
    return 0;
  }
  const auto& rules = std::get<ruleset>(read);
  const auto again = read_rules(toml, rules.offsets_us);
  TALLY_ASSERT(std::holds_alternative<ruleset>(again) && std::get<ruleset>(again).offsets_us == rules.offsets_us);
  return 0;
}
