// The system's time zones as the engine asks for them (engine/rules_toml.hpp).
#pragma once

#include "engine/rules_toml.hpp"

namespace tally::actors {

// Answers from the IANA database of the system (/usr/share/zoneinfo, or $TZDIR), by names such as "Europe/Berlin".
// Where clocks change, a wall-clock time may come twice or not at all: the offset is then the one in force before the
// change, so that a time that comes twice is the earlier of the two. May be called from any thread.
zone_offset_fn system_time_zones();

} // namespace tally::actors
