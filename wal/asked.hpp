// What was asked, as the entries that answered it have it: what an audit decides again.
#pragma once

#include "engine/command.hpp"
#include "engine/entry.hpp"

#include <span>
#include <string_view>

namespace tally::wal {

// `out` is as it was made, or as an earlier call left it. Views into the entries.
void asked_by(std::span<const entry> group, command& out);
// The reference that may count only once for this operation; empty: none.
std::string_view counted_reference(const command& asked);
// The other account of a transfer; empty: it is none.
std::string_view receiver_of(std::span<const entry> group);

} // namespace tally::wal
